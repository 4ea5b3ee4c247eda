/*-------------------------------------------------------------------------
 *
 * seeding.c
 *		What a seeding is asked to do and how it is checked, whether it is done at
 *		once or by a job.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/spi.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/sql.h"
#include "votes/request.h"
#include "votes/seeding.h"

#define DEFAULT_VOTE_COUNT 10000
#define DEFAULT_BATCH_SIZE 1000

/* The arguments that both functions begin with, in their order. */
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

StaticAssertDecl(ARG_COLUMNS == SEEDING_ARGS - 1, "SEEDING_ARGS must count the arguments");

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

void
seeding_request(FunctionCallInfo fcinfo, Seeding *seeding)
{
	VoteSpec	*spec = &seeding->spec;
	PollRequest *request = &seeding->request;

	spec->vote_count = request_vote_count(fcinfo, ARG_VOTE_COUNT, DEFAULT_VOTE_COUNT);
	spec->distribution = request_distribution(fcinfo, ARG_DISTRIBUTION);
	spec->arrival = request_arrival(fcinfo, ARG_ARRIVAL);
	spec->seed = request_seed(fcinfo, ARG_SEED);
	spec->weights = request_jsonb(fcinfo, ARG_WEIGHTS);
	request_time_range(fcinfo, ARG_TIME_RANGE, ARG_ENDS_AT, spec);
	seeding->batch_size = request_batch_size(fcinfo, spec->vote_count);

	request->options = request_relation(fcinfo, ARG_OPTIONS);
	request->events = request_relation(fcinfo, ARG_EVENTS);
	request->columns = request_jsonb(fcinfo, ARG_COLUMNS);
	request->options_mode = ACL_SELECT | ACL_UPDATE;
	request->events_mode = ACL_INSERT;
}

VoteShare *
seeding_shares(const VoteSpec *spec, const PollOptions *options)
{
	return share_votes(spec->distribution, options->count, options->label_texts, spec->weights,
					   spec->seed, spec->vote_count);
}

/* Raises 22003 if the counts would exceed the range of a column. */
static void
check_count_fits(const Poll *poll, PollColumnRole role, const PollOptions *options,
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

void
seeding_check_counts(const Poll *poll, const PollOptions *options, const VoteShare *shares)
{
	check_count_fits(poll, OPTION_VOTES, options, shares);
	check_count_fits(poll, EVENT_VOTES_AFTER, options, shares);
}

void
seeding_warn_of_missing_rows(const Poll *poll, const WriteFigures *figures)
{
	if (figures->rows_inserted < figures->rows_sent)
		ereport(WARNING,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("relation \"%s\" took " INT64_FORMAT " of " INT64_FORMAT " rows",
						RelationGetRelationName(poll->events), figures->rows_inserted,
						figures->rows_sent),
				 errhint("A trigger or rule of the relation discards or redirects rows.")));
}

Datum
seeding_arguments(const Poll *poll, const Seeding *seeding)
{
	const VoteSpec *spec = &seeding->spec;
	Oid				types[] = {INT8OID, TEXTOID,	 TEXTOID,		 TEXTOID,  TEXTOID, INT4OID,
							   TEXTOID, INTERVALOID, TIMESTAMPTZOID, JSONBOID, JSONBOID};
	Datum			values[lengthof(types)];
	char			nulls[lengthof(types)];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = Int64GetDatum(spec->vote_count);
	values[1] = CStringGetTextDatum(distribution_name(spec->distribution));
	values[2] = CStringGetTextDatum(arrival_name(spec->arrival));
	values[3] = CStringGetTextDatum(relation_quoted_name(poll->options));
	values[4] = CStringGetTextDatum(relation_quoted_name(poll->events));
	values[5] = Int32GetDatum(seeding->batch_size);
	values[6] = CStringGetTextDatum(pg_get_timezone_name(session_timezone));
	values[7] = IntervalPGetDatum(&spec->time_range);
	values[8] = TimestampTzGetDatum(spec->ends_at);
	values[9] = JsonbPGetDatum(spec->weights);
	nulls[9] = spec->weights == NULL ? 'n' : ' ';
	values[10] = JsonbPGetDatum(seeding->request.columns);
	nulls[10] = seeding->request.columns == NULL ? 'n' : ' ';

	sql_execute("SELECT pg_catalog.jsonb_build_object('vote_count', $1, 'distribution', $2,"
				" 'arrival', $3, 'options', $4, 'events', $5, 'batch_size', $6, 'time_zone', $7,"
				" 'time_range', $8, 'ends_at', $9, 'weights', $10, 'columns', $11)",
				lengthof(types), types, values, nulls);
	return sql_value_not_null(0, 1);
}
