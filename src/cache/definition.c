/*-------------------------------------------------------------------------
 *
 * definition.c
 *		Caches as they are defined: the table pollseed.caches, looked up by name.
 *
 * A session keeps what it has looked up while nobody has changed a definition.  A
 * transaction that has changed some keeps nothing: what it sees is not so for others, nor
 * for itself once it is rolled back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "cache/builtin.h"
#include "cache/definition.h"
#include "core/changes.h"
#include "core/compat.h"
#include "core/role.h"
#include "core/sql.h"
#include "core/tags.h"

/* A name as it comes, without an end. */
typedef struct CacheName
{
	const char *data;
	size_t		length;
} CacheName;

/* A cache that the session has looked up. */
typedef struct KnownCache
{
	CacheName		 name; /* in the definition */
	uint32			 hash;
	char			 status;
	CacheDefinition *definition;
} KnownCache;

#define SH_PREFIX known
#define SH_ELEMENT_TYPE KnownCache
#define SH_KEY_TYPE CacheName
#define SH_KEY name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key).data, (int) (key).length)
#define SH_EQUAL(tb, a, b) ((a).length == (b).length && memcmp((a).data, (b).data, (b).length) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, element) (element)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What is known depends on definitions; a prepared transaction that changed much leaves only its database's tag. */
enum
{
	DEFINITIONS,
	DATABASE,
	KNOWN_TAGS
};

/* All that is known, and the versions that were there before it was looked up. */
static MemoryContext known_context = NULL;
static known_hash	*known = NULL;
static TagVersion	 known_versions[KNOWN_TAGS];
static bool			 roles_changed = false;

/* Roles are found by name where a definition was restored: so what is known may be wrong. */
static void
note_roles_changed(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	roles_changed = true;
}

/* Forgets all that is known, and reads the versions before anything is looked up. */
static void
forget(void)
{
	known = NULL;
	if (known_context == NULL)
	{
		known_context =
			AllocSetContextCreate(TopMemoryContext, "pollseed caches", ALLOCSET_SMALL_SIZES);
		CacheRegisterSyscacheCallback(AUTHOID, note_roles_changed, (Datum) 0);
	}
	MemoryContextReset(known_context);
	known_versions[DEFINITIONS] = (TagVersion){.slot = tags_slot(TAG_CACHES, 0, 0)};
	known_versions[DATABASE] = (TagVersion){.slot = tags_slot(TAG_DATABASE, 0, 0)};
	roles_changed = false;
	if (tags_are_attached())
		tags_read(known_versions, KNOWN_TAGS);
	known = known_create(known_context, 16, NULL);
}

/* Tells whether the transaction has changed definitions. */
static inline bool
has_changed_some(void)
{
	return changes_include_slot(known_versions[DEFINITIONS].slot);
}

/* Tells whether what is known is what would be looked up. */
static inline bool
is_known_right(void)
{
	return known != NULL && tags_are_attached() && !roles_changed && !has_changed_some() &&
		   tags_unchanged(known_versions, KNOWN_TAGS);
}

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

/*
 * Definitions; the OID of an owner means something in the database, of the cluster, that it
 * was kept in.  Elsewhere, after a dump was restored, he is known by his name.
 */
#define SELECT_DEFINITIONS \
	"SELECT c.uid, c.name, o.oid, NOT h.home, c.ttl, c.max_entries, c.max_bytes," \
	" c.max_staleness, c.shared FROM pollseed.caches AS c" \
	" CROSS JOIN LATERAL (SELECT c.database_oid OPERATOR(pg_catalog.=) $1" \
	"  AND c.system_identifier OPERATOR(pg_catalog.=) $2) AS h(home)" \
	" LEFT JOIN pg_catalog.pg_roles AS o ON CASE WHEN h.home" \
	"  THEN o.oid OPERATOR(pg_catalog.=) c.owner_oid" \
	"  ELSE o.rolname OPERATOR(pg_catalog.=) c.owner END"

/* clang-format on */

/* Makes a definition of a row of the last result, in the current memory context. */
static CacheDefinition *
make_definition(uint64 row)
{
	CacheDefinition *cache = palloc0_object(CacheDefinition);
	bool			 unlimited;
	Datum			 max_bytes = sql_value(row, 7, &unlimited);

	cache->uid = DatumGetInt64(sql_value_not_null(row, 1));
	cache->name = sql_text(row, 2);
	cache->owner = sql_oid(row, 3);
	cache->restored = DatumGetBool(sql_value_not_null(row, 4));
	cache->ttl = cache_interval(sql_value_not_null(row, 5), "ttl");
	cache->max_entries = DatumGetInt32(sql_value_not_null(row, 6));
	cache->max_bytes = unlimited ? PG_INT64_MAX : DatumGetInt64(max_bytes);
	cache->max_staleness = cache_interval(sql_value_not_null(row, 8), "max_staleness");
	cache->shared = DatumGetBool(sql_value_not_null(row, 9));
	return cache;
}

/* Makes a definition of a cache that has no row, in the current memory context; NULL where there is none of the name. */
static CacheDefinition *
make_builtin(const BuiltinCache *builtin)
{
	CacheDefinition *cache;

	if (builtin == NULL)
		return NULL;
	cache = palloc0_object(CacheDefinition);
	cache->uid = builtin->uid;
	cache->name = pstrdup(builtin->name);
	cache->owner = extension_owner();
	cache->ttl = builtin->ttl;
	cache->max_entries = builtin->max_entries;
	cache->max_bytes = PG_INT64_MAX;
	return cache;
}

/* Orders definitions by their names. */
static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(((CacheDefinition *) lfirst(a))->name, ((CacheDefinition *) lfirst(b))->name);
}

/* Tells whether there is a cache of a name in a list. */
static bool
has_name(List *caches, const char *name)
{
	ListCell *cell;

	foreach(cell, caches)
	{
		if (strcmp(((CacheDefinition *) lfirst(cell))->name, name) == 0)
			return true;
	}
	return false;
}

/* Reads the row of a name into the result of SPI; tells whether there is one. */
static bool
read_row(CacheName name)
{
	static SPIPlanPtr plan = NULL;
	Oid				  types[] = {OIDOID, INT8OID, TEXTOID};
	Datum values[] = {ObjectIdGetDatum(MyDatabaseId), Int64GetDatum((int64) GetSystemIdentifier()),
					  PointerGetDatum(cstring_to_text_with_len(name.data, (int) name.length))};

	return sql_execute_own_latest(&plan,
								  SELECT_DEFINITIONS " WHERE c.name OPERATOR(pg_catalog.=) $3",
								  lengthof(types), types, values, NULL) > 0;
}

CacheDefinition *
cache_read(const char *name)
{
	return read_row((CacheName){name, strlen(name)}) ? make_definition(0) : NULL;
}

List *
cache_read_all(void)
{
	static SPIPlanPtr plan = NULL;
	Oid				  types[] = {OIDOID, INT8OID};
	Datum values[] = {ObjectIdGetDatum(MyDatabaseId), Int64GetDatum((int64) GetSystemIdentifier())};
	List *caches = NIL;
	int64 count = sql_execute_own_latest(&plan, SELECT_DEFINITIONS " ORDER BY c.name",
										 lengthof(types), types, values, NULL);

	for (int64 i = 0; i < count; i++)
		caches = lappend(caches, make_definition(i));
	for (int i = 0; i < builtin_caches_count; i++)
	{
		if (!has_name(caches, builtin_caches[i].name))
			caches = lappend(caches, make_builtin(&builtin_caches[i]));
	}
	list_sort(caches, compare_names);
	return caches;
}

void
cache_check_name(const char *name)
{
	const CacheDefinition *cache = make_builtin(builtin_cache_find(name, strlen(name)));

	if (cache != NULL)
		cache_check_owner(cache);
}

/* Looks a cache up in the table, else among those that have no row, and keeps it unless it may be otherwise for others. */
static CacheDefinition *
look_up(CacheName name)
{
	const BuiltinCache *builtin = builtin_cache_find(name.data, name.length);
	CacheDefinition	   *cache;
	MemoryContext		old_context;
	bool				has_row;
	bool				found;

	SPI_connect();
	has_row = read_row(name);
	if (!has_row && builtin == NULL)
	{
		const char *text = pnstrdup(name.data, name.length);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("cache \"%s\" does not exist", text),
				 errhint("Make it with pollseed_cache_create(%s).", quote_literal_cstr(text))));
	}
	old_context = MemoryContextSwitchTo(known_context);
	cache = has_row ? make_definition(0) : make_builtin(builtin);
	MemoryContextSwitchTo(old_context);
	SPI_finish();
	if (!has_changed_some())
		known_insert(known, (CacheName){cache->name, name.length}, &found)->definition = cache;
	return cache;
}

CacheDefinition *
cache_find(const char *name, size_t length)
{
	CacheName		  wanted = {name, length};
	const KnownCache *entry;

	if (!is_known_right())
		forget();
	entry = known_lookup(known, wanted);
	return likely(entry != NULL) ? entry->definition : look_up(wanted);
}

bool
cache_is_own(const CacheDefinition *cache)
{
	return OidIsValid(cache->owner) ? has_privs_of_role(GetUserId(), cache->owner) : superuser();
}

void
cache_check_owner(const CacheDefinition *cache)
{
	if (!cache_is_own(cache))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for cache \"%s\"", cache->name),
						errdetail("It belongs to another role."),
						errhint("The view pollseed_caches shows the owners of caches.")));
}

List *
cache_argument(FunctionCallInfo fcinfo, int arg)
{
	List	 *own = NIL;
	ListCell *cell;

	if (!PG_ARGISNULL(arg))
	{
		const text		*name = PG_GETARG_TEXT_PP(arg);
		CacheDefinition *cache = cache_find(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

		cache_check_owner(cache);
		return list_make1(cache);
	}
	foreach(cell, cache_read_all())
	{
		if (cache_is_own(lfirst(cell)))
			own = lappend(own, lfirst(cell));
	}
	return own;
}

int64
cache_interval(Datum interval, const char *name)
{
	const Interval *span = DatumGetIntervalP(interval);
	int128			microseconds =
		(int128) span->time + ((int128) span->month * DAYS_PER_MONTH + span->day) * USECS_PER_DAY;

	if (microseconds < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must not be negative", name)));
	return microseconds < CACHE_FOREVER ? (int64) microseconds : CACHE_FOREVER;
}
