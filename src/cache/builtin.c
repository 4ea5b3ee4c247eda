/*-------------------------------------------------------------------------
 *
 * builtin.c
 *		Caches that are there without being made: those of the live poll.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cache/builtin.h"
#include "core/compat.h"
#include "core/role.h"

POLLSEED_FUNCTION(pollseed_cache_builtins);

/* Columns of pollseed.cache_builtins(). */
#define BUILTIN_COLUMNS 5

const BuiltinCache builtin_caches[] = {
	{"pollseed_poll", -1, 5 * USECS_PER_SEC, 1000},
	{"pollseed_trends", -2, USECS_PER_MINUTE, 1000},
	{"pollseed_charts", -3, 30 * USECS_PER_SEC, 1000},
	{"pollseed_options", -4, 5 * USECS_PER_MINUTE, 1000},
};

const int builtin_caches_count = lengthof(builtin_caches);

const BuiltinCache *
builtin_cache_find(const char *name, size_t length)
{
	for (int i = 0; i < builtin_caches_count; i++)
	{
		if (strlen(builtin_caches[i].name) == length &&
			memcmp(builtin_caches[i].name, name, length) == 0)
			return &builtin_caches[i];
	}
	return NULL;
}

/* pollseed.cache_builtins() */
Datum
pollseed_cache_builtins(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	NameData	   owner;

	namestrcpy(&owner, GetUserNameFromId(extension_owner(), false));
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < builtin_caches_count; i++)
	{
		const BuiltinCache *cache = &builtin_caches[i];
		Interval			ttl = {.time = cache->ttl};
		Datum				values[BUILTIN_COLUMNS];
		bool				nulls[BUILTIN_COLUMNS] = {false};

		values[0] = CStringGetTextDatum(cache->name);
		values[1] = Int64GetDatum(cache->uid);
		values[2] = NameGetDatum(&owner);
		values[3] = IntervalPGetDatum(&ttl);
		values[4] = Int32GetDatum(cache->max_entries);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_VOID();
}
