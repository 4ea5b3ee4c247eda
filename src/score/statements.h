/*-------------------------------------------------------------------------
 *
 * statements.h
 *		The SQL that a score is made and refreshed by.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_STATEMENTS_H
#define POLLSEED_SCORE_STATEMENTS_H

#include "utils/relcache.h"

#include "score/definition.h"

/* The view and the table of a score, as the statements need them. */
typedef struct ScoreShape
{
	const Score *score;
	int			 ncolumns; /* of the table, those that are dropped left out */
	const char **columns;  /* their names, quoted */
	ScoreKey	 keys[MAX_SCORE_KEYS];
	const char	*queued_keys[MAX_SCORE_KEYS]; /* they as read from texts u.k1 and so on */
	const char	*list;						  /* the columns, with commas between */
} ScoreShape;

/* The name under which statements find what differs; see sql_diff_keys(). */
#define CHANGES "pollseed_changes"

/* Reads the shape from the table, or, before there is one, from the view. */
extern ScoreShape *score_shape(const Score *score, Relation rel);

/* Make the table, filled, and the queue with so many columns of keys. */
extern const char *sql_create_table(const ScoreShape *shape, int fillfactor);
extern const char *sql_create_queue(const ScoreShape *shape, int key_columns);

/*
 * SELECT of what the view has of some keys, which are given as text[] a column of the key, beside
 * what the table has: first whether the view has a row, whether the table has one, and whether
 * they differ, then the key's columns, then the view's.
 */
extern const char *sql_diff_keys(const ScoreShape *shape);

/* The same for all keys. */
extern const char *sql_diff_all(const ScoreShape *shape);

/* SELECT of a source's keys, which are given as text[] a column, as texts of the score's key. */
extern const char *sql_expand(const ScoreShape *shape, const ScoreSource *source);

/* Apply the rows of CHANGES: those gone from the view, those changed, those new. */
extern const char *sql_delete_changes(const ScoreShape *shape);
extern const char *sql_update_changes(const ScoreShape *shape);
extern const char *sql_insert_changes(const ScoreShape *shape);

/* The view of fresh rows. */
extern const char *sql_fresh(const ScoreShape *shape, const List *sources);

/* SELECT of how many rows the table lacks, has too many, and has otherwise than the view. */
extern const char *sql_verify(const ScoreShape *shape);

/* Returns how many columns of keys a queue has: as many as the longest key of the score and its sources. */
extern int queue_key_columns(const Score *score, const List *sources);

#endif /* POLLSEED_SCORE_STATEMENTS_H */
