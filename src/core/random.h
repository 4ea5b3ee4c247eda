/*-------------------------------------------------------------------------
 *
 * random.h
 *		Random numbers that depend on nothing but the seed and a place.
 *
 * A stream is addressed by (seed, purpose, place), so that any part of the
 * generated data can be made without the parts before it, in any order and
 * by any number of workers.  All draws but random_exponential() are integer
 * arithmetic, and that one uses only operations that IEEE 754 rounds
 * exactly: the same seed gives the same data on every machine.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_RANDOM_H
#define POLLSEED_RANDOM_H

/* What a stream is for.  The numbers are part of the generated data: never reuse or renumber one. */
typedef enum RandomPurpose
{
	RANDOM_VOTE_TOTALS = 1, /* places: nodes of the tree of options */
	RANDOM_VOTE_ORDER = 2,	/* places: nodes of the tree of moments */
	RANDOM_VOTE_BURSTS = 3, /* one place, 0 */
	RANDOM_MOVIES = 4,		/* places: movies, as of the next two and the last */
	RANDOM_MOVIE_METRICS = 5,
	RANDOM_MOVIE_NOMINATIONS = 6,
	RANDOM_MOVIE_PEOPLE = 7, /* places: people */
	RANDOM_MOVIE_CREDITS = 8,
	RANDOM_GRAPH_CELL = 9,	 /* seeds: of the cell's column; places: rows */
	RANDOM_GRAPH_PARENT = 10 /* as of cells, which parent a row refers to */
} RandomPurpose;

typedef struct RandomStream
{
	uint64 state;
} RandomStream;

/*
 * The finaliser of splitmix64 (Steele, Lea and Flood, "Fast Splittable
 * Pseudorandom Number Generators", OOPSLA 2014; Stafford's variant 13).
 */
static inline uint64
random_mix(uint64 z)
{
	z = (z ^ (z >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Returns the stream's next 64 random bits. */
static inline uint64
random_next(RandomStream *stream)
{
	stream->state += UINT64CONST(0x9e3779b97f4a7c15);
	return random_mix(stream->state);
}

/* Returns the stream of a place, at its start. */
extern RandomStream random_stream(int64 seed, RandomPurpose purpose, uint64 place);

/* Draws Binomial(n, 1/2), exactly: the number of ones among n random bits.  Takes n / 64 steps. */
extern int64 random_binomial_half(RandomStream *stream, int64 n);

/* Draws Binomial(n, p / 2^64), exactly.  Takes n / 32 steps on average. */
extern int64 random_binomial(RandomStream *stream, int64 n, uint64 p);

/* Draws from the exponential distribution of mean 1. */
extern double random_exponential(RandomStream *stream);

/* Returns a fresh seed for a caller who gave none: not negative, below 2^53, so that JSON can carry it. */
extern int64 random_seed(void);

#endif /* POLLSEED_RANDOM_H */
