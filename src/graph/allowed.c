/*-------------------------------------------------------------------------
 *
 * allowed.c
 *		Rows that the checks of a reference's columns let it be to.
 *
 * Most often one or a few of a short list: "kind_id IN (1, 2)".  Rows are drawn until one is
 * allowed; where that takes long all are looked at, once, and those that are allowed are kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "graph/allowed.h"
#include "graph/cursor.h"

/* How often a row is drawn before all are looked at. */
#define MAX_DRAWS 20

/* Rows that are looked at for one of a key. */
#define MAX_LOOKED_AT 10000

/* Of one reference; lasts as long as the graph. */
struct AllowedRows
{
	MemoryContext context;
	RowCursor	 *cursor; /* on the parents; NULL: they have no step */
	bool		  listed; /* the rows of the range are */
	int64		  first;
	int64		  parents;
	int64		 *rows;
	int64		  nrows;
};

bool
allowed_is_restricted(const GraphStep *step, const GraphRef *ref)
{
	for (int i = 0; i < ref->ncolumns && ref->ntargets == 0 && ref->parent != step; i++)
	{
		if (step->columns[graph_column(step, ref->columns[i])].verify)
			return true;
	}
	return false;
}

/* Returns what is known of a reference. */
static struct AllowedRows *
state_of(GraphStep *step, GraphRef *ref)
{
	MemoryContext old_context = MemoryContextSwitchTo(step->graph->context);

	if (ref->allowed == NULL)
	{
		ref->allowed = palloc0_object(struct AllowedRows);
		ref->allowed->context = AllocSetContextCreate(
			CurrentMemoryContext, "pollseed rows that are allowed", ALLOCSET_SMALL_SIZES);
		ref->allowed->cursor = ref->parent == NULL ? NULL : cursor_make(ref->parent);
	}
	MemoryContextSwitchTo(old_context);
	return ref->allowed;
}

/* Returns the value that a column would have if its reference were to a row, as its base type's. */
static Datum
key_value(const struct AllowedRows *state, const GraphRef *ref, int key, int64 row,
		  ValueSpace *space, bool *isnull)
{
	const ValueSpace *from;
	Datum			  value;

	if (state->cursor == NULL)
	{
		*isnull = false;
		return ref->existing->values[row * ref->existing->nkey + key];
	}
	cursor_move(state->cursor, row);
	value = cursor_value(state->cursor, ref_key_column(ref, key), isnull);
	from = ref->parent->columns[ref_key_column(ref, key)].table_column->space;
	if (*isnull || from->base == space->base)
		return value;
	return space_input(space, space_output(from, value));
}

/* Tells whether checks allow a row. */
static bool
is_allowed(const struct AllowedRows *state, const GraphStep *step, const GraphRef *ref, int64 row)
{
	for (int i = 0; i < ref->ncolumns; i++)
	{
		const GraphColumn *column = &step->columns[graph_column(step, ref->columns[i])];
		ValueSpace		  *space = column->table_column->space;
		bool			   isnull;
		Datum			   value;

		if (!column->verify)
			continue;
		value = key_value(state, ref, i, row, space, &isnull);
		if (!isnull && !space_has(space, value))
			return false;
	}
	return true;
}

/* Looks at all rows of a range. */
static void
list_rows(struct AllowedRows *state, const GraphStep *step, const GraphRef *ref, int64 first,
		  int64 parents)
{
	int64 room = 0;

	MemoryContextReset(state->context);
	state->rows = NULL;
	state->nrows = 0;
	for (int64 row = first; row < first + parents; row++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_allowed(state, step, ref, row))
			continue;
		if (state->nrows == room)
		{
			room = room == 0 ? 64 : room * 2;
			state->rows = state->rows == NULL
							  ? MemoryContextAllocHuge(state->context, room * sizeof(int64))
							  : repalloc_huge(state->rows, room * sizeof(int64));
		}
		state->rows[state->nrows++] = row;
	}
	state->first = first;
	state->parents = parents;
	state->listed = true;
}

/* Lists the rows of a range unless they are. */
static void
list_once(struct AllowedRows *state, const GraphStep *step, const GraphRef *ref, int64 first,
		  int64 parents)
{
	if (!state->listed || state->first != first || state->parents != parents)
		list_rows(state, step, ref, first, parents);
}

/*
 * Tells whether a reference's rows can be counted before any is written: its key's columns that checks restrict are not a
 * sequence's, whose values are taken later, and its parent is made ready before.  Those in order must stay so.
 */
static bool
can_be_listed(const GraphStep *step, const GraphRef *ref, int64 parents)
{
	if (!ref->restricted || ref->followed || ref->narrowed_by >= 0 || ref->parent == NULL ||
		ref->parent->index > step->index || ref->ntargets > 0 || parents > MAX_LOOKED_AT)
		return false;
	for (int i = 0; i < ref->ncolumns; i++)
	{
		if (step->columns[graph_column(step, ref->columns[i])].verify &&
			ref->parent->columns[ref_key_column(ref, i)].source != COLUMN_GENERATED)
			return false;
	}
	return true;
}

int64
allowed_count(GraphStep *step, GraphRef *ref, int64 first, int64 parents)
{
	struct AllowedRows *state;

	if (!can_be_listed(step, ref, parents))
		return parents;
	state = state_of(step, ref);
	list_once(state, step, ref, first, parents);
	return state->nrows;
}

int64
allowed_nth(GraphStep *step, GraphRef *ref, int64 n, int64 first, int64 parents)
{
	struct AllowedRows *state;

	if (!can_be_listed(step, ref, parents))
		return first + n;
	state = state_of(step, ref);
	list_once(state, step, ref, first, parents);
	return n < state->nrows ? state->rows[n] : -1;
}

int64
allowed_choose(GraphStep *step, GraphRef *ref, int64 row, int64 first, int64 parents,
			   RandomStream *random)
{
	struct AllowedRows *state = state_of(step, ref);

	for (int draw = 0; draw < MAX_DRAWS; draw++)
	{
		if (is_allowed(state, step, ref, row))
			return row;
		row = first + (int64) random_below(random, (uint64) parents);
	}
	list_once(state, step, ref, first, parents);
	if (state->nrows == 0)
		return -1;
	return state->rows[random_below(random, (uint64) state->nrows)];
}

int64
allowed_with_key(GraphStep *step, GraphRef *ref, int key, Datum value, int64 row, int64 first,
				 int64 parents)
{
	const struct AllowedRows *state = state_of(step, ref);
	ValueSpace *space = step->columns[graph_column(step, ref->columns[key])].table_column->space;

	for (int64 other = first; other < first + Min(parents, MAX_LOOKED_AT); other++)
	{
		bool  isnull;
		Datum found = key_value(state, ref, key, other, space, &isnull);

		if (!isnull && datum_image_eq(found, value, space->typbyval, space->typlen))
			return other;
	}
	return row;
}
