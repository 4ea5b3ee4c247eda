/*-------------------------------------------------------------------------
 *
 * changes.c
 *		What the running transaction has changed, and its bracket around the commit.
 *
 * All memory is reserved before the commit: what comes after it must not fail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_inherits.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "core/changes.h"
#include "core/compat.h"
#include "core/fault.h"
#include "core/subtransaction.h"
#include "core/tallies.h"

/* From so many keys on, all rows of a table count as changed; likewise of tallies. */
#define MAX_ROWS 64
#define MAX_DELTAS 64

typedef struct ChangedSlot
{
	uint32 slot;
	int	   level; /* of the outermost subtransaction that noted it */
	char   status;
} ChangedSlot;

#define SH_PREFIX changed
#define SH_ELEMENT_TYPE ChangedSlot
#define SH_KEY_TYPE uint32
#define SH_KEY slot
#define SH_HASH_KEY(table, key) murmurhash32(key)
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What the transaction has changed; its memory goes with the transaction. */
static changed_hash *changed = NULL;
static int			 highest_level; /* none of what is noted is of a higher one */
static int			 nrows;
static TallyDelta	*deltas;
static int			 ndeltas;

/* There is no shared memory to note changes in. */
static bool lacks_memory = false;

/* The slots that are pending, while the bracket is open. */
static bool	   in_commit = false;
static bool	   is_visible = false; /* the transaction has committed */
static uint64  commit_xid;		   /* full ID */
static uint32 *pending;
static int	   npending;
static int	   max_pending;

/* Attaches the shared memory. */
static void
attach(void *arg pg_attribute_unused())
{
	tags_attach();
}

/*
 * Begins to note what the transaction changes; false where there is no shared memory, because
 * there is no room to make it.  Then nobody has it, and there are no results to make old: writers go on.
 */
static bool
begin_noting(void)
{
	MemoryContext context =
		AllocSetContextCreate(TopTransactionContext, "pollseed changes", ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	ErrorData	 *error = tags_are_attached() ? NULL : subtransaction_try(attach, NULL, NULL);

	MemoryContextSwitchTo(old_context);
	if (error != NULL && tags_are_made())
		ReThrowError(error);
	lacks_memory = error != NULL;
	if (lacks_memory)
	{
		MemoryContextDelete(context);
		return false;
	}
	tags_attach();
	old_context = MemoryContextSwitchTo(context);
	changed = changed_create(context, 16, NULL);
	deltas = palloc_array(TallyDelta, MAX_DELTAS);
	max_pending = 2 * MAX_ROWS;
	pending = palloc_array(uint32, max_pending);
	MemoryContextSwitchTo(old_context);
	highest_level = nrows = ndeltas = npending = 0;
	return true;
}

/* Forgets what was noted, whose memory goes with the transaction. */
static void
stop_noting(void)
{
	changed = NULL;
	in_commit = false;
	is_visible = false;
	lacks_memory = false;
}

/* Makes a slot pending. */
static void
pend(uint32 slot)
{
	if (npending == max_pending)
	{
		pending = repalloc(pending, mul_size(2 * sizeof(uint32), max_pending));
		max_pending *= 2;
	}
	tags_pend(slot);
	pending[npending++] = slot;
}

void
changes_note(uint32 slot)
{
	int			 level = GetCurrentTransactionNestLevel();
	bool		 found;
	ChangedSlot *entry;

	if (unlikely(changed == NULL) && (lacks_memory || !begin_noting()))
		return;
	entry = changed_insert(changed, slot, &found);
	if (found)
		return;
	entry->level = level;
	highest_level = Max(highest_level, level);
	if (unlikely(in_commit))
		pend(slot);
}

void
changes_note_rows(Oid table, uint32 rows_slot)
{
	if (changes_include_slot(rows_slot))
		return;
	if (changed != NULL && nrows >= MAX_ROWS)
		changes_note(tags_slot(TAG_ALL_ROWS, table, 0));
	else
	{
		changes_note(rows_slot);
		nrows++;
	}
}

void
changes_note_tally(Oid table, AttrNumber column, int64 key, int64 delta)
{
	int	  level = GetCurrentTransactionNestLevel();
	bool  overflows = false;
	int64 sum;

	if (delta == 0)
		return;
	if (unlikely(changed == NULL) && (lacks_memory || !begin_noting()))
		return;
	for (int i = 0; i < ndeltas; i++)
	{
		TallyDelta *known = &deltas[i];

		if (known->key != key || known->table != table || known->column != column ||
			known->level != level)
			continue;
		overflows = pg_add_s64_overflow(known->delta, delta, &sum);
		if (!overflows)
		{
			known->delta = sum;
			return;
		}
	}
	if (overflows || ndeltas == MAX_DELTAS || in_commit)
	{
		changes_note(tags_slot(TAG_SHAPE, table, 0));
		return;
	}
	deltas[ndeltas++] = (TallyDelta){
		.table = table, .column = column, .key = key, .delta = delta, .level = level, .set = -1};
	highest_level = Max(highest_level, level);
}

List *
changes_table_and_ancestors(Oid table)
{
	List	*tables = list_make1_oid(table);
	Relation inherits = table_open(InheritsRelationId, AccessShareLock);

	/* The list grows as parents are found. */
	for (int i = 0; i < list_length(tables); i++)
	{
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(list_nth_oid(tables, i)));
		scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
		while ((tuple = systable_getnext(scan)) != NULL)
			tables =
				list_append_unique_oid(tables, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
		systable_endscan(scan);
	}
	table_close(inherits, AccessShareLock);
	return tables;
}

void
changes_note_table(Oid table)
{
	List	 *tables = changes_table_and_ancestors(table);
	ListCell *cell;

	foreach(cell, tables)
	{
		changes_note(tags_slot(TAG_TABLE, lfirst_oid(cell), 0));
		changes_note(tags_slot(TAG_ALL_ROWS, lfirst_oid(cell), 0));
		changes_note(tags_slot(TAG_SHAPE, lfirst_oid(cell), 0));
		changes_note(tags_slot(TAG_REWRITTEN, lfirst_oid(cell), 0));
	}
	list_free(tables);
}

bool
changes_include_slot(uint32 slot)
{
	return changed != NULL && changed_lookup(changed, slot) != NULL;
}

bool
changes_include(const TagVersion *tags, int count)
{
	if (likely(changed == NULL))
		return false;
	for (int i = 0; i < count; i++)
	{
		if (changes_include_slot(tags[i].slot))
			return true;
	}
	return false;
}

/* Has changes of tallies that have no place count as changes of the tables' shapes. */
static void
place_deltas(bool is_prepared)
{
	for (int i = 0; i < ndeltas; i++)
	{
		if (is_prepared || !tally_reserve(&deltas[i]))
			changes_note(tags_slot(TAG_SHAPE, deltas[i].table, 0));
	}
}

/* Returns the slots that were noted, and their number. */
static uint32 *
collect_slots(int *count)
{
	uint32			*slots = palloc_array(uint32, changed->members);
	changed_iterator iterator;
	ChangedSlot		*entry;

	*count = 0;
	changed_start_iterate(changed, &iterator);
	while ((entry = changed_iterate(changed, &iterator)) != NULL)
		slots[(*count)++] = entry->slot;
	return slots;
}

/* Opens the bracket. */
static void
open_bracket(void)
{
	uint32 *slots;
	int		count;

	place_deltas(false);
	slots = collect_slots(&count);
	if (RecoveryInProgress())
		commit_xid = 0;
	else
	{
		commit_xid = U64FromFullTransactionId(GetTopFullTransactionId());
		tags_begin_commit(GetTopTransactionId());
	}
	in_commit = true;
	for (int i = 0; i < count; i++)
		pend(slots[i]);
	pfree(slots);
	fault_point(FAULT_PENDING);
}

/* Raises the versions, and closes the bracket. */
static void
commit_changes(void)
{
	tallies_add(deltas, ndeltas);
	for (int i = 0; i < ndeltas; i++)
	{
		if (deltas[i].set < 0)
		{
			uint32 slot = tags_slot(TAG_SHAPE, deltas[i].table, 0);

			tags_raise(&slot, 1, commit_xid);
		}
	}
	tags_raise(pending, npending, commit_xid);
	tags_end_commit(pending, npending);
}

/* Leaves what was noted to whoever sees the prepared transaction committed. */
static void
prepare_changes(void)
{
	uint32 *slots;
	int		count;

	place_deltas(true);
	slots = collect_slots(&count);
	tags_prepare(U64FromFullTransactionId(GetTopFullTransactionId()), slots, count);
	pfree(slots);
}

/* Follows the transaction to its end. */
static void
at_transaction_event(XactEvent event, void *arg pg_attribute_unused())
{
	/* Others may have found room for it in the meantime. */
	if (unlikely(lacks_memory) &&
		(event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) && begin_noting())
		changes_note(tags_slot(TAG_DATABASE, 0, 0));
	if (changed == NULL)
	{
		lacks_memory = lacks_memory && event == XACT_EVENT_PRE_COMMIT;
		return;
	}
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			open_bracket();
			break;
		case XACT_EVENT_COMMIT:
			fault_point(FAULT_VISIBLE);
			is_visible = true;
			break;
		case XACT_EVENT_ABORT:
			if (in_commit)
				tags_end_commit(pending, npending);
			stop_noting();
			break;
		case XACT_EVENT_PRE_PREPARE:
			prepare_changes();
			break;
		case XACT_EVENT_PREPARE:
			stop_noting();
			break;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			break;
	}
}

/*
 * Raises the versions once the server has told the other sessions of what the transaction has defined
 * anew: who sees the new version of a tag can know the new definitions, too.
 */
static void
at_release(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
		   void *arg pg_attribute_unused())
{
	if (!is_visible || phase != RESOURCE_RELEASE_LOCKS || !is_commit || !is_top_level)
		return;
	commit_changes();
	stop_noting();
}

/* Gives what a subtransaction has noted to its parent, or forgets it. */
static void
end_subtransaction(int level, bool is_commit)
{
	changed_iterator iterator;
	ChangedSlot		*entry;
	int				 kept = 0;

	/* The iterator goes backwards, so that the current entry may be deleted. */
	changed_start_iterate(changed, &iterator);
	while ((entry = changed_iterate(changed, &iterator)) != NULL)
	{
		if (entry->level < level)
			continue;
		if (is_commit)
			entry->level = level - 1;
		else
			changed_delete(changed, entry->slot);
	}
	for (int i = 0; i < ndeltas; i++)
	{
		if (deltas[i].level >= level && !is_commit)
			continue;
		deltas[kept] = deltas[i];
		deltas[kept].level = Min(deltas[kept].level, level - 1);
		kept++;
	}
	ndeltas = kept;
	highest_level = level - 1;
}

/* Follows subtransactions to their ends. */
static void
at_subtransaction_event(SubXactEvent event, SubTransactionId subid pg_attribute_unused(),
						SubTransactionId parent pg_attribute_unused(),
						void *arg				pg_attribute_unused())
{
	int level = GetCurrentTransactionNestLevel();

	if (changed == NULL || highest_level < level)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB)
		end_subtransaction(level, event == SUBXACT_EVENT_COMMIT_SUB);
}

void
changes_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	RegisterResourceReleaseCallback(at_release, NULL);
	RegisterSubXactCallback(at_subtransaction_event, NULL);
}
