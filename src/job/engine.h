/*-------------------------------------------------------------------------
 *
 * engine.h
 *		What an engine gives the job layer so that its work can be done by
 *		background workers.
 *
 * There are two kinds of engine.  For one that has open and work, a job's work is a
 * row of units, counted from 1: a seeding's votes.  Workers claim slices of them in
 * order, work on slices at the same time, and commit them in order, so that what is
 * committed is always the first units and nothing else.
 *
 * One that has run divides the work among the workers itself, commits what it
 * likes when it likes, and keeps its position in tables of its own; the job's row
 * only shows how far it has come.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ENGINE_H
#define POLLSEED_ENGINE_H

#include "job/jobs.h"

struct JobMember;
struct Team;

/* Units that a process works on in one transaction. */
typedef struct JobSlice
{
	int64		 first;
	int64		 last;
	uint32		 generation; /* see team.h */
	struct Team *team;
	double		 waited_ms; /* for its turn */

	/* Set by the engine: it works before its turn, on assumptions, so that an error proves nothing. */
	bool ahead;

	/* What the engine did, for the job's row. */
	int			batches;
	const char *lane;
	int			updated; /* rows that the job has changed so far, other than by writing its units */
} JobSlice;

typedef struct JobEngine
{
	const char *name;
	const char *phase; /* what the workers do, for pollseed_progress */

	/* SQL over a row j of pollseed.jobs: the figures of the finished work, as jsonb. */
	const char *result;

	/*
	 * Gets ready to work on a job, in a transaction with SPI connected; returns a
	 * state of its own in the given memory context, which lasts until
	 * the work is done or an error ends it.  Slices are to be multiples of *granule units.
	 */
	void *(*open)(const Job *job, MemoryContext context, int64 *granule);

	/*
	 * Works on a slice in the current transaction, with SPI connected.  Before it
	 * changes what depends on the units before the slice, it calls
	 * team_await_turn().  Returns false if that did, or if the work turns out to
	 * be void; it is then rolled back and the units are claimed anew.
	 */
	bool (*work)(void *state, JobSlice *slice);

	/*
	 * Or else: does the job's work in transactions of its own, as one of the processes
	 * at work on it, until there is nothing left for it to do, and returns true, or
	 * until member_goes_on() or member_wait() says stop, and returns false.  The
	 * leader, whose helpers are hired when it first calls member_goes_on(), returns
	 * true only when all is done.  Called outside of any transaction, which it begins
	 * by session_begin() and ends by session_commit(), in a memory context that lasts
	 * until it returns.  An error aborts its transaction; 40001, 40P01 and 55P03 have
	 * it called again after a wait.
	 */
	bool (*run)(const Job *job, struct JobMember *member);
} JobEngine;

/* Makes an engine known; called once when the module is loaded. */
extern void job_engine_register(const JobEngine *engine);

/* Returns the engine of that name, or NULL. */
extern const JobEngine *job_engine(const char *name);

#endif /* POLLSEED_ENGINE_H */
