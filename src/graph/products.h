/*-------------------------------------------------------------------------
 *
 * products.h
 *		Keys that only all their items together can make distinct: each item takes
 *		a part of a number that is the row's own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PRODUCTS_H
#define POLLSEED_PRODUCTS_H

#include "graph/graph.h"

/* Places lie below this, so that a place and the sums made of it fit in 64 bits. */
#define MAX_SPACE (UINT64CONST(1) << 62)

/* Items of a problem, as bits: items beyond cannot be solved. */
#define MAX_PRODUCT_ITEMS 64

/* Keys that are connected by the items they share; each is the set of its items, as bits. */
typedef struct ProductProblem
{
	uint64		  rows;
	int			  nitems;
	const uint64 *capacities;
	int			  nkeys;
	const uint64 *keys;
} ProductProblem;

/*
 * Sets the items' spreads, and *space to how many places they keep apart, which is at least the rows;
 * returns false where no construction was found.
 */
extern bool products_solve(const ProductProblem *problem, Spread *spreads, uint64 *space);

#endif /* POLLSEED_PRODUCTS_H */
