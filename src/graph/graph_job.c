/*-------------------------------------------------------------------------
 *
 * graph_job.c
 *		SQL function pollseed_seed_graph_async(), and the engine that does the work
 *		of its jobs.
 *
 * The units of a job are the rows of all phases, in their order.  What a slice
 * needs follows from the job's plan: the plan of the seeding, its seed, and for each step
 * which row is the first and what its sequences begin with, which is settled when the job is
 * made.  So each slice makes the graph anew, in its own transaction, and whoever
 * works on it writes the same rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/ledger.h"
#include "core/sql.h"
#include "graph/graph_job.h"
#include "graph/problem.h"
#include "graph/record.h"
#include "graph/seeding.h"
#include "job/engine.h"
#include "job/submit.h"
#include "job/team.h"
#include "write/writer.h"

POLLSEED_FUNCTION(pollseed_seed_graph_async);

#define DEFAULT_BATCH_SIZE 1000

/* A job's plan as a worker reads it. */
typedef struct GraphJob
{
	Jsonb	*plan;	/* of the seeding */
	Jsonb	*steps; /* what was settled when the job was made */
	int64	 seed;
	SeedMode mode;
	int		 batch_size;
	int64	 run_id;
	int64	 total;
} GraphJob;

/* Refuses what cannot be divided among transactions, and tables that other sessions cannot see. */
static void
check_run(const GraphRun *run)
{
	ListCell *cell;

	foreach(cell, run->phases)
	{
		const Phase *phase = lfirst(cell);

		if (phase->whole)
			ereport(
				ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg(
					 "a background job cannot seed %s, which is in a circle of required references",
					 phase->step->table->quoted_name),
				 errhint("Use pollseed_seed_graph(), which does all of it in one transaction.")));
		if (get_rel_persistence(phase->step->table->relid) == RELPERSISTENCE_TEMP)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a background job cannot use temporary relation %s",
							phase->step->table->quoted_name),
					 errhint("Use pollseed_seed_graph(), or a table that is not temporary.")));
	}
}

/* Returns how many units a run has. */
static int64
count_units(const GraphRun *run)
{
	int64	  units = 0;
	ListCell *cell;

	foreach(cell, run->phases)
		units += ((Phase *) lfirst(cell))->units;
	return units;
}

/* Returns what was settled of each step, as JSON by the step's name. */
static const char *
settled_steps(const Graph *graph)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int i = 0; i < graph->nsteps; i++)
	{
		const GraphStep *step = graph->steps[i];
		const char		*separator = "";

		appendStringInfoString(&json, i > 0 ? ", " : "{");
		escape_json(&json, step->name);
		appendStringInfo(&json,
						 ": {\"first_row\": " INT64_FORMAT ", \"written\": %s, \"sequences\": {",
						 step->first_row, step->written ? "true" : "false");
		for (int j = 0; j < step->ncolumns; j++)
		{
			if (step->columns[j].source != COLUMN_SEQUENCE)
				continue;
			appendStringInfoString(&json, separator);
			escape_json(&json, step->columns[j].name);
			appendStringInfo(&json, ": " INT64_FORMAT, step->columns[j].first_value);
			separator = ", ";
		}
		appendStringInfoString(&json, "}}");
	}
	return graph->nsteps == 0 ? "{}" : psprintf("%s}", json.data);
}

/* Returns the job's plan. */
static Datum
make_plan(const GraphRun *run, Datum arguments)
{
	Oid	  types[] = {JSONBOID, INT8OID, INT8OID, TEXTOID};
	Datum values[] = {arguments, Int64GetDatum(run->graph->seed), Int64GetDatum(run->run_id),
					  CStringGetTextDatum(settled_steps(run->graph))};

	sql_execute("SELECT $1 OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('seed', $2,"
				" 'run_id', $3, 'steps', CAST($4 AS pg_catalog.jsonb))",
				lengthof(types), types, values, NULL);
	return sql_value_not_null(0, 1);
}

/* pollseed_seed_graph_async(plan, seed, mode, batch_size, workers, priority, max_attempts) */
Datum
pollseed_seed_graph_async(PG_FUNCTION_ARGS)
{
	JobEntry	entry = {.engine = GRAPH_ENGINE};
	const char *mode_name = PG_ARGISNULL(2) ? "skip" : text_to_cstring(PG_GETARG_TEXT_PP(2));
	int			batch_size;
	Jsonb	   *plan;
	SeedMode	mode;
	GraphRun   *run;
	int64		id;

	PreventCommandIfReadOnly("pollseed_seed_graph_async()");
	require_argument(fcinfo, 0, "plan");
	plan = PG_GETARG_JSONB_P(0);
	mode = seeding_mode(mode_name);
	batch_size = bounded_argument(fcinfo, 3, "batch_size", DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE);
	job_request(fcinfo, 4, &entry);

	SPI_connect();
	job_check_owner();
	run = seeding_open(plan, PG_ARGISNULL(1) ? seeding_default_seed(plan) : PG_GETARG_INT64(1),
					   mode, batch_size, true);
	check_run(run);
	run->run_id = ledger_new_run();
	entry.relation = run->graph->plan->name;
	entry.arguments = record_arguments(run, plan);
	entry.plan = make_plan(run, entry.arguments);
	entry.total = count_units(run);
	entry.seed = run->graph->seed;
	entry.generator_version = GRAPH_GENERATOR_VERSION;
	entry.lane = "auto";
	id = job_submit(&entry);
	SPI_finish();
	PG_RETURN_INT64(id);
}

/* The engine's open(): reads the job's plan. */
static void *
graph_job_open(const Job *job, MemoryContext context, int64 *granule)
{
	Oid		  types[] = {JSONBOID};
	Datum	  values[] = {JsonbPGetDatum(job->plan)};
	GraphJob *graph_job = MemoryContextAllocZero(context, sizeof(GraphJob));

	sql_execute("SELECT p.plan, p.steps, p.seed, p.mode, p.batch_size, p.run_id"
				" FROM pg_catalog.jsonb_to_record($1) AS p(plan pg_catalog.jsonb,"
				" steps pg_catalog.jsonb, seed pg_catalog.int8, mode pg_catalog.text,"
				" batch_size pg_catalog.int4, run_id pg_catalog.int8)",
				lengthof(types), types, values, NULL);
	MemoryContextSwitchTo(context);
	graph_job->plan = DatumGetJsonbPCopy(sql_value_not_null(0, 1));
	graph_job->steps = DatumGetJsonbPCopy(sql_value_not_null(0, 2));
	graph_job->seed = DatumGetInt64(sql_value_not_null(0, 3));
	graph_job->mode = seeding_mode(TextDatumGetCString(sql_value_not_null(0, 4)));
	graph_job->batch_size = DatumGetInt32(sql_value_not_null(0, 5));
	graph_job->run_id = DatumGetInt64(sql_value_not_null(0, 6));
	graph_job->total = job->total;
	*granule = graph_job->batch_size;
	return graph_job;
}

/* Gives the steps of a plan, or of a graph, what was settled: a row for each step, and each of its sequences. */
static void
apply_settled(const GraphJob *job, SeedPlan *plan, Graph *graph)
{
	Oid	   types[] = {JSONBOID};
	Datum  values[] = {JsonbPGetDatum(job->steps)};
	uint64 count;

	count = sql_execute(
		"SELECT s.key, CAST(s.value OPERATOR(pg_catalog.->>) 'first_row' AS pg_catalog.int8),"
		" CAST(s.value OPERATOR(pg_catalog.->>) 'written' AS pg_catalog.bool),"
		" q.key, CAST(q.value AS pg_catalog.int8)"
		" FROM pg_catalog.jsonb_each($1) AS s LEFT JOIN LATERAL"
		" pg_catalog.jsonb_each_text(s.value OPERATOR(pg_catalog.->) 'sequences') AS q ON true",
		lengthof(types), types, values, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		const char *name = sql_text(i, 1);
		ListCell   *cell;

		foreach(cell, plan->steps)
		{
			PlanStep *step = lfirst(cell);

			if (strcmp(step->name, name) == 0)
				step->first_row = sql_integer(i, 2);
		}
		for (int j = 0; graph != NULL && j < graph->nsteps; j++)
		{
			GraphStep *step = graph->steps[j];

			if (strcmp(step->name, name) != 0)
				continue;
			step->written = DatumGetBool(sql_value_not_null(i, 3));
			for (int k = 0; k < step->ncolumns; k++)
			{
				if (step->columns[k].source == COLUMN_SEQUENCE && sql_text(i, 4) != NULL &&
					strcmp(step->columns[k].name, sql_text(i, 4)) == 0)
					step->columns[k].first_value = sql_integer(i, 5);
			}
		}
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Makes the run that a job is of. */
static GraphRun *
make_run(const GraphJob *job)
{
	SeedPlan *plan = plan_read(job->plan);
	List	 *problems = NIL;
	Graph	 *graph;

	apply_settled(job, plan, NULL);
	graph = graph_make(plan, job->seed, &problems);
	problems_raise(problems);
	apply_settled(job, plan, graph);
	return graph_run_make(graph, job->mode, job->batch_size, job->run_id);
}

/* A phase, and the units of it that a slice has. */
typedef struct PhasePart
{
	Phase *phase;
	int64  start; /* units before the phase */
	int64  first; /* from 0 */
	int64  last;
} PhasePart;

/* Returns the parts of phases that a slice has. */
static List *
slice_parts(const GraphRun *run, const JobSlice *slice)
{
	List	 *parts = NIL;
	int64	  start = 0;
	ListCell *cell;

	foreach(cell, run->phases)
	{
		Phase *phase = lfirst(cell);
		int64  first = Max(slice->first - 1 - start, 0);
		int64  last = Min(slice->last - 1 - start, phase->units - 1);

		if (first <= last)
		{
			PhasePart *part = palloc0_object(PhasePart);

			part->phase = phase;
			part->start = start;
			part->first = first;
			part->last = last;
			parts = lappend(parts, part);
		}
		start += phase->units;
	}
	return parts;
}

/* Tells whether a step's rows refer to others of the step. */
static bool
refers_to_itself(const GraphStep *step)
{
	for (int i = 0; i < step->nrefs; i++)
	{
		if (step->refs[i].relid == step->table->relid)
			return true;
	}
	return false;
}

/*
 * Tells whether a slice is written before those before it are committed, and can be: rows of one step, whose
 * parents are all committed, and of which nothing of the user's would run.
 */
static bool
may_be_ahead(const JobSlice *slice, const List *parts)
{
	const PhasePart *part = linitial(parts);

	return list_length(parts) == 1 && !part->phase->later && !refers_to_itself(part->phase->step) &&
		   !part->phase->step->table->user_triggers && team_position(slice->team) >= part->start &&
		   team_position(slice->team) < slice->first - 1;
}

/* Records what a slice did with a step. */
static void
record_slice(const GraphJob *job, GraphRun *run, JobSlice *slice)
{
	for (int i = 0; i < run->graph->nsteps; i++)
	{
		StepFigures *figures = &run->figures[i];

		if (figures->statements == 0)
			continue;
		record_part(run, job->plan, run->graph->steps[i], figures->time_ms);
		if (strcmp(figures->lane, "none") != 0)
			slice->lane = figures->lane;
		slice->updated += figures->updated;
		slice->batches += figures->statements;
	}
}

/* The engine's work(): writes the rows of a slice. */
static bool
graph_job_work(void *state, JobSlice *slice)
{
	const GraphJob *job = state;
	GraphRun	   *run = make_run(job);
	List		   *parts = slice_parts(run, slice);
	ListCell	   *cell;

	slice->lane = "none";
	slice->ahead = parts != NIL && may_be_ahead(slice, parts);
	if (!slice->ahead && !team_await_turn(slice))
		return false;
	foreach(cell, parts)
	{
		PhasePart *part = lfirst(cell);

		graph_run_phase(run, part->phase, part->first, part->last);
	}
	if (slice->ahead && !team_await_turn(slice))
		return false;
	record_slice(job, run, slice);
	if (slice->last == job->total)
		graph_run_analyze(run);
	return true;
}

static const JobEngine graph_engine = {
	.name = GRAPH_ENGINE,
	.phase = "seeding",
	.result =
		"(SELECT pg_catalog.jsonb_build_object('run_id', s.run_id, 'inserted', pg_catalog.sum(s.inserted),"
		" 'updated', pg_catalog.sum(s.updated), 'unchanged', pg_catalog.sum(s.unchanged),"
		" 'tables', pg_catalog.count(*), 'seed', j.plan OPERATOR(pg_catalog.->) 'seed')"
		" FROM pollseed.graph_steps AS s WHERE s.run_id OPERATOR(pg_catalog.=)"
		" CAST(j.plan OPERATOR(pg_catalog.->>) 'run_id' AS pg_catalog.int8) GROUP BY s.run_id)",
	.open = graph_job_open,
	.work = graph_job_work,
};

void
graph_job_init(void)
{
	job_engine_register(&graph_engine);
}
