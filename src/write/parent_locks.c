/*-------------------------------------------------------------------------
 *
 * parent_locks.c
 *		Locking the parents of many foreign keys by one statement.
 *
 * The statement is the one of the server's check, for a batch of keys in place of one: a parent's
 * key is unique and not deferrable, so that there are as many parents as there are
 * keys that have one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/role.h"
#include "core/sql.h"
#include "write/parent_locks.h"

/* How values of a column are put in an array. */
typedef struct ElementType
{
	Oid	  type;
	int16 length;
	bool  by_value;
	char  align;
} ElementType;

struct ParentLocks
{
	Oid			owner;
	const char *sql;
	SPIPlanPtr	plan; /* prepared when first used */
	int			ncolumns;
	ElementType elements[INDEX_MAX_KEYS];
	Oid			arrays[INDEX_MAX_KEYS];
};

/* Builds the statement, which returns a row for each parent. */
static const char *
lock_statement(const ParentLocks *locks, Relation parents, const ForeignKeyCacheInfo *key)
{
	StringInfoData arrays;
	StringInfoData names;
	StringInfoData qual;

	initStringInfo(&arrays);
	initStringInfo(&names);
	initStringInfo(&qual);
	for (int i = 0; i < key->nkeys; i++)
	{
		Form_pg_attribute parent = TupleDescAttr(RelationGetDescr(parents), key->confkey[i] - 1);
		const char		 *separator = i > 0 ? ", " : "";

		appendStringInfo(&arrays, "%spg_catalog.unnest($%d)", separator, i + 1);
		appendStringInfo(&names, "%sk%d", separator, i + 1);
		appendStringInfoString(&qual, i > 0 ? " AND " : "");
		generate_operator_clause(
			&qual, psprintf("x.%s", quote_identifier(NameStr(parent->attname))), parent->atttypid,
			key->conpfeqop[i], psprintf("k.k%d", i + 1), locks->elements[i].type);
	}
	return psprintf(
		"SELECT 1 FROM ROWS FROM (%s) AS k (%s) JOIN %s%s AS x ON %s FOR KEY SHARE OF x",
		arrays.data, names.data,
		parents->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
		relation_quoted_name(parents), qual.data);
}

ParentLocks *
parent_locks_open(Relation rel, const ForeignKeyCacheInfo *key)
{
	ParentLocks *locks = palloc0_object(ParentLocks);
	Relation	 parents;

	locks->ncolumns = key->nkeys;
	for (int i = 0; i < key->nkeys; i++)
	{
		ElementType *element = &locks->elements[i];

		element->type =
			getBaseType(TupleDescAttr(RelationGetDescr(rel), key->conkey[i] - 1)->atttypid);
		locks->arrays[i] = get_array_type(element->type);
		if (!OidIsValid(locks->arrays[i]))
			return NULL;
		get_typlenbyvalalign(element->type, &element->length, &element->by_value, &element->align);
	}
	if (compat_is_temporal(key->conoid))
		return NULL;

	parents = table_open(key->confrelid, RowShareLock);
	locks->owner = parents->rd_rel->relowner;
	locks->sql = lock_statement(locks, parents, key);
	table_close(parents, NoLock);
	return locks;
}

bool
parent_locks_take(ParentLocks *locks, int nkeys, Datum **columns)
{
	Datum		  arrays[INDEX_MAX_KEYS];
	MemoryContext old_context = CurrentMemoryContext;
	RoleSession	  session;
	int			  level;
	int64		  found;

	for (int i = 0; i < locks->ncolumns; i++)
		arrays[i] = PointerGetDatum(
			construct_array(columns[i], nkeys, locks->elements[i].type, locks->elements[i].length,
							locks->elements[i].by_value, locks->elements[i].align));

	level = sql_begin_finding_by_index();
	session = role_enter_for_check(locks->owner);
	if (locks->plan == NULL)
		locks->plan =
			sql_prepare_cursor(locks->sql, locks->ncolumns, locks->arrays, CURSOR_OPT_GENERIC_PLAN);
	found = sql_execute_plan(locks->plan, arrays, NULL);
	role_leave(&session);
	AtEOXact_GUC(true, level);
	SPI_freetuptable(SPI_tuptable);

	/* SPI left us in its own. */
	MemoryContextSwitchTo(old_context);
	return found == nkeys;
}
