/*-------------------------------------------------------------------------
 *
 * moment.c
 *		Moments as ISO 8601 texts, whatever DateStyle and TimeZone are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "graph/moment.h"

#define FRACTION_DIGITS 6

/* Reads a number of exactly so many digits, and goes past it. */
static bool
read_digits(const char **at, int digits, int *number)
{
	*number = 0;
	for (int i = 0; i < digits; i++)
	{
		if (**at < '0' || **at > '9')
			return false;
		*number = *number * 10 + (*(*at)++ - '0');
	}
	return true;
}

/* Goes past a character, if it is there. */
static bool
skip(const char **at, char character)
{
	if (**at != character)
		return false;
	(*at)++;
	return true;
}

/* Reads a fraction of a second in microseconds, and goes past it. */
static bool
read_fraction(const char **at, fsec_t *fraction)
{
	int digits = 0;

	*fraction = 0;
	for (; **at >= '0' && **at <= '9' && digits < FRACTION_DIGITS; digits++)
		*fraction = *fraction * 10 + (*(*at)++ - '0');
	for (int i = digits; i < FRACTION_DIGITS; i++)
		*fraction *= 10;
	return digits > 0;
}

/* Reads a zone, in seconds west of Greenwich as the server counts them. */
static bool
read_zone(const char **at, int *zone)
{
	int sign = **at == '-' ? 1 : -1;
	int hours;
	int minutes = 0;

	*zone = 0;
	if (**at == '\0' || skip(at, 'Z'))
		return true;
	if (!(skip(at, '+') || skip(at, '-')) || !read_digits(at, 2, &hours))
		return false;
	if (skip(at, ':') || **at != '\0')
	{
		if (!read_digits(at, 2, &minutes))
			return false;
	}
	*zone = sign * (hours * SECS_PER_HOUR + minutes * SECS_PER_MINUTE);
	return hours <= MAX_TZDISP_HOUR && minutes < MINS_PER_HOUR;
}

bool
moment_read(const char *text, TimestampTz *moment)
{
	const char	*at = text;
	struct pg_tm tm = {0};
	fsec_t		 fraction = 0;
	int			 zone = 0;

	if (!read_digits(&at, 4, &tm.tm_year) || !skip(&at, '-') || !read_digits(&at, 2, &tm.tm_mon) ||
		!skip(&at, '-') || !read_digits(&at, 2, &tm.tm_mday))
		return false;
	if (skip(&at, 'T') || skip(&at, ' '))
	{
		if (!read_digits(&at, 2, &tm.tm_hour) || !skip(&at, ':') ||
			!read_digits(&at, 2, &tm.tm_min))
			return false;
		if (skip(&at, ':') && !read_digits(&at, 2, &tm.tm_sec))
			return false;
		if (skip(&at, '.') && !read_fraction(&at, &fraction))
			return false;
		if (!read_zone(&at, &zone))
			return false;
	}
	if (*at != '\0' || tm.tm_year < 1 || tm.tm_mon < 1 || tm.tm_mon > MONTHS_PER_YEAR ||
		tm.tm_mday < 1 || tm.tm_mday > day_tab[isleap(tm.tm_year)][tm.tm_mon - 1] ||
		tm.tm_hour >= HOURS_PER_DAY || tm.tm_min >= MINS_PER_HOUR || tm.tm_sec >= SECS_PER_MINUTE)
		return false;
	return tm2timestamp(&tm, fraction, &zone, moment) == 0;
}

char *
moment_write(TimestampTz moment)
{
	struct pg_tm tm;
	fsec_t		 fraction;
	char		*text;

	if (timestamp2tm(moment, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	text = psprintf("%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour,
					tm.tm_min, tm.tm_sec);
	return psprintf(fraction != 0 ? "%s.%06d+00:00" : "%s+00:00", text, (int) fraction);
}

TimestampTz
moment_day(TimestampTz moment)
{
	TimestampTz within = moment % USECS_PER_DAY;

	return moment - (within < 0 ? within + USECS_PER_DAY : within);
}

TimestampTz
moment_years_before(TimestampTz moment, int years)
{
	struct pg_tm tm;
	fsec_t		 fraction;
	TimestampTz	 result;

	if (timestamp2tm(moment, NULL, &tm, &fraction, NULL, NULL) == 0)
	{
		tm.tm_year -= years;
		tm.tm_mday = Min(tm.tm_mday, day_tab[isleap(tm.tm_year)][tm.tm_mon - 1]);
		if (tm2timestamp(&tm, fraction, NULL, &result) == 0)
			return result;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
}
