/*-------------------------------------------------------------------------
 *
 * helper.c
 *		A background worker that works on a job that another leads.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "job/member.h"
#include "job/retry.h"
#include "job/session.h"
#include "job/worker.h"

/* Gives what was in the way some time to go; returns true. */
static bool
wait_to_retry(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, retry_delay_ms(1),
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return true;
}

/*
 * Deals with an error; returns whether to go on.  After one that may pass, what failed
 * is done again, by us or another.  After any other we leave: the leader will meet it
 * too, if it is not ours alone.  One that came because we were told to leave is none.
 */
static bool
survive(JobMember *member, const ErrorData *error)
{
	JobSlice slice = member_reset(member);

	if (team_has_passed(&slice))
		return true;
	if (!team_wants(member->team, member->number))
		return false;
	ereport(LOG, (errcode(error->sqlerrcode), errmsg("pollseed job " INT64_FORMAT ", helper: %s",
													 member->job->id, error->message)));
	return retry_may_help(error->sqlerrcode) && wait_to_retry();
}

/* Works until there is nothing left to do, or the leader wants no help. */
static void
help(JobMember *member)
{
	ErrorData *volatile error = NULL;
	volatile bool go_on = true;

	while (go_on && team_wants(member->team, member->number))
	{
		PG_TRY();
		{
			go_on = (error == NULL || survive(member, error)) && !member_work(member);
			error = NULL;
		}
		PG_CATCH();
		{
			MemoryContextSwitchTo(member->context);
			error = CopyErrorData();
			AbortCurrentTransaction();
			FlushErrorState();
		}
		PG_END_TRY();
		MemoryContextSwitchTo(member->context);
	}
}

/* Background worker: joins the team of its ticket. */
void
pollseed_helper_main(Datum arg pg_attribute_unused())
{
	const WorkerTicket *ticket = session_connect();
	JobMember			member = {.number = ticket->number};

	member.context =
		AllocSetContextCreate(TopMemoryContext, "pollseed job", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(member.context);
	member.team = team_join(ticket->team);
	if (member.team == NULL)
		proc_exit(0);

	session_begin();
	member.job = jobs_read(ticket->job, false, member.context);
	if (member.job != NULL)
		session_apply_settings(member.job);
	session_commit();
	MemoryContextSwitchTo(member.context);

	/* Somebody else may lead it by now; of his attempt we are not. */
	if (member.job != NULL && member.job->attempts == ticket->attempt)
	{
		member.engine = job_engine(member.job->engine);
		pgstat_report_activity(STATE_RUNNING, psprintf("pollseed job " INT64_FORMAT ": %s, helping",
													   member.job->id, member.job->engine));
		help(&member);
	}
	proc_exit(0);
}
