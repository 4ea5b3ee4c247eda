/*-------------------------------------------------------------------------
 *
 * key.h
 *		A score's key as users give it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_KEY_H
#define POLLSEED_SCORE_KEY_H

#include "nodes/pg_list.h"
#include "utils/relcache.h"

/*
 * Returns the columns of a view that a text names: one, or several with commas between.
 * Raises 42602, 42701, 42703 or 54011 where they cannot be a key.
 */
extern List *key_columns(Relation view, const char *text);

#endif /* POLLSEED_SCORE_KEY_H */
