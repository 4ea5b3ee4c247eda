/*-------------------------------------------------------------------------
 *
 * last.h
 *		What the session's last call on a cache did: pollseed_cache_last().
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_LAST_H
#define POLLSEED_CACHE_LAST_H

#include "datatype/timestamp.h"

/* What became of a call. */
typedef enum CacheOutcome
{
	CACHE_NOTHING, /* there was no call yet */
	CACHE_HIT,	   /* from memory */
	CACHE_MISS,	   /* computed, and kept */
	CACHE_WAITED,  /* from memory, after another session computed it */
	CACHE_STALE,   /* from memory, older than the newest, as max_staleness allows */
	CACHE_BYPASS,  /* computed without looking into the cache */
	CACHE_REFUSED  /* computed, and not kept */
} CacheOutcome;

/* Returns an outcome as users see it. */
extern const char *cache_outcome_name(CacheOutcome outcome);

/* Returns a copy of the reason of what the last call did, NULL where there is none. */
extern const char *cache_last_reason(void);

/*
 * Notes what a call did.  reason is NULL, a constant, or what fits 200 bytes and is copied;
 * fill_us is what computing took, or took then; filled_at is 0 where nothing is from memory.
 */
extern void cache_note_last(const char *cache, size_t cache_length, const char *key,
							size_t key_length, CacheOutcome outcome, const char *reason,
							int64 fill_us, TimestampTz filled_at);

#endif /* POLLSEED_CACHE_LAST_H */
