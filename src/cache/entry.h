/*-------------------------------------------------------------------------
 *
 * entry.h
 *		Entries as they are made.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_ENTRY_H
#define POLLSEED_CACHE_ENTRY_H

#include "cache/depends.h"
#include "cache/identity.h"
#include "cache/memory.h"

/* Results up to this many bytes are kept. */
#define MAX_VALUE_SIZE (1024 * 1024)

/* What an entry is made of. */
typedef struct EntryParts
{
	const CacheRequest	*request;
	const EntryIdentity *identity;
	const CacheQuery	*query; /* or NULL: the value is put */
	const Depends		*depends;
	const ArrayType		*depends_on; /* or NULL */
	Jsonb				*value;		 /* or NULL */
	int64				 ttl;
	int64				 fill_us;
	uint64				 stamp;
	TimestampTz			 filled_at;
	bool				 in_recovery;
	uint64				 put_xid; /* full ID, or 0 */
} EntryParts;

/* Publishes an entry; returns NULL, or why that was impossible. */
extern const char *entry_publish(const EntryParts *parts);

#endif /* POLLSEED_CACHE_ENTRY_H */
