/*-------------------------------------------------------------------------
 *
 * leader.c
 *		The background worker that leads a job: takes it up, sees it through
 *		errors and retries, and ends it.
 *
 * Whatever happens to this process, the job's row and its data agree, and the
 * leader's lock is free again: the next tick finds the job and goes on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/progress.h"
#include "job/job.h"
#include "job/locks.h"
#include "job/member.h"
#include "job/retry.h"
#include "job/session.h"
#include "job/tick.h"
#include "job/worker.h"

/* While it waits to try again, a leader looks so often whether it was told to stop. */
#define POLL_MS 250

/* A leader's work on its job. */
typedef struct Leader
{
	JobMember member;
	int		  failures;	 /* retryable errors since something was last committed */
	int64	  failed_at; /* what was committed at the last of them, as a number that only grows */
} Leader;

/*
 * Decides under the row's lock whether a job is to be led, and begins to.  What
 * is not is settled here: a job to be cancelled, and one that was tried too often.
 */
static bool
begin_leading(Job *job)
{
	const JobEngine *engine = job_engine(job->engine);

	if (job->state == JOB_CANCELLING)
		jobs_finish(job, JOB_CANCELLED, "cancelled", NULL);
	if (job->state != JOB_QUEUED && job->state != JOB_RUNNING)
		return false;
	if (job->database != MyDatabaseId)
	{
		jobs_finish(job, JOB_CANCELLED, "it belongs to the database that this one was copied from",
					NULL);
		return false;
	}
	if (engine == NULL)
	{
		jobs_finish(job, JOB_FAILED,
					psprintf("the installed library knows no engine \"%s\"", job->engine), NULL);
		return false;
	}

	/* Where slices are all committed nothing can go wrong any more; another engine's total is an estimate. */
	if (job->attempts_in_vain >= job->max_attempts &&
		(engine->run != NULL || job->done < job->total))
	{
		jobs_finish(job, JOB_FAILED,
					psprintf("given up: %d attempts ended without a batch being committed",
							 job->attempts_in_vain),
					NULL);
		return false;
	}

	session_apply_settings(job);
	jobs_take_up(job);
	jobs_notify(job, "started", job->done, NULL);
	return true;
}

/* Takes up the job, as one of at most pollseed.max_running_jobs; returns NULL if that is not to be. */
static Job *
take_up(int64 id, MemoryContext context, int slot)
{
	Job *job;

	session_begin();
	job = jobs_read(id, true, context);
	if (job != NULL && slot < 0)
	{
		if (job->state == JOB_QUEUED)
			jobs_set_not_launched(
				id, psprintf("pollseed.max_running_jobs (%d) are running", max_running_jobs));
		job = NULL;
	}
	if (job != NULL && !begin_leading(job))
		job = NULL;
	session_commit();
	return job;
}

/* Has the helpers leave; where they commit by themselves, waits until they have. */
static void
dismiss_helpers(Leader *leader)
{
	if (leader->member.engine->run != NULL)
		team_dismiss(leader->member.team);
	else
		team_dissolve(leader->member.team);
}

/* Ends the job in this state for good; returns false if somebody else has. */
static bool
finish(Leader *leader, JobState state, const char *reason, const char *sqlstate,
	   const char *message)
{
	Job *job = leader->member.job;
	Job *now;
	bool ours;

	dismiss_helpers(leader);
	session_begin();
	now = jobs_read(job->id, true, CurrentMemoryContext);
	ours = now != NULL && now->attempts == job->attempts &&
		   (now->state == JOB_RUNNING || now->state == JOB_CANCELLING);
	if (ours && sqlstate != NULL)
		jobs_note_error(now, sqlstate, message);
	if (ours)
		jobs_finish(now, state, reason, sqlstate);
	session_commit();
	return ours;
}

/*
 * Reads where the job stands, after something came to nothing, and makes that the
 * team's position.  Returns false if it is no longer ours to work on; a job to be
 * cancelled is then cancelled.
 */
static bool
look_again(Leader *leader)
{
	Job	 *job = leader->member.job;
	Team *team = leader->member.team;
	Job	 *now;
	bool  ours;
	bool  to_cancel;

	session_begin();
	now = jobs_read(job->id, true, CurrentMemoryContext);
	ours = now != NULL && now->attempts == job->attempts;
	to_cancel = ours && now->state == JOB_CANCELLING;
	ours = ours && now->state == JOB_RUNNING;
	if (ours)
		team_note_position(team, now->done);
	session_commit();
	if (ours)
		progress_done(team_position(team));
	if (to_cancel)
		finish(leader, JOB_CANCELLED, "cancelled", NULL, NULL);
	return ours;
}

/* Waits before another try; returns false if the job is no longer ours by then. */
static bool
wait_to_retry(Leader *leader, const ErrorData *error, const char *sqlstate)
{
	Job		   *job = leader->member.job;
	long		delay = retry_delay_ms(leader->failures);
	const char *reason =
		psprintf("tries again after %.1f s: %s", (double) delay / 1000.0, sqlstate);

	ereport(LOG, (errmsg("pollseed job " INT64_FORMAT " %s: %s", job->id, reason, error->message)));
	session_begin();
	jobs_note_error(job, sqlstate, error->message);
	jobs_note_retry(job, reason);
	session_commit();

	progress_waiting(reason);
	for (long left = delay; left > 0; left -= POLL_MS)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left, POLL_MS), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (!look_again(leader))
			return false;
	}
	progress_waiting(NULL);
	return true;
}

/* Deals with an error; returns whether to go on with the job. */
static bool
survive(Leader *leader, const ErrorData *error)
{
	const char *sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
	JobSlice	slice = member_reset(&leader->member);
	int64		committed;

	member_report(&leader->member);
	if (!look_again(leader))
		return false;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && session_was_interrupted())
	{
		finish(leader, JOB_CANCELLED, "its worker was cancelled by pg_cancel_backend()", NULL,
			   NULL);
		return false;
	}
	if (team_has_passed(&slice))
		return true;
	if (!retry_may_help(error->sqlerrcode))
	{
		ereport(LOG, (errcode(error->sqlerrcode), errmsg("pollseed job " INT64_FORMAT " failed: %s",
														 leader->member.job->id, error->message)));
		finish(leader, JOB_FAILED, "failed with an error", sqlstate, error->message);
		return false;
	}

	committed = team_position(leader->member.team) + team_batches(leader->member.team);
	leader->failures = committed > leader->failed_at ? 1 : leader->failures + 1;
	leader->failed_at = committed;
	return wait_to_retry(leader, error, sqlstate);
}

/* Works until all is committed and the job has ended; returns false if it is not ours any more. */
static bool
work(Leader *leader)
{
	while (!member_work(&leader->member))
	{
		if (!look_again(leader))
			return false;
	}
	return finish(leader, JOB_SUCCEEDED, "all done", NULL, NULL);
}

/*
 * Leads a job to its end, or to where somebody else stopped it.  An error aborts
 * the transaction that it happened in, and no more.  So does one that interrupts
 * dealing with another, and takes its place; any further error then ends the
 * process, and leaves the job to be taken up again.
 */
static void
lead(Leader *leader)
{
	ErrorData *volatile error = NULL;
	volatile bool done = false;

	while (!done)
	{
		volatile bool surviving = error != NULL;

		PG_TRY();
		{
			if (error == NULL || survive(leader, error))
			{
				surviving = false;
				(void) work(leader);
			}
			done = true;
		}
		PG_CATCH();
		{
			MemoryContextSwitchTo(leader->member.context);
			error = CopyErrorData();
			if (surviving && error->sqlerrcode != ERRCODE_QUERY_CANCELED &&
				!retry_may_help(error->sqlerrcode))
				PG_RE_THROW();
			AbortCurrentTransaction();
			FlushErrorState();
		}
		PG_END_TRY();
		MemoryContextSwitchTo(leader->member.context);
	}
}

/* Leads the job in a team, which it returns dissolved, and shows its progress. */
static Team *
lead_with_team(Job *job, MemoryContext context)
{
	Leader leader = {.member = {.job = job, .engine = job_engine(job->engine), .context = context},
					 .failed_at = -1};
	ProgressStart start = {.engine = job->engine,
						   .relation = job->relation,
						   .job = job->id,
						   .run = job->run,
						   .phase = leader.member.engine->phase,
						   .done = job->done,
						   .total = job->total,
						   .outlives_transaction = true};

	MemoryContextSwitchTo(context);
	leader.member.team = team_make(job);

	/* One that commits by itself first gets ready. */
	if (leader.member.engine->run == NULL)
		team_resize(leader.member.team, job, job->workers);
	progress_begin(&start);
	lead(&leader);
	progress_end();
	dismiss_helpers(&leader);
	return leader.member.team;
}

/* Leads a job, as one of at most so many in this database, unless somebody else does; returns whether it did. */
static bool
do_job(int64 id)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "pollseed job", ALLOCSET_DEFAULT_SIZES);
	Team *team = NULL;
	int	  slot;
	Job	 *job;

	if (!lock_leadership(id))
		return false;
	slot = lock_slot(max_running_jobs);
	job = take_up(id, context, slot);
	if (job != NULL)
	{
		pgstat_report_activity(STATE_RUNNING,
							   psprintf("pollseed job " INT64_FORMAT ": %s", id, job->engine));
		team = lead_with_team(job, context);
		pgstat_report_activity(STATE_IDLE, NULL);
	}
	if (slot >= 0)
		unlock_slot(slot);
	unlock_leadership(id);
	if (team != NULL)
		team_await_helpers(team);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(context);
	return job != NULL;
}

/*
 * Starts what waits for the end of a job.  Where there is no worker slot but that
 * of this process, returns a job of the same owner for it to lead next; else 0.
 */
static int64
start_next(Oid owner)
{
	int64 next = 0;

	session_begin_limited();
	if (tick(-1) == NIL)
		owner = InvalidOid;
	session_commit();

	if (OidIsValid(owner) && launch_lacked_room())
	{
		session_begin();
		next = tick_unlaunched_job(owner);
		session_commit();
	}
	return next;
}

/* Background worker: leads the job of its ticket, then sees to what waits for the place that it leaves. */
void
pollseed_worker_main(Datum arg pg_attribute_unused())
{
	const WorkerTicket *ticket = session_connect();
	int64				id = ticket->job;

	StartTransactionCommand();
	XactLockTableWait(ticket->starter, NULL, NULL, XLTW_None);
	CommitTransactionCommand();

	while (id != 0)
	{
		bool led = do_job(id);

		id = start_next(ticket->role);
		if (!led)
			break;
	}
	proc_exit(0);
}
