/*-------------------------------------------------------------------------
 *
 * load.h
 *		Filling an empty table as a restore fills it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_LOAD_H
#define POLLSEED_LOAD_H

#include "write/lanes.h"

/*
 * Closes the table of a job to all others until the end of the transaction, where it is without rows, the
 * caller's own, nobody else is at it, and no function that a row calls could read it;
 * waits for no lock.  Returns whether it did.
 */
extern bool load_begin(const WriteJob *job);

/* Tells whether a foreign key between two tables can be proven by a join: the caller may read all rows of both. */
extern bool load_can_join(Relation rel, Relation parents);

/* Proves a foreign key by a join, with the caller's rights; raises the server's error, and returns whether it could. */
extern bool load_prove(Trigger *check, Relation rel, Relation parents);

/* Builds the table's indexes, which were not kept up. */
extern void load_build_indexes(Relation rel);

#endif /* POLLSEED_LOAD_H */
