/*-------------------------------------------------------------------------
 *
 * trigger.h
 *		Triggers of ours on users' tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TRIGGER_H
#define POLLSEED_TRIGGER_H

#include "storage/lockdefs.h"
#include "utils/relcache.h"

/*
 * Returns the OID of one of our trigger functions, which lies in a schema that users need no
 * privilege on; InvalidOid where it is not there, as before the extension is updated.
 */
extern Oid trigger_function(const char *name);

/* Does the same, and raises 42883 where it is not there. */
extern Oid trigger_function_required(const char *name);

/*
 * Locks a table and all that inherit from it, having let check look at each before and after: it
 * raises errors, and root is the OID of the first.  Returns their OIDs, parents first.
 */
extern List *trigger_lock_tables(Oid relid, LOCKMODE lockmode,
								 void (*check)(Relation rel, Oid root));

/* Has a trigger dropped with the extension, and dumped all the same. */
extern void trigger_go_with_extension(Oid trigger);

/* Tells whether a trigger only notes changes for caches, which who writes past triggers can do by himself. */
extern bool trigger_only_notes_changes(const struct Trigger *trigger);

/* Tells whether a table has such a trigger. */
extern bool trigger_notes_changes(Relation rel);

#endif /* POLLSEED_TRIGGER_H */
