/*-------------------------------------------------------------------------
 *
 * removal.c
 *		Removing the rows that a run wrote into one table: the rows found, locked,
 *		and deleted.
 *
 * The rows are made again from plan and seed, a batch at a time, and joined with the
 * table by a key; where it has none, by all that was written.  A row is as it was
 * written if a transaction of the run wrote this version of it, or if it has
 * the content that the plan gives it.  Rows to remove are locked, so that they stay where
 * they are, and nobody comes to refer to them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/sql.h"
#include "graph/cursor.h"
#include "graph/removal.h"

#define GENERATED "pollseed_generated"

/* So many rows are looked for at once. */
#define FIND_BATCH 5000

/* The columns of a removal's relation before the keys. */
#define FIXED_COLUMNS 3

const char *
only_clause(const GraphTable *table)
{
	return table->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ";
}

/* Returns an expression of the batch for a column's value, cast as writing it did. */
static const char *
generated_value(const GraphStep *step, int column)
{
	const ValueSpace *space = step->columns[column].table_column->space;

	return psprintf("CAST(b.v%d AS %s)", column, qualified_type_name(space->type, space->typmod));
}

/* Returns the columns, as indexes, of a list of attribute numbers; NIL unless all of them are generated. */
static List *
generated_columns(const GraphStep *step, const List *attnums)
{
	List	 *columns = NIL;
	ListCell *cell;

	foreach(cell, attnums)
	{
		int column = lfirst_int(cell) == 0 ? -1 : graph_column(step, lfirst_int(cell));

		if (column < 0 || step->columns[column].source == COLUMN_DEFAULT)
			return NIL;
		columns = lappend_int(columns, column);
	}
	return columns;
}

/* Returns the columns that rows are found by: the primary key, else what the step is recognised by, else none. */
static List *
finding_columns(const GraphStep *step)
{
	ListCell *cell;

	foreach(cell, step->table->keys)
	{
		const TableKey *key = lfirst(cell);
		List		   *columns = key->primary ? generated_columns(step, key->columns) : NIL;

		if (columns != NIL)
			return columns;
	}
	return step->identity;
}

/* Returns the expression of a column's default, "NULL" where it has none. */
static const char *
default_expression(const GraphStep *step, AttrNumber attnum)
{
	Oid	  types[] = {OIDOID, INT2OID};
	Datum values[] = {ObjectIdGetDatum(step->table->relid), Int16GetDatum(attnum)};

	if (sql_execute("SELECT pg_catalog.pg_get_expr(adbin, adrelid) FROM pg_catalog.pg_attrdef"
					" WHERE adrelid OPERATOR(pg_catalog.=) $1 AND adnum OPERATOR(pg_catalog.=) $2",
					lengthof(types), types, values, NULL) == 0)
		return "NULL";
	return sql_text(0, 1);
}

/*
 * Returns a condition: the row has what the plan, and defaults that are always the same, gave it.
 * "false" where that cannot be said, since a default depends on the moment.
 */
static const char *
same_content(const GraphStep *step)
{
	StringInfoData actual;
	StringInfoData planned;

	initStringInfo(&actual);
	initStringInfo(&planned);
	for (int i = 0; i < step->ncolumns; i++)
	{
		const GraphColumn *column = &step->columns[i];
		const TableColumn *table_column = column->table_column;
		const char		  *separator = actual.len > 0 ? ", " : "";

		if (table_column->generated)
			continue;
		if (column->source != COLUMN_DEFAULT)
			appendStringInfo(&planned, "%s%s", separator, generated_value(step, i));
		else if (OidIsValid(table_column->sequence) ||
				 (table_column->has_default && !table_column->default_is_constant))
			return "false";
		else
			appendStringInfo(
				&planned, "%sCAST(%s AS %s)", separator, default_expression(step, column->attnum),
				qualified_type_name(table_column->space->type, table_column->space->typmod));
		appendStringInfo(&actual, "%st.%s", separator, quote_identifier(column->name));
	}
	if (actual.len == 0)
		return "true";
	return psprintf("pg_catalog.record_image_eq(ROW(%s), ROW(%s))", actual.data, planned.data);
}

/* Returns the columns that are generated as text, of the table t or as the batch b has them. */
static const char *
row_text(const GraphStep *step, bool of_table)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < step->ncolumns; i++)
	{
		if (step->columns[i].source == COLUMN_DEFAULT)
			continue;
		appendStringInfo(&sql, "%s%s", sql.len > 0 ? ", " : "",
						 of_table ? psprintf("t.%s", quote_identifier(step->columns[i].name))
								  : generated_value(step, i));
	}
	return psprintf("CAST(ROW(%s) AS pg_catalog.text)", sql.data);
}

/* Returns the join of the batch with the table, by columns. */
static const char *
join_by_columns(const GraphStep *step, const List *columns)
{
	StringInfoData sql;
	ListCell	  *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, GENERATED " AS b JOIN %s%s AS t ON ", only_clause(step->table),
					 step->table->quoted_name);
	foreach(cell, columns)
	{
		const GraphColumn *column = &step->columns[lfirst_int(cell)];

		appendStringInfo(&sql, "%st.%s %s %s", foreach_current_index(cell) > 0 ? " AND " : "",
						 quote_identifier(column->name),
						 equality_operator(column->table_column->space->type),
						 generated_value(step, lfirst_int(cell)));
	}
	return sql.data;
}

/*
 * Returns the join of the batch with the table by all that is generated: of rows that are all the
 * same, as many as there are in the batch.
 */
static const char *
join_by_content(const GraphStep *step)
{
	return psprintf("(SELECT b.*, %s AS content, pg_catalog.row_number() OVER"
					" (PARTITION BY %s ORDER BY b.n) AS copy FROM " GENERATED " AS b) AS b"
					" JOIN (SELECT t.tableoid, t.ctid, %s AS content, pg_catalog.row_number() OVER"
					" (PARTITION BY %s ORDER BY t.ctid) AS copy FROM %s%s AS t) AS p"
					" ON p.content OPERATOR(pg_catalog.=) b.content"
					" AND p.copy OPERATOR(pg_catalog.=) b.copy"
					" JOIN %s%s AS t ON t.ctid OPERATOR(pg_catalog.=) p.ctid"
					" AND t.tableoid OPERATOR(pg_catalog.=) p.tableoid",
					row_text(step, false), row_text(step, false), row_text(step, true),
					row_text(step, true), only_clause(step->table), step->table->quoted_name,
					only_clause(step->table), step->table->quoted_name);
}

/* Tells whether the caller may lock rows, which takes the right to update. */
static bool
may_lock(const GraphStep *step)
{
	return pg_class_aclcheck(step->table->relid, GetUserId(), ACL_UPDATE) == ACLCHECK_OK ||
		   pg_attribute_aclcheck_all(step->table->relid, GetUserId(), ACL_UPDATE, ACLMASK_ANY) ==
			   ACLCHECK_OK;
}

/* Returns the statement that finds the rows of a batch, and tells of each whether it is as it was written. */
static const char *
finding_statement(const Removal *removal, const List *columns)
{
	const GraphStep *step = removal->step;
	StringInfoData	 sql;
	ListCell		*cell;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT b.n, t.tableoid, t.ctid, (t.xmin OPERATOR(pg_catalog.=) ANY ($1)"
					 " AND ($2 OPERATOR(pg_catalog.=) -1 OR CAST(CAST(t.cmin AS pg_catalog.text)"
					 " AS pg_catalog.int8) OPERATOR(pg_catalog.<=) $2)) OR %s",
					 same_content(step));
	foreach(cell, removal->keys)
		appendStringInfo(&sql, ", t.%s", quote_identifier(lfirst(cell)));
	appendStringInfo(&sql, " FROM %s%s",
					 columns != NIL ? join_by_columns(step, columns) : join_by_content(step),
					 may_lock(step) ? " FOR UPDATE OF t" : "");
	return sql.data;
}

/* Returns what a batch of generated rows looks like: their numbers, and a column for each that is generated. */
static TupleDesc
generated_desc(const GraphStep *step)
{
	int		  natts = 1;
	TupleDesc desc;

	for (int i = 0; i < step->ncolumns; i++)
		natts += step->columns[i].source != COLUMN_DEFAULT;
	desc = CreateTemplateTupleDesc(natts);
	TupleDescInitEntry(desc, 1, "n", INT8OID, -1, 0);
	natts = 1;
	for (int i = 0; i < step->ncolumns; i++)
	{
		const ValueSpace *space = step->columns[i].table_column->space;

		if (step->columns[i].source == COLUMN_DEFAULT)
			continue;
		TupleDescInitEntry(desc, ++natts, psprintf("v%d", i), space->base, -1, 0);
		TupleDescInitEntryCollation(desc, natts, get_typcollation(space->base));
	}
	return desc;
}

/* Returns what a removal's rows look like to SQL. */
static TupleDesc
removal_desc(const Removal *removal)
{
	TupleDesc desc = CreateTemplateTupleDesc(FIXED_COLUMNS + list_length(removal->keys));
	ListCell *cell;

	TupleDescInitEntry(desc, 1, "n", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "relid", OIDOID, -1, 0);
	TupleDescInitEntry(desc, 3, "place", TIDOID, -1, 0);
	foreach(cell, removal->keys)
	{
		const TableColumn *column = table_column(removal->step->table, lfirst(cell));
		int				   number = FIXED_COLUMNS + 1 + foreach_current_index(cell);

		TupleDescInitEntry(desc, number, psprintf("k%d", foreach_current_index(cell) + 1),
						   column->space->type, column->space->typmod, 0);
		TupleDescInitEntryCollation(desc, number, column->space->collation);
	}
	return desc;
}

/* Has SQL see the rows to remove. */
static void
show_rows(Removal *removal)
{
	if (removal->relation != NULL)
		sql_unregister_relation(removal->relation);
	removal->relation =
		sql_register_relation(removal->name, removal->desc, (double) removal->nrows);
	removal->relation->reldata = removal->rows;
}

/* Takes what the finding statement returned: rows to remove, and those that were changed. */
static void
take_found(Removal *removal)
{
	SPITupleTable *found = SPI_tuptable;
	int			   natts = removal->desc->natts;
	Datum		  *values = palloc_array(Datum, natts);
	bool		  *nulls = palloc_array(bool, natts);
	int64		  *changed = palloc_array(int64, Max(found->numvals, 1));
	int64		   nchanged = 0;

	for (uint64 i = 0; i < found->numvals; i++)
	{
		bool isnull;

		/* The fourth tells whether it is as it was. */
		for (int j = 0; j < natts; j++)
			values[j] = SPI_getbinval(found->vals[i], found->tupdesc,
									  j < FIXED_COLUMNS ? j + 1 : j + 2, &nulls[j]);
		if (!removal->force &&
			!DatumGetBool(SPI_getbinval(found->vals[i], found->tupdesc, 4, &isnull)))
			changed[nchanged++] = DatumGetInt64(values[0]);
		else
		{
			tuplestore_putvalues(removal->rows, removal->desc, values, nulls);
			removal->nrows++;
		}
	}
	SPI_freetuptable(found);
	removal_keep(removal, REASON_CHANGED, changed, nchanged);
}

/* Where the generation of rows stands. */
typedef struct RowWalk
{
	RowCursor *cursor;
	ListCell  *range; /* NULL: at the end */
	int64	   row;
} RowWalk;

/* Puts the next rows that the run wrote into a batch, at most so many; returns how many. */
static int64
generate_rows(const Removal *removal, RowWalk *walk, TupleDesc desc, Tuplestorestate *batch,
			  int64 max)
{
	const GraphStep *step = removal->step;
	Datum			*values = palloc_array(Datum, step->ncolumns + 1);
	bool			*nulls = palloc_array(bool, step->ncolumns + 1);
	int64			 count = 0;

	while (walk->range != NULL && count < max)
	{
		const RowRange *range = lfirst(walk->range);
		int				natts = 1;

		CHECK_FOR_INTERRUPTS();
		cursor_move(walk->cursor, walk->row);
		cursor_row_values(walk->cursor, values + 1, nulls + 1);
		values[0] = Int64GetDatum(walk->row);
		nulls[0] = false;
		for (int i = 0; i < step->ncolumns; i++)
		{
			if (step->columns[i].source == COLUMN_DEFAULT)
				continue;
			values[natts] = values[i + 1];
			nulls[natts++] = nulls[i + 1];
		}
		tuplestore_putvalues(batch, desc, values, nulls);
		count++;
		if (++walk->row > range->last)
		{
			walk->range = lnext(removal->recorded->ranges, walk->range);
			walk->row = walk->range == NULL ? 0 : ((RowRange *) lfirst(walk->range))->first;
		}
	}
	return count;
}

void
removal_find(Removal *removal)
{
	List		 *columns = finding_columns(removal->step);
	const char	 *sql = finding_statement(removal, columns);
	Oid			  types[] = {XIDARRAYOID, INT8OID};
	Datum		  values[] = {removal->recorded->transactions,
							  Int64GetDatum(removal->recorded->last_command)};
	TupleDesc	  desc = generated_desc(removal->step);
	RowWalk		  walk = {.cursor = cursor_make(removal->step),
						  .range = list_head(removal->recorded->ranges)};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pollseed removal batch",
												  ALLOCSET_DEFAULT_SIZES);

	if (walk.range != NULL)
		walk.row = ((RowRange *) lfirst(walk.range))->first;
	while (walk.range != NULL)
	{
		MemoryContext		   old_context = MemoryContextSwitchTo(context);
		Tuplestorestate		  *batch = tuplestore_begin_heap(false, false, work_mem);
		EphemeralNamedRelation relation;
		int64				   count;

		count =
			generate_rows(removal, &walk, desc, batch, columns == NIL ? PG_INT64_MAX : FIND_BATCH);
		relation = sql_register_relation(GENERATED, desc, (double) count);
		relation->reldata = batch;
		(void) sql_execute(sql, lengthof(types), types, values, NULL);
		sql_unregister_relation(relation);
		tuplestore_end(batch);
		MemoryContextSwitchTo(context);
		take_found(removal);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	show_rows(removal);
}

/* Orders numbers of rows. */
static int
compare_rows(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

/* Notes the numbers of rows that are kept. */
static void
note_kept(Removal *removal, const int64 *rows, int64 nrows)
{
	if (removal->nkept + nrows > removal->max_kept)
	{
		removal->max_kept = Max(2 * removal->max_kept, removal->nkept + nrows);
		removal->kept_rows =
			removal->kept_rows == NULL
				? MemoryContextAllocHuge(GetMemoryChunkContext(removal),
										 removal->max_kept * sizeof(int64))
				: repalloc_huge(removal->kept_rows, removal->max_kept * sizeof(int64));
	}
	memcpy(removal->kept_rows + removal->nkept, rows, nrows * sizeof(int64));
	removal->nkept += nrows;
}

/* Counts rows that are kept for a reason. */
static void
count_kept(Removal *removal, const char *reason, int64 nrows)
{
	MemoryContext old_context = MemoryContextSwitchTo(GetMemoryChunkContext(removal));
	KeptRows	 *kept;
	ListCell	 *cell;

	foreach(cell, removal->kept)
	{
		kept = lfirst(cell);
		if (strcmp(kept->reason, reason) == 0)
			break;
	}
	if (cell == NULL)
	{
		kept = palloc0_object(KeptRows);
		kept->reason = pstrdup(reason);
		removal->kept = lappend(removal->kept, kept);
	}
	kept->rows += nrows;
	MemoryContextSwitchTo(old_context);
}

void
removal_keep(Removal *removal, const char *reason, const int64 *rows, int64 nrows)
{
	if (nrows == 0)
		return;
	note_kept(removal, rows, nrows);
	count_kept(removal, reason, nrows);
}

void
removal_drop_kept(Removal *removal, int64 *rows, int64 nrows)
{
	Tuplestorestate *left = tuplestore_begin_heap(false, false, work_mem);
	TupleTableSlot	*slot = MakeSingleTupleTableSlot(removal->desc, &TTSOpsMinimalTuple);

	qsort(rows, nrows, sizeof(int64), compare_rows);
	tuplestore_rescan(removal->rows);
	removal->nrows = 0;
	while (tuplestore_gettupleslot(removal->rows, true, false, slot))
	{
		bool  isnull;
		int64 row = DatumGetInt64(slot_getattr(slot, 1, &isnull));

		if (bsearch(&row, rows, nrows, sizeof(int64), compare_rows) != NULL)
			continue;
		tuplestore_puttupleslot(left, slot);
		removal->nrows++;
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(removal->rows);
	removal->rows = left;
	show_rows(removal);
}

Removal *
removal_make(GraphStep *step, const RecordedRunStep *recorded, bool force)
{
	Removal	 *removal = palloc0_object(Removal);
	ListCell *cell;

	removal->step = step;
	removal->recorded = recorded;
	removal->force = force;
	removal->name = psprintf("pollseed_removal_%d", step->index);
	removal->incoming = incoming_keys(step->table);
	foreach(cell, removal->incoming)
	{
		const IncomingKey *key = lfirst(cell);
		ListCell		  *column;

		foreach(column, key->key)
		{
			if (removal_key_number(removal, lfirst(column)) == 0)
				removal->keys = lappend(removal->keys, lfirst(column));
		}
	}
	removal->desc = removal_desc(removal);
	removal->rows = tuplestore_begin_heap(false, false, work_mem);
	return removal;
}

int
removal_key_number(const Removal *removal, const char *column)
{
	ListCell *cell;

	foreach(cell, removal->keys)
	{
		if (strcmp(lfirst(cell), column) == 0)
			return foreach_current_index(cell) + 1;
	}
	return 0;
}

void
removals_execute(List *removals)
{
	StringInfoData sql;
	StringInfoData counts;
	ListCell	  *cell;

	initStringInfo(&sql);
	initStringInfo(&counts);
	foreach(cell, removals)
	{
		const Removal	 *removal = lfirst(cell);
		const GraphTable *table = removal->step->table;
		int				  number = foreach_current_index(cell);

		appendStringInfo(&sql,
						 "%sd%d AS (DELETE FROM %s%s AS t USING %s AS b"
						 " WHERE t.ctid OPERATOR(pg_catalog.=) b.place%s RETURNING 1)",
						 number == 0 ? "WITH " : ", ", number, only_clause(table),
						 table->quoted_name, removal->name,
						 table->relkind == RELKIND_PARTITIONED_TABLE
							 ? " AND t.tableoid OPERATOR(pg_catalog.=) b.relid"
							 : "");
		appendStringInfo(&counts, "%s(SELECT pg_catalog.count(*) FROM d%d)",
						 number == 0 ? " SELECT " : ", ", number);
	}
	appendStringInfoString(&sql, counts.data);
	(void) sql_execute(sql.data, 0, NULL, NULL, NULL);
	foreach(cell, removals)
	{
		Removal *removal = lfirst(cell);

		removal->removed = sql_integer(0, foreach_current_index(cell) + 1);
		if (removal->removed < removal->nrows)
			count_kept(removal, REASON_TRIGGER, removal->nrows - removal->removed);
	}
	SPI_freetuptable(SPI_tuptable);
}

List *
removal_kept_ranges(Removal *removal)
{
	List	 *ranges = NIL;
	RowRange *range = NULL;

	/* Which rows a trigger kept is not known. */
	if (removal->removed < removal->nrows)
		return removal->recorded->ranges;
	if (removal->nkept > 0)
		qsort(removal->kept_rows, removal->nkept, sizeof(int64), compare_rows);
	for (int64 i = 0; i < removal->nkept; i++)
	{
		int64 row = removal->kept_rows[i];

		if (range == NULL || row != range->last + 1)
		{
			range = palloc_object(RowRange);
			range->first = row;
			ranges = lappend(ranges, range);
		}
		range->last = row;
	}
	return ranges;
}

void
removal_end(Removal *removal)
{
	if (removal->relation != NULL)
		sql_unregister_relation(removal->relation);
	tuplestore_end(removal->rows);
}
