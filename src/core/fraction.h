/*-------------------------------------------------------------------------
 *
 * fraction.h
 *		Fractions from 0 up to 1 as 64-bit integers, in 1 / 2^64.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_FRACTION_H
#define POLLSEED_FRACTION_H

#include "core/compat.h"

/* Returns value * fraction / 2^64, rounded down: the place of a 64-bit fraction in a range of length value. */
static inline uint64
scale_fraction(uint64 value, uint64 fraction)
{
	return (uint64) (((uint128) value * fraction) >> 64);
}

/* Returns numerator / denominator as a 64-bit fraction, rounded down; needs numerator < denominator. */
static inline uint64
make_fraction(uint64 numerator, uint64 denominator)
{
	Assert(numerator < denominator);
	return (uint64) (((uint128) numerator << 64) / denominator);
}

#endif /* POLLSEED_FRACTION_H */
