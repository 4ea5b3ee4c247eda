/*-------------------------------------------------------------------------
 *
 * refresh.h
 *		Bringing a score up to date.
 *
 * One process at a time refreshes a score: the one that holds its lock, an advisory
 * lock of the transaction (see core/advisory.h), which pg_locks shows with objsubid
 * SCORE_REFRESHER_LOCK.  Lock order: the lock, the queue's rows, the table's rows in the
 * order of their keys, the score's row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_REFRESH_H
#define POLLSEED_SCORE_REFRESH_H

#include "score/statements.h"

/* Class of advisory locks; those of backfills are 28789 and 28790. */
#define SCORE_REFRESHER_LOCK 28791

typedef enum RefreshMode
{
	REFRESH_AUTO,
	REFRESH_DELTA,
	REFRESH_FULL
} RefreshMode;

typedef struct RefreshFigures
{
	const char *mode; /* "delta" or "full", as it was done */
	int64		keys; /* that were looked at */
	int64		inserted;
	int64		updated;
	int64		deleted;
	int64		unchanged;
	double		time_ms;
	int64		remaining; /* queued keys that came meanwhile; -1: all are dirty */
} RefreshFigures;

/* What a refresh by keys and a full one would cost, and which is chosen, why. */
typedef struct RefreshChoice
{
	RefreshMode mode;
	int64		dirty; /* -1: all */
	double		delta_ms;
	double		full_ms;
	const char *reason;
} RefreshChoice;

/* Returns the mode of that name; raises 22023 where there is none. */
extern RefreshMode refresh_mode(const char *name);

/* Chooses how to refresh a score, whose queue has so many keys. */
extern RefreshChoice refresh_choose(const Score *score, RefreshMode mode, int64 dirty);

/*
 * Refreshes a score in the current transaction, which must be READ COMMITTED, with SPI
 * connected: all that is committed now, or at most so many queued keys (0: no limit).
 * Waits for another refresher.  Raises 25001 in another isolation level, and 55000 where the score is broken
 * or paused.
 */
extern RefreshFigures score_refresh(int64 score_id, RefreshMode mode, int64 limit);

/* Returns the milliseconds that recomputing a key takes, measured with some of the table's; 0 where it is empty. */
extern double refresh_measure_key(const ScoreShape *shape);

#endif /* POLLSEED_SCORE_REFRESH_H */
