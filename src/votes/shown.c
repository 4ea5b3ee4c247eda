/*-------------------------------------------------------------------------
 *
 * shown.c
 *		SQL functions pollseed.poll_stats_shown(), options_shown() and
 *		chart_shown(): what readers show of a poll's counts.
 *
 * The counts are a document that a cache keeps and that votes change in place, so all that
 * follows from them is computed at each reading, from the document alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "votes/document.h"
#include "votes/shares.h"

POLLSEED_FUNCTION(pollseed_chart_shown);
POLLSEED_FUNCTION(pollseed_options_shown);
POLLSEED_FUNCTION(pollseed_poll_stats_shown);

/* Members of the document: those that a cache keeps up to date are named as the tags are. */
#define VOTES_MEMBER "options#votes"
#define EVENTS_MEMBER "vote_events#*"

/* Percentages are in hundredths: 10000 of them are shared. */
#define PERCENT_DIGITS 2
#define PERCENT_UNITS 10000

/* The largest document that is remembered. */
#define MAX_KEPT_BYTES (64 * 1024)

/* Columns of pollseed.options_shown(). */
#define OPTION_COLUMNS 3

/* The options of a document with their votes. */
typedef struct ShownPoll
{
	ShownOption *options;
	int			 count;
	int64		 total_votes;
} ShownPoll;

/*
 * The last document that statistics were shown of, and these: a poll is often read again
 * before the next vote, and comparing takes a hundredth of the time.
 */
static struct
{
	MemoryContext context;
	Jsonb		 *counts; /* or NULL */
	Jsonb		 *shown;
} last;

/* Returns the votes of an option, which has none where the object does not name it. */
static int64
option_votes(JsonbContainer *votes, int64 id)
{
	char	   key[MAXINT8LEN + 1];
	JsonbValue value;
	int		   length = pg_lltoa(id, key);

	if (getKeyJsonValueFromContainer(votes, key, length, &value) == NULL)
		return 0;
	return document_value_integer(&value);
}

/* Reads the options of a document in their order. */
static ShownPoll
read_poll(Jsonb *counts)
{
	JsonbContainer *options = document_array(&counts->root, "options");
	JsonbContainer *votes = document_object(&counts->root, VOTES_MEMBER);
	ShownPoll		poll = {.count = JsonContainerSize(options)};

	poll.options = palloc_array(ShownOption, poll.count);
	for (int i = 0; i < poll.count; i++)
	{
		ShownOption *option = &poll.options[i];

		*option = document_option(document_element(options, i));
		option->votes = option_votes(votes, option->id);
		if (pg_add_s64_overflow(poll.total_votes, option->votes, &poll.total_votes))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("bigint out of range"),
					 errhint("The options have too many votes to be added up.")));
	}
	return poll;
}

/* Returns the number of events of a document: those of an option, and others. */
static int64
read_events(Jsonb *counts)
{
	int64			   events = document_integer(&counts->root, "others");
	JsonbIterator	  *it = JsonbIteratorInit(document_object(&counts->root, EVENTS_MEMBER));
	JsonbIteratorToken token;
	JsonbValue		   value;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_VALUE)
			events += document_value_integer(&value);
	}
	return events;
}

/* Returns the options' percentages, in hundredths; all are 0 where there are no votes. */
static VoteShare *
percentages(const ShownPoll *poll)
{
	VoteShare *shares = palloc0_array(VoteShare, poll->count);
	uint64	  *weights = palloc_array(uint64, poll->count);
	uint64	   total = 0;

	for (int i = 0; i < poll->count; i++)
	{
		weights[i] = Max(poll->options[i].votes, 0);
		total += weights[i];
	}
	if (total > 0)
		shares_by_weight(poll->count, weights, total, PERCENT_UNITS, shares);
	return shares;
}

/* Adds a percentage to a document. */
static void
push_percentage(JsonbParseState **state, const VoteShare *share)
{
	JsonbValue value = {.type = jbvNumeric,
						.val.numeric = int64_div_fast_to_numeric(share->votes, PERCENT_DIGITS)};

	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

/* Adds the list of options, with votes and percentages. */
static void
push_options(JsonbParseState **state, const ShownPoll *poll, const VoteShare *shares)
{
	document_push_member(state, "options", WJB_BEGIN_ARRAY);
	for (int i = 0; i < poll->count; i++)
	{
		const ShownOption *option = &poll->options[i];

		(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		document_push_key(state, "id");
		document_push_integer(state, WJB_VALUE, option->id);
		document_push_key(state, "text");
		document_push_text(state, WJB_VALUE, option->text, option->text_length);
		document_push_key(state, "votes");
		document_push_integer(state, WJB_VALUE, option->votes);
		document_push_key(state, "percentage");
		push_percentage(state, &shares[i]);
		(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* Adds the percentages by the options' texts. */
static void
push_percentages(JsonbParseState **state, const ShownPoll *poll, const VoteShare *shares)
{
	document_push_member(state, "percentages", WJB_BEGIN_OBJECT);
	for (int i = 0; i < poll->count; i++)
	{
		const ShownOption *option = &poll->options[i];

		if (option->text == NULL)
			continue;
		document_push_text(state, WJB_KEY, option->text, option->text_length);
		push_percentage(state, &shares[i]);
	}
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Returns a copy of a document. */
static Jsonb *
copy_document(MemoryContext context, const Jsonb *document)
{
	Jsonb *copy = MemoryContextAlloc(context, VARSIZE(document));

	memcpy(copy, document, VARSIZE(document));
	return copy;
}

/* Returns a copy of what was shown of a document, if it was the last. */
static Jsonb *
shown_before(const Jsonb *counts)
{
	if (last.counts == NULL || VARSIZE(last.counts) != VARSIZE(counts) ||
		memcmp(last.counts, counts, VARSIZE(counts)) != 0)
		return NULL;
	return copy_document(CurrentMemoryContext, last.shown);
}

/* Keeps a document and what is shown of it in place of those before, unless they are large. */
static void
keep_shown(const Jsonb *counts, const Jsonb *shown)
{
	if (VARSIZE(counts) > MAX_KEPT_BYTES)
		return;
	if (last.context == NULL)
		last.context = AllocSetContextCreate(TopMemoryContext, "pollseed shown statistics",
											 ALLOCSET_DEFAULT_SIZES);
	last.counts = NULL;
	MemoryContextReset(last.context);
	last.shown = copy_document(last.context, shown);
	last.counts = copy_document(last.context, counts);
}

/* Returns the statistics of a document of counts. */
static Jsonb *
poll_stats(Jsonb *counts)
{
	ShownPoll		 poll = read_poll(counts);
	VoteShare		*shares = percentages(&poll);
	JsonbParseState *state = NULL;
	JsonbValue		 computed_at;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_options(&state, &poll, shares);
	push_percentages(&state, &poll, shares);
	document_push_key(&state, "total_votes");
	document_push_integer(&state, WJB_VALUE, poll.total_votes);
	document_push_key(&state, "total_events");
	document_push_integer(&state, WJB_VALUE, read_events(counts));
	if (getKeyJsonValueFromContainer(&counts->root, "computed_at", strlen("computed_at"),
									 &computed_at) != NULL)
	{
		document_push_key(&state, "computed_at");
		(void) pushJsonbValue(&state, WJB_VALUE, &computed_at);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* pollseed.poll_stats_shown(counts) */
Datum
pollseed_poll_stats_shown(PG_FUNCTION_ARGS)
{
	Jsonb *counts = PG_GETARG_JSONB_P(0);
	Jsonb *shown = shown_before(counts);

	if (shown == NULL)
	{
		shown = poll_stats(counts);
		keep_shown(counts, shown);
	}
	PG_RETURN_JSONB_P(shown);
}

/* pollseed.options_shown(counts) */
Datum
pollseed_options_shown(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ShownPoll	   poll = read_poll(PG_GETARG_JSONB_P(0));

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < poll.count; i++)
	{
		const ShownOption *option = &poll.options[i];
		Datum			   values[OPTION_COLUMNS] = {Int64GetDatum(option->id)};
		bool			   nulls[OPTION_COLUMNS] = {false};

		values[1] = document_option_text(option, &nulls[1]);
		values[2] = Int64GetDatum(option->votes);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_VOID();
}

/* Adds the options' votes as an array, the value of a key. */
static void
push_series(JsonbParseState **state, const char *key, const ShownPoll *poll)
{
	document_push_member(state, key, WJB_BEGIN_ARRAY);
	for (int i = 0; i < poll->count; i++)
		document_push_integer(state, WJB_ELEM, poll->options[i].votes);
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* Tells whether a chart is a pie and not bars; refuses others. */
static bool
is_pie(const char *kind)
{
	if (strcmp(kind, "pie") != 0 && strcmp(kind, "bar") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unrecognized kind of chart \"%s\"", kind),
						errhint("Kinds are pie, bar and timeline.")));
	return strcmp(kind, "pie") == 0;
}

/* pollseed.chart_shown(counts, kind) */
Datum
pollseed_chart_shown(PG_FUNCTION_ARGS)
{
	ShownPoll		 poll = read_poll(PG_GETARG_JSONB_P(0));
	char			*kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	bool			 pie = is_pie(kind);
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	document_push_key(&state, "type");
	document_push_text(&state, WJB_VALUE, kind, strlen(kind));
	document_push_member(&state, "labels", WJB_BEGIN_ARRAY);
	for (int i = 0; i < poll.count; i++)
		document_push_text(&state, WJB_ELEM, poll.options[i].text, poll.options[i].text_length);
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	if (pie)
		push_series(&state, "series", &poll);
	else
	{
		document_push_member(&state, "series", WJB_BEGIN_ARRAY);
		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		document_push_key(&state, "name");
		document_push_text(&state, WJB_VALUE, "Votes", strlen("Votes"));
		push_series(&state, "data", &poll);
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
		(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	}
	document_push_colors(&state, poll.options, poll.count);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
