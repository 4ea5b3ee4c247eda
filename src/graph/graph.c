/*-------------------------------------------------------------------------
 *
 * graph.c
 *		A plan made ready to be carried out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/relation.h"
#include "graph/columns.h"
#include "graph/keys.h"
#include "graph/candidates.h"
#include "graph/derivation.h"
#include "graph/problem.h"
#include "graph/refs.h"
#include "graph/resolve.h"

/* A step of the plan and its relation. */
typedef struct Found
{
	const PlanStep *plan;
	Oid				relid;
} Found;

/* Orders what was found by OID, so that everybody locks tables in the same order. */
static int
compare_found(const void *a, const void *b)
{
	Oid left = ((const Found *) a)->relid;
	Oid right = ((const Found *) b)->relid;

	return left < right ? -1 : left > right;
}

/* Opens, checks and reads the table of a step; NULL, with a problem, where it cannot be seeded. */
static GraphTable *
read_table(const Found *found, List **problems)
{
	Relation	rel = relation_open_by_oid(found->relid, RowExclusiveLock);
	GraphTable *table = NULL;

	relation_check_privilege(rel, ACL_INSERT);
	if (rel->rd_rel->relkind == RELKIND_RELATION ||
		rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		table = table_read(rel);
	else
		*problems = problem_add(*problems, found->plan->relation, NULL, "is not a table",
								"Name the table that it shows.");
	table_close(rel, NoLock);
	return table;
}

/* Looks up the plan's relations; those that do not exist are problems. */
static Found *
find_relations(const SeedPlan *plan, int *nfound, List **problems)
{
	Found	 *found = palloc_array(Found, list_length(plan->steps));
	ListCell *cell;

	*nfound = 0;
	foreach(cell, plan->steps)
	{
		const PlanStep *step = lfirst(cell);
		Oid				relid = resolve_relation(step->relation);

		if (!OidIsValid(relid))
		{
			*problems = problem_add(*problems, step->relation, NULL, "does not exist", NULL);
			continue;
		}
		found[*nfound].plan = step;
		found[(*nfound)++].relid = relid;
	}
	qsort(found, *nfound, sizeof(Found), compare_found);
	return found;
}

/* Makes a step without its references and columns. */
static GraphStep *
make_step(Graph *graph, const Found *found, GraphTable *table)
{
	GraphStep *step = palloc0_object(GraphStep);

	step->graph = graph;
	step->name = found->plan->name;
	step->table = table;
	step->rows = found->plan->rows;
	step->first_row = found->plan->first_row;
	step->hash = DatumGetUInt64(hash_any_extended((const unsigned char *) table->quoted_name,
												  strlen(table->quoted_name), graph->seed));
	step->moment = -1;
	return step;
}

/* Returns the plan's step of a table, by its place in the list of those found. */
static const PlanStep *
plan_of(const Found *found, int nfound, Oid relid)
{
	for (int i = 0; i < nfound; i++)
	{
		if (found[i].relid == relid)
			return found[i].plan;
	}
	elog(ERROR, "relation %u is not in the plan", relid);
}

/* Puts steps in the order of the plan, so that their order does not depend on OIDs. */
static void
sort_as_planned(Graph *graph, const Found *found, int nfound)
{
	GraphStep **sorted = palloc_array(GraphStep *, graph->nsteps);
	int			nsorted = 0;
	ListCell   *cell;

	foreach(cell, graph->plan->steps)
	{
		for (int i = 0; i < graph->nsteps; i++)
		{
			if (plan_of(found, nfound, graph->steps[i]->table->relid) == lfirst(cell))
			{
				graph->steps[i]->index = nsorted;
				sorted[nsorted++] = graph->steps[i];
			}
		}
	}
	graph->steps = sorted;
}

/* Reads the tables of all steps, and makes the steps. */
static void
make_steps(Graph *graph, const Found *found, int nfound, List **problems)
{
	graph->steps = palloc_array(GraphStep *, nfound);
	for (int i = 0; i < nfound; i++)
	{
		GraphTable *table;

		if (i > 0 && found[i].relid == found[i - 1].relid)
		{
			*problems = problem_add(*problems, found[i].plan->relation, NULL, "has two steps",
									"Leave one of them out.");
			continue;
		}
		table = read_table(&found[i], problems);
		if (table != NULL)
			graph->steps[graph->nsteps++] = make_step(graph, &found[i], table);
	}
	sort_as_planned(graph, found, nfound);
}

Graph *
graph_make(SeedPlan *plan, int64 seed, List **problems)
{
	Graph *graph = palloc0_object(Graph);
	int	   nfound;
	Found *found;

	graph->plan = plan;
	graph->seed = seed;
	graph->context = CurrentMemoryContext;
	found = find_relations(plan, &nfound, problems);
	make_steps(graph, found, nfound, problems);
	for (int i = 0; i < graph->nsteps; i++)
	{
		GraphStep *step = graph->steps[i];

		refs_make(step, plan_of(found, nfound, step->table->relid), problems);
	}
	refs_order(graph);
	for (int i = 0; i < graph->nsteps; i++)
	{
		GraphStep	   *step = graph->steps[i];
		const PlanStep *step_plan = plan_of(found, nfound, step->table->relid);

		CHECK_FOR_INTERRUPTS();
		refs_bind(step, problems);
		columns_make(step, step_plan, problems);
		derivation_check(step, problems);
	}
	for (int i = 0; i < graph->nsteps; i++)
		candidates_prepare(graph->steps[i], problems);
	for (int i = 0; i < graph->nsteps; i++)
	{
		GraphStep *step = graph->steps[i];

		CHECK_FOR_INTERRUPTS();
		keys_solve(step, problems);
		keys_group_checks(step, problems);
		keys_find_identity(step, plan_of(found, nfound, step->table->relid), problems);
	}
	return graph;
}

int
graph_column(const GraphStep *step, AttrNumber attnum)
{
	for (int i = 0; i < step->ncolumns; i++)
	{
		if (step->columns[i].attnum == attnum)
			return i;
	}
	return -1;
}

int
ref_key_column(const GraphRef *ref, int key)
{
	if (ref->key_columns == NULL)
	{
		int *columns = MemoryContextAlloc(ref->parent->graph->context, sizeof(int) * ref->ncolumns);

		for (int i = 0; i < ref->ncolumns; i++)
			columns[i] = graph_column(ref->parent, ref->key[i]);
		unconstify(GraphRef *, ref)->key_columns = columns;
	}
	return ref->key_columns[key];
}
