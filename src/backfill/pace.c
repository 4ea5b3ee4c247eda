/*-------------------------------------------------------------------------
 *
 * pace.c
 *		How fast a run goes: the size of its batches, the throttle, the limits of
 *		a call.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/progress.h"
#include "backfill/run.h"
#include "backfill/settings.h"

/* A batch that is well below its time grows, one that is above it shrinks. */
#define GROWTH 1.1
#define SHRINKAGE 0.5
#define MIN_SHARE_OF_TARGET 0.9

/* A batch that had fewer rows than this share of what it may have says nothing of a larger one. */
#define MIN_SHARE_TO_GROW 0.5

/* Growth is logged each time that the size has changed by this factor since. */
#define LOGGED_GROWTH 2

/* The longest rest between rows that are written. */
#define MAX_REST_US 5000

/* The throttle is asked so often. */
#define THROTTLE_POLL_MS 500

/* Returns how few rows a batch may shrink to; it may have begun with fewer. */
static int
min_batch_size(const BackfillRun *run)
{
	return Min(backfill_min_batch_size, run->backfill->batch_size);
}

int
run_batch_limit(const BackfillRun *run)
{
	double limit = run->batch_size;

	if (run->done.batches > 0 && run->done.filled > 0 && run->driver->commits)
	{
		int64 affordable = throttle_max_rows(run->throttle, (double) run->done.wal_bytes /
																(double) run->done.filled);

		if (affordable > 0)
			limit = Min(limit, affordable);
	}
	return (int) Max(limit, min_batch_size(run));
}

/* Rests take up to half of the time that the budget gives, so that it can be used up. */
long
run_rest_us(const BackfillRun *run)
{
	double row_bytes;

	if (!run->driver->commits || run->done.filled == 0)
		return 0;
	row_bytes = (double) run->done.wal_bytes / (double) run->done.filled;
	return (long) Min(throttle_seconds(run->throttle, GENTLE_ROWS * row_bytes) * 1000000 / 2,
					  MAX_REST_US);
}

/* Logs that the batch size has changed, if it has by enough. */
static void
log_batch_size(BackfillRun *run, double ms)
{
	int size = (int) run->batch_size;

	if (size >= run->logged_size && size < run->logged_size * LOGGED_GROWTH)
		return;
	ereport(backfill_log_level,
			(errhidestmt(true), errhidecontext(true),
			 errmsg("pollseed backfill \"%s\": batches of %d rows now, because the last one took "
					"%.0f ms of %.0f",
					run->backfill->name, size, ms, run->backfill->target_ms)));
	run->logged_size = size;
}

/* Sets the size of the next batch by the time that the last one took: halved at once, or a tenth more. */
static void
adapt(BackfillRun *run, double ms, int64 rows)
{
	double size = run->batch_size;

	if (ms > run->backfill->target_ms)
		size *= SHRINKAGE;
	else if (rows >= size * MIN_SHARE_TO_GROW &&
			 ms < run->backfill->target_ms * MIN_SHARE_OF_TARGET)
		size = Max(size * GROWTH, size + 1);
	run->batch_size = Max(Min(size, backfill_max_batch_size), min_batch_size(run));
	log_batch_size(run, ms);
}

void
run_note_batch(BackfillRun *run, const BackfillFigures *figures, double ms)
{
	double pause;

	run->careful = false;
	run->done.filled += figures->filled;
	run->done.no_data += figures->no_data;
	run->done.quarantined += figures->quarantined;
	run->done.skipped += figures->skipped;
	run->done.batches++;
	run->done.wal_bytes += figures->wal_bytes;
	run->backfill->quarantined += figures->quarantined;
	run->backfill->settled += figures->no_data + figures->quarantined;
	progress_advance(figures->filled + figures->no_data + figures->quarantined);
	adapt(run, ms, figures->filled + figures->no_data + figures->quarantined + figures->skipped);
	if (!run->driver->commits)
		return;
	run->unreported = run->driver->reports_statistics ? 0 : run->unreported + figures->filled;
	pause = throttle_pause_ms(run->throttle, figures->wal_bytes, ms, run->claim.workers);
	if (pause >= 1)
		run->driver->wait(run, (long) pause, NULL);
}

/* The task that asks the throttle; arg: its answer, in the run's memory. */
static void
throttle_task(BackfillRun *run, void *arg)
{
	Oid			  relid = run->table != NULL ? run->table->relid : run->backfill->relation;
	ThrottleFacts facts = {.relations = list_make1_oid(relid),
						   .own_dead = run->unreported,
						   .blocked_sessions = run->holds == NULL ? run->blocked : 0};
	const char	 *reason = throttle_check(run->throttle, &facts);

	*(const char **) arg = reason == NULL ? NULL : MemoryContextStrdup(run->context, reason);
}

/* The task that shows why the run holds, or that it does not any more. */
static void
show_hold_task(BackfillRun *run, void *arg)
{
	const char *reason = *(const char **) arg;

	(void) backfill_update(run->backfill,
						   reason != NULL ? "waiting_for = $3" : "waiting_for = NULL", reason);
}

/* Has the backfill's row say why the run holds, when that begins and ends. */
static void
show_hold(BackfillRun *run, const char *reason)
{
	if ((reason == NULL) != (run->holds == NULL))
	{
		while (!run_task(run, show_hold_task, &reason))
			;
		ereport(backfill_log_level,
				(errhidestmt(true), errhidecontext(true),
				 errmsg("pollseed backfill \"%s\" %s", run->backfill->name,
						reason != NULL ? psprintf("holds back: %s", reason) : "goes on")));
	}
	if (run->holds != NULL)
		pfree(unconstify(char *, run->holds));
	run->holds = reason;
}

/* Tells whether a limit of the call is reached. */
static bool
is_limited(const BackfillRun *run)
{
	return (run->max_batches > 0 && run->done.batches >= run->max_batches) ||
		   (run->until != DT_NOEND && GetCurrentTimestamp() >= run->until);
}

/* Tells whether it is time to ask the throttle again. */
static bool
is_time_to_ask(const BackfillRun *run)
{
	return TimestampDifferenceExceeds(run->asked_at, GetCurrentTimestamp(), THROTTLE_POLL_MS);
}

bool
run_goes_on(BackfillRun *run)
{
	const char *reason = NULL;

	for (;;)
	{
		if (!run->driver->goes_on(run) || is_limited(run))
		{
			show_hold(run, NULL);
			return false;
		}
		if (!run->driver->commits || (run->holds == NULL && !is_time_to_ask(run)))
			return true;
		while (!run_task(run, throttle_task, &reason))
			;
		run->asked_at = GetCurrentTimestamp();
		show_hold(run, reason);
		if (reason == NULL)
			return true;
		run->driver->wait(run, THROTTLE_POLL_MS, reason);
	}
}
