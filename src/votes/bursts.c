/*-------------------------------------------------------------------------
 *
 * bursts.c
 *		Moments of votes that draw other votes: a Hawkes process.
 *
 * Votes arrive by themselves at a constant rate, and each draws a Poisson
 * number of others, mean BRANCHING, each after an exponential delay: the
 * branching form of a Hawkes process with exponential kernel (Hawkes and Oakes,
 * "A cluster process representation of a self-exciting process", 1974).  An
 * exponential delay has no memory, so the votes that are drawn but not yet cast
 * need no times, only their number; the process is then a Markov chain that
 * yields its votes in time order from one integer of state.
 *
 * The process runs until it has cast all its votes, one more than that marks
 * its end, and its time is then stretched to the range asked for.  The length
 * is known only at the end, so the votes are drawn twice.
 *
 * No sum here can be fused with a product, so that every machine rounds alike.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "core/random.h"
#include "votes/bursts.h"

/* Votes that a vote draws, on average; bursts have 1 / (1 - BRANCHING) votes. */
#define BRANCHING 0.8

/* The mean delay until a vote that another draws: ten minutes, or less for a short range. */
#define MEAN_DELAY_US INT64CONST(600000000)
#define MIN_DELAYS_PER_RANGE 50

/* Votes drawn between two looks for an interrupt. */
#define VOTES_PER_INTERRUPT_CHECK 65536

/* P(X <= k) for X ~ Poisson(BRANCHING), in 1 / 2^64, up to the last that differs from 1. */
static const uint64 poisson_cumulative[] = {
	UINT64CONST(8288656405975409161),  UINT64CONST(14919581530755736490),
	UINT64CONST(17571951580667867422), UINT64CONST(18279250260644435670),
	UINT64CONST(18420709996639749320), UINT64CONST(18443343554398999504),
	UINT64CONST(18446361362100232862), UINT64CONST(18446706254408945246),
	UINT64CONST(18446740743639816484), UINT64CONST(18446743809349227261),
	UINT64CONST(18446744054605980123), UINT64CONST(18446744072442834877),
	UINT64CONST(18446744073631958527), UINT64CONST(18446744073705135367),
	UINT64CONST(18446744073709316901), UINT64CONST(18446744073709539916),
	UINT64CONST(18446744073709551066), UINT64CONST(18446744073709551591),
	UINT64CONST(18446744073709551614),
};

struct Bursts
{
	RandomStream stream;
	double		 base_rate; /* votes that nobody draws, per mean delay */
	int64		 drawn;		/* votes drawn but not yet cast */
	double		 time;		/* in mean delays */
	double		 end;		/* the time of the vote after the last */
};

/* Sets the process to its beginning, with as many votes drawn as there are on average. */
static void
rewind_bursts(Bursts *bursts, int64 seed)
{
	bursts->stream = random_stream(seed, RANDOM_VOTE_BURSTS, 0);
	bursts->drawn = (int64) (bursts->base_rate * (BRANCHING / (1 - BRANCHING)));
	bursts->time = 0;
}

/* Draws how many votes a vote draws. */
static int
draw_offspring(RandomStream *stream)
{
	uint64 uniform = random_next(stream);
	size_t offspring = 0;

	while (offspring < lengthof(poisson_cumulative) && uniform >= poisson_cumulative[offspring])
		offspring++;
	return (int) offspring;
}

/* Moves on to the next vote. */
static void
step(Bursts *bursts)
{
	double rate = bursts->base_rate + (double) bursts->drawn;
	double uniform = (double) (random_next(&bursts->stream) >> 11) * 0x1p-53;

	bursts->time += random_exponential(&bursts->stream) / rate;
	if (uniform * rate >= bursts->base_rate && bursts->drawn > 0)
		bursts->drawn--;
	bursts->drawn += draw_offspring(&bursts->stream);
}

/* Moves on by a number of votes. */
static void
step_votes(Bursts *bursts, int64 votes)
{
	for (int64 i = 0; i < votes; i++)
	{
		if (i % VOTES_PER_INTERRUPT_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		step(bursts);
	}
}

Bursts *
bursts_begin(int64 seed, int64 vote_count, int64 range_us, int64 first_vote)
{
	Bursts *bursts = palloc0_object(Bursts);
	double	delays = Max((double) range_us / MEAN_DELAY_US, MIN_DELAYS_PER_RANGE);

	bursts->base_rate = (double) vote_count * (1 - BRANCHING) / delays;

	rewind_bursts(bursts, seed);
	step_votes(bursts, vote_count + 1);
	bursts->end = bursts->time;

	rewind_bursts(bursts, seed);
	step_votes(bursts, first_vote - 1);
	return bursts;
}

uint64
bursts_next(Bursts *bursts)
{
	double fraction;

	step(bursts);
	fraction = bursts->time / bursts->end;
	return fraction < 1 ? (uint64) ldexp(fraction, 64) : PG_UINT64_MAX;
}
