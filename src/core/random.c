/*-------------------------------------------------------------------------
 *
 * random.c
 *		Random numbers that depend on nothing but the seed and a place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "core/random.h"

/* Words drawn between two looks for an interrupt. */
#define WORDS_PER_INTERRUPT_CHECK 65536

RandomStream
random_stream(int64 seed, RandomPurpose purpose, uint64 place)
{
	RandomStream stream;

	stream.state = random_mix((uint64) seed + UINT64CONST(0x9e3779b97f4a7c15) * purpose);
	stream.state = random_mix(stream.state ^ random_mix(place));
	return stream;
}

int64
random_binomial_half(RandomStream *stream, int64 n)
{
	int64 ones = 0;
	int64 words = 0;

	for (; n >= 64; n -= 64)
	{
		ones += pg_popcount64(random_next(stream));
		if (++words % WORDS_PER_INTERRUPT_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (n > 0)
		ones += pg_popcount64(random_next(stream) >> (64 - n));
	return ones;
}

/*
 * Each of the n trials compares random bits with the bits of p, highest
 * first, and is decided at the first bit that differs: it succeeds where p
 * has the one.  Half of the undecided trials are decided at each bit, so only
 * their number need be kept.
 */
int64
random_binomial(RandomStream *stream, int64 n, uint64 p)
{
	int64 successes = 0;
	int64 undecided = n;

	for (; undecided > 0 && p != 0; p <<= 1)
	{
		int64 ones = random_binomial_half(stream, undecided);

		if (p & UINT64CONST(0x8000000000000000))
		{
			successes += undecided - ones;
			undecided = ones;
		}
		else
			undecided -= ones;
	}
	return successes;
}

/*
 * Von Neumann's method ("Various techniques used in connection with random
 * digits", 1951): the length of a falling run of uniform numbers is odd with
 * probability e^-x where the run starts at x, so that no logarithm is needed.
 */
double
random_exponential(RandomStream *stream)
{
	double whole = 0;

	for (;;)
	{
		uint64 first = random_next(stream);
		uint64 previous = first;
		bool   odd = true;

		for (;;)
		{
			uint64 next = random_next(stream);

			if (next >= previous)
				break;
			previous = next;
			odd = !odd;
		}
		if (odd)
			return whole + (double) (first >> 11) * 0x1p-53;
		whole += 1;
	}
}

int64
random_seed(void)
{
	uint64 seed;

	if (!pg_strong_random(&seed, sizeof(seed)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random seed")));
	return (int64) (seed >> 11);
}
