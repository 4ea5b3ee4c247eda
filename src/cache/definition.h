/*-------------------------------------------------------------------------
 *
 * definition.h
 *		Caches as they are defined: the table pollseed.caches, looked up by name.
 *
 * Definitions are read and written in the latest snapshot, as those of tables are:
 * a transaction of an older snapshot uses the cache that there is now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_DEFINITION_H
#define POLLSEED_CACHE_DEFINITION_H

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "nodes/pg_list.h"

struct _SPI_plan;

/* The longest time there is, in microseconds: moments can be reckoned with it. */
#define CACHE_FOREVER (PG_INT64_MAX / 4)

/* A cache's definition; memory of the session, until definitions change. */
typedef struct CacheDefinition
{
	int64 uid;
	char *name;
	Oid	  owner;	/* InvalidOid: a role that is not here */
	bool  restored; /* from another database: the owner was found by name */
	int64 ttl;		/* microseconds */
	int32 max_entries;
	int64 max_bytes;	 /* or PG_INT64_MAX */
	int64 max_staleness; /* microseconds */
	bool  shared;
	void *memory; /* what the store keeps of it in this session: a struct CacheMemory, or NULL */
} CacheDefinition;

/*
 * Returns the cache of a name, as the session's transaction sees it.  Kept for the session and
 * looked up anew when definitions were changed, by the tag TAG_CACHES; costs about a hash lookup.
 * Raises 42704 where there is none.  The result is good until the next call.
 */
extern CacheDefinition *cache_find(const char *name, size_t length);

/* Tells whether the caller is the cache's owner, or has that role's privileges; superusers do where it is gone. */
extern bool cache_is_own(const CacheDefinition *cache);

/* Raises 42501 unless the caller has the privileges of the cache's owner. */
extern void cache_check_owner(const CacheDefinition *cache);

/*
 * Returns the cache that an argument names, or all that the caller owns where it is null, as a
 * list.  Raises 42704 where there is none of the name, 42501 where it is another role's.  Needs SPI
 * to be connected.
 */
extern List *cache_argument(FunctionCallInfo fcinfo, int arg);

/* Reads a cache's definition anew, a copy; NULL where it has no row.  Needs SPI to be connected. */
extern CacheDefinition *cache_read(const char *name);

/* Raises 42501 where a name is that of a cache without a row, and the caller may not make one in its place. */
extern void cache_check_name(const char *name);

/* Reads all definitions, copies, in the order of their names.  Needs SPI to be connected. */
extern List *cache_read_all(void);

/*
 * Returns an interval as microseconds, months as 30 days, at most CACHE_FOREVER; raises 22023
 * where it is negative.
 */
extern int64 cache_interval(Datum interval, const char *name);

#endif /* POLLSEED_CACHE_DEFINITION_H */
