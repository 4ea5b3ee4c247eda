/*-------------------------------------------------------------------------
 *
 * parts.c
 *		The tables of a backfill, as they are when a run begins: the table
 *		itself, or its leaf partitions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/sql.h"
#include "backfill/keys.h"
#include "backfill/parts.h"
#include "backfill/settings.h"
#include "backfill/statements.h"

/* A table of more blocks (256 MB) is not counted: that would read it once more. */
#define MAX_BLOCKS_COUNTED 32768

/* Where a larger share of the rows has no value, "auto" reads blocks even if an index has just these rows. */
#define MAX_SHARE_BY_INDEX 0.5

/* Tells whether an index's first columns are the key's, in its order. */
static bool
index_leads_with_key(const BackfillTable *table, Relation index)
{
	Form_pg_index form = index->rd_index;

	if (index->rd_rel->relam != BTREE_AM_OID || !form->indisvalid ||
		form->indnkeyatts < table->nkeys)
		return false;
	for (int i = 0; i < table->nkeys; i++)
	{
		if (form->indkey.values[i] != table->keys[i].attnum)
			return false;
	}
	return true;
}

/* Tells whether an index has just the rows without a value. */
static bool
index_is_of_no_value(const BackfillTable *table, Relation index)
{
	List	 *predicate = RelationGetIndexPredicate(index);
	NullTest *test;

	if (list_length(predicate) != 1 || !IsA(linitial(predicate), NullTest))
		return false;
	test = linitial_node(NullTest, predicate);
	return test->nulltesttype == IS_NULL && IsA(test->arg, Var) &&
		   ((Var *) test->arg)->varattno == table->column.attnum;
}

/* Returns the name of an index that has the keys in order, of all rows or only of those without a value, or NULL. */
static const char *
find_index(const BackfillTable *table, Relation rel, bool of_no_value)
{
	const char *name = NULL;
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index_leads_with_key(table, index) &&
			(of_no_value ? index_is_of_no_value(table, index)
						 : RelationGetIndexPredicate(index) == NIL))
			name = pstrdup(RelationGetRelationName(index));
		index_close(index, AccessShareLock);
	}
	return name;
}

const char *
null_index_name(const BackfillTable *table, Relation rel)
{
	return find_index(table, rel, true);
}

double
null_share(const BackfillTable *table)
{
	HeapTuple tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(table->relid),
									  Int16GetDatum(table->column.attnum), BoolGetDatum(false));
	double	  share;

	if (!HeapTupleIsValid(tuple))
		return -1;
	share = ((Form_pg_statistic) GETSTRUCT(tuple))->stanullfrac;
	ReleaseSysCache(tuple);
	return share;
}

/* Returns the key's columns as they stand in SQL. */
static const char *
key_list(const BackfillTable *table)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", quote_identifier(table->keys[i].name));
	return list.data;
}

/* Raises 55000 where no index has the keys in order. */
static const char *
require_index(const BackfillTable *table, Relation rel, const char *null_index)
{
	const char *index = null_index != NULL ? null_index : find_index(table, rel, false);

	if (index == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no index of relation \"%s\" has the keys of backfill \"%s\" in order",
						RelationGetRelationName(rel), table->backfill->name),
				 table->by_ctid
					 ? errhint("Use strategy \"block\".")
					 : errhint("Use strategy \"block\", or CREATE INDEX CONCURRENTLY ON %s (%s) "
							   "WHERE %s IS NULL.",
							   relation_quoted_name(rel), key_list(table),
							   quote_identifier(table->column.name))));
	return index;
}

/* Chooses by the share of rows without a value, and what indexes there are. */
static StrategyChoice
choose_automatically(const BackfillTable *table, Relation rel, const char *null_index)
{
	double		share = null_share(table);
	const char *percent = share < 0 ? "an unknown part" : psprintf("%.0f %%", share * 100);

	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		return (StrategyChoice){
			false, psprintf("the table is not a heap; index \"%s\" has the keys in order",
							require_index(table, rel, null_index))};
	if (null_index == NULL)
		return (StrategyChoice){true,
								psprintf("no index on (%s) has just the rows where \"%s\" is null",
										 key_list(table), table->column.name)};
	if (share >= 0 && share <= MAX_SHARE_BY_INDEX)
		return (StrategyChoice){
			false, psprintf("index \"%s\" has just the rows where \"%s\" is null, %s of all",
							null_index, table->column.name, percent)};
	return (StrategyChoice){
		true, psprintf("\"%s\" is null in %s of the rows, so blocks are read in order; index "
					   "\"%s\" makes every update write to all indexes",
					   table->column.name, percent, null_index)};
}

StrategyChoice
choose_strategy(const BackfillTable *table, Relation rel)
{
	const char *null_index = table->by_ctid ? NULL : find_index(table, rel, true);

	if (strcmp(table->backfill->strategy, "index") == 0)
		return (StrategyChoice){false, psprintf("asked for; index \"%s\" has the keys in order",
												require_index(table, rel, null_index))};
	if (strcmp(table->backfill->strategy, "auto") == 0)
		return choose_automatically(table, rel, null_index);
	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("relation \"%s\" cannot be read by blocks", RelationGetRelationName(rel)),
				 errdetail("Its access method is not heap."), errhint("Use strategy \"index\".")));
	return (StrategyChoice){true, "asked for"};
}

List *
backfill_relations(Oid relid)
{
	List	 *leaves = NIL;
	ListCell *cell;

	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE && !has_subclass(relid))
		return list_make1_oid(relid);
	foreach(cell, find_all_inheritors(relid, AccessShareLock, NULL))
	{
		char kind = get_rel_relkind(lfirst_oid(cell));

		if (kind == RELKIND_RELATION)
			leaves = lappend_oid(leaves, lfirst_oid(cell));
		else if (kind != RELKIND_PARTITIONED_TABLE)
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
							errmsg("partition \"%s\" cannot be backfilled",
								   get_rel_name(lfirst_oid(cell))),
							errdetail("It is not a table of this server.")));
	}
	return leaves;
}

int64
count_no_value(const BackfillTable *table, Relation rel, bool *exact)
{
	double share = null_share(table);
	double rows = rel->rd_rel->reltuples;

	*exact = rows < 0 || share < 0 || RelationGetNumberOfBlocks(rel) <= MAX_BLOCKS_COUNTED;
	if (!*exact)
		return (int64) (rows * share);
	sql_execute(sql_count(table), 0, NULL, NULL, NULL);
	return DatumGetInt64(sql_value_not_null(0, 1));
}

/* Returns the greatest key of a row without a value as text[], or 0 where there is none. */
static Datum
last_key(const BackfillTable *table)
{
	Datum key[MAX_KEY_COLUMNS];

	if (sql_execute(sql_last_key(table), 0, NULL, NULL, NULL) == 0)
		return (Datum) 0;
	for (int i = 0; i < table->nkeys; i++)
		key[i] = sql_value_not_null(0, i + 1);
	return key_to_array(table, key);
}

/* Keeps a part. */
static void
insert_part(const BackfillTable *table, Relation rel, int part_no, StrategyChoice choice,
			Datum end_key, bool is_empty)
{
	Oid	  types[] = {INT8OID, INT4OID, OIDOID,		 TEXTOID, TEXTOID,
					 TEXTOID, INT8OID, TEXTARRAYOID, BOOLOID};
	Datum values[lengthof(types)];
	char  nulls[lengthof(types) + 1] = "         ";

	values[0] = Int64GetDatum(table->backfill->id);
	values[1] = Int32GetDatum(part_no);
	values[2] = ObjectIdGetDatum(table->relid);
	values[3] = CStringGetTextDatum(relation_quoted_name(rel));
	values[4] = CStringGetTextDatum(choice.by_blocks ? "block" : "index");
	values[5] = CStringGetTextDatum(choice.reason);
	values[6] = Int64GetDatum(RelationGetNumberOfBlocks(rel));
	values[7] = end_key;
	nulls[7] = end_key == (Datum) 0 ? 'n' : ' ';
	values[8] = BoolGetDatum(is_empty);
	sql_execute_own("INSERT INTO pollseed.backfill_parts (backfill_id, part_no, relation_oid,"
					" relation, strategy, reason, end_block, end_key, claimed)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
					lengthof(types), types, values, nulls);
}

/*
 * Looks at one table: how its rows are to be found, and how many they are.  An index
 * of just the rows without a value tells at once that there is none.
 */
static int64
begin_part(const Backfill *backfill, Relation rel, int part_no, MemoryContext context, bool *exact)
{
	BackfillTable *table = backfill_table_make(backfill, rel, context);
	StrategyChoice choice;
	int64		   count = 0;
	Datum		   end_key = (Datum) 0;

	choice = choose_strategy(table, rel);
	*exact = true;
	if (null_index_name(table, rel) == NULL ||
		sql_execute(sql_is_there_any(table), 0, NULL, NULL, NULL) > 0)
	{
		count = count_no_value(table, rel, exact);
		if (!table->by_ctid)
			end_key = last_key(table);
	}

	insert_part(table, rel, part_no, choice, end_key, count == 0 && *exact);
	ereport(backfill_log_level,
			(errhidestmt(true), errhidecontext(true),
			 errmsg("pollseed backfill \"%s\": %s" INT64_FORMAT
					" rows of %s have no value; strategy %s: %s",
					backfill->name, *exact ? "" : "about ", count, relation_quoted_name(rel),
					choice.by_blocks ? "block" : "index", choice.reason)));
	backfill_table_free(table);
	return count;
}

/* Forgets where earlier runs stood. */
static void
forget_parts(const Backfill *backfill)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(backfill->id);

	sql_execute_own("DELETE FROM pollseed.backfill_parts AS p"
					" WHERE p.backfill_id OPERATOR(pg_catalog.=) $1",
					1, &type, &value, NULL);
	sql_execute_own("DELETE FROM pollseed.backfill_ranges AS r"
					" WHERE r.backfill_id OPERATOR(pg_catalog.=) $1",
					1, &type, &value, NULL);
}

bool
parts_exist(const Backfill *backfill)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(backfill->id);

	return sql_execute_own("SELECT FROM pollseed.backfill_parts AS p"
						   " WHERE p.backfill_id OPERATOR(pg_catalog.=) $1 LIMIT 1",
						   1, &type, &value, NULL) > 0;
}

void
parts_forget_outcomes(Backfill *backfill)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(backfill->id);

	sql_execute_own("DELETE FROM pollseed.backfill_rows AS r"
					" WHERE r.backfill_id OPERATOR(pg_catalog.=) $1",
					1, &type, &value, NULL);
	(void) backfill_update(backfill, "no_data = 0, quarantined = 0", NULL);
	backfill->settled = 0;
	backfill->quarantined = 0;
}

void
parts_begin(Backfill *backfill, MemoryContext context)
{
	List	 *relations = backfill_relations(backfill->relation);
	int64	  total = 0;
	bool	  all_exact = true;
	int		  part_no = 0;
	ListCell *cell;

	forget_parts(backfill);

	/* What is known of places, or of the keys of another table, says nothing any more. */
	if (backfill->nkeys == 0 || !backfill->same_relation)
		parts_forget_outcomes(backfill);
	foreach(cell, relations)
	{
		Relation rel = backfill_table_open(lfirst_oid(cell));
		bool	 exact;

		if (rel == NULL)
			continue;
		total += begin_part(backfill, rel, part_no++, context, &exact);
		all_exact = all_exact && exact;
		relation_close(rel, NoLock);
	}

	/* Rows that it is done with from earlier runs are not looked at again. */
	if (!backfill_update(backfill,
						 psprintf("total = GREATEST(" INT64_FORMAT
								  " OPERATOR(pg_catalog.-) b.no_data OPERATOR(pg_catalog.-)"
								  " b.quarantined, 0), total_exact = %s, filled = 0, skipped = 0,"
								  " settled_before = b.no_data OPERATOR(pg_catalog.+)"
								  " b.quarantined, batches = 0, retries = 0, wal_bytes = 0,"
								  " phase = 'scan', state = 'started', finished_at = NULL,"
								  " started_at = pg_catalog.clock_timestamp()",
								  total, all_exact ? "true" : "false"),
						 NULL))
		elog(ERROR, "backfill \"%s\" is not what it was", backfill->name);
	backfill->settled_before = backfill->settled;
}
