/*-------------------------------------------------------------------------
 *
 * launch.c
 *		Starting and interrupting workers when the transaction that asks for it
 *		commits.
 *
 * Workers are registered just before the commit, while an error is still
 * possible and the job's row can still tell that there was no room, and wait
 * for the transaction to be over.  If it aborts after all they find no job.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "job/jobs.h"
#include "job/launch.h"

StaticAssertDecl(sizeof(WorkerTicket) <= BGW_EXTRALEN, "a ticket must fit into bgw_extra");

/* What is to be done at the end of this transaction, in its TopTransactionContext. */
static List *tickets;
static List *stops;

static bool lacked_room;

/* A worker to be interrupted. */
typedef struct Stop
{
	int64 job;
	Oid	  role;
	int	  pid; /* 0: not after all */
} Stop;

bool
launch_worker(const WorkerTicket *ticket, const char *function, const char *type,
			  BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "pollseed", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, function, sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_type, type, sizeof(worker.bgw_type));
	if (ticket->job != 0)
		snprintf(worker.bgw_name, sizeof(worker.bgw_name), "%s for job " INT64_FORMAT, type,
				 ticket->job);
	else
		strlcpy(worker.bgw_name, type, sizeof(worker.bgw_name));
	memcpy(worker.bgw_extra, ticket, sizeof(*ticket));
	worker.bgw_notify_pid = handle != NULL ? MyProcPid : 0;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

void
launch_at_commit(int64 job, Oid owner)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopTransactionContext);
	WorkerTicket *ticket = palloc0_object(WorkerTicket);

	ticket->database = MyDatabaseId;
	ticket->role = owner;
	ticket->job = job;
	tickets = lappend(tickets, ticket);
	MemoryContextSwitchTo(old_context);
}

void
interrupt_at_commit(const Job *job)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopTransactionContext);
	Stop		 *stop = palloc_object(Stop);

	stop->job = job->id;
	stop->role = job->owner;
	stop->pid = job->worker_pid;
	stops = lappend(stops, stop);
	MemoryContextSwitchTo(old_context);
}

/* Registers the workers, and notes which jobs there is no room for. */
static void
launch_all(void)
{
	ListCell *cell;

	lacked_room = false;
	foreach(cell, tickets)
	{
		WorkerTicket *ticket = lfirst(cell);

		ticket->starter = GetTopTransactionIdIfAny();
		if (launch_worker(ticket, "pollseed_worker_main", "pollseed worker", NULL))
			continue;
		lacked_room = true;
		jobs_set_not_launched(
			ticket->job,
			psprintf("no free worker slot (max_worker_processes is %d)", max_worker_processes));
	}
}

/* Notes which jobs nobody starts, because the transaction will be committed by another session. */
static void
launch_none(void)
{
	ListCell *cell;

	foreach(cell, tickets)
		jobs_set_not_launched(((WorkerTicket *) lfirst(cell))->job,
							  "waiting for pollseed_run_jobs(), after a prepared transaction");
}

bool
launch_lacked_room(void)
{
	return lacked_room;
}

/* Lets those go on whose jobs are not stopped, because that was rolled back. */
static void
check_stops(void)
{
	ListCell *cell;

	foreach(cell, stops)
	{
		Stop *stop = lfirst(cell);
		Job	 *job = jobs_read(stop->job, false, CurrentMemoryContext);

		if (job == NULL || (job->state != JOB_PAUSED && job->state != JOB_CANCELLING))
			stop->pid = 0;
	}
}

/* Interrupts the processes, unless they are gone. */
static void
interrupt_all(void)
{
	ListCell *cell;

	foreach(cell, stops)
	{
		const Stop *stop = lfirst(cell);
		PGPROC	   *proc = stop->pid != 0 ? BackendPidGetProc(stop->pid) : NULL;

		if (proc != NULL && proc->databaseId == MyDatabaseId && proc->roleId == stop->role)
			(void) kill(stop->pid, SIGINT);
	}
}

/* Does before a transaction's end what may still fail. */
static void
before_end(bool commits)
{
	if (tickets == NIL && stops == NIL)
		return;
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (commits)
		launch_all();
	else
		launch_none();
	check_stops();
	PopActiveSnapshot();
	SPI_finish();
}

/* Does at a transaction's end what it asked for.  After the commit nothing may fail. */
static void
at_end_of_transaction(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			before_end(true);
			return;
		case XACT_EVENT_PRE_PREPARE:
			before_end(false);
			return;
		case XACT_EVENT_COMMIT:
			interrupt_all();
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	tickets = NIL;
	stops = NIL;
}

void
launch_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
}
