/*-------------------------------------------------------------------------
 *
 * moment.h
 *		Moments as ISO 8601 texts, whatever DateStyle and TimeZone are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_MOMENT_H
#define POLLSEED_MOMENT_H

#include "datatype/timestamp.h"

/*
 * Reads 2026-01-31, 2026-01-31T12:00:00+02:00 and what lies between: seconds, their fractions and the
 * zone may be left out, a space may stand for the T, Z for the zone.  Without a zone it is UTC.
 */
extern bool moment_read(const char *text, TimestampTz *moment);

/* Returns a moment as such a text, in UTC. */
extern char *moment_write(TimestampTz moment);

/* Returns the midnight before a moment, in UTC, and the same day of the month so many years before. */
extern TimestampTz moment_day(TimestampTz moment);
extern TimestampTz moment_years_before(TimestampTz moment, int years);

#endif /* POLLSEED_MOMENT_H */
