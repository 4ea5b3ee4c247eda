/*-------------------------------------------------------------------------
 *
 * cursor.h
 *		One row of a step at a time, its cells made when they are asked for.
 *
 * A cell may need others of its row, or of the rows that it refers to, which are
 * rows of cursors of their own.  Moving a cursor to the row where it is already costs
 * nothing, and children of one parent are neighbours: that is what makes
 * looking at parents cheap.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CURSOR_H
#define POLLSEED_CURSOR_H

#include "graph/graph.h"

typedef struct RowCursor RowCursor;

/* Makes a cursor on a step, freed with the current memory context, which makes cells in one of its own. */
extern RowCursor *cursor_make(GraphStep *step);

/* The same, but cells are made in the context given, which the caller resets; they are good until then. */
extern RowCursor *cursor_make_in(GraphStep *step, MemoryContext cells);

/* Goes to a row; cells of the one before, made in the cursor's own context, are gone, unless it is the same. */
extern void cursor_move(RowCursor *cursor, int64 row);

/* Goes to a row as it is when drawn anew, for the so-many-th time; its cells are made anew. */
extern void cursor_redraw(RowCursor *cursor, int64 row, int redraw);

/* Forgets the row that it is at, so that a move there makes its cells anew. */
extern void cursor_forget(RowCursor *cursor);

/* Returns a cell, by its index in the step's columns; good until the cursor moves. */
extern Datum cursor_value(RowCursor *cursor, int column, bool *isnull);

/* Returns which of its parent's rows the row refers to by a reference, or -1: none. */
extern int64 cursor_parent_row(RowCursor *cursor, int ref);

/* Returns the cursor on the parent's row of the reference of an index, or NULL where there is none, or none that is a step's. */
extern RowCursor *cursor_parent(RowCursor *cursor, int index);

/* Returns the step that a cursor is on. */
extern GraphStep *cursor_step(const RowCursor *cursor);

/* Returns the row that it is at, or -1. */
extern int64 cursor_row(const RowCursor *cursor);

/* Makes all cells of the row, as the step's columns are; those of COLUMN_DEFAULT are the default where it is constant, else NULL. */
extern void cursor_row_values(RowCursor *cursor, Datum *values, bool *nulls);

#endif /* POLLSEED_CURSOR_H */
