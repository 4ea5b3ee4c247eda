/*-------------------------------------------------------------------------
 *
 * columns.h
 *		Where each column of a step gets its values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GRAPH_COLUMNS_H
#define POLLSEED_GRAPH_COLUMNS_H

#include "graph/graph.h"

/* Makes the columns of a step, whose references are bound; adds to problems what cannot be. */
extern void columns_make(GraphStep *step, const PlanStep *plan, List **problems);

#endif /* POLLSEED_GRAPH_COLUMNS_H */
