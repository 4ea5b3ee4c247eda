/*-------------------------------------------------------------------------
 *
 * spread.h
 *		Solving the unique keys of a table by construction: for each column of a
 *		key either any value, or the n-th, where n follows from the row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SPREAD_H
#define POLLSEED_SPREAD_H

#include "graph/graph.h"

/*
 * What a key is made of: single columns, or references, which give several columns at once.  The
 * caller maps columns of references to the reference.
 */
typedef struct SpreadItem
{
	const char *name;	  /* for problems */
	uint64		capacity; /* how many different values it can have; UINT64_MAX: any number */
	bool natural; /* is distinct by itself for each row (a sequence, uuid5): needs no spread */
	bool wants_distinct; /* would rather be distinct by itself, where it can: a name, an e-mail */
	bool
		   in_order; /* rows that have one of its values must be neighbours, and the first value's come first */
	uint64 taken; /* values that it cannot have by itself, since rows of earlier runs have them */

	/*
	 * The item whose value limits it (a shared tenant), or -1.  Its capacity is then what is left
	 * under any one of the other's values, and its n is counted among these; what is left by one is not
	 * left by another.
	 */
	int narrowed_by;

	/* Out */
	Spread spread;
} SpreadItem;

/* A unique key over items. */
typedef struct SpreadKey
{
	const char *name; /* of the constraint */
	int			nitems;
	int		   *items;
} SpreadKey;

/*
 * Chooses the spreads so that each key differs between any two of `rows` rows, and sets *space.  Returns
 * NULL, or the key that cannot be solved, with *reason a clause ("has only 12 different values for 100 rows").
 */
extern const SpreadKey *spread_solve(int64 rows, SpreadItem *items, int nitems, SpreadKey *keys,
									 int nkeys, uint64 *space, const char **reason);

/* Returns the n of a row; the key is one for all items of a table, since they share the permutation. */
extern uint64 spread_index(const Spread *spread, uint64 space, uint64 key, int64 row);

/*
 * A permutation of [0, space) that depends on the key: a Feistel network with cycle walking (Black and
 * Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
 */
extern uint64 permute(uint64 place, uint64 space, uint64 key);

#endif /* POLLSEED_SPREAD_H */
