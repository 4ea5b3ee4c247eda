/*-------------------------------------------------------------------------
 *
 * depends.h
 *		What a result depends on: depends_on and the query's tables, as tags.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_DEPENDS_H
#define POLLSEED_CACHE_DEPENDS_H

#include "utils/array.h"

#include "cache/query.h"
#include "core/tags.h"
#include "core/tallies.h"

/* A result depends on at most so many tallies. */
#define TALLIES_PER_ENTRY 8

/* The first tags of each entry: the database, the cache, and its key, in this order. */
#define BASE_TAGS 3
#define KEY_TAG 2

/* What a result depends on; memory of the current context. */
typedef struct Depends
{
	int			 ntags;
	TagVersion	*tags; /* the base ones first */
	int			 ntallies;
	TallyState **tallies;
	const char **tally_names; /* the members of the result that they are of */
	const char	*names;		  /* all, each ended by a newline */
	const char	*refusal;	  /* why changes would not be seen, or NULL */

	/* What tells that the query may have met a change that snapshots do not hide, as of TRUNCATE. */
	int			nwatched;
	TagVersion *watched;
} Depends;

/*
 * Resolves depends_on, or, where that is NULL, the query's tables.  Raises 22023, 42P01 or 42601 where
 * depends_on is wrong; what is right and not tracked is a refusal.  query is NULL for a value that is
 * put, which then depends on nothing.
 */
extern Depends *depends_resolve(int64 uid, uint32 key_tag, const ArrayType *depends_on,
								const CacheQuery *query);

/*
 * Raises 42501 unless the caller may read what a tally sums up; false where row security may hide rows
 * of it from him.
 */
extern bool tally_may_be_read(const TallyState *state);

/* Tells whether two resolutions came to the same. */
extern bool depends_same(const Depends *a, const Depends *b);

#endif /* POLLSEED_CACHE_DEPENDS_H */
