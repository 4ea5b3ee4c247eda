/*-------------------------------------------------------------------------
 *
 * store.h
 *		Entries of caches in shared memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_STORE_H
#define POLLSEED_CACHE_STORE_H

#include "port/atomics.h"
#include "utils/jsonb.h"

#include "cache/definition.h"

/* Buckets of a histogram of durations: bucket i holds those under 2^(i/2) microseconds. */
#define FILL_BUCKETS 64

/* What is counted of a cache; statistics read it without locks. */
typedef struct CacheCounters
{
	pg_atomic_uint64 hits;
	pg_atomic_uint64 saved_us; /* what the hits would have taken to compute */
	pg_atomic_uint64 misses;
	pg_atomic_uint64 waits; /* of the hits, those after waiting for another session */
	pg_atomic_uint64 stale; /* of the hits, those that were not the newest */
	pg_atomic_uint64 bypassed;
	pg_atomic_uint64 fills; /* computed, kept or not */
	pg_atomic_uint64 refused;
	pg_atomic_uint64 evicted;
	pg_atomic_uint64 expired;
	pg_atomic_uint64 invalidated;
	pg_atomic_uint64 reset_at; /* TimestampTz */
	pg_atomic_uint64 fill_time[FILL_BUCKETS];
} CacheCounters;

/* What statistics show of a cache. */
typedef struct CacheUse
{
	int64		   uid;
	int64		   entries;
	int64		   bytes;
	CacheCounters *counters;
} CacheUse;

/* What is shown of an entry; texts are copies. */
typedef struct EntryUse
{
	int64		uid;
	char	   *key;
	Jsonb	   *params; /* or NULL */
	Oid			role;	/* InvalidOid: shared */
	int64		bytes;
	TimestampTz filled_at;
	int64		ttl; /* microseconds */
	int64		hits;
	int64		fill_us;
	char	   *tags; /* names, each ended by a newline */
} EntryUse;

struct CacheEntry;

/* Tells whether an entry is one that is looked for. */
typedef bool (*EntryTest)(struct CacheEntry *entry, void *arg);

/* What an entry is found by. */
typedef struct EntryKey
{
	uint64		hash;
	const char *identity;
	int			identity_length;
} EntryKey;

/*
 * Looks through the entries of a key, newest first, with their partition locked: calls a function
 * for each until that returns true.  The function must not wait for long, nor call anything that
 * may run SQL; what it needs of the entry it copies.
 */
extern bool store_find(const EntryKey *key, EntryTest accept, void *arg);

/*
 * Allocates an entry of a size, its shared parts set; NULL where there is no room, though others
 * were evicted for it.  It is seen by nobody until store_insert().
 */
extern struct CacheEntry *store_allocate(CacheDefinition *cache, Size size);

/*
 * Publishes an entry in place of those of the same key that were not put by transactions in progress,
 * evicting others where the cache is full.  Frees it and returns false where it alone is too
 * much for the cache, or the cache is gone.
 */
extern bool store_insert(CacheDefinition *cache, struct CacheEntry *entry);

/* Removes the entries of a key that a function accepts. */
extern void store_remove(CacheDefinition *cache, const EntryKey *key, EntryTest accept, void *arg);

/* Tells whether the key was put or deleted anew after an entry by a transaction that has committed, however long ago. */
extern bool store_is_superseded(struct CacheEntry *entry);

/* Calls a function for each cache of this database that has been used since the server started. */
extern void store_for_each_cache(void (*visit)(const CacheUse *use, void *arg), void *arg);

/* Calls a function for each entry of a cache that is not known to be old; nothing is locked meanwhile. */
extern void store_for_each_entry(CacheDefinition *cache,
								 void (*visit)(const EntryUse *use, void *arg), void *arg);

/* Returns how many entries a cache has. */
extern int64 store_entries(CacheDefinition *cache);

/* Frees what entries of caches that were cleared or dropped still take. */
extern void store_sweep(void);

/* Frees what caches take that are there no more: those of this database but for the given ones, in order, and of dropped databases. */
extern void store_forget_others(const int64 *uids, int count);

/* Returns the counters of a cache, or NULL where it has not been used. */
extern CacheCounters *store_counters(CacheDefinition *cache);

#endif /* POLLSEED_CACHE_STORE_H */
