/*-------------------------------------------------------------------------
 *
 * flight.h
 *		One computation for all who want the same result at the same time.
 *
 * Who computes holds a lock by the entry's hash; others wait for it.  It is a lock of the
 * server's, so that it goes with its holder however that ends, deadlocks across it are
 * found, and pg_locks and pg_blocking_pids() show who waits for whom.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_FLIGHT_H
#define POLLSEED_CACHE_FLIGHT_H

/* Becomes the one who computes, unless there is one already. */
extern bool flight_lead(uint64 hash);

/* Lets those who wait look. */
extern void flight_end(uint64 hash);

/*
 * Waits for the one who computes, and to become the one who does so if asked to.  Returns NULL, or why
 * it did not: the transaction may hold what the other one needs, a deadlock was found, or it took longer
 * than pollseed.cache_wait.
 */
extern const char *flight_wait(uint64 hash, bool to_lead);

/* Defines the setting. */
extern void flight_init(void);

#endif /* POLLSEED_CACHE_FLIGHT_H */
