/*-------------------------------------------------------------------------
 *
 * cell.c
 *		What a generator may ask of the row that its cell is in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/date.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "graph/cursor.h"

Datum
cell_column(const Cell *cell, const char *name, bool *isnull)
{
	const GraphStep *step = cursor_step(cell->cursor);

	for (int i = 0; i < step->ncolumns; i++)
	{
		if (strcmp(step->columns[i].name, name) == 0)
			return cursor_value(cell->cursor, i, isnull);
	}
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("column \"%s\" of relation %s is not in the plan", name,
						   step->table->quoted_name)));
}

char *
cell_column_text(const Cell *cell, const char *name)
{
	const GraphStep *step = cursor_step(cell->cursor);
	bool			 isnull;
	Datum			 value = cell_column(cell, name, &isnull);

	if (isnull)
		return NULL;
	return space_output(table_column(step->table, name)->space, value);
}

/* Returns a moment as timestamptz. */
static TimestampTz
moment_of(const ValueSpace *space, Datum value)
{
	if (space->kind == VALUE_DATE)
		return (TimestampTz) DatumGetDateADT(value) * USECS_PER_DAY;
	return DatumGetTimestampTz(value);
}

TimestampTz
cell_earliest(const Cell *cell)
{
	RowCursor  *cursor = cell->cursor;
	GraphStep  *step = cursor_step(cursor);
	TimestampTz earliest = step->graph->plan->since;

	for (int i = 0; i < step->nrefs; i++)
	{
		RowCursor		  *parent;
		const GraphColumn *made;
		bool			   isnull;
		Datum			   moment;

		if (step->refs[i].later || step->refs[i].by_deferral || step->in_one)
			continue;
		parent = cursor_parent(cursor, i);
		if (parent == NULL || cursor_step(parent) == step || cursor_step(parent)->moment < 0)
			continue;
		made = &cursor_step(parent)->columns[cursor_step(parent)->moment];
		moment = cursor_value(parent, cursor_step(parent)->moment, &isnull);
		if (!isnull)
			earliest = Max(earliest, moment_of(made->table_column->space, moment));
	}
	return earliest;
}
