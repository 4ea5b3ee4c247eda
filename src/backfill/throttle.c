/*-------------------------------------------------------------------------
 *
 * throttle.c
 *		What makes a backfill hold back: the decision, and the budget of WAL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "backfill/signals.h"
#include "backfill/throttle.h"
#include "backfill/throttle_spec.h"
#include "core/compat.h"
#include "core/figures.h"

#define CHECK_INTERVAL_MS 500

/*
 * What unused budget can be saved up, and what a batch may use.  Few large batches disturb
 * others less than many small ones, because each takes time whatever its size.
 */
#define BURST_SECONDS 1.0
#define BATCH_SECONDS 4.0

typedef struct SignalState
{
	bool	   holding;
	bool	   ignored; /* it held for max_hold, and has not been down since */
	instr_time held_since;
} SignalState;

struct Throttle
{
	const char	 *backfill;
	ThrottleSpec  spec;
	MemoryContext check_context; /* of one check */
	SignalReader *reader;
	SignalState	  states[SIGNAL_COUNT];

	/* The last check, and what has been learnt since. */
	bool		   checked;
	instr_time	   checked_at;
	StringInfoData reason; /* empty: go on */
	int			   blocked;

	/* Bytes that may be written at once; negative: too many were. */
	double	   budget;
	bool	   budget_begun;
	instr_time budget_at;
	int		   workers;
};

Throttle *
throttle_make(const char *backfill, const Jsonb *normalized, MemoryContext context)
{
	MemoryContext own_context =
		AllocSetContextCreate(context, "pollseed throttle", ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(own_context);
	Throttle	 *throttle = palloc0_object(Throttle);

	throttle->backfill = pstrdup(backfill);
	throttle->check_context =
		AllocSetContextCreate(own_context, "pollseed throttle check", ALLOCSET_SMALL_SIZES);
	spec_read(normalized, &throttle->spec);
	throttle->reader = signals_open(throttle->backfill, &throttle->spec);
	throttle->workers = 1;
	initStringInfo(&throttle->reason);
	MemoryContextSwitchTo(old_context);
	return throttle;
}

/* Adds a signal's value to a text, with what it waits for. */
static void
describe(StringInfo text, const Throttle *throttle, SignalId id, const SignalValue *value)
{
	const SignalSpec *signal = &throttle->spec.signals[id];
	SignalUnit		  unit = signal_unit(id);

	if (text->len > 0)
		appendStringInfoString(text, "; ");
	appendStringInfo(text, "%s: ", signal_name(id));
	if (value->text != NULL)
		appendStringInfoString(text, value->text);
	else
		appendStringInfo(text, "%s, limit %s, goes on at %s", format_quantity(unit, value->number),
						 format_quantity(unit, signal->limit),
						 format_quantity(unit, signal->resume));
}

/* Decides whether a signal holds, and logs where it is or is no longer ignored. */
static void
decide(Throttle *throttle, SignalId id, const SignalValue *value)
{
	const SignalSpec *signal = &throttle->spec.signals[id];
	SignalState		 *state = &throttle->states[id];

	if (isnan(value->number) || value->number <= signal->resume)
	{
		if (state->ignored)
			ereport(LOG, (errhidestmt(true), errhidecontext(true),
						  errmsg("pollseed backfill \"%s\" heeds %s again", throttle->backfill,
								 signal_name(id))));
		state->holding = false;
		state->ignored = false;
	}
	else if (state->holding)
	{
		if (milliseconds_since(state->held_since) < signal->max_hold_ms)
			return;
		state->holding = false;
		state->ignored = true;
		ereport(LOG, (errhidestmt(true), errhidecontext(true),
					  errmsg("pollseed backfill \"%s\" ignores %s, which has held it for %s",
							 throttle->backfill, signal_name(id),
							 format_quantity(UNIT_TIME, signal->max_hold_ms))));
	}
	else if (!state->ignored && value->number > signal->limit)
	{
		state->holding = true;
		INSTR_TIME_SET_CURRENT(state->held_since);
	}
}

/* Reads the signals and decides. */
static void
check_now(Throttle *throttle, const ThrottleFacts *facts)
{
	SignalValue	  values[SIGNAL_COUNT];
	ThrottleFacts known = *facts;
	MemoryContext old_context = MemoryContextSwitchTo(throttle->check_context);

	known.blocked_sessions = throttle->blocked;
	throttle->blocked = 0;
	signals_read(throttle->reader, &known, values);
	resetStringInfo(&throttle->reason);
	for (int id = 0; id < SIGNAL_COUNT; id++)
	{
		if (!throttle->spec.signals[id].on)
			continue;
		decide(throttle, (SignalId) id, &values[id]);
		if (throttle->states[id].holding)
			describe(&throttle->reason, throttle, (SignalId) id, &values[id]);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(throttle->check_context);
}

const char *
throttle_check(Throttle *throttle, const ThrottleFacts *facts)
{
	throttle->blocked = Max(throttle->blocked, facts->blocked_sessions);
	if (!throttle->checked || milliseconds_since(throttle->checked_at) >= CHECK_INTERVAL_MS)
	{
		check_now(throttle, facts);
		throttle->checked = true;
		INSTR_TIME_SET_CURRENT(throttle->checked_at);
	}
	return throttle->reason.len > 0 ? throttle->reason.data : NULL;
}

/* Returns the bytes of WAL a second that this worker may write. */
static double
own_rate(const Throttle *throttle)
{
	return throttle->spec.signals[SIGNAL_WAL_RATE].limit / throttle->workers;
}

/*
 * The budget begins with nothing, so that over a whole run no more is used than its
 * time allows.
 */
double
throttle_pause_ms(Throttle *throttle, uint64 wal_bytes, double batch_ms, int workers)
{
	double rate;
	double elapsed_ms = batch_ms;

	if (!throttle->spec.signals[SIGNAL_WAL_RATE].on)
		return 0;
	if (throttle->budget_begun)
		elapsed_ms = milliseconds_since(throttle->budget_at);
	throttle->budget_begun = true;
	INSTR_TIME_SET_CURRENT(throttle->budget_at);

	throttle->workers = Max(workers, 1);
	rate = own_rate(throttle);
	throttle->budget = Min(throttle->budget + rate * elapsed_ms / 1000, rate * BURST_SECONDS);
	throttle->budget -= (double) wal_bytes;
	return throttle->budget < 0 ? -throttle->budget / rate * 1000 : 0;
}

double
throttle_seconds(const Throttle *throttle, double wal_bytes)
{
	return throttle->spec.signals[SIGNAL_WAL_RATE].on ? wal_bytes / own_rate(throttle) : 0;
}

int64
throttle_max_rows(const Throttle *throttle, double wal_bytes_per_row)
{
	double rows;

	if (!throttle->spec.signals[SIGNAL_WAL_RATE].on || wal_bytes_per_row <= 0)
		return 0;
	rows = own_rate(throttle) * BATCH_SECONDS / wal_bytes_per_row;
	return rows < 1 ? 1 : rows > PG_INT32_MAX ? PG_INT32_MAX : (int64) rows;
}
