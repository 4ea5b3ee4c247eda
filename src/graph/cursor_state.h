/*-------------------------------------------------------------------------
 *
 * cursor_state.h
 *		What cursor.c and choice.c share: the inside of a cursor, and how its cells are drawn.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CURSOR_STATE_H
#define POLLSEED_CURSOR_STATE_H

#include "graph/checks.h"
#include "graph/cursor.h"
#include "graph/wishes.h"

/* How often the cells of a group of checks are drawn. */
#define MAX_GROUP_ATTEMPTS 1000

/* What is known of a reference of the row. */
typedef struct RefState
{
	bool		done;
	int64		row; /* of the parent; -1: it is NULL */
	int			target;
	RowCursor **cursors; /* on parents, by target; made when needed */
} RefState;

struct RowCursor
{
	GraphStep	 *step;
	MemoryContext home;	 /* of the cursor itself */
	MemoryContext cells; /* where cells are made */
	bool		  owns_cells;
	int64		  row;	   /* -1: none */
	int			  drawing; /* the group of checks whose cells are being drawn, or -1 */
	int			  attempt; /* at it */
	int			  redraw;  /* of the row as a whole */
	Datum		 *values;
	bool		 *nulls;
	bool		 *done;
	RefState	 *refs;
	ChecksState	 *checks; /* made when needed */
	Wish		 *wishes; /* by column, of the group that is being drawn; NULL: none yet */
};

/* Decides which row the reference of an index is to, and sets its state. */
extern void choice_make(RowCursor *cursor, int index);

/* Returns at which attempt to make a column's cell we are; only the group that is being drawn is at a later one than the first. */
extern int draw_attempt(const RowCursor *cursor, const GraphColumn *column);

/* Returns the stream of a cell, or of which row its reference is to: of another purpose. */
extern RandomStream draw_stream(const RowCursor *cursor, const GraphColumn *column,
								RandomPurpose purpose, int attempt);

/*
 * Returns the n of a row in what unique keys spread.  At later attempts the row takes a place that no row has at the
 * first, as long as there are any: the group that is drawn has all that shares the place (see keys.c).
 */
extern uint64 draw_place(const RowCursor *cursor, const Spread *spread, int attempt);

/* Tells whether the checks of the group that is being drawn are to be read, as chance alone did not come to what they ask for. */
extern bool draw_is_wishful(const RowCursor *cursor);

/* Returns what a column of the group that is being drawn had better be, by its checks. */
extern Wish draw_wish(const RowCursor *cursor, int column);

/* Tells whether a cell that may be NULL is. */
extern bool draw_null(RandomStream *random, double share, int attempt, WishKind wish);

#endif /* POLLSEED_CURSOR_STATE_H */
