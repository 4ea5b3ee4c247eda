/*-------------------------------------------------------------------------
 *
 * batch_relation.c
 *		Cells of a batch of rows, as a relation that SQL can join with the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/sql.h"
#include "graph/batch_relation.h"

/* Rows that the planner is told of. */
#define EXPECTED_ROWS 1000

/* Describes the rows of a batch: its place and some columns. */
static TupleDesc
describe(const GraphStep *step, const List *columns)
{
	TupleDesc desc = CreateTemplateTupleDesc(list_length(columns) + 1);
	ListCell *cell;

	TupleDescInitEntry(desc, 1, "place", INT4OID, -1, 0);
	foreach(cell, columns)
	{
		const ValueSpace *space = step->columns[lfirst_int(cell)].table_column->space;
		int				  number = foreach_current_index(cell) + 2;

		TupleDescInitEntry(desc, number, psprintf("v%d", number - 1), space->base,
						   space->base_typmod, 0);
		TupleDescInitEntryCollation(desc, number, space->collation);
	}
	return desc;
}

BatchRelation *
batch_relation_make(GraphStep *step, const char *name, List *columns)
{
	BatchRelation *batch = palloc0_object(BatchRelation);

	batch->step = step;
	batch->name = name;
	batch->columns = columns;
	batch->desc = describe(step, columns);
	batch->relation = sql_register_relation(name, batch->desc, EXPECTED_ROWS);
	return batch;
}

int
batch_relation_fill(BatchRelation *batch, RowCursor *cursor, int64 first, int nrows,
					const bool *skipped, bool wanted)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	Datum			*values = palloc_array(Datum, batch->desc->natts);
	bool			*nulls = palloc0_array(bool, batch->desc->natts);
	int				 filled = 0;

	batch->relation->reldata = store;
	for (int row = 0; row < nrows; row++)
	{
		ListCell *cell;

		if (skipped != NULL && skipped[row] != wanted)
			continue;
		cursor_move(cursor, first + row);
		values[0] = Int32GetDatum(row);
		foreach(cell, batch->columns)
			values[foreach_current_index(cell) + 1] =
				cursor_value(cursor, lfirst_int(cell), &nulls[foreach_current_index(cell) + 1]);
		tuplestore_putvalues(store, batch->desc, values, nulls);
		filled++;
	}
	return filled;
}

void
batch_relation_clear(BatchRelation *batch)
{
	if (batch->relation->reldata != NULL)
		tuplestore_end(batch->relation->reldata);
	batch->relation->reldata = NULL;
}

void
batch_relation_drop(BatchRelation *batch)
{
	batch_relation_clear(batch);
	sql_unregister_relation(batch->relation);
}

const char *
batch_relation_equal(const GraphStep *step, int column, int value, bool nulls_distinct)
{
	const ValueSpace *space = step->columns[column].table_column->space;
	const char		 *side = psprintf("t.%s", quote_identifier(step->columns[column].name));
	const char		 *equal = psprintf("%s %s b.v%d", side, equality_operator(space->base), value);

	if (nulls_distinct || step->columns[column].table_column->not_null)
		return equal;
	return psprintf("(%s OR (%s IS NULL AND b.v%d IS NULL))", equal, side, value);
}

void
batch_relation_join(StringInfo sql, const GraphStep *step, const List *columns, bool nulls_distinct)
{
	ListCell *cell;

	foreach(cell, columns)
		appendStringInfo(sql, "%s%s", foreach_current_index(cell) > 0 ? " AND " : "",
						 batch_relation_equal(step, lfirst_int(cell),
											  foreach_current_index(cell) + 1, nulls_distinct));
}
