/*-------------------------------------------------------------------------
 *
 * existing.h
 *		Rows that are there already: found by one join a batch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_EXISTING_H
#define POLLSEED_EXISTING_H

#include "graph/cursor.h"

typedef struct ExistingFinder ExistingFinder;

/* Tells whether a table has any row that the caller can see. */
extern bool table_has_rows(Relation rel);

/*
 * Makes what finds rows of a step by its identity and by its other unique keys; NULL where it has
 * neither.  Needs SPI until existing_close().
 */
extern ExistingFinder *existing_open(GraphStep *step);

/*
 * Looks up nrows rows from a first one on; sets found[i] for those that are there by any key.  Where a
 * found row has another key than ours that may be referred to, that is noted in the step's
 * exceptions, so that children refer to it.  The cells that it needs are made by the cursor.
 */
extern void existing_find(ExistingFinder *finder, RowCursor *cursor, int64 first, int nrows,
						  bool *found);

/* Makes found rows as planned where they differ, and returns how many it changed. */
extern int64 existing_update(ExistingFinder *finder, RowCursor *cursor, int64 first, int nrows,
							 const bool *found);

/* Frees it. */
extern void existing_close(ExistingFinder *finder);

/*
 * Reads the keys of rows that a reference of a step can be to, as values of the columns that refer to
 * them: the first `limit` of them by the key's order.
 */
extern ExistingRows *existing_rows(const GraphStep *step, const GraphRef *ref, int64 limit);

#endif /* POLLSEED_EXISTING_H */
