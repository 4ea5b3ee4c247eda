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
#include "votes/options.h"
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
	ARG_COLUMNS,
	NUM_ARGS
};

/* The roles of the columns of an event that get a value with each vote, in the order of the values. */
static const PollColumnRole value_roles[] = {EVENT_OPTION_ID, EVENT_LANGUAGE, EVENT_VOTES_AFTER,
											 EVENT_INSERTED_AT, EVENT_UPDATED_AT};

/* Returns the batch size asked for. */
static int
request_batch_size(FunctionCallInfo fcinfo)
{
	int batch_size =
		PG_ARGISNULL(ARG_BATCH_SIZE) ? DEFAULT_BATCH_SIZE : PG_GETARG_INT32(ARG_BATCH_SIZE);

	if (batch_size < MIN_BATCH_SIZE || batch_size > MAX_BATCH_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size must be between %d and %d", MIN_BATCH_SIZE, MAX_BATCH_SIZE)));
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

		if (pg_add_s64_overflow(options->votes[i], shares[i].votes, &sum) || sum > max)
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("votes of option \"%s\" would exceed the range of column \"%s\"",
								   options->label_texts[i], column->name),
							errdetail("It has " INT64_FORMAT " votes and would get " INT64_FORMAT
									  " more; type %s holds up to " INT64_FORMAT ".",
									  options->votes[i], shares[i].votes,
									  format_type_be(column->type), max),
							errhint("Seed fewer votes, or change the column's type to bigint.")));
	}
}

/* Opens a writer for the columns that the events table has. */
static Writer *
open_event_writer(const Poll *poll, int batch_size)
{
	WriteColumn columns[lengthof(value_roles) + 1];
	int			ncolumns = 0;

	for (size_t i = 0; i < lengthof(value_roles); i++)
	{
		PollColumnRole	  role = value_roles[i];
		const PollColumn *column = &poll->columns[role];
		WriteColumn		 *write = &columns[ncolumns];

		if (!poll_has(poll, role))
			continue;
		*write = (WriteColumn){.name = column->name, .typmod = -1};
		if (role == EVENT_OPTION_ID)
			write->type = poll->columns[OPTION_ID].type;
		else if (role == EVENT_LANGUAGE)
		{
			write->type = poll->columns[OPTION_TEXT].type;
			write->typmod = poll->columns[OPTION_TEXT].typmod;
		}
		else if (role == EVENT_VOTES_AFTER)
			write->type = INT8OID;
		else
			write->type = column->base_type;
		ncolumns++;
	}
	if (poll_has(poll, EVENT_TYPE))
		columns[ncolumns++] =
			(WriteColumn){.name = poll->columns[EVENT_TYPE].name, .literal = SEED_EVENT_TYPE};

	return writer_open(poll->events, ncolumns, columns, batch_size);
}

/* Gives the writer one vote. */
static void
write_vote(Writer *writer, const Poll *poll, const PollOptions *options, const Vote *vote)
{
	bool  *isnull;
	Datum *values = writer_next_row(writer, &isnull);
	int	   option = vote->option;
	int	   n = 0;

	values[n] = options->ids[option];
	isnull[n++] = false;
	if (poll_has(poll, EVENT_LANGUAGE))
	{
		values[n] = options->labels[option];
		isnull[n++] = options->label_nulls[option];
	}
	if (poll_has(poll, EVENT_VOTES_AFTER))
	{
		values[n] = Int64GetDatum(options->votes[option] + vote->nth);
		isnull[n++] = false;
	}
	values[n] = poll_column_time(&poll->columns[EVENT_INSERTED_AT], vote->cast_at);
	isnull[n++] = false;
	if (poll_has(poll, EVENT_UPDATED_AT))
	{
		values[n] = poll_column_time(&poll->columns[EVENT_UPDATED_AT], vote->cast_at);
		isnull[n++] = false;
	}
}

/* Generates all votes and writes them. */
static WriteFigures
write_votes(const Poll *poll, const PollOptions *options, const VoteShare *shares,
			const VoteSpec *spec, int batch_size)
{
	Writer	   *writer = open_event_writer(poll, batch_size);
	VoteStream *stream = vote_stream_begin(spec, options->count, shares, 1);

	for (int64 i = 0; i < spec->vote_count; i++)
	{
		Vote vote = vote_stream_next(stream);

		write_vote(writer, poll, options, &vote);
	}
	return writer_close(writer);
}

/* Warns where the table does not hold all the rows that it was given. */
static void
warn_of_missing_rows(const Poll *poll, const WriteFigures *figures)
{
	if (figures->rows_inserted < figures->rows_sent)
		ereport(WARNING,
				(errmsg("relation \"%s\" took " INT64_FORMAT " of " INT64_FORMAT " rows",
						RelationGetRelationName(poll->events), figures->rows_inserted,
						figures->rows_sent),
				 errhint("A trigger or rule of the relation discards or redirects rows.")));
}

/* Returns a run's arguments for the ledger, as given and as resolved, so that it can be repeated. */
static Datum
ledger_arguments(FunctionCallInfo fcinfo, const Poll *poll, const VoteSpec *spec)
{
	Oid	  types[NUM_ARGS + 4] = {INT8OID,		 TEXTOID, INTERVALOID, TEXTOID,		   INT8OID,
								 TIMESTAMPTZOID, INT4OID, JSONBOID,	   REGCLASSOID,	   REGCLASSOID,
								 JSONBOID,		 TEXTOID, TEXTOID,	   TIMESTAMPTZOID, TEXTOID};
	Datum values[lengthof(types)];
	char  nulls[lengthof(types)];

	memset(nulls, ' ', sizeof(nulls));
	for (int arg = 0; arg < NUM_ARGS; arg++)
	{
		values[arg] = PG_GETARG_DATUM(arg);
		nulls[arg] = PG_ARGISNULL(arg) ? 'n' : ' ';
	}
	values[NUM_ARGS] = CStringGetTextDatum(relation_quoted_name(poll->options));
	values[NUM_ARGS + 1] = CStringGetTextDatum(relation_quoted_name(poll->events));
	values[NUM_ARGS + 2] = TimestampTzGetDatum(spec->ends_at);
	values[NUM_ARGS + 3] = CStringGetTextDatum(pg_get_timezone_name(session_timezone));

	sql_execute("SELECT pg_catalog.jsonb_build_object('vote_count', $1, 'distribution', $2,"
				" 'time_range', $3, 'arrival', $4, 'batch_size', $7, 'weights', $8, 'columns', $11,"
				" 'options', $12, 'events', $13, 'ends_at', $14, 'time_zone', $15)",
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
	batch_size = request_batch_size(fcinfo);

	request.options = request_relation(fcinfo, ARG_OPTIONS);
	request.events = request_relation(fcinfo, ARG_EVENTS);
	request.columns = request_jsonb(fcinfo, ARG_COLUMNS);
	request.options_mode = ACL_SELECT | ACL_UPDATE;
	request.events_mode = ACL_INSERT;

	SPI_connect();
	poll = poll_open(&request);
	poll_check_privilege(poll, OPTION_VOTES, ACL_UPDATE);
	poll_check_privilege(poll, OPTION_UPDATED_AT, ACL_UPDATE);

	options = options_lock(poll);
	shares = share_votes(spec.distribution, options->count, options->label_texts, spec.weights,
						 spec.seed, spec.vote_count);
	check_counts_fit(poll, OPTION_VOTES, options, shares);
	check_counts_fit(poll, EVENT_VOTES_AFTER, options, shares);

	figures = write_votes(poll, options, shares, &spec, batch_size);
	options_updated = options_add_votes(poll, options, shares, spec.ends_at);
	warn_of_missing_rows(poll, &figures);

	entry.relation = relation_quoted_name(poll->events);
	entry.rows_written = figures.rows_sent;
	entry.seed = spec.seed;
	entry.arguments = ledger_arguments(fcinfo, poll, &spec);
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
