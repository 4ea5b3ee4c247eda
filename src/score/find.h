/*-------------------------------------------------------------------------
 *
 * find.h
 *		Finds the tables under a view and, for each, the columns that say which
 *		keys of the view its rows are of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_FIND_H
#define POLLSEED_SCORE_FIND_H

#include "utils/relcache.h"

#include "score/source.h"

/*
 * Returns what a view is made from, as ScoreSource.  A table may be there several times, with
 * different keys; where they are not found, via and key_columns may be what a user could say.
 * Warns of functions that may read further tables.
 */
extern List *sources_find(Relation view, List *key_columns);

/* Returns why changes of a relation cannot be captured, or NULL. */
extern const char *source_obstacle(Relation rel);

/* Returns the relation whose triggers see the changes of a table: of a partition, the root. */
extern Oid source_root(Oid relid);

#endif /* POLLSEED_SCORE_FIND_H */
