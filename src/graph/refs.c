/*-------------------------------------------------------------------------
 *
 * refs.c
 *		What the rows of a step refer to: what the plan says and the foreign keys,
 *		put together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/relation.h"
#include "graph/existing.h"
#include "graph/order.h"
#include "graph/problem.h"
#include "graph/refs.h"
#include "graph/resolve.h"

/* Keys of rows that are there, at most so many for each reference. */
#define MAX_EXISTING_ROWS 10000

/* Finds the step of a table; NULL where the plan has none, or none with rows. */
static GraphStep *
step_of(const Graph *graph, Oid relid)
{
	for (int i = 0; i < graph->nsteps; i++)
	{
		if (graph->steps[i]->table->relid == relid)
			return graph->steps[i];
	}
	return NULL;
}

/* Makes attribute numbers of names; NULL, with a problem, where a table has no such column. */
static AttrNumber *
attribute_numbers(const GraphStep *step, Oid relid, const List *names, List **problems)
{
	AttrNumber *numbers = palloc_array(AttrNumber, list_length(names));
	ListCell   *cell;

	foreach(cell, names)
	{
		AttrNumber number = get_attnum(relid, lfirst(cell));

		if (number <= 0)
		{
			*problems =
				problem_add(*problems, step->table->quoted_name, lfirst(cell),
							psprintf("is named in a reference, but relation %s has no such column",
									 resolve_quoted_name(relid)),
							NULL);
			return NULL;
		}
		numbers[foreach_current_index(cell)] = number;
	}
	return numbers;
}

/* Tells whether all of some columns may be NULL. */
static bool
may_be_null(const GraphStep *step, int ncolumns, const AttrNumber *columns)
{
	for (int i = 0; i < ncolumns; i++)
	{
		const TableColumn *column = table_column_number(step->table, columns[i]);

		if (column->not_null || column->space->not_null)
			return false;
	}
	return true;
}

/* Returns the columns of a table's primary key. */
static AttrNumber *
primary_key(Oid relid, int *ncolumns)
{
	Relation	rel = relation_open_by_oid(relid, AccessShareLock);
	Bitmapset  *keys = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	AttrNumber *columns = palloc_array(AttrNumber, bms_num_members(keys));
	int			member = -1;

	*ncolumns = 0;
	while ((member = bms_next_member(keys, member)) >= 0)
		columns[(*ncolumns)++] = member + FirstLowInvalidHeapAttributeNumber;
	table_close(rel, NoLock);
	return columns;
}

/* Fills in whom a reference of the plan refers to; false, with a problem, where that cannot be. */
static bool
find_parent(GraphStep *step, GraphRef *ref, const char *relation, const List *key, List **problems)
{
	int nkey = list_length(key);

	ref->relid = resolve_relation(relation);
	if (!OidIsValid(ref->relid))
	{
		*problems = problem_add(
			*problems, step->table->quoted_name, ref->name,
			psprintf("refers to relation \"%s\", which does not exist", relation), NULL);
		return false;
	}
	if (key != NIL)
		ref->key = attribute_numbers(step, ref->relid, key, problems);
	else
		ref->key = primary_key(ref->relid, &nkey);
	if (ref->key == NULL)
		return false;
	if (nkey != ref->ncolumns)
	{
		*problems =
			problem_add(*problems, step->table->quoted_name, ref->name,
						psprintf("refers to a key of %d columns by %d", nkey, ref->ncolumns),
						"Say which columns by \"key\".");
		return false;
	}
	return true;
}

/* Makes the parts of a reference to one of several tables. */
static bool
make_targets(GraphStep *step, GraphRef *ref, const PlanRef *plan, List **problems)
{
	double	  total = 0;
	double	  sum = 0;
	ListCell *cell;

	ref->ntargets = list_length(plan->targets);
	ref->targets = palloc0_array(GraphRef, ref->ntargets);
	ref->types = palloc_array(const char *, ref->ntargets);
	ref->weights = palloc_array(uint64, ref->ntargets);
	foreach(cell, plan->targets)
		total += ((PlanTarget *) lfirst(cell))->weight;
	foreach(cell, plan->targets)
	{
		const PlanTarget *target = lfirst(cell);
		GraphRef		 *part = &ref->targets[foreach_current_index(cell)];

		*part = *ref;
		part->ntargets = 0;
		part->columns = ref->columns + 1;
		part->ncolumns = ref->ncolumns - 1;
		if (!find_parent(step, part, target->relation, target->key, problems))
			return false;
		sum += target->weight;
		ref->types[foreach_current_index(cell)] = target->type;
		ref->weights[foreach_current_index(cell)] = (uint64) (sum / total * 4294967296.0);
	}
	return true;
}

/* Makes a reference that the plan names; false, with a problem, where that cannot be. */
static bool
make_planned(GraphStep *step, GraphRef *ref, const PlanRef *plan, List **problems)
{
	ref->plan = plan;
	ref->name = linitial(plan->columns);
	ref->ncolumns = list_length(plan->columns);
	ref->columns = attribute_numbers(step, step->table->relid, plan->columns, problems);
	if (ref->columns == NULL)
		return false;
	ref->fan_out = plan->fan_out;
	ref->nulls = plan->nulls;
	ref->nullable = may_be_null(step, ref->ncolumns, ref->columns);
	ref->narrowed_by = -1;
	if (!ref->nullable && ref->nulls > 0)
	{
		*problems = problem_add(*problems, step->table->quoted_name, ref->name,
								"is to be NULL in some rows, but a column of it is NOT NULL",
								"Leave out \"nulls\".");
		return false;
	}
	if (plan->targets != NIL)
		return make_targets(step, ref, plan, problems);
	return find_parent(step, ref, plan->relation, plan->key, problems);
}

/* Tells whether a reference has the columns of a foreign key, in any order, and sets its key in their order. */
static bool
matches(GraphRef *ref, const TableReference *foreign)
{
	ListCell   *column;
	ListCell   *key;
	AttrNumber *in_order;

	if (ref->ntargets > 0 || ref->ncolumns != list_length(foreign->columns) ||
		ref->relid != foreign->relid)
		return false;
	in_order = palloc0_array(AttrNumber, ref->ncolumns);
	forboth(column, foreign->columns, key, foreign->key)
	{
		for (int i = 0; i < ref->ncolumns; i++)
		{
			if (ref->columns[i] == lfirst_int(column))
				in_order[i] = lfirst_int(key);
		}
	}
	for (int i = 0; i < ref->ncolumns; i++)
	{
		if (in_order[i] == 0)
			return false;
	}
	ref->key = in_order;
	return true;
}

/* Tells whether the plan itself says where each column of a foreign key gets its values. */
static bool
is_planned_otherwise(const GraphStep *step, const PlanStep *plan, const TableReference *foreign)
{
	ListCell *cell;

	foreach(cell, foreign->columns)
	{
		const char *name = table_column_number(step->table, lfirst_int(cell))->name;
		ListCell   *planned;
		bool		found = false;

		foreach(planned, plan->columns)
			found |= strcmp(((PlanColumn *) lfirst(planned))->name, name) == 0;
		if (!found)
			return false;
	}
	return true;
}

/* Makes a reference of a foreign key that the plan says nothing of. */
static void
make_found(GraphStep *step, GraphRef *ref, const TableReference *foreign)
{
	ListCell *column;
	ListCell *key;

	ref->name = foreign->name;
	ref->constraint = foreign->name;
	ref->relid = foreign->relid;
	ref->ncolumns = list_length(foreign->columns);
	ref->columns = palloc_array(AttrNumber, ref->ncolumns);
	ref->key = palloc_array(AttrNumber, ref->ncolumns);
	forboth(column, foreign->columns, key, foreign->key)
	{
		ref->columns[foreach_current_index(column)] = lfirst_int(column);
		ref->key[foreach_current_index(column)] = lfirst_int(key);
	}
	ref->fan_out = FAN_EVEN;
	ref->nullable = may_be_null(step, ref->ncolumns, ref->columns);
	ref->narrowed_by = -1;
}

/* Tells whether another reference sets a column. */
static bool
is_shared(const GraphStep *step, int index, AttrNumber column)
{
	for (int other = 0; other < step->nrefs; other++)
	{
		for (int i = 0; other != index && i < step->refs[other].ncolumns; i++)
		{
			if (step->refs[other].columns[i] == column)
				return true;
		}
	}
	return false;
}

/*
 * Tells whether a reference is NULL where a part of it is: its columns that no other reference sets may all be NULL, and there are some,
 * and it need not match in full.
 */
static bool
may_be_null_in_part(const GraphStep *step, int index)
{
	const GraphRef *ref = &step->refs[index];
	bool			some = false;

	for (int i = 0; i < ref->ncolumns; i++)
	{
		if (is_shared(step, index, ref->columns[i]))
			continue;
		if (!may_be_null(step, 1, &ref->columns[i]))
			return false;
		some = true;
	}
	return some && ref->ntargets == 0 && !ref->match_full;
}

void
refs_make(GraphStep *step, const PlanStep *plan, List **problems)
{
	ListCell *cell;

	step->refs =
		palloc0_array(GraphRef, list_length(plan->refs) + list_length(step->table->references));
	foreach(cell, plan->refs)
	{
		GraphRef *ref = &step->refs[step->nrefs];

		memset(ref, 0, sizeof(*ref));
		if (make_planned(step, ref, lfirst(cell), problems))
			step->nrefs++;
	}
	foreach(cell, step->table->references)
	{
		const TableReference *foreign = lfirst(cell);
		bool				  found = false;

		for (int i = 0; i < step->nrefs && !found; i++)
		{
			found = matches(&step->refs[i], foreign);
			if (found)
			{
				step->refs[i].constraint = foreign->name;
				step->refs[i].deferrable = foreign->deferrable;
				step->refs[i].match_full = foreign->match_full;
			}
		}
		if (found || is_planned_otherwise(step, plan, foreign))
			continue;
		memset(&step->refs[step->nrefs], 0, sizeof(GraphRef));
		make_found(step, &step->refs[step->nrefs], foreign);
		step->refs[step->nrefs].match_full = foreign->match_full;
		step->refs[step->nrefs++].deferrable = foreign->deferrable;
	}
	for (int i = 0; i < step->nrefs; i++)
		step->refs[i].nullable |= may_be_null_in_part(step, i);
}

/* Gives references of a step their parents' steps; for each to another step, adds an edge, and the reference to owners. */
static void
add_edges(GraphStep *step, OrderEdge *edges, GraphRef **owners, int *nedges)
{
	for (int i = 0; i < step->nrefs; i++)
	{
		GraphRef *ref = &step->refs[i];
		int		  nparts = Max(ref->ntargets, 1);

		for (int part = 0; part < nparts; part++)
		{
			GraphRef *to = ref->ntargets > 0 ? &ref->targets[part] : ref;

			to->parent = step_of(step->graph, to->relid);
			if (to->parent != NULL && to->parent->first_row + to->parent->rows == 0)
				to->parent = NULL;
			if (to->parent == NULL || to->parent == step)
				continue;
			edges[*nedges].child = step->index;
			edges[*nedges].parent = to->parent->index;
			edges[*nedges].nullable = ref->nullable;
			edges[*nedges].deferrable = ref->deferrable;
			owners[(*nedges)++] = ref;
		}
	}
}

void
refs_order(Graph *graph)
{
	int			nrefs = 0;
	int			nedges = 0;
	OrderEdge  *edges;
	GraphRef  **owners;
	Order	   *order;
	GraphStep **sorted = palloc_array(GraphStep *, graph->nsteps);

	for (int i = 0; i < graph->nsteps; i++)
	{
		for (int j = 0; j < graph->steps[i]->nrefs; j++)
			nrefs += Max(graph->steps[i]->refs[j].ntargets, 1);
	}
	edges = palloc0_array(OrderEdge, nrefs);
	owners = palloc_array(GraphRef *, nrefs);
	for (int i = 0; i < graph->nsteps; i++)
		add_edges(graph->steps[i], edges, owners, &nedges);

	order = order_tables(graph->nsteps, edges, nedges);
	for (int i = 0; i < nedges; i++)
	{
		owners[i]->later |= edges[i].later;
		owners[i]->by_deferral |= edges[i].deferred;
	}
	for (int i = 0; i < graph->nsteps; i++)
	{
		GraphStep *step = graph->steps[order->sequence[i]];

		step->component = order->component[order->sequence[i]];
		step->in_one = order->in_one[order->sequence[i]];
		sorted[i] = step;
	}
	for (int i = 0; i < graph->nsteps; i++)
		sorted[i]->index = i;
	graph->steps = sorted;
}

/* Reads the rows of a table without a step that a reference can refer to. */
static void
read_existing(GraphStep *step, GraphRef *ref, List **problems)
{
	const char *name = resolve_quoted_name(ref->relid);

	ref->existing = existing_rows(step, ref, MAX_EXISTING_ROWS);
	if (ref->existing->count > 0 || step->rows == 0)
		return;
	if (ref->nullable)
		ref->nulls = 1;
	else
		*problems = problem_add(*problems, step->table->quoted_name, ref->name,
								psprintf("refers to relation %s, which has no rows", name),
								psprintf("Give %s rows, or a step with rows in the plan.", name));
}

/* Sets which reference before it sets a column of a reference, too. */
static void
find_narrowing(GraphStep *step, int index)
{
	GraphRef *ref = &step->refs[index];

	for (int before = 0; before < index && ref->narrowed_by < 0; before++)
	{
		for (int i = 0; i < ref->ncolumns; i++)
		{
			for (int j = 0; j < step->refs[before].ncolumns; j++)
			{
				if (ref->columns[i] == step->refs[before].columns[j])
					ref->narrowed_by = before;
			}
		}
	}
}

/*
 * Puts references of many columns first: what they share with others follows from the row that they
 * are to, and only then is there always such a row.  Those to the table itself stay within what others lead to.
 */
static int
compare_refs(const void *a, const void *b)
{
	const GraphRef *left = a;
	const GraphRef *right = b;

	if (left->is_own != right->is_own)
		return left->is_own ? 1 : -1;
	if (left->nullable != right->nullable)
		return left->nullable ? 1 : -1;
	if (left->ncolumns != right->ncolumns)
		return left->ncolumns > right->ncolumns ? -1 : 1;
	return left->columns[0] - right->columns[0];
}

void
refs_bind(GraphStep *step, List **problems)
{
	for (int i = 0; i < step->nrefs; i++)
		step->refs[i].is_own = step->refs[i].parent == step;
	qsort(step->refs, step->nrefs, sizeof(GraphRef), compare_refs);
	for (int i = 0; i < step->nrefs; i++)
	{
		GraphRef *ref = &step->refs[i];

		find_narrowing(step, i);
		for (int part = 0; part < ref->ntargets; part++)
		{
			if (ref->targets[part].parent == NULL)
				read_existing(step, &ref->targets[part], problems);
		}
		if (ref->ntargets == 0 && ref->parent == NULL)
			read_existing(step, ref, problems);
	}
}
