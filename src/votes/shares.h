/*-------------------------------------------------------------------------
 *
 * shares.h
 *		How many of the votes each option gets.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SHARES_H
#define POLLSEED_SHARES_H

#include "utils/jsonb.h"

/* The most votes that one call may ask for: a slice is found in votes / 32 steps. */
#define MAX_VOTE_COUNT INT64CONST(10000000000)

/* The most options of a poll: a million, each of which takes memory. */
#define MAX_OPTIONS 1000000

/* How votes are shared among options; the names are the SQL functions' values of "distribution". */
typedef enum Distribution
{
	DISTRIBUTION_REALISTIC,
	DISTRIBUTION_WEIGHTED,
	DISTRIBUTION_EVEN,
	DISTRIBUTION_RANDOM,
	DISTRIBUTION_ZIPF
} Distribution;

/* What an option weighs, and the votes that it gets for that. */
typedef struct VoteShare
{
	double weight;
	int64  votes;
} VoteShare;

/* Returns the distribution of that name; raises 22023 naming the valid ones. */
extern Distribution distribution_by_name(const char *name);

/* Returns a distribution's name. */
extern const char *distribution_name(Distribution distribution);

/*
 * Shares vote_count votes among the options, in the order of their labels, any
 * of which may be NULL.
 *
 * weights, if not NULL, is a JSON object of label to number and takes the
 * place of the distribution's own weights; an option that it does not name
 * weighs nothing.  The shares add up to vote_count: by largest remainder, or
 * drawn from the multinomial distribution for DISTRIBUTION_RANDOM, the only
 * one that uses the seed.  Raises 22023 for weights that cannot be used.
 * Returns an array of noptions in the current memory context.
 */
extern VoteShare *share_votes(Distribution distribution, int noptions, char **labels,
							  Jsonb *weights, int64 seed, int64 vote_count);

/*
 * Sets the votes of the shares in proportion to weights whose sum is total, not 0, by largest
 * remainder (Hamilton's method); of equal remainders, that of the first option is the largest.
 */
extern void shares_by_weight(int noptions, const uint64 *weights, uint64 total, int64 vote_count,
							 VoteShare *shares);

/* Returns the labels that the distribution "realistic" knows, which are those of the preset. */
extern char **realistic_labels(int *count);

#endif /* POLLSEED_SHARES_H */
