/*-------------------------------------------------------------------------
 *
 * targets.h
 *		What each column of a table gets from a row of values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TARGETS_H
#define POLLSEED_TARGETS_H

#include "write/lanes.h"

/*
 * Returns a target list with the expression for each column of a table: the
 * value given, cast as assignment does, a literal, the default, or NULL, each
 * as INSERT's planner would have it.  Values are Vars of relation 1.
 */
extern List *write_targets(const WriteJob *job);

#endif /* POLLSEED_TARGETS_H */
