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
	WISH_VALUE,
	WISH_COMPUTED, /* what the expression gives */
	WISH_MATCHING  /* a text that matches the regular expression that it gives */
} WishKind;

typedef struct Wish
{
	WishKind	kind;
	Datum		value;		 /* of the column's base type */
	const Node *expression;	 /* of other columns of the group, which have no such wish */
	bool		ignore_case; /* where it matches */
} Wish;

/*
 * Sets the wishes of a group of checks, by the step's columns: of alternatives one is drawn, of what
 * goes together all are taken.  What is not understood makes no wish; the checks themselves have the last word.
 */
extern void wishes_draw(const GraphStep *step, int group, RandomStream *random, Wish *wishes);

#endif /* POLLSEED_WISHES_H */
