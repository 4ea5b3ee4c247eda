/*-------------------------------------------------------------------------
 *
 * circle.c
 *		Steps that refer to one another in a circle in which no reference may be
 *		NULL: their rows are written while nobody looks.
 *
 * Foreign keys that are not deferrable are checked at the end of the statement.  So
 * all rows of the circle are written by one, each table's by a part of its WITH.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "graph/batch_relation.h"
#include "graph/circle.h"
#include "graph/existing.h"

bool
circle_is_first(const GraphStep *step)
{
	for (int i = 0; i < step->index; i++)
	{
		if (step->graph->steps[i]->component == step->component)
			return false;
	}
	return true;
}

int64
circle_units(const GraphStep *step)
{
	int64 units = 0;

	for (int i = 0; i < step->graph->nsteps; i++)
	{
		if (step->graph->steps[i]->component == step->component)
			units += step->graph->steps[i]->rows;
	}
	return units;
}

/* Returns the columns of a step that are written. */
static List *
written_columns(const GraphStep *step)
{
	List *columns = NIL;

	for (int i = 0; i < step->ncolumns; i++)
	{
		if (step->columns[i].source != COLUMN_DEFAULT)
			columns = lappend_int(columns, i);
	}
	return columns;
}

/* Appends the part of the statement that writes a step's rows. */
static void
append_insert(StringInfo sql, const GraphStep *step, const BatchRelation *batch)
{
	StringInfoData values;
	ListCell	  *cell;

	initStringInfo(&values);
	appendStringInfo(sql, "INSERT INTO %s (", step->table->quoted_name);
	foreach(cell, batch->columns)
	{
		const char *separator = foreach_current_index(cell) > 0 ? ", " : "";

		appendStringInfo(sql, "%s%s", separator,
						 quote_identifier(step->columns[lfirst_int(cell)].name));
		appendStringInfo(&values, "%sb.v%d", separator, foreach_current_index(cell) + 1);
	}
	appendStringInfo(sql, ") OVERRIDING SYSTEM VALUE SELECT %s FROM %s AS b", values.data,
					 batch->name);
}

/* Looks which rows of a step are there, fills its batch with the others, and counts both. */
static void
fill_missing(GraphRun *run, GraphStep *step, BatchRelation *batch)
{
	StepFigures	   *figures = &run->figures[step->index];
	bool		   *found = palloc0_array(bool, Max(step->rows, 1));
	RowCursor	   *cursor = cursor_make(step);
	ExistingFinder *finder = existing_open(step);

	if (finder != NULL)
	{
		existing_find(finder, cursor, step->first_row, step->rows, found);
		existing_close(finder);
	}
	cursor_forget(cursor);
	for (int row = 0; row < step->rows; row++)
	{
		if (found[row])
			figures->unchanged++;
		else
			graph_run_inserted(figures, step->first_row + row);
	}
	batch_relation_fill(batch, cursor, step->first_row, step->rows, found, false);
	figures->statements++;
}

void
circle_write(GraphRun *run, GraphStep *first)
{
	StringInfoData	sql;
	BatchRelation **batches = palloc0_array(BatchRelation *, run->graph->nsteps);
	SPIPlanPtr		plan;

	initStringInfo(&sql);
	for (int i = 0; i < run->graph->nsteps; i++)
	{
		GraphStep *step = run->graph->steps[i];

		if (step->component != first->component)
			continue;
		batches[i] =
			batch_relation_make(step, psprintf("pollseed_circle_%d", i), written_columns(step));
		appendStringInfo(&sql, "%s w%d AS (", sql.len == 0 ? "WITH" : ",", i);
		append_insert(&sql, step, batches[i]);
		appendStringInfoString(&sql, ")");
		fill_missing(run, step, batches[i]);
		run->figures[i].lane = run->figures[i].inserted > 0 ? "spi" : "none";
	}
	appendStringInfoString(&sql, " SELECT");
	plan = sql_prepare(sql.data, 0, NULL);
	sql_execute_plan(plan, NULL, NULL);
	SPI_freeplan(plan);
	for (int i = 0; i < run->graph->nsteps; i++)
	{
		if (batches[i] != NULL)
			batch_relation_drop(batches[i]);
	}
}

/* Sets when the foreign keys of a step that hold a circle are checked. */
static void
set_constraints(const GraphStep *step, const char *when)
{
	const char *schema = get_namespace_name(get_rel_namespace(step->table->relid));

	for (int i = 0; i < step->nrefs; i++)
	{
		if (step->refs[i].by_deferral && step->refs[i].constraint != NULL)
			sql_execute(psprintf("SET CONSTRAINTS %s %s",
								 quote_qualified_identifier(schema, step->refs[i].constraint),
								 when),
						0, NULL, NULL, NULL);
	}
}

void
circle_defer(const GraphStep *step)
{
	set_constraints(step, "DEFERRED");
}

void
circle_check(const GraphStep *step)
{
	set_constraints(step, "IMMEDIATE");
}
