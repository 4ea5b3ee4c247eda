/*-------------------------------------------------------------------------
 *
 * foreign_keys.h
 *		Proof of foreign keys, once for each distinct key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_FOREIGN_KEYS_H
#define POLLSEED_FOREIGN_KEYS_H

#include "executor/tuptable.h"
#include "utils/reltrigger.h"
#include "utils/relcache.h"

typedef struct ForeignKeys ForeignKeys;

/* Tells whether a trigger is the check of a foreign key on insertion. */
extern bool is_foreign_key_check(const Trigger *trigger);

/* Tells whether a trigger fires where the session's replication role is "origin". */
extern bool trigger_fires(const Trigger *trigger);

/*
 * Prepares the proof of the foreign keys of a relation; memory of the current
 * context.  The triggers are the executor's copy: the relation's own may move.
 */
extern ForeignKeys *foreign_keys_open(Relation rel, TriggerDesc *triggers);

/*
 * Notes which of the rows just inserted have keys that are not yet proven; what
 * it allocates must live until foreign_keys_prove().
 */
extern void foreign_keys_note(ForeignKeys *keys, TupleTableSlot **rows, int nrows);

/*
 * Proves the keys that were noted, at the end of the batch as INSERT does, with
 * the server's own check: it locks the parent row FOR KEY SHARE until the end of
 * the transaction, so that a key once proven stays so.  Raises the server's error
 * for a key that has no parent.
 */
extern void foreign_keys_prove(ForeignKeys *keys);

/*
 * Before the first row of a table that nobody else can use: leaves the keys to tables of the same kind, by their OIDs, to
 * foreign_keys_prove_loaded().
 */
extern void foreign_keys_load(ForeignKeys *keys, const List *loaded);

/* Proves the keys that were left to the end by the join that ALTER TABLE proves them by; raises the server's error. */
extern void foreign_keys_prove_loaded(ForeignKeys *keys);

/* Lets go of the relation's rows. */
extern void foreign_keys_close(ForeignKeys *keys);

#endif /* POLLSEED_FOREIGN_KEYS_H */
