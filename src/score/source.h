/*-------------------------------------------------------------------------
 *
 * source.h
 *		A table that a score is made from: which of its columns say what keys a
 *		row is of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_SOURCE_H
#define POLLSEED_SCORE_SOURCE_H

#include "nodes/pg_list.h"

/* A score's key, or a source's, has at most so many columns. */
#define MAX_SCORE_KEYS 8

typedef struct ScoreSource
{
	int			no; /* from 1; 0: not numbered yet */
	Oid			relation;
	const char *relation_name; /* qualified and quoted */
	List	   *key_columns;   /* names; NIL: a change is one of all keys */

	/* SELECT of the score's keys from arrays of these, $1, $2 and so on; NULL: they are its keys, in its order. */
	const char *via;

	List	   *columns; /* names of those that matter, keys included; NIL: all */
	bool		found;	 /* else its key is not known */
	const char *reason;	 /* for users: how the key was found, or why it was not */
} ScoreSource;

/* A column of a score's key. */
typedef struct ScoreKey
{
	const char *name;
	const char *quoted_name;
	Oid			type;
} ScoreKey;

#endif /* POLLSEED_SCORE_SOURCE_H */
