/*-------------------------------------------------------------------------
 *
 * existing.c
 *		Rows that are there already: found by one join a batch.
 *
 * A batch's cells of a key are an ephemeral named relation, joined with the table.
 * Rows are looked for by the step's identity first, and those that are not found by the
 * other unique keys, which they would violate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/sql.h"
#include "graph/batch_relation.h"
#include "graph/exceptions.h"
#include "graph/existing.h"
#include "graph/removal.h"
#include "graph/resolve.h"

/* What a batch is called in a statement: a name of each key's own, since a plan remembers its type. */
#define BATCH_RELATION "pollseed_rows_%d"

/* A key that rows are looked for by. */
typedef struct FinderKey
{
	List		  *columns; /* of int: indexes in the step's columns */
	bool		   nulls_distinct;
	BatchRelation *batch;
	bool		   indexed; /* it has a unique index */
	List *told; /* of int: indexes of columns that others refer to, and the key does not have */
	SPIPlanPtr plan;
	SPIPlanPtr
		count; /* of the rows between two values of the key, where a batch has all of these; or NULL */
} FinderKey;

struct ExistingFinder
{
	GraphStep	 *step;
	int			  nkeys;
	FinderKey	 *keys;	  /* the identity first */
	FinderKey	 *update; /* made when needed: all columns */
	MemoryContext batch;
};

bool
table_has_rows(Relation rel)
{
	sql_execute(psprintf("SELECT FROM %s LIMIT 1",
						 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
													RelationGetRelationName(rel))),
				0, NULL, NULL, NULL);
	return SPI_processed > 0;
}

/* Returns the column of the table for SQL. */
static const char *
table_side(const GraphStep *step, int column)
{
	return psprintf("t.%s", quote_identifier(step->columns[column].name));
}

/* Prepares the statement that finds rows by a key. */
static void
prepare_key(ExistingFinder *finder, FinderKey *key, int number)
{
	const GraphStep *step = finder->step;
	const char		*name = psprintf(BATCH_RELATION, number);
	StringInfoData	 sql;
	ListCell		*cell;

	key->batch = batch_relation_make(finder->step, name, key->columns);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT b.place");
	foreach(cell, key->told)
		appendStringInfo(&sql, ", %s", table_side(step, lfirst_int(cell)));
	appendStringInfo(&sql, " FROM %s AS b CROSS JOIN LATERAL (SELECT * FROM %s AS t WHERE ", name,
					 step->table->quoted_name);
	batch_relation_join(&sql, step, key->columns, key->nulls_distinct);
	appendStringInfoString(&sql, " OFFSET 0) AS t");
	key->plan = sql_prepare(sql.data, 0, NULL);
}

/* Returns the indexes of a unique key's columns; NIL where the rows cannot be looked for by it. */
static List *
findable(const GraphStep *step, const TableKey *key)
{
	List	 *columns = NIL;
	ListCell *cell;

	if (key->predicate != NULL || key->expressions != NIL)
		return NIL;
	foreach(cell, key->columns)
	{
		int column = graph_column(step, lfirst_int(cell));

		if (column < 0 || step->columns[column].source == COLUMN_DEFAULT)
			return NIL;
		columns = lappend_int(columns, column);
	}
	return columns;
}

/* Tells whether columns are those of a unique key. */
static bool
is_unique(const GraphStep *step, const List *columns)
{
	ListCell *cell;

	foreach(cell, step->table->keys)
	{
		List *key = findable(step, lfirst(cell));

		if (list_length(key) == list_length(columns) && list_difference_int(key, columns) == NIL)
			return true;
	}
	return false;
}

/* Returns the indexes of the columns of all unique keys. */
static List *
unique_columns(const GraphStep *step)
{
	List	 *all = NIL;
	ListCell *cell;

	foreach(cell, step->table->keys)
		all = list_concat_unique_int(all, findable(step, lfirst(cell)));
	return all;
}

/* Tells whether a reference, or a part of one, is to a column of a step. */
static bool
is_to(const GraphRef *ref, const GraphStep *step, int column)
{
	for (int i = 0; i < ref->ntargets; i++)
	{
		if (is_to(&ref->targets[i], step, column))
			return true;
	}
	for (int i = 0; ref->parent == step && i < ref->ncolumns; i++)
	{
		if (ref_key_column(ref, i) == column)
			return true;
	}
	return false;
}

/* Tells whether any reference of the graph is to a column. */
static bool
is_referred(const GraphStep *step, int column)
{
	for (int i = 0; i < step->graph->nsteps; i++)
	{
		const GraphStep *other = step->graph->steps[i];

		for (int ref = 0; ref < other->nrefs; ref++)
		{
			if (is_to(&other->refs[ref], step, column))
				return true;
		}
	}
	return false;
}

/* Finds the columns that others refer to, but for those of a key. */
static List *
told_columns(const GraphStep *step, const List *known)
{
	List	 *told = NIL;
	ListCell *cell;

	foreach(cell, unique_columns(step))
	{
		if (!list_member_int(known, lfirst_int(cell)) && is_referred(step, lfirst_int(cell)))
			told = lappend_int(told, lfirst_int(cell));
	}
	return told;
}

/*
 * Prepares to count rows, where a key is one column of a sequence's values: as many rows as a batch of them
 * lie between the first and the last only if all are there.
 */
static void
prepare_count(const GraphStep *step, FinderKey *key)
{
	const GraphColumn *column = &step->columns[linitial_int(key->columns)];
	const char		  *name = quote_identifier(column->name);
	Oid				   type = column->table_column->space->base;
	Oid				   types[] = {type, type};

	if (list_length(key->columns) != 1 || !key->indexed || key->told != NIL ||
		column->source != COLUMN_SEQUENCE || column->increment != 1 ||
		column->table_column->space->kind != VALUE_INTEGER)
		return;
	key->count = sql_prepare(
		psprintf("SELECT pg_catalog.count(*) FROM %s%s AS t WHERE t.%s OPERATOR(pg_catalog.>=) $1"
				 " AND t.%s OPERATOR(pg_catalog.<=) $2",
				 only_clause(step->table), step->table->quoted_name, name, name),
		lengthof(types), types);
}

ExistingFinder *
existing_open(GraphStep *step)
{
	ExistingFinder *finder = palloc0_object(ExistingFinder);
	ListCell	   *cell;

	finder->step = step;
	finder->keys = palloc0_array(FinderKey, list_length(step->table->keys) + 1);
	if (step->identity != NIL)
	{
		finder->keys[0].columns = step->identity;
		finder->keys[0].indexed = is_unique(step, step->identity);
		finder->keys[finder->nkeys++].nulls_distinct = true;
	}
	foreach(cell, step->table->keys)
	{
		const TableKey *key = lfirst(cell);
		List		   *columns = findable(step, key);

		if (columns == NIL || equal(columns, step->identity))
			continue;
		finder->keys[finder->nkeys].columns = columns;
		finder->keys[finder->nkeys].indexed = true;
		finder->keys[finder->nkeys++].nulls_distinct = key->nulls_distinct;
	}
	if (finder->nkeys == 0)
		return NULL;
	for (int i = 0; i < finder->nkeys; i++)
	{
		finder->keys[i].told = told_columns(step, finder->keys[i].columns);
		prepare_key(finder, &finder->keys[i], i);
		prepare_count(step, &finder->keys[i]);
	}
	finder->batch = AllocSetContextCreate(CurrentMemoryContext, "pollseed existing rows",
										  ALLOCSET_DEFAULT_SIZES);
	return finder;
}

/* Notes what a found row has otherwise than planned, in columns that others can refer to. */
static void
note_exceptions(const FinderKey *key, RowCursor *cursor, int64 row, uint64 result)
{
	GraphStep *step = cursor_step(cursor);
	ListCell  *cell;

	cursor_move(cursor, row);
	foreach(cell, key->told)
	{
		int				  column = lfirst_int(cell);
		const ValueSpace *space = step->columns[column].table_column->space;
		bool			  isnull;
		bool			  planned_isnull;
		Datum			  value = sql_value(result, foreach_current_index(cell) + 2, &isnull);
		Datum			  planned = cursor_value(cursor, column, &planned_isnull);

		if (isnull != planned_isnull ||
			(!isnull && !datum_image_eq(value, planned, space->typbyval, space->typlen)))
			exception_add(step, row, column, value, isnull);
	}
}

/* Runs a statement that finds rows by a key, which may have an index. */
static int64
execute_by_index(SPIPlanPtr plan, bool indexed)
{
	int			  level = indexed ? sql_begin_finding_by_index() : NewGUCNestLevel();
	MemoryContext old_context = CurrentMemoryContext;
	int64		  count = sql_execute_plan(plan, NULL, NULL);

	AtEOXact_GUC(true, level);

	/* SPI left us in its own. */
	MemoryContextSwitchTo(old_context);
	return count;
}

/* Tells whether all rows of a batch are there, as far as a key that can be counted tells. */
static bool
are_all_there(const FinderKey *key, RowCursor *cursor, int64 first, int nrows)
{
	int			  level = sql_begin_finding_by_index();
	MemoryContext old_context = CurrentMemoryContext;
	Datum		  bounds[2];
	bool		  isnull;
	int64		  count;

	cursor_move(cursor, first);
	bounds[0] = cursor_value(cursor, linitial_int(key->columns), &isnull);
	cursor_move(cursor, first + nrows - 1);
	bounds[1] = cursor_value(cursor, linitial_int(key->columns), &isnull);
	sql_execute_plan(key->count, bounds, NULL);
	count = sql_integer(0, 1);
	AtEOXact_GUC(true, level);
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(old_context);
	return count == nrows;
}

/* Looks for those of a batch that were not found yet, by a key. */
static void
find_by_key(FinderKey *key, RowCursor *cursor, int64 first, int nrows, bool *found)
{
	if (key->count != NULL && are_all_there(key, cursor, first, nrows))
	{
		memset(found, true, nrows * sizeof(bool));
		return;
	}
	if (batch_relation_fill(key->batch, cursor, first, nrows, found, false) > 0)
	{
		execute_by_index(key->plan, key->indexed);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			int place = DatumGetInt32(sql_value_not_null(i, 1));

			found[place] = true;
			if (key->told != NIL)
				note_exceptions(key, cursor, first + place, i);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	batch_relation_clear(key->batch);
}

void
existing_find(ExistingFinder *finder, RowCursor *cursor, int64 first, int nrows, bool *found)
{
	MemoryContext old_context = MemoryContextSwitchTo(finder->batch);

	memset(found, false, nrows * sizeof(bool));
	for (int i = 0; i < finder->nkeys; i++)
		find_by_key(&finder->keys[i], cursor, first, nrows, found);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(finder->batch);
}

/* Tells whether two values of a type can be compared as it would need to be: by a default equality. */
static bool
is_comparable(const ValueSpace *space)
{
	return space->kind != VALUE_GEOMETRIC && space->base != JSONOID && space->base != XMLOID;
}

/* Prepares the statement that makes rows as planned. */
static void
prepare_update(ExistingFinder *finder)
{
	const GraphStep *step = finder->step;
	const char		*name = psprintf(BATCH_RELATION, finder->nkeys);
	FinderKey		*key = palloc0_object(FinderKey);
	int				 nkey = list_length(finder->keys[0].columns);
	List			*unique = unique_columns(step);
	StringInfoData	 set;
	StringInfoData	 differ;
	StringInfoData	 sql;

	key->columns = list_copy(finder->keys[0].columns);
	key->indexed = finder->keys[0].indexed;
	initStringInfo(&set);
	initStringInfo(&differ);
	initStringInfo(&sql);
	for (int i = 0; i < step->ncolumns; i++)
	{
		const GraphColumn *column = &step->columns[i];

		if (column->source == COLUMN_DEFAULT || list_member_int(finder->keys[0].columns, i) ||
			list_member_int(unique, i) ||
			(column->source == COLUMN_REF && step->refs[column->ref].later))
			continue;
		key->columns = lappend_int(key->columns, i);
		appendStringInfo(&set, "%s%s = b.v%d", set.len > 0 ? ", " : "",
						 quote_identifier(column->name), list_length(key->columns));
		if (is_comparable(column->table_column->space))
			appendStringInfo(&differ, "%snot(%s)", differ.len > 0 ? " OR " : "",
							 batch_relation_equal(step, i, list_length(key->columns), false));
	}
	if (list_length(key->columns) == nkey || differ.len == 0)
		return;
	key->batch = batch_relation_make(finder->step, name, key->columns);
	appendStringInfo(&sql, "UPDATE %s AS t SET %s FROM %s AS b WHERE ", step->table->quoted_name,
					 set.data, name);
	batch_relation_join(&sql, step, finder->keys[0].columns, true);
	appendStringInfo(&sql, " AND coalesce(%s, true)", differ.data);
	key->plan = sql_prepare(sql.data, 0, NULL);
	finder->update = key;
}

int64
existing_update(ExistingFinder *finder, RowCursor *cursor, int64 first, int nrows,
				const bool *found)
{
	MemoryContext old_context;
	int64		  updated = 0;

	if (finder->update == NULL)
		prepare_update(finder);
	if (finder->update == NULL)
		return 0;
	old_context = MemoryContextSwitchTo(finder->batch);
	if (batch_relation_fill(finder->update->batch, cursor, first, nrows, found, true) > 0)
		updated = execute_by_index(finder->update->plan, finder->update->indexed);
	batch_relation_clear(finder->update->batch);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(finder->batch);
	return updated;
}

void
existing_close(ExistingFinder *finder)
{
	for (int i = 0; i < finder->nkeys; i++)
	{
		SPI_freeplan(finder->keys[i].plan);
		if (finder->keys[i].count != NULL)
			SPI_freeplan(finder->keys[i].count);
		batch_relation_drop(finder->keys[i].batch);
	}
	if (finder->update != NULL)
	{
		SPI_freeplan(finder->update->plan);
		batch_relation_drop(finder->update->batch);
	}
	MemoryContextDelete(finder->batch);
}

/* Returns the statement that reads keys of rows that are there. */
static const char *
keys_statement(const GraphStep *step, const GraphRef *ref, int64 limit)
{
	StringInfoData sql;
	StringInfoData present;

	initStringInfo(&sql);
	initStringInfo(&present);
	appendStringInfoString(&sql, "SELECT");
	for (int i = 0; i < ref->ncolumns; i++)
	{
		const ValueSpace *space = table_column_number(step->table, ref->columns[i])->space;
		const char		 *key = quote_identifier(get_attname(ref->relid, ref->key[i], false));

		appendStringInfo(&sql, "%s %s::%s", i > 0 ? "," : "", key,
						 qualified_type_name(space->base, space->base_typmod));
		appendStringInfo(&present, "%s %s IS NOT NULL", i > 0 ? " AND" : "", key);
	}
	appendStringInfo(&sql, " FROM %s WHERE%s ORDER BY", resolve_quoted_name(ref->relid),
					 present.data);
	for (int i = 0; i < ref->ncolumns; i++)
		appendStringInfo(&sql, "%s %d", i > 0 ? "," : "", i + 1);
	appendStringInfo(&sql, " LIMIT " INT64_FORMAT, limit);
	return sql.data;
}

ExistingRows *
existing_rows(const GraphStep *step, const GraphRef *ref, int64 limit)
{
	ExistingRows *rows = palloc0_object(ExistingRows);

	rows->nkey = ref->ncolumns;
	sql_execute(keys_statement(step, ref, limit), 0, NULL, NULL, NULL);
	rows->count = SPI_processed;
	rows->values = palloc_array(Datum, Max(rows->count * rows->nkey, 1));
	for (int64 row = 0; row < rows->count; row++)
	{
		for (int i = 0; i < rows->nkey; i++)
		{
			const ValueSpace *space = table_column_number(step->table, ref->columns[i])->space;

			rows->values[row * rows->nkey + i] =
				datumCopy(sql_value_not_null(row, i + 1), space->typbyval, space->typlen);
		}
	}
	SPI_freetuptable(SPI_tuptable);
	return rows;
}
