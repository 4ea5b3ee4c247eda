/*-------------------------------------------------------------------------
 *
 * look.c
 *		Looking for an entry, and whether it is an answer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/pg_prng.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "cache/depends.h"
#include "cache/look.h"
#include "cache/render.h"
#include "core/changes.h"
#include "core/compat.h"

/* An entry is computed early only within so many times what computing it takes: beyond, it is as good as never. */
#define EARLY_FILLS 20

/* How often tallies are compared until nothing is added meanwhile. */
#define COMPARE_TRIES 10

/* What an answer needs to be brought up to date, after the entry is unlocked. */
static TallyChange changes[TALLY_CELLS];
static int		   nchanges;
static int		   ntallies;
static const char *tally_names;
static TallyState  tallies[TALLIES_PER_ENTRY]; /* without their sums */
static Size		   names_length;

/* Tells whether a (sub)transaction is part of the running transaction. */
static bool
is_own(uint64 xid)
{
	return xid != 0 && TransactionIdIsCurrentTransactionId(
						   XidFromFullTransactionId(FullTransactionIdFromU64(xid)));
}

bool
entry_is_own_put(const CacheEntry *entry)
{
	return pg_atomic_read_u32((pg_atomic_uint32 *) &entry->is_committed) == 0 &&
		   is_own(entry->put_xid);
}

bool
entry_is_superseded(CacheEntry *entry)
{
	return is_own(pg_atomic_read_u64(&entry->superseded_by)) || store_is_superseded(entry);
}

/* Tells whether an entry that somebody else put is committed. */
static bool
is_committed(CacheEntry *entry)
{
	if (entry->put_xid == 0 || pg_atomic_read_u32(&entry->is_committed) != 0)
		return true;
	if (transaction_fate(entry->put_xid) != FATE_COMMITTED)
		return false;
	pg_atomic_write_u32(&entry->is_committed, 1);
	return true;
}

/* Tells whether an entry depends on what is asked for. */
static bool
has_depends_on(const CacheEntry *entry, const ArrayType *depends_on)
{
	const char *depends = entry_part(entry, entry->depends);

	if (depends_on == NULL || entry->depends == 0)
		return depends_on == NULL && entry->depends == 0;
	return VARSIZE(depends) == VARSIZE(depends_on) &&
		   memcmp(depends, depends_on, VARSIZE(depends_on)) == 0;
}

/*
 * Tells whether an entry is of the query that is asked for; what was put is of any.  Whoever looks for a key
 * of a shared cache gets what its owner has put, not what anybody has asked.
 */
static bool
is_of_query(const CacheEntry *entry, const Look *look)
{
	const CacheQuery *query = look->query;

	if (entry->signature_length == 0)
		return true;
	if (query == NULL)
		return !look->request.cache->shared;
	return entry->signature_length == query->signature_length &&
		   memcmp(entry_part(entry, entry->signature), query->signature, query->signature_length) ==
			   0 &&
		   has_depends_on(entry, look->depends_on);
}

/*
 * Tells whether an entry is to be computed anew before it expires, the likelier the nearer that
 * is and the longer it takes: Vattani et al., "Optimal Probabilistic Cache Stampede Prevention",
 * VLDB 2015.
 */
static bool
is_due_early(int64 left, int64 fill_us)
{
	if (likely(left > EARLY_FILLS * fill_us))
		return false;
	return -log(pg_prng_double(&pg_global_prng_state)) * (double) fill_us >= (double) left;
}

/*
 * Tells whether an entry is unchanged, and gets ready to bring its tallies up to date.  What was
 * added to them by the first moment of tags_unchanged() is all there if nothing is added between the
 * looks before it and after it.
 */
static bool
is_unchanged(const CacheEntry *entry)
{
	const TagVersion *tags = (const TagVersion *) entry_part(entry, entry->tags);
	TallyState		 *states[TALLIES_PER_ENTRY];
	char			 *at = entry_part(entry, entry->tallies);
	uint64			  version;

	if (entry->ntallies == 0)
		return tags_unchanged(tags, entry->ntags);
	for (int i = 0; i < entry->ntallies; i++)
	{
		states[i] = (TallyState *) at;
		at += tally_state_size(states[i]);
	}
	for (int try = 0; try < COMPARE_TRIES; try++)
	{
		nchanges = tallies_compare(states, entry->ntallies, changes, lengthof(changes), &version);
		if (nchanges < 0 || !tags_unchanged(tags, entry->ntags))
			break;
		if (!tallies_are_of(states, entry->ntallies, version))
			continue;
		ntallies = entry->ntallies;
		for (int i = 0; i < ntallies; i++)
			memcpy(&tallies[i], states[i], offsetof(TallyState, cells));
		names_length = entry_part(entry, entry->value) - at;
		tally_names = at;
		return true;
	}
	nchanges = 0;
	return false;
}

/* Judges an entry that is not unchanged, or has expired. */
static Verdict
judge_old(const CacheEntry *entry, const Look *look, int64 age, int64 ttl, bool unchanged)
{
	int64 allowed = look->request.cache->max_staleness;

	if (IsolationUsesXactSnapshot())
		return unchanged ? LOOK_EXPIRED : LOOK_CHANGED;
	if (look->arrival != 0 &&
		(unchanged ? age <= ttl + entry->fill_us : entry->stamp > look->arrival))
		return LOOK_WAITED;
	if (allowed > 0 && age <= allowed + (unchanged ? ttl : 0) && look->fresh_for == 0)
		return LOOK_STALE;
	return unchanged ? LOOK_EXPIRED : LOOK_CHANGED;
}

/*
 * Judges what the transaction has put: it counts on the versions that there will be when it has
 * committed, and what the transaction has cleared after it makes it old.
 */
static Verdict
judge_own_put(const TagVersion *tags, int count)
{
	TagVersion now[BASE_TAGS];

	memcpy(now, tags, sizeof(now));
	tags_read(now, BASE_TAGS);
	for (int i = 0; i < BASE_TAGS; i++)
	{
		if (tags[i].version != now[i].version + changes_include_slot(tags[i].slot))
			return LOOK_OWN_CHANGES;
	}
	return changes_include(tags + BASE_TAGS, count - BASE_TAGS) ? LOOK_OWN_CHANGES : LOOK_HIT;
}

/* Judges an entry. */
static Verdict
judge(CacheEntry *entry, const Look *look)
{
	const TagVersion *tags = (const TagVersion *) entry_part(entry, entry->tags);
	int64			  age = GetCurrentTimestamp() - entry->filled_at;
	int64			  ttl = look->ttl < 0 || entry->put_xid != 0 ? entry->ttl : look->ttl;
	int64			  left;

	if (entry_is_superseded(entry))
		return LOOK_ABSENT;
	if (entry_is_own_put(entry))
		return judge_own_put(tags, entry->ntags);
	if (!is_committed(entry))
		return LOOK_ABSENT;
	if (!is_of_query(entry, look))
		return LOOK_OTHER_QUERY;
	if (changes_include(tags, entry->ntags))
		return LOOK_OWN_CHANGES;
	if (entry->in_recovery && !RecoveryInProgress())
		return LOOK_CHANGED;
	if (entry->ntags > BASE_TAGS && RecoveryInProgress())
		return age <= look->request.cache->max_staleness ? LOOK_STALE : LOOK_STANDBY;

	if (!is_unchanged(entry))
		return judge_old(entry, look, age, ttl, false);
	left = (int64) ((double) ttl * entry->jitter) - age - look->fresh_for;
	if (left <= 0)
		return judge_old(entry, look, age, ttl, true);
	if (unlikely(IsolationUsesXactSnapshot()) &&
		(entry->ntallies > 0 ||
		 !tags_older_than(tags, entry->ntags, GetTransactionSnapshot()->xmin)))
		return LOOK_SNAPSHOT;
	if (is_due_early(left, entry->fill_us) && entry->put_xid == 0 && !IsolationUsesXactSnapshot())
		return LOOK_EARLY;
	return look->arrival != 0 ? LOOK_WAITED : LOOK_HIT;
}

/* Copies an answer. */
static void
take(CacheEntry *entry, Look *look)
{
	if (entry->value != 0)
	{
		const char *value = entry_part(entry, entry->value);
		Size		size = VARSIZE(value);

		look->value = memcpy(palloc(size), value, size);
	}
	if (look->query == NULL && entry->query != 0)
	{
		look->text = pstrdup(entry_part(entry, entry->query));
		look->signature_length = entry->signature_length;
		look->signature = memcpy(palloc(entry->signature_length),
								 entry_part(entry, entry->signature), entry->signature_length);
	}
	look->fill_us = entry->fill_us;
	look->filled_at = entry->filled_at;
	if (pg_atomic_read_u32(&entry->visited) == 0)
		pg_atomic_write_u32(&entry->visited, 1);
	pg_atomic_fetch_add_u64(&entry->hits, 1);
}

/* Judges an entry, and takes it if it is an answer. */
static bool
accept(CacheEntry *entry, void *arg)
{
	Look   *look = arg;
	Verdict verdict;

	nchanges = ntallies = 0;
	verdict = judge(entry, look);
	if (verdict != LOOK_ABSENT)
		look->verdict = verdict;
	if (verdict < LOOK_HIT)
		return false;
	take(entry, look);
	if (verdict == LOOK_STALE)
		nchanges = 0;
	if (nchanges > 0)
		tally_names = memcpy(palloc(names_length), tally_names, names_length);
	return true;
}

/* Adds to the tallies of an answer what was added since it was computed. */
static void
render(Look *look)
{
	const char *names[TALLIES_PER_ENTRY];
	const char *at = tally_names;

	for (int i = 0; i < ntallies; i++)
	{
		names[i] = at;
		at += strlen(at) + 1;
	}
	look->value = tallies_render(look->value, names, ntallies, changes, nchanges);
}

/* Checks the caller's rights on the tallies of an answer; false where row security applies to one. */
static bool
tallies_may_be_read(void)
{
	for (int i = 0; i < ntallies; i++)
	{
		if (!tally_may_be_read(&tallies[i]))
			return false;
	}
	return true;
}

void
look_prepare(Look *look)
{
	if (look->query != NULL)
	{
		look->request.uses_role = look->query->uses_role;
		look->request.uses_settings = look->query->uses_settings;
		look->request.settings = look->query->settings;
	}
	identity_make(&look->identity, &look->request);
	look->flight = look->identity.key.hash ^ (look->query == NULL ? 0 : look->query->hash);
}

bool
look_into_cache(Look *look)
{
	bool found;

	look->verdict = LOOK_ABSENT;
	look->value = NULL;
	look->text = NULL;
	found = store_find(&look->identity.key, accept, look);
	if (found && !tallies_may_be_read())
	{
		look->verdict = LOOK_ABSENT;
		return false;
	}
	if (found && nchanges > 0)
		render(look);
	return found;
}
