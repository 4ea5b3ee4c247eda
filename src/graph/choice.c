/*-------------------------------------------------------------------------
 *
 * choice.c
 *		Which row each reference of a row is to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/compat.h"
#include "graph/allowed.h"
#include "graph/candidates.h"
#include "graph/cursor_state.h"
#include "graph/parents.h"
#include "graph/spread.h"

/* How often a row is drawn that leaves other references some. */
#define MAX_DRAWS 200

/*
 * Attempts after which NULLs are as likely as values, and what checks ask for is looked at: they may want a mix that is
 * rare else.
 */
#define PLAIN_ATTEMPTS 16

int
draw_attempt(const RowCursor *cursor, const GraphColumn *column)
{
	bool is_drawn = column->check_group >= 0 && column->check_group == cursor->drawing;

	return cursor->redraw * MAX_GROUP_ATTEMPTS + (is_drawn ? cursor->attempt : 0);
}

RandomStream
draw_stream(const RowCursor *cursor, const GraphColumn *column, RandomPurpose purpose, int attempt)
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

uint64
draw_place(const RowCursor *cursor, const Spread *spread, int attempt)
{
	const GraphStep *step = cursor->step;
	int64			 children;
	uint64			 place = (uint64) child_place(step, cursor->row, &children);
	uint64			 later = place + (uint64) attempt * (uint64) children;

	return spread_index(spread, step->space, step->hash, later < step->space ? later : place);
}

bool
draw_is_wishful(const RowCursor *cursor)
{
	return cursor->drawing >= 0 && cursor->attempt >= PLAIN_ATTEMPTS;
}

Wish
draw_wish(const RowCursor *cursor, int column)
{
	if (!draw_is_wishful(cursor) || cursor->step->columns[column].check_group != cursor->drawing)
		return (Wish){.kind = WISH_NONE};
	return cursor->wishes[column];
}

bool
draw_null(RandomStream *random, double share, int attempt, WishKind wish)
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
	int64 n = (int64) draw_place(cursor, &ref->spread, attempt);

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

/* Returns which row of its own table a row refers to: one above it in a tree, or -1. */
static int64
row_above(RowCursor *cursor, const GraphRef *ref, int by)
{
	RefState *state = &cursor->refs[ref - cursor->step->refs];

	if (ref->fan_out == FAN_ONE && by < 0)
		return cursor->row > cursor->step->first_row ? cursor->row - 1 : -1;
	if (by < 0)
		return tree_row(cursor);
	state->row = row_in_family(cursor, by);

	/* What they share must be the same, wherever the rows were drawn to. */
	if (state->row >= 0 && ref->narrowed_by == by &&
		cursor_parent_row(cursor_parent(cursor, (int) (ref - cursor->step->refs)), by) !=
			cursor_parent_row(cursor, by))
		return -1;
	return state->row;
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
	if (ref->parent == step)
	{
		int64 row = row_above(cursor, ref, ref->narrowed_by);

		return row >= 0 || ref->nullable ? row : cursor->row;
	}
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
		return first + (int64) (draw_place(cursor, &ref->spread, attempt) % (uint64) count);
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

/* Returns the parent's row of a plain reference that must be distinct, among those that checks allow. */
static int64
distinct_row(RowCursor *cursor, const GraphRef *ref, int attempt, int64 first, int64 parents)
{
	GraphRef *own = &cursor->step->refs[ref - cursor->step->refs];
	int64	  count = allowed_count(cursor->step, own, first, parents);

	if (count == 0)
		return -1;
	return allowed_nth(cursor->step, own,
					   (int64) (draw_place(cursor, &ref->spread, attempt) % (uint64) count), first,
					   parents);
}

/* Returns the parent's row of a plain reference. */
static int64
plain_row(RowCursor *cursor, const GraphRef *ref, int attempt, RandomStream *random)
{
	const GraphStep *step = cursor->step;
	int64			 children;
	int64			 place = child_place(step, cursor->row, &children);
	int64			 first;
	int64			 parents;
	int64			 row;

	if (ref->parent == step)
	{
		row = row_above(cursor, ref, ref->fan_out == FAN_ONE ? -1 : family_of(step));
		return row >= 0 || ref->nullable ? row : cursor->row;
	}
	parents = parent_rows(ref, &first);
	if (parents == 0)
		return -1;
	if (ref->spread.distinct)
		return distinct_row(cursor, ref, attempt, first, parents);
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

		if (ref->narrowed_by == index && !ref->nullable && ref->parent != cursor->step &&
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
	for (int more = 1; more < MAX_DRAWS && state->row >= 0 && !leaves_rows(cursor, index); more++)
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
		Wish wish = draw_wish(cursor, graph_column(cursor->step, ref->columns[i]));

		if (wish.kind != WISH_VALUE || ref->ntargets > 0 || ref->parent == cursor->step ||
			ref->spread.distinct)
			continue;
		parents = ref->narrowed_by >= 0 ? candidate_rows(cursor, index, &first)
										: parent_rows(ref, &first);
		cursor->refs[index].row = allowed_with_key(cursor->step, ref, i, wish.value,
												   cursor->refs[index].row, first, parents);
	}
}

void
choice_make(RowCursor *cursor, int index)
{
	const GraphRef	  *ref = &cursor->step->refs[index];
	RefState		  *state = &cursor->refs[index];
	const GraphColumn *column =
		&cursor->step->columns[graph_column(cursor->step, ref->columns[ref->ncolumns - 1])];
	int			 attempt = draw_attempt(cursor, column);
	RandomStream random = draw_stream(cursor, column, RANDOM_GRAPH_PARENT, attempt);

	state->done = true;
	state->row = -1;
	state->target = 0;
	if (draw_null(
			&random, ref->nulls, attempt,
			draw_wish(cursor, graph_column(cursor->step, ref->columns[ref->ncolumns - 1])).kind))
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
