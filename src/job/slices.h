/*-------------------------------------------------------------------------
 *
 * slices.h
 *		One process's share of a job: claiming slices, working on each in a
 *		transaction, committing it with the job's new position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SLICES_H
#define POLLSEED_SLICES_H

#include "job/engine.h"
#include "job/team.h"

/* A process at work on a job. */
typedef struct JobWorker
{
	Job				*job;
	const JobEngine *engine;
	Team			*team;
	MemoryContext	 context; /* lasts as long as this */
	void			*state;	  /* the engine's; NULL: to be opened */
	MemoryContext	 state_context;
	int64			 granule;
	int64			 units; /* of the next slice, unless that goes by the team's pace, */
	bool			 ahead; /* because the last one was ahead */
} JobWorker;

/*
 * Works on slices until all are committed; returns false at the first one that
 * came to nothing, whose transaction it rolls back.  An error leaves the
 * transaction to be aborted; the worker is to be reset after it.
 */
extern bool slices_work(JobWorker *worker);

/*
 * Lets go of the engine's state, which an error may have left in any condition,
 * and of the claim.  Returns true if the error proves nothing, because the slice
 * was worked on ahead of its turn.
 */
extern bool slices_reset(JobWorker *worker);

#endif /* POLLSEED_SLICES_H */
