/*-------------------------------------------------------------------------
 *
 * kept.c
 *		What is made from the definitions of relations, kept for the session until one of
 *		them changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "core/kept.h"

typedef struct KeptEntry
{
	Oid			  key;
	bool		  is_valid;
	List		 *relations;
	void		 *value;
	MemoryContext context; /* of the last two */
} KeptEntry;

static KeptTable *tables = NULL;

/* Counts what the server has said, to tell whether it did so while something was made. */
static uint64 invalidations = 0;

/* Marks what was made from a relation, or everything (InvalidOid), as old. */
static void
forget_relation(Datum argument pg_attribute_unused(), Oid relid)
{
	invalidations++;
	for (KeptTable *table = tables; table != NULL; table = table->next)
	{
		HASH_SEQ_STATUS status;
		KeptEntry	   *entry;

		hash_seq_init(&status, table->entries);
		while ((entry = hash_seq_search(&status)) != NULL)
		{
			if (!OidIsValid(relid) || list_member_oid(entry->relations, relid))
				entry->is_valid = false;
		}
	}
}

/* Gets a table ready. */
static void
init_table(KeptTable *table)
{
	HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(KeptEntry)};

	table->context =
		AllocSetContextCreate(TopMemoryContext, "pollseed kept definitions", ALLOCSET_SMALL_SIZES);
	MemoryContextSetIdentifier(table->context, table->name);
	control.hcxt = table->context;
	table->entries = hash_create(table->name, 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (tables == NULL)
		CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	table->next = tables;
	tables = table;
}

/* Keeps what was made, in place of what there may be. */
static void
keep(KeptTable *table, const KeptEntry *made)
{
	bool	   found;
	KeptEntry *entry = hash_search(table->entries, &made->key, HASH_ENTER, &found);

	if (found)
		MemoryContextSetParent(entry->context, TopTransactionContext);
	*entry = *made;
	MemoryContextSetParent(entry->context, table->context);
}

void *
kept_find(KeptTable *table, Oid key, KeptMaker make, void *arg)
{
	KeptEntry	  made = {.key = key};
	KeptEntry	 *entry;
	MemoryContext old_context;
	uint64		  before;

	if (unlikely(table->entries == NULL))
		init_table(table);
	entry = hash_search(table->entries, &key, HASH_FIND, NULL);
	if (likely(entry != NULL && entry->is_valid))
		return entry->value;

	before = invalidations;
	made.context = AllocSetContextCreate(CurrentMemoryContext, "pollseed kept definition",
										 ALLOCSET_SMALL_SIZES);
	old_context = MemoryContextSwitchTo(made.context);
	made.value = make(key, &made.relations, arg);
	MemoryContextSwitchTo(old_context);
	if (made.value == NULL)
	{
		MemoryContextDelete(made.context);
		return NULL;
	}
	made.is_valid = before == invalidations;
	keep(table, &made);
	/* cppcheck-suppress returnDanglingLifetime */
	return made.value;
}
