/*-------------------------------------------------------------------------
 *
 * clock.c
 *		From a fraction of the votes to the time by which they were cast.
 *
 * Given their number, the arrivals of an inhomogeneous Poisson process are
 * independent with a density proportional to its rate, so that uniform moments
 * become arrivals by the inverse of the cumulative rate.  The rate is constant
 * within each local hour; the clock walks these hours forward beside the votes
 * and keeps none of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "core/fraction.h"
#include "votes/clock.h"

#define US_PER_HOUR INT64CONST(3600000000)
#define HOURS_PER_WEEK 168

/* 2000-01-01 00:00 was a Saturday, this many hours after the start of a week on Monday. */
#define EPOCH_HOUR_OF_WEEK 120

/* Seconds from the epoch of pg_time_t to the one of TimestampTz. */
#define EPOCH_SHIFT_SECS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* Hours between two looks for an interrupt. */
#define HOURS_PER_INTERRUPT_CHECK 4096

/* Relative rates of votes by local hour.  Below 128, so that a thousand years of them fit 64 bits. */
static const uint8 weekday_rates[HOURS_PER_DAY] = {18, 12, 8,  6,  6,  9,  17, 30, 48, 62, 70, 74,
												   78, 74, 70, 68, 68, 70, 74, 80, 84, 76, 54, 32};
static const uint8 weekend_rates[HOURS_PER_DAY] = {30, 22, 15, 10, 8,  8,  10, 16, 28, 44, 58, 66,
												   70, 70, 68, 66, 64, 66, 70, 74, 76, 70, 56, 40};

/* A stretch of time with one rate: a local hour, or the part of one before a change of offset. */
typedef struct RateStretch
{
	int64  from_us;
	int64  until_us;
	uint64 rate;
} RateStretch;

/* All times are microseconds as in TimestampTz. */
struct VoteClock
{
	pg_tz	   *zone; /* NULL: an even rate */
	int64		starts_us;
	int64		ends_us;
	int64		offset_us;		 /* local time less universal time */
	int64		offset_until_us; /* the offset holds until then */
	RateStretch stretch;		 /* the one that the clock is in */
	uint64		before;			 /* rate times microseconds of the stretches before it */
	uint64		total;			 /* rate times microseconds of them all */
};

/* Looks up the offset from universal time at a moment, and how long it holds. */
static void
find_offset(VoteClock *clock, int64 at_us)
{
	pg_time_t at = at_us / USECS_PER_SEC - (at_us % USECS_PER_SEC < 0) + EPOCH_SHIFT_SECS;
	pg_time_t boundary;
	long	  before_offset;
	long	  after_offset;
	int		  before_isdst;
	int		  after_isdst;
	int found = pg_next_dst_boundary(&at, &before_offset, &before_isdst, &boundary, &after_offset,
									 &after_isdst, clock->zone);

	if (found < 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("timestamp out of range for time zone \"%s\"",
							   pg_get_timezone_name(clock->zone))));
	clock->offset_us = (int64) before_offset * USECS_PER_SEC;

	/* The boundary may lie beyond the last timestamp. */
	if (found == 0 ||
		pg_mul_s64_overflow(boundary - EPOCH_SHIFT_SECS, USECS_PER_SEC, &clock->offset_until_us))
		clock->offset_until_us = PG_INT64_MAX;
}

/* Returns the relative rate of votes in an hour counted from the epoch in local time. */
static uint64
hourly_rate(int64 local_hour)
{
	int64 hour_of_week = (local_hour + EPOCH_HOUR_OF_WEEK) % HOURS_PER_WEEK;

	if (hour_of_week < 0)
		hour_of_week += HOURS_PER_WEEK;
	return hour_of_week < 5 * HOURS_PER_DAY ? weekday_rates[hour_of_week % HOURS_PER_DAY]
											: weekend_rates[hour_of_week % HOURS_PER_DAY];
}

/* Enters the stretch that begins at a moment. */
static void
enter_stretch(VoteClock *clock, int64 from_us)
{
	int64 local_us;
	int64 local_hour;

	if (from_us >= clock->offset_until_us)
		find_offset(clock, from_us);
	local_us = from_us + clock->offset_us;
	local_hour = local_us / US_PER_HOUR - (local_us % US_PER_HOUR < 0);

	clock->stretch.from_us = from_us;
	clock->stretch.until_us = (local_hour + 1) * US_PER_HOUR - clock->offset_us;
	clock->stretch.until_us = Min(clock->stretch.until_us, clock->offset_until_us);
	clock->stretch.until_us = Min(clock->stretch.until_us, clock->ends_us);
	clock->stretch.rate = hourly_rate(local_hour);
}

/* Returns the rate times microseconds of the stretch that the clock is in. */
static inline uint64
stretch_weight(const VoteClock *clock)
{
	return (clock->stretch.until_us - clock->stretch.from_us) * clock->stretch.rate;
}

/* Sets the clock to its beginning. */
static void
rewind_clock(VoteClock *clock)
{
	clock->before = 0;
	clock->offset_until_us = PG_INT64_MIN;
	enter_stretch(clock, clock->starts_us);
}

VoteClock *
vote_clock_even(TimestampTz starts_at, TimestampTz ends_at)
{
	VoteClock *clock = palloc0_object(VoteClock);

	Assert(ends_at > starts_at && ends_at - starts_at <= MAX_TIME_RANGE_US);
	clock->starts_us = starts_at;
	clock->ends_us = ends_at;
	return clock;
}

VoteClock *
vote_clock_diurnal(TimestampTz starts_at, TimestampTz ends_at, pg_tz *zone)
{
	VoteClock *clock = vote_clock_even(starts_at, ends_at);
	int64	   hours = 0;

	clock->zone = zone;
	rewind_clock(clock);
	for (;;)
	{
		clock->total += stretch_weight(clock);
		if (clock->stretch.until_us == clock->ends_us)
			break;
		enter_stretch(clock, clock->stretch.until_us);
		if (++hours % HOURS_PER_INTERRUPT_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
	}
	rewind_clock(clock);
	return clock;
}

TimestampTz
vote_clock_time(VoteClock *clock, uint64 fraction)
{
	uint64 weight;

	if (clock->zone == NULL)
		return clock->starts_us + scale_fraction(clock->ends_us - clock->starts_us, fraction);

	weight = scale_fraction(clock->total, fraction);
	while (weight - clock->before >= stretch_weight(clock))
	{
		clock->before += stretch_weight(clock);
		enter_stretch(clock, clock->stretch.until_us);
	}
	return clock->stretch.from_us + (weight - clock->before) / clock->stretch.rate;
}
