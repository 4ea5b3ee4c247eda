/*-------------------------------------------------------------------------
 *
 * candidates.c
 *		References that share a column: the rows that one can refer to are those
 *		that have there what another refers to, as rows of one tenant.
 *
 * A shared column is followed up from each of the two parents, reference by
 * reference, to the table that both have it of.  From the row found there by
 * the one, the other's candidates are found by going down again: children of
 * neighbours are neighbours, so they are always a range of rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/compat.h"
#include "graph/candidates.h"
#include "graph/parents.h"
#include "graph/problem.h"

/* Children that a node of a table that refers to itself has. */
#define TREE_WIDTH 4

/* References followed from a table up; longer chains are not looked for. */
#define MAX_LINKS 16

/* The way from a table up to where a column of it comes from. */
typedef struct Path
{
	int		   nlinks;
	GraphStep *steps[MAX_LINKS]; /* of which the reference is */
	GraphRef  *refs[MAX_LINKS];
	Oid		   top; /* the table where it ends */

	/* The column that it is there; NULL: of a table without a step. */
	const GraphColumn *column;
} Path;

int64
parent_rows(const GraphRef *ref, int64 *first)
{
	*first = 0;
	if (ref->parent == NULL)
		return ref->existing->count;
	if (ref->parent->rows == 0)
		return ref->parent->first_row;
	*first = ref->parent->first_row;
	return ref->parent->rows;
}

int64
child_place(const GraphStep *step, int64 row, int64 *children)
{
	if (row < step->first_row)
	{
		*children = step->first_row;
		return row;
	}
	*children = step->rows;
	return row - step->first_row;
}

/* Finds the columns that a reference and the one that narrows it share; the keys' columns on both sides. */
static void
shared_key(const GraphStep *step, const GraphRef *ref, AttrNumber *key, AttrNumber *other_key)
{
	const GraphRef *other = &step->refs[ref->narrowed_by];

	for (int i = 0; i < ref->ncolumns; i++)
	{
		for (int j = 0; j < other->ncolumns; j++)
		{
			if (ref->columns[i] != other->columns[j])
				continue;
			*key = ref->key[i];
			*other_key = other->key[j];
			return;
		}
	}
	elog(ERROR, "references share no column");
}

/* Follows a column of a reference's parent up to where it comes from. */
static Path
follow(const GraphRef *ref, AttrNumber key)
{
	Path	   path = {0};
	GraphStep *step = ref->parent;

	path.top = ref->relid;
	while (step != NULL && path.nlinks < MAX_LINKS)
	{
		int		  column = graph_column(step, key);
		GraphRef *up;

		path.column = column < 0 ? NULL : &step->columns[column];
		if (column < 0 || step->columns[column].source != COLUMN_REF)
			break;
		up = &step->refs[step->columns[column].ref];
		if (up->ntargets > 0 || up->parent == step)
			break;
		path.steps[path.nlinks] = step;
		path.refs[path.nlinks++] = up;
		key = up->key[step->columns[column].ref_column];
		path.top = up->relid;
		path.column = NULL;
		step = up->parent;
	}
	return path;
}

/* Tells whether a column is generated as one value. */
static bool
is_constant(const GraphColumn *column)
{
	return column != NULL && column->source == COLUMN_GENERATED && column->generator != NULL &&
		   strcmp(column->generator->kind->name, "constant") == 0;
}

/* Tells whether two columns have the same value in all rows, so that any row is a neighbour of any other. */
static bool
are_one_constant(const GraphColumn *one, const GraphColumn *other)
{
	Cell  cell = {.distinct = true}; /* the first value of one */
	Datum values[2];
	bool  nulls[2];

	if (!is_constant(one) || !is_constant(other) ||
		one->table_column->space->base != other->table_column->space->base)
		return false;
	values[0] = generator_value(one->generator, &cell, &nulls[0]);
	values[1] = generator_value(other->generator, &cell, &nulls[1]);
	return !nulls[0] && !nulls[1] &&
		   space_compare(one->table_column->space, values[0], values[1]) == 0;
}

/* Tells whether the rows that a reference leads to have ranges of rows that refer to them, within which there can be trees. */
static bool
may_lead(const GraphStep *step, const GraphRef *ref)
{
	return ref->ntargets == 0 && ref->parent != NULL && ref->parent != step &&
		   ref->narrowed_by < 0 && !ref->spread.permuted && !ref->later;
}

/* Returns the first place, of the children of a parent, that a reference in order leads to it; beyond the last there are none. */
static int64
first_place_of(const GraphRef *ref, int64 parent, int64 children, int64 parents)
{
	if (!ref->spread.distinct)
		return first_child(ref->fan_out, parent, children, parents);
	return Min(parent * (int64) ref->spread.divisor, children);
}

int64
tree_row(const RowCursor *cursor)
{
	int64 children;
	int64 place = child_place(cursor_step(cursor), cursor_row(cursor), &children);
	int64 above = tree_parent(place, TREE_WIDTH);

	return above < 0 ? -1 : cursor_row(cursor) - place + above;
}

int64
row_in_family(RowCursor *cursor, int by)
{
	const GraphStep *step = cursor_step(cursor);
	const GraphRef	*ref = &step->refs[by];
	int64			 children;
	int64			 place = child_place(step, cursor_row(cursor), &children);
	int64			 base;
	int64			 parents = parent_rows(ref, &base);
	int64			 parent = cursor_parent_row(cursor, by) - base;
	int64			 from;
	int64			 above;

	if (parent < 0 || parent >= parents)
		return -1;
	from = first_place_of(ref, parent, children, parents);
	if (place <= from || place >= first_place_of(ref, parent + 1, children, parents))
		return -1;
	above = tree_parent(place - from, TREE_WIDTH);
	return above < 0 ? -1 : cursor_row(cursor) - place + from + above;
}

int
family_of(const GraphStep *step)
{
	for (int i = 0; i < step->nrefs; i++)
	{
		if (may_lead(step, &step->refs[i]) && step->refs[i].fan_out != FAN_RANDOM &&
			step->refs[i].fan_out != FAN_ONE)
			return i;
	}
	return -1;
}

/* Has rows that a reference leads to the same be neighbours. */
static void
put_in_order(GraphRef *ref)
{
	ref->followed = true;
	if (ref->fan_out == FAN_RANDOM)
		ref->fan_out = FAN_EVEN;
}

void
candidates_prepare(GraphStep *step, List **problems)
{
	for (int i = 0; i < step->nrefs && step->rows > 0; i++)
	{
		GraphRef  *ref = &step->refs[i];
		AttrNumber key;
		AttrNumber other_key;
		Path	   path;
		Path	   other;

		if (ref->narrowed_by < 0 || ref->ntargets > 0 || step->refs[ref->narrowed_by].ntargets > 0)
			continue;
		if (ref->parent == step && may_lead(step, &step->refs[ref->narrowed_by]))
		{
			put_in_order(&step->refs[ref->narrowed_by]);
			continue;
		}
		shared_key(step, ref, &key, &other_key);
		path = follow(ref, key);
		other = follow(&step->refs[ref->narrowed_by], other_key);
		if (are_one_constant(path.column, other.column))
		{
			ref->narrowed_by = -1;
			continue;
		}
		if (path.top != other.top)
			*problems = problem_add(
				*problems, step->table->quoted_name, ref->name,
				psprintf("shares a column with \"%s\", and the two do not lead to one table",
						 step->refs[ref->narrowed_by].name),
				"Have one of them be NULL, by \"nulls\": 1.");
		for (int link = 0; link < path.nlinks; link++)
		{
			put_in_order(path.refs[link]);
			path.refs[link]->nulls = 0;
		}
	}
}

int64
candidates_at_least(const GraphStep *step, const GraphRef *ref)
{
	AttrNumber key;
	AttrNumber other_key;
	Path	   path;
	int64	   least = 1;

	if (step->refs[ref->narrowed_by].ntargets > 0)
		return 1;
	shared_key(step, ref, &key, &other_key);
	path = follow(ref, key);
	for (int link = path.nlinks - 1; link >= 0; link--)
	{
		int64 first;
		int64 parents = Max(parent_rows(path.refs[link], &first), 1);
		int64 rows =
			path.steps[link]->rows > 0 ? path.steps[link]->rows : path.steps[link]->first_row;

		least = least * rows / parents;
	}
	return Max(least, 1);
}

/* Goes up from the row that a reference refers to; returns the row at the top, or -1 where the way ends in a NULL. */
static int64
row_at_top(RowCursor *cursor, int ref, AttrNumber key)
{
	int64 row = cursor_parent_row(cursor, ref);

	while (row >= 0)
	{
		GraphRef  *from = &cursor_step(cursor)->refs[ref];
		RowCursor *parent = cursor_parent(cursor, ref);
		int		   column;

		if (parent == NULL)
			return row;
		column = graph_column(from->parent, key);
		if (column < 0 || from->parent->columns[column].source != COLUMN_REF)
			return row;
		cursor = parent;
		ref = from->parent->columns[column].ref;
		from = &cursor_step(cursor)->refs[ref];
		if (from->ntargets > 0 || from->parent == cursor_step(cursor))
			return row;
		key = from->key[cursor_step(cursor)->columns[column].ref_column];
		row = cursor_parent_row(cursor, ref);
	}
	return row;
}

/* Returns the first row of a step whose reference leads to a row of its parent, or beyond. */
static int64
first_row_of(const GraphStep *step, const GraphRef *ref, int64 parent_row)
{
	int64 first;
	int64 parents = parent_rows(ref, &first);
	int64 children = step->rows > 0 ? step->rows : step->first_row;
	int64 base = step->rows > 0 ? step->first_row : 0;

	return base + first_place_of(ref, Max(parent_row - first, 0), children, parents);
}

int64
candidate_rows(RowCursor *cursor, int ref, int64 *first)
{
	GraphStep *step = cursor_step(cursor);
	GraphRef  *narrowed = &step->refs[ref];
	AttrNumber key;
	AttrNumber other_key;
	Path	   path;
	int64	   end;

	shared_key(step, narrowed, &key, &other_key);
	*first = row_at_top(cursor, narrowed->narrowed_by, other_key);
	if (*first < 0)
		return 0;
	end = *first + 1;
	path = follow(narrowed, key);
	for (int link = path.nlinks - 1; link >= 0; link--)
	{
		int64 from = *first;

		*first = first_row_of(path.steps[link], path.refs[link], from);
		end = first_row_of(path.steps[link], path.refs[link], end);
	}
	return end - *first;
}
