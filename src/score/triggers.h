/*-------------------------------------------------------------------------
 *
 * triggers.h
 *		The triggers that capture the changes of a score's sources.
 *
 * Statement triggers with transition tables on a table and on each that inherits
 * from it: a statement fires those of the table that it names.  One for rows, on
 * tables that have some, is for what replicates: that fires no triggers for statements.
 * All of it needs SPI to be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_TRIGGERS_H
#define POLLSEED_SCORE_TRIGGERS_H

#include "score/source.h"

/*
 * Makes the triggers of sources that are missing, on their tables and all that inherit
 * from these, has those that are enabled fire when they should, and returns how many of these
 * may have missed changes: not those of a new table without rows.  What somebody has disabled
 * stays so.  They go with the score's table and with the extension.  The tables stay locked against writers until the transaction ends.
 * Raises 42501 unless the caller has the privilege TRIGGER on the sources, and 42809 where
 * a table cannot have them.
 */
extern int triggers_install(int64 score_id, Oid score_table, const List *sources);

/*
 * Returns what is wrong with the triggers of some sources, for users; NULL: nothing.  Tells, where
 * is_disabled is not NULL, whether that is only that somebody has disabled some.
 */
extern const char *triggers_problem(int64 score_id, const List *sources, bool *is_disabled);

/* Tells whether there are triggers that triggers_drop_strays() would drop. */
extern bool triggers_have_strays(int64 score_id, const List *sources);

/* Drops the triggers of a score on a table and all that inherit from it, which may be gone. */
extern void triggers_drop(int64 score_id, Oid relation);

/*
 * Drops the triggers of a score that are not of its sources, as they are now, or on
 * tables that do not inherit from them any more; returns how many.
 */
extern int triggers_drop_strays(int64 score_id, const List *sources);

/* Tells whether a trigger is named as those of a source. */
extern bool trigger_is_of_source(const char *name, int64 score_id, int source_no);

#endif /* POLLSEED_SCORE_TRIGGERS_H */
