/*-------------------------------------------------------------------------
 *
 * wishes.h
 *		What cells had better be so that checks over several columns hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_WISHES_H
#define POLLSEED_WISHES_H

#include "graph/graph.h"

typedef enum WishKind
{
	WISH_NONE,
	WISH_NULL,
	WISH_NOT_NULL,
	WISH_VALUE
} WishKind;

typedef struct Wish
{
	WishKind kind;
	Datum	 value; /* of the column's base type */
} Wish;

/*
 * Sets the wishes of a group of checks, by the step's columns: of alternatives one is drawn, of what
 * goes together all are taken.  What is not understood makes no wish; the checks themselves have the last word.
 */
extern void wishes_draw(const GraphStep *step, int group, RandomStream *random, Wish *wishes);

#endif /* POLLSEED_WISHES_H */
