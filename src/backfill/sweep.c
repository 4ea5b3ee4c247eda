/*-------------------------------------------------------------------------
 *
 * sweep.c
 *		The end of a run: the rows that the scan left, and the proof that none is
 *		left.
 *
 * A round looks in one snapshot for all rows of a table that have no value and that
 * the run is not done with, and gives them their values.  A row that somebody else
 * has locked is waited for, alone, so that nobody ever waits for us while we wait for
 * him.  When a round has found nothing the table is done.  So it is when a second
 * round has dealt with all that it found: what is without a value now came later,
 * and a stream of such rows must not keep the run from ending.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/instrument.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "backfill/keys.h"
#include "backfill/statements.h"
#include "backfill/sweep.h"

/* A round remembers so many rows; if there are more, the next round finds them. */
#define ROWS_A_ROUND 10000
#define ROWS_A_FETCH 1000

/* A row is waited for so long at a time, and so long is slept after a round that got nowhere. */
#define ROW_LOCK_TIMEOUT "1s"
#define LOCKED_POLL_MS 100

/* One table's sweep. */
typedef struct Sweep
{
	Oid			  relid;
	Datum		  end_array; /* text[]: rows with greater keys came later; or 0 */
	MemoryContext context;	 /* of the round's rows */
	BatchRows	  rows;
	bool		  complete; /* these are all */
	bool		  gone;		/* the table is */
	int			  next;		/* the first row that no batch has had */
	int			  rounds;
	int64		  skipped; /* in this round */

	/* Of the current batch. */
	int				count;
	BackfillFigures figures;
} Sweep;

/* Copies rows of a fetch into the round's; arg: the sweep. */
static void
keep_rows(const BackfillTable *table, const BatchRows *rows, int fetched pg_attribute_unused(),
		  void *arg)
{
	Sweep		 *sweep = arg;
	MemoryContext old_context = MemoryContextSwitchTo(sweep->context);

	for (int i = 0; i < rows->count && sweep->rows.count < ROWS_A_ROUND; i++)
	{
		int n = sweep->rows.count++;

		sweep->rows.tids[n] = rows->tids[i];
		key_copy(table, &rows->keys[(Size) i * table->nkeys],
				 &sweep->rows.keys[(Size) n * table->nkeys]);
	}
	MemoryContextSwitchTo(old_context);
}

/* Makes room for a round's rows. */
static void
begin_round(Sweep *sweep, const BackfillTable *table)
{
	MemoryContextReset(sweep->context);
	sweep->rows = (BatchRows){
		.tids = MemoryContextAlloc(sweep->context, ROWS_A_ROUND * sizeof(ItemPointerData)),
		.keys = MemoryContextAlloc(sweep->context, ROWS_A_ROUND * sizeof(Datum) * table->nkeys)};
	sweep->next = 0;
	sweep->skipped = 0;
	sweep->rounds++;
}

/* Opens a cursor on the rows without a value, in one snapshot. */
static Portal
open_cursor(const Sweep *sweep, const BackfillTable *table)
{
	Oid	   types[MAX_KEY_COLUMNS];
	Datum  values[MAX_KEY_COLUMNS];
	bool   ends = sweep->end_array != (Datum) 0;
	int	   nargs = ends ? table_key_types(table, 1, types) : 0;
	Portal portal;

	if (ends)
		key_from_array(table, sweep->end_array, values);
	portal = SPI_cursor_open_with_args(NULL, sql_collect(table, ends), nargs, types, values, NULL,
									   false, CURSOR_OPT_NO_SCROLL);
	if (portal == NULL)
		elog(ERROR, "could not open a cursor: %s", SPI_result_code_string(SPI_result));
	return portal;
}

/* The task that finds a round's rows; arg: the sweep. */
static void
collect_task(BackfillRun *run, void *arg)
{
	Sweep		  *sweep = arg;
	Relation	   rel;
	BackfillTable *table = run_open_table(run, sweep->relid, &rel);
	Portal		   portal;
	int			   fetched;

	sweep->gone = table == NULL;
	if (sweep->gone)
		return;
	begin_round(sweep, table);
	portal = open_cursor(sweep, table);
	do
		fetched = batch_look_at_next(table, portal, ROWS_A_FETCH, run->backfill->settled > 0,
									 keep_rows, sweep);
	while (fetched == ROWS_A_FETCH && sweep->rows.count < ROWS_A_ROUND);
	sweep->complete = fetched < ROWS_A_FETCH && sweep->rows.count < ROWS_A_ROUND;
	SPI_cursor_close(portal);
	relation_close(rel, NoLock);
}

/* The task that gives the round's next rows their values; arg: the sweep. */
static void
fill_task(BackfillRun *run, void *arg)
{
	Sweep		  *sweep = arg;
	uint64		   wal_before = pgWalUsage.wal_bytes;
	Relation	   rel;
	BackfillTable *table = run_open_table(run, sweep->relid, &rel);
	BatchRows	   rows;

	sweep->figures = (BackfillFigures){.batches = 1};
	sweep->gone = table == NULL;
	if (sweep->gone)
		return;
	sweep->count = Min(run_batch_limit(run), sweep->rows.count - sweep->next);
	rows = (BatchRows){.count = sweep->count,
					   .tids = sweep->rows.tids + sweep->next,
					   .keys = sweep->rows.keys + (Size) sweep->next * table->nkeys};
	batch_fill(table, rel, &rows, run->careful, &sweep->figures);
	relation_close(rel, NoLock);
	sweep->figures.wal_bytes = pgWalUsage.wal_bytes - wal_before;
	sweep->figures.lane = updater_lane(table->updater);
	run->lost = !figures_add(run->backfill, &sweep->figures);
}

/* Gives all rows of the round their values; returns false if told to stop. */
static bool
fill_round(BackfillRun *run, Sweep *sweep)
{
	while (!sweep->gone && sweep->next < sweep->rows.count)
	{
		instr_time start;

		if (!run_goes_on(run))
			return false;
		INSTR_TIME_SET_CURRENT(start);
		if (!run_task(run, fill_task, sweep))
			continue;
		if (run->lost)
			return false;
		run_note_batch(run, &sweep->figures, milliseconds_since(start));
		sweep->skipped += sweep->figures.skipped;
		sweep->next += sweep->count;
	}
	return true;
}

/*
 * The task that waits for the lock of the round's first row, and gives it its value
 * while it has it; arg: the sweep.  The row is known by its key, under which it is
 * found wherever others have moved it meanwhile: one that they update all the time is
 * never where it was.
 */
static void
wait_task(BackfillRun *run, void *arg)
{
	Sweep		  *sweep = arg;
	Relation	   rel;
	BackfillTable *table = run_open_table(run, sweep->relid, &rel);
	Oid			   types[MAX_KEY_COLUMNS];
	BatchRows	   rows;

	/* With the row's lock ours, nobody else is to blame. */
	static const ErrorData kept_empty = {.sqlerrcode = ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION,
										 .message =
											 "a trigger or a cast keeps the row without a value"};

	sweep->figures = (BackfillFigures){.batches = 1};
	if (table == NULL)
		return;
	(void) set_config_option("lock_timeout", ROW_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) sql_execute(sql_lock_row(table), table_key_types(table, 1, types), types,
					   sweep->rows.keys, NULL);
	rows = batch_rows_of_result(table, true);
	batch_fill(table, rel, &rows, run->careful, &sweep->figures);
	if (rows.count > 0 && sweep->figures.skipped == rows.count)
	{
		sweep->figures.skipped = 0;
		batch_set_aside(table, &rows, &kept_empty, &sweep->figures);
	}
	relation_close(rel, NoLock);
	run->lost = !figures_add(run->backfill, &sweep->figures);
}

/* The task that says in the backfill's row that the run waits for rows, or that it does not any more; arg: the reason. */
static void
show_task(BackfillRun *run, void *arg)
{
	(void) backfill_update(run->backfill, arg != NULL ? "waiting_for = $3" : "waiting_for = NULL",
						   arg);
}

/* Waits for the round's first row, after a round that left so many to others; for a second at most. */
static void
wait_for_row(BackfillRun *run, Sweep *sweep, int64 left)
{
	char *reason =
		psprintf(left == 1 ? INT64_FORMAT " row that another session has locked or changed"
						   : INT64_FORMAT " rows that other sessions have locked or changed",
				 left);
	instr_time start;

	while (!run_task(run, show_task, reason))
		;
	run->driver->wait(run, LOCKED_POLL_MS, reason);
	INSTR_TIME_SET_CURRENT(start);
	if (run_patient_task(run, wait_task, sweep) && !run->lost)
		run_note_batch(run, &sweep->figures, milliseconds_since(start));
	while (!run_task(run, show_task, NULL))
		;
	pfree(reason);
}

/* Sweeps one table; returns false if told to stop, or if it would have to wait and may not. */
static bool
sweep_table(BackfillRun *run, Sweep *sweep)
{
	int64 left = 0;

	for (;;)
	{
		if (!run_goes_on(run))
			return false;
		if (!run_task(run, collect_task, sweep))
			continue;
		if (sweep->gone || sweep->rows.count == 0)
			return true;
		if (left > 0)
			wait_for_row(run, sweep, left);
		if (run->lost || !fill_round(run, sweep))
			return false;
		left = sweep->skipped;
		if (left > 0 && !run->driver->commits)
			return false;
		if (left == 0 && sweep->complete && sweep->rounds >= 2)
			return true;
	}
}

/* The tables to sweep, in the run's memory. */
typedef struct SweepList
{
	int	   count;
	Sweep *sweeps;
} SweepList;

/* The task that reads the run's parts; arg: a SweepList. */
static void
list_task(BackfillRun *run, void *arg)
{
	SweepList	 *list = arg;
	Oid			  type = INT8OID;
	Datum		  value = Int64GetDatum(run->backfill->id);
	MemoryContext old_context;

	list->count =
		(int) sql_execute_own("SELECT p.relation_oid, p.end_key FROM pollseed.backfill_parts AS p"
							  " WHERE p.backfill_id OPERATOR(pg_catalog.=) $1 ORDER BY p.part_no",
							  1, &type, &value, NULL);
	old_context = MemoryContextSwitchTo(run->context);
	list->sweeps = palloc0_array(Sweep, Max(list->count, 1));
	for (int i = 0; i < list->count; i++)
	{
		bool  isnull;
		Datum end = sql_value(i, 2, &isnull);

		list->sweeps[i].relid = DatumGetObjectId(sql_value_not_null(i, 1));
		list->sweeps[i].end_array =
			isnull ? (Datum) 0 : PointerGetDatum(DatumGetArrayTypePCopy(end));
	}
	MemoryContextSwitchTo(old_context);
}

bool
run_sweep(BackfillRun *run)
{
	SweepList list;

	while (!run_task(run, list_task, &list))
		;
	for (int i = 0; i < list.count; i++)
	{
		bool done;

		list.sweeps[i].context =
			AllocSetContextCreate(run->context, "pollseed backfill sweep", ALLOCSET_DEFAULT_SIZES);
		done = sweep_table(run, &list.sweeps[i]);
		MemoryContextDelete(list.sweeps[i].context);
		if (!done)
			return false;
	}
	return true;
}
