/*-------------------------------------------------------------------------
 *
 * foreign_keys.c
 *		Proof of foreign keys, once for each distinct key.
 *
 * INSERT queues the check of a foreign key for every row; generated rows share
 * few keys, so we call the same trigger function for one row of each distinct
 * key.  That the parent row stays is seen to by the lock that it takes.
 *
 * The keys proven are remembered up to MAX_PROVEN_KEYS and then forgotten
 * together, so that memory does not grow with the rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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

/* Keys of one foreign key that are remembered as proven. */
#define MAX_PROVEN_KEYS 16384

/* How a type is passed around. */
typedef struct CompactType
{
	int16 length;
	bool  by_value;
} CompactType;

/* The values of a foreign key's columns in one row. */
typedef struct KeyValues
{
	Datum  values[INDEX_MAX_KEYS];
	bool   nulls[INDEX_MAX_KEYS];
	uint32 hash;
} KeyValues;

/* An entry of the table of proven keys. */
typedef struct ProvenKey
{
	KeyValues *key;
	char	   status;
} ProvenKey;

struct proven_hash;

typedef struct ForeignKey
{
	Trigger			   *trigger; /* the check on insertion */
	int					ncolumns;
	AttrNumber			columns[INDEX_MAX_KEYS];
	CompactType			types[INDEX_MAX_KEYS];
	MemoryContext		context; /* of the table and its keys */
	struct proven_hash *proven;
} ForeignKey;

/* A row whose key is still to be proven. */
typedef struct PendingCheck
{
	ForeignKey	   *fk;
	ItemPointerData row;
} PendingCheck;

struct ForeignKeys
{
	Relation		rel;
	TupleTableSlot *checked; /* the row that the check looks at */
	int				count;
	ForeignKey	   *keys;
	List		   *pending; /* of PendingCheck, in the memory of the batch */
};

/* Tells whether two keys are the same to the byte; NULLs are, as the check treats them alike. */
static inline bool
same_key(const ForeignKey *fk, const KeyValues *a, const KeyValues *b)
{
	for (int i = 0; i < fk->ncolumns; i++)
	{
		if (a->nulls[i] != b->nulls[i])
			return false;
		if (!a->nulls[i] &&
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

/* Finds the columns of the foreign key that a trigger checks. */
static void
find_columns(Relation rel, ForeignKey *fk)
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
		find_columns(rel, fk);
		fk->context = AllocSetContextCreate(CurrentMemoryContext, "pollseed proven foreign keys",
											ALLOCSET_DEFAULT_SIZES);
		fk->proven = proven_create(fk->context, 64, fk);
		keys->count++;
	}
	return keys;
}

void
foreign_keys_close(ForeignKeys *keys)
{
	ExecDropSingleTupleTableSlot(keys->checked);
}

/* Reads a row's key and its hash. */
static void
read_key(const ForeignKey *fk, TupleTableSlot *row, KeyValues *key)
{
	key->hash = 0;
	Assert(fk->ncolumns > 0);
	for (int i = 0; i < fk->ncolumns; i++)
	{
		uint32 hash = 0;

		key->values[i] = slot_getattr(row, fk->columns[i], &key->nulls[i]);
		if (!key->nulls[i])
			hash = datum_image_hash(key->values[i], fk->types[i].by_value, fk->types[i].length);
		key->hash = hash_combine(key->hash, hash);
	}
}

/* Remembers a key as proven: it will be at the end of the batch, or the transaction fails. */
static void
remember_key(ForeignKey *fk, const KeyValues *key)
{
	MemoryContext old_context;
	KeyValues	 *kept;
	bool		  found;

	if (fk->proven->members >= MAX_PROVEN_KEYS)
	{
		MemoryContextReset(fk->context);
		fk->proven = proven_create(fk->context, 64, fk);
	}

	old_context = MemoryContextSwitchTo(fk->context);
	kept = palloc_object(KeyValues);
	*kept = *key;
	for (int i = 0; i < fk->ncolumns; i++)
	{
		if (!key->nulls[i])
			kept->values[i] = datumCopy(key->values[i], fk->types[i].by_value, fk->types[i].length);
	}
	MemoryContextSwitchTo(old_context);
	proven_insert(fk->proven, kept, &found);
}

void
foreign_keys_note(ForeignKeys *keys, TupleTableSlot **rows, int nrows)
{
	for (int i = 0; i < keys->count; i++)
	{
		ForeignKey *fk = &keys->keys[i];

		for (int row = 0; row < nrows; row++)
		{
			KeyValues	  key;
			PendingCheck *check;

			read_key(fk, rows[row], &key);
			if (proven_lookup(fk->proven, &key) != NULL)
				continue;
			check = palloc_object(PendingCheck);
			check->fk = fk;
			check->row = rows[row]->tts_tid;
			keys->pending = lappend(keys->pending, check);
			remember_key(fk, &key);
		}
	}
}

/* Calls the server's check for a row, as its trigger would be called after the insertion. */
static void
check_row(ForeignKeys *keys, PendingCheck *check)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	function;
	TriggerData data = {0};

	if (!table_tuple_fetch_row_version(keys->rel, &check->row, SnapshotAny, keys->checked))
		elog(ERROR, "could not fetch the row that was just inserted");

	data.type = T_TriggerData;
	data.tg_event = TRIGGER_EVENT_INSERT | TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER;
	data.tg_relation = keys->rel;
	data.tg_trigger = check->fk->trigger;
	data.tg_trigslot = keys->checked;
	data.tg_trigtuple = ExecFetchSlotHeapTuple(keys->checked, false, NULL);

	fmgr_info(check->fk->trigger->tgfoid, &function);
	InitFunctionCallInfoData(*fcinfo, &function, 0, InvalidOid, (Node *) &data, NULL);
	(void) FunctionCallInvoke(fcinfo);
	ExecClearTuple(keys->checked);
}

void
foreign_keys_prove(ForeignKeys *keys)
{
	ListCell *cell;

	foreach(cell, keys->pending)
	{
		CHECK_FOR_INTERRUPTS();
		check_row(keys, lfirst(cell));
	}
	keys->pending = NIL;
}
