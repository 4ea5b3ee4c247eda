/*-------------------------------------------------------------------------
 *
 * record.c
 *		What the ledger keeps of runs of a plan: pollseed.runs and
 *		pollseed.graph_steps.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "core/ledger.h"
#include "core/sql.h"
#include "graph/record.h"

/* What of a plan has no part in whether it is the same as another. */
#define NOT_COMPARED "'{since,as_of,seed,notes}'::pg_catalog.text[]"

static const struct
{
	const char *name;
	SeedMode	mode;
} modes[] = {{"skip", SEED_SKIP}, {"upsert", SEED_UPSERT}, {"extend", SEED_EXTEND}};

bool
seed_mode_of_name(const char *name, SeedMode *mode)
{
	for (int i = 0; i < (int) lengthof(modes); i++)
	{
		if (strcmp(modes[i].name, name) == 0)
		{
			*mode = modes[i].mode;
			return true;
		}
	}
	return false;
}

const char *
seed_mode_name(SeedMode mode)
{
	for (int i = 0; i < (int) lengthof(modes); i++)
	{
		if (modes[i].mode == mode)
			return modes[i].name;
	}
	elog(ERROR, "unrecognized mode %d", (int) mode);
}

/* Returns the plan as it was read: with since and as_of, which it need not have. */
static Datum
dated_plan(const SeedPlan *plan, Jsonb *json)
{
	Oid	  types[] = {JSONBOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum values[] = {JsonbPGetDatum(json), TimestampTzGetDatum(plan->since),
					  TimestampTzGetDatum(plan->as_of)};

	sql_execute("SELECT $1 OPERATOR(pg_catalog.||)"
				" pg_catalog.jsonb_build_object('since', $2, 'as_of', $3)",
				lengthof(types), types, values, NULL);
	return sql_value_not_null(0, 1);
}

Datum
record_arguments(const GraphRun *run, Jsonb *plan)
{
	Oid	  types[] = {JSONBOID, TEXTOID, INT4OID};
	Datum values[] = {dated_plan(run->graph->plan, plan),
					  CStringGetTextDatum(seed_mode_name(run->mode)),
					  Int32GetDatum(run->batch_size)};

	sql_execute("SELECT pg_catalog.jsonb_build_object('plan', $1, 'mode', $2, 'batch_size', $3)",
				lengthof(types), types, values, NULL);
	return sql_value_not_null(0, 1);
}

/* Returns the lane that steps were written by: "none", "spi", "direct" or "mixed". */
static const char *
lane_of(const GraphRun *run, int first, int last)
{
	const char *lane = "none";

	for (int i = first; i <= last; i++)
	{
		const char *other = run->figures[i].lane;

		if (other == NULL || strcmp(other, "none") == 0 || strcmp(other, lane) == 0)
			continue;
		lane = strcmp(lane, "none") == 0 ? other : "mixed";
	}
	return lane;
}

/* Records in pollseed.runs what some of a run's steps did. */
static void
record_steps_of_run(const GraphRun *run, Jsonb *plan, int first, int last, double time_ms)
{
	LedgerEntry entry = {
		.run_id = run->run_id,
		.engine = GRAPH_ENGINE,
		.relation = run->graph->plan->name,
		.seed = run->graph->seed,
		.generator_version = GRAPH_GENERATOR_VERSION,
		.arguments = record_arguments(run, plan),
		.lane = lane_of(run, first, last),
		.time_ms = time_ms,
	};

	for (int i = first; i <= last; i++)
		entry.rows_written += run->figures[i].inserted + run->figures[i].updated;
	ledger_add(&entry);
}

/* Returns ranges of rows as the text of an int8multirange. */
static const char *
ranges_text(const List *ranges)
{
	StringInfoData text;
	ListCell	  *cell;

	initStringInfo(&text);
	foreach(cell, ranges)
	{
		const RowRange *range = lfirst(cell);

		appendStringInfo(&text, "%s[" INT64_FORMAT "," INT64_FORMAT "]", text.len > 0 ? "," : "",
						 range->first, range->last);
	}
	return psprintf("{%s}", text.data);
}

/* Returns what the sequences of a step's columns began with, as the text of a JSON object. */
static const char *
sequences_text(const GraphStep *step)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < step->ncolumns; i++)
	{
		const GraphColumn *column = &step->columns[i];

		if (column->source != COLUMN_SEQUENCE)
			continue;
		appendStringInfoString(&text, text.len > 0 ? ", " : "");
		escape_json(&text, column->name);
		appendStringInfo(&text, ": " INT64_FORMAT, column->first_value);
	}
	return psprintf("{%s}", text.data);
}

/* Returns the transactions that rows written now can have as xmin, as the text of an xid8[]. */
static const char *
transactions_text(void)
{
	uint64 top = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	uint64 current = U64FromFullTransactionId(GetCurrentFullTransactionIdIfAny());

	if (current == 0)
		return top == 0 ? "{}" : psprintf("{" UINT64_FORMAT "}", top);
	if (current == top)
		return psprintf("{" UINT64_FORMAT "}", top);
	return psprintf("{" UINT64_FORMAT "," UINT64_FORMAT "}", top, current);
}

/*
 * Records what a run did in a step, or adds it.  The last command is kept where the run is this
 * transaction's alone, which may go on with commands of the user's.
 */
static void
record_step(const GraphRun *run, const GraphStep *step, bool alone)
{
	const StepFigures *figures = &run->figures[step->index];
	Oid				   types[] = {INT8OID, INT4OID, TEXTOID, TEXTOID, INT8OID, INT8OID,
								  INT8OID, INT8OID, INT4OID, INT8OID, TEXTOID, FLOAT8OID,
								  INT8OID, TEXTOID, TEXTOID, TEXTOID, INT8OID};
	Datum			   values[] = {
					 Int64GetDatum(run->run_id),
					 Int32GetDatum(step->index),
					 CStringGetTextDatum(step->name),
					 CStringGetTextDatum(step->table->quoted_name),
					 Int64GetDatum(step->rows),
					 Int64GetDatum(figures->inserted),
					 Int64GetDatum(figures->updated),
					 Int64GetDatum(figures->unchanged),
					 Int32GetDatum(figures->retries),
					 Int64GetDatum(figures->statements),
					 CStringGetTextDatum(lane_of(run, step->index, step->index)),
					 Float8GetDatum(figures->time_ms),
					 Int64GetDatum(step->first_row),
					 CStringGetTextDatum(ranges_text(figures->ranges)),
					 CStringGetTextDatum(sequences_text(step)),
					 CStringGetTextDatum(figures->inserted > 0 ? transactions_text() : "{}"),
					 Int64GetDatum(alone ? (int64) GetCurrentCommandId(false) : -1),
	 };

	sql_execute_own(
		"INSERT INTO pollseed.graph_steps AS s (run_id, step, name, relation, planned, inserted,"
		" updated, unchanged, retries, statements, lane, time_ms, first_row, inserted_rows,"
		" sequences, transactions, last_command)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
		" CAST($14 AS pg_catalog.int8multirange), CAST($15 AS pg_catalog.jsonb),"
		" CAST($16 AS pg_catalog.xid8[]), CASE WHEN $17 OPERATOR(pg_catalog.>=) 0 THEN $17 END)"
		" ON CONFLICT (run_id, step) DO UPDATE"
		" SET inserted = s.inserted OPERATOR(pg_catalog.+) EXCLUDED.inserted,"
		" updated = s.updated OPERATOR(pg_catalog.+) EXCLUDED.updated,"
		" unchanged = s.unchanged OPERATOR(pg_catalog.+) EXCLUDED.unchanged,"
		" retries = s.retries OPERATOR(pg_catalog.+) EXCLUDED.retries,"
		" statements = s.statements OPERATOR(pg_catalog.+) EXCLUDED.statements,"
		" time_ms = s.time_ms OPERATOR(pg_catalog.+) EXCLUDED.time_ms,"
		" inserted_rows = s.inserted_rows OPERATOR(pg_catalog.+) EXCLUDED.inserted_rows,"
		" transactions = CASE WHEN s.transactions OPERATOR(pg_catalog.@>) EXCLUDED.transactions"
		" THEN s.transactions"
		" ELSE s.transactions OPERATOR(pg_catalog.||) EXCLUDED.transactions END,"
		" last_command = NULL, lane = " LEDGER_LANE("s.lane", "EXCLUDED.lane"),
		lengthof(types), types, values, NULL);
}

void
record_run(const GraphRun *run, Jsonb *plan, double time_ms)
{
	record_steps_of_run(run, plan, 0, run->graph->nsteps - 1, time_ms);
	for (int i = 0; i < run->graph->nsteps; i++)
		record_step(run, run->graph->steps[i], true);
}

void
record_part(const GraphRun *run, Jsonb *plan, const GraphStep *step, double time_ms)
{
	record_steps_of_run(run, plan, step->index, step->index, time_ms);
	record_step(run, step, false);
}

/* Returns the step of a name in a list of them, which is added where it is missing. */
static RecordedStep *
found_step(List **steps, const char *name, const char *relation)
{
	RecordedStep *step = unconstify(RecordedStep *, recorded_step(*steps, name));

	if (step == NULL)
	{
		step = palloc0_object(RecordedStep);
		step->name = name;
		step->relation = relation;
		*steps = lappend(*steps, step);
	}
	return step;
}

List *
record_find(Jsonb *plan, int64 seed)
{
	Oid	  types[] = {JSONBOID, INT8OID, OIDOID};
	Datum values[] = {JsonbPGetDatum(plan), Int64GetDatum(seed), ObjectIdGetDatum(GetUserId())};
	MemoryContext old_context = CurrentMemoryContext;
	List		 *steps = NIL;
	uint64		  count;

	count = sql_execute_own(
		"SELECT s.name, s.relation, s.first_row,"
		" s.first_row OPERATOR(pg_catalog.+) s.planned,"
		" s.inserted OPERATOR(pg_catalog.>) 0, q.key, CAST(q.value AS pg_catalog.int8)"
		" FROM pollseed.runs AS r"
		" JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) r.run_by_oid"
		" AND o.rolname OPERATOR(pg_catalog.=) r.run_by"
		" JOIN pollseed.graph_steps AS s ON s.run_id OPERATOR(pg_catalog.=) r.run_id"
		" LEFT JOIN LATERAL pg_catalog.jsonb_each_text(s.sequences) AS q ON true"
		" WHERE r.engine OPERATOR(pg_catalog.=) '" GRAPH_ENGINE "'"
		" AND r.seed OPERATOR(pg_catalog.=) $2 AND r.run_by_oid OPERATOR(pg_catalog.=) $3"
		" AND r.cleared_at IS NULL"
		" AND ((r.arguments OPERATOR(pg_catalog.->) 'plan') OPERATOR(pg_catalog.-) " NOT_COMPARED
		") OPERATOR(pg_catalog.=) ($1 OPERATOR(pg_catalog.-) " NOT_COMPARED ")"
		" ORDER BY r.run_id DESC, s.step, q.key",
		lengthof(types), types, values, NULL);

	/* SPI left us in its own. */
	MemoryContextSwitchTo(old_context);
	for (uint64 i = 0; i < count; i++)
	{
		RecordedStep *step = found_step(&steps, sql_text(i, 1), sql_text(i, 2));
		char		 *column = sql_text(i, 6);

		step->planned = Max(step->planned, sql_integer(i, 4));
		step->written |= DatumGetBool(sql_value_not_null(i, 5));
		if (column != NULL)
		{
			RecordedSequence *sequence = palloc_object(RecordedSequence);

			*sequence = (RecordedSequence){.column = column,
										   .first_row = sql_integer(i, 3),
										   .last_row = sql_integer(i, 4) - 1,
										   .first_value = sql_integer(i, 7)};
			step->sequences = lappend(step->sequences, sequence);
		}
	}
	SPI_freetuptable(SPI_tuptable);
	return steps;
}

const RecordedStep *
recorded_step(const List *steps, const char *name)
{
	ListCell *cell;

	foreach(cell, steps)
	{
		const RecordedStep *step = lfirst(cell);

		if (strcmp(step->name, name) == 0)
			return step;
	}
	return NULL;
}

/* Sets what a column's sequence began with for a row, by the first entry of a list that has it. */
static bool
first_value_in(const List *sequences, const char *column, int64 row, int64 *first_value)
{
	ListCell *cell;

	foreach(cell, sequences)
	{
		const RecordedSequence *sequence = lfirst(cell);

		if (strcmp(sequence->column, column) == 0 && sequence->first_row <= row &&
			row <= sequence->last_row)
		{
			*first_value = sequence->first_value;
			return true;
		}
	}
	return false;
}

bool
recorded_first_value(const RecordedStep *step, const char *column, int64 row, int64 *first_value)
{
	return first_value_in(step->sequences, column, row, first_value);
}

/* Reads the head of a run into *run, and returns whether there is one that the caller may see. */
static void
read_head(RecordedRun *run, int64 run_id, bool to_clear)
{
	Oid	  types[] = {INT8OID, OIDOID};
	Datum values[] = {Int64GetDatum(run_id), ObjectIdGetDatum(GetUserId())};
	char *sql;

	/* Who ran it is who he was only if both name and OID are the same. */
	sql = psprintf("SELECT r.run_id, r.seed, r.arguments OPERATOR(pg_catalog.->>) 'mode',"
				   " CAST(r.arguments OPERATOR(pg_catalog.->>) 'batch_size' AS pg_catalog.int4),"
				   " r.arguments OPERATOR(pg_catalog.->) 'plan', r.cleared_at IS NOT NULL,"
				   " EXISTS (SELECT FROM pg_catalog.pg_roles AS o"
				   "          WHERE o.oid OPERATOR(pg_catalog.=) r.run_by_oid"
				   "            AND o.rolname OPERATOR(pg_catalog.=) r.run_by"
				   "            AND pg_catalog.pg_has_role($2, o.oid, 'USAGE')),"
				   " r.run_by_oid OPERATOR(pg_catalog.=) $2"
				   " FROM pollseed.runs AS r WHERE r.engine OPERATOR(pg_catalog.=) '" GRAPH_ENGINE
				   "' AND %s ORDER BY r.run_id DESC LIMIT 1%s",
				   run_id != 0 ? "r.run_id OPERATOR(pg_catalog.=) $1"
							   : "$1 IS NOT NULL AND r.run_by_oid OPERATOR(pg_catalog.=) $2"
								 " AND r.cleared_at IS NULL",
				   to_clear ? " FOR UPDATE" : "");
	if (sql_execute_own(sql, lengthof(types), types, values, NULL) == 0)
	{
		if (run_id == 0)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
							errmsg("there is no run of pollseed_seed_graph() of yours"),
							errhint("Give a plan.")));
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("run " INT64_FORMAT " of pollseed_seed_graph() does not exist", run_id),
				 errhint("The view pollseed_runs shows the runs.")));
	}
	if (!DatumGetBool(sql_value_not_null(0, 7)))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for run " INT64_FORMAT, sql_integer(0, 1)),
						errdetail("It is not yours, nor of a role that you are a member of.")));
	run->run_id = sql_integer(0, 1);
	run->seed = sql_integer(0, 2);
	run->batch_size = DatumGetInt32(sql_value_not_null(0, 4));
	run->cleared = DatumGetBool(sql_value_not_null(0, 6));
	run->own = DatumGetBool(sql_value_not_null(0, 8));
}

/*
 * Refuses a plan of another role that has SQL of that role's own: it would run with the caller's rights.  Wherever in the
 * plan the word stands it is taken for that.
 */
static void
refuse_expressions(const RecordedRun *run)
{
	if (!run->own && strstr(JsonbToCString(NULL, &run->plan->root, VARSIZE(run->plan)),
							"\"expression\"") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the plan of run " INT64_FORMAT " has expressions of another role",
						run->run_id),
				 errhint("SET ROLE to the role that pollseed_runs names, and call this again.")));
}

/* Reads the ranges of an int8multirange. */
static List *
read_ranges(Datum value)
{
	MultirangeType *multirange = DatumGetMultirangeTypeP(value);
	TypeCacheEntry *type =
		lookup_type_cache(MultirangeTypeGetOid(multirange), TYPECACHE_MULTIRANGE_INFO);
	RangeType **ranges;
	int32		count;
	List	   *list = NIL;

	multirange_deserialize(type->rngtype, multirange, &count, &ranges);
	for (int i = 0; i < count; i++)
	{
		RangeBound lower;
		RangeBound upper;
		bool	   empty;
		RowRange  *range = palloc_object(RowRange);

		/* They are canonical: [lower, upper). */
		range_deserialize(type->rngtype, ranges[i], &lower, &upper, &empty);
		range->first = DatumGetInt64(lower.val);
		range->last = DatumGetInt64(upper.val) - 1;
		list = lappend(list, range);
	}
	return list;
}

/* Reads the sequences of a step. */
static List *
read_sequences(Jsonb *json, const RecordedRunStep *step)
{
	JsonbIterator	  *iterator = JsonbIteratorInit(&json->root);
	JsonbValue		   value;
	JsonbIteratorToken token;
	RecordedSequence  *sequence = NULL;
	List			  *sequences = NIL;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			sequence = palloc0_object(RecordedSequence);
			sequence->column = pnstrdup(value.val.string.val, value.val.string.len);
			sequence->first_row = step->first_row;
			sequence->last_row = step->first_row + step->planned - 1;
			sequences = lappend(sequences, sequence);
		}
		else if (token == WJB_VALUE && sequence != NULL && value.type == jbvNumeric)
			sequence->first_value = DatumGetInt64(
				DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric)));
	}
	return sequences;
}

/*
 * Reads the steps of a run.  After so many transactions that their numbers come round, what xmin says
 * means nothing: those are left out.
 */
static List *
read_steps(int64 run_id, MemoryContext context)
{
	Oid	   types[] = {INT8OID};
	Datum  values[] = {Int64GetDatum(run_id)};
	List  *steps = NIL;
	uint64 count;

	count = sql_execute_own(
		"SELECT s.step, s.name, s.relation, s.planned, s.first_row, s.inserted_rows, s.sequences,"
		" ARRAY(SELECT CAST(x.xid AS pg_catalog.xid) FROM pg_catalog.unnest(s.transactions)"
		" AS x(xid) WHERE CAST(CAST(pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())"
		" AS pg_catalog.text) AS pg_catalog.numeric) OPERATOR(pg_catalog.-)"
		" CAST(CAST(x.xid AS pg_catalog.text) AS pg_catalog.numeric)"
		" OPERATOR(pg_catalog.<) 4000000000), COALESCE(s.last_command, -1)"
		" FROM pollseed.graph_steps AS s WHERE s.run_id OPERATOR(pg_catalog.=) $1 ORDER BY s.step",
		lengthof(types), types, values, NULL);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < count; i++)
	{
		RecordedRunStep *step = palloc0_object(RecordedRunStep);

		step->number = DatumGetInt32(sql_value_not_null(i, 1));
		step->name = sql_text(i, 2);
		step->relation = sql_text(i, 3);
		step->planned = sql_integer(i, 4);
		step->first_row = sql_integer(i, 5);
		step->ranges = read_ranges(sql_value_not_null(i, 6));
		step->sequences = read_sequences(DatumGetJsonbPCopy(sql_value_not_null(i, 7)), step);
		step->transactions = PointerGetDatum(PG_DETOAST_DATUM_COPY(sql_value_not_null(i, 8)));
		step->last_command = sql_integer(i, 9);
		steps = lappend(steps, step);
	}
	SPI_freetuptable(SPI_tuptable);
	return steps;
}

RecordedRun *
record_read(int64 run_id, bool to_clear)
{
	MemoryContext context = CurrentMemoryContext;
	RecordedRun	 *run = palloc0_object(RecordedRun);

	read_head(run, run_id, to_clear);
	MemoryContextSwitchTo(context);
	if (!seed_mode_of_name(sql_text(0, 3), &run->mode))
		elog(ERROR, "run " INT64_FORMAT " has no mode that is known", run->run_id);
	run->plan = DatumGetJsonbPCopy(sql_value_not_null(0, 5));
	refuse_expressions(run);
	SPI_freetuptable(SPI_tuptable);
	run->steps = read_steps(run->run_id, context);
	return run;
}

const RecordedRunStep *
recorded_run_step(const RecordedRun *run, const char *name)
{
	ListCell *cell;

	foreach(cell, run->steps)
	{
		const RecordedRunStep *step = lfirst(cell);

		if (strcmp(step->name, name) == 0)
			return step;
	}
	return NULL;
}

void
record_begin(const RecordedRun *run, SeedPlan *plan)
{
	ListCell *cell;

	foreach(cell, plan->steps)
	{
		PlanStep			  *step = lfirst(cell);
		const RecordedRunStep *recorded = recorded_run_step(run, step->name);

		if (recorded != NULL)
			step->first_row = recorded->first_row;
	}
}

void
record_apply(const RecordedRun *run, Graph *graph)
{
	for (int i = 0; i < graph->nsteps; i++)
	{
		GraphStep			  *step = graph->steps[i];
		const RecordedRunStep *recorded = recorded_run_step(run, step->name);

		if (recorded == NULL)
			continue;
		for (int j = 0; j < step->ncolumns; j++)
		{
			GraphColumn *column = &step->columns[j];

			if (column->source == COLUMN_SEQUENCE)
				(void) first_value_in(recorded->sequences, column->name, recorded->first_row,
									  &column->first_value);
		}
	}
}

void
record_removed(int64 run_id, int step, int64 removed, int64 kept)
{
	Oid	  types[] = {INT8OID, INT4OID, INT8OID, INT8OID};
	Datum values[] = {Int64GetDatum(run_id), Int32GetDatum(step), Int64GetDatum(removed),
					  Int64GetDatum(kept)};

	sql_execute_own("UPDATE pollseed.graph_steps SET removed = $3, kept = $4"
					" WHERE run_id OPERATOR(pg_catalog.=) $1 AND step OPERATOR(pg_catalog.=) $2",
					lengthof(types), types, values, NULL);
}

void
record_cleared(int64 run_id)
{
	Oid	  types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(run_id)};

	sql_execute_own("UPDATE pollseed.runs SET cleared_at = pg_catalog.now()"
					" WHERE run_id OPERATOR(pg_catalog.=) $1",
					lengthof(types), types, values, NULL);
}
