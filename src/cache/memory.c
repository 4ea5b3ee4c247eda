/*-------------------------------------------------------------------------
 *
 * memory.c
 *		Shared memory of caches: one arena of a fixed size, which never grows.
 *
 * The index is a table of a fixed size, too, whose buckets chain the entries.  A
 * dshash would allocate its items and grow under its locks, and raise errors where there
 * is no room; here the only allocation is an entry's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "cache/memory.h"
#include "core/compat.h"
#include "core/shared.h"
#include "core/subtransaction.h"

#define PARTITIONS 128

/* Flights that ended without an entry are remembered in so many places, by their numbers. */
#define UNKEPT_MARKS 256

/* A bucket for so many bytes of the arena; a small entry takes about half a kilobyte. */
#define BYTES_PER_BUCKET 512

/* One cache for so many bytes of the arena; each takes about a kilobyte that cannot be evicted. */
#define BYTES_PER_CACHE (16 * 1024)

/* Once the memory could not be made, a session tries again after so long. */
#define RETRY_AFTER_US (10 * INT64CONST(1000000))

/* pollseed.cache_memory, in kilobytes. */
static int cache_memory = 32768;

/* A flight that ended without an entry. */
typedef struct UnkeptMark
{
	pg_atomic_uint64 flight;
	pg_atomic_uint64 at; /* by the flight clock */
} UnkeptMark;

typedef struct CacheArea
{
	int				 entry_tranche;
	int				 cache_tranche;
	Size			 arena_size;
	uint32			 nbuckets; /* a power of two */
	pg_atomic_uint64 clock;
	LWLock			 caches_lock;
	dsa_pointer		 caches;
	uint32			 ncaches;
	UnkeptMark		 unkept[UNKEPT_MARKS];
	LWLockPadded	 partitions[PARTITIONS];
	dsa_pointer		 buckets[FLEXIBLE_ARRAY_MEMBER]; /* then the arena */
} CacheArea;

/* Returns how many buckets the index has. */
static uint32
bucket_count(void)
{
	return pg_nextpower2_32((uint32) ((Size) cache_memory * 1024 / BYTES_PER_BUCKET));
}

/* Returns where the arena begins. */
static Size
arena_offset(uint32 nbuckets)
{
	return MAXALIGN(offsetof(CacheArea, buckets) + mul_size(nbuckets, sizeof(dsa_pointer)));
}

/* Returns the size of the arena. */
static Size
arena_size(void)
{
	return Max((Size) cache_memory * 1024, dsa_minimum_size());
}

/* Returns the size of the area. */
static Size
area_size(void)
{
	return add_size(arena_offset(bucket_count()), arena_size());
}

/* Makes the area. */
static void
init_area(void *address)
{
	CacheArea *area = address;
	dsa_area  *arena;

	area->entry_tranche = LWLockNewTrancheId();
	area->cache_tranche = LWLockNewTrancheId();
	area->arena_size = arena_size();
	area->nbuckets = bucket_count();
	pg_atomic_init_u64(&area->clock, 1);
	LWLockInitialize(&area->caches_lock, area->cache_tranche);
	area->caches = InvalidDsaPointer;
	area->ncaches = 0;
	for (int i = 0; i < UNKEPT_MARKS; i++)
	{
		pg_atomic_init_u64(&area->unkept[i].flight, 0);
		pg_atomic_init_u64(&area->unkept[i].at, 0);
	}
	for (int i = 0; i < PARTITIONS; i++)
		LWLockInitialize(&area->partitions[i].lock, area->entry_tranche);
	for (uint32 i = 0; i < area->nbuckets; i++)
		area->buckets[i] = InvalidDsaPointer;

	arena = dsa_create_in_place((char *) area + arena_offset(area->nbuckets), area->arena_size,
								area->entry_tranche, NULL);
	dsa_pin(arena);
	dsa_set_size_limit(arena, area->arena_size);
	dsa_detach(arena);
}

static SharedArea cache_area = {.name = "pollseed_cache_1", .size = area_size, .init = init_area};
static CacheArea *area = NULL;
static dsa_area	 *arena = NULL;

/* Attaches the area, and what tags need. */
static void
attach(void *arg pg_attribute_unused())
{
	MemoryContext old_context;
	CacheArea	 *attached;

	tags_attach();
	attached = shared_attach(&cache_area);
	LWLockRegisterTranche(attached->entry_tranche, "PollseedCacheEntries");
	LWLockRegisterTranche(attached->cache_tranche, "PollseedCaches");
	old_context = MemoryContextSwitchTo(TopMemoryContext);
	arena = dsa_attach_in_place((char *) attached + arena_offset(attached->nbuckets), NULL);
	MemoryContextSwitchTo(old_context);
	dsa_pin_mapping(arena);
	area = attached;
}

bool
memory_attach(const char **reason)
{
	static TimestampTz failed_at = 0;
	static char		   failure[200];
	MemoryContext	   context;
	MemoryContext	   old_context;
	ErrorData		  *error;

	if (likely(area != NULL))
		return true;
	if (failed_at != 0 && GetCurrentTimestamp() - failed_at < RETRY_AFTER_US)
	{
		*reason = failure;
		return false;
	}

	context = AllocSetContextCreate(CurrentMemoryContext, "pollseed attach", ALLOCSET_SMALL_SIZES);
	old_context = MemoryContextSwitchTo(context);
	error = subtransaction_try(attach, NULL, NULL);
	MemoryContextSwitchTo(old_context);
	if (error != NULL)
	{
		snprintf(failure, sizeof(failure), "no shared memory: %s", error->message);
		failed_at = GetCurrentTimestamp();
		*reason = failure;
	}
	MemoryContextDelete(context);
	return area != NULL;
}

void *
memory_address(dsa_pointer pointer)
{
	return DsaPointerIsValid(pointer) ? dsa_get_address(arena, pointer) : NULL;
}

dsa_pointer
memory_allocate(Size size)
{
	return dsa_allocate_extended(arena, size, DSA_ALLOC_NO_OOM);
}

void
memory_free(dsa_pointer pointer)
{
	dsa_free(arena, pointer);
}

LWLock *
memory_partition(uint64 hash)
{
	return &area->partitions[(hash & (area->nbuckets - 1)) % PARTITIONS].lock;
}

dsa_pointer *
memory_bucket(uint64 hash)
{
	return &area->buckets[hash & (area->nbuckets - 1)];
}

LWLock *
memory_caches_lock(void)
{
	return &area->caches_lock;
}

CacheMemory *
memory_next_cache(const CacheMemory *previous)
{
	return memory_address(previous == NULL ? area->caches : previous->next);
}

uint64
memory_clock(void)
{
	return pg_atomic_read_u64(&area->clock);
}

uint64
memory_clock_tick(void)
{
	return pg_atomic_add_fetch_u64(&area->clock, 1);
}

void
memory_mark_unkept(uint64 flight)
{
	UnkeptMark *mark = &area->unkept[flight % UNKEPT_MARKS];

	pg_atomic_write_u64(&mark->flight, flight);
	pg_atomic_write_u64(&mark->at, memory_clock_tick());
}

bool
memory_was_unkept(uint64 flight, uint64 since)
{
	UnkeptMark *mark = &area->unkept[flight % UNKEPT_MARKS];

	return pg_atomic_read_u64(&mark->flight) == flight && pg_atomic_read_u64(&mark->at) > since;
}

/* Sets a cache's counters to zero. */
static void
init_counters(CacheCounters *counters)
{
	pg_atomic_uint64 *counter = (pg_atomic_uint64 *) counters;

	for (size_t i = 0; i < sizeof(CacheCounters) / sizeof(pg_atomic_uint64); i++)
		pg_atomic_init_u64(&counter[i], 0);
	pg_atomic_write_u64(&counters->reset_at, (uint64) GetCurrentTimestamp());
}

/* Returns how many caches there may be at a time, so that they leave room for entries. */
static uint32
max_caches(void)
{
	return (uint32) (area->arena_size / BYTES_PER_CACHE);
}

/* Takes the memory of a cache without entries; NULL where all have some.  The list is locked. */
static CacheMemory *
take_empty_cache(void)
{
	CacheMemory *memory = NULL;

	while ((memory = memory_next_cache(memory)) != NULL)
	{
		bool is_empty;

		LWLockAcquire(&memory->lock, LW_EXCLUSIVE);
		is_empty = memory->entries == 0;
		if (is_empty)
			memory->uid = 0;
		LWLockRelease(&memory->lock);
		if (is_empty)
			return memory;
	}
	return NULL;
}

/*
 * Finds a cache in the list, or a free one if that is what is looked for; the list is locked.  A database
 * that was made of another has caches of the same uids.
 */
static CacheMemory *
find_cache(int64 uid)
{
	CacheMemory *memory = memory_address(area->caches);

	while (memory != NULL && (memory->uid != uid || (uid != 0 && memory->database != MyDatabaseId)))
		memory = memory_address(memory->next);
	return memory;
}

/* Makes a cache of a free one or a new one; NULL where there is no room.  The list is locked. */
static CacheMemory *
make_cache(int64 uid)
{
	CacheMemory *memory = find_cache(0);
	TagVersion	 tag = {.slot = tags_slot(TAG_CACHE, (uint64) uid, 0)};

	if (memory == NULL && area->ncaches >= max_caches())
	{
		memory = take_empty_cache();
		if (memory == NULL)
			return NULL;
	}
	if (memory == NULL)
	{
		dsa_pointer pointer = memory_allocate(sizeof(CacheMemory));

		if (!DsaPointerIsValid(pointer))
			return NULL;
		area->ncaches++;
		memory = memory_address(pointer);
		memset(memory, 0, sizeof(CacheMemory));
		memory->self = pointer;
		memory->next = area->caches;
		LWLockInitialize(&memory->lock, area->cache_tranche);
		area->caches = pointer;
	}
	tags_read(&tag, 1);
	memory->database = MyDatabaseId;
	memory->tag = tag.slot;
	memory->swept_version = tag.version;
	memory->newest = memory->oldest = memory->hand = InvalidDsaPointer;
	memory->entries = memory->bytes = 0;
	init_counters(&memory->counters);
	pg_write_barrier();
	memory->uid = uid;
	return memory;
}

CacheMemory *
memory_of_cache(CacheDefinition *cache, bool make)
{
	CacheMemory *memory = cache->memory;

	if (likely(memory != NULL && memory_is_of(memory, cache)))
		return memory;
	LWLockAcquire(&area->caches_lock, LW_SHARED);
	memory = find_cache(cache->uid);
	LWLockRelease(&area->caches_lock);
	if (memory == NULL && make)
	{
		LWLockAcquire(&area->caches_lock, LW_EXCLUSIVE);
		memory = find_cache(cache->uid);
		if (memory == NULL)
			memory = make_cache(cache->uid);
		LWLockRelease(&area->caches_lock);
	}
	cache->memory = memory;
	return memory;
}

void
memory_init(void)
{
	DefineCustomIntVariable(
		"pollseed.cache_memory", "Shared memory for the entries of all caches.",
		"Taken when the server starts, if the library is preloaded, else when a cache is first used.",
		&cache_memory, 32768, 1024, 16 * 1024 * 1024,
		process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP, GUC_UNIT_KB,
		NULL, NULL, NULL);
	shared_register(&cache_area);
}
