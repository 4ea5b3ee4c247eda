/*-------------------------------------------------------------------------
 *
 * stream.h
 *		A seeding's votes: shared, put in order and given times.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_STREAM_H
#define POLLSEED_STREAM_H

#include "datatype/timestamp.h"

#include "votes/shares.h"

/* Goes up whenever the same arguments come to give other votes. */
#define VOTE_GENERATOR_VERSION 1

/* How votes spread over the time range; the names are the SQL functions' values of "arrival". */
typedef enum Arrival
{
	ARRIVAL_UNIFORM,
	ARRIVAL_DIURNAL,
	ARRIVAL_BURSTY
} Arrival;

/* All that determines the votes of a seeding, apart from the options. */
typedef struct VoteSpec
{
	int64		 vote_count;
	Distribution distribution;
	Jsonb		*weights; /* or NULL */
	Arrival		 arrival;
	int64		 seed;
	Interval	 time_range; /* as asked for */
	TimestampTz	 starts_at;	 /* votes are cast from then on, */
	TimestampTz	 ends_at;	 /* and before this */
} VoteSpec;

/* One vote, counted from 1 in time order. */
typedef struct Vote
{
	int			option; /* index of the option */
	int64		nth;	/* 1 for the option's first vote of this seeding */
	TimestampTz cast_at;
} Vote;

typedef struct VoteStream VoteStream;

/* Returns the arrival of that name; raises 22023 naming the valid ones. */
extern Arrival arrival_by_name(const char *name);

/* Returns an arrival's name. */
extern const char *arrival_name(Arrival arrival);

/*
 * Begins the votes of a seeding at vote first_vote, given the options' shares
 * from share_votes().  Vote number k depends on the spec and k only, not on
 * where the stream began.  Memory: the current context, the same however many
 * votes there are.
 */
extern VoteStream *vote_stream_begin(const VoteSpec *spec, int noptions, const VoteShare *shares,
									 int64 first_vote);

/* Returns the votes that each option has before the next vote, an array that moves on with the stream. */
extern const int64 *vote_stream_cast(const VoteStream *stream);

/* Returns the next vote; there must be one. */
extern Vote vote_stream_next(VoteStream *stream);

#endif /* POLLSEED_STREAM_H */
