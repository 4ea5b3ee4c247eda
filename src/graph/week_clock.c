/*-------------------------------------------------------------------------
 *
 * week_clock.c
 *		A clock that runs as fast as the hours of a week are busy.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/compat.h"
#include "graph/week_clock.h"

#define SECONDS_PER_WEEK (7 * SECS_PER_DAY)

/* Since 2000-01-01 was a Saturday: seconds from a Monday to that day. */
#define MONDAY_OFFSET (5 * SECS_PER_DAY)

/* How busy the hours of a working day and of one of the weekend are. */
static const int working_day[HOURS_PER_DAY] = {1, 1,  1,  1,  1,  1, 2, 4, 8, 12, 13, 12,
											   9, 11, 13, 12, 11, 9, 7, 6, 5, 4,  3,  2};
static const int weekend_day[HOURS_PER_DAY] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 4,
											   4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 2, 1};

void
week_clock_make(WeekClock *clock)
{
	int sum = 0;

	for (int hour = 0; hour < HOURS_PER_WEEK; hour++)
	{
		clock->busy[hour] = sum;
		sum += (hour / HOURS_PER_DAY < 5 ? working_day : weekend_day)[hour % HOURS_PER_DAY];
	}
	clock->busy[HOURS_PER_WEEK] = sum;
}

int64
week_clock_at(const WeekClock *clock, int64 second)
{
	int64 in_week = remainder_of(second + MONDAY_OFFSET, SECONDS_PER_WEEK);
	int64 week = (second + MONDAY_OFFSET - in_week) / SECONDS_PER_WEEK;
	int	  hour = (int) (in_week / SECS_PER_HOUR);

	return (week * clock->busy[HOURS_PER_WEEK] + clock->busy[hour]) * SECS_PER_HOUR +
		   (in_week % SECS_PER_HOUR) * (clock->busy[hour + 1] - clock->busy[hour]);
}

int64
week_clock_second(const WeekClock *clock, int64 shown)
{
	int64 total = (int64) clock->busy[HOURS_PER_WEEK] * SECS_PER_HOUR;
	int64 rest = remainder_of(shown, total);
	int64 week = (shown - rest) / total;
	int	  low = 0;
	int	  high = HOURS_PER_WEEK;

	while (high - low > 1)
	{
		int middle = (low + high) / 2;

		if ((int64) clock->busy[middle] * SECS_PER_HOUR <= rest)
			low = middle;
		else
			high = middle;
	}
	return week * SECONDS_PER_WEEK - MONDAY_OFFSET + (int64) low * SECS_PER_HOUR +
		   (rest - (int64) clock->busy[low] * SECS_PER_HOUR) /
			   (clock->busy[low + 1] - clock->busy[low]);
}
