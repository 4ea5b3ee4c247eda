/*-------------------------------------------------------------------------
 *
 * signals.h
 *		Reading how the server and its replicas are doing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SIGNALS_H
#define POLLSEED_SIGNALS_H

#include "backfill/throttle.h"
#include "backfill/throttle_spec.h"

typedef struct SignalReader SignalReader;

typedef struct SignalValue
{
	double		number; /* NAN: could not be read */
	const char *text;	/* what says more than the number, or NULL */
} SignalValue;

/* Makes a reader of a backfill's signals in the current memory context; it keeps the specification. */
extern SignalReader *signals_open(const char *backfill, const ThrottleSpec *spec);

/* Reads the signals that are on; needs SPI to be connected. */
extern void signals_read(SignalReader *reader, const ThrottleFacts *facts, SignalValue *values);

#endif /* POLLSEED_SIGNALS_H */
