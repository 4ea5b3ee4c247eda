/*-------------------------------------------------------------------------
 *
 * locks.h
 *		Locks that say who works on a backfill, and on which range of it.
 *
 * They are advisory locks: see core/advisory.h.  pg_locks shows them with objsubid
 * BACKFILL_RUNNER_LOCK and BACKFILL_RANGE_LOCK.  Lock order: the runner's, then a
 * range's, both before any row; nobody waits for a range's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_BACKFILL_LOCKS_H
#define POLLSEED_BACKFILL_LOCKS_H

#include "backfill/definition.h"

/* Classes of advisory locks; those of jobs are 28787 and 28788. */
#define BACKFILL_RUNNER_LOCK 28789
#define BACKFILL_RANGE_LOCK 28790

/*
 * Takes the lock of a backfill's runner, for the session or the transaction;
 * raises 55006 where somebody else has it.
 */
extern void lock_runner(const Backfill *backfill, bool session);

/* Takes it for the session, if it is free. */
extern bool try_lock_runner(int64 backfill);

/* Lets go of a session's. */
extern void unlock_runner(int64 backfill);

/* Takes a range's lock for the session, if it is free. */
extern bool lock_range(int64 range);

/* Lets go of it. */
extern void unlock_range(int64 range);

#endif /* POLLSEED_BACKFILL_LOCKS_H */
