/*-------------------------------------------------------------------------
 *
 * stats.c
 *		What caches do and hold: the functions behind the views
 *		pollseed_cache_stats and pollseed_cache_entries, and
 *		pollseed_cache_stats_reset().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "cache/definition.h"
#include "cache/store.h"
#include "core/compat.h"

POLLSEED_FUNCTION(pollseed_cache_counters);
POLLSEED_FUNCTION(pollseed_cache_contents);
POLLSEED_FUNCTION(pollseed_cache_stats_reset);

/* Entries that are being shown. */
typedef struct Contents
{
	ReturnSetInfo	*result;
	CacheDefinition *cache; /* that they are of */
	bool			 all;	/* the caller may see those of all roles */
	TimestampTz		 now;
	MemoryContext	 context; /* of a row */
} Contents;

/*
 * Returns the microseconds under which a share of a cache's computations stayed; null where
 * nothing was computed.  Within the bucket that it lies in, computations are taken to be spread
 * evenly over the logarithm of their time.  So what is returned is wrong by less than the
 * square root of 2, the width of a bucket; in the first, which has no lower end, by a microsecond.
 */
static double
fill_quantile(CacheCounters *counters, double share, bool *isnull)
{
	uint64 counts[FILL_BUCKETS];
	uint64 total = 0;
	double rank;
	int	   bucket = 0;

	for (int i = 0; i < FILL_BUCKETS; i++)
	{
		counts[i] = pg_atomic_read_u64(&counters->fill_time[i]);
		total += counts[i];
	}
	*isnull = total == 0;
	if (total == 0)
		return 0;
	rank = share * (double) total;
	while (bucket < FILL_BUCKETS - 1 && rank > (double) counts[bucket])
		rank -= (double) counts[bucket++];
	rank = Min(rank / (double) counts[bucket], 1.0);
	return bucket == 0 ? rank : exp2((bucket - 1 + rank) / 2);
}

/* Adds a cache's counters to the result; arg: that one. */
static void
put_counters(const CacheUse *use, void *arg)
{
	ReturnSetInfo *result = arg;
	CacheCounters *counters = use->counters;
	uint64		   reset_at = pg_atomic_read_u64(&counters->reset_at);

	/* In the order of the OUT parameters. */
	pg_atomic_uint64 *counted[] = {
		&counters->hits,	 &counters->misses,		 &counters->waits,	 &counters->stale,
		&counters->bypassed, &counters->fills,		 &counters->refused, &counters->evicted,
		&counters->expired,	 &counters->invalidated,
	};
	Datum values[17];
	bool  nulls[lengthof(values)] = {0};
	int	  column = 0;

	values[column++] = Int64GetDatum(use->uid);
	for (size_t i = 0; i < lengthof(counted); i++)
		values[column++] = Int64GetDatum((int64) pg_atomic_read_u64(counted[i]));
	values[column++] = Int64GetDatum(use->entries);
	values[column++] = Int64GetDatum(use->bytes);
	values[column] = Float8GetDatum(fill_quantile(counters, 0.5, &nulls[column]) / 1000.0);
	column++;
	values[column] = Float8GetDatum(fill_quantile(counters, 0.99, &nulls[column]) / 1000.0);
	column++;
	values[column++] = Float8GetDatum((double) pg_atomic_read_u64(&counters->saved_us) / 1000.0);
	nulls[column] = reset_at == 0;
	values[column] = TimestampTzGetDatum((TimestampTz) reset_at);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * cache_counters()
 *
 * What the view pollseed_cache_stats shows.  Counters tell nothing of what is in a
 * cache, so everybody may see them.
 */
Datum
pollseed_cache_counters(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	store_sweep();
	store_for_each_cache(put_counters, fcinfo->resultinfo);
	return (Datum) 0;
}

/* Returns an entry's tags as text[]. */
static Datum
tags_array(const char *tags)
{
	ArrayBuildState *state = initArrayResult(TEXTOID, CurrentMemoryContext, false);

	for (const char *end; (end = strchr(tags, '\n')) != NULL; tags = end + 1)
		(void) accumArrayResult(state,
								PointerGetDatum(cstring_to_text_with_len(tags, (int) (end - tags))),
								false, TEXTOID, CurrentMemoryContext);
	return makeArrayResult(state, CurrentMemoryContext);
}

/* Returns the interval between two moments. */
static Datum
interval_between(TimestampTz from, TimestampTz to)
{
	return DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(to), TimestampTzGetDatum(from));
}

/* Adds an entry to the result if the caller may see it; arg: the contents. */
static void
put_entry(const EntryUse *use, void *arg)
{
	Contents	 *contents = arg;
	MemoryContext old_context;
	Datum		  values[10];
	bool		  nulls[lengthof(values)] = {0};

	CHECK_FOR_INTERRUPTS();
	if (!contents->all && OidIsValid(use->role) && !has_privs_of_role(GetUserId(), use->role))
		return;
	old_context = MemoryContextSwitchTo(contents->context);
	values[0] = CStringGetTextDatum(contents->cache->name);
	values[1] = CStringGetTextDatum(use->key);
	values[2] = PointerGetDatum(use->params);
	nulls[2] = use->params == NULL;
	values[3] = ObjectIdGetDatum(use->role);
	nulls[3] = !OidIsValid(use->role);
	values[4] = Int64GetDatum(use->bytes);
	values[5] = interval_between(use->filled_at, contents->now);
	values[6] = interval_between(contents->now, Max(use->filled_at + use->ttl, contents->now));
	values[7] = Int64GetDatum(use->hits);
	values[8] = tags_array(use->tags);
	values[9] = Float8GetDatum((double) use->fill_us / 1000.0);
	tuplestore_putvalues(contents->result->setResult, contents->result->setDesc, values, nulls);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(contents->context);
}

/*
 * cache_contents()
 *
 * What the view pollseed_cache_entries shows.  Keys may hold what others are not to know: so
 * of another role's entries only the owner of the cache sees that they are there, not
 * even members of pg_read_all_stats.
 */
Datum
pollseed_cache_contents(PG_FUNCTION_ARGS)
{
	Contents  contents = {.now = GetCurrentTimestamp()};
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	contents.result = (ReturnSetInfo *) fcinfo->resultinfo;
	SPI_connect();
	contents.context =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed cache entry", ALLOCSET_SMALL_SIZES);
	foreach(cell, cache_read_all())
	{
		contents.cache = lfirst(cell);
		contents.all = cache_is_own(contents.cache);
		store_for_each_entry(contents.cache, put_entry, &contents);
	}
	SPI_finish();
	return (Datum) 0;
}

/* Sets counters to zero. */
static void
reset_counters(CacheCounters *counters)
{
	pg_atomic_uint64 *counted[] = {
		&counters->hits,	&counters->saved_us, &counters->misses,		 &counters->waits,
		&counters->stale,	&counters->bypassed, &counters->fills,		 &counters->refused,
		&counters->evicted, &counters->expired,	 &counters->invalidated,
	};

	for (size_t i = 0; i < lengthof(counted); i++)
		pg_atomic_write_u64(counted[i], 0);
	for (int i = 0; i < FILL_BUCKETS; i++)
		pg_atomic_write_u64(&counters->fill_time[i], 0);
	pg_atomic_write_u64(&counters->reset_at, (uint64) GetCurrentTimestamp());
}

/* pollseed_cache_stats_reset(cache) */
Datum
pollseed_cache_stats_reset(PG_FUNCTION_ARGS)
{
	List	 *caches;
	ListCell *cell;
	int32	  count;

	SPI_connect();
	caches = cache_argument(fcinfo, 0);
	foreach(cell, caches)
	{
		CacheCounters *counters = store_counters(lfirst(cell));

		CHECK_FOR_INTERRUPTS();
		if (counters != NULL)
			reset_counters(counters);
	}
	count = list_length(caches);
	SPI_finish();
	PG_RETURN_INT32(count);
}
