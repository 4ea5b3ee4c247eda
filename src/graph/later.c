/*-------------------------------------------------------------------------
 *
 * later.c
 *		References that a second pass sets, since their parents come later.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/progress.h"
#include "core/sql.h"
#include "graph/batch_relation.h"
#include "graph/later.h"

/* Prepares the statement that sets a reference of the rows of a batch. */
static SPIPlanPtr
prepare(GraphStep *step, int index, BatchRelation **batch)
{
	const GraphRef *ref = &step->refs[index];
	List		   *columns = list_copy(step->identity);
	StringInfoData	sql;
	StringInfoData	set;
	StringInfoData	unset;

	initStringInfo(&sql);
	initStringInfo(&set);
	initStringInfo(&unset);
	for (int i = 0; i < ref->ncolumns; i++)
	{
		int			column = graph_column(step, ref->columns[i]);
		const char *name = quote_identifier(step->columns[column].name);

		/* What another reference shares with it is there already. */
		if (step->columns[column].ref != index)
			continue;
		columns = lappend_int(columns, column);
		appendStringInfo(&set, "%s%s = b.v%d", set.len > 0 ? ", " : "", name, list_length(columns));
		appendStringInfo(&unset, " AND t.%s IS NULL AND b.v%d IS NOT NULL", name,
						 list_length(columns));
	}
	*batch =
		batch_relation_make(step, psprintf("pollseed_later_%d_%d", step->index, index), columns);
	appendStringInfo(&sql, "UPDATE %s AS t SET %s FROM %s AS b WHERE ", step->table->quoted_name,
					 set.data, (*batch)->name);
	batch_relation_join(&sql, step, step->identity, true);
	appendStringInfoString(&sql, unset.data);
	return sql_prepare(sql.data, 0, NULL);
}

/* Sets a reference of rows; returns how many statements that took. */
static int64
set_reference(GraphStep *step, int index, int64 first, int64 last, int batch_size)
{
	BatchRelation *batch;
	SPIPlanPtr	   plan = prepare(step, index, &batch);
	MemoryContext  context =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed references", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = CurrentMemoryContext;
	RowCursor	 *cursor = cursor_make(step);
	int64		  statements = 0;

	for (int64 row = first; row <= last; row += batch_size)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(context);
		batch_relation_fill(batch, cursor, row, Min(last - row + 1, batch_size), NULL, false);
		sql_execute_plan(plan, NULL, NULL);
		batch_relation_clear(batch);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(context);
		statements++;
	}
	SPI_freeplan(plan);
	batch_relation_drop(batch);
	MemoryContextDelete(context);
	return statements;
}

int64
later_set(GraphStep *step, int64 first, int64 last, int batch_size)
{
	int64 statements = 0;

	for (int i = 0; i < step->nrefs; i++)
	{
		if (step->refs[i].later)
			statements += set_reference(step, i, first, last, batch_size);
	}
	progress_advance(last - first + 1);
	return statements;
}
