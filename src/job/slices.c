/*-------------------------------------------------------------------------
 *
 * slices.c
 *		One process's share of a job: claiming slices, working on each in a
 *		transaction, committing it with the job's new position.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "core/figures.h"
#include "core/progress.h"
#include "job/session.h"
#include "job/slices.h"

/*
 * How long a transaction should last: long enough for what each costs to be
 * small, and short enough for others not to notice the locks that it holds, if
 * it does not work ahead.
 */
#define SLICE_MS 25.0
#define SLICE_AHEAD_MS 200.0

/* A slice is at most so many times as long as the one before it. */
#define MAX_GROWTH 2

/* The slice that this process has claimed and not yet committed or given up. */
static JobSlice claimed;

/* Opens the engine where it is not open. */
static void
open_engine(JobWorker *worker)
{
	if (worker->state != NULL)
		return;
	worker->state_context =
		AllocSetContextCreate(worker->context, "pollseed job engine", ALLOCSET_DEFAULT_SIZES);
	session_begin();
	session_limit_lock_waits();
	worker->state = worker->engine->open(worker->job, worker->state_context, &worker->granule);
	session_commit();
	worker->units = worker->granule;
	worker->ahead = false;
}

/* Works on a slice and commits it; returns false if it came to nothing. */
static bool
work_on(JobWorker *worker, JobSlice *slice)
{
	session_begin();
	session_limit_lock_waits();
	if (!worker->engine->work(worker->state, slice) || !jobs_advance(worker->job, slice))
	{
		AbortCurrentTransaction();
		return false;
	}
	if (slice->last < worker->job->total && team_may_notify(worker->team))
		jobs_notify(worker->job, "progress", slice->last, NULL);
	session_commit();
	team_advance(slice);
	progress_done(team_position(worker->team));
	return true;
}

/* Sets the length of the next slice by the time that one took. */
static void
adapt(JobWorker *worker, const JobSlice *slice, double work_ms)
{
	double units = slice->last - slice->first + 1;
	double growth = (slice->ahead ? SLICE_AHEAD_MS : SLICE_MS) / Max(work_ms, 0.001);
	int64  granules = (int64) (units * Min(growth, MAX_GROWTH) / worker->granule);

	worker->units = Max(granules, 1) * worker->granule;
	worker->ahead = slice->ahead;
	if (slice->ahead)
		team_set_pace(slice, worker->units);
}

/* Sets the length of the next slice, which will hold locks, after one that was ahead in vain. */
static void
shorten(JobWorker *worker)
{
	worker->units =
		Max((int64) (worker->units * (SLICE_MS / SLICE_AHEAD_MS)) / worker->granule, 1) *
		worker->granule;
	worker->ahead = false;
}

/* Claims the next slice. */
static bool
claim(JobWorker *worker)
{
	int64 units = worker->ahead ? team_pace(worker->team) : worker->units;

	return team_claim(worker->team, units, worker->granule, &claimed);
}

bool
slices_work(JobWorker *worker)
{
	open_engine(worker);
	while (claim(worker))
	{
		instr_time start;

		CHECK_FOR_INTERRUPTS();
		INSTR_TIME_SET_CURRENT(start);
		if (!work_on(worker, &claimed))
		{
			team_give_up(&claimed);
			claimed.team = NULL;
			if (claimed.ahead)
				shorten(worker);
			return false;
		}
		adapt(worker, &claimed, milliseconds_since(start) - claimed.waited_ms);
		claimed.team = NULL;
	}
	return true;
}

bool
slices_reset(JobWorker *worker)
{
	bool ahead = claimed.team != NULL && claimed.ahead;

	if (claimed.team != NULL)
		team_give_up(&claimed);
	claimed.team = NULL;
	if (worker->state_context != NULL)
		MemoryContextDelete(worker->state_context);
	worker->state_context = NULL;
	worker->state = NULL;
	return ahead;
}
