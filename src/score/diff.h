/*-------------------------------------------------------------------------
 *
 * diff.h
 *		What a score's view has otherwise than its table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_DIFF_H
#define POLLSEED_SCORE_DIFF_H

#include "utils/tuplestore.h"

#include "score/statements.h"

typedef struct Diff
{
	int64			 keys; /* that were compared */
	int64			 unchanged;
	int64			 inserted; /* rows that the table is to get, and so on */
	int64			 updated;
	int64			 deleted;
	double			 time_ms; /* that comparing took */
	TupleDesc		 desc;
	Tuplestorestate *changes; /* the rows that differ, as sql_diff_keys() has them */
} Diff;

/* Compares some keys, given as text[] a column, in a new snapshot.  Needs SPI, as the others. */
extern Diff *diff_keys(const ScoreShape *shape, Datum *arrays);

/* Compares all rows. */
extern Diff *diff_all(const ScoreShape *shape);

/* Makes the table what the view is where they differ.  Raises 21000 where the view has a key twice. */
extern void diff_apply(const ScoreShape *shape, Diff *diff);

/* Frees the rows. */
extern void diff_free(Diff *diff);

#endif /* POLLSEED_SCORE_DIFF_H */
