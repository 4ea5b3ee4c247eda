/*-------------------------------------------------------------------------
 *
 * launch.h
 *		Starting and interrupting workers when the transaction that asks for it
 *		commits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_LAUNCH_H
#define POLLSEED_LAUNCH_H

#include "postmaster/bgworker.h"

struct Job;

/* What a worker is told when it is started; fits into bgw_extra. */
typedef struct WorkerTicket
{
	Oid			  database;
	Oid			  role; /* or InvalidOid: the bootstrap superuser */
	int64		  job;
	TransactionId starter; /* what the job is needs this transaction to be over */

	/* For a leader's helpers. */
	uint32 team; /* dsm_handle */
	int	   attempt;
	int	   number; /* of the helper, from 1 */
} WorkerTicket;

/* Starts a worker at this point; false if max_worker_processes leaves no room for it. */
extern bool launch_worker(const WorkerTicket *ticket, const char *function, const char *type,
						  BackgroundWorkerHandle **handle);

/*
 * Starts a job's worker, as the job's owner, when the current transaction
 * commits.  If there is no room for it then, the job's row says so.
 */
extern void launch_at_commit(int64 job, Oid owner);

/* Tells whether the last transaction of this session that was to start workers lacked room for one. */
extern bool launch_lacked_room(void);

/* Interrupts what a job's worker does when the current transaction commits, if that stops the job. */
extern void interrupt_at_commit(const struct Job *job);

/* Watches the ends of transactions. */
extern void launch_init(void);

#endif /* POLLSEED_LAUNCH_H */
