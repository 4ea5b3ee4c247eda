/*-------------------------------------------------------------------------
 *
 * nulls.h
 *		Which share of a column's values may be NULL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_NULLS_H
#define POLLSEED_NULLS_H

#include "graph/table.h"

/*
 * Returns the share of NULLs for columns that are NULL together: none where one of them must not be, half where a
 * check over them and others says something of NULLs, else the share that is given.
 */
extern double plausible_nulls(const GraphTable *table, const List *columns, double share);

#endif /* POLLSEED_NULLS_H */
