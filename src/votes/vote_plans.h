/*-------------------------------------------------------------------------
 *
 * vote_plans.h
 *		The statements that cast a vote, prepared once a session for each poll.
 *
 * All of it needs SPI to be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_VOTE_PLANS_H
#define POLLSEED_VOTE_PLANS_H

#include "lib/ilist.h"

#include "votes/poll.h"

/* The statements of a poll, each of which has the option's number as parameter $2. */
typedef struct VotePlans
{
	/* Adds one to the count of the option, or locks the option where it keeps none: id, label, count. */
	struct _SPI_plan *count;
	/* Counts the option's events, where it keeps no count; else NULL. */
	struct _SPI_plan *number;
	/* Finds the option without changing it. */
	struct _SPI_plan *find;
	/* Writes the event; its parameters are those of VoteEventParameter. */
	struct _SPI_plan *insert;

	PollColumn columns[NUM_POLL_COLUMNS]; /* without their names */
	AttrNumber event_id;				  /* the column that insert returns, or 0 */

	/* What they were prepared for. */
	Oid			  options;
	Oid			  events;
	Jsonb		 *mapping; /* or NULL */
	MemoryContext context; /* what the plans are made of, but for SPI's part */
	dlist_node	  node;
	bool		  is_kept;
	int			  uses;
} VotePlans;

/* Parameters of the insert, from 0. */
typedef enum VoteEventParameter
{
	VOTE_OPTION_ID, /* as count returned it */
	VOTE_LABEL,		/* as count returned it */
	VOTE_VOTES,		/* int8 */
	VOTE_TYPE,		/* text */
	VOTE_INSERTED_AT,
	VOTE_UPDATED_AT,
	NUM_VOTE_PARAMETERS
} VoteEventParameter;

/*
 * Locks a poll's tables and returns the statements for it, which last until vote_plans_end(),
 * to be called after errors too.  Raises what poll_open() does.
 */
extern VotePlans *vote_plans_begin(const PollRequest *request);

/* Lets go of the statements. */
extern void vote_plans_end(VotePlans *plans);

#endif /* POLLSEED_VOTE_PLANS_H */
