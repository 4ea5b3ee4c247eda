/*-------------------------------------------------------------------------
 *
 * look.h
 *		Looking for an entry, and whether it is an answer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_LOOK_H
#define POLLSEED_CACHE_LOOK_H

#include "utils/array.h"

#include "cache/identity.h"
#include "cache/memory.h"
#include "cache/query.h"

/* What an entry is good for; the last four are answers. */
typedef enum Verdict
{
	LOOK_ABSENT,
	LOOK_OTHER_QUERY, /* another one than is asked for is kept under the key */
	LOOK_OWN_CHANGES, /* the transaction has changed what it depends on */
	LOOK_SNAPSHOT,	  /* the transaction's snapshot may not show all that is in it */
	LOOK_STANDBY,	  /* changes are not seen here */
	LOOK_CHANGED,
	LOOK_EXPIRED,
	LOOK_HIT,
	LOOK_WAITED, /* computed since the caller came */
	LOOK_EARLY,	 /* good, and about to expire: somebody should compute it anew */
	LOOK_STALE	 /* not the newest, and the cache allows it */
} Verdict;

/* What is looked for, and what was found. */
typedef struct Look
{
	CacheRequest	  request;
	const CacheQuery *query;	  /* or NULL: whatever is kept under the key */
	const ArrayType	 *depends_on; /* or NULL */
	int64			  ttl;		  /* microseconds; -1: as the entry has it */
	int64			  fresh_for;  /* it must stay good so long */
	uint64			  arrival;	  /* of a caller who has waited, by the flight clock, or 0 */
	EntryIdentity	  identity;
	uint64			  flight; /* number of the lock of who computes it */

	Verdict verdict;
	Jsonb  *value; /* a copy, or NULL */
	const char
		*text; /* a copy of the entry's query, where none was asked for; NULL if it was put */
	const char *signature;
	int			signature_length;
	int64		fill_us;
	TimestampTz filled_at;
} Look;

/* Sets the identity of what is looked for, with the memory attached. */
extern void look_prepare(Look *look);

/* Looks; true where an answer was found. */
extern bool look_into_cache(Look *look);

/* Tells whether the key was put or deleted anew after an entry, as far as the running transaction sees. */
extern bool entry_is_superseded(CacheEntry *entry);

/* Tells whether an entry was put by the running transaction and is not committed. */
extern bool entry_is_own_put(const CacheEntry *entry);

#endif /* POLLSEED_CACHE_LOOK_H */
