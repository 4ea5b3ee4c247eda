/*-------------------------------------------------------------------------
 *
 * throttle_spec.h
 *		The signals that can make a backfill hold back, and what a user says of
 *		them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_THROTTLE_SPEC_H
#define POLLSEED_THROTTLE_SPEC_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

typedef enum SignalId
{
	SIGNAL_ARCHIVER_BACKLOG,
	SIGNAL_REPLICA_LAG,
	SIGNAL_REPLICA_LAG_BYTES,
	SIGNAL_SLOT_RETENTION,
	SIGNAL_OLDEST_SNAPSHOT,
	SIGNAL_DEAD_TUPLES,
	SIGNAL_BLOCKED_SESSIONS,
	SIGNAL_WAL_RATE,
	SIGNAL_QUERY,
	SIGNAL_COUNT
} SignalId;

/* What a signal's numbers are; in the server's memory times are milliseconds. */
typedef enum SignalUnit
{
	UNIT_COUNT,
	UNIT_TIME,
	UNIT_BYTES,
	UNIT_SHARE,
	UNIT_RATE, /* a budget: there is a limit and nothing to read */
	UNIT_QUERY
} SignalUnit;

typedef struct SignalSpec
{
	bool   on;
	double limit;		/* held above */
	double resume;		/* and until it is at most so */
	double max_hold_ms; /* HUGE_VAL: without end */
} SignalSpec;

typedef struct ThrottleSpec
{
	SignalSpec signals[SIGNAL_COUNT];
	char	  *query; /* of SIGNAL_QUERY, where it is on */
} ThrottleSpec;

/* Returns a signal's name. */
extern const char *signal_name(SignalId id);

/* Returns a signal's unit. */
extern SignalUnit signal_unit(SignalId id);

/* Reads a specification, NULL being an empty one, and adds the defaults; raises 22023 where it is wrong. */
extern void spec_read(const Jsonb *jsonb, ThrottleSpec *spec);

/* Tells whether the user's query may return a column of this type. */
extern bool query_type_fits(Oid type);

/* Returns an interval's milliseconds. */
extern double interval_ms(const Interval *interval);

/* Returns a text for a signal's number. */
extern const char *format_quantity(SignalUnit unit, double value);

#endif /* POLLSEED_THROTTLE_SPEC_H */
