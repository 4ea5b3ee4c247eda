/*-------------------------------------------------------------------------
 *
 * allowed.h
 *		Rows that the checks of a reference's columns let it be to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ALLOWED_H
#define POLLSEED_ALLOWED_H

#include "graph/graph.h"

/* Tells whether checks say anything of the columns of a reference. */
extern bool allowed_is_restricted(const GraphStep *step, const GraphRef *ref);

/*
 * Returns a parent's row where it is allowed, or else another of the range given, drawn from those that are;
 * -1 where none is.
 */
extern int64 allowed_choose(GraphStep *step, GraphRef *ref, int64 row, int64 first, int64 parents,
							RandomStream *random);

/*
 * Returns how many rows of its parent checks allow a reference to be to: all where it is not one that checks restrict and unique
 * keys may want to differ, or where there are too many to look at.
 */
extern int64 allowed_count(GraphStep *step, GraphRef *ref, int64 first, int64 parents);

/* Returns the n-th of those rows, n being below their number. */
extern int64 allowed_nth(GraphStep *step, GraphRef *ref, int64 n, int64 first, int64 parents);

/* Returns a row of the range whose key has a value in one of its columns, if it is soon found; else the row given. */
extern int64 allowed_with_key(GraphStep *step, GraphRef *ref, int key, Datum value, int64 row,
							  int64 first, int64 parents);

#endif /* POLLSEED_ALLOWED_H */
