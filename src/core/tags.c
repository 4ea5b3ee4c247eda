/*-------------------------------------------------------------------------
 *
 * tags.c
 *		What results depend on, and whether it has changed since.
 *
 * A commit takes these steps, of which the server takes the third:
 *
 *	1. the transaction's number is put among those that are committing;
 *	2. its slots are pending (all this before the commit, which may still fail);
 *	3. it becomes visible, and other sessions are told what they are to look up anew;
 *	4. the versions of its slots are raised;
 *	5. its slots are not pending any more;
 *	6. its number is taken away.
 *
 * A reader looks whether a slot is pending, then at the numbers, then at the versions.
 * If a slot was not pending, who changes it has either raised its version before, which the
 * reader sees, or was not visible yet.  If it was pending, the number tells whether
 * the transaction is still in progress, and so not visible to anybody; if it is not,
 * the version will be raised within microseconds, which the reader waits for.  So there
 * is a moment, the first of the look, at which the result was what a query would
 * have returned.  Raising versions after step 3 without step 2 would leave a gap in which
 * others see the change and the old result; before step 3, a gap in which the old
 * result is computed again, with the new version.
 *
 * A filler reads the versions before it takes its snapshot.  Who had raised them
 * by then was visible, so it is in the snapshot; who is not in it raises them later.
 *
 * A prepared transaction has no process, so its slots stand in a record.  Whoever meets a slot
 * that a record names asks whether the transaction is still in progress, and raises
 * the versions if it has committed.  Those that were prepared before this memory was made, by
 * a server that has since been restarted, may have changed anything in their database.
 *
 * Locks: the records' is taken with entries' locks held, and none of ours is taken after it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/twophase.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/shared.h"
#include "core/sql.h"
#include "core/tags.h"

/* A power of two.  Few thousand tags are in use at a time; two of them rarely meet. */
#define TAG_SLOTS 65536

/* A record names at most so many slots; for more it names the database's. */
#define PREPARED_SLOTS 64

/* How long a reader waits for one who is visible to raise its versions, before it takes them for raised. */
#define RAISE_SPINS 200
#define RAISE_SLEEPS 100
#define RAISE_SLEEP_US 20

typedef struct TagSlot
{
	pg_atomic_uint64 version;
	pg_atomic_uint64 newest_change; /* full ID of the newest transaction that raised it */
	pg_atomic_uint32 pending;
	pg_atomic_uint32 prepared; /* records that name it */
} TagSlot;

typedef struct PreparedRecord
{
	uint64 xid; /* full ID; 0: free */
	int	   count;
	uint32 slots[PREPARED_SLOTS];
} PreparedRecord;

typedef struct TagArea
{
	LWLock			 lock; /* of the records */
	int				 tranche;
	pg_atomic_uint32 is_ready;	/* the records have what was prepared before */
	pg_atomic_uint64 first_xid; /* no change before this full ID was seen */
	TagSlot			 slots[TAG_SLOTS];
	pg_atomic_uint32 committing[FLEXIBLE_ARRAY_MEMBER]; /* by process; then the records */
} TagArea;

/* Returns where the records begin. */
static Size
records_offset(void)
{
	return MAXALIGN(offsetof(TagArea, committing) +
					mul_size(MaxBackends, sizeof(pg_atomic_uint32)));
}

/* Returns the size of the area. */
static Size
area_size(void)
{
	return add_size(records_offset(), mul_size(max_prepared_xacts, sizeof(PreparedRecord)));
}

/* Makes the area. */
static void
init_area(void *address)
{
	TagArea *area = address;

	memset(area, 0, area_size());
	area->tranche = LWLockNewTrancheId();
	LWLockInitialize(&area->lock, area->tranche);
	pg_atomic_init_u32(&area->is_ready, 0);
	pg_atomic_init_u64(&area->first_xid, 0);
	for (int i = 0; i < TAG_SLOTS; i++)
	{
		pg_atomic_init_u64(&area->slots[i].version, 0);
		pg_atomic_init_u64(&area->slots[i].newest_change, 0);
		pg_atomic_init_u32(&area->slots[i].pending, 0);
		pg_atomic_init_u32(&area->slots[i].prepared, 0);
	}
	for (int i = 0; i < MaxBackends; i++)
		pg_atomic_init_u32(&area->committing[i], InvalidTransactionId);
}

static SharedArea tag_area = {.name = "pollseed_tags_1", .size = area_size, .init = init_area};
static TagArea	 *area = NULL;

void
tags_init(void)
{
	shared_register(&tag_area);
}

/* Returns the records of prepared transactions, max_prepared_xacts of them. */
static PreparedRecord *
records(void)
{
	return (PreparedRecord *) ((char *) area + records_offset());
}

/* Returns the full ID of a transaction that is not older than the oldest that there may be. */
static uint64
full_xid(TransactionId xid)
{
	FullTransactionId next = ReadNextFullTransactionId();
	uint32			  epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return U64FromFullTransactionId(FullTransactionIdFromEpochAndXid(epoch, xid));
}

/* Fills in a free record; the lock is held.  There are as many as prepared transactions may be. */
static bool
add_record(uint64 xid, const uint32 *slots, int count)
{
	PreparedRecord *record = records();
	int				i = 0;

	while (i < max_prepared_xacts && record[i].xid != 0)
		i++;
	if (i == max_prepared_xacts)
		return false;
	record[i].xid = xid;
	record[i].count = count;
	memcpy(record[i].slots, slots, count * sizeof(uint32));
	for (int j = 0; j < count; j++)
		pg_atomic_fetch_add_u32(&area->slots[slots[j]].prepared, 1);
	return true;
}

/* Returns the slot of a tag of a database. */
static uint32
slot_of(Oid database, TagKind kind, uint64 first, uint64 second)
{
	uint64 tag[] = {(uint64) database << 32 | kind, first, second};

	return (uint32) hash_bytes_extended((const unsigned char *) tag, sizeof(tag), 0) % TAG_SLOTS;
}

/*
 * Puts what is prepared on record, once after the server has started.  Nothing that is prepared
 * from now on is missed: who notes changes has come by here first.
 */
static void
get_ready(void)
{
	uint64 count;

	if (RecoveryInProgress())
		return;
	SPI_connect();
	count =
		(uint64) sql_execute("SELECT p.transaction, p.dbid FROM pg_catalog.pg_prepared_xact() AS p",
							 0, NULL, NULL, NULL);
	LWLockAcquire(&area->lock, LW_EXCLUSIVE);
	if (pg_atomic_read_u32(&area->is_ready) == 0)
	{
		for (uint64 i = 0; i < count; i++)
		{
			TransactionId xid = DatumGetTransactionId(sql_value_not_null(i, 1));
			uint32		  slot = slot_of(sql_oid(i, 2), TAG_DATABASE, 0, 0);

			(void) add_record(full_xid(xid), &slot, 1);
		}
		pg_atomic_write_u64(&area->first_xid,
							U64FromFullTransactionId(ReadNextFullTransactionId()));
		pg_write_barrier();
		pg_atomic_write_u32(&area->is_ready, 1);
	}
	LWLockRelease(&area->lock);
	SPI_finish();
}

void
tags_attach(void)
{
	if (unlikely(area == NULL))
	{
		TagArea *attached = shared_attach(&tag_area);

		LWLockRegisterTranche(attached->tranche, "PollseedTags");
		area = attached;
	}
	if (unlikely(pg_atomic_read_u32(&area->is_ready) == 0))
		get_ready();
}

bool
tags_are_attached(void)
{
	return area != NULL;
}

bool
tags_are_made(void)
{
	return shared_is_made(&tag_area);
}

uint32
tags_slot(TagKind kind, uint64 first, uint64 second)
{
	return slot_of(MyDatabaseId, kind, first, second);
}

uint32
tags_rows_slot(Oid table, const char *key, size_t length)
{
	return tags_slot(TAG_ROWS, table,
					 hash_bytes_extended((const unsigned char *) key, (int) length, 0));
}

/* Raises the version of a slot for a transaction. */
static void
raise_version(uint32 slot, uint64 xid)
{
	TagSlot *tag = &area->slots[slot];
	uint64	 newest = pg_atomic_read_u64(&tag->newest_change);

	while (newest < xid && !pg_atomic_compare_exchange_u64(&tag->newest_change, &newest, xid))
		;
	pg_atomic_fetch_add_u64(&tag->version, 1);
}

/* The commit log is not truncated while it is looked at. */
TransactionFate
transaction_fate(uint64 xid)
{
	TransactionId	short_xid = XidFromFullTransactionId(FullTransactionIdFromU64(xid));
	TransactionFate fate = FATE_UNKNOWN;

	if (TransactionIdIsInProgress(short_xid) && full_xid(short_xid) == xid)
		return FATE_IN_PROGRESS;
	LWLockAcquire(XactTruncationLock, LW_SHARED);
	if (xid >= full_xid(compat_oldest_known_xid()))
		fate = TransactionIdDidCommit(short_xid) ? FATE_COMMITTED : FATE_ABORTED;
	LWLockRelease(XactTruncationLock);
	return fate;
}

/* Tells whether a prepared transaction that is on record is over. */
static bool
some_prepared_is_over(void)
{
	const PreparedRecord *record = records();
	bool				  is_over = false;

	LWLockAcquire(&area->lock, LW_SHARED);
	for (int i = 0; i < max_prepared_xacts && !is_over; i++)
		is_over = record[i].xid != 0 && !TransactionIdIsInProgress(XidFromFullTransactionId(
											FullTransactionIdFromU64(record[i].xid)));
	LWLockRelease(&area->lock);
	return is_over;
}

/* Raises the versions of prepared transactions that have committed, and forgets those that are over. */
static void
settle_prepared(void)
{
	PreparedRecord *record = records();

	if (!some_prepared_is_over())
		return;
	LWLockAcquire(&area->lock, LW_EXCLUSIVE);
	for (int i = 0; i < max_prepared_xacts; i++)
	{
		TransactionFate fate =
			record[i].xid == 0 ? FATE_IN_PROGRESS : transaction_fate(record[i].xid);

		if (fate == FATE_IN_PROGRESS)
			continue;
		if (fate != FATE_ABORTED)
		{
			for (int j = 0; j < record[i].count; j++)
				raise_version(record[i].slots[j], record[i].xid);
		}
		for (int j = 0; j < record[i].count; j++)
			pg_atomic_fetch_sub_u32(&area->slots[record[i].slots[j]].prepared, 1);
		record[i].xid = 0;
	}
	LWLockRelease(&area->lock);
}

/*
 * Tells whether a committing transaction is visible, which has yet to raise its versions: to
 * anybody, or to a snapshot where that is given.
 */
static bool
some_visible(Snapshot snapshot)
{
	for (int i = 0; i < MaxBackends; i++)
	{
		TransactionId xid = pg_atomic_read_u32(&area->committing[i]);

		if (!TransactionIdIsValid(xid))
			continue;
		if (snapshot != NULL ? !XidInMVCCSnapshot(xid, snapshot) : !TransactionIdIsInProgress(xid))
			return true;
	}
	return false;
}

/* Waits until all that are visible have raised their versions; false if that takes too long. */
static bool
await_raised(void)
{
	for (int i = 0; i < RAISE_SPINS + RAISE_SLEEPS; i++)
	{
		if (!some_visible(NULL))
			return true;
		if (i < RAISE_SPINS)
			SPIN_DELAY();
		else
			pg_usleep(RAISE_SLEEP_US);
	}
	return false;
}

bool
tags_all_raised(Snapshot snapshot)
{
	pg_read_barrier();
	return !some_visible(snapshot);
}

void
tags_read(TagVersion *tags, int count)
{
	bool prepared = false;

	tags_attach();
	for (int i = 0; i < count; i++)
		prepared |= pg_atomic_read_u32(&area->slots[tags[i].slot].prepared) > 0;
	if (prepared)
		settle_prepared();
	for (int i = 0; i < count; i++)
		tags[i].version = pg_atomic_read_u64(&area->slots[tags[i].slot].version);
	pg_memory_barrier();
}

bool
tags_same_versions(const TagVersion *tags, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (!tags[i].any_version &&
			pg_atomic_read_u64(&area->slots[tags[i].slot].version) != tags[i].version)
			return false;
	}
	return true;
}

bool
tags_are_past(const TagVersion *tags, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (!tags[i].any_version &&
			pg_atomic_read_u64(&area->slots[tags[i].slot].version) > tags[i].version)
			return true;
	}
	return false;
}

bool
tags_unchanged(const TagVersion *tags, int count)
{
	uint32 pending = 0;
	uint32 prepared = 0;

	for (int i = 0; i < count; i++)
	{
		pending |= pg_atomic_read_u32(&area->slots[tags[i].slot].pending);
		prepared |= pg_atomic_read_u32(&area->slots[tags[i].slot].prepared);
	}
	pg_read_barrier();
	if (unlikely(prepared > 0))
		settle_prepared();
	if (unlikely(pending > 0) && !await_raised())
		return false;
	pg_read_barrier();
	return tags_same_versions(tags, count);
}

bool
tags_older_than(const TagVersion *tags, int count, TransactionId xmin)
{
	uint64 oldest = full_xid(xmin);

	if (pg_atomic_read_u64(&area->first_xid) > oldest)
		return false;
	for (int i = 0; i < count; i++)
	{
		if (pg_atomic_read_u64(&area->slots[tags[i].slot].newest_change) >= oldest)
			return false;
	}
	return true;
}

void
tags_begin_commit(TransactionId xid)
{
	pg_atomic_write_u32(&area->committing[compat_my_proc_number()], xid);
	pg_memory_barrier();
}

void
tags_pend(uint32 slot)
{
	pg_atomic_fetch_add_u32(&area->slots[slot].pending, 1);
}

void
tags_raise(const uint32 *slots, int count, uint64 xid)
{
	for (int i = 0; i < count; i++)
		raise_version(slots[i], xid);
}

void
tags_end_commit(const uint32 *slots, int count)
{
	pg_memory_barrier();
	for (int i = 0; i < count; i++)
		pg_atomic_fetch_sub_u32(&area->slots[slots[i]].pending, 1);
	pg_atomic_write_u32(&area->committing[compat_my_proc_number()], InvalidTransactionId);
}

void
tags_prepare(uint64 xid, const uint32 *slots, int count)
{
	uint32 everything = tags_slot(TAG_DATABASE, 0, 0);
	bool   added;

	if (count > PREPARED_SLOTS)
	{
		slots = &everything;
		count = 1;
	}
	settle_prepared();
	LWLockAcquire(&area->lock, LW_EXCLUSIVE);
	added = add_record(xid, slots, count);
	LWLockRelease(&area->lock);
	if (!added)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
						errmsg("maximum number of prepared transactions reached"),
						errhint("Increase max_prepared_transactions (currently %d).",
								max_prepared_xacts)));
}
