/*-------------------------------------------------------------------------
 *
 * table.c
 *		One table of a backfill, or one leaf partition: its columns, and what is
 *		prepared for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "core/compat.h"
#include "core/sql.h"
#include "backfill/statements.h"
#include "backfill/table.h"

void
backfill_check_row_security(Relation rel)
{
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("cannot backfill relation \"%s\" under row-level security",
							   RelationGetRelationName(rel)),
						errdetail("Rows that are hidden would be left, and nobody could prove "
								  "that none is."),
						errhint("Use a role with BYPASSRLS, or the table's owner.")));
}

Relation
backfill_table_open(Oid relid)
{
	Relation rel = OidIsValid(relid) ? try_relation_open(relid, RowExclusiveLock) : NULL;

	if (rel != NULL)
		backfill_check_row_security(rel);
	return rel;
}

/* Returns the name that a column has now in the table that the backfill is of, or NULL where it is gone. */
static const char *
current_name(const Backfill *backfill, const BackfillColumn *wanted)
{
	if (get_attnum(backfill->relation, wanted->name) > 0)
		return wanted->name;
	return get_attname(backfill->relation, wanted->attnum, true);
}

/* A partition numbers its columns in its own way, but has the table's names. */
void
backfill_find_column(const Backfill *backfill, Relation rel, const BackfillColumn *wanted,
					 TableColumn *column)
{
	const char *name = current_name(backfill, wanted);
	AttrNumber	attnum = name != NULL ? get_attnum(RelationGetRelid(rel), name) : InvalidAttrNumber;
	Form_pg_attribute attribute;

	if (attnum <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of relation \"%s\" does not exist", wanted->name,
							   RelationGetRelationName(rel)),
						errdetail("Backfill \"%s\" needs it.", backfill->name)));
	attribute = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	column->name = pstrdup(NameStr(attribute->attname));
	column->attnum = attnum;
	column->type = attribute->atttypid;
	column->typmod = attribute->atttypmod;
	column->collation = attribute->attcollation;
}

/* Tells whether an index makes sure that no two rows have the same key, all columns of which are given. */
static bool
index_makes_unique(const BackfillTable *table, Relation index)
{
	Form_pg_index form = index->rd_index;

	if (!form->indisunique || !form->indisvalid || !form->indimmediate ||
		RelationGetIndexPredicate(index) != NIL || RelationGetIndexExpressions(index) != NIL)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		bool given = false;

		for (int key = 0; key < table->nkeys; key++)
			given |= table->keys[key].attnum == form->indkey.values[i];
		if (!given)
			return false;
	}
	return true;
}

/* Tells whether no two rows of the table have the same key. */
static bool
key_is_unique(const BackfillTable *table, Relation rel)
{
	ListCell *cell;
	bool	  unique = table->by_ctid;

	foreach(cell, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		unique |= index_makes_unique(table, index);
		index_close(index, AccessShareLock);
	}
	return unique;
}

/* Fills in the key's columns, of which ctid is one where there is no other. */
static void
find_keys(BackfillTable *table, Relation rel)
{
	const Backfill *backfill = table->backfill;

	table->by_ctid = backfill->nkeys == 0;
	table->nkeys = table->by_ctid ? 1 : backfill->nkeys;
	if (table->by_ctid)
		table->keys[0] = (TableColumn){.name = pstrdup("ctid"),
									   .attnum = SelfItemPointerAttributeNumber,
									   .type = TIDOID,
									   .typmod = -1};
	for (int i = 0; i < backfill->nkeys; i++)
		backfill_find_column(backfill, rel, &backfill->keys[i], &table->keys[i]);
	table->unique = key_is_unique(table, rel);
	table->keys_only = table->unique && table->nkeys == 1 && !table->by_ctid;
}

int
table_key_array_types(const BackfillTable *table, Oid *types)
{
	for (int i = 0; i < table->nkeys; i++)
	{
		types[i] = get_array_type(table->keys[i].type);
		if (!OidIsValid(types[i]))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("could not find array type for data type %s",
							format_type_be(table->keys[i].type)),
					 errdetail("Column \"%s\" cannot be a backfill's key.", table->keys[i].name)));
	}
	return table->nkeys;
}

int
table_key_types(const BackfillTable *table, int bounds, Oid *types)
{
	for (int i = 0; i < bounds * table->nkeys; i++)
		types[i] = table->keys[i % table->nkeys].type;
	return bounds * table->nkeys;
}

/* Finds the type of the values that the source returns; raises 42P13 unless it returns the key and one value. */
static void
describe_source(BackfillTable *table)
{
	Oid		   types[MAX_KEY_COLUMNS];
	int		   ntypes = table_key_array_types(table, types);
	SPIPlanPtr plan = sql_prepare(table->backfill->source, ntypes, types);
	TupleDesc  desc;

	if (list_length(SPI_plan_get_plan_sources(plan)) != 1)
		desc = NULL;
	else
		desc = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->resultDesc;
	if (desc == NULL || desc->natts != table->nkeys + 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("source of backfill \"%s\" must return %d columns: the key and the value",
						table->backfill->name, table->nkeys + 1),
				 desc != NULL ? errdetail("It returns %d.", desc->natts) : 0,
				 errhint("Example: SELECT id, lower(email) FROM users WHERE id = ANY ($1)")));
	for (int i = 0; i < table->nkeys; i++)
	{
		Oid type = TupleDescAttr(desc, i)->atttypid;

		if (!can_coerce_type(1, &type, &table->keys[i].type, COERCION_ASSIGNMENT))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column %d of the source of backfill \"%s\" has type %s, but the key "
							"\"%s\" has type %s",
							i + 1, table->backfill->name, format_type_be(type), table->keys[i].name,
							format_type_be(table->keys[i].type)),
					 errhint("The source returns the key first, then the value.")));
	}
	table->value_type = TupleDescAttr(desc, table->nkeys)->atttypid;
	table->value_typmod = TupleDescAttr(desc, table->nkeys)->atttypmod;
	SPI_freeplan(plan);
}

BackfillTable *
backfill_table_make(const Backfill *backfill, Relation rel, MemoryContext parent)
{
	static uint64 generations = 0;
	MemoryContext context =
		AllocSetContextCreate(parent, "pollseed backfill table", ALLOCSET_SMALL_SIZES);
	MemoryContext  old_context = MemoryContextSwitchTo(context);
	BackfillTable *table = palloc0_object(BackfillTable);

	table->backfill = backfill;
	table->generation = ++generations;
	table->relid = RelationGetRelid(rel);
	table->context = context;
	table->schema = get_namespace_name(RelationGetNamespace(rel));
	table->name = pstrdup(RelationGetRelationName(rel));
	backfill_find_column(backfill, rel, &backfill->column, &table->column);
	find_keys(table, rel);
	describe_source(table);
	table->updater =
		updater_make(rel, table->column.attnum, table->value_type, table->value_typmod, context);
	MemoryContextSwitchTo(old_context);
	return table;
}

void
backfill_table_check(BackfillTable *table)
{
	Oid types[2 * MAX_KEY_COLUMNS + 1];
	int nargs = table_key_array_types(table, types);

	types[nargs] = TIDARRAYOID;
	(void) table_plan(&table->resolve_tids, sql_resolve_tids(table), nargs + 1, types, false);
	if (!table->by_ctid)
	{
		nargs = table_key_types(table, 1, types);
		types[nargs] = INT8OID;
		(void) table_plan(&table->pick_keys[LOWER_AFTER][false],
						  sql_pick_keys(table, LOWER_AFTER, false), nargs + 1, types, true);
	}
}

/* Tells whether a column still is what the statements say. */
static bool
column_is_current(const TableColumn *column, Relation rel)
{
	Form_pg_attribute attribute;

	if (column->attnum < 0)
		return true;
	if (column->attnum > RelationGetNumberOfAttributes(rel))
		return false;
	attribute = TupleDescAttr(RelationGetDescr(rel), column->attnum - 1);
	return !attribute->attisdropped && strcmp(NameStr(attribute->attname), column->name) == 0 &&
		   attribute->atttypid == column->type && attribute->atttypmod == column->typmod;
}

/* Tells whether a table still has the names and types that the statements have. */
static bool
is_current(const BackfillTable *table, Relation rel)
{
	if (table->relid != RelationGetRelid(rel) ||
		strcmp(table->name, RelationGetRelationName(rel)) != 0 ||
		strcmp(table->schema, get_namespace_name(RelationGetNamespace(rel))) != 0 ||
		!column_is_current(&table->column, rel))
		return false;
	for (int i = 0; i < table->nkeys; i++)
	{
		if (!column_is_current(&table->keys[i], rel))
			return false;
	}
	return true;
}

void
backfill_table_refresh(BackfillTable **table, Relation rel, MemoryContext parent)
{
	const Backfill *backfill = (*table)->backfill;

	if (is_current(*table, rel))
		return;
	backfill_table_free(*table);
	*table = NULL;
	*table = backfill_table_make(backfill, rel, parent);
}

/* Frees a plan, if there is one. */
static void
free_plan(SPIPlanPtr plan)
{
	if (plan != NULL)
		SPI_freeplan(plan);
}

void
backfill_table_free(BackfillTable *table)
{
	if (table == NULL)
		return;
	free_plan(table->pick_visit);
	free_plan(table->pick_blocks);
	for (int i = 0; i < LOWER_BOUNDS; i++)
	{
		free_plan(table->pick_keys[i][0]);
		free_plan(table->pick_keys[i][1]);
	}
	free_plan(table->resolve_tids);
	free_plan(table->resolve_keys);
	updater_free(table->updater);
	MemoryContextDelete(table->context);
}

SPIPlanPtr
table_plan(SPIPlanPtr *field, const char *sql, int nargs, Oid *types, bool custom)
{
	if (*field == NULL)
		*field = sql_prepare_kept(sql, nargs, types, custom ? CURSOR_OPT_CUSTOM_PLAN : 0);
	return *field;
}

int
begin_reading_in_order(void)
{
	static const char *const off[] = {"enable_bitmapscan", "enable_seqscan", "enable_sort"};

	return sql_switch_off(off, lengthof(off));
}

int
begin_reading_by_place(void)
{
	static const char *const off[] = {"enable_bitmapscan", "enable_indexonlyscan",
									  "enable_indexscan", "enable_seqscan"};

	return sql_switch_off(off, lengthof(off));
}
