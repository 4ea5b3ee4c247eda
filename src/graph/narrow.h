/*-------------------------------------------------------------------------
 *
 * narrow.h
 *		Single things that can be said of a value, taken into its space.
 *
 * Each returns false where it does not understand, and has then changed nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_NARROW_H
#define POLLSEED_NARROW_H

#include "access/stratnum.h"

#include "graph/space.h"

/* Comparisons are numbered as btree's strategies are, and there is one more: <>. */
#define DIFFERENT_STRATEGY (BTMaxStrategyNumber + 1)

/* Takes in what a boolean expression says, and keeps the rest as a check of that name. */
extern void narrow_take(ValueSpace *space, const char *name, Node *expression,
						bool (*is_value)(const Node *node, void *arg), void *arg);

/* Makes the space of a type with those of its domains' checks that offer no choice. */
extern ValueSpace *narrow_begin(Oid type, int32 typmod, Oid collation);

/* Takes in those of the domains' checks that do, the last first where `backward`. */
extern void narrow_choose(ValueSpace *space, bool backward);

/* Returns a copy of a space that can be narrowed on its own. */
extern ValueSpace *narrow_copy(const ValueSpace *space);

/* Leaves no value. */
extern void narrow_to_nothing(ValueSpace *space);

/* The value compares so with a constant of a type, which may be another one than the value's. */
extern bool narrow_compare(ValueSpace *space, StrategyNumber strategy, Datum constant, Oid type);

/* The value is one of these constants. */
extern bool narrow_to_list(ValueSpace *space, int nconstants, const Datum *constants, Oid type);

/* The value's length compares so with a number. */
extern bool narrow_length(ValueSpace *space, StrategyNumber strategy, int64 length);

/* The year that the value lies in compares so with a number. */
extern bool narrow_year(ValueSpace *space, StrategyNumber strategy, int64 year);

/* The value is a multiple of a number. */
extern bool narrow_to_multiple(ValueSpace *space, int64 number);

/* The value matches a regular expression. */
extern bool narrow_pattern(ValueSpace *space, const char *expression, bool ignore_case);

/* Removes from the list of allowed values, where there is one, those that something else forbids. */
extern void narrow_settle(ValueSpace *space);

/* Returns the smallest and largest of an integer's or a date's values that bounds allow, or its type. */
extern void narrow_discrete_range(const ValueSpace *space, int64 *min, int64 *max);

#endif /* POLLSEED_NARROW_H */
