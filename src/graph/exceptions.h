/*-------------------------------------------------------------------------
 *
 * exceptions.h
 *		Rows that were there already with other values than planned, where others
 *		refer to them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_EXCEPTIONS_H
#define POLLSEED_EXCEPTIONS_H

#include "graph/graph.h"

/* Notes that a row has another value in a column, by its index in the step's columns. */
extern void exception_add(GraphStep *step, int64 row, int column, Datum value, bool isnull);

/* Returns whether that was noted, and the value. */
extern bool exception_value(const GraphStep *step, int64 row, int column, Datum *value,
							bool *isnull);

#endif /* POLLSEED_EXCEPTIONS_H */
