/*-------------------------------------------------------------------------
 *
 * store.c
 *		Entries of caches in shared memory.
 *
 * Each cache keeps its entries in a list, newest first, from which SIEVE evicts: a hit only
 * sets a bit; the hand goes from old to new, clears bits, and takes the first entry
 * without one.  See Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "utils/syscache.h"

#include "cache/memory.h"
#include "cache/store.h"

/* Where there is no room, so many entries are evicted for one: of its own cache, then of the others. */
#define EVICTIONS_FOR_ONE 64

bool
store_find(const EntryKey *key, EntryTest accept, void *arg)
{
	LWLock	   *lock = memory_partition(key->hash);
	CacheEntry *entry;
	bool		found = false;

	LWLockAcquire(lock, LW_SHARED);
	for (entry = memory_address(*memory_bucket(key->hash)); entry != NULL && !found;
		 entry = memory_address(entry->chain))
	{
		if (entry->hash == key->hash && entry->identity_length == key->identity_length &&
			memcmp(entry_part(entry, entry->identity), key->identity, key->identity_length) == 0)
			found = accept(entry, arg);
	}
	LWLockRelease(lock);
	return found;
}

/* Takes an entry out of the index. */
static void
unchain(CacheEntry *entry)
{
	LWLock		*lock = memory_partition(entry->hash);
	dsa_pointer *link = memory_bucket(entry->hash);

	LWLockAcquire(lock, LW_EXCLUSIVE);
	while (*link != entry->self)
		link = &((CacheEntry *) memory_address(*link))->chain;
	*link = entry->chain;
	LWLockRelease(lock);
}

/* Removes and frees an entry; the cache is locked. */
static void
remove_entry(CacheMemory *memory, CacheEntry *entry)
{
	CacheEntry *newer = memory_address(entry->newer);
	CacheEntry *older = memory_address(entry->older);

	unchain(entry);
	if (memory->hand == entry->self)
		memory->hand = entry->newer;
	if (newer != NULL)
		newer->older = entry->older;
	else
		memory->newest = entry->older;
	if (older != NULL)
		older->newer = entry->newer;
	else
		memory->oldest = entry->newer;
	memory->entries--;
	memory->bytes -= (int64) entry->size;
	memory_free(entry->self);
}

/* Evicts an entry; false where there is none.  The cache is locked. */
static bool
evict_one(CacheMemory *memory)
{
	CacheEntry *entry = memory_address(memory->hand);

	if (memory->entries == 0)
		return false;
	for (;;)
	{
		if (entry == NULL)
			entry = memory_address(memory->oldest);
		if (pg_atomic_exchange_u32(&entry->visited, 0) == 0)
			break;
		entry = memory_address(entry->newer);
	}
	memory->hand = entry->self;
	remove_entry(memory, entry);
	pg_atomic_fetch_add_u64(&memory->counters.evicted, 1);
	return true;
}

/* Evicts an entry of a cache. */
static bool
evict_from(CacheMemory *memory)
{
	bool evicted;

	LWLockAcquire(&memory->lock, LW_EXCLUSIVE);
	evicted = memory->uid != 0 && evict_one(memory);
	LWLockRelease(&memory->lock);
	return evicted;
}

/* Evicts an entry of each other cache; false where there was none. */
static bool
evict_from_others(const CacheMemory *own)
{
	CacheMemory *memory = NULL;
	bool		 evicted = false;

	LWLockAcquire(memory_caches_lock(), LW_SHARED);
	while ((memory = memory_next_cache(memory)) != NULL)
	{
		if (memory != own)
			evicted |= evict_from(memory);
	}
	LWLockRelease(memory_caches_lock());
	return evicted;
}

CacheEntry *
store_allocate(CacheDefinition *cache, Size size)
{
	CacheMemory *memory = memory_of_cache(cache, true);
	dsa_pointer	 pointer;
	CacheEntry	*entry;

	if (memory == NULL)
	{
		store_sweep();
		memory = memory_of_cache(cache, true);
	}
	if (memory == NULL || size > (Size) cache->max_bytes)
		return NULL;
	pointer = memory_allocate(size);
	if (!DsaPointerIsValid(pointer))
	{
		store_sweep();
		pointer = memory_allocate(size);
	}
	for (int i = 0; i < EVICTIONS_FOR_ONE && !DsaPointerIsValid(pointer); i++)
	{
		if (!evict_from(memory) && !evict_from_others(memory))
			break;
		pointer = memory_allocate(size);
	}
	if (!DsaPointerIsValid(pointer))
		return NULL;

	entry = memory_address(pointer);
	memset(entry, 0, sizeof(CacheEntry));
	entry->self = pointer;
	entry->size = size;
	entry->cache = memory->self;
	pg_atomic_init_u32(&entry->visited, 0);
	pg_atomic_init_u32(&entry->is_committed, 0);
	pg_atomic_init_u64(&entry->hits, 0);
	pg_atomic_init_u64(&entry->superseded_by, 0);
	return entry;
}

/* Returns the next entry of an entry's bucket, or the first, that has the same key; the cache is locked, and with it what it has there. */
static CacheEntry *
next_of_key(CacheMemory *memory, const EntryKey *key, CacheEntry *entry)
{
	LWLock *lock = memory_partition(key->hash);

	LWLockAcquire(lock, LW_SHARED);
	entry = memory_address(entry == NULL ? *memory_bucket(key->hash) : entry->chain);
	while (entry != NULL &&
		   (entry->hash != key->hash || entry->cache != memory->self ||
			entry->identity_length != key->identity_length ||
			memcmp(entry_part(entry, entry->identity), key->identity, key->identity_length) != 0))
		entry = memory_address(entry->chain);
	LWLockRelease(lock);
	return entry;
}

/* Removes entries of a key; the cache is locked. */
static void
remove_accepted(CacheMemory *memory, const EntryKey *key, EntryTest accept, void *arg)
{
	CacheEntry *entry = next_of_key(memory, key, NULL);

	while (entry != NULL)
	{
		CacheEntry *next = next_of_key(memory, key, entry);

		if (accept(entry, arg))
			remove_entry(memory, entry);
		entry = next;
	}
}

bool
store_is_superseded(CacheEntry *entry)
{
	uint64 by = pg_atomic_read_u64(&entry->superseded_by);

	if (by == 0)
		return false;
	switch (transaction_fate(by))
	{
		case FATE_IN_PROGRESS:
		case FATE_ABORTED:
			return false;
		default:
			return true;
	}
}

/*
 * Tells whether an entry can never be an answer any more.  What can be stays when a value is put,
 * for others read it until that is committed, and after if it is not.
 */
static bool
is_dead(CacheEntry *entry, void *arg pg_attribute_unused())
{
	if (store_is_superseded(entry))
		return true;
	if (entry->put_xid != 0 && pg_atomic_read_u32(&entry->is_committed) == 0)
	{
		switch (transaction_fate(entry->put_xid))
		{
			case FATE_IN_PROGRESS:
				return false;
			case FATE_COMMITTED:
				break;
			default:
				return true;
		}
	}
	return tags_are_past((const TagVersion *) entry_part(entry, entry->tags), entry->ntags);
}

/*
 * Tells whether an entry may go when another is computed: not what somebody else is about to commit,
 * and not the result of another query, should two programs use one key.
 */
static bool
is_replaceable(CacheEntry *entry, void *arg)
{
	const CacheEntry *successor = arg;

	if (entry->put_xid != 0 && pg_atomic_read_u32(&entry->is_committed) == 0 &&
		transaction_fate(entry->put_xid) == FATE_IN_PROGRESS)
		return false;
	if (entry->signature_length == 0 ||
		(entry->signature_length == successor->signature_length &&
		 memcmp(entry_part(entry, entry->signature), entry_part(successor, successor->signature),
				entry->signature_length) == 0))
		return true;
	return is_dead(entry, NULL);
}

/* Links an entry into the list and the index; the cache is locked. */
static void
link_entry(CacheMemory *memory, CacheEntry *entry)
{
	CacheEntry *newest = memory_address(memory->newest);
	LWLock	   *lock = memory_partition(entry->hash);

	entry->newer = InvalidDsaPointer;
	entry->older = memory->newest;
	if (newest != NULL)
		newest->newer = entry->self;
	else
		memory->oldest = entry->self;
	memory->newest = entry->self;
	memory->entries++;
	memory->bytes += (int64) entry->size;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	entry->chain = *memory_bucket(entry->hash);
	*memory_bucket(entry->hash) = entry->self;
	LWLockRelease(lock);
}

bool
store_insert(CacheDefinition *cache, CacheEntry *entry)
{
	CacheMemory *memory = memory_address(entry->cache);
	EntryKey	 key = {.hash = entry->hash,
						.identity = entry_part(entry, entry->identity),
						.identity_length = entry->identity_length};

	LWLockAcquire(&memory->lock, LW_EXCLUSIVE);
	if (!memory_is_of(memory, cache))
	{
		LWLockRelease(&memory->lock);
		memory_free(entry->self);
		return false;
	}
	remove_accepted(memory, &key, entry->put_xid == 0 ? is_replaceable : is_dead, entry);
	while (memory->entries >= cache->max_entries ||
		   memory->bytes > cache->max_bytes - (int64) entry->size)
	{
		if (!evict_one(memory))
			break;
	}
	link_entry(memory, entry);
	LWLockRelease(&memory->lock);
	return true;
}

void
store_remove(CacheDefinition *cache, const EntryKey *key, EntryTest accept, void *arg)
{
	CacheMemory *memory = memory_of_cache(cache, false);

	if (memory == NULL)
		return;
	LWLockAcquire(&memory->lock, LW_EXCLUSIVE);
	if (memory_is_of(memory, cache))
		remove_accepted(memory, key, accept, arg);
	LWLockRelease(&memory->lock);
}

/* Frees all entries of a cache whose versions are not those of now; the cache is locked. */
static void
sweep_cache(CacheMemory *memory, bool everything)
{
	CacheEntry *entry = memory_address(memory->oldest);

	while (entry != NULL)
	{
		CacheEntry *newer = memory_address(entry->newer);

		if (everything || is_dead(entry, NULL))
			remove_entry(memory, entry);
		entry = newer;
	}
}

void
store_sweep(void)
{
	const char	*reason;
	CacheMemory *memory = NULL;

	if (!memory_attach(&reason))
		return;
	LWLockAcquire(memory_caches_lock(), LW_SHARED);
	while ((memory = memory_next_cache(memory)) != NULL)
	{
		TagVersion tag = {.slot = memory->tag};

		tags_read(&tag, 1);
		if (memory->uid == 0 || tag.version == memory->swept_version)
			continue;
		LWLockAcquire(&memory->lock, LW_EXCLUSIVE);
		memory->swept_version = tag.version;
		sweep_cache(memory, false);
		LWLockRelease(&memory->lock);
	}
	LWLockRelease(memory_caches_lock());
}

int64
store_entries(CacheDefinition *cache)
{
	const char	*reason;
	CacheMemory *memory = memory_attach(&reason) ? memory_of_cache(cache, false) : NULL;

	return memory == NULL ? 0 : memory->entries;
}

CacheCounters *
store_counters(CacheDefinition *cache)
{
	const char	*reason;
	CacheMemory *memory = memory_attach(&reason) ? memory_of_cache(cache, false) : NULL;

	return memory == NULL ? NULL : &memory->counters;
}

/* Returns the databases that no longer exist and whose caches are in memory. */
static List *
dropped_databases(void)
{
	List		*databases = NIL;
	List		*dropped = NIL;
	ListCell	*cell;
	CacheMemory *memory = NULL;

	LWLockAcquire(memory_caches_lock(), LW_SHARED);
	while ((memory = memory_next_cache(memory)) != NULL)
	{
		if (memory->uid != 0)
			databases = list_append_unique_oid(databases, memory->database);
	}
	LWLockRelease(memory_caches_lock());

	/* Looking up may wait for others, so nothing is locked. */
	foreach(cell, databases)
	{
		if (!SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(lfirst_oid(cell))))
			dropped = lappend_oid(dropped, lfirst_oid(cell));
	}
	return dropped;
}

/* Tells whether a cache in memory is of a dropped database, or of this one and none of the given ones, which are in order. */
static bool
is_gone(const CacheMemory *memory, const List *dropped, const int64 *uids, int count)
{
	int low = 0;
	int high = count;

	if (memory->database != MyDatabaseId)
		return list_member_oid(dropped, memory->database);

	/* Built-in ones have no row, and negative uids. */
	while (low < high)
	{
		int middle = (low + high) / 2;

		if (uids[middle] < memory->uid)
			low = middle + 1;
		else
			high = middle;
	}
	return memory->uid > 0 && (low == count || uids[low] != memory->uid);
}

/* Forgetting one that is in use, because its creation is not committed yet, only costs its entries. */
void
store_forget_others(const int64 *uids, int count)
{
	const char	*reason;
	CacheMemory *memory = NULL;
	List		*dropped;

	if (!memory_attach(&reason))
		return;
	dropped = dropped_databases();
	LWLockAcquire(memory_caches_lock(), LW_EXCLUSIVE);
	while ((memory = memory_next_cache(memory)) != NULL)
	{
		if (memory->uid == 0 || !is_gone(memory, dropped, uids, count))
			continue;
		LWLockAcquire(&memory->lock, LW_EXCLUSIVE);
		sweep_cache(memory, true);
		memory->uid = 0;
		LWLockRelease(&memory->lock);
	}
	LWLockRelease(memory_caches_lock());
}

void
store_for_each_cache(void (*visit)(const CacheUse *use, void *arg), void *arg)
{
	const char	*reason;
	CacheMemory *memory = NULL;
	List		*uses = NIL;
	ListCell	*cell;

	if (!memory_attach(&reason))
		return;
	LWLockAcquire(memory_caches_lock(), LW_SHARED);
	while ((memory = memory_next_cache(memory)) != NULL)
	{
		CacheUse *use;

		if (memory->uid == 0 || memory->database != MyDatabaseId)
			continue;
		use = palloc(sizeof(CacheUse));
		*use = (CacheUse){.uid = memory->uid,
						  .entries = memory->entries,
						  .bytes = memory->bytes,
						  .counters = &memory->counters};
		uses = lappend(uses, use);
	}
	LWLockRelease(memory_caches_lock());
	foreach(cell, uses)
		visit(lfirst(cell), arg);
	list_free_deep(uses);
}

/* Copies what is shown of an entry. */
static EntryUse *
copy_use(const CacheMemory *memory, const CacheEntry *entry)
{
	EntryUse *use = palloc0(sizeof(EntryUse));

	use->uid = memory->uid;
	use->key = pnstrdup(entry_part(entry, entry->key), entry->key_length);
	if (entry->params != 0)
	{
		Size size = VARSIZE_ANY(entry_part(entry, entry->params));

		use->params = memcpy(palloc(size), entry_part(entry, entry->params), size);
	}
	use->role = entry->role;
	use->bytes = (int64) entry->size;
	use->filled_at = entry->filled_at;
	use->ttl = entry->ttl;
	use->hits = (int64) pg_atomic_read_u64((pg_atomic_uint64 *) &entry->hits);
	use->fill_us = entry->fill_us;
	use->tags = pstrdup(entry_part(entry, entry->names));
	return use;
}

void
store_for_each_entry(CacheDefinition *cache, void (*visit)(const EntryUse *use, void *arg),
					 void			 *arg)
{
	const char	*reason;
	CacheMemory *memory = memory_attach(&reason) ? memory_of_cache(cache, false) : NULL;
	List		*uses = NIL;
	ListCell	*cell;

	if (memory == NULL)
		return;
	LWLockAcquire(&memory->lock, LW_SHARED);
	if (memory_is_of(memory, cache))
	{
		for (CacheEntry *entry = memory_address(memory->newest); entry != NULL;
			 entry = memory_address(entry->older))
		{
			if (!is_dead(entry, NULL))
				uses = lappend(uses, copy_use(memory, entry));
		}
	}
	LWLockRelease(&memory->lock);
	foreach(cell, uses)
		visit(lfirst(cell), arg);
}
