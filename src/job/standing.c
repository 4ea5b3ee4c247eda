/*-------------------------------------------------------------------------
 *
 * standing.c
 *		Standing jobs: a role has one of an engine, which does what the role has put on
 *		a schedule whenever that is due, and ends when nothing is on one any more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "core/advisory.h"
#include "core/compat.h"
#include "job/retry.h"
#include "job/session.h"
#include "job/standing.h"

/* It looks for new schedules so often. */
#define LOOK_MS 1000

/* A schedule is at least so many seconds. */
#define MIN_EVERY_SECONDS 1

/* After an error that may pass it is tried again within this time, after any other not before it. */
#define RETRY_AFTER "'10 seconds'::pg_catalog.interval"

/* A standing job at work. */
typedef struct Standing
{
	const StandingWork *work;
	void			   *state;
	const Job		   *job;
	JobMember		   *member;
	const int64		   *done;
} Standing;

void
standing_check_every(const Interval *every)
{
	Interval min = {.time = MIN_EVERY_SECONDS * USECS_PER_SEC};

	if (INTERVAL_NOT_FINITE(every))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("every must be finite")));
	if (DatumGetBool(
			DirectFunctionCall2(interval_lt, IntervalPGetDatum(every), IntervalPGetDatum(&min))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("every must be at least 1 second"), errhint("NULL ends the schedule.")));
}

const char *
standing_due_after_error(const char *every, int sqlerrcode)
{
	return psprintf("pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) %s(%s, " RETRY_AFTER ")",
					retry_may_help(sqlerrcode) ? "LEAST" : "GREATEST", every);
}

/* Tells whether anything is on a schedule, and in how many milliseconds to look again or work. */
static bool
look(const Standing *standing, int64 *wait_ms)
{
	bool exists;

	*wait_ms = LOOK_MS;
	session_begin();
	exists = standing->work->look(standing->state, wait_ms);
	session_commit();
	*wait_ms = Min(*wait_ms, LOOK_MS);
	return exists;
}

/*
 * Decides to end, unless something was put on a schedule meanwhile, and returns whether it has.
 * Where who does that has not yet committed the job goes on.
 */
static bool
retire(const Standing *standing)
{
	int64 wait_ms;
	bool  retires;

	session_begin();
	retires = advisory_lock(GetUserId(), standing->work->schedule_lock, false) &&
			  !standing->work->look(standing->state, &wait_ms);
	if (retires)
		jobs_retire(standing->job);
	session_commit();
	return retires;
}

/* Works when something is due, until nothing is on a schedule any more; sleeps outside of transactions. */
static bool
follow(const Standing *standing)
{
	JobMember *member = standing->member;
	bool	   has_worked = false;

	for (;;)
	{
		int64 wait_ms;
		bool  exists = look(standing, &wait_ms);

		if (!exists && retire(standing))
			return member_goes_on(member, *standing->done, *standing->done);
		if (exists && wait_ms <= 0)
		{
			if (!standing->work->work(standing->state))
				return false;
		}
		else
		{
			member_waiting(member, standing->work->idle);
			if (!member_goes_on(member, *standing->done, -1) ||
				!member_wait(member, (long) wait_ms))
				return false;
		}

		/* An attempt that has come so far is not in vain, though there may be nothing to do for days. */
		if (!has_worked)
			member_committed(member, 1);
		has_worked = true;
	}
}

/* Another process may be at it: a job that had failed may be resumed while another was made. */
bool
standing_run(const StandingWork *work, void *state, const Job *job, JobMember *member,
			 const int64 *done)
{
	Standing standing = {.work = work, .state = state, .job = job, .member = member, .done = done};
	Oid		 owner = GetUserId();
	volatile bool ended = true;

	if (!advisory_lock(owner, work->standing_lock, true))
		return true;
	PG_TRY();
	{
		ended = follow(&standing);
	}
	PG_FINALLY();
	{
		advisory_unlock(owner, work->standing_lock);
	}
	PG_END_TRY();
	return ended;
}
