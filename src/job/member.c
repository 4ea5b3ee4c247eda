/*-------------------------------------------------------------------------
 *
 * member.c
 *		A process at work on a job, the leader or a helper, and what an engine
 *		that commits by itself asks of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/progress.h"
#include "job/member.h"
#include "job/session.h"
#include "job/slices.h"

/* A leader writes the job's row, or looks at it, at most so often; while it waits, less so. */
#define REPORT_MS 250
#define WAIT_REPORT_MS 1000

bool
member_is_leader(const JobMember *member)
{
	return member->number == 0;
}

int
member_number(const JobMember *member)
{
	return member->number;
}

int
member_workers(const JobMember *member)
{
	return team_size(member->team);
}

void
member_committed(JobMember *member, int batches)
{
	team_count_batches(member->team, batches);
}

/* Writes to the job's row what has changed; returns how many workers are wanted, or 0 if the job is not ours any more. */
static int
report(JobMember *member)
{
	Job	 *job = member->job;
	int64 batches = team_batches(member->team);
	bool  grows = member->done > job->done;
	int	  workers;

	session_begin();
	if (member->to_report || member->done != job->done || member->total != job->total ||
		batches != member->batches)
		workers = jobs_report(
			job, &(JobReport){.done = member->done,
							  .total = member->total,
							  .batches = batches - member->batches,
							  .reason = member->reason != NULL ? member->reason : "working"});
	else
		workers = jobs_workers_wanted(job);
	job->done = member->done;
	job->total = member->total;
	if (workers > 0 && grows && team_may_notify(member->team))
		jobs_notify(job, "progress", job->done, NULL);
	session_commit();

	member->batches = batches;
	member->to_report = false;
	INSTR_TIME_SET_CURRENT(member->reported_at);
	team_note_position(member->team, job->done);
	progress_total(job->total);
	return workers;
}

void
member_report(JobMember *member)
{
	if (member->engine->run != NULL)
		(void) report(member);
}

/* Reports as the leader, if it is time to, and sees to its helpers; returns whether to go on. */
static bool
lead_on(JobMember *member)
{
	int workers;

	if (!INSTR_TIME_IS_ZERO(member->reported_at) &&
		milliseconds_since(member->reported_at) < REPORT_MS)
		return true;
	workers = report(member);
	if (workers == 0)
		return false;
	team_resize(member->team, member->job, workers);
	return true;
}

bool
member_goes_on(JobMember *member, int64 done, int64 total)
{
	Assert(!IsTransactionState());
	CHECK_FOR_INTERRUPTS();
	if (!member_is_leader(member))
		return team_wants(member->team, member->number);
	member->done = done;
	member->total = total;
	progress_done(done);
	return lead_on(member);
}

/* Waits as the leader until it is time to report, or for so long; returns whether to go on. */
static bool
lead_on_and_wait(JobMember *member, long ms)
{
	if (!lead_on(member))
		return false;
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Min(ms, member->to_report ? REPORT_MS : WAIT_REPORT_MS), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return true;
}

bool
member_wait(JobMember *member, long ms)
{
	instr_time start;
	bool	   goes_on = true;

	Assert(!IsTransactionState());
	INSTR_TIME_SET_CURRENT(start);
	for (long left = ms; left > 0 && goes_on; left = ms - (long) milliseconds_since(start))
	{
		if (member_is_leader(member))
			goes_on = lead_on_and_wait(member, left);
		else
			goes_on = team_sleep(member->team, member->number, left);
	}
	return goes_on;
}

void
member_waiting(JobMember *member, const char *reason)
{
	progress_waiting(reason);
	if (reason == NULL ? member->reason == NULL
					   : member->reason != NULL && strcmp(reason, member->reason) == 0)
		return;
	if (member->reason != NULL)
		pfree(unconstify(char *, member->reason));
	member->reason = reason != NULL ? MemoryContextStrdup(member->context, reason) : NULL;
	member->to_report = true;
}

/* Lets go of what the share of the work needed. */
static void
end_share(JobMember *member)
{
	if (member->share_context != NULL)
		MemoryContextDelete(member->share_context);
	member->share_context = NULL;
	member->state = NULL;
}

/* Lets the engine run, which commits by itself. */
static bool
run(JobMember *member)
{
	bool done;

	member->share_context =
		AllocSetContextCreate(member->context, "pollseed job run", ALLOCSET_DEFAULT_SIZES);
	member->done = member->job->done;
	member->total = member->job->total;
	member->to_report = true;
	INSTR_TIME_SET_ZERO(member->reported_at);

	MemoryContextSwitchTo(member->share_context);
	done = member->engine->run(member->job, member);
	MemoryContextSwitchTo(member->context);
	if (done && member_is_leader(member))
		done = report(member) > 0;
	else if (done)
		team_note_nothing_left(member->team);
	end_share(member);
	return done;
}

bool
member_work(JobMember *member)
{
	return member->engine->run != NULL ? run(member) : slices_work(member);
}

JobSlice
member_reset(JobMember *member)
{
	end_share(member);
	member_waiting(member, NULL);
	return slices_give_up();
}
