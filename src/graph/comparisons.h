/*-------------------------------------------------------------------------
 *
 * comparisons.h
 *		Bounds that columns have by being compared with one another.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_COMPARISONS_H
#define POLLSEED_COMPARISONS_H

#include "graph/table.h"

/* Has columns whose checks say that they are at most, or at least, others keep to the bounds of these. */
extern void comparisons_narrow(GraphTable *table);

#endif /* POLLSEED_COMPARISONS_H */
