/*-------------------------------------------------------------------------
 *
 * keys.h
 *		Unique keys and checks over several columns of a step.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GRAPH_KEYS_H
#define POLLSEED_GRAPH_KEYS_H

#include "graph/graph.h"

/* Has the columns and references of a step spread so that its unique keys hold; adds to problems keys that cannot. */
extern void keys_solve(GraphStep *step, List **problems);

/* Puts columns that checks read together into groups; adds to problems checks that no row satisfies. */
extern void keys_group_checks(GraphStep *step, List **problems);

/* Chooses the columns by which rows are recognised: the plan's natural key, or the best unique key. */
extern void keys_find_identity(GraphStep *step, const PlanStep *plan, List **problems);

#endif /* POLLSEED_GRAPH_KEYS_H */
