/*-------------------------------------------------------------------------
 *
 * bounds.h
 *		What the bounds of a partitioned table's partitions allow in its columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_BOUNDS_H
#define POLLSEED_BOUNDS_H

#include "nodes/pg_list.h"
#include "utils/relcache.h"

/*
 * Returns conditions, as List of Node * with Vars of varno 1, that rows of a table must meet for its own
 * bounds, where it is a partition, and to be in one of its partitions, where it has some.  They
 * may ask for more: of ranges with gaps between them one run is chosen.
 */
extern List *partition_conditions(Relation rel);

#endif /* POLLSEED_BOUNDS_H */
