/*-------------------------------------------------------------------------
 *
 * seed.c
 *		SQL function pollseed_seed(): votes into an application's tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/ledger.h"
#include "core/relation.h"
#include "core/sql.h"
#include "votes/events.h"
#include "votes/request.h"
#include "write/writer.h"

#define DEFAULT_VOTE_COUNT 10000
#define DEFAULT_BATCH_SIZE 1000

POLLSEED_FUNCTION(pollseed_seed);

/* The arguments of pollseed_seed(), in their order. */
enum
{
	ARG_VOTE_COUNT,
	ARG_DISTRIBUTION,
	ARG_TIME_RANGE,
	ARG_ARRIVAL,
	ARG_SEED,
	ARG_ENDS_AT,
	ARG_BATCH_SIZE,
	ARG_WEIGHTS,
	ARG_OPTIONS,
	ARG_EVENTS,
	ARG_COLUMNS
};

/* Returns the batch size asked for. */
static int
request_batch_size(FunctionCallInfo fcinfo, int64 vote_count)
{
	int batch_size =
		PG_ARGISNULL(ARG_BATCH_SIZE) ? DEFAULT_BATCH_SIZE : PG_GETARG_INT32(ARG_BATCH_SIZE);

	if (batch_size < MIN_BATCH_SIZE || batch_size > MAX_BATCH_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size must be between %d and %d", MIN_BATCH_SIZE, MAX_BATCH_SIZE)));
	if (vote_count / batch_size >= PG_INT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("batch_size is too small for so many votes"),
						errdetail("There may be at most %d batches.", PG_INT32_MAX)));
	return batch_size;
}

/* Refuses a seeding whose counts would not fit a column. */
static void
check_counts_fit(const Poll *poll, PollColumnRole role, const PollOptions *options,
				 const VoteShare *shares)
{
	const PollColumn *column = &poll->columns[role];
	int64			  max = poll_column_max(column);

	if (!poll_has(poll, role))
		return;
	for (int i = 0; i < options->count; i++)
	{
		int64 sum;

		if (shares[i].votes == 0)
			continue;
		if (pg_add_s64_overflow(options->votes[i], shares[i].votes, &sum) || sum > max)
			ereport(
				ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("votes of option \"%s\" would exceed the range of column \"%s\"",
						options->label_nulls[i] ? "" : options->label_texts[i], column->name),
				 errdetail("It has " INT64_FORMAT " votes and would get " INT64_FORMAT
						   " more; type %s holds up to " INT64_FORMAT ".",
						   options->votes[i], shares[i].votes, format_type_be(column->type), max),
				 errhint("Seed fewer votes, or change the column's type to bigint.")));
	}
}

/* Warns where the table does not hold all the rows that it was given. */
static void
warn_of_missing_rows(const Poll *poll, const WriteFigures *figures)
{
	if (figures->rows_inserted < figures->rows_sent)
		ereport(WARNING,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("relation \"%s\" took " INT64_FORMAT " of " INT64_FORMAT " rows",
						RelationGetRelationName(poll->events), figures->rows_inserted,
						figures->rows_sent),
				 errhint("A trigger or rule of the relation discards or redirects rows.")));
}

/* Returns a run's arguments as they were resolved, for the ledger, so that it can be repeated. */
static Datum
ledger_arguments(const Poll *poll, const PollRequest *request, const VoteSpec *spec, int batch_size)
{
	Oid	  types[] = {INT8OID, TEXTOID,	   TEXTOID,		   TEXTOID,	 TEXTOID, INT4OID,
					 TEXTOID, INTERVALOID, TIMESTAMPTZOID, JSONBOID, JSONBOID};
	Datum values[lengthof(types)];
	char  nulls[lengthof(types)];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = Int64GetDatum(spec->vote_count);
	values[1] = CStringGetTextDatum(distribution_name(spec->distribution));
	values[2] = CStringGetTextDatum(arrival_name(spec->arrival));
	values[3] = CStringGetTextDatum(relation_quoted_name(poll->options));
	values[4] = CStringGetTextDatum(relation_quoted_name(poll->events));
	values[5] = Int32GetDatum(batch_size);
	values[6] = CStringGetTextDatum(pg_get_timezone_name(session_timezone));
	values[7] = IntervalPGetDatum(&spec->time_range);
	values[8] = TimestampTzGetDatum(spec->ends_at);
	values[9] = JsonbPGetDatum(spec->weights);
	nulls[9] = spec->weights == NULL ? 'n' : ' ';
	values[10] = JsonbPGetDatum(request->columns);
	nulls[10] = request->columns == NULL ? 'n' : ' ';

	sql_execute("SELECT pg_catalog.jsonb_build_object('vote_count', $1, 'distribution', $2,"
				" 'arrival', $3, 'options', $4, 'events', $5, 'batch_size', $6, 'time_zone', $7,"
				" 'time_range', $8, 'ends_at', $9, 'weights', $10, 'columns', $11)",
				lengthof(types), types, values, nulls);
	return sql_value_not_null(0, 1);
}

/*
 * pollseed_seed(vote_count, distribution, time_range, arrival, seed, ends_at,
 * batch_size, weights, options, events, columns)
 */
Datum
pollseed_seed(PG_FUNCTION_ARGS)
{
	VoteSpec	 spec = {0};
	PollRequest	 request = {0};
	LedgerEntry	 entry = {.engine = "votes", .generator_version = VOTE_GENERATOR_VERSION};
	instr_time	 start;
	int			 batch_size;
	Poll		*poll;
	PollOptions *options;
	VoteShare	*shares;
	WriteFigures figures;
	int			 options_updated;
	int64		 run_id;
	Datum		 values[8];

	INSTR_TIME_SET_CURRENT(start);
	PreventCommandIfReadOnly("pollseed_seed()");

	spec.vote_count = request_vote_count(fcinfo, ARG_VOTE_COUNT, DEFAULT_VOTE_COUNT);
	spec.distribution = request_distribution(fcinfo, ARG_DISTRIBUTION);
	spec.arrival = request_arrival(fcinfo, ARG_ARRIVAL);
	spec.seed = request_seed(fcinfo, ARG_SEED);
	spec.weights = request_jsonb(fcinfo, ARG_WEIGHTS);
	request_time_range(fcinfo, ARG_TIME_RANGE, ARG_ENDS_AT, &spec);
	batch_size = request_batch_size(fcinfo, spec.vote_count);

	request.options = request_relation(fcinfo, ARG_OPTIONS);
	request.events = request_relation(fcinfo, ARG_EVENTS);
	request.columns = request_jsonb(fcinfo, ARG_COLUMNS);
	request.options_mode = ACL_SELECT | ACL_UPDATE;
	request.events_mode = ACL_INSERT;

	SPI_connect();
	poll = poll_open(&request);
	poll_check_counting(poll);

	options = options_lock(poll);
	shares = share_votes(spec.distribution, options->count, options->label_texts, spec.weights,
						 spec.seed, spec.vote_count);
	check_counts_fit(poll, OPTION_VOTES, options, shares);
	check_counts_fit(poll, EVENT_VOTES_AFTER, options, shares);

	figures = events_write(poll, options, shares, &spec, batch_size);
	options_updated = options_add_votes(poll, options, shares, spec.ends_at);
	warn_of_missing_rows(poll, &figures);

	entry.relation = relation_quoted_name(poll->events);
	entry.rows_written = figures.rows_sent;
	entry.seed = spec.seed;
	entry.arguments = ledger_arguments(poll, &request, &spec, batch_size);
	entry.lane = figures.lane;
	entry.time_ms = milliseconds_since(start);
	run_id = ledger_record(&entry);

	poll_close(poll);
	SPI_finish();

	values[0] = Int64GetDatum(run_id);
	values[1] = Int64GetDatum(figures.rows_sent);
	values[2] = Int32GetDatum(options_updated);
	values[3] = Int32GetDatum(figures.batches);
	values[4] = Float8GetDatum(milliseconds_since(start));
	values[5] = Int64GetDatum(spec.seed);
	values[6] = TimestampTzGetDatum(spec.ends_at);
	values[7] = CStringGetTextDatum(figures.lane);
	PG_RETURN_DATUM(figures_row(fcinfo, values));
}
