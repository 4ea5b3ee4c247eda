/*-------------------------------------------------------------------------
 *
 * bursts.h
 *		Moments of votes that draw other votes: a Hawkes process.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_BURSTS_H
#define POLLSEED_BURSTS_H

typedef struct Bursts Bursts;

/*
 * Begins at vote first_vote of vote_count votes over a range of range_us
 * microseconds.  Takes a pass over all votes, in constant memory.
 */
extern Bursts *bursts_begin(int64 seed, int64 vote_count, int64 range_us, int64 first_vote);

/* Returns the next vote's moment, a fraction of the range in 1 / 2^64, never less than the one before. */
extern uint64 bursts_next(Bursts *bursts);

#endif /* POLLSEED_BURSTS_H */
