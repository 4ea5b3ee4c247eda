/*-------------------------------------------------------------------------
 *
 * seed.c
 *		SQL functions pollseed_seed_graph() and pollseed_plan_check().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/advisory.h"
#include "core/compat.h"
#include "core/figures.h"
#include "core/ledger.h"
#include "core/notify.h"
#include "core/progress.h"
#include "core/subtransaction.h"
#include "graph/cursor.h"
#include "graph/problem.h"
#include "graph/record.h"
#include "graph/run.h"
#include "graph/seeding.h"
#include "write/writer.h"

/* Class of the advisory locks on plans that are being carried out. */
#define GRAPH_SEEDING_LOCK 28799

POLLSEED_FUNCTION(pollseed_seed_graph);
POLLSEED_FUNCTION(pollseed_plan_check);

#define DEFAULT_BATCH_SIZE 1000

/* Rows of each step that a check of a plan makes. */
#define ROWS_TRIED 20

/* A call of pollseed_seed_graph(). */
typedef struct SeedCall
{
	Jsonb	  *plan;
	int64	   seed;
	SeedMode   mode;
	int		   batch_size;
	bool	   dry_run;
	GraphRun  *run;
	instr_time start;
} SeedCall;

/* Reads the arguments. */
static void
read_arguments(FunctionCallInfo fcinfo, SeedCall *call)
{
	const char *mode = PG_ARGISNULL(2) ? "skip" : text_to_cstring(PG_GETARG_TEXT_PP(2));

	require_argument(fcinfo, 0, "plan");
	call->plan = PG_GETARG_JSONB_P(0);
	call->seed = PG_ARGISNULL(1) ? seeding_default_seed(call->plan) : PG_GETARG_INT64(1);
	call->mode = seeding_mode(mode);
	call->batch_size =
		bounded_argument(fcinfo, 3, "batch_size", DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE);
	call->dry_run = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
}

/* Shows other sessions that a run has begun. */
static void
show_progress(const GraphRun *run)
{
	progress_begin(&(ProgressStart){.engine = GRAPH_ENGINE,
									.relation = run->graph->plan->name,
									.run = run->run_id,
									.phase = "planning",
									.total = -1});
}

/* Does all phases of a run. */
static void
do_run(void *arg)
{
	SeedCall *call = arg;
	GraphRun *run = call->run;
	ListCell *cell;

	foreach(cell, run->phases)
	{
		Phase *phase = lfirst(cell);

		progress_phase(psprintf("%s %s", phase->later ? "referring from" : "filling",
								phase->step->table->quoted_name),
					   0, phase->units);
		graph_run_phase(run, phase, 0, phase->units - 1);
	}
	progress_phase("analyzing", 0, -1);
	graph_run_finish(run);
}

/* Records a run that wrote something, and tells listeners. */
static void
record(const SeedCall *call, int64 inserted, int64 updated)
{
	double time_ms = milliseconds_since(call->start);

	if (inserted + updated > 0)
		record_run(call->run, call->plan, time_ms);
	if (notify_is_on())
		notify_event(&(NotifyEvent){.event = "seeding_complete",
									.engine = GRAPH_ENGINE,
									.run = call->run->run_id,
									.done = inserted + updated,
									.total = inserted + updated,
									.time_ms = time_ms});
}

/* Adds up what a run did, and says so where it did nothing. */
static void
sum_up(const SeedCall *call, int64 *inserted, int64 *updated)
{
	const Graph *graph = call->run->graph;
	int64		 unchanged = 0;

	*inserted = 0;
	*updated = 0;
	for (int i = 0; i < graph->nsteps; i++)
	{
		*inserted += call->run->figures[i].inserted;
		*updated += call->run->figures[i].updated;
		unchanged += call->run->figures[i].unchanged;
	}
	if (*inserted + *updated == 0)
		ereport(NOTICE, (errmsg("nothing was written: all %lld rows of the plan are there",
								(long long) unchanged)));
}

/* Returns the rows of figures, a row for each step. */
static void
return_figures(FunctionCallInfo fcinfo, const SeedCall *call)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	for (int i = 0; i < call->run->graph->nsteps; i++)
	{
		const GraphStep	  *step = call->run->graph->steps[i];
		const StepFigures *figures = &call->run->figures[i];
		Datum			   values[10];
		bool			   nulls[10] = {0};

		values[0] = CStringGetTextDatum(step->name);
		values[1] = CStringGetTextDatum(step->table->quoted_name);
		values[2] = Int64GetDatum(figures->planned);
		values[3] = Int64GetDatum(figures->inserted);
		values[4] = Int64GetDatum(figures->updated);
		values[5] = Int64GetDatum(figures->unchanged);
		values[6] = Int32GetDatum(figures->retries);
		values[7] = Float8GetDatum(figures->time_ms);
		values[8] = CStringGetTextDatum(figures->lane);
		values[9] = Int64GetDatum(call->run->run_id);
		nulls[9] = call->dry_run;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* Waits for a call with the same plan and seed, whose rows this one should find, and has those after it wait. */
static void
await_twins(const SeedCall *call)
{
	uint64 hash =
		DatumGetUInt64(hash_any_extended((const unsigned char *) VARDATA(call->plan),
										 VARSIZE(call->plan) - VARHDRSZ, (uint64) call->seed));

	advisory_lock_wait((int64) hash, GRAPH_SEEDING_LOCK);
}

/* pollseed_seed_graph(plan, seed, mode, batch_size, dry_run) */
Datum
pollseed_seed_graph(PG_FUNCTION_ARGS)
{
	SeedCall call = {0};
	int64	 inserted;
	int64	 updated;

	INSTR_TIME_SET_CURRENT(call.start);
	PreventCommandIfReadOnly("pollseed_seed_graph()");
	read_arguments(fcinfo, &call);
	InitMaterializedSRF(fcinfo, 0);

	SPI_connect();
	if (!call.dry_run)
		await_twins(&call);
	call.run = seeding_open(call.plan, call.seed, call.mode, call.batch_size, !call.dry_run);
	call.run->loads = true;
	if (!call.dry_run)
		call.run->run_id = ledger_new_run();
	show_progress(call.run);
	if (call.dry_run)
	{
		ErrorData *error = subtransaction_try(do_run, &call, &call.dry_run);

		if (error != NULL)
			ThrowErrorData(error);
	}
	else
		do_run(&call);
	sum_up(&call, &inserted, &updated);
	if (!call.dry_run)
		record(&call, inserted, updated);
	return_figures(fcinfo, &call);
	progress_end();
	SPI_finish();
	return (Datum) 0;
}

/* Makes the first rows of a step, which raises what cannot work. */
static void
try_step(void *arg)
{
	GraphStep *step = arg;
	RowCursor *cursor = cursor_make(step);
	Datum	  *values = palloc_array(Datum, Max(step->ncolumns, 1));
	bool	  *nulls = palloc_array(bool, Max(step->ncolumns, 1));

	for (int row = 0; row < Min(step->rows, ROWS_TRIED); row++)
	{
		cursor_move(cursor, row);
		cursor_row_values(cursor, values, nulls);
	}
}

/* Tries the steps of a graph; what they raise is a problem. */
static List *
try_steps(const Graph *graph)
{
	List *problems = NIL;

	for (int i = 0; i < graph->nsteps; i++)
	{
		ErrorData *error = subtransaction_try(try_step, graph->steps[i], NULL);

		if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ThrowErrorData(error);
		if (error != NULL)
			problems = problem_add(problems, graph->steps[i]->table->quoted_name,
								   error->column_name, error->message, error->hint);
	}
	return problems;
}

/* pollseed_plan_check(plan) */
Datum
pollseed_plan_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List		  *problems = NIL;
	Graph		  *graph;
	ListCell	  *cell;

	require_argument(fcinfo, 0, "plan");
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	graph = graph_make(plan_read(PG_GETARG_JSONB_P(0)), seeding_default_seed(PG_GETARG_JSONB_P(0)),
					   &problems);
	if (problems == NIL)
		problems = try_steps(graph);
	foreach(cell, problems)
	{
		const Problem *problem = lfirst(cell);
		Datum		   values[4] = {0};
		bool		   nulls[4] = {0};

		values[0] = CStringGetTextDatum(problem->relation);
		nulls[1] = problem->column == NULL;
		if (!nulls[1])
			values[1] = CStringGetTextDatum(problem->column);
		values[2] = CStringGetTextDatum(problem->problem);
		nulls[3] = problem->hint == NULL;
		if (!nulls[3])
			values[3] = CStringGetTextDatum(problem->hint);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
