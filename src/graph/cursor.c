/*-------------------------------------------------------------------------
 *
 * cursor.c
 *		One row of a step at a time, its cells made when they are asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "graph/allowed.h"
#include "graph/checks.h"
#include "graph/cursor.h"
#include "graph/exceptions.h"
#include "graph/candidates.h"
#include "graph/parents.h"
#include "graph/spread.h"
#include "graph/wishes.h"

/* How often a cell, or the cells of a check, are drawn before it is taken for one that nothing satisfies. */
#define MAX_ATTEMPTS 200
#define MAX_GROUP_ATTEMPTS 1000

/*
 * Attempts after which NULLs are as likely as values, and what checks ask for is looked at: they may want a mix that is
 * rare else.
 */
#define PLAIN_ATTEMPTS 16

/* Children that a node of a table that refers to itself has. */
#define TREE_WIDTH 4

/* What is known of a reference of the row. */
typedef struct RefState
{
	bool		done;
	int64		row; /* of the parent; -1: it is NULL */
	int			target;
	RowCursor **cursors; /* on parents, by target; made when needed */
} RefState;

struct RowCursor
{
	GraphStep	 *step;
	MemoryContext home;	 /* of the cursor itself */
	MemoryContext cells; /* where cells are made */
	bool		  owns_cells;
	int64		  row;	   /* -1: none */
	int			  drawing; /* the group of checks whose cells are being drawn, or -1 */
	int			  attempt; /* at it */
	Datum		 *values;
	bool		 *nulls;
	bool		 *done;
	RefState	 *refs;
	ChecksState	 *checks; /* made when needed */
	Wish		 *wishes; /* by column, of the group that is being drawn; NULL: none yet */
};

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

/* Returns at which attempt to make a column's cell we are; only the group that is being drawn is at a later one than the first. */
static int
attempt_of(const RowCursor *cursor, const GraphColumn *column)
{
	return column->check_group >= 0 && column->check_group == cursor->drawing ? cursor->attempt : 0;
}

/* Returns the stream of a cell, or of which row its reference is to: of another purpose. */
static RandomStream
stream_of(const RowCursor *cursor, const GraphColumn *column, RandomPurpose purpose, int attempt)
{
	return random_stream(cursor->step->graph->seed ^ (int64) column->place, purpose,
						 (uint64) cursor->row ^ ((uint64) attempt << 48));
}

/* Tells whether a draw falls within a share. */
static bool
falls_within(RandomStream *random, double share)
{
	return share > 0 && (share >= 1 || (double) (random_next(random) >> 11) * 0x1p-53 < share);
}

/*
 * Returns the n of a row in what unique keys spread.  At later attempts the row takes a place that no row has at the
 * first, as long as there are any: the group that is drawn has all that shares the place (see keys.c).
 */
static uint64
spread_n(const RowCursor *cursor, const Spread *spread, int attempt)
{
	const GraphStep *step = cursor->step;
	int64			 children;
	uint64			 place = (uint64) child_place(step, cursor->row, &children);
	uint64			 later = place + (uint64) attempt * (uint64) children;

	return spread_index(spread, step->space, step->hash, later < step->space ? later : place);
}

/* Returns what a column of the group that is being drawn had better be, by its checks. */
static Wish
wish_of(const RowCursor *cursor, int column)
{
	if (cursor->drawing < 0 || cursor->attempt < PLAIN_ATTEMPTS ||
		cursor->step->columns[column].check_group != cursor->drawing)
		return (Wish){.kind = WISH_NONE};
	return cursor->wishes[column];
}

/* Tells whether a cell that may be NULL is. */
static bool
is_null(RandomStream *random, double share, int attempt, WishKind wish)
{
	if (share > 0 && wish != WISH_NONE)
		return wish == WISH_NULL;
	if (attempt >= PLAIN_ATTEMPTS && share > 0 && share < 1)
		share = 0.5;
	return falls_within(random, share);
}

/* Chooses one of the tables that a polymorphic reference is to. */
static int
choose_target(const GraphRef *ref, RandomStream *random)
{
	uint64 draw = random_next(random) >> 32;
	int	   target = 0;

	while (target < ref->ntargets - 1 && draw >= ref->weights[target])
		target++;
	return target;
}

/* Returns the parent's row of a polymorphic reference that must be distinct, and chooses its table. */
static int64
distinct_target(RowCursor *cursor, const GraphRef *ref, int attempt, int *target)
{
	int64 n = (int64) spread_n(cursor, &ref->spread, attempt);

	for (*target = 0; *target < ref->ntargets; (*target)++)
	{
		int64 first;
		int64 parents = parent_rows(&ref->targets[*target], &first);

		if (n < parents)
			return first + n;
		n -= parents;
	}
	*target = 0;
	return -1;
}

/* Returns the parent's row where a reference is one of several to rows that share something. */
static int64
narrowed_row(RowCursor *cursor, int index, int attempt, RandomStream *random)
{
	const GraphStep *step = cursor->step;
	const GraphRef	*ref = &step->refs[index];
	const GraphRef	*by = &step->refs[ref->narrowed_by];
	int64			 children;
	int64			 place = child_place(step, cursor->row, &children);
	int64			 first;
	int64			 count;

	if (cursor_parent_row(cursor, ref->narrowed_by) < 0)
		return -1;
	count = candidate_rows(cursor, index, &first);
	if (count <= 0 && !ref->nullable)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no row of the plan can be referred to by \"%s\" of %s in row %lld",
						ref->name, step->table->quoted_name, (long long) cursor->row),
				 errdetail("It shares a column with \"%s\", whose row has none there.", by->name),
				 errhint("Plan more rows for the table that it refers to.")));
	if (count <= 0)
		return -1;
	if (ref->spread.distinct)
		return first + (int64) (spread_n(cursor, &ref->spread, attempt) % (uint64) count);
	if (ref->fan_out != FAN_RANDOM && by->narrowed_by < 0 && by->parent != NULL &&
		by->fan_out != FAN_RANDOM && !by->spread.distinct && by->ntargets == 0 &&
		by->parent != step)
	{
		int64 base;
		int64 parents = parent_rows(by, &base);
		int64 parent = cursor->refs[ref->narrowed_by].row - base;
		int64 from = first_child(by->fan_out, parent, children, parents);
		int64 to = first_child(by->fan_out, parent + 1, children, parents);

		return first + parent_of(ref->fan_out, place - from, to - from, count, random);
	}
	return first + random_below(random, count);
}

/* Returns the parent's row of a plain reference. */
static int64
plain_row(const RowCursor *cursor, const GraphRef *ref, int attempt, RandomStream *random)
{
	const GraphStep *step = cursor->step;
	int64			 children;
	int64			 place = child_place(step, cursor->row, &children);
	int64			 first;
	int64			 parents;
	int64			 row;

	if (ref->parent == step)
	{
		row = tree_parent(place, TREE_WIDTH);
		if (row >= 0)
			return cursor->row - place + row;
		return ref->nullable ? -1 : cursor->row;
	}
	parents = parent_rows(ref, &first);
	if (parents == 0)
		return -1;
	if (ref->spread.distinct)
		return first + (int64) (spread_n(cursor, &ref->spread, attempt) % (uint64) parents);
	if (attempt > 0 && ref->fan_out != FAN_ONE)
		return first + random_below(random, parents);
	return first + parent_of(ref->fan_out, place, children, parents, random);
}

/* Tells whether all references that share a column with one, which is decided, have rows to be to. */
static bool
leaves_rows(RowCursor *cursor, int index)
{
	for (int other = index + 1; other < cursor->step->nrefs; other++)
	{
		const GraphRef *ref = &cursor->step->refs[other];
		int64			first;

		if (ref->narrowed_by == index && !ref->nullable &&
			candidate_rows(cursor, other, &first) <= 0)
			return false;
	}
	return true;
}

/* Returns the parent's row of a reference that may leave others no choice: one that leaves them some. */
static int64
led_row(RowCursor *cursor, int index, int attempt, RandomStream *random)
{
	const GraphRef *ref = &cursor->step->refs[index];
	RefState	   *state = &cursor->refs[index];

	state->row = plain_row(cursor, ref, attempt, random);
	for (int more = 1; more < MAX_ATTEMPTS && state->row >= 0 && !leaves_rows(cursor, index);
		 more++)
		state->row = plain_row(cursor, ref, attempt + more, random);
	return state->row;
}

/* Has a reference be to a row that checks allow. */
static void
keep_allowed(RowCursor *cursor, int index, RandomStream *random)
{
	GraphRef *ref = &cursor->step->refs[index];
	RefState *state = &cursor->refs[index];
	int64	  first;
	int64	  parents =
		ref->narrowed_by >= 0 ? candidate_rows(cursor, index, &first) : parent_rows(ref, &first);

	state->row = allowed_choose(cursor->step, ref, state->row, first, parents, random);
	if (state->row < 0 && !ref->nullable)
		ereport(
			ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg(
				 "no row of the plan that \"%s\" of %s can refer to is one that its checks allow",
				 ref->name, cursor->step->table->quoted_name),
			 errhint("Plan rows for the table that it refers to that have such a key.")));
}

/* Has a reference be to a row whose key is what checks ask for. */
static void
follow_wishes(RowCursor *cursor, int index)
{
	GraphRef *ref = &cursor->step->refs[index];
	int64	  first;
	int64	  parents;

	for (int i = 0; i < ref->ncolumns; i++)
	{
		Wish wish = wish_of(cursor, graph_column(cursor->step, ref->columns[i]));

		if (wish.kind != WISH_VALUE || ref->ntargets > 0 || ref->parent == cursor->step ||
			ref->spread.distinct)
			continue;
		parents = ref->narrowed_by >= 0 ? candidate_rows(cursor, index, &first)
										: parent_rows(ref, &first);
		cursor->refs[index].row = allowed_with_key(cursor->step, ref, i, wish.value,
												   cursor->refs[index].row, first, parents);
	}
}

/* Decides which row a reference is to. */
static void
decide_ref(RowCursor *cursor, int index)
{
	const GraphRef	  *ref = &cursor->step->refs[index];
	RefState		  *state = &cursor->refs[index];
	const GraphColumn *column =
		&cursor->step->columns[graph_column(cursor->step, ref->columns[ref->ncolumns - 1])];
	int			 attempt = attempt_of(cursor, column);
	RandomStream random = stream_of(cursor, column, RANDOM_GRAPH_PARENT, attempt);

	state->done = true;
	state->row = -1;
	state->target = 0;
	if (is_null(&random, ref->nulls, attempt,
				wish_of(cursor, graph_column(cursor->step, ref->columns[ref->ncolumns - 1])).kind))
		return;
	if (ref->ntargets > 0 && ref->spread.distinct)
		state->row = distinct_target(cursor, ref, attempt, &state->target);
	else if (ref->ntargets > 0)
	{
		state->target = choose_target(ref, &random);
		state->row = plain_row(cursor, &ref->targets[state->target], attempt, &random);
	}
	else if (ref->narrowed_by >= 0)
		state->row = narrowed_row(cursor, index, attempt, &random);
	else
		state->row = led_row(cursor, index, attempt, &random);
	if (state->row >= 0 && cursor->drawing >= 0)
		follow_wishes(cursor, index);
	if (state->row >= 0 && ref->restricted)
		keep_allowed(cursor, index, &random);
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
		decide_ref(cursor, ref);
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

/* Makes a cell by its generator, drawing anew what is not in its space. */
static Datum
generated_cell(RowCursor *cursor, const GraphColumn *column, bool *isnull)
{
	const GraphStep *step = cursor->step;
	ValueSpace		*space = column->table_column->space;
	int				 first_attempt = attempt_of(cursor, column) * MAX_ATTEMPTS;
	Wish			 wish = wish_of(cursor, graph_column(step, column->attnum));
	Cell cell = {.cursor = cursor, .row = cursor->row, .distinct = column->spread.distinct};

	if (cell.distinct)
	{
		cell.n = spread_n(cursor, &column->spread, attempt_of(cursor, column));
		if (column->spread.modulus == 0)
			cell.n += step->first_row;
	}
	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++)
	{
		RandomStream random;
		Datum		 value;

		random = stream_of(cursor, column, RANDOM_GRAPH_CELL, first_attempt + attempt);
		cell.random = &random;
		if (attempt == 0 && is_null(&random, column->nulls, attempt_of(cursor, column), wish.kind))
			break;
		if (attempt == 0 && wish.kind == WISH_VALUE && !cell.distinct)
			value = datumCopy(wish.value, space->typbyval, space->typlen);
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
	if (column->nulls > 0 && !column->table_column->not_null)
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
		stream_of(cursor, column, RANDOM_GRAPH_PARENT, MAX_GROUP_ATTEMPTS + cursor->attempt);

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
		if (attempt >= PLAIN_ATTEMPTS)
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
