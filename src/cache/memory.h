/*-------------------------------------------------------------------------
 *
 * memory.h
 *		Shared memory of caches: one arena of a fixed size, which never grows.
 *
 * The arena lies in place, in one area of shared memory, so that nothing that is
 * done later needs the operating system.  An allocation that fails returns nothing.
 *
 * Locks, in the order in which they are taken: the list of caches; a cache's; a partition's
 * of the index; the arena's own, and those of tags.  A hit takes a partition's only, shared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_MEMORY_H
#define POLLSEED_CACHE_MEMORY_H

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/dsa.h"

#include "cache/store.h"
#include "core/tags.h"

/* A cache in shared memory.  It is never freed, but given to another once it has been dropped. */
typedef struct CacheMemory
{
	int64		uid; /* 0: free */
	Oid			database;
	dsa_pointer self;
	dsa_pointer next;		   /* in the list of caches, which the list's lock guards */
	uint32		tag;		   /* slot of TAG_CACHE */
	uint64		swept_version; /* of that tag, when entries were last looked through */

	LWLock		lock; /* of all below, but for the counters */
	dsa_pointer newest;
	dsa_pointer oldest;
	dsa_pointer hand; /* of SIEVE; moves from older to newer */
	int64		entries;
	int64		bytes;

	CacheCounters counters;
} CacheMemory;

/* An entry in shared memory; what has an offset follows it. */
typedef struct CacheEntry
{
	dsa_pointer self;
	dsa_pointer chain; /* the next one of its bucket */
	dsa_pointer newer; /* neighbours in the cache's list */
	dsa_pointer older;
	dsa_pointer cache;
	uint64		hash;
	Size		size;

	pg_atomic_uint32 visited; /* since the hand last passed */
	pg_atomic_uint32 is_committed;
	pg_atomic_uint64 hits;
	pg_atomic_uint64
		superseded_by; /* full ID of the (sub)transaction that put or deleted the key after, or 0 */

	TimestampTz filled_at;
	int64		ttl;	/* microseconds, as the filler wanted it */
	double		jitter; /* the share of a time to live that counts: 0.9 to 1 */
	int64		fill_us;
	uint64		stamp;		 /* the flight clock, read before the snapshot was taken */
	uint64		put_xid;	 /* full ID of the (sub)transaction that put it there, or 0 */
	bool		in_recovery; /* filled where changes are not seen */
	Oid			role;		 /* or InvalidOid: shared */

	int ntags;
	int ntallies;
	int identity; /* offsets from the entry's begin, and lengths */
	int identity_length;
	int key;
	int key_length;
	int params; /* a jsonb, or 0 */
	int signature;
	int signature_length; /* 0: it was put */
	int depends;		  /* the array depends_on, or 0 */
	int query;			  /* ended by a zero; 0: it was put */
	int names;			  /* of tags, each ended by a newline, then a zero */
	int tags;			  /* TagVersion[ntags] */
	int tallies;		  /* TallyState one after the other, and their tags' names */
	int value;			  /* a jsonb, or 0: null */
} CacheEntry;

/* Returns the address of a part of an entry. */
#define entry_part(entry, offset) ((char *) (entry) + (offset))

/* Attaches the memory; false, with a reason that lasts, where that is impossible. */
extern bool memory_attach(const char **reason);

/* Returns the address of something in the arena; NULL for InvalidDsaPointer. */
extern void *memory_address(dsa_pointer pointer);

/* Allocates in the arena; InvalidDsaPointer where there is no room. */
extern dsa_pointer memory_allocate(Size size);

/* Frees what was allocated. */
extern void memory_free(dsa_pointer pointer);

/* Returns the partition's lock of a hash, and the head of its bucket. */
extern LWLock	   *memory_partition(uint64 hash);
extern dsa_pointer *memory_bucket(uint64 hash);

/* Returns the memory of a cache, making it where asked to; NULL where there is none. */
extern CacheMemory *memory_of_cache(CacheDefinition *cache, bool make);

/* Tells whether the memory still is a cache's. */
static inline bool
memory_is_of(const CacheMemory *memory, const CacheDefinition *cache)
{
	return memory->uid == cache->uid && memory->database == MyDatabaseId;
}

/* Lock of the list of caches; and, while it is held, the one after another, or the first. */
extern LWLock	   *memory_caches_lock(void);
extern CacheMemory *memory_next_cache(const CacheMemory *previous);

/* Returns the time of the flight clock, and moves it on. */
extern uint64 memory_clock(void);
extern uint64 memory_clock_tick(void);

/*
 * Leaves word that a flight has ended without an entry, though nothing failed; and tells whether
 * that has happened since a time of the flight clock.  Of two flights of one mark the later one counts.
 */
extern void memory_mark_unkept(uint64 flight);
extern bool memory_was_unkept(uint64 flight, uint64 since);

/* Makes the memory and its setting known, when the library is loaded. */
extern void memory_init(void);

#endif /* POLLSEED_CACHE_MEMORY_H */
