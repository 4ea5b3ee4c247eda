/*-------------------------------------------------------------------------
 *
 * foreign_keys.c
 *		Proof of foreign keys, once for each distinct key.
 *
 * INSERT queues the check of a foreign key for every row; generated rows share
 * keys, so we prove each distinct key once.  Many are proven by one statement that
 * locks their parents; few, or those of a batch where one has no parent, by the server's own
 * trigger function, called for one row of each.  That the parent row stays is
 * seen to by the lock that either takes.
 *
 * The keys proven are remembered up to MAX_PROVEN_KEYS and then forgotten
 * together, so that memory does not grow with the rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "write/foreign_keys.h"
#include "write/load.h"
#include "write/parent_locks.h"

/* Keys of one foreign key that are remembered as proven, and those of the batch that comes to exceed them. */
#define MAX_PROVEN_KEYS 32768

/* Keys for which the statement is worth its overhead. */
#define MIN_KEYS_LOCKED_TOGETHER 8

/* How a type is passed around. */
typedef struct CompactType
{
	int16 length;
	bool  by_value;
} CompactType;

/* The values of a foreign key's columns in one row. */
typedef struct KeyValues
{
	uint32 hash;
	uint32 nulls; /* a bit a column */
	Datum  values[FLEXIBLE_ARRAY_MEMBER];
} KeyValues;

/* Room for a key of as many columns as there can be. */
typedef union LargestKey
{
	KeyValues key;
	char	  space[offsetof(KeyValues, values) + INDEX_MAX_KEYS * sizeof(Datum)];
} LargestKey;

StaticAssertDecl(INDEX_MAX_KEYS <= 32, "columns of a key must have a bit each");

/* An entry of the table of proven keys. */
typedef struct ProvenKey
{
	KeyValues *key;
	uint32	   hash;
	char	   status;
} ProvenKey;

struct proven_hash;

typedef struct ForeignKey
{
	Trigger			   *trigger; /* the check on insertion */
	int					ncolumns;
	AttrNumber			columns[INDEX_MAX_KEYS];
	CompactType			types[INDEX_MAX_KEYS];
	ParentLocks		   *locks; /* NULL: only the trigger will do */
	Oid					parents;
	bool				by_join; /* at the end, not by batches */
	MemoryContext		context; /* of the table and its keys */
	struct proven_hash *proven;
	List			   *pending; /* of PendingCheck, in the memory of the batch */
} ForeignKey;

/* A key that is still to be proven, and a row that has it. */
typedef struct PendingCheck
{
	const KeyValues *key;
	ItemPointerData	 row;
} PendingCheck;

struct ForeignKeys
{
	Relation		rel;
	TupleTableSlot *checked; /* the row that the check looks at */
	int				count;
	ForeignKey	   *keys;
};

/* Tells whether two keys are the same to the byte; NULLs are, as the check treats them alike. */
static inline bool
same_key(const ForeignKey *fk, const KeyValues *a, const KeyValues *b)
{
	if (a->nulls != b->nulls)
		return false;
	for (int i = 0; i < fk->ncolumns; i++)
	{
		if ((a->nulls & ((uint32) 1 << i)) == 0 &&
			!datum_image_eq(a->values[i], b->values[i], fk->types[i].by_value, fk->types[i].length))
			return false;
	}
	return true;
}

#define SH_PREFIX proven
#define SH_ELEMENT_TYPE ProvenKey
#define SH_KEY_TYPE KeyValues *
#define SH_KEY key
#define SH_HASH_KEY(tb, wanted) (wanted)->hash
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_EQUAL(tb, a, b) same_key((tb)->private_data, a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

bool
is_foreign_key_check(const Trigger *trigger)
{
	return trigger->tgisinternal && TRIGGER_FOR_AFTER(trigger->tgtype) &&
		   TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_INSERT(trigger->tgtype) &&
		   RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_FK;
}

bool
trigger_fires(const Trigger *trigger)
{
	return trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN ||
		   trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

/* Reads what a trigger checks: the columns of the foreign key, and how its parents are locked. */
static void
read_foreign_key(Relation rel, ForeignKey *fk)
{
	ListCell *cell;

	foreach(cell, RelationGetFKeyList(rel))
	{
		const ForeignKeyCacheInfo *info = lfirst(cell);

		if (info->conoid != fk->trigger->tgconstraint)
			continue;
		fk->ncolumns = info->nkeys;
		for (int i = 0; i < info->nkeys; i++)
		{
			Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(rel), info->conkey[i] - 1);

			fk->columns[i] = info->conkey[i];
			fk->types[i].length = attribute->attlen;
			fk->types[i].by_value = attribute->attbyval;
		}
		fk->locks = parent_locks_open(rel, info);
		fk->parents = info->confrelid;
		return;
	}
	elog(ERROR, "could not find the foreign key of trigger \"%s\"", fk->trigger->tgname);
}

ForeignKeys *
foreign_keys_open(Relation rel, TriggerDesc *triggers)
{
	ForeignKeys *keys = palloc0_object(ForeignKeys);

	keys->rel = rel;
	keys->checked = table_slot_create(rel, NULL);
	if (triggers == NULL)
		return keys;

	keys->keys = palloc0_array(ForeignKey, triggers->numtriggers);
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		ForeignKey *fk = &keys->keys[keys->count];

		if (!is_foreign_key_check(&triggers->triggers[i]) || !trigger_fires(&triggers->triggers[i]))
			continue;
		fk->trigger = &triggers->triggers[i];
		read_foreign_key(rel, fk);
		fk->context = AllocSetContextCreate(CurrentMemoryContext, "pollseed proven foreign keys",
											ALLOCSET_DEFAULT_SIZES);
		fk->proven = proven_create(fk->context, 64, fk);
		keys->count++;
	}
	return keys;
}

void
foreign_keys_load(ForeignKeys *keys, const List *loaded)
{
	for (int i = 0; i < keys->count; i++)
	{
		ForeignKey *fk = &keys->keys[i];
		Relation	parents;

		if (!list_member_oid(loaded, fk->parents))
			continue;
		parents = table_open(fk->parents, RowShareLock);
		fk->by_join = load_can_join(keys->rel, parents);
		table_close(parents, NoLock);
	}
}

void
foreign_keys_prove_loaded(ForeignKeys *keys)
{
	for (int i = 0; i < keys->count; i++)
	{
		ForeignKey *fk = &keys->keys[i];
		Relation	parents;

		if (!fk->by_join)
			continue;
		parents = table_open(fk->parents, RowShareLock);
		if (!load_prove(fk->trigger, keys->rel, parents))
			elog(ERROR, "could not prove foreign key \"%s\" by a join", fk->trigger->tgname);
		table_close(parents, NoLock);
	}
}

void
foreign_keys_close(ForeignKeys *keys)
{
	ExecDropSingleTupleTableSlot(keys->checked);
}

/* Reads a row's key and its hash; of a null the value is 0. */
static void
read_key(const ForeignKey *fk, TupleTableSlot *row, KeyValues *key)
{
	key->hash = 0;
	key->nulls = 0;
	Assert(fk->ncolumns > 0);
	for (int i = 0; i < fk->ncolumns; i++)
	{
		bool   isnull;
		uint32 hash = 0;

		key->values[i] = slot_getattr(row, fk->columns[i], &isnull);
		if (isnull)
		{
			key->values[i] = (Datum) 0;
			key->nulls |= (uint32) 1 << i;
		}
		else
			hash = datum_image_hash(key->values[i], fk->types[i].by_value, fk->types[i].length);
		key->hash = hash_combine(key->hash, hash);
	}
}

/* Remembers a key as proven: it will be at the end of the batch, or the transaction fails. */
static const KeyValues *
remember_key(ForeignKey *fk, const KeyValues *key)
{
	MemoryContext old_context = MemoryContextSwitchTo(fk->context);
	Size		  size = offsetof(KeyValues, values) + fk->ncolumns * sizeof(Datum);
	KeyValues	 *kept = palloc(size);
	bool		  found;

	memcpy(kept, key, size);
	for (int i = 0; i < fk->ncolumns; i++)
	{
		if ((key->nulls & ((uint32) 1 << i)) == 0)
			kept->values[i] = datumCopy(key->values[i], fk->types[i].by_value, fk->types[i].length);
	}
	MemoryContextSwitchTo(old_context);
	proven_insert(fk->proven, kept, &found);
	return kept;
}

/* Forgets the keys proven, if they have become too many. */
static void
bound_memory(ForeignKey *fk)
{
	if (fk->proven->members < MAX_PROVEN_KEYS)
		return;
	MemoryContextReset(fk->context);
	fk->proven = proven_create(fk->context, 64, fk);
}

void
foreign_keys_note(ForeignKeys *keys, TupleTableSlot **rows, int nrows)
{
	for (int i = 0; i < keys->count; i++)
	{
		ForeignKey *fk = &keys->keys[i];
		LargestKey	largest;
		KeyValues  *key = &largest.key;

		for (int row = 0; row < nrows && !fk->by_join; row++)
		{
			PendingCheck *check;

			read_key(fk, rows[row], key);
			if (proven_lookup(fk->proven, key) != NULL)
				continue;
			check = palloc_object(PendingCheck);
			check->key = remember_key(fk, key);
			check->row = rows[row]->tts_tid;
			fk->pending = lappend(fk->pending, check);
		}
	}
}

/* Calls the server's check for a row, as its trigger would be called after the insertion. */
static void
check_row(ForeignKeys *keys, const ForeignKey *fk, PendingCheck *check)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	function;
	TriggerData data = {0};

	if (!table_tuple_fetch_row_version(keys->rel, &check->row, SnapshotAny, keys->checked))
		elog(ERROR, "could not fetch the row that was just inserted");

	data.type = T_TriggerData;
	data.tg_event = TRIGGER_EVENT_INSERT | TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER;
	data.tg_relation = keys->rel;
	data.tg_trigger = fk->trigger;
	data.tg_trigslot = keys->checked;
	data.tg_trigtuple = ExecFetchSlotHeapTuple(keys->checked, false, NULL);

	fmgr_info(fk->trigger->tgfoid, &function);
	InitFunctionCallInfoData(*fcinfo, &function, 0, InvalidOid, (Node *) &data, NULL);
	(void) FunctionCallInvoke(fcinfo);
	ExecClearTuple(keys->checked);
}

/* Proves pending keys, if they are many, by one statement; returns those that it cannot prove. */
static List *
lock_parents(ForeignKey *fk, List *pending)
{
	Datum	 *columns[INDEX_MAX_KEYS];
	List	 *others = NIL;
	int		  nkeys = 0;
	ListCell *cell;

	if (fk->locks == NULL || list_length(pending) < MIN_KEYS_LOCKED_TOGETHER)
		return pending;
	for (int i = 0; i < fk->ncolumns; i++)
		columns[i] = palloc_array(Datum, list_length(pending));
	foreach(cell, pending)
	{
		const KeyValues *key = ((PendingCheck *) lfirst(cell))->key;

		/* What a null means depends on the constraint. */
		if (key->nulls != 0)
		{
			others = lappend(others, lfirst(cell));
			continue;
		}
		for (int i = 0; i < fk->ncolumns; i++)
			columns[i][nkeys] = key->values[i];
		nkeys++;
	}
	return nkeys == 0 || parent_locks_take(fk->locks, nkeys, columns) ? others : pending;
}

void
foreign_keys_prove(ForeignKeys *keys)
{
	for (int i = 0; i < keys->count; i++)
	{
		ForeignKey *fk = &keys->keys[i];
		ListCell   *cell;

		foreach(cell, lock_parents(fk, fk->pending))
		{
			CHECK_FOR_INTERRUPTS();
			check_row(keys, fk, lfirst(cell));
		}
		fk->pending = NIL;
		bound_memory(fk);
	}
}
