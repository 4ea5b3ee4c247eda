/*-------------------------------------------------------------------------
 *
 * last.c
 *		What the session's last call on a cache did: pollseed_cache_last().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "cache/last.h"
#include "core/compat.h"
#include "core/figures.h"

POLLSEED_FUNCTION(pollseed_cache_last);

/* Bytes of a text that are kept. */
#define CACHE_ROOM NAMEDATALEN
#define KEY_ROOM 1024
#define REASON_ROOM 200

/* Longer keys and reasons are cut. */
static struct
{
	CacheOutcome outcome;
	Oid			 role; /* that made the call */
	int64		 fill_us;
	TimestampTz	 filled_at;
	int			 cache_length;
	int			 key_length;
	int			 reason_length;
	char		 cache[CACHE_ROOM];
	char		 key[KEY_ROOM];
	char		 reason[REASON_ROOM];
} last;

static const char *const outcome_names[] = {
	[CACHE_HIT] = "hit",	 [CACHE_MISS] = "miss",		[CACHE_WAITED] = "waited",
	[CACHE_STALE] = "stale", [CACHE_BYPASS] = "bypass", [CACHE_REFUSED] = "refused",
};

const char *
cache_outcome_name(CacheOutcome outcome)
{
	return outcome_names[outcome];
}

/* Copies what fits of a text, whole characters; returns its length. */
static inline int
keep_text(char *copy, int room, const char *text, size_t length)
{
	if (unlikely(length > (size_t) room))
		length = pg_mbcliplen(text, (int) length, room);
	memcpy(copy, text, length);
	return (int) length;
}

void
cache_note_last(const char *cache, size_t cache_length, const char *key, size_t key_length,
				CacheOutcome outcome, const char *reason, int64 fill_us, TimestampTz filled_at)
{
	last.outcome = outcome;
	last.role = GetUserId();
	last.fill_us = fill_us;
	last.filled_at = filled_at;
	last.cache_length = keep_text(last.cache, CACHE_ROOM, cache, cache_length);
	last.key_length = keep_text(last.key, KEY_ROOM, key, key_length);
	last.reason_length =
		reason != NULL ? keep_text(last.reason, REASON_ROOM, reason, strlen(reason)) : 0;
}

const char *
cache_last_reason(void)
{
	return last.reason_length > 0 ? pnstrdup(last.reason, last.reason_length) : NULL;
}

/* Returns the interval from a moment until now. */
static Datum
age(TimestampTz since)
{
	return DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(GetCurrentTimestamp()),
							   TimestampTzGetDatum(since));
}

/*
 * pollseed_cache_last()
 *
 * Keys may hold what another role is not to know: who may not act as the role that made the
 * call gets neither the key nor the reason, which may quote from the query.
 */
Datum
pollseed_cache_last(PG_FUNCTION_ARGS)
{
	Datum values[6] = {0};
	bool  nulls[lengthof(values)] = {true, true, true, true, true, true};

	if (last.outcome != CACHE_NOTHING)
	{
		bool mine = has_privs_of_role(GetUserId(), last.role);

		nulls[0] = false;
		values[0] = PointerGetDatum(cstring_to_text_with_len(last.cache, last.cache_length));
		nulls[1] = !mine;
		values[1] = PointerGetDatum(cstring_to_text_with_len(last.key, last.key_length));
		nulls[2] = false;
		values[2] = CStringGetTextDatum(outcome_names[last.outcome]);
		nulls[3] = !mine || last.reason_length == 0;
		values[3] = PointerGetDatum(cstring_to_text_with_len(last.reason, last.reason_length));
		nulls[4] = last.fill_us <= 0;
		values[4] = Float8GetDatum((double) last.fill_us / 1000.0);
		nulls[5] = last.filled_at == 0;
		if (!nulls[5])
			values[5] = age(last.filled_at);
	}
	PG_RETURN_DATUM(figures_row(fcinfo, values, nulls));
}
