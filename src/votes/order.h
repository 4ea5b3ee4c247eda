/*-------------------------------------------------------------------------
 *
 * order.h
 *		The votes of a seeding in time order, from any vote on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ORDER_H
#define POLLSEED_ORDER_H

#include "votes/shares.h"

typedef struct VoteOrder VoteOrder;

/* One vote in the order. */
typedef struct OrderedVote
{
	int	   option; /* index into the shares */
	int64  nth;	   /* 1 for the option's first vote of this seeding */
	uint64 moment; /* uniform fraction of the time range, in 1 / 2^64 */
} OrderedVote;

/*
 * Begins at vote first_vote (1 for the first) of the votes that the shares add
 * up to.  Needs memory for the options, not for the votes; all of it in the
 * current memory context.
 */
extern VoteOrder *vote_order_begin(int64 seed, int noptions, const VoteShare *shares,
								   int64 first_vote);

/* Returns the votes that each option has before the next vote, an array that moves on with the order. */
extern const int64 *vote_order_cast(const VoteOrder *order);

/* Returns the next vote; there must be one. */
extern OrderedVote vote_order_next(VoteOrder *order);

#endif /* POLLSEED_ORDER_H */
