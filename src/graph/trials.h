/*-------------------------------------------------------------------------
 *
 * trials.h
 *		Rows that triggers of the user's refuse, drawn again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TRIALS_H
#define POLLSEED_TRIALS_H

#include "graph/cursor.h"
#include "graph/existing.h"
#include "write/writer.h"

/* Where rows of a step are written. */
typedef struct RowSink
{
	Writer	  *writer;
	RowCursor *cursor;
	int		   ncolumns;
	const int *indexes; /* of the written columns, in the step's */
} RowSink;

/* Hands the row that the cursor is at to the writer. */
extern void row_sink_put(const RowSink *sink);

/*
 * Tries those rows of a batch that are not found, and undoes it.  Rows that are refused are drawn
 * again until they are taken, or are found to be there; what they have then is noted as the step's exceptions, so that they are
 * written so.  Returns how often rows were drawn again; raises the last error of a row that is
 * refused each time.  finder may be NULL: the table was empty.
 */
extern int trials_settle(const RowSink *sink, ExistingFinder *finder, int64 first, int nrows,
						 bool *found);

#endif /* POLLSEED_TRIALS_H */
