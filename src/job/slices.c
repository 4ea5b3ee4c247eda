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
open_engine(JobMember *member)
{
	if (member->state != NULL)
		return;
	member->share_context =
		AllocSetContextCreate(member->context, "pollseed job engine", ALLOCSET_DEFAULT_SIZES);
	session_begin_limited();
	member->state = member->engine->open(member->job, member->share_context, &member->granule);
	session_commit();
	member->units = member->granule;
	member->ahead = false;
}

/* Works on a slice and commits it; returns false if it came to nothing. */
static bool
work_on(JobMember *member, JobSlice *slice)
{
	session_begin_limited();
	if (!member->engine->work(member->state, slice) || !jobs_advance(member->job, slice))
	{
		AbortCurrentTransaction();
		return false;
	}
	if (slice->last < member->job->total && team_may_notify(member->team))
		jobs_notify(member->job, "progress", slice->last, NULL);
	session_commit();
	team_advance(slice);
	progress_done(team_position(member->team));
	return true;
}

/* Sets the length of the next slice by the time that one took. */
static void
adapt(JobMember *member, const JobSlice *slice, double work_ms)
{
	double units = slice->last - slice->first + 1;
	double growth = (slice->ahead ? SLICE_AHEAD_MS : SLICE_MS) / Max(work_ms, 0.001);
	int64  granules = (int64) (units * Min(growth, MAX_GROWTH) / member->granule);

	member->units = Max(granules, 1) * member->granule;
	member->ahead = slice->ahead;
	if (slice->ahead)
		team_set_pace(slice, member->units);
}

/* Sets the length of the next slice, which will hold locks, after one that was ahead in vain. */
static void
shorten(JobMember *member)
{
	member->units =
		Max((int64) (member->units * (SLICE_MS / SLICE_AHEAD_MS)) / member->granule, 1) *
		member->granule;
	member->ahead = false;
}

/* Claims the next slice. */
static bool
claim(JobMember *member)
{
	int64 units = member->ahead ? team_pace(member->team) : member->units;

	return team_claim(member->team, units, member->granule, &claimed);
}

bool
slices_work(JobMember *member)
{
	open_engine(member);
	while (claim(member))
	{
		instr_time start;

		CHECK_FOR_INTERRUPTS();
		INSTR_TIME_SET_CURRENT(start);
		if (!work_on(member, &claimed))
		{
			team_give_up(&claimed);
			claimed.team = NULL;
			if (claimed.ahead)
				shorten(member);
			return false;
		}
		adapt(member, &claimed, milliseconds_since(start) - claimed.waited_ms);
		claimed.team = NULL;
	}
	return true;
}

JobSlice
slices_give_up(void)
{
	JobSlice given_up = claimed;

	if (claimed.team != NULL)
		team_give_up(&claimed);
	claimed.team = NULL;
	return given_up;
}
