/*-------------------------------------------------------------------------
 *
 * trends.c
 *		SQL functions pollseed.trend_params(), activity_params(),
 *		trends_shown() and timeline_shown(): a poll's votes over time.
 *
 * A window of time is divided into buckets of the same width.  It ends where the bucket
 * that it is now ends, counted from midnight of 2000-01-01 UTC.  So all who ask for the same
 * window within a bucket's time share an entry of the cache.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/figures.h"
#include "votes/document.h"

POLLSEED_FUNCTION(pollseed_activity_params);
POLLSEED_FUNCTION(pollseed_timeline_shown);
POLLSEED_FUNCTION(pollseed_trend_params);
POLLSEED_FUNCTION(pollseed_trends_shown);

#define DEFAULT_MINUTES 60
#define MAX_MINUTES 527040 /* of a leap year */
#define DEFAULT_BUCKETS 60
#define MAX_BUCKETS 1000
#define DEFAULT_ROWS 10
#define MAX_ROWS 1000

/* Columns of pollseed.trends_shown(). */
#define TREND_COLUMNS 6

/* An option over time. */
typedef struct TrendOption
{
	JsonbContainer *buckets; /* votes by the number of the bucket, where there are any */
	Datum			text;	 /* of the option, as SQL has it */
	bool			text_is_null;
	int64 so_far; /* votes to the end of the bucket last read; at first, before the window */
} TrendOption;

/* What a query gives. */
typedef struct Trends
{
	TimestampTz	 from;
	int64		 width; /* microseconds */
	int			 buckets;
	ShownOption *options;
	TrendOption *trends; /* of the options */
	int			 count;
} Trends;

/* Adds a moment to a document, as a timestamp in UTC. */
static void
push_moment(JsonbParseState **state, const char *key, TimestampTz moment)
{
	char text[MAXDATELEN + 1];

	JsonEncodeDateTime(text, TimestampGetDatum(moment), TIMESTAMPOID, NULL);
	document_push_key(state, key);
	document_push_text(state, WJB_VALUE, pstrdup(text), strlen(text));
}

/* pollseed.activity_params(max_rows) */
Datum
pollseed_activity_params(PG_FUNCTION_ARGS)
{
	int32			 rows = bounded_argument(fcinfo, 0, "max_rows", DEFAULT_ROWS, MAX_ROWS);
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	document_push_key(&state, "rows");
	document_push_integer(&state, WJB_VALUE, rows);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* pollseed.trend_params(minutes_back, buckets) */
Datum
pollseed_trend_params(PG_FUNCTION_ARGS)
{
	int32		minutes = bounded_argument(fcinfo, 0, "minutes_back", DEFAULT_MINUTES, MAX_MINUTES);
	int32		buckets = bounded_argument(fcinfo, 1, "buckets", DEFAULT_BUCKETS, MAX_BUCKETS);
	int64		width = minutes * USECS_PER_MINUTE / buckets;
	TimestampTz until = (GetCurrentStatementStartTimestamp() / width + 1) * width;
	char	   *interval = psprintf(INT64_FORMAT " microseconds", width);
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_moment(&state, "from", until - buckets * width);
	push_moment(&state, "until", until);
	document_push_key(&state, "width");
	document_push_text(&state, WJB_VALUE, interval, strlen(interval));
	document_push_key(&state, "from_us");
	document_push_integer(&state, WJB_VALUE, until - buckets * width);
	document_push_key(&state, "width_us");
	document_push_integer(&state, WJB_VALUE, width);
	document_push_key(&state, "buckets");
	document_push_integer(&state, WJB_VALUE, buckets);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* Reads what a query gives; votes that the count does not know of leave nothing for the time before. */
static Trends
read_trends(Jsonb *document)
{
	JsonbContainer *window = document_object(&document->root, "window");
	JsonbContainer *options = document_array(&document->root, "options");
	Trends			trends = {.from = document_integer(window, "from_us"),
							  .width = document_integer(window, "width_us"),
							  .buckets = (int) Min(document_integer(window, "buckets"), MAX_BUCKETS),
							  .count = JsonContainerSize(options)};

	trends.options = palloc_array(ShownOption, trends.count);
	trends.trends = palloc_array(TrendOption, trends.count);
	for (int i = 0; i < trends.count; i++)
	{
		JsonbContainer *option = document_element(options, i);

		trends.options[i] = document_option(option);
		trends.trends[i].text =
			document_option_text(&trends.options[i], &trends.trends[i].text_is_null);
		trends.trends[i].buckets = document_object(option, "buckets");
		trends.trends[i].so_far =
			Max(document_integer(option, "votes") - document_integer(option, "since"), 0);
	}
	return trends;
}

/* Reads the votes of an option in the next bucket. */
static int64
next_bucket(TrendOption *trend, int bucket)
{
	char	   key[MAXINT8LEN + 1];
	JsonbValue value;
	int		   length = pg_ltoa(bucket, key);
	int64	   votes = 0;

	if (getKeyJsonValueFromContainer(trend->buckets, key, length, &value) != NULL)
		votes = document_value_integer(&value);
	trend->so_far += votes;
	return votes;
}

/* Puts the rows of a bucket into the function's result, given the votes of each option in it. */
static void
return_bucket(ReturnSetInfo *result, const Trends *trends, int bucket, const int64 *votes)
{
	double total = 0;

	for (int i = 0; i < trends->count; i++)
		total += trends->trends[i].so_far;
	for (int i = 0; i < trends->count; i++)
	{
		const TrendOption *trend = &trends->trends[i];
		Datum			   values[TREND_COLUMNS];
		bool			   nulls[TREND_COLUMNS] = {false};

		values[0] = TimestampTzGetDatum(trends->from + bucket * trends->width);
		values[1] = Int64GetDatum(trends->options[i].id);
		values[2] = trend->text;
		nulls[2] = trend->text_is_null;
		values[3] = Int64GetDatum(votes[i]);
		values[4] = Int64GetDatum(trend->so_far);
		values[5] = Float8GetDatum(total > 0 ? trend->so_far / total : 0);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* pollseed.trends_shown(trends) */
Datum
pollseed_trends_shown(PG_FUNCTION_ARGS)
{
	Trends trends = read_trends(PG_GETARG_JSONB_P(0));
	int64 *votes = palloc_array(int64, trends.count);

	InitMaterializedSRF(fcinfo, 0);
	for (int bucket = 0; bucket < trends.buckets; bucket++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < trends.count; i++)
			votes[i] = next_bucket(&trends.trends[i], bucket);
		return_bucket((ReturnSetInfo *) fcinfo->resultinfo, &trends, bucket, votes);
	}
	PG_RETURN_VOID();
}

/* Adds when each bucket begins, in UTC. */
static void
push_labels(JsonbParseState **state, const Trends *trends)
{
	int utc = 0;

	document_push_member(state, "labels", WJB_BEGIN_ARRAY);
	for (int bucket = 0; bucket < trends->buckets; bucket++)
	{
		char *label = palloc(MAXDATELEN + 1);

		JsonEncodeDateTime(label, TimestampTzGetDatum(trends->from + bucket * trends->width),
						   TIMESTAMPTZOID, &utc);
		document_push_text(state, WJB_ELEM, label, strlen(label));
	}
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* Adds an option's votes up to the end of each bucket. */
static void
push_line(JsonbParseState **state, const Trends *trends, int option)
{
	TrendOption *trend = &trends->trends[option];

	CHECK_FOR_INTERRUPTS();
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	document_push_key(state, "name");
	document_push_text(state, WJB_VALUE, trends->options[option].text,
					   trends->options[option].text_length);
	document_push_member(state, "data", WJB_BEGIN_ARRAY);
	for (int bucket = 0; bucket < trends->buckets; bucket++)
	{
		(void) next_bucket(trend, bucket);
		document_push_integer(state, WJB_ELEM, trend->so_far);
	}
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* pollseed.timeline_shown(trends) */
Datum
pollseed_timeline_shown(PG_FUNCTION_ARGS)
{
	Trends			 trends = read_trends(PG_GETARG_JSONB_P(0));
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	document_push_key(&state, "type");
	document_push_text(&state, WJB_VALUE, "line", strlen("line"));
	push_labels(&state, &trends);
	document_push_member(&state, "series", WJB_BEGIN_ARRAY);
	for (int i = 0; i < trends.count; i++)
		push_line(&state, &trends, i);
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	document_push_colors(&state, trends.options, trends.count);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
