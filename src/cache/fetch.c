/*-------------------------------------------------------------------------
 *
 * fetch.c
 *		SQL function pollseed_cache_fetch(): a result from memory, or computed once and kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "cache/entry.h"
#include "cache/fetch.h"
#include "cache/flight.h"
#include "cache/last.h"
#include "cache/look.h"
#include "cache/render.h"
#include "cache/track.h"
#include "core/changes.h"
#include "core/compat.h"
#include "core/fault.h"
#include "core/figures.h"

POLLSEED_FUNCTION(pollseed_cache_fetch);

/* A query is run again so often because tables were changed meanwhile. */
#define MAX_RUNS 3

/* A call. */
typedef struct Fetch
{
	Look			look;
	CacheQuery	   *query;
	CacheDefinition definition; /* a copy, once it is needed for long */
	bool			is_warmer;	/* nobody has asked: neither a hit nor a miss */
	CacheMemory	   *memory;		/* or NULL: nothing is counted */
	Verdict			first;		/* what the first look found */
	const char	   *no_memory;	/* why there is no shared memory, or NULL */
	CacheOutcome	outcome;
} Fetch;

/* Adds to a counter of the cache. */
#define COUNT(fetch, counter, amount)                                                       \
	do                                                                                      \
	{                                                                                       \
		if ((fetch)->memory != NULL)                                                        \
			pg_atomic_fetch_add_u64(&(fetch)->memory->counters.counter, (uint64) (amount)); \
	} while (0)

/* Notes what the call did. */
static void
note(Fetch *fetch, CacheOutcome outcome, const char *reason, int64 fill_us, TimestampTz filled_at)
{
	const CacheRequest *request = &fetch->look.request;

	fetch->outcome = outcome;
	cache_note_last(request->cache->name, strlen(request->cache->name), request->key,
					request->key_length, outcome, reason, fill_us, filled_at);
}

/* Counts a computation that took so long. */
static void
count_fill(Fetch *fetch, int64 fill_us)
{
	int bucket = fill_us <= 1 ? 0 : (int) (2 * log2((double) fill_us)) + 1;

	COUNT(fetch, fills, 1);
	COUNT(fetch, fill_time[Min(bucket, FILL_BUCKETS - 1)], 1);
}

/* Returns what was found. */
static Jsonb *
answer(Fetch *fetch)
{
	static const struct
	{
		CacheOutcome outcome;
		const char	*reason;
	} outcomes[] = {
		[LOOK_HIT] = {CACHE_HIT, NULL},
		[LOOK_WAITED] = {CACHE_WAITED, "another session computed it"},
		[LOOK_EARLY] = {CACHE_HIT, "about to expire, and another session computes it"},
		[LOOK_STALE] = {CACHE_STALE, "not the newest, as max_staleness allows"},
	};
	Verdict		 verdict = fetch->look.verdict;
	CacheOutcome outcome = outcomes[verdict].outcome;

	COUNT(fetch, hits, !fetch->is_warmer);
	COUNT(fetch, saved_us, fetch->is_warmer ? 0 : fetch->look.fill_us);
	if (outcome == CACHE_WAITED)
		COUNT(fetch, waits, 1);
	if (outcome == CACHE_STALE)
		COUNT(fetch, stale, 1);
	note(fetch, outcome, outcomes[verdict].reason, fetch->look.fill_us, fetch->look.filled_at);
	return fetch->look.value;
}

/* Runs the query without the cache, as the transaction sees the data. */
static Jsonb *
run_plainly(Fetch *fetch, CacheOutcome outcome, const char *reason)
{
	instr_time start;
	Jsonb	  *value;
	int64	   fill_us;

	INSTR_TIME_SET_CURRENT(start);
	value = query_run(fetch->query, fetch->look.request.params, NULL);
	fill_us = (int64) (milliseconds_since(start) * 1000);
	if (outcome == CACHE_REFUSED)
	{
		COUNT(fetch, misses, !fetch->is_warmer);
		COUNT(fetch, refused, 1);
		count_fill(fetch, fill_us);
	}
	else
		COUNT(fetch, bypassed, 1);
	note(fetch, outcome, reason, fill_us, 0);
	return value;
}

/* Counts why there was no answer. */
static void
count_miss(Fetch *fetch)
{
	COUNT(fetch, misses, !fetch->is_warmer);
	if (fetch->first == LOOK_EXPIRED || fetch->first == LOOK_EARLY)
		COUNT(fetch, expired, 1);
	if (fetch->first == LOOK_CHANGED || fetch->first == LOOK_STALE)
		COUNT(fetch, invalidated, 1);
}

/* Returns why there was no answer. */
static const char *
miss_reason(Verdict verdict)
{
	switch (verdict)
	{
		case LOOK_OTHER_QUERY:
			return "another query was kept under the key";
		case LOOK_CHANGED:
			return "what it depends on was changed";
		case LOOK_STALE:
			return "not the newest";
		case LOOK_EXPIRED:
			return "expired";
		case LOOK_EARLY:
			return "about to expire";
		default:
			return "not there";
	}
}

/* Returns why a result cannot be kept, or NULL. */
static const char *
refuse_result(const EntryParts *parts)
{
	if (parts->value != NULL && VARSIZE(parts->value) > MAX_VALUE_SIZE)
		return "larger than 1 MB";
	return tallies_check(parts->value, parts->depends->tally_names, parts->depends->ntallies);
}

/*
 * Publishes a result, which who has waited for it may take even if it is old by now; returns why it is
 * not kept, or NULL.  Who waits is told where there is nothing to take.
 */
static const char *
publish(const Fetch *fetch, const EntryParts *parts, const char *problem)
{
	if (problem == NULL)
		problem = refuse_result(parts);
	fault_point(FAULT_PUBLISH);
	if (problem == NULL)
		problem = entry_publish(parts);
	if (problem != NULL)
		memory_mark_unkept(fetch->look.flight);
	else if (!tags_same_versions(parts->depends->tags, parts->depends->ntags))
		problem = "changed while it was computed";
	return problem;
}

/* Resolves what the result depends on; raises an error where it could change without that. */
static Depends *
resolve(const Fetch *fetch)
{
	Depends *depends = depends_resolve(fetch->look.request.cache->uid, fetch->look.identity.key_tag,
									   fetch->look.depends_on, fetch->query);

	if (depends->refusal == NULL && depends->ntags > BASE_TAGS && fetch->query->is_volatile)
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("the query calls volatile functions"),
			 errdetail("Its result can change without a change of the tables that it depends on."),
			 errhint("Have only time make it old, with depends_on => '{}', or declare the "
					 "functions STABLE if they are.")));
	return depends;
}

/*
 * Returns why a result that is computed now cannot be kept, or NULL.  What the transaction has written
 * to tables that it does not name would be in it, too.
 */
static const char *
refuse(const Fetch *fetch, const Depends *depends, CacheOutcome *outcome)
{
	*outcome = CACHE_REFUSED;
	if (depends->refusal != NULL)
		return depends->refusal;
	if (RecoveryInProgress() && depends->ntags > BASE_TAGS &&
		fetch->look.request.cache->max_staleness == 0)
		return "changes are not seen on a standby";
	*outcome = CACHE_BYPASS;
	if (changes_include(depends->tags, depends->ntags))
		return "this transaction has changed what it depends on";
	if (fetch->look.depends_on != NULL && TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return "this transaction has written";
	return NULL;
}

/* Has the query analyzed anew where it means something else by now; false if its results are others' then. */
static bool
follow_query(Fetch *fetch)
{
	CacheQuery *old = fetch->query;
	CacheQuery *query;
	bool		same;

	if (query_is_valid(old))
		return true;
	query = query_find(pstrdup(old->text), fetch->look.request.params);
	query_check_privileges(query);
	query_hold(query);
	fetch->query = query;
	fetch->look.query = query;
	same = query->uses_role == old->uses_role && query->uses_settings == old->uses_settings &&
		   query->settings == NIL && old->settings == NIL;
	query_let_go(old);
	return same;
}

/* Runs the query in a new snapshot that belongs to the versions of the tags; returns why the result cannot be kept, or NULL. */
static const char *
run_in_snapshot(Fetch *fetch, Depends *depends, EntryParts *parts)
{
	const char *problem = NULL;
	bool		had_xid = TransactionIdIsValid(GetTopTransactionIdIfAny());
	Snapshot	snapshot;
	instr_time	start;

	tags_read(depends->watched, depends->nwatched);
	tags_read(depends->tags, depends->ntags);
	fault_point(FAULT_VERSIONS);
	parts->stamp = memory_clock_tick();
	parts->filled_at =
		fetch->query->uses_clock ? GetCurrentTransactionStartTimestamp() : GetCurrentTimestamp();
	INSTR_TIME_SET_CURRENT(start);
	snapshot = depends->ntallies == 0 ? GetLatestSnapshot()
									  : tallies_snapshot(depends->tallies, depends->ntallies);
	if (snapshot == NULL)
	{
		snapshot = GetLatestSnapshot();
		problem = "commits came too fast";
	}
	PushActiveSnapshot(snapshot);
	fault_point(FAULT_SNAPSHOT);
	parts->value = query_run(fetch->query, fetch->look.request.params, GetActiveSnapshot());
	PopActiveSnapshot();
	parts->fill_us = (int64) (milliseconds_since(start) * 1000);
	parts->depends = depends;
	parts->query = fetch->query;
	parts->depends_on = fetch->look.depends_on;
	if (!had_xid && TransactionIdIsValid(GetTopTransactionIdIfAny()))
		problem = "the query has written";
	return problem;
}

/*
 * Computes a result and keeps it; the flight is led by this session.  The tables are locked first, so
 * that their definitions stay as they are, and nothing is read that was emptied after the snapshot was taken.
 * Partitions are locked when the query runs, so that is looked at after.
 */
static Jsonb *
compute(Fetch *fetch)
{
	EntryParts	 parts = {.request = &fetch->look.request,
						  .identity = &fetch->look.identity,
						  .ttl = fetch->look.ttl,
						  .in_recovery = RecoveryInProgress()};
	const char	*problem = NULL;
	CacheOutcome outcome;

	for (int i = 0; i < MAX_RUNS; i++)
	{
		Depends *depends;

		query_lock(fetch->query);
		if (!follow_query(fetch))
			return run_plainly(fetch, CACHE_REFUSED, "the query means something else by now");
		depends = resolve(fetch);
		problem = refuse(fetch, depends, &outcome);
		if (problem != NULL)
			return run_plainly(fetch, outcome, problem);
		problem = run_in_snapshot(fetch, depends, &parts);
		AcceptInvalidationMessages();
		if (problem != NULL)
			break;
		if (tags_unchanged(depends->watched, depends->nwatched) && query_is_valid(fetch->query) &&
			depends_same(depends, resolve(fetch)))
			break;
		problem = "tables were changed while it was computed";
	}
	problem = publish(fetch, &parts, problem);
	count_miss(fetch);
	count_fill(fetch, parts.fill_us);
	if (problem != NULL)
		COUNT(fetch, refused, 1);
	note(fetch, problem == NULL ? CACHE_MISS : CACHE_REFUSED,
		 problem == NULL ? miss_reason(fetch->first) : problem, parts.fill_us, 0);
	return parts.value;
}

/* Looks again, and if there still is no answer, computes it; the flight is led by this session. */
static Jsonb *
lead(Fetch *fetch, bool has_answer)
{
	Jsonb *value;

	if (look_into_cache(&fetch->look) && fetch->look.verdict != LOOK_STALE &&
		!(has_answer && fetch->look.verdict == LOOK_EARLY))
		value = answer(fetch);
	else
		value = compute(fetch);
	flight_end(fetch->look.flight);
	return value;
}

/*
 * Has the result computed by one of all who want it now.  All who wait are let go together, for an answer.
 * Where there is none, because the computation failed, they take turns; where the result could not be kept,
 * it would not be the next time, and each goes on by himself.
 */
static Jsonb *
compute_once(Fetch *fetch, uint64 arrival)
{
	uint64		flight = fetch->look.flight;
	const char *problem;

	if (flight_lead(flight))
		return lead(fetch, false);
	problem = flight_wait(flight, false);
	fetch->look.arrival = arrival;
	if (problem == NULL && look_into_cache(&fetch->look))
		return answer(fetch);
	if (problem == NULL && memory_was_unkept(flight, arrival))
		problem = "another session computed it, and could not keep it";
	if (problem == NULL)
		problem = flight_wait(flight, true);
	if (problem == NULL)
		return lead(fetch, false);
	return run_plainly(fetch, CACHE_BYPASS, problem);
}

/*
 * Returns the result, where there is no answer or one that should be computed anew.  On a standby nothing
 * tells whether that would be of use.
 */
static Jsonb *
fill(Fetch *fetch, uint64 arrival)
{
	bool		 has_answer = fetch->look.verdict >= LOOK_HIT;
	CacheOutcome outcome;
	const char	*problem;

	if (has_answer && (RecoveryInProgress() || !flight_lead(fetch->look.flight)))
		return answer(fetch);
	identity_keep(&fetch->look.identity);
	if (has_answer)
		return lead(fetch, true);
	if (IsolationUsesXactSnapshot())
		return run_plainly(fetch, CACHE_BYPASS,
						   "not there, and the transaction has its own snapshot");
	problem = refuse(fetch, resolve(fetch), &outcome);
	if (problem != NULL)
		return run_plainly(fetch, outcome, problem);
	return compute_once(fetch, arrival);
}

/*
 * Computes the result, or runs the query plainly if there is a reason for it, in a memory context of its own.
 * What runs may fetch, too: so the definition is copied and the query held.
 */
static Jsonb *
go_without_answer(Fetch *fetch, CacheOutcome outcome, const char *reason, uint64 arrival)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed fetch", ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Jsonb		 *value = NULL;

	fetch->definition = *fetch->look.request.cache;
	fetch->definition.name = pstrdup(fetch->definition.name);
	fetch->look.request.cache = &fetch->definition;
	query_hold(fetch->query);
	PG_TRY();
	{
		value = reason != NULL ? run_plainly(fetch, outcome, reason) : fill(fetch, arrival);
	}
	PG_FINALLY();
	{
		query_let_go(fetch->query);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	if (value != NULL)
		value = memcpy(palloc(VARSIZE(value)), value, VARSIZE(value));
	MemoryContextDelete(context);
	return value;
}

/*
 * Tells whether a statement that has not ended yet, which this call is part of, has changed what the query
 * reads: its triggers have yet to note that, and the query may see it.
 */
static bool
changes_are_due(const CacheQuery *query)
{
	ListCell *cell;

	if (likely(!TransactionIdIsValid(GetTopTransactionIdIfAny())))
		return false;
	foreach(cell, query->tables)
	{
		if (tracked_changes_are_due(lfirst_oid(cell)))
			return true;
	}
	return false;
}

/* Returns the result from memory, or computed. */
static Jsonb *
fetch_result(Fetch *fetch, bool bypass)
{
	Look		*look = &fetch->look;
	CacheOutcome outcome = CACHE_BYPASS;
	const char	*reason = NULL;
	uint64		 arrival = 0;

	if (unlikely(fetch->no_memory != NULL))
	{
		outcome = CACHE_REFUSED;
		reason = fetch->no_memory;
	}
	else if (unlikely(IsolationIsSerializable()))
		reason = "the transaction is SERIALIZABLE";
	else if (unlikely(changes_are_due(fetch->query)))
		reason = "the statement that asks has changed what it depends on";
	else
	{
		fetch->memory = memory_of_cache(look->request.cache, true);
		arrival = memory_clock();
		look_prepare(look);
		if (bypass)
			reason = "asked for";
		else if (likely(look_into_cache(look) && look->verdict == LOOK_HIT))
			return answer(fetch);
		fetch->first = look->verdict;
	}
	if (look->verdict == LOOK_OWN_CHANGES)
		reason = "this transaction has changed what it depends on";
	else if (look->verdict == LOOK_SNAPSHOT)
		reason = "it may be newer than the transaction's snapshot";
	else if (look->verdict == LOOK_STANDBY)
	{
		outcome = CACHE_REFUSED;
		reason = "changes are not seen on a standby";
	}
	return go_without_answer(fetch, outcome, reason, arrival);
}

/* Sets what is asked for, having checked it. */
static void
set_request(Fetch *fetch, const char *cache, size_t cache_length, const char *key,
			size_t key_length, const char *query, const Jsonb *params)
{
	CacheRequest *request = &fetch->look.request;

	(void) memory_attach(&fetch->no_memory);
	request_set_key(request, key, key_length);
	request->params = params;
	fetch->query = query_find(query, params);
	query_check_privileges(fetch->query);
	fetch->look.query = fetch->query;

	/* Last, since analyzing may run what looks for caches, too. */
	request->cache = cache_find(cache, cache_length);
}

/*
 * pollseed_cache_fetch(cache, key, query, params, ttl, depends_on, bypass)
 */
Datum
pollseed_cache_fetch(PG_FUNCTION_ARGS)
{
	Fetch  fetch = {.look = {.verdict = LOOK_ABSENT}};
	text  *cache;
	text  *key;
	Jsonb *value;

	require_argument(fcinfo, 0, "cache");
	require_argument(fcinfo, 1, "key");
	require_argument(fcinfo, 2, "query");
	cache = PG_GETARG_TEXT_PP(0);
	key = PG_GETARG_TEXT_PP(1);
	set_request(&fetch, VARDATA_ANY(cache), VARSIZE_ANY_EXHDR(cache), VARDATA_ANY(key),
				VARSIZE_ANY_EXHDR(key), text_to_cstring(PG_GETARG_TEXT_PP(2)),
				PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3));
	fetch.look.ttl =
		PG_ARGISNULL(4) ? fetch.look.request.cache->ttl : cache_interval(PG_GETARG_DATUM(4), "ttl");
	fetch.look.depends_on = PG_ARGISNULL(5) ? NULL : PG_GETARG_ARRAYTYPE_P(5);
	value = fetch_result(&fetch, !PG_ARGISNULL(6) && PG_GETARG_BOOL(6));
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(value);
}

void
cache_check_fetch(const char *cache, const char *key, const char *query, const Jsonb *params)
{
	Fetch fetch = {.look = {.verdict = LOOK_ABSENT}};

	set_request(&fetch, cache, strlen(cache), key, strlen(key), query, params);
}

bool
cache_warm_fetch(const char *cache, const char *key, const char *query, Jsonb *params,
				 Interval *ttl, ArrayType *depends_on, int64 fresh_for_us, CacheOutcome *outcome)
{
	Fetch fetch = {.look = {.verdict = LOOK_ABSENT}};

	set_request(&fetch, cache, strlen(cache), key, strlen(key), query, params);
	fetch.look.ttl =
		ttl == NULL ? fetch.look.request.cache->ttl : cache_interval(IntervalPGetDatum(ttl), "ttl");
	fetch.look.fresh_for = fresh_for_us;
	fetch.is_warmer = true;
	fetch.look.depends_on = depends_on;
	(void) fetch_result(&fetch, false);
	*outcome = fetch.outcome;
	return fetch.outcome == CACHE_MISS || fetch.outcome == CACHE_REFUSED ||
		   fetch.outcome == CACHE_BYPASS;
}
