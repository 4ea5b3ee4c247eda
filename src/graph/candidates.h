/*-------------------------------------------------------------------------
 *
 * candidates.h
 *		References that share a column: the rows that one can refer to are those
 *		that have there what another refers to, as rows of one tenant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CANDIDATES_H
#define POLLSEED_CANDIDATES_H

#include "graph/cursor.h"

/*
 * Has the references that lead from the parents of a step's narrowed ones to what they share go in order,
 * so that they can be followed back.  Columns of all steps have their sources by then, and no unique key is solved.
 */
extern void candidates_prepare(GraphStep *step, List **problems);

/*
 * Returns which rows of its parent a narrowed reference can refer to: count rows from *first on.
 * The cursor is at the child's row, and the reference that narrows it refers to a row.
 */
extern int64 candidate_rows(RowCursor *cursor, int ref, int64 *first);

/* Returns how many candidates a narrowed reference has at least, whatever it is narrowed to, as far as they are spread evenly. */
extern int64 candidates_at_least(const GraphStep *step, const GraphRef *ref);

/* Returns which rows of a parent children of a step refer to: count rows from *first on. */
extern int64 parent_rows(const GraphRef *ref, int64 *first);

/* Returns a row's place among those of its step that are spread over parents, and how many these are. */
extern int64 child_place(const GraphStep *step, int64 row, int64 *children);

/* Finds which reference, if any, leads rows to families: ranges of rows that have the same parent; returns its index or -1. */
extern int family_of(const GraphStep *step);

/* Returns the row above the cursor's in the tree of its family, by the reference that leads to it; -1: it is at the top. */
extern int64 row_in_family(RowCursor *cursor, int by);

/* Returns the row above the cursor's in the tree of all rows; -1: it is at the top. */
extern int64 tree_row(const RowCursor *cursor);

#endif /* POLLSEED_CANDIDATES_H */
