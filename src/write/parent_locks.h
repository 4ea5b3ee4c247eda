/*-------------------------------------------------------------------------
 *
 * parent_locks.h
 *		Locking the parents of many foreign keys by one statement.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PARENT_LOCKS_H
#define POLLSEED_PARENT_LOCKS_H

#include "nodes/pg_list.h"
#include "utils/rel.h"

typedef struct ParentLocks ParentLocks;

/*
 * Prepares to lock the parents that a foreign key of a relation leads to, in memory of the
 * current context.  Returns NULL where only the server's own check can: no arrays
 * of the columns' types, or periods.
 */
extern ParentLocks *parent_locks_open(Relation rel, const ForeignKeyCacheInfo *key);

/*
 * Locks the parents of distinct keys, none of which has nulls, FOR KEY SHARE until the end of the
 * transaction, with the rights of the parents' owner as the server's check does; columns[i] holds
 * the nkeys values of the i-th column.  Returns whether each has one; where not, the server's check says for which.
 * SPI must be connected, and stay so while the locks are used.
 */
extern bool parent_locks_take(ParentLocks *locks, int nkeys, Datum **columns);

#endif /* POLLSEED_PARENT_LOCKS_H */
