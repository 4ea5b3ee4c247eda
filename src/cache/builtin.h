/*-------------------------------------------------------------------------
 *
 * builtin.h
 *		Caches that are there without being made: those of the live poll.
 *
 * They have no row in pollseed.caches, which a restore would find there already.  They are the
 * extension owner's, not shared, and never serve what is not the newest.  Who has the owner's
 * privileges may make a cache of the name, which then takes the place.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_BUILTIN_H
#define POLLSEED_CACHE_BUILTIN_H

/* A cache that comes with the extension. */
typedef struct BuiltinCache
{
	const char *name;
	int64		uid; /* below zero, which no other cache's is */
	int64		ttl; /* microseconds */
	int32		max_entries;
} BuiltinCache;

extern const BuiltinCache builtin_caches[];
extern const int		  builtin_caches_count;

/* Returns the cache of a name, or NULL. */
extern const BuiltinCache *builtin_cache_find(const char *name, size_t length);

#endif /* POLLSEED_CACHE_BUILTIN_H */
