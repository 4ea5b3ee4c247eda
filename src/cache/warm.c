/*-------------------------------------------------------------------------
 *
 * warm.c
 *		SQL functions pollseed_cache_warmer(), pollseed_cache_warmer_drop() and
 *		pollseed_cache_warm().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/advisory.h"
#include "core/compat.h"
#include "core/figures.h"
#include "job/standing.h"
#include "cache/definition.h"
#include "cache/fetch.h"
#include "cache/warm_job.h"
#include "cache/warmer.h"

POLLSEED_FUNCTION(pollseed_cache_warm);
POLLSEED_FUNCTION(pollseed_cache_warmer);
POLLSEED_FUNCTION(pollseed_cache_warmer_drop);

/* Arguments of pollseed_cache_warmer(). */
enum
{
	ARG_CACHE,
	ARG_KEY,
	ARG_QUERY,
	ARG_EVERY,
	ARG_PARAMS,
	ARG_TTL,
	ARG_DEPENDS_ON
};

/* Raises an error unless a warmer can be such. */
static void
check_definition(const Warmer *warmer)
{
	cache_check_fetch(warmer->cache, warmer->key, warmer->query, warmer->params);
	if (cache_find(warmer->cache, strlen(warmer->cache))->uid < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cache \"%s\" comes with the extension and has no warmers", warmer->cache),
				 errhint("Make another one with pollseed_cache_create().")));
	if (warmer->every != NULL)
		standing_check_every(warmer->every);
	if (warmer->ttl != NULL)
		(void) cache_interval(IntervalPGetDatum(warmer->ttl), "ttl");
}

/* pollseed_cache_warmer(cache, key, query, every, params, ttl, depends_on) */
Datum
pollseed_cache_warmer(PG_FUNCTION_ARGS)
{
	Warmer warmer = {0};
	Datum  values[2] = {0};
	bool   nulls[lengthof(values)] = {false, true};

	PreventCommandIfReadOnly("pollseed_cache_warmer()");
	warmer.cache = text_argument(fcinfo, ARG_CACHE, "cache");
	warmer.key = text_argument(fcinfo, ARG_KEY, "key");
	warmer.query = text_argument(fcinfo, ARG_QUERY, "query");
	warmer.every = PG_ARGISNULL(ARG_EVERY) ? NULL : PG_GETARG_INTERVAL_P(ARG_EVERY);
	warmer.params = PG_ARGISNULL(ARG_PARAMS) ? NULL : PG_GETARG_JSONB_P(ARG_PARAMS);
	warmer.ttl = PG_ARGISNULL(ARG_TTL) ? NULL : PG_GETARG_INTERVAL_P(ARG_TTL);
	warmer.depends_on = PG_ARGISNULL(ARG_DEPENDS_ON) ? NULL : PG_GETARG_ARRAYTYPE_P(ARG_DEPENDS_ON);

	SPI_connect();
	check_definition(&warmer);
	advisory_lock_wait(GetUserId(), CACHE_SCHEDULE_LOCK);
	values[0] = Int64GetDatum(warmer_define(&warmer));
	if (warmer.every != NULL)
	{
		values[1] = Int64GetDatum(warm_job_find_or_submit());
		nulls[1] = false;
	}
	SPI_finish();
	PG_RETURN_DATUM(figures_row(fcinfo, values, nulls));
}

/* pollseed_cache_warmer_drop(cache, key) */
Datum
pollseed_cache_warmer_drop(PG_FUNCTION_ARGS)
{
	bool dropped;

	PreventCommandIfReadOnly("pollseed_cache_warmer_drop()");
	SPI_connect();
	dropped =
		warmer_drop(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
	SPI_finish();
	PG_RETURN_BOOL(dropped);
}

/* Warns of a warmer that failed, or whose result is not kept. */
static void
warn_of(const WarmerRun *run)
{
	const Warmer	*warmer = run->warmer;
	const ErrorData *error = run->error;

	ereport(WARNING, (errcode(error != NULL ? error->sqlerrcode : ERRCODE_WARNING),
					  errmsg("warmer " INT64_FORMAT " of key \"%s\" in cache \"%s\" %s: %s",
							 warmer->id, warmer->key, warmer->cache,
							 error != NULL ? "failed" : "computed in vain", run->problem),
					  error != NULL && error->hint != NULL ? errhint("%s", error->hint) : 0));
}

/* Runs warmers; returns what came of it as a List of WarmerRun. */
static List *
run_all(const List *warmers)
{
	List	 *runs = NIL;
	ListCell *cell;

	foreach(cell, warmers)
	{
		CHECK_FOR_INTERRUPTS();
		runs = lappend(runs, warmer_run(lfirst(cell)));
	}
	return runs;
}

/* pollseed_cache_warm(cache) */
Datum
pollseed_cache_warm(PG_FUNCTION_ARGS)
{
	const char *cache = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			computed = 0;
	int			failed = 0;
	List	   *runs;
	ListCell   *cell;
	instr_time	start;
	Datum		values[5];

	INSTR_TIME_SET_CURRENT(start);
	SPI_connect();
	if (cache != NULL)
		(void) cache_find(cache, strlen(cache));
	runs = run_all(warmers_of_user(cache));
	foreach(cell, runs)
	{
		WarmerRun *run = lfirst(cell);

		warmer_record(run);
		computed += run->computed ? 1 : 0;
		failed += run->error != NULL ? 1 : 0;
		if (run->problem != NULL)
			warn_of(run);
	}
	values[0] = Int32GetDatum(list_length(runs));
	values[1] = Int32GetDatum(computed);
	values[2] = Int32GetDatum(list_length(runs) - computed - failed);
	values[3] = Int32GetDatum(failed);
	values[4] = Float8GetDatum(milliseconds_since(start));
	SPI_finish();
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}
