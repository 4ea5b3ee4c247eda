/*-------------------------------------------------------------------------
 *
 * unseed.c
 *		SQL function pollseed_unseed(): what a run wrote is removed again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/progress.h"
#include "graph/problem.h"
#include "graph/record.h"
#include "graph/removal.h"

POLLSEED_FUNCTION(pollseed_unseed);

/* Returns one row of what was done, or one for each reason to keep rows. */
static void
report(ReturnSetInfo *result, const Removal *removal)
{
	int nrows = Max(list_length(removal->kept), 1);

	for (int i = 0; i < nrows; i++)
	{
		const KeptRows *kept = removal->kept == NIL ? NULL : list_nth(removal->kept, i);
		Datum			values[5];
		bool			nulls[5] = {0};

		values[0] = CStringGetTextDatum(removal->step->table->quoted_name);
		values[1] = Int64GetDatum(i == 0 ? removal->removed : 0);
		values[2] = Int64GetDatum(kept == NULL ? 0 : kept->rows);
		nulls[3] = kept == NULL;
		if (kept != NULL)
			values[3] = CStringGetTextDatum(kept->reason);
		values[4] = Float8GetDatum(removal->time_ms);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* Removes rows of some steps, which may refer to one another, and reports it; returns how many are kept. */
static int64
remove_rows(ReturnSetInfo *result, const RecordedRun *run, List *removals)
{
	int64	   kept = 0;
	instr_time start;
	ListCell  *cell;

	INSTR_TIME_SET_CURRENT(start);
	foreach(cell, removals)
		removal_find(lfirst(cell));
	removals_keep_referred(removals);
	removals_execute(removals);
	foreach(cell, removals)
	{
		Removal *removal = lfirst(cell);

		removal->time_ms = milliseconds_since(start) / list_length(removals);
		report(result, removal);
		record_removed(run->run_id, removal->recorded->number, removal->removed, removal->nkept);
		progress_advance(1);
		kept += removal->nkept;
		removal_end(removal);
	}
	return kept;
}

/* Tells whether any steps refer to one another in a circle. */
static bool
has_circles(const Graph *graph)
{
	for (int i = 1; i < graph->nsteps; i++)
	{
		for (int j = 0; j < i; j++)
		{
			if (graph->steps[i]->component == graph->steps[j]->component)
				return true;
		}
	}
	return false;
}

/* Removes what a run wrote, children first, or where there are circles all in one statement; returns how many rows are kept. */
static int64
remove_run(ReturnSetInfo *result, const RecordedRun *run, Graph *graph, bool force)
{
	bool  in_one = has_circles(graph);
	List *removals = NIL;
	int64 kept = 0;

	for (int i = graph->nsteps - 1; i >= 0; i--)
	{
		const RecordedRunStep *recorded = recorded_run_step(run, graph->steps[i]->name);

		if (recorded == NULL || recorded->ranges == NIL)
			continue;
		removals = lappend(removals, removal_make(graph->steps[i], recorded, force));
		if (in_one)
			continue;
		kept += remove_rows(result, run, removals);
		removals = NIL;
	}
	if (removals != NIL)
		kept += remove_rows(result, run, removals);
	return kept;
}

/* pollseed_unseed(run_id, force) */
Datum
pollseed_unseed(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List		  *problems = NIL;
	RecordedRun	  *run;
	SeedPlan	  *plan;
	Graph		  *graph;

	PreventCommandIfReadOnly("pollseed_unseed()");
	require_argument(fcinfo, 0, "run_id");
	if (PG_GETARG_INT64(0) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("run_id must be greater than 0"),
				 errhint("The view pollseed_runs shows the runs.")));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	run = record_read(PG_GETARG_INT64(0), true);
	plan = plan_read(run->plan);
	record_begin(run, plan);
	graph = graph_make(plan, run->seed, &problems);
	problems_raise(problems);
	record_apply(run, graph);
	progress_begin(&(ProgressStart){.engine = GRAPH_ENGINE,
									.relation = graph->plan->name,
									.run = run->run_id,
									.phase = "removing rows",
									.total = list_length(run->steps)});
	if (remove_run(result, run, graph, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1)) == 0)
		record_cleared(run->run_id);
	progress_end();
	SPI_finish();
	return (Datum) 0;
}
