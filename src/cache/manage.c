/*-------------------------------------------------------------------------
 *
 * manage.c
 *		SQL functions pollseed_cache_create(), pollseed_cache_drop() and
 *		pollseed_cache_clear().
 *
 * Who makes, changes or drops a cache takes a lock of its name first and then looks,
 * in the latest snapshot, so that of two who make it at the same time one finds the other's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "cache/definition.h"
#include "cache/store.h"
#include "core/advisory.h"
#include "core/changes.h"
#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "core/tags.h"

POLLSEED_FUNCTION(pollseed_cache_create);
POLLSEED_FUNCTION(pollseed_cache_drop);
POLLSEED_FUNCTION(pollseed_cache_clear);

/* Class of the locks of who makes, changes or drops a cache: by a hash of its name; flights have 28795, warmers 28796 and 28797. */
#define CACHE_NAME_LOCK 28798

/* Limits of what a cache may be told. */
#define MAX_NAME_LENGTH (NAMEDATALEN - 1)
#define MAX_ENTRIES 10000000

/* What arguments that are null mean: the defaults of the SQL function. */
#define DEFAULT_TTL_MINUTES 5
#define DEFAULT_MAX_ENTRIES 1000

/* Arguments of pollseed_cache_create(). */
enum
{
	ARG_NAME,
	ARG_TTL,
	ARG_MAX_ENTRIES,
	ARG_MAX_BYTES,
	ARG_SHARED,
	ARG_MAX_STALENESS
};

/* What a cache is to be like. */
typedef struct CacheSettings
{
	const char *name;
	Interval	ttl;
	int32		max_entries;
	int64		max_bytes; /* or PG_INT64_MAX */
	bool		shared;
	Interval	max_staleness;
} CacheSettings;

/* Returns the name of the cache to be made; raises 22023 where it is none. */
static const char *
name_argument(FunctionCallInfo fcinfo)
{
	const char *name = text_argument(fcinfo, ARG_NAME, "name");

	if (*name == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("name must not be empty"),
						errhint("Give the cache a name, by which its entries are fetched.")));
	if (strlen(name) > MAX_NAME_LENGTH)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("cache name \"%s\" is too long", name),
						errhint("It may have %d bytes.", MAX_NAME_LENGTH)));
	return name;
}

/* Raises 22023 where an argument is out of range. */
static void
check_settings(const CacheSettings *settings)
{
	if (cache_interval(IntervalPGetDatum(&settings->ttl), "ttl") == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("ttl must be positive"),
						errhint("It says how long an entry is used, such as '5 minutes'.")));
	(void) cache_interval(IntervalPGetDatum(&settings->max_staleness), "max_staleness");
	if (settings->max_entries < 1 || settings->max_entries > MAX_ENTRIES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_entries must be between 1 and %d", MAX_ENTRIES)));
	if (settings->max_bytes < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_bytes must be positive"), errhint("NULL is no limit.")));
}

/* Reads what the cache is to be like. */
static CacheSettings
settings_arguments(FunctionCallInfo fcinfo)
{
	CacheSettings settings = {
		.name = name_argument(fcinfo),
		.ttl = {.time = DEFAULT_TTL_MINUTES * USECS_PER_MINUTE},
		.max_entries = DEFAULT_MAX_ENTRIES,
		.max_bytes = PG_INT64_MAX,
	};

	if (!PG_ARGISNULL(ARG_TTL))
		settings.ttl = *PG_GETARG_INTERVAL_P(ARG_TTL);
	if (!PG_ARGISNULL(ARG_MAX_ENTRIES))
		settings.max_entries = PG_GETARG_INT32(ARG_MAX_ENTRIES);
	if (!PG_ARGISNULL(ARG_MAX_BYTES))
		settings.max_bytes = PG_GETARG_INT64(ARG_MAX_BYTES);
	if (!PG_ARGISNULL(ARG_SHARED))
		settings.shared = PG_GETARG_BOOL(ARG_SHARED);
	if (!PG_ARGISNULL(ARG_MAX_STALENESS))
		settings.max_staleness = *PG_GETARG_INTERVAL_P(ARG_MAX_STALENESS);
	check_settings(&settings);
	return settings;
}

/* Tells whether a cache is as it is to be, with an owner that its row knows. */
static bool
is_like(const CacheDefinition *cache, const CacheSettings *settings)
{
	return !cache->restored && OidIsValid(cache->owner) &&
		   cache->ttl == cache_interval(IntervalPGetDatum(&settings->ttl), "ttl") &&
		   cache->max_entries == settings->max_entries && cache->max_bytes == settings->max_bytes &&
		   cache->shared == settings->shared &&
		   cache->max_staleness ==
			   cache_interval(IntervalPGetDatum(&settings->max_staleness), "max_staleness");
}

/* Runs a statement that writes a cache's row, of the settings and the owner as its parameters. */
static void
write_row(SPIPlanPtr *plan, const char *sql, const CacheSettings *settings, Oid owner, int64 uid)
{
	Oid	  types[] = {TEXTOID, INTERVALOID, INT4OID, INT8OID, BOOLOID, INTERVALOID,
					 NAMEOID, OIDOID,	   INT8OID, OIDOID,	 INT8OID};
	Datum values[lengthof(types)];
	char  nulls[] = "           ";
	Name  name = palloc0_object(NameData);

	namestrcpy(name, GetUserNameFromId(owner, false));
	values[0] = CStringGetTextDatum(settings->name);
	values[1] = IntervalPGetDatum(&settings->ttl);
	values[2] = Int32GetDatum(settings->max_entries);
	values[3] = Int64GetDatum(settings->max_bytes);
	if (settings->max_bytes == PG_INT64_MAX)
		nulls[3] = 'n';
	values[4] = BoolGetDatum(settings->shared);
	values[5] = IntervalPGetDatum(&settings->max_staleness);
	values[6] = NameGetDatum(name);
	values[7] = ObjectIdGetDatum(owner);
	values[8] = Int64GetDatum((int64) GetSystemIdentifier());
	values[9] = ObjectIdGetDatum(MyDatabaseId);
	values[10] = Int64GetDatum(uid);
	if (sql_execute_own_latest(plan, sql, lengthof(types), types, values, nulls) != 1)
		elog(ERROR, "cache \"%s\" was not kept", settings->name);
}

/* Returns a uid that no cache ever had. */
static int64
new_uid(void)
{
	uint64 uid;

	do
	{
		if (!pg_strong_random(&uid, sizeof(uid)))
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
							errmsg("could not generate a random number")));
		uid &= PG_INT64_MAX;
	} while (uid == 0);
	return (int64) uid;
}

/* Keeps the definition of a new cache, the caller's. */
static void
make_cache(const CacheSettings *settings)
{
	static SPIPlanPtr plan = NULL;

	write_row(&plan,
			  "INSERT INTO pollseed.caches (name, ttl, max_entries, max_bytes, shared,"
			  " max_staleness, owner, owner_oid, system_identifier, database_oid, uid)"
			  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
			  settings, GetUserId(), new_uid());
}

/* Gives a cache other settings; one without an owner becomes the caller's. */
static void
change_cache(const CacheDefinition *cache, const CacheSettings *settings)
{
	static SPIPlanPtr plan = NULL;

	write_row(&plan,
			  "UPDATE pollseed.caches AS c SET ttl = $2, max_entries = $3, max_bytes = $4,"
			  " shared = $5, max_staleness = $6, owner = $7, owner_oid = $8,"
			  " system_identifier = $9, database_oid = $10"
			  " WHERE c.name OPERATOR(pg_catalog.=) $1 AND c.uid OPERATOR(pg_catalog.=) $11",
			  settings, OidIsValid(cache->owner) ? cache->owner : GetUserId(), cache->uid);
}

/* Has all entries of a cache forgotten when the transaction commits. */
static void
forget_entries(const CacheDefinition *cache)
{
	changes_note(tags_slot(TAG_CACHE, (uint64) cache->uid, 0));
}

/* Has all sessions look definitions up anew when the transaction commits. */
static void
note_definitions(void)
{
	changes_note(tags_slot(TAG_CACHES, 0, 0));
}

/* Keeps others from making, changing or dropping a cache of the name until the transaction ends. */
static void
lock_name(const char *name)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) name, (int) strlen(name), 0);

	advisory_lock_wait((int64) hash, CACHE_NAME_LOCK);
}

/*
 * Frees what caches take that were cleared or dropped, before this transaction changes anything:
 * what it drops may come back.
 */
static void
free_unused(void)
{
	static SPIPlanPtr plan = NULL;
	int64			 *uids;
	int64			  count;

	store_sweep();
	if (changes_include_slot(tags_slot(TAG_CACHES, 0, 0)))
		return;
	count = sql_execute_own_latest(&plan, "SELECT c.uid FROM pollseed.caches AS c ORDER BY c.uid",
								   0, NULL, NULL, NULL);
	uids = palloc_array(int64, count);
	for (int64 i = 0; i < count; i++)
		uids[i] = DatumGetInt64(sql_value_not_null(i, 1));
	store_forget_others(uids, (int) count);
}

/*
 * Has a cache be as it is to be.  Where it is so already nobody waits for anybody, so that
 * programs may say at each start what caches they need.
 */
static void
settle_cache(const CacheSettings *settings)
{
	const CacheDefinition *cache = cache_read(settings->name);

	if (cache != NULL)
		cache_check_owner(cache);
	if (cache != NULL && is_like(cache, settings))
		return;

	lock_name(settings->name);
	free_unused();
	cache = cache_read(settings->name);
	if (cache == NULL)
	{
		cache_check_name(settings->name);
		make_cache(settings);
	}
	else
	{
		cache_check_owner(cache);
		if (is_like(cache, settings))
			return;
		change_cache(cache, settings);
		forget_entries(cache);
	}
	note_definitions();
}

/* pollseed_cache_create(name, ttl, max_entries, max_bytes, shared, max_staleness) */
Datum
pollseed_cache_create(PG_FUNCTION_ARGS)
{
	CacheSettings settings;
	Datum		  result;

	PreventCommandIfReadOnly("pollseed_cache_create()");
	settings = settings_arguments(fcinfo);
	SPI_connect();
	settle_cache(&settings);
	result = result_row(fcinfo, "name", TEXTOID, CStringGetTextDatum(settings.name));
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* Drops a cache with its warmers, if there is one of the name; tells whether there was. */
static bool
drop_cache(const char *name)
{
	static SPIPlanPtr	   plan = NULL;
	const CacheDefinition *cache;
	Oid					   type = INT8OID;
	Datum				   value;

	lock_name(name);
	free_unused();
	cache = cache_read(name);
	if (cache == NULL)
	{
		ereport(NOTICE, (errcode(ERRCODE_UNDEFINED_OBJECT),
						 errmsg("cache \"%s\" does not exist, skipping", name)));
		return false;
	}
	cache_check_owner(cache);
	value = Int64GetDatum(cache->uid);
	(void) sql_execute_own_latest(
		&plan, "DELETE FROM pollseed.caches AS c WHERE c.uid OPERATOR(pg_catalog.=) $1", 1, &type,
		&value, NULL);
	forget_entries(cache);
	note_definitions();
	return true;
}

/* pollseed_cache_drop(cache) */
Datum
pollseed_cache_drop(PG_FUNCTION_ARGS)
{
	bool dropped;

	PreventCommandIfReadOnly("pollseed_cache_drop()");
	SPI_connect();
	dropped = drop_cache(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SPI_finish();
	PG_RETURN_BOOL(dropped);
}

/* pollseed_cache_clear(cache), which writes no table, so that it is also for standbys */
Datum
pollseed_cache_clear(PG_FUNCTION_ARGS)
{
	Datum	  values[2];
	List	 *caches;
	ListCell *cell;
	int64	  entries = 0;

	SPI_connect();
	caches = cache_argument(fcinfo, 0);
	foreach(cell, caches)
	{
		CHECK_FOR_INTERRUPTS();
		entries += store_entries(lfirst(cell));
		forget_entries(lfirst(cell));
	}
	values[0] = Int32GetDatum(list_length(caches));
	values[1] = Int64GetDatum(entries);
	SPI_finish();
	store_sweep();
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}
