/*-------------------------------------------------------------------------
 *
 * spread.c
 *		Solving the unique keys of a table by construction: for each column of a
 *		key either any value, or the n-th, where n follows from the row.
 *
 * A key that contains an item which is distinct by itself holds, as does one that contains
 * another key.  What remains is solved by making items distinct by themselves, the n-th row
 * having the n-th value, or by all of a key's items together (products.h).  The first
 * comes first where nobody would notice: for items that ask for it, and for those with so many
 * values that they would hardly repeat by chance.  Others, references above all, are better
 * spread together, and are distinct by themselves only where nothing else solves a key.
 *
 * An item that is narrowed by another has its n among the values that are left, and values left by
 * one value of the other are not left by another: so the narrowing item may count as part of
 * every key that the narrowed one is in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "port/pg_bitutils.h"

#include "core/compat.h"
#include "graph/products.h"
#include "graph/spread.h"

/* Rounds of the permutation's network. */
#define FEISTEL_ROUNDS 6

/* Halves of fewer than two bits would mix badly. */
#define MIN_FEISTEL_BITS 4

/* A key that is to be solved. */
typedef struct OpenKey
{
	const SpreadKey *key;
	Bitmapset		*items;
	bool			 solved;
} OpenKey;

typedef struct Solver
{
	uint64		rows;
	SpreadItem *items;
	int			nitems;
	OpenKey	   *keys;
	int			nkeys;
} Solver;

/* Returns how many different values an item can have by itself. */
static uint64
count_own(const SpreadItem *item)
{
	return item->capacity == PG_UINT64_MAX ? item->capacity
										   : item->capacity - Min(item->taken, item->capacity);
}

/* Returns how many different values items can have together, up to MAX_SPACE. */
static uint64
count_values(const Solver *solver, const Bitmapset *items)
{
	uint64 count = 1;
	int	   item = -1;

	if (bms_get_singleton_member(items, &item))
		return Min(count_own(&solver->items[item]), MAX_SPACE);
	while ((item = bms_next_member(items, item)) >= 0)
	{
		uint128 product = (uint128) count * solver->items[item].capacity;

		count = product > MAX_SPACE ? MAX_SPACE : (uint64) product;
	}
	return count;
}

/* Adds the items that narrow those of a set. */
static Bitmapset *
add_narrowing(const Solver *solver, Bitmapset *items)
{
	Bitmapset *all = bms_copy(items);
	int		   item = -1;

	while ((item = bms_next_member(items, item)) >= 0)
	{
		int next = solver->items[item].narrowed_by;

		while (next >= 0 && !bms_is_member(next, all))
		{
			all = bms_add_member(all, next);
			next = solver->items[next].narrowed_by;
		}
	}
	return all;
}

/* Marks the keys that hold by an item that is distinct by itself. */
static void
mark_solved(Solver *solver, int item)
{
	for (int k = 0; k < solver->nkeys; k++)
		solver->keys[k].solved |= bms_is_member(item, solver->keys[k].items);
}

/* Makes an item distinct by itself: the n-th row has its n-th value. */
static void
make_distinct(Solver *solver, int item)
{
	solver->items[item].spread = (Spread){.distinct = true, .divisor = 1};
	mark_solved(solver, item);
}

/* Marks the keys that hold because another one does; of two over the same items the first is kept. */
static void
mark_supersets(Solver *solver)
{
	for (int k = 0; k < solver->nkeys; k++)
	{
		for (int other = 0; other < solver->nkeys && !solver->keys[k].solved; other++)
		{
			const Bitmapset *items = solver->keys[other].items;

			if (other == k || solver->keys[other].solved ||
				!bms_is_subset(items, solver->keys[k].items))
				continue;
			solver->keys[k].solved = other < k || !bms_equal(items, solver->keys[k].items);
		}
	}
}

/* Reads the keys, and marks those that hold without more ado. */
static void
read_keys(Solver *solver, const SpreadKey *keys)
{
	solver->keys = palloc0_array(OpenKey, Max(solver->nkeys, 1));
	for (int k = 0; k < solver->nkeys; k++)
	{
		solver->keys[k].key = &keys[k];
		for (int i = 0; i < keys[k].nitems; i++)
			solver->keys[k].items = bms_add_member(solver->keys[k].items, keys[k].items[i]);
		solver->keys[k].solved = solver->rows <= 1;
	}
	for (int i = 0; i < solver->nitems; i++)
	{
		solver->items[i].spread = (Spread){0};
		if (solver->items[i].natural)
			mark_solved(solver, i);
	}
	mark_supersets(solver);
}

/* Returns a key that has fewer values than there are rows, or NULL; lets narrowing items count where they must. */
static const SpreadKey *
find_too_small(Solver *solver, const char **reason)
{
	for (int k = 0; k < solver->nkeys; k++)
	{
		OpenKey *key = &solver->keys[k];
		uint64	 count;

		if (key->solved || count_values(solver, key->items) >= solver->rows)
			continue;
		key->items = add_narrowing(solver, key->items);
		count = count_values(solver, key->items);
		if (count < solver->rows)
		{
			*reason = psprintf("has only " UINT64_FORMAT " different %s for " UINT64_FORMAT " rows",
							   count, count == 1 ? "value" : "values", solver->rows);
			return key->key;
		}
	}
	return NULL;
}

/* Tells whether an item had better be distinct by itself than together with others. */
static bool
may_be_distinct(const Solver *solver, int item)
{
	uint64 capacity = count_own(&solver->items[item]);

	return capacity >= solver->rows &&
		   (solver->items[item].wants_distinct || capacity / Max(solver->rows, 1) >= solver->rows);
}

/* Counts the keys among some that contain an item and are not solved. */
static int
count_keys(const Solver *solver, const Bitmapset *keys, int item)
{
	int count = 0;
	int k = -1;

	while ((k = bms_next_member(keys, k)) >= 0)
		count += !solver->keys[k].solved && bms_is_member(item, solver->keys[k].items);
	return count;
}

/*
 * Returns the item that is best made distinct by itself to solve some of the keys, or -1.  Where
 * all that could be may be chosen, it is for want of anything better.
 */
static int
best_distinct(const Solver *solver, const Bitmapset *keys, bool any)
{
	int best = -1;
	int best_count = 0;

	for (int i = 0; i < solver->nitems; i++)
	{
		const SpreadItem *item = &solver->items[i];
		const SpreadItem *other = best < 0 ? NULL : &solver->items[best];
		int				  count = count_keys(solver, keys, i);

		if (count == 0 || count_own(item) < solver->rows || (!any && !may_be_distinct(solver, i)))
			continue;
		if (other == NULL || item->wants_distinct > other->wants_distinct ||
			(item->wants_distinct == other->wants_distinct &&
			 (count > best_count || (count == best_count && item->capacity > other->capacity))))
		{
			best = i;
			best_count = count;
		}
	}
	return best;
}

/*
 * Solves the keys that are of an item whose rows must be neighbours and one other item: rows have the
 * former's values in order, and those of one value differ in the latter, by turns.
 */
static void
solve_in_order(Solver *solver, const Bitmapset *all)
{
	for (int k = 0; k < solver->nkeys; k++)
	{
		int			first = bms_next_member(solver->keys[k].items, -1);
		int			second = bms_next_member(solver->keys[k].items, first);
		SpreadItem *ordered;
		SpreadItem *other;
		uint64		neighbours;

		if (solver->keys[k].solved || bms_num_members(solver->keys[k].items) != 2 ||
			solver->items[first].in_order == solver->items[second].in_order)
			continue;
		ordered = &solver->items[solver->items[first].in_order ? first : second];
		other = &solver->items[solver->items[first].in_order ? second : first];
		neighbours = (solver->rows + ordered->capacity - 1) / ordered->capacity;
		if (other->capacity < neighbours ||
			count_keys(solver, all, solver->items[first].in_order ? second : first) > 1)
			continue;
		ordered->spread = (Spread){.distinct = true, .divisor = neighbours};
		other->spread = (Spread){.distinct = true, .divisor = 1, .modulus = other->capacity};
		solver->keys[k].solved = true;
	}
}

/* Makes distinct by itself what the only item of a key is, and then what had better be. */
static void
choose_distinct(Solver *solver)
{
	Bitmapset *all = NULL;
	int		   item;

	for (int k = 0; k < solver->nkeys; k++)
	{
		all = bms_add_member(all, k);
		if (!solver->keys[k].solved && bms_get_singleton_member(solver->keys[k].items, &item))
			make_distinct(solver, item);
	}
	while ((item = best_distinct(solver, all, false)) >= 0)
		make_distinct(solver, item);
	solve_in_order(solver, all);
}

/* Returns the unsolved keys that are connected to the first of them by the items they share, or NULL. */
static Bitmapset *
next_component(const Solver *solver)
{
	Bitmapset *component = NULL;
	Bitmapset *items = NULL;
	bool	   grown = true;

	while (grown)
	{
		grown = false;
		for (int k = 0; k < solver->nkeys; k++)
		{
			if (solver->keys[k].solved || bms_is_member(k, component) ||
				(component != NULL && !bms_overlap(items, solver->keys[k].items)))
				continue;
			component = bms_add_member(component, k);
			items = bms_add_members(items, solver->keys[k].items);
			grown = true;
		}
	}
	return component;
}

/* Solves connected keys by all their items together; returns false where that is not found. */
static bool
solve_together(Solver *solver, const Bitmapset *component, uint64 *space)
{
	Bitmapset *items = NULL;
	uint64	  *keys = palloc0_array(uint64, bms_num_members(component));
	uint64	  *capacities;
	Spread	  *spreads;
	int		   nkeys = 0;
	int		   nitems = 0;
	int		   k = -1;
	int		   item = -1;

	while ((k = bms_next_member(component, k)) >= 0)
		items = bms_add_members(items, solver->keys[k].items);
	if (bms_num_members(items) > MAX_PRODUCT_ITEMS)
		return false;
	capacities = palloc_array(uint64, MAX_PRODUCT_ITEMS);
	spreads = palloc_array(Spread, MAX_PRODUCT_ITEMS);
	while ((item = bms_next_member(items, item)) >= 0)
	{
		nkeys = 0;
		k = -1;
		while ((k = bms_next_member(component, k)) >= 0)
		{
			if (bms_is_member(item, solver->keys[k].items))
				keys[nkeys] |= UINT64CONST(1) << nitems;
			nkeys++;
		}
		capacities[nitems++] = solver->items[item].in_order ? 1 : solver->items[item].capacity;
	}
	if (!products_solve(&(ProductProblem){solver->rows, nitems, capacities, nkeys, keys}, spreads,
						space))
		return false;
	nitems = 0;
	item = -1;
	while ((item = bms_next_member(items, item)) >= 0)
	{
		if (!solver->items[item].in_order)
			solver->items[item].spread = spreads[nitems];
		nitems++;
	}
	k = -1;
	while ((k = bms_next_member(component, k)) >= 0)
		solver->keys[k].solved = true;
	return true;
}

/* Lets narrowing items count in connected keys; returns false where none does that did not before. */
static bool
widen_keys(Solver *solver, const Bitmapset *component)
{
	bool widened = false;
	int	 k = -1;

	while ((k = bms_next_member(component, k)) >= 0)
	{
		Bitmapset *items = add_narrowing(solver, solver->keys[k].items);

		widened |= !bms_equal(items, solver->keys[k].items);
		solver->keys[k].items = items;
	}
	return widened;
}

const SpreadKey *
spread_solve(int64 rows, SpreadItem *items, int nitems, SpreadKey *keys, int nkeys, uint64 *space,
			 const char **reason)
{
	Solver solver = {.rows = Max(rows, 0), .items = items, .nitems = nitems, .nkeys = nkeys};
	const SpreadKey *too_small;
	Bitmapset		*component;

	*space = Max(solver.rows, 1);
	read_keys(&solver, keys);
	too_small = find_too_small(&solver, reason);
	if (too_small != NULL)
		return too_small;
	choose_distinct(&solver);
	for (bool first = true; (component = next_component(&solver)) != NULL;)
	{
		uint64 places;
		int	   item;

		if (solve_together(&solver, component, &places))
		{
			*space = first ? places : Min(*space, places);
			first = false;
		}
		else if ((item = best_distinct(&solver, component, true)) >= 0)
			make_distinct(&solver, item);
		else if (!widen_keys(&solver, component))
		{
			const OpenKey *key = &solver.keys[bms_next_member(component, -1)];

			*reason = psprintf("has " UINT64_FORMAT " different values for " UINT64_FORMAT
							   " rows, which cannot be reached together with the other unique keys",
							   count_values(&solver, key->items), solver.rows);
			return key->key;
		}
	}
	return NULL;
}

uint64
spread_index(const Spread *spread, uint64 space, uint64 key, int64 row)
{
	uint64 place = spread->permuted ? permute((uint64) row, space, key) : (uint64) row;
	uint64 n = place / spread->divisor + spread->shift * (place % spread->divisor);

	return spread->modulus == 0 ? n : n % spread->modulus;
}

/*
 * The network's domain is the least power of two that holds the space, so that on average less than one
 * walk more is needed.  Its halves differ by a bit where that is an odd power.
 */
uint64
permute(uint64 place, uint64 space, uint64 key)
{
	int bits =
		space <= 1 << MIN_FEISTEL_BITS ? MIN_FEISTEL_BITS : pg_leftmost_one_pos64(space - 1) + 1;
	int	   low_bits = bits - bits / 2;
	uint64 low_mask = (UINT64CONST(1) << low_bits) - 1;
	uint64 high_mask = (UINT64CONST(1) << (bits / 2)) - 1;
	uint64 round_keys[FEISTEL_ROUNDS];

	/* A walk that begins outside might never come in. */
	if (place >= space)
		return place;
	for (int round = 0; round < FEISTEL_ROUNDS; round++)
		round_keys[round] = random_mix(key + (uint64) round * UINT64CONST(0x9e3779b97f4a7c15));
	do
	{
		uint64 low = place & low_mask;
		uint64 high = place >> low_bits;

		for (int round = 0; round < FEISTEL_ROUNDS; round += 2)
		{
			low ^= random_mix(round_keys[round] + high) & low_mask;
			high ^= random_mix(round_keys[round + 1] + low) & high_mask;
		}
		place = high << low_bits | low;
	} while (place >= space);
	return place;
}
