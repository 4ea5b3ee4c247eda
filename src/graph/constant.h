/*-------------------------------------------------------------------------
 *
 * constant.h
 *		Constants that values are compared with, read as values of a space.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CONSTANT_H
#define POLLSEED_CONSTANT_H

#include "graph/space.h"

/*
 * Reads a number or a date of any type as the largest whole number, or day, not above it, and whether that is
 * it; returns false where it is none, or too large.
 */
extern bool constant_floor(Datum constant, Oid type, int64 *floor_value, bool *whole);

/* Sets the smallest and largest of an integer's or a date's values. */
extern void constant_range(Oid type, int64 *min, int64 *max);

/* Returns a whole number as a value of an integer's or a date's space. */
extern Datum constant_discrete(const ValueSpace *space, int64 number);

/* Makes a numeric of a number written in C. */
extern Datum constant_numeric(const char *text);

/* Returns the scale of a numeric with a precision. */
extern int constant_scale(const ValueSpace *space);

/* Rounds a numeric to its type's scale, where it has one; *fits is false where its precision is too small for it. */
extern Datum constant_round(const ValueSpace *space, Datum value, bool *fits);

/*
 * Makes a value of base of a constant; *fits is false where no value of base equals it.  Returns
 * false where the types are not understood.
 */
extern bool constant_value(const ValueSpace *space, Datum constant, Oid type, Datum *value,
						   bool *fits);

#endif /* POLLSEED_CONSTANT_H */
