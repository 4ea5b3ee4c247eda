/*-------------------------------------------------------------------------
 *
 * tags.h
 *		What results depend on, and whether it has changed since.
 *
 * A tag stands for something that transactions change: a table, the rows with a
 * value of its key, the definition of caches.  Each tag falls on one of a fixed
 * number of slots in shared memory, by its hash.  A slot has a version, which goes up
 * when a transaction that changed something of it commits.  Tags that share a slot
 * share its changes: a result may be thought old when it is not, never the other
 * way round.  So nothing is ever allocated, nor freed, when a transaction commits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TAGS_H
#define POLLSEED_TAGS_H

#include "access/transam.h"
#include "utils/snapshot.h"

/* What tags stand for, and what their two numbers are. */
typedef enum TagKind
{
	TAG_DATABASE,  /* all results: data definition */
	TAG_TABLE,	   /* any change of a table: its OID */
	TAG_ALL_ROWS,  /* a change of a table that may be of any key: its OID */
	TAG_REWRITTEN, /* a change of a table that older snapshots may see, such as TRUNCATE: its OID */
	TAG_SHAPE,	   /* a change of a table that is in no tally: its OID */
	TAG_ROWS,	   /* rows of a table: its OID, a hash of the key's text */
	TAG_CACHES,	   /* definitions of caches */
	TAG_CACHE,	   /* all entries of a cache: its uid */
	TAG_CACHE_KEY, /* entries of a key: the cache's uid, a hash of the key */
} TagKind;

/* Something that a result depends on. */
typedef struct TagVersion
{
	uint32 slot;
	bool
		any_version; /* it is only looked at for changes of the reader's own, or that are being committed */
	uint64 version;
} TagVersion;

/* Returns the slot of a tag of this database. */
extern uint32 tags_slot(TagKind kind, uint64 first, uint64 second);

/* Returns the slot of rows of a table by the text of their key. */
extern uint32 tags_rows_slot(Oid table, const char *key, size_t length);

/*
 * Sets the versions, before the snapshot is taken that the result is computed in: then
 * whatever the snapshot does not show is yet to raise a version.
 */
extern void tags_read(TagVersion *tags, int count);

/*
 * Tells whether a result is the newest there is: no transaction that changed something
 * of its tags since tags_read() had become visible at some moment during the call.  Waits
 * for microseconds where one is visible and is about to raise its versions.
 */
extern bool tags_unchanged(const TagVersion *tags, int count);

/* Tells whether no version has been raised; what is visible but has not raised it yet is overlooked. */
extern bool tags_same_versions(const TagVersion *tags, int count);

/* Tells whether a version is past what it was, so that the result can never be the newest again. */
extern bool tags_are_past(const TagVersion *tags, int count);

/* Tells whether all changes that ever raised the versions are visible to snapshots of this xmin. */
extern bool tags_older_than(const TagVersion *tags, int count, TransactionId xmin);

/* How a transaction has ended, or not. */
typedef enum TransactionFate
{
	FATE_IN_PROGRESS,
	FATE_COMMITTED,
	FATE_ABORTED,
	FATE_UNKNOWN /* so long ago that the server has forgotten it */
} TransactionFate;

/* Returns the fate of a (sub)transaction by its full ID; the running one is in progress. */
extern TransactionFate transaction_fate(uint64 xid);

/* Tells whether all transactions that a new snapshot shows have raised their versions. */
extern bool tags_all_raised(Snapshot snapshot);

/*
 * The steps of a commit, for changes.c: the transaction is about to commit; a slot is pending;
 * versions are raised, for a full transaction ID; slots are not pending any more and the
 * commit is over, which follows on an abort, too.  All come after tags_attach().
 */
extern void tags_begin_commit(TransactionId xid);
extern void tags_pend(uint32 slot);
extern void tags_raise(const uint32 *slots, int count, uint64 xid);
extern void tags_end_commit(const uint32 *slots, int count);

/* Leaves the slots of a transaction that is being prepared; raises 53200 where there is no room. */
extern void tags_prepare(uint64 xid, const uint32 *slots, int count);

/* Attaches the shared memory; raises errors at its first call in a session. */
extern void tags_attach(void);

/* Tells whether it is attached, so that tags_attach() has nothing to do. */
extern bool tags_are_attached(void);

/* Tells whether any session has attached it since the server started. */
extern bool tags_are_made(void);

/* Makes the shared memory known, when the library is loaded. */
extern void tags_init(void);

#endif /* POLLSEED_TAGS_H */
