/*-------------------------------------------------------------------------
 *
 * helper.c
 *		A background worker that works on slices of a job that another leads.
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
#include "job/retry.h"
#include "job/session.h"
#include "job/slices.h"
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
 * Works on slices until there are none.  After an error that may pass the slice is
 * claimed anew, by us or another.  After any other we leave: the leader will meet it
 * too, if it is not ours alone.
 */
static void
help(JobWorker *worker)
{
	volatile bool go_on = true;

	while (go_on)
	{
		ErrorData *volatile error = NULL;

		PG_TRY();
		{
			go_on = !slices_work(worker);
		}
		PG_CATCH();
		{
			MemoryContextSwitchTo(worker->context);
			error = CopyErrorData();
			AbortCurrentTransaction();
			FlushErrorState();
		}
		PG_END_TRY();
		MemoryContextSwitchTo(worker->context);
		if (error != NULL && !slices_reset(worker))
		{
			ereport(LOG,
					(errcode(error->sqlerrcode), errmsg("pollseed job " INT64_FORMAT ", helper: %s",
														worker->job->id, error->message)));
			go_on = retry_may_help(error->sqlerrcode) && wait_to_retry();
		}
	}
}

/* Background worker: joins the team of its ticket. */
void
pollseed_helper_main(Datum arg pg_attribute_unused())
{
	const WorkerTicket *ticket = session_connect();
	JobWorker			worker = {0};

	worker.context =
		AllocSetContextCreate(TopMemoryContext, "pollseed job", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(worker.context);
	worker.team = team_join(ticket->team);
	if (worker.team == NULL)
		proc_exit(0);

	session_begin();
	worker.job = jobs_read(ticket->job, false, worker.context);
	if (worker.job != NULL)
		session_apply_settings(worker.job);
	session_commit();
	MemoryContextSwitchTo(worker.context);

	/* Somebody else may lead it by now; of his attempt we are not. */
	if (worker.job != NULL && worker.job->attempts == ticket->attempt)
	{
		worker.engine = job_engine(worker.job->engine);
		pgstat_report_activity(STATE_RUNNING, psprintf("pollseed job " INT64_FORMAT ": %s, helping",
													   worker.job->id, worker.job->engine));
		help(&worker);
	}
	proc_exit(0);
}
