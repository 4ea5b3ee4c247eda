/*-------------------------------------------------------------------------
 *
 * throttle.h
 *		What makes a backfill hold back, so that the server and its replicas keep
 *		up.
 *
 * The specification is a JSON object of signals:
 *
 *		archiver_backlog		WAL files that wait to be archived; default 42
 *		replica_lag				interval that the slowest replica lags; default 30 s
 *		replica_lag_bytes		the same in bytes of WAL
 *		slot_retention			bytes of WAL that a replication slot holds back; also
 *								held for a slot that is about to lose WAL or loses it
 *		oldest_snapshot			age of the oldest transaction that hinders vacuum
 *		dead_tuples				share of dead rows, 0 to 1, in the tables written
 *		blocked_sessions		sessions that wait for locks of a batch
 *		wal_bytes_per_second	a budget of all workers together
 *		query					a SELECT of the user's: true, a number other than 0 or a
 *								text that is not empty holds; the text is the reason
 *
 * A signal's value is its limit, or an object with "limit" ("sql" for the query),
 * "resume" and "max_hold".  Work is held while a signal is above its limit and then
 * until it is at most at "resume", 80 % of the limit unless said otherwise.  After
 * max_hold, 10 minutes or for the query without end unless said otherwise, null being
 * without end, work goes on and the signal is ignored until it has been down once.
 * false or null switches a signal off; all without a default are off.  The budget
 * has only a limit.
 *
 * What cannot be read does not hold, but an error in the user's query is raised.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_THROTTLE_H
#define POLLSEED_THROTTLE_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

typedef struct Throttle Throttle;

/* What only the one who writes knows. */
typedef struct ThrottleFacts
{
	List *relations; /* OIDs of the tables that it writes */
	int64 own_dead;	 /* row versions it made dead in them that no statistics tell yet */

	/* Of throttle_count_blocked() before the commit of the last batch; 0 where there was none since the last call. */
	int blocked_sessions;
} ThrottleFacts;

/*
 * Checks a specification, or NULL, and returns it as jsonb with all that it left
 * out; 22023 where it is wrong.  The query is checked as the current user's, so its
 * errors may be others.  Needs SPI to be connected.
 */
extern Datum throttle_normalize(const Jsonb *specification);

/* Makes a backfill's throttle of a normalized specification; it lives as long as the memory context. */
extern Throttle *throttle_make(const char *backfill, const Jsonb *normalized,
							   MemoryContext context);

/*
 * Says what to wait for, in a text that is valid until the next call, or returns
 * NULL: go on.  Reads the signals twice a second at most and gives the last answer in
 * between, so it can be called before each batch and in a loop that waits.
 *
 * The user's query runs as the current user and cannot write.  Needs SPI and a
 * transaction, which is best ended before waiting.
 */
extern const char *throttle_check(Throttle *throttle, const ThrottleFacts *facts);

/*
 * Returns the milliseconds to pause after a batch that took so many and wrote so
 * much WAL, for the budget's sake.  To be called for each batch; other pauses than
 * this one are taken into account, saving up a second's budget at most.
 */
extern double throttle_pause_ms(Throttle *throttle, uint64 wal_bytes, double batch_ms, int workers);

/* Returns the seconds for which some bytes of WAL are the budget; 0: there is none. */
extern double throttle_seconds(const Throttle *throttle, double wal_bytes);

/* Returns how many rows the next batch may have so that it uses the budget of four seconds; 0: no limit. */
extern int64 throttle_max_rows(const Throttle *throttle, double wal_bytes_per_row);

/* Returns how many processes wait for locks that this one holds; takes microseconds. */
extern int throttle_count_blocked(void);

#endif /* POLLSEED_THROTTLE_H */
