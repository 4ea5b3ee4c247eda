/*-------------------------------------------------------------------------
 *
 * seeding.h
 *		What a seeding is asked to do and how it is checked, whether it is done at
 *		once or by a job.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SEEDING_H
#define POLLSEED_SEEDING_H

#include "fmgr.h"

#include "votes/options.h"
#include "votes/poll.h"
#include "votes/stream.h"
#include "write/writer.h"

/* The engine's name in the ledger, in jobs and in notifications. */
#define VOTES_ENGINE "votes"

typedef struct Seeding
{
	VoteSpec	spec;
	PollRequest request;
	int			batch_size;
} Seeding;

/* The number of arguments that pollseed_seed() and pollseed_seed_async() begin with. */
#define SEEDING_ARGS 11

/* Reads and checks these arguments. */
extern void seeding_request(FunctionCallInfo fcinfo, Seeding *seeding);

/* Shares the votes out among the options. */
extern VoteShare *seeding_shares(const VoteSpec *spec, const PollOptions *options);

/* Raises 22003 if the votes to be added would exceed the range of a column. */
extern void seeding_check_counts(const Poll *poll, const PollOptions *options,
								 const VoteShare *shares);

/* Warns where the events table does not hold all the rows that it was given. */
extern void seeding_warn_of_missing_rows(const Poll *poll, const WriteFigures *figures);

/* Returns the arguments as they were resolved, as jsonb, so that the seeding can be repeated.  Needs SPI. */
extern Datum seeding_arguments(const Poll *poll, const Seeding *seeding);

#endif /* POLLSEED_SEEDING_H */
