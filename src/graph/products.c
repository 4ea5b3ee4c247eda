/*-------------------------------------------------------------------------
 *
 * products.c
 *		Keys that only all their items together can make distinct: each item takes
 *		a part of a number that is the row's own.
 *
 * The number, a place, is written in mixed radix: the items of one key, the base, are its digits, so
 * that this key differs wherever the place does.  An item that is not in the base is given a run of
 * digits or, as in a Latin square, the sum of what is above a digit and what is below it, modulo
 * what it can hold.  Either is a linear form of the digits modulo m, and a key holds if its
 * items' values tell all digits, which is proved step by step: a form of which all digits but a
 * run of neighbours are known tells these if no two numbers made of them are the same modulo m.
 *
 * Bases, orders of digits, radices and forms are tried in a fixed order and to a fixed number.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/compat.h"
#include "graph/products.h"

#define MAX_DIGITS 6
#define MAX_SHIFT 4

/* Proofs tried before a problem counts as one that has no construction. */
#define MAX_PROOFS 200000

/* A sum of digits, each times its coefficient, modulo the modulus. */
typedef struct LinearForm
{
	uint64 modulus;
	uint64 coefficients[MAX_DIGITS];
	int split; /* digits below it and digits from it on are two numbers, of which this is the sum */
} LinearForm;

/* An item with what it was given. */
typedef struct Part
{
	bool	   used; /* false: its value is random, and no key builds on it */
	uint64	   shift;
	LinearForm form;
} Part;

typedef struct Search
{
	const ProductProblem *problem;
	int					  order[MAX_PRODUCT_ITEMS]; /* items: first those that are digits */
	int					  ndigits;
	uint64				  radix[MAX_DIGITS];
	uint64				  scale[MAX_DIGITS + 1]; /* products of the radices below */
	Part				  parts[MAX_PRODUCT_ITEMS];
	int					  proofs;
} Search;

static bool choose_digit(Search *search, uint64 candidates, int digit);

/* Returns the greatest common divisor. */
static uint64
common_divisor(uint64 a, uint64 b)
{
	while (b != 0)
	{
		uint64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Multiplies, up to MAX_SPACE. */
static uint64
capped_product(uint64 a, uint64 b)
{
	uint128 product = (uint128) a * b;

	return product > MAX_SPACE ? MAX_SPACE : (uint64) product;
}

/* Returns the form of an item whose value is (place / scale + shift * (place % scale)) % modulus. */
static LinearForm
make_form(const Search *search, int split, uint64 shift, uint64 modulus)
{
	LinearForm form = {.modulus = modulus, .split = split};

	for (int t = 0; t < search->ndigits; t++)
	{
		uint128 coefficient = t < split ? (uint128) shift * search->scale[t]
										: search->scale[t] / search->scale[split];

		form.coefficients[t] = (uint64) (coefficient % modulus);
	}
	return form;
}

/* Returns the digits, as bits, that a form's value tells when others are known. */
static uint64
digits_told(const Search *search, const LinearForm *form, uint64 known)
{
	int	   first = -1;
	int	   last = -1;
	uint64 told = 0;
	uint64 size = 1;

	for (int t = 0; t < search->ndigits; t++)
	{
		if (form->coefficients[t] == 0 || (known & (UINT64CONST(1) << t)) != 0)
			continue;
		if (first < 0)
			first = t;
		else if (last != t - 1 || t == form->split)
			return 0;
		last = t;
		told |= UINT64CONST(1) << t;
		size = capped_product(size, search->radix[t]);
	}
	if (first < 0 ||
		form->modulus / common_divisor(form->coefficients[first], form->modulus) < size)
		return 0;
	return told;
}

/* Returns the digits that two items tell by the difference of their values. */
static uint64
digits_told_by_both(const Search *search, const Part *a, const Part *b, uint64 known)
{
	LinearForm difference = a->form;

	if (a->form.modulus != b->form.modulus || a->form.split != b->form.split)
		return 0;
	for (int t = 0; t < search->ndigits; t++)
		difference.coefficients[t] =
			(a->form.coefficients[t] + (a->form.modulus - b->form.coefficients[t])) %
			a->form.modulus;
	return digits_told(search, &difference, known);
}

/* Proves that the values of a key's items tell all digits. */
static bool
prove(Search *search, uint64 key)
{
	uint64 all = (UINT64CONST(1) << search->ndigits) - 1;
	uint64 known = 0;
	uint64 before;

	search->proofs++;
	do
	{
		before = known;
		for (int i = 0; i < search->problem->nitems && known != all; i++)
		{
			const Part *part = &search->parts[i];

			if ((key & (UINT64CONST(1) << i)) == 0 || !part->used)
				continue;
			known |= digits_told(search, &part->form, known);
			for (int j = 0; j < i; j++)
			{
				if ((key & (UINT64CONST(1) << j)) != 0 && search->parts[j].used)
					known |= digits_told_by_both(search, part, &search->parts[j], known);
			}
		}
	} while (known != all && known != before);
	return known == all;
}

/* Tells whether the keys hold that have all their items among the first `count` of the order, the last of them included. */
static bool
keys_hold(Search *search, int count)
{
	uint64 placed = 0;
	uint64 last = UINT64CONST(1) << search->order[count - 1];

	for (int i = 0; i < count; i++)
		placed |= UINT64CONST(1) << search->order[i];
	for (int k = 0; k < search->problem->nkeys; k++)
	{
		uint64 key = search->problem->keys[k];

		if ((key & ~placed) == 0 && (key & last) != 0 && !prove(search, key))
			return false;
	}
	return true;
}

static bool place_item(Search *search, int count);

/* Gives an item a form, and then places the items after it; returns false where that leads nowhere. */
static bool
try_form(Search *search, int count, int split, uint64 shift, uint64 modulus)
{
	Part *part = &search->parts[search->order[count]];

	part->used = true;
	part->shift = shift;
	part->form = make_form(search, split, shift, modulus);
	return keys_hold(search, count + 1) && place_item(search, count + 1);
}

/* Returns the largest number up to n that has no divisor in common with the digits' scales up to one. */
static uint64
coprime_below(const Search *search, int digit, uint64 n)
{
	while (n > 1 && common_divisor(n, search->scale[digit]) != 1)
		n--;
	return n;
}

/*
 * Places an item that is no digit, and then those after it.  Sums come before copies of digits,
 * which would tie two columns together.
 */
static bool
place_item(Search *search, int count)
{
	uint64 capacity;

	if (count == search->problem->nitems)
		return true;
	capacity = Min(search->problem->capacities[search->order[count]], MAX_SPACE);
	for (uint64 shift = 1; shift <= MAX_SHIFT; shift++)
	{
		for (int split = 1; split < search->ndigits; split++)
		{
			uint64 coprime = coprime_below(search, split, capacity);

			if (search->proofs > MAX_PROOFS)
				return false;
			if (try_form(search, count, split, shift, capacity))
				return true;
			if (coprime > 1 && coprime < capacity && try_form(search, count, split, shift, coprime))
				return true;
			if (search->radix[split] < coprime &&
				try_form(search, count, split, shift, search->radix[split]))
				return true;
		}
	}
	for (int first = 0; first < search->ndigits; first++)
	{
		for (int last = search->ndigits - 1; last >= first; last--)
		{
			uint64 size = search->scale[last + 1] / search->scale[first];

			if (size <= capacity && try_form(search, count, first, 0, size))
				return true;
		}
	}
	search->parts[search->order[count]].used = false;
	return keys_hold(search, count + 1) && place_item(search, count + 1);
}

/* Returns the largest number of places that the candidates for the digits that are not chosen yet could give. */
static uint64
possible_space(const Search *search, uint64 candidates, int digit)
{
	uint64 space = search->scale[digit];

	for (int i = 0; i < search->problem->nitems; i++)
	{
		if ((candidates & (UINT64CONST(1) << i)) != 0)
			space = capped_product(space, search->problem->capacities[i]);
	}
	return space;
}

/*
 * Returns the next smaller radix worth a try for a digit: one that another item can keep up with, alone or as the
 * highest of a run of digits; or 1.
 */
static uint64
next_radix(const Search *search, int digit, uint64 radix)
{
	uint64 next = 1;

	for (int i = 0; i < search->problem->nitems; i++)
	{
		for (int first = 0; first <= digit; first++)
		{
			uint64 limit =
				search->problem->capacities[i] / (search->scale[digit] / search->scale[first]);

			if (limit < radix)
				next = Max(next, limit);
		}
	}
	return next;
}

/* Makes an item the next digit, with its capacity for a radix or a smaller one. */
static bool
try_digit(Search *search, uint64 candidates, int digit, int item)
{
	uint64 radix = Min(search->problem->capacities[item], MAX_SPACE / search->scale[digit]);

	candidates &= ~(UINT64CONST(1) << item);
	for (; radix > 1; radix = next_radix(search, digit, radix))
	{
		search->order[digit] = item;
		search->radix[digit] = radix;
		search->scale[digit + 1] = search->scale[digit] * radix;
		if (possible_space(search, candidates, digit + 1) < search->problem->rows ||
			search->proofs > MAX_PROOFS)
			return false;
		if (choose_digit(search, candidates, digit + 1))
			return true;
	}
	return false;
}

/* Gives the digits their items' forms, orders the other items after them and places these. */
static bool
place_items(Search *search)
{
	uint64 digits = 0;
	int	   count = search->ndigits;

	for (int t = 0; t < search->ndigits; t++)
	{
		Part *part = &search->parts[search->order[t]];

		digits |= UINT64CONST(1) << search->order[t];
		part->used = true;
		part->shift = 0;
		part->form = make_form(search, t, 0, search->radix[t]);
	}
	for (int i = 0; i < search->problem->nitems; i++)
	{
		if ((digits & (UINT64CONST(1) << i)) == 0)
			search->order[count++] = i;
	}
	for (int t = 1; t <= search->ndigits; t++)
	{
		if (!keys_hold(search, t))
			return false;
	}
	return place_item(search, search->ndigits);
}

/* Chooses the next digit from among candidates, then those after it, and then places the other items. */
static bool
choose_digit(Search *search, uint64 candidates, int digit)
{
	bool more = false;

	for (int i = 0; i < search->problem->nitems && digit < MAX_DIGITS; i++)
	{
		if ((candidates & (UINT64CONST(1) << i)) == 0 || search->problem->capacities[i] < 2 ||
			search->scale[digit] > MAX_SPACE / 2)
			continue;
		CHECK_FOR_INTERRUPTS();
		more = true;
		if (try_digit(search, candidates, digit, i))
			return true;
		if (search->proofs > MAX_PROOFS)
			return false;
	}
	search->ndigits = digit;
	return !more && search->scale[digit] >= search->problem->rows && place_items(search);
}

/* Returns how many different values a key can have, up to MAX_SPACE. */
static uint64
key_size(const ProductProblem *problem, uint64 key)
{
	uint64 size = 1;

	for (int i = 0; i < problem->nitems; i++)
	{
		if ((key & (UINT64CONST(1) << i)) != 0)
			size = capped_product(size, problem->capacities[i]);
	}
	return size;
}

/* Returns the untried key with the fewest values, which bounds all others, or -1. */
static int
next_base(const ProductProblem *problem, const bool *tried)
{
	int best = -1;

	for (int k = 0; k < problem->nkeys; k++)
	{
		if (!tried[k] && (best < 0 || key_size(problem, problem->keys[k]) <
										  key_size(problem, problem->keys[best])))
			best = k;
	}
	return best;
}

bool
products_solve(const ProductProblem *problem, Spread *spreads, uint64 *space)
{
	Search *search = palloc0_object(Search);
	bool   *tried = palloc0_array(bool, problem->nkeys);
	bool	found = false;
	int		base;

	if (problem->nitems > MAX_PRODUCT_ITEMS)
		return false;
	search->problem = problem;
	search->scale[0] = 1;
	while (!found && (base = next_base(problem, tried)) >= 0)
	{
		tried[base] = true;
		search->proofs = 0;
		found = choose_digit(search, problem->keys[base], 0);
	}
	if (!found)
		return false;
	*space = search->scale[search->ndigits];
	for (int i = 0; i < problem->nitems; i++)
	{
		const Part *part = &search->parts[i];

		spreads[i] = (Spread){0};
		if (part->used)
			spreads[i] = (Spread){.distinct = true,
								  .permuted = true,
								  .divisor = search->scale[part->form.split],
								  .modulus = part->form.modulus,
								  .shift = part->shift};
	}
	return true;
}
