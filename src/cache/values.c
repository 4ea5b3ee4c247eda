/*-------------------------------------------------------------------------
 *
 * values.c
 *		SQL functions on single entries: pollseed_cache_get(), pollseed_cache_put() and
 *		pollseed_cache_delete().
 *
 * A value that is put stands in memory at once, and bears the number of its
 * (sub)transaction: until that has committed, nobody else takes it for an answer.  The commit raises the
 * version of the key's tag, which makes old what was there before, and the new
 * value's version is one more than what it found: so it is good from then on, and only
 * if nobody else has changed the key in between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "cache/entry.h"
#include "cache/last.h"
#include "cache/look.h"
#include "core/changes.h"
#include "core/compat.h"
#include "core/figures.h"

POLLSEED_FUNCTION(pollseed_cache_get);
POLLSEED_FUNCTION(pollseed_cache_put);
POLLSEED_FUNCTION(pollseed_cache_delete);

/* Sets the cache and the key of a request by the first two arguments; false, with a reason, where there is no memory. */
static bool
begin(FunctionCallInfo fcinfo, Look *look, const char **reason)
{
	CacheRequest *request = &look->request;
	text		 *cache;
	text		 *key;

	require_argument(fcinfo, 0, "cache");
	require_argument(fcinfo, 1, "key");
	cache = PG_GETARG_TEXT_PP(0);
	key = PG_GETARG_TEXT_PP(1);
	request->cache = cache_find(VARDATA_ANY(cache), VARSIZE_ANY_EXHDR(cache));
	request_set_key(request, VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key));
	look->ttl = -1;
	if (!memory_attach(reason))
		return false;
	look_prepare(look);
	return true;
}

/* Notes what a call did. */
static void
note(const Look *look, CacheOutcome outcome, const char *reason)
{
	const CacheRequest *request = &look->request;

	cache_note_last(request->cache->name, strlen(request->cache->name), request->key,
					request->key_length, outcome, reason, look->fill_us,
					outcome == CACHE_HIT ? look->filled_at : 0);
}

/* Tells whether what was found may be shown: the caller may run its query, which means the same here. */
static bool
may_be_shown(const Look *look)
{
	CacheQuery *query;

	if (look->text == NULL)
		return true;
	query = query_find(look->text, NULL);
	query_check_privileges(query);
	return query->signature_length == look->signature_length &&
		   memcmp(query->signature, look->signature, look->signature_length) == 0;
}

/* Adds to the counters of a cache. */
static void
count_look(CacheDefinition *cache, bool found)
{
	const char	*reason;
	CacheMemory *memory = memory_attach(&reason) ? memory_of_cache(cache, false) : NULL;

	if (memory != NULL)
		pg_atomic_fetch_add_u64(found ? &memory->counters.hits : &memory->counters.misses, 1);
}

/*
 * pollseed_cache_get(cache, key)
 */
Datum
pollseed_cache_get(PG_FUNCTION_ARGS)
{
	Look		look = {0};
	const char *reason = "not there";
	bool		found;

	found = begin(fcinfo, &look, &reason) && !IsolationIsSerializable() && look_into_cache(&look) &&
			may_be_shown(&look);
	count_look(look.request.cache, found);
	note(&look, found ? CACHE_HIT : CACHE_MISS, found ? NULL : reason);
	if (!found || look.value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(look.value);
}

/* Returns why a value cannot be put, or NULL. */
static const char *
refuse_value(const Jsonb *value, Depends *depends)
{
	if (VARSIZE(value) > MAX_VALUE_SIZE)
		return "larger than 1 MB";
	if (depends->refusal != NULL)
		return depends->refusal;
	if (depends->ntallies > 0)
		return "a value that is put cannot have tallies";
	if (depends->ntags > BASE_TAGS &&
		changes_include(depends->tags + BASE_TAGS, depends->ntags - BASE_TAGS))
		return "this transaction has changed what it depends on";
	tags_read(depends->tags, depends->ntags);
	if (depends->ntags > BASE_TAGS && IsolationUsesXactSnapshot() &&
		!tags_older_than(depends->tags + BASE_TAGS, depends->ntags - BASE_TAGS,
						 GetTransactionSnapshot()->xmin))
		return "what it depends on may have changed since the transaction's snapshot";
	return NULL;
}

/* Notes that what the transaction has put itself counts no more, if the running subtransaction commits. */
static bool
supersede(CacheEntry *entry, void *arg)
{
	if (entry_is_own_put(entry) && !entry_is_superseded(entry))
		pg_atomic_write_u64(&entry->superseded_by, *(const uint64 *) arg);
	return false;
}

/* Puts a value in the name of the running (sub)transaction; returns NULL, or why it is not kept. */
static const char *
put(Look *look, Jsonb *value, ArrayType *depends_on)
{
	Depends *depends =
		depends_resolve(look->request.cache->uid, look->identity.key_tag, depends_on, NULL);
	EntryParts	parts = {.request = &look->request,
						 .identity = &look->identity,
						 .depends = depends,
						 .value = value,
						 .ttl = look->ttl,
						 .filled_at = GetCurrentTimestamp()};
	const char *problem = refuse_value(value, depends);

	if (problem != NULL)
		return problem;
	parts.put_xid = U64FromFullTransactionId(GetCurrentFullTransactionId());
	store_remove(look->request.cache, &look->identity.key, supersede, &parts.put_xid);
	changes_note(look->identity.key_tag);

	/* What this transaction raises when it commits has been raised then; it may have cleared the cache, too. */
	for (int i = 0; i < BASE_TAGS; i++)
		depends->tags[i].version += changes_include_slot(depends->tags[i].slot);
	return entry_publish(&parts);
}

/*
 * pollseed_cache_put(cache, key, value, ttl, depends_on)
 */
Datum
pollseed_cache_put(PG_FUNCTION_ARGS)
{
	Look		look = {0};
	const char *problem = NULL;

	PreventCommandDuringRecovery("pollseed_cache_put()");
	PreventCommandIfParallelMode("pollseed_cache_put()");
	require_argument(fcinfo, 2, "value");
	if (begin(fcinfo, &look, &problem))
	{
		if (look.request.cache->shared)
			cache_check_owner(look.request.cache);
		look.ttl =
			PG_ARGISNULL(3) ? look.request.cache->ttl : cache_interval(PG_GETARG_DATUM(3), "ttl");
		identity_keep(&look.identity);
		problem =
			put(&look, PG_GETARG_JSONB_P(2), PG_ARGISNULL(4) ? NULL : PG_GETARG_ARRAYTYPE_P(4));
	}
	note(&look, problem == NULL ? CACHE_MISS : CACHE_REFUSED, problem == NULL ? "put" : problem);
	PG_RETURN_BOOL(problem == NULL);
}

/*
 * pollseed_cache_delete(cache, key)
 */
Datum
pollseed_cache_delete(PG_FUNCTION_ARGS)
{
	Look		look = {0};
	const char *reason = "deleted";
	bool		found = false;

	if (begin(fcinfo, &look, &reason))
	{
		if (look.request.cache->shared)
			cache_check_owner(look.request.cache);
		found = look_into_cache(&look);
		if (!RecoveryInProgress())
		{
			uint64 xid = U64FromFullTransactionId(GetCurrentFullTransactionId());

			store_remove(look.request.cache, &look.identity.key, supersede, &xid);
		}
		changes_note(look.identity.key_tag);
	}
	note(&look, CACHE_MISS, reason);
	PG_RETURN_BOOL(found);
}
