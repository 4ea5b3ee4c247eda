/*-------------------------------------------------------------------------
 *
 * sources.h
 *		The sources of a score, as its view and its user say.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_SOURCES_H
#define POLLSEED_SCORE_SOURCES_H

#include "utils/jsonb.h"
#include "utils/relcache.h"

#include "score/source.h"

/*
 * Returns the sources, numbered, of those that were found in a view and what the user says,
 * which may be NULL.  An entry of the user's stands for all that was found of its table.
 * Checks them all, and raises 55000 where the key of some is unknown.  Needs SPI.
 */
extern List *sources_settle(List *found, Jsonb *user, Relation view, const ScoreKey *keys,
							int nkeys);

/* Returns the statement that makes the index that looking up a source's keys needs; NULL where there is one. */
extern const char *source_missing_index(const ScoreSource *source);

/* Warns of each source that has no index on its key. */
extern void sources_warn_indexes(List *sources);

#endif /* POLLSEED_SCORE_SOURCES_H */
