/*-------------------------------------------------------------------------
 *
 * cast.c
 *		SQL function pollseed_cast_vote().
 *
 * The option's row is locked by counting the vote, before the event is written: the
 * order of options.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "votes/options.h"
#include "votes/request.h"
#include "votes/vote_plans.h"

POLLSEED_FUNCTION(pollseed_cast_vote);

/* Arguments. */
enum
{
	ARG_OPTION_ID,
	ARG_EVENT_TYPE,
	ARG_OPTIONS,
	ARG_EVENTS,
	ARG_COLUMNS
};

/* A vote to be cast. */
typedef struct Ballot
{
	int64		option_id;
	text	   *type;
	TimestampTz cast_at;
} Ballot;

/* The option that it was cast for, as its table has it. */
typedef struct VotedOption
{
	Datum id;
	Datum label;
	bool  label_is_null;
	int64 votes; /* with the new one */
} VotedOption;

/* Raises an error for an option that got no vote. */
static void
refuse_option(const VotePlans *plans, const Ballot *ballot, Datum *values)
{
	const char *options = get_rel_name(plans->options);

	if (sql_execute_plan(plans->find, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("relation \"%s\" has no option " INT64_FORMAT, options, ballot->option_id),
				 errhint("SELECT * FROM pollseed_list_options() shows the options of the table "
						 "\"options\".")));
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("votes of option " INT64_FORMAT " in relation \"%s\" could not be updated",
					ballot->option_id, options),
			 errhint("A trigger or a row-level security policy keeps the option from being "
					 "updated.")));
}

/* Returns the number of an option's votes by its events, which no column keeps, with the new one. */
static int64
number_vote(const VotePlans *plans, Datum *values)
{
	options_check_counting(get_rel_name(plans->options));
	(void) sql_execute_plan(plans->number, values, NULL);
	return DatumGetInt64(sql_value_not_null(0, 1)) + 1;
}

/* Counts a vote; what is returned lasts as long as the SPI connection. */
static VotedOption
count_vote(const VotePlans *plans, const Ballot *ballot)
{
	Datum		values[] = {poll_column_time(&plans->columns[OPTION_UPDATED_AT], ballot->cast_at),
							Int64GetDatum(ballot->option_id)};
	int64		found = sql_execute_plan(plans->count, values, NULL);
	VotedOption option;

	if (found == 0)
		refuse_option(plans, ballot, values);
	if (found > 1)
		ereport(ERROR, (errcode(ERRCODE_UNIQUE_VIOLATION),
						errmsg("relation \"%s\" has " INT64_FORMAT " options " INT64_FORMAT,
							   get_rel_name(plans->options), found, ballot->option_id),
						errhint("Each option must have an id of its own.")));
	option.id = sql_value_not_null(0, 1);
	option.label = sql_value(0, 2, &option.label_is_null);
	option.votes = DatumGetInt64(sql_value_not_null(0, 3));
	if (plans->number != NULL)
		option.votes = number_vote(plans, values);
	return option;
}

/* Writes the event of a vote; returns its id, or sets *isnull where there is none to be had. */
static Datum
write_event(const VotePlans *plans, const Ballot *ballot, const VotedOption *option, bool *isnull)
{
	Datum values[NUM_VOTE_PARAMETERS];
	char  nulls[NUM_VOTE_PARAMETERS];
	int64 written;

	values[VOTE_OPTION_ID] = option->id;
	values[VOTE_LABEL] = option->label;
	values[VOTE_VOTES] = Int64GetDatum(option->votes);
	values[VOTE_TYPE] = PointerGetDatum(ballot->type);
	values[VOTE_INSERTED_AT] =
		poll_column_time(&plans->columns[EVENT_INSERTED_AT], ballot->cast_at);
	values[VOTE_UPDATED_AT] = poll_column_time(&plans->columns[EVENT_UPDATED_AT], ballot->cast_at);
	memset(nulls, ' ', sizeof(nulls));
	if (option->label_is_null)
		nulls[VOTE_LABEL] = 'n';

	/* A trigger may have put the row elsewhere. */
	written = sql_execute_plan(plans->insert, values, nulls);
	*isnull = plans->event_id == InvalidAttrNumber || written == 0;
	return *isnull ? (Datum) 0 : sql_value(0, 1, isnull);
}

/* Returns what is asked for. */
static PollRequest
vote_request(FunctionCallInfo fcinfo)
{
	return (PollRequest){.options = request_relation(fcinfo, ARG_OPTIONS),
						 .events = request_relation(fcinfo, ARG_EVENTS),
						 .columns = request_jsonb(fcinfo, ARG_COLUMNS),
						 .options_mode = ACL_SELECT | ACL_UPDATE,
						 .events_mode = ACL_INSERT};
}

/* Refuses a type of events other than the usual where it could not be written. */
static void
check_event_type(FunctionCallInfo fcinfo, const VotePlans *plans)
{
	if (!PG_ARGISNULL(ARG_EVENT_TYPE) && plans->columns[EVENT_TYPE].attnum == InvalidAttrNumber &&
		strcmp(text_argument(fcinfo, ARG_EVENT_TYPE, "event_type"), VOTE_EVENT_TYPE) != 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("relation \"%s\" has no column for event types",
							   get_rel_name(plans->events)),
						errhint("Name it with the argument \"columns\".")));
}

/* pollseed_cast_vote(option_id, event_type, options, events, columns) */
Datum
pollseed_cast_vote(PG_FUNCTION_ARGS)
{
	PollRequest request = vote_request(fcinfo);
	Ballot		ballot = {.cast_at = GetCurrentTransactionStartTimestamp()};
	VotePlans  *plans;
	VotedOption option;
	Datum		values[2];
	bool		nulls[2] = {false};

	PreventCommandIfReadOnly("pollseed_cast_vote()");
	require_argument(fcinfo, ARG_OPTION_ID, "option_id");
	ballot.option_id = PG_GETARG_INT64(ARG_OPTION_ID);
	ballot.type = PG_ARGISNULL(ARG_EVENT_TYPE) ? cstring_to_text(VOTE_EVENT_TYPE)
											   : PG_GETARG_TEXT_PP(ARG_EVENT_TYPE);

	SPI_connect();
	plans = vote_plans_begin(&request);
	PG_TRY();
	{
		check_event_type(fcinfo, plans);
		option = count_vote(plans, &ballot);
		values[0] = Int64GetDatum(option.votes);
		values[1] = write_event(plans, &ballot, &option, &nulls[1]);
	}
	PG_FINALLY();
	{
		vote_plans_end(plans);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_DATUM(figures_row(fcinfo, values, nulls));
}
