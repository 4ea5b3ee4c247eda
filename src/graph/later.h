/*-------------------------------------------------------------------------
 *
 * later.h
 *		References that a second pass sets, since their parents come later.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_LATER_H
#define POLLSEED_LATER_H

#include "graph/graph.h"

/* Sets those references of rows of a step that wait, where they are still NULL; returns how many statements that took. */
extern int64 later_set(GraphStep *step, int64 first, int64 last, int batch_size);

#endif /* POLLSEED_LATER_H */
