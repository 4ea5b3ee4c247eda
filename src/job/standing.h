/*-------------------------------------------------------------------------
 *
 * standing.h
 *		Standing jobs: a role has one of an engine, which does what the role has put on
 *		a schedule whenever that is due, and ends when nothing is on one any more.
 *
 * Who puts something on a schedule takes a lock first, by the role's OID, and keeps it until
 * his transaction ends; then he has the job found or made.  The job takes it when it decides to end: so
 * either it sees what was put there, or he sees that this job is none to rely on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_STANDING_H
#define POLLSEED_STANDING_H

#include "datatype/timestamp.h"

#include "job/engine.h"
#include "job/member.h"

/* A standing job is not given up for a few restarts of the server that come soon after one another. */
#define STANDING_MAX_ATTEMPTS 10

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

/* SQL: when what is on a schedule of this interval is due next, if it was done now. */
#define STANDING_NEXT_DUE(every) \
	"GREATEST(pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) " every "," \
	" pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) '1 second'::pg_catalog.interval)"

/* SQL: the milliseconds until something is due. */
#define STANDING_WAIT_MS(due_at) \
	"LEAST(pg_catalog.ceil(1000 OPERATOR(pg_catalog.*) pg_catalog.date_part('epoch', " due_at \
	" OPERATOR(pg_catalog.-) pg_catalog.clock_timestamp())), 1000000)::pg_catalog.int8"

/* clang-format on */

/* What an engine has a standing job do. */
typedef struct StandingWork
{
	const char *idle;		   /* what it waits for while nothing is due */
	uint16		schedule_lock; /* class of advisory locks: see above */
	uint16		standing_lock; /* of the process that is at work on a role's schedules */

	/*
	 * Tells, in a transaction, whether the current user has anything on a schedule, and sets in how many
	 * milliseconds the first is due, 0 or less if it is; leaves that as it is where nothing ever will be.
	 */
	bool (*look)(void *state, int64 *wait_ms);

	/* Does, in transactions of its own, what is due; returns false where member_goes_on() or member_wait() says stop. */
	bool (*work)(void *state);
} StandingWork;

/* Raises 22023 unless a schedule is finite and at least a second. */
extern void standing_check_every(const Interval *every);

/*
 * Returns SQL for when what is on a schedule, an expression, is due again after an error now: where the error may pass
 * soon, else not soon.
 */
extern const char *standing_due_after_error(const char *every, int sqlerrcode);

/*
 * Does that, as the run() of the job's engine does; *done is what has been done so far, for
 * the job's row.
 */
extern bool standing_run(const StandingWork *work, void *state, const Job *job, JobMember *member,
						 const int64 *done);

#endif /* POLLSEED_STANDING_H */
