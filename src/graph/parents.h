/*-------------------------------------------------------------------------
 *
 * parents.h
 *		Which of its parent's rows a row refers to, and the other way round.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PARENTS_H
#define POLLSEED_PARENTS_H

#include "core/random.h"
#include "graph/plan.h"

/*
 * Returns the parent of a child's row, in [0, parents), of `children` children in all; the stream is
 * only drawn from for FAN_RANDOM.  With FAN_EVEN and FAN_SKEWED it never falls as the row rises.
 */
extern int64 parent_of(FanOut fan_out, int64 row, int64 children, int64 parents,
					   RandomStream *random);

/* Returns the first row of a parent's children, which end where those of parent + 1 begin; for FAN_EVEN, FAN_SKEWED and FAN_ONE. */
extern int64 first_child(FanOut fan_out, int64 parent, int64 children, int64 parents);

/*
 * Returns the parent of a row in a table that refers to itself, or -1 for a root: a tree whose
 * nodes have up to `width` children, parents before children.
 */
extern int64 tree_parent(int64 row, int64 width);

#endif /* POLLSEED_PARENTS_H */
