/*-------------------------------------------------------------------------
 *
 * call.h
 *		Working on a backfill from a procedure that commits, or within the caller's
 *		transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CALL_H
#define POLLSEED_CALL_H

#include "fmgr.h"

#include "backfill/run.h"

/* What is done with a run, whose lock is held. */
typedef void (*CallWork)(BackfillRun *run, void *arg);

/* Tells whether a procedure was called where it may commit. */
extern bool call_may_commit(FunctionCallInfo fcinfo);

/*
 * Does the work with a run of the named backfill, each of whose tasks is committed.
 * SPI is connected, nonatomic.  Raises 55006 where somebody else runs the backfill.
 */
extern void call_committing(const char *name, CallWork work, void *arg);

/* Does it within the caller's transaction; SPI is connected. */
extern void call_within(const char *name, CallWork work, void *arg);

#endif /* POLLSEED_CALL_H */
