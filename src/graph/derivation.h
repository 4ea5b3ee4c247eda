/*-------------------------------------------------------------------------
 *
 * derivation.h
 *		Whether the values of each row can be made one after another: no value may
 *		be made of itself.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_DERIVATION_H
#define POLLSEED_DERIVATION_H

#include "graph/graph.h"

/* Adds a problem for each column of a step that is made, in the end, of itself. */
extern void derivation_check(const GraphStep *step, List **problems);

#endif /* POLLSEED_DERIVATION_H */
