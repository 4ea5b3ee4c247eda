/*-------------------------------------------------------------------------
 *
 * checks.h
 *		Checks over several columns, by the server's own executor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GRAPH_CHECKS_H
#define POLLSEED_GRAPH_CHECKS_H

#include "graph/graph.h"

typedef struct ChecksState ChecksState;

/* Compiles the checks of a step's groups; lives in the current memory context. */
extern ChecksState *checks_make(const GraphStep *step);

/* Tells whether the checks of a group hold for cells, given as the step's columns are. */
extern bool checks_hold(ChecksState *state, int group, const Datum *values, const bool *nulls);

/* Returns what an expression of a group's columns gives; the expression lasts as long as the step. */
extern Datum checks_compute(ChecksState *state, int group, const Node *expression,
							const Datum *values, const bool *nulls, bool *isnull);

/* Raises 23514 with the first check of a group that does not. */
extern void checks_raise_group(ChecksState *state, int group, const Datum *values,
							   const bool *nulls);

/* Raises 23514: no value was found that the checks on a column allow. */
extern void checks_raise_unsatisfied(const GraphStep *step, const GraphColumn *column);

#endif /* POLLSEED_GRAPH_CHECKS_H */
