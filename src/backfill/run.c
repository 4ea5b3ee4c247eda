/*-------------------------------------------------------------------------
 *
 * run.c
 *		A process at work on a backfill, whichever way it was started.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "executor/instrument.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/notify.h"
#include "core/progress.h"
#include "core/sql.h"
#include "job/retry.h"
#include "backfill/outcomes.h"
#include "backfill/parts.h"
#include "backfill/run.h"
#include "backfill/settings.h"
#include "backfill/sweep.h"

/* While others work on the last ranges, so often is looked again. */
#define OTHERS_POLL_MS 20

BackfillRun *
run_make(Backfill *backfill, const BackfillDriver *driver, void *arg, MemoryContext parent)
{
	MemoryContext context =
		AllocSetContextCreate(parent, "pollseed backfill run", ALLOCSET_DEFAULT_SIZES);
	BackfillRun *run = MemoryContextAllocZero(context, sizeof(BackfillRun));

	run->backfill = backfill;
	run->driver = driver;
	run->arg = arg;
	run->context = context;
	run->throttle = throttle_make(backfill->name, backfill->throttle, context);
	run->batch_size =
		backfill->batch_size_now > 0 ? backfill->batch_size_now : backfill->batch_size;
	run->logged_size = (int) run->batch_size;
	run->until = DT_NOEND;
	run->began_at = GetCurrentTimestamp();
	run->claim.workers = 1;
	return run;
}

void
run_free(BackfillRun *run)
{
	range_release(run->range);
	backfill_table_free(run->table);
	MemoryContextDelete(run->context);
}

BackfillTable *
run_open_table(BackfillRun *run, Oid relid, Relation *rel)
{
	*rel = backfill_table_open(relid);
	if (*rel != NULL && relid != run->backfill->relation &&
		!list_member_oid(get_partition_ancestors(relid), run->backfill->relation))
	{
		/* A partition that was detached. */
		relation_close(*rel, NoLock);
		*rel = NULL;
	}
	if (*rel == NULL)
	{
		backfill_check_relation(run->backfill);
		return NULL;
	}
	if (run->table != NULL && run->table->relid != relid)
	{
		backfill_table_free(run->table);
		run->table = NULL;
	}
	if (run->table == NULL)
		run->table = backfill_table_make(run->backfill, *rel, run->context);
	else
		backfill_table_refresh(&run->table, *rel, run->context);
	run->table->commits = run->driver->commits;
	run->table->rest_us = run_rest_us(run);
	return run->table;
}

/* Raises 55000 where the backfill waits for another, and 42P01 where its table is gone. */
static void
check_order(BackfillRun *run)
{
	const Backfill *backfill = run->backfill;

	run->is_early = backfill->after != NULL && !backfill_is_finished(backfill->after);
	if (run->is_early)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("backfill \"%s\" is to run after backfill \"%s\", which is not "
							   "finished",
							   backfill->name, backfill->after),
						errhint("Run \"%s\" first.", backfill->after)));
	backfill_check_relation(backfill);
}

/* The task that begins or resumes the run; arg: whether it resumed. */
static void
begin_task(BackfillRun *run, void *arg)
{
	Backfill *backfill = run->backfill;
	bool	 *resumed = arg;

	check_order(run);
	*resumed = (backfill->state == BACKFILL_STARTED || backfill->state == BACKFILL_FAILED) &&
			   backfill->same_relation && parts_exist(backfill);
	backfill->run_no++;
	if (sql_execute_own(psprintf("UPDATE pollseed.backfills AS b SET run_no = %d,"
								 " relation_oid = %u, database_oid = %u, state = 'started',"
								 " waiting_for = NULL, last_error = NULL, last_sqlstate = NULL,"
								 " resumed_at = pg_catalog.clock_timestamp()"
								 " WHERE b.backfill_id OPERATOR(pg_catalog.=) " INT64_FORMAT,
								 backfill->run_no, backfill->relation, MyDatabaseId, backfill->id),
						0, NULL, NULL, NULL) != 1)
		elog(ERROR, "backfill \"%s\" is gone", backfill->name);
	if (*resumed)
		ranges_adopt(backfill);
	else
	{
		backfill->sweeping = false;
		parts_begin(backfill, run->context);
	}
	(void) backfill_update(backfill,
						   "resumed_filled = b.filled OPERATOR(pg_catalog.+)"
						   " (SELECT COALESCE(pg_catalog.sum(r.filled), 0)::pg_catalog.int8"
						   " FROM pollseed.backfill_ranges AS r"
						   " WHERE r.backfill_id OPERATOR(pg_catalog.=) b.backfill_id)",
						   NULL);
}

/* The task that shows the run to other sessions. */
static void
show_task(BackfillRun *run, void *arg pg_attribute_unused())
{
	const Backfill *backfill = run->backfill;
	ProgressStart	start = {.engine = "backfill",
							 .relation = backfill->relation_name,
							 .phase = "filling",
							 .total = -1,
							 .outlives_transaction = run->driver->commits};
	Oid				type = INT8OID;
	Datum			value = Int64GetDatum(backfill->id);
	bool			isnull;
	Datum			total;

	(void) sql_execute_own("SELECT b.filled OPERATOR(pg_catalog.+) b.no_data"
						   " OPERATOR(pg_catalog.+) b.quarantined OPERATOR(pg_catalog.-)"
						   " b.settled_before OPERATOR(pg_catalog.+) (SELECT"
						   " COALESCE(pg_catalog.sum(r.filled OPERATOR(pg_catalog.+) r.no_data"
						   " OPERATOR(pg_catalog.+) r.quarantined), 0)::pg_catalog.int8"
						   " FROM pollseed.backfill_ranges AS r"
						   " WHERE r.backfill_id OPERATOR(pg_catalog.=) b.backfill_id), b.total"
						   " FROM pollseed.backfills AS b"
						   " WHERE b.backfill_id OPERATOR(pg_catalog.=) $1",
						   1, &type, &value, NULL);
	start.done = DatumGetInt64(sql_value_not_null(0, 1));
	total = sql_value(0, 2, &isnull);
	start.total = isnull ? -1 : DatumGetInt64(total);
	progress_begin(&start);
	run->shows_progress = true;
}

void
run_begin(BackfillRun *run)
{
	bool resumed = false;

	while (!run_task(run, begin_task, &resumed))
		;
	if (run->driver->shows_progress)
	{
		while (!run_task(run, show_task, NULL))
			;
	}
	ereport(backfill_log_level,
			(errhidestmt(true), errhidecontext(true),
			 errmsg("pollseed backfill \"%s\" of %s.%s: %s", run->backfill->name,
					run->backfill->relation_name, run->backfill->column.name,
					resumed ? "goes on where it stopped" : "begins")));
}

/* What a batch of a range came to. */
typedef struct RangeBatch
{
	ClaimResult		claim;
	bool			finished; /* the range is */
	BackfillFigures figures;
} RangeBatch;

/* Finds a range to work on. */
static void
claim(BackfillRun *run, RangeBatch *batch)
{
	run->claim.batch_size = (int) run->batch_size;
	batch->claim = range_claim(run->backfill, &run->claim, (TableOpener) run_open_table, run,
							   run->context, &run->range);
	if (batch->claim == CLAIM_RANGE && run->done.batches == 0 && run->range->batch_size > 0)
		run->batch_size = run->range->batch_size;
	if (batch->claim == CLAIM_RANGE && run->claim.shared)
		batch->claim = CLAIM_AGAIN;
}

/* The task that does one batch of a range; arg: a RangeBatch. */
static void
range_task(BackfillRun *run, void *arg)
{
	RangeBatch *batch = arg;
	uint64		wal_before = pgWalUsage.wal_bytes;
	int			limit = run_batch_limit(run);
	Relation	rel;
	bool		finished = true;

	*batch = (RangeBatch){.claim = CLAIM_RANGE};
	if (run->range == NULL)
		claim(run, batch);
	if (batch->claim != CLAIM_RANGE)
		return;

	if (run_open_table(run, run->range->relid, &rel) != NULL)
	{
		if (!range_use_table(run->range, run->table))
		{
			relation_close(rel, NoLock);
			range_release(run->range);
			run->range = NULL;
			batch->claim = CLAIM_AGAIN;
			return;
		}
		finished = batch_run(run->table, rel, run->range, limit, run->careful, &batch->figures);
		relation_close(rel, NoLock);
	}
	batch->figures.batches = 1;
	batch->figures.batch_size = (int) run->batch_size;
	if (run->table != NULL)
		batch->figures.lane = updater_lane(run->table->updater);
	batch->figures.wal_bytes = pgWalUsage.wal_bytes - wal_before;
	if (finished)
	{
		run->lost = !range_finish(run->backfill, run->range, &batch->figures);
		batch->finished = true;
	}
	else
		run->lost = !range_advance(run->backfill, run->table, run->range, &batch->figures);
}

/* Works on ranges until there are none; returns whether that is so, or it was told to stop. */
static RunResult
scan(BackfillRun *run)
{
	while (run_goes_on(run))
	{
		RangeBatch batch = {0};
		instr_time start;

		INSTR_TIME_SET_CURRENT(start);
		if (!run_task(run, range_task, &batch))
			continue;
		/* Only now that its row is gone: who gets the lock of a range works on it. */
		if (batch.finished)
		{
			range_release(run->range);
			run->range = NULL;
		}
		if (run->lost)
			return RUN_LOST;
		if (batch.claim == CLAIM_NOTHING)
			return RUN_FINISHED;
		if (batch.claim == CLAIM_OTHERS)
		{
			if (!run->driver->leads)
				return RUN_FINISHED;
			run->driver->wait(run, OTHERS_POLL_MS, NULL);
		}
		else if (batch.claim == CLAIM_RANGE)
			run_note_batch(run, &batch.figures, milliseconds_since(start));
	}
	return RUN_STOPPED;
}

/*
 * The task that enters the sweep, or goes on with it, which does not look again at what
 * any process of the run was done with.  But where rows are known by their place, others
 * may be there by now, as after VACUUM FULL: then it begins with a clean sheet.
 */
static void
sweep_task(BackfillRun *run, void *arg pg_attribute_unused())
{
	Backfill *backfill = run->backfill;
	Oid		  type = INT8OID;
	Datum	  value = Int64GetDatum(backfill->id);

	if (backfill->nkeys == 0 && !backfill->sweeping)
		parts_forget_outcomes(backfill);
	(void) backfill_update(backfill, "phase = 'sweep', skipped = 0", NULL);
	(void) sql_execute_own("SELECT b.no_data OPERATOR(pg_catalog.+) b.quarantined, b.quarantined"
						   " FROM pollseed.backfills AS b"
						   " WHERE b.backfill_id OPERATOR(pg_catalog.=) $1",
						   1, &type, &value, NULL);
	backfill->settled = DatumGetInt64(sql_value_not_null(0, 1));
	backfill->quarantined = DatumGetInt64(sql_value_not_null(0, 2));
}

/* The task that ends the run. */
static void
finish_task(BackfillRun *run, void *arg pg_attribute_unused())
{
	run->lost = !backfill_update(
		run->backfill,
		"state = 'finished', skipped = 0, waiting_for = NULL,"
		" finished_at = pg_catalog.clock_timestamp(), total_exact = true,"
		" total = b.filled OPERATOR(pg_catalog.+) b.no_data OPERATOR(pg_catalog.+) b.quarantined"
		" OPERATOR(pg_catalog.-) b.settled_before",
		NULL);
	if (run->driver->shows_progress && notify_is_on())
		notify_event(
			&(NotifyEvent){.event = "backfill_complete",
						   .engine = "backfill",
						   .done = run->done.filled,
						   .total = -1,
						   .time_ms = (double) (GetCurrentTimestamp() - run->began_at) / 1000});
}

RunResult
run_work(BackfillRun *run)
{
	RunResult result = RUN_FINISHED;

	if (!run->backfill->sweeping)
		result = scan(run);
	if (result != RUN_FINISHED || !run->driver->leads)
		return result;

	progress_phase("sweeping", 0, -1);
	while (!run_task(run, sweep_task, NULL))
		;
	if (run->backfill->nkeys == 0 && !run->backfill->sweeping)
		run->done.no_data = run->done.quarantined = 0;
	run->backfill->sweeping = true;
	if (!run_sweep(run))
		return run->lost ? RUN_LOST : RUN_STOPPED;
	while (!run_task(run, finish_task, NULL))
		;
	if (run->lost)
		return RUN_LOST;
	ereport(backfill_log_level,
			(errhidestmt(true), errhidecontext(true),
			 errmsg("pollseed backfill \"%s\" is finished: this process filled " INT64_FORMAT
					" rows in " INT64_FORMAT " batches and %.1f s, " INT64_FORMAT
					" are without data, " INT64_FORMAT " set aside",
					run->backfill->name, run->done.filled, run->done.batches,
					(double) (GetCurrentTimestamp() - run->began_at) / USECS_PER_SEC,
					run->done.no_data, run->done.quarantined)));
	return RUN_FINISHED;
}
