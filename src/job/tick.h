/*-------------------------------------------------------------------------
 *
 * tick.h
 *		Starting what waits and adopting what was orphaned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TICK_H
#define POLLSEED_TICK_H

#include "nodes/pg_list.h"
#include "postmaster/bgworker.h"

/*
 * Looks through the database's unfinished jobs, by priority: starts those that
 * wait for a worker when the transaction commits, puts those whose worker is gone
 * back into the queue and starts them too, and ends those that cannot go on.
 * At most max_jobs are started (-1: as many as pollseed.max_running_jobs allows).
 * Returns the ids of the jobs started, a List of int64 pointers.  Needs SPI.
 */
extern List *tick(int max_jobs);

/* Returns the first queued job of an owner that no worker is being started for, or 0. */
extern int64 tick_unlaunched_job(Oid owner);

/* Entry point of the worker that the launcher sends to each database. */
extern PGDLLEXPORT void pollseed_tick_main(Datum arg);

#endif /* POLLSEED_TICK_H */
