/*-------------------------------------------------------------------------
 *
 * check.h
 *		Whether a score still follows its view: that view, the tables, what
 *		captures their changes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_CHECK_H
#define POLLSEED_SCORE_CHECK_H

#include "score/definition.h"

/*
 * Returns a fingerprint of a view and all views and functions that it is made of, the
 * same as long as they say the same.  It does not survive a dump.
 */
extern const char *view_fingerprint(Oid view);

typedef enum ScoreCheck
{
	CHECK_WHAT_IS_KNOWN,
	CHECK_ALL_TABLES, /* also those that may not belong to it any more */
	CHECK_AFTER_LOSS  /* the same, after something of it was dropped: all keys are dirty */
} ScoreCheck;

/*
 * Looks whether anything was changed since a score was last looked at, and sees to
 * what can be seen to: new partitions get triggers, another definition makes all keys
 * dirty.  What cannot is the score's problem until somebody mends it; all keys are dirty
 * from then on.  Returns the score as it is then.
 */
extern Score *score_check(Score *score, ScoreCheck how);

/* Has a score's queue dropped together with its table. */
extern void score_bind_queue(const Score *score);

/* Keeps a score's sources, in place of others. */
extern void score_keep_sources(int64 score_id, const List *sources);

#endif /* POLLSEED_SCORE_CHECK_H */
