/*-------------------------------------------------------------------------
 *
 * seeding.c
 *		What pollseed_seed_graph() and its jobs have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/compat.h"
#include "graph/problem.h"
#include "graph/record.h"
#include "graph/seeding.h"
#include "graph/sequences.h"

int64
seeding_default_seed(Jsonb *plan)
{
	return plan_read(plan)->seed;
}

SeedMode
seeding_mode(const char *name)
{
	SeedMode mode;

	if (!seed_mode_of_name(name, &mode))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unrecognized mode \"%s\"", name),
				 errhint("Modes are \"skip\", \"upsert\" and \"extend\".")));
	return mode;
}

/* Gives the columns of a step that have a sequence the values that they had before, or a block of new ones. */
static void
take_sequences(GraphStep *step, const RecordedStep *recorded, bool take)
{
	for (int i = 0; i < step->ncolumns; i++)
	{
		GraphColumn *column = &step->columns[i];

		if (column->source != COLUMN_SEQUENCE || step->rows == 0)
			continue;
		if (recorded != NULL &&
			recorded_first_value(recorded, column->name, step->first_row, &column->first_value))
		{
			if (take)
				sequence_pass(column->table_column->sequence,
							  column->first_value +
								  (step->first_row + step->rows - 1) * column->increment);
			continue;
		}
		column->first_value = sequence_take(column->table_column->sequence, step->table->relid,
											column->attnum, step->rows, take) -
							  step->first_row * column->increment;
	}
}

GraphRun *
seeding_open(Jsonb *json, int64 seed, SeedMode mode, int batch_size, bool take)
{
	SeedPlan *plan = plan_read(json);
	List	 *recorded = record_find(json, seed);
	List	 *problems = NIL;
	ListCell *cell;
	Graph	 *graph;

	foreach(cell, plan->steps)
	{
		PlanStep		   *step = lfirst(cell);
		const RecordedStep *before = recorded_step(recorded, step->name);

		if (mode == SEED_EXTEND && before != NULL)
			step->first_row = before->planned;
	}
	graph = graph_make(plan, seed, &problems);
	problems_raise(problems);
	for (int i = 0; i < graph->nsteps; i++)
	{
		GraphStep		   *step = graph->steps[i];
		const RecordedStep *before = recorded_step(recorded, step->name);

		step->written = before != NULL && before->written && mode != SEED_EXTEND;
		take_sequences(step, before, take);
	}
	return graph_run_make(graph, mode, batch_size, 0);
}
