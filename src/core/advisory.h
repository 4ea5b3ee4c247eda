/*-------------------------------------------------------------------------
 *
 * advisory.h
 *		Locks that say which process is at something: a job, a backfill.
 *
 * They are advisory locks of classes of our own, which users' functions cannot
 * take.  A function that calls pg_advisory_unlock_all() in our process lets go of
 * those of the session; what relies on them must be right all the same.  They go with
 * the process that holds them, however it ends.  pg_locks shows the class as
 * objsubid; functions like pg_advisory_lock() use 1 and 2.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ADVISORY_H
#define POLLSEED_ADVISORY_H

/* Takes a lock of the session, or of the transaction, if it is free. */
extern bool advisory_lock(int64 number, uint16 class, bool session);

/* Takes a lock of the transaction, waiting for it. */
extern void advisory_lock_wait(int64 number, uint16 class);

/* Waits until nobody holds a lock, and lets go of it at once. */
extern void advisory_wait(int64 number, uint16 class);

/* Lets go of a transaction's lock before its end. */
extern void advisory_release(int64 number, uint16 class);

/* Lets go of a session's lock. */
extern void advisory_unlock(int64 number, uint16 class);

/* Returns SQL that is true for a row l of pg_locks that is the held lock of a number, given as an expression of type int8. */
extern const char *advisory_lock_condition(const char *number, uint16 class);

#endif /* POLLSEED_ADVISORY_H */
