/*-------------------------------------------------------------------------
 *
 * circle.h
 *		Steps that refer to one another in a circle in which no reference may be
 *		NULL: their rows are written while nobody looks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CIRCLE_H
#define POLLSEED_CIRCLE_H

#include "graph/run.h"

/* Tells whether a step is the first of its circle. */
extern bool circle_is_first(const GraphStep *step);

/* Returns how many rows the steps of a circle have. */
extern int64 circle_units(const GraphStep *step);

/* Writes all rows of a circle that are not there in one statement, at whose end its foreign keys are checked. */
extern void circle_write(GraphRun *run, GraphStep *first);

/* Has the deferrable foreign keys of a step that hold a circle checked later; and now. */
extern void circle_defer(const GraphStep *step);
extern void circle_check(const GraphStep *step);

#endif /* POLLSEED_CIRCLE_H */
