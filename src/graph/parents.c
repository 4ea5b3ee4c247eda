/*-------------------------------------------------------------------------
 *
 * parents.c
 *		Which of its parent's rows a row refers to, and the other way round.
 *
 * The even and the skewed fan-out are functions that never fall, of a row's place among the
 * children to one among the parents.  The skewed one is (u + 15 u^4) / 16 of the place
 * u in [0, 1): the first parents have 16 times as many children as the average, the last
 * a quarter of it, and the first fifth of the parents have two thirds of the children.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/compat.h"
#include "graph/generator.h"
#include "graph/parents.h"

/* Places in [0, 1) are multiples of 2^-60, so that sixteen of them still fit. */
#define PLACE_BITS 60

/* Multiplies two places, rounding down. */
static inline uint64
multiply_places(uint64 a, uint64 b)
{
	return (uint64) (((uint128) a * b) >> PLACE_BITS);
}

/* Returns the parent of a row where the first parents have the most children; no step of it ever falls as the row rises. */
static int64
skewed_parent(int64 row, int64 children, int64 parents)
{
	uint64 place = (uint64) (((uint128) row << PLACE_BITS) / (uint128) children);
	uint64 square = multiply_places(place, place);
	uint64 fourth = multiply_places(square, square);

	return (int64) (((uint128) ((place + 15 * fourth) / 16) * (uint128) parents) >> PLACE_BITS);
}

/* Returns the first row whose parent is not before one, or `children`. */
static int64
first_skewed_child(int64 parent, int64 children, int64 parents)
{
	int64 low = 0;
	int64 high = children;

	while (low < high)
	{
		int64 middle = low + (high - low) / 2;

		if (skewed_parent(middle, children, parents) >= parent)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

int64
parent_of(FanOut fan_out, int64 row, int64 children, int64 parents, RandomStream *random)
{
	Assert(parents > 0 && row >= 0);
	switch (fan_out)
	{
		case FAN_EVEN:
			return (int64) ((uint128) row * (uint128) parents / (uint128) children);
		case FAN_SKEWED:
			return skewed_parent(row, children, parents);
		case FAN_RANDOM:
			return (int64) random_below(random, (uint64) parents);
		case FAN_ONE:
			return row;
	}
	return 0;
}

int64
first_child(FanOut fan_out, int64 parent, int64 children, int64 parents)
{
	Assert(fan_out != FAN_RANDOM);
	switch (fan_out)
	{
		case FAN_EVEN:
			return (int64) (((uint128) parent * (uint128) children + (uint128) parents - 1) /
							(uint128) parents);
		case FAN_SKEWED:
			return first_skewed_child(parent, children, parents);
		default:
			return Min(parent, children);
	}
}

int64
tree_parent(int64 row, int64 width)
{
	Assert(width > 0);
	return row == 0 ? -1 : (row - 1) / width;
}
