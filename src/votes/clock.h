/*-------------------------------------------------------------------------
 *
 * clock.h
 *		From a fraction of the votes to the time by which they were cast.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CLOCK_H
#define POLLSEED_CLOCK_H

#include "datatype/timestamp.h"
#include "pgtime.h"

typedef struct VoteClock VoteClock;

/* The longest time range, in microseconds: a thousand years in any time zone. */
#define MAX_TIME_RANGE_US (INT64CONST(365245) * USECS_PER_DAY)

/* Makes a clock on which votes come at an even rate from starts_at up to ends_at. */
extern VoteClock *vote_clock_even(TimestampTz starts_at, TimestampTz ends_at);

/*
 * Makes a clock on which the rate of votes follows the hour of the week in a
 * time zone, across its changes of offset.
 */
extern VoteClock *vote_clock_diurnal(TimestampTz starts_at, TimestampTz ends_at, pg_tz *zone);

/*
 * Returns the time at which a fraction of all votes, in 1 / 2^64, has been cast:
 * the inverse of the cumulative rate.  Fractions must not fall from call to call.
 */
extern TimestampTz vote_clock_time(VoteClock *clock, uint64 fraction);

#endif /* POLLSEED_CLOCK_H */
