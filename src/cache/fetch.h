/*-------------------------------------------------------------------------
 *
 * fetch.h
 *		Results computed for others to find: what warmers do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_FETCH_H
#define POLLSEED_CACHE_FETCH_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "cache/last.h"

/*
 * Raises the errors that pollseed_cache_fetch() would raise before it computes: of the cache, the key, the
 * query, and of the caller's privileges.
 */
extern void cache_check_fetch(const char *cache, const char *key, const char *query,
							  const Jsonb *params);

/*
 * Has a result kept, as pollseed_cache_fetch() does for the current user under the
 * settings of now: computes it unless what is kept is the newest and stays good for fresh_for_us
 * more, if nothing changes.  Returns whether it was computed; *outcome is what it did, and
 * cache_last_reason() why.  params, ttl and depends_on may be NULL.  Needs no SPI connection.
 */
extern bool cache_warm_fetch(const char *cache, const char *key, const char *query, Jsonb *params,
							 Interval *ttl, ArrayType *depends_on, int64 fresh_for_us,
							 CacheOutcome *outcome);

#endif /* POLLSEED_CACHE_FETCH_H */
