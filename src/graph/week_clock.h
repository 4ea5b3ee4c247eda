/*-------------------------------------------------------------------------
 *
 * week_clock.h
 *		A clock that runs as fast as the hours of a week are busy.
 *
 * A moment that is drawn evenly on this clock, and read off as time, is the likelier the
 * busier its hour is: mostly on working days, and by day.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_WEEK_CLOCK_H
#define POLLSEED_WEEK_CLOCK_H

#include "datatype/timestamp.h"

#define HOURS_PER_WEEK (7 * HOURS_PER_DAY)

typedef struct WeekClock
{
	int busy[HOURS_PER_WEEK + 1]; /* what it shows at the beginning of hours, in hours' business */
} WeekClock;

/* Returns what is left of a number over the multiples of another, never negative. */
static inline int64
remainder_of(int64 number, int64 divisor)
{
	int64 rest = number % divisor;

	return rest < 0 ? rest + divisor : rest;
}

/* Makes the clock. */
extern void week_clock_make(WeekClock *clock);

/* Returns what it shows at a second, counted from 2000. */
extern int64 week_clock_at(const WeekClock *clock, int64 second);

/* Returns the second at which it shows that. */
extern int64 week_clock_second(const WeekClock *clock, int64 shown);

#endif /* POLLSEED_WEEK_CLOCK_H */
