/*-------------------------------------------------------------------------
 *
 * refs.h
 *		What the rows of a step refer to: what the plan says and the foreign keys,
 *		put together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GRAPH_REFS_H
#define POLLSEED_GRAPH_REFS_H

#include "graph/graph.h"

/* Makes the references of a step, before its columns; adds to problems what cannot be. */
extern void refs_make(GraphStep *step, const PlanStep *plan, List **problems);

/*
 * Once all steps have their references: orders the steps and says which references wait.
 * Renumbers the steps.
 */
extern void refs_order(Graph *graph);

/*
 * Once the steps are in order: sets which references are narrowed by others, and reads the rows
 * that references to tables without a step need.
 */
extern void refs_bind(GraphStep *step, List **problems);

#endif /* POLLSEED_GRAPH_REFS_H */
