/*-------------------------------------------------------------------------
 *
 * estimate.c
 *		SQL function pollseed_backfill_estimate(): some batches, tried and rolled
 *		back, and what they say of the whole.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "core/subtransaction.h"
#include "backfill/call.h"
#include "backfill/parts.h"

POLLSEED_FUNCTION(pollseed_backfill_estimate);

/* A rate that is not known leaves the time unknown; longer times than some years are none. */
#define MAX_SECONDS 3.0e9

/* A table with less free space in its pages than this keeps no room for new versions of its rows. */
#define FULL_FILLFACTOR 100

/* What was tried, and what the table is like. */
typedef struct Trial
{
	const char *name; /* of the backfill */
	int			batches;
	int64		rows;
	double		ms;
	uint64		wal_bytes;
	int64		updated;
	int64		hot;
	int64		remaining;
	bool		exact;
	double		row_bytes; /* of the table, a row */
	const char *advice;
} Trial;

/* Returns a counter of this transaction's updates of a table. */
static int64
updates_of(Oid relid, PGFunction counter)
{
	return DatumGetInt64(DirectFunctionCall1(counter, ObjectIdGetDatum(relid)));
}

/* Reads how many rows the run has to look at. */
static void
read_remaining(const Backfill *backfill, Trial *trial)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(backfill->id);

	(void) sql_execute_own("SELECT COALESCE(s.remaining, 0), b.total_exact"
						   " FROM pollseed.backfill_standing AS s JOIN pollseed.backfills AS b"
						   " ON b.backfill_id OPERATOR(pg_catalog.=) s.backfill_id"
						   " WHERE b.backfill_id OPERATOR(pg_catalog.=) $1",
						   1, &type, &value, NULL);
	trial->remaining = DatumGetInt64(sql_value_not_null(0, 1));
	trial->exact = DatumGetBool(sql_value_not_null(0, 2));
}

/* Tells whether an index has a column, as a key, in an expression or in its predicate. */
static bool
index_has_column(Relation index, AttrNumber attnum)
{
	Bitmapset *columns = NULL;

	for (int i = 0; i < index->rd_index->indnatts; i++)
	{
		if (index->rd_index->indkey.values[i] == attnum)
			return true;
	}
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &columns);
	pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &columns);
	return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, columns);
}

/* Returns the name of an index that has the column, or NULL. */
static const char *
index_on_column(Relation rel, AttrNumber attnum)
{
	const char *name = NULL;
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index_has_column(index, attnum))
			name = pstrdup(RelationGetRelationName(index));
		index_close(index, AccessShareLock);
	}
	return name;
}

/* Says what would make the backfill cheaper. */
static const char *
advise(const BackfillTable *table, Relation rel)
{
	StringInfoData advice;
	const char	  *index = index_on_column(rel, table->column.attnum);
	int			   fillfactor = RelationGetFillFactor(rel, HEAP_DEFAULT_FILLFACTOR);

	initStringInfo(&advice);
	if (index != NULL)
		appendStringInfo(&advice,
						 "Index \"%s\" has the column, so no update can be HOT: each writes to all "
						 "indexes. If it only serves the backfill, or can be made afterwards, drop "
						 "it. ",
						 index);
	else if (fillfactor >= FULL_FILLFACTOR)
		appendStringInfoString(
			&advice, "No index has the column, so updates that find room in their page are "
					 "HOT; strategy \"block\" makes room as it goes. ");
	if (table->by_ctid)
		appendStringInfoString(&advice, "Without a key, rows that others update meanwhile are "
										"asked for again; a primary key would spare that. ");
	if (advice.len == 0)
		return "Nothing to improve.";
	advice.data[advice.len - 1] = '\0';
	return advice.data;
}

/* Takes the counters of the tables' updates, before the batches (sign -1) or after them (1). */
static void
count_updates(const Backfill *backfill, Trial *trial, int sign)
{
	ListCell *cell;

	foreach(cell, backfill_relations(backfill->relation))
	{
		trial->updated += sign * updates_of(lfirst_oid(cell), pg_stat_get_xact_tuples_updated);
		trial->hot += sign * updates_of(lfirst_oid(cell), pg_stat_get_xact_tuples_hot_updated);
	}
}

/* Looks at the table that the last batch was of. */
static void
look_at_table(BackfillRun *run, Trial *trial)
{
	Relation	   rel;
	BackfillTable *table;
	DefinerSession session;

	if (run->table == NULL)
		return;
	session = backfill_enter(run->backfill);
	table = run_open_table(run, run->table->relid, &rel);
	if (table != NULL)
	{
		if (rel->rd_rel->reltuples > 0)
			trial->row_bytes =
				(double) RelationGetNumberOfBlocks(rel) * BLCKSZ / rel->rd_rel->reltuples;
		trial->advice = advise(table, rel);
		relation_close(rel, NoLock);
	}
	definer_leave(&session);
}

/* The work: some batches, timed; arg: a Trial. */
static void
try_batches(BackfillRun *run, void *arg)
{
	Trial	  *trial = arg;
	instr_time start;

	run_begin(run);
	read_remaining(run->backfill, trial);
	count_updates(run->backfill, trial, -1);
	run->max_batches = trial->batches;
	INSTR_TIME_SET_CURRENT(start);
	(void) run_work(run);
	trial->ms = milliseconds_since(start);
	trial->rows = run->done.filled + run->done.no_data + run->done.quarantined;
	trial->wal_bytes = run->done.wal_bytes;
	count_updates(run->backfill, trial, 1);
	look_at_table(run, trial);
}

/* Runs the work; arg: a Trial. */
static void
try_task(void *arg)
{
	call_within(((Trial *) arg)->name, try_batches, arg);
}

/* Returns seconds as an interval. */
static Datum
seconds_interval(double seconds)
{
	Interval *interval = palloc0_object(Interval);

	interval->time = (TimeOffset) (seconds * USECS_PER_SEC);
	return IntervalPGetDatum(interval);
}

/* pollseed_backfill_estimate(name, batches) */
Datum
pollseed_backfill_estimate(PG_FUNCTION_ARGS)
{
	Trial	   trial = {.batches = PG_ARGISNULL(1) ? 3 : PG_GETARG_INT32(1)};
	Datum	   values[9];
	bool	   nulls[lengthof(values)] = {0};
	TupleDesc  desc;
	double	   rate;
	ErrorData *error;

	trial.name = text_argument(fcinfo, 0, "name");
	if (trial.batches < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("batches must be at least 1")));
	PreventCommandIfReadOnly("pollseed_backfill_estimate()");
	SPI_connect();
	error = subtransaction_try(try_task, &trial, &(bool){true});
	if (error != NULL)
		ReThrowError(error);
	SPI_finish();

	rate = trial.ms > 0 ? (double) trial.rows / trial.ms * 1000 : 0;
	values[0] = Int64GetDatum(trial.remaining);
	values[1] = CStringGetTextDatum(trial.exact ? "exact" : "estimated");
	values[2] = Int64GetDatum(trial.rows);
	values[3] = Float8GetDatum(rate);
	values[4] = Float8GetDatum(trial.rows > 0 ? (double) trial.wal_bytes / trial.rows : 0);
	values[5] = Float8GetDatum(trial.updated > 0 ? (double) trial.hot / trial.updated : 0);
	nulls[6] = rate <= 0 || trial.remaining / rate > MAX_SECONDS;
	values[6] = nulls[6] ? (Datum) 0 : seconds_interval(trial.remaining / rate);
	values[7] = Int64GetDatum((int64) (trial.row_bytes * (double) trial.remaining));
	nulls[8] = trial.advice == NULL;
	values[8] = nulls[8] ? (Datum) 0 : CStringGetTextDatum(trial.advice);
	nulls[3] = nulls[4] = trial.rows == 0;
	nulls[5] = trial.updated == 0;
	(void) get_call_result_type(fcinfo, NULL, &desc);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
