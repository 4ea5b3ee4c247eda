/*-------------------------------------------------------------------------
 *
 * cursor.c
 *		One row of a step at a time, its cells made when they are asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "graph/cursor_state.h"
#include "graph/exceptions.h"
#include "graph/pattern.h"

/* How often a cell, or the cells of a check, are drawn before it is taken for one that nothing satisfies. */
#define MAX_ATTEMPTS 200

/* Times that a row is drawn again before its columns are NULL that may be. */
#define VALUES_REDRAWS 10

static void make_cell(RowCursor *cursor, int index);

RowCursor *
cursor_make_in(GraphStep *step, MemoryContext cells)
{
	RowCursor *cursor = palloc0_object(RowCursor);

	cursor->step = step;
	cursor->home = CurrentMemoryContext;
	cursor->cells = cells;
	cursor->row = -1;
	cursor->drawing = -1;
	cursor->values = palloc0_array(Datum, Max(step->ncolumns, 1));
	cursor->nulls = palloc0_array(bool, Max(step->ncolumns, 1));
	cursor->done = palloc0_array(bool, Max(step->ncolumns, 1));
	cursor->refs = palloc0_array(RefState, Max(step->nrefs, 1));
	return cursor;
}

RowCursor *
cursor_make(GraphStep *step)
{
	RowCursor *cursor = cursor_make_in(
		step, AllocSetContextCreate(CurrentMemoryContext, "pollseed row", ALLOCSET_SMALL_SIZES));

	cursor->owns_cells = true;
	return cursor;
}

void
cursor_forget(RowCursor *cursor)
{
	cursor->row = -1;
	cursor->redraw = 0;
}

void
cursor_move(RowCursor *cursor, int64 row)
{
	if (cursor->row == row)
		return;
	if (cursor->owns_cells)
		MemoryContextReset(cursor->cells);
	cursor->row = row;
	memset(cursor->done, false, cursor->step->ncolumns * sizeof(bool));
	for (int i = 0; i < cursor->step->nrefs; i++)
		cursor->refs[i].done = false;
}

void
cursor_redraw(RowCursor *cursor, int64 row, int redraw)
{
	cursor_forget(cursor);
	cursor_move(cursor, row);
	cursor->redraw = redraw;
}

GraphStep *
cursor_step(const RowCursor *cursor)
{
	return cursor->step;
}

int64
cursor_row(const RowCursor *cursor)
{
	return cursor->row;
}

/* Has the cells drawn that checks hold together with a reference: which row it is to is only known then. */
static void
settle_group(RowCursor *cursor, int index)
{
	const GraphRef *ref = &cursor->step->refs[index];

	for (int i = 0; i < ref->ncolumns; i++)
	{
		int column = graph_column(cursor->step, ref->columns[i]);
		int group = cursor->step->columns[column].check_group;

		if (group >= 0 && group != cursor->drawing && cursor->step->columns[column].ref == index)
			make_cell(cursor, column);
	}
}

int64
cursor_parent_row(RowCursor *cursor, int ref)
{
	if (!cursor->refs[ref].done)
		settle_group(cursor, ref);
	if (!cursor->refs[ref].done)
		choice_make(cursor, ref);
	return cursor->refs[ref].row;
}

/* Returns the part of a reference that the row has. */
static const GraphRef *
ref_part(const RowCursor *cursor, int index)
{
	const GraphRef *ref = &cursor->step->refs[index];

	return ref->ntargets > 0 ? &ref->targets[cursor->refs[index].target] : ref;
}

RowCursor *
cursor_parent(RowCursor *cursor, int index)
{
	RefState	   *state = &cursor->refs[index];
	int64			row = cursor_parent_row(cursor, index);
	const GraphRef *part = ref_part(cursor, index);

	if (row < 0 || part->parent == NULL)
		return NULL;
	check_stack_depth();
	if (state->cursors == NULL)
		state->cursors = MemoryContextAllocZero(
			cursor->home, sizeof(RowCursor *) * Max(cursor->step->refs[index].ntargets, 1));
	if (state->cursors[state->target] == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(cursor->home);

		state->cursors[state->target] = cursor_make(part->parent);
		MemoryContextSwitchTo(old_context);
	}
	cursor_move(state->cursors[state->target], row);
	return state->cursors[state->target];
}

/* Returns a value of a key as a value of a column that refers to it, and a copy. */
static Datum
convert(const GraphColumn *key, const GraphColumn *column, Datum value)
{
	const ValueSpace *from = key->table_column->space;
	const ValueSpace *to = column->table_column->space;

	if (from->base == to->base)
		return datumCopy(value, from->typbyval, from->typlen);
	return space_input(to, space_output(from, value));
}

/* Makes a cell that refers to another row. */
static Datum
ref_cell(RowCursor *cursor, const GraphColumn *column, bool *isnull)
{
	const GraphRef	 *ref = &cursor->step->refs[column->ref];
	const ValueSpace *space = column->table_column->space;
	int				  key = column->ref_column;
	const GraphRef	 *part;
	RowCursor		 *parent;
	Datum			  value;

	*isnull = true;
	if (cursor_parent_row(cursor, column->ref) < 0)
		return (Datum) 0;
	if (ref->ntargets > 0 && key == 0)
	{
		*isnull = false;
		return space_input(space, ref->types[cursor->refs[column->ref].target]);
	}
	part = ref_part(cursor, column->ref);
	if (ref->ntargets > 0)
		key--;
	parent = cursor_parent(cursor, column->ref);
	if (parent == NULL)
	{
		*isnull = false;
		return datumCopy(
			part->existing->values[cursor->refs[column->ref].row * part->existing->nkey + key],
			space->typbyval, space->typlen);
	}
	value = cursor_value(parent, ref_key_column(part, key), isnull);
	if (*isnull)
		return (Datum) 0;
	return convert(&part->parent->columns[ref_key_column(part, key)], column, value);
}

/* Makes a value of an integer type, or another that an integer can be made. */
static Datum
integer_cell(const ValueSpace *space, int64 value)
{
	switch (space->base)
	{
		case INT2OID:
			return Int16GetDatum((int16) value);
		case INT4OID:
			return Int32GetDatum((int32) value);
		case INT8OID:
			return Int64GetDatum(value);
		default:
			return space_input(space, psprintf("%lld", (long long) value));
	}
}

/* Returns a text that matches a regular expression, the cell's where it must be distinct; NULL where none is found. */
static char *
matching_text(const char *expression, bool ignore_case, const Cell *cell)
{
	const char *reason;
	Pattern	   *pattern = pattern_read(expression, ignore_case, &reason);

	if (pattern == NULL || (cell->distinct && cell->n >= pattern_capacity(pattern)))
		return NULL;
	return cell->distinct ? pattern_nth(pattern, cell->n) : pattern_draw(pattern, cell->random);
}

/* Makes a cell follow from other columns, as its wish says; false where it cannot. */
static bool
following_cell(RowCursor *cursor, const GraphColumn *column, const Wish *wish, const Cell *cell,
			   Datum *value)
{
	ValueSpace *space = column->table_column->space;
	Oid			type = exprType(wish->expression);
	List	   *vars = pull_var_clause(unconstify(Node *, wish->expression), 0);
	ListCell   *var;
	bool		isnull;

	if (type != TEXTOID && (type != space->base || wish->kind == WISH_MATCHING))
		return false;
	if (wish->kind == WISH_COMPUTED && cell->distinct)
		return false;
	foreach(var, vars)
		make_cell(cursor, graph_column(cursor->step, lfirst_node(Var, var)->varattno));
	*value = checks_compute(cursor->checks, cursor->drawing, wish->expression, cursor->values,
							cursor->nulls, &isnull);
	if (isnull)
		return false;
	if (type == TEXTOID)
	{
		char *string = TextDatumGetCString(*value);

		if (wish->kind == WISH_MATCHING)
			string = matching_text(string, wish->ignore_case, cell);
		if (string == NULL || space->kind != VALUE_TEXT)
			return false;
		*value = space_text(space, string);
	}
	return space_has(space, *value);
}

/* Makes a cell by its generator, drawing anew what is not in its space. */
static Datum
generated_cell(RowCursor *cursor, const GraphColumn *column, bool *isnull)
{
	const GraphStep *step = cursor->step;
	ValueSpace		*space = column->table_column->space;
	int				 first_attempt = draw_attempt(cursor, column) * MAX_ATTEMPTS;
	double			 nulls = column->nulls;
	Wish			 wish = draw_wish(cursor, graph_column(step, column->attnum));
	Cell cell = {.cursor = cursor, .row = cursor->row, .distinct = column->spread.distinct};

	/* What a trigger refuses may be any value at all. */
	if (cursor->redraw >= VALUES_REDRAWS && !cell.distinct && !column->table_column->not_null &&
		!space->not_null)
		nulls = 0.5;
	if (cell.distinct)
	{
		cell.n = draw_place(cursor, &column->spread, draw_attempt(cursor, column));
		if (column->spread.modulus == 0)
			cell.n += step->first_row;
	}
	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++)
	{
		RandomStream random;
		Datum		 value;

		random = draw_stream(cursor, column, RANDOM_GRAPH_CELL, first_attempt + attempt);
		cell.random = &random;
		if (attempt == 0 && draw_null(&random, nulls, draw_attempt(cursor, column), wish.kind))
			break;
		if (attempt == 0 && wish.kind == WISH_VALUE && !cell.distinct)
			value = datumCopy(wish.value, space->typbyval, space->typlen);
		else if (attempt == 0 && wish.kind >= WISH_COMPUTED &&
				 following_cell(cursor, column, &wish, &cell, &value))
		{
			*isnull = false;
			return value;
		}
		else
			value = generator_value(column->generator, &cell, isnull);
		if (*isnull || !column->verify || space_has(space, value))
			return value;
		if (cell.distinct)
			cell.n += step->space;
		if (cell.distinct && cell.n >= column->generator->capacity)
			break;
	}
	*isnull = true;
	if (nulls > 0 && !column->table_column->not_null)
		return (Datum) 0;
	checks_raise_unsatisfied(step, column);
	return (Datum) 0;
}

/* Makes a cell, within the context of cells. */
static void
draw_cell(RowCursor *cursor, int index)
{
	const GraphColumn *column = &cursor->step->columns[index];
	bool			   isnull = false;
	Datum			   value = (Datum) 0;

	switch (column->source)
	{
		case COLUMN_GENERATED:
			value = generated_cell(cursor, column, &isnull);
			break;
		case COLUMN_REF:
			value = ref_cell(cursor, column, &isnull);
			break;
		case COLUMN_SEQUENCE:
			value = integer_cell(column->table_column->space,
								 column->first_value + cursor->row * column->increment);
			break;
		case COLUMN_DEFAULT:
			value = column->default_value;
			isnull = column->default_isnull;
			break;
	}
	cursor->values[index] = value;
	cursor->nulls[index] = isnull;
	cursor->done[index] = true;
}

/* Forgets the cells of a group of checks, and whom they refer to. */
static void
forget_group(RowCursor *cursor, const CheckGroup *group)
{
	ListCell *cell;

	foreach(cell, group->columns)
	{
		const GraphColumn *column = &cursor->step->columns[lfirst_int(cell)];

		cursor->done[lfirst_int(cell)] = false;
		if (column->source == COLUMN_REF)
			cursor->refs[column->ref].done = false;
	}
}

/* Draws what the cells of the group that is being drawn had better be. */
static void
make_wishes(RowCursor *cursor)
{
	const CheckGroup  *group = &cursor->step->groups[cursor->drawing];
	const GraphColumn *column = &cursor->step->columns[linitial_int(group->columns)];
	RandomStream	   random =
		draw_stream(cursor, column, RANDOM_GRAPH_PARENT, MAX_GROUP_ATTEMPTS + cursor->attempt);

	if (cursor->wishes == NULL)
		cursor->wishes =
			MemoryContextAllocZero(cursor->home, sizeof(Wish) * Max(cursor->step->ncolumns, 1));
	wishes_draw(cursor->step, cursor->drawing, &random, cursor->wishes);
}

/* Makes the cells of a group of checks, until they hold. */
static void
draw_group(RowCursor *cursor, int number)
{
	const CheckGroup *group = &cursor->step->groups[number];
	ListCell		 *cell;

	if (cursor->checks == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(cursor->home);

		cursor->checks = checks_make(cursor->step);
		MemoryContextSwitchTo(old_context);
	}
	for (int attempt = 0; attempt < MAX_GROUP_ATTEMPTS; attempt++)
	{
		int drawing = cursor->drawing;
		int outer_attempt = cursor->attempt;

		forget_group(cursor, group);
		cursor->drawing = number;
		cursor->attempt = attempt;
		if (draw_is_wishful(cursor))
			make_wishes(cursor);
		foreach(cell, group->columns)
			make_cell(cursor, lfirst_int(cell));
		cursor->drawing = drawing;
		cursor->attempt = outer_attempt;
		if (checks_hold(cursor->checks, number, cursor->values, cursor->nulls))
			return;
	}
	checks_raise_group(cursor->checks, number, cursor->values, cursor->nulls);
}

/* Makes a cell and, where it is in a group of checks, the others of that group. */
static void
make_cell(RowCursor *cursor, int index)
{
	MemoryContext old_context;
	int			  group = cursor->step->columns[index].check_group;

	if (cursor->done[index])
		return;
	check_stack_depth();
	if (cursor->step->exceptions != NULL &&
		exception_value(cursor->step, cursor->row, index, &cursor->values[index],
						&cursor->nulls[index]))
	{
		cursor->done[index] = true;
		return;
	}
	old_context = MemoryContextSwitchTo(cursor->cells);
	if (group >= 0 && group != cursor->drawing)
		draw_group(cursor, group);
	else
		draw_cell(cursor, index);
	MemoryContextSwitchTo(old_context);
}

Datum
cursor_value(RowCursor *cursor, int column, bool *isnull)
{
	if (!cursor->done[column])
		make_cell(cursor, column);
	*isnull = cursor->nulls[column];
	return cursor->values[column];
}

void
cursor_row_values(RowCursor *cursor, Datum *values, bool *nulls)
{
	for (int i = 0; i < cursor->step->ncolumns; i++)
		values[i] = cursor_value(cursor, i, &nulls[i]);
}
