/*-------------------------------------------------------------------------
 *
 * run.c
 *		Carrying out a graph: its phases in order, rows written in batches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/progress.h"
#include "core/relation.h"
#include "core/sql.h"
#include "graph/circle.h"
#include "graph/cursor.h"
#include "graph/existing.h"
#include "graph/later.h"
#include "graph/run.h"
#include "graph/trials.h"
#include "write/writer.h"

/* Rows from which on keeping indexes up costs more than what building them does. */
#define MIN_ROWS_LOADED 10000

/* Adds a phase. */
static void
add_phase(GraphRun *run, GraphStep *step, bool later, int64 units, bool whole)
{
	Phase *phase = palloc0_object(Phase);

	phase->step = step;
	phase->later = later;
	phase->units = units;
	phase->whole = whole;
	run->phases = lappend(run->phases, phase);
}

/* Tells whether a step has references that a second pass sets. */
static bool
has_later(const GraphStep *step)
{
	for (int i = 0; i < step->nrefs; i++)
	{
		if (step->refs[i].later)
			return true;
	}
	return false;
}

/* Tells whether a step's rows must be checked at the end of the transaction. */
static bool
is_deferred(const GraphStep *step)
{
	for (int i = 0; i < step->nrefs; i++)
	{
		if (step->refs[i].by_deferral)
			return true;
	}
	return false;
}

GraphRun *
graph_run_make(Graph *graph, SeedMode mode, int batch_size, int64 run_id)
{
	GraphRun *run = palloc0_object(GraphRun);

	run->graph = graph;
	run->mode = mode;
	run->batch_size = batch_size;
	run->run_id = run_id;
	run->figures = palloc0_array(StepFigures, Max(graph->nsteps, 1));
	for (int i = 0; i < graph->nsteps; i++)
	{
		GraphStep *step = graph->steps[i];

		run->figures[i].planned = step->rows;
		run->figures[i].lane = "none";
		if (!step->in_one)
			add_phase(run, step, false, step->rows, is_deferred(step));
		else if (circle_is_first(step))
			add_phase(run, step, false, circle_units(step), true);
	}
	for (int i = 0; i < graph->nsteps; i++)
	{
		if (has_later(graph->steps[i]))
			add_phase(run, graph->steps[i], true, graph->steps[i]->rows, false);
	}
	return run;
}

/* Makes the columns that a writer of a step writes; *indexes are theirs in the step. */
static WriteColumn *
write_columns(const GraphStep *step, int *ncolumns, int **indexes)
{
	WriteColumn *columns = palloc0_array(WriteColumn, Max(step->ncolumns, 1));

	*indexes = palloc_array(int, Max(step->ncolumns, 1));
	*ncolumns = 0;
	for (int i = 0; i < step->ncolumns; i++)
	{
		const GraphColumn *column = &step->columns[i];

		if (column->source == COLUMN_DEFAULT ||
			(column->source == COLUMN_REF && step->refs[column->ref].later))
			continue;
		columns[*ncolumns].name = column->name;
		columns[*ncolumns].type = column->table_column->space->base;
		columns[*ncolumns].typmod = column->table_column->space->base_typmod;
		columns[*ncolumns].overriding = column->table_column->identity == ATTRIBUTE_IDENTITY_ALWAYS;
		(*indexes)[(*ncolumns)++] = i;
	}
	return columns;
}

/* Gives a writer the rows of a batch that are not there. */
static void
write_missing(GraphRun *run, const RowSink *sink, int64 first, int nrows, const bool *found)
{
	StepFigures *figures = &run->figures[cursor_step(sink->cursor)->index];

	for (int row = 0; row < nrows; row++)
	{
		if (found[row])
		{
			figures->unchanged++;
			continue;
		}
		cursor_move(sink->cursor, first + row);
		row_sink_put(sink);
		graph_run_inserted(figures, first + row);
	}
}

void
graph_run_inserted(StepFigures *figures, int64 row)
{
	RowRange *range = figures->ranges == NIL ? NULL : llast(figures->ranges);

	figures->inserted++;
	if (range != NULL && range->last == row - 1)
	{
		range->last = row;
		return;
	}
	range = palloc_object(RowRange);
	range->first = row;
	range->last = row;
	figures->ranges = lappend(figures->ranges, range);
}

/* Tells whether it is worth closing a table that has no rows to fill it. */
static bool
may_load(const GraphRun *run, const GraphStep *step)
{
	if (!run->loads || step->rows < MIN_ROWS_LOADED || is_deferred(step))
		return false;
	for (int i = 0; i < step->ncolumns; i++)
	{
		if (step->columns[i].source == COLUMN_GENERATED && step->columns[i].generator->may_read)
			return false;
	}
	return true;
}

/* Writes rows of a step, from one on to another. */
static void
write_rows(GraphRun *run, GraphStep *step, int64 first, int64 last)
{
	StepFigures *figures = &run->figures[step->index];
	Relation	 rel = relation_open_by_oid(step->table->relid, RowExclusiveLock);

	bool has_rows = table_has_rows(rel);

	/* Where rows cannot be recognised, the ledger is believed. */
	bool			believed = step->identity == NIL && step->written && has_rows;
	ExistingFinder *finder = !believed && has_rows ? existing_open(step) : NULL;
	MemoryContext	batch = AllocSetContextCreate(CurrentMemoryContext, "pollseed batch of rows",
												  ALLOCSET_DEFAULT_SIZES);
	RowCursor	   *cursor = cursor_make_in(step, batch);
	bool		   *found = palloc_array(bool, run->batch_size);
	int			   *indexes;
	RowSink			sink = {.cursor = cursor};
	WriteColumn	   *columns = write_columns(step, &sink.ncolumns, &indexes);
	Writer		   *writer = writer_open(rel, sink.ncolumns, columns, run->batch_size);
	WriteFigures	written;

	sink.writer = writer;
	sink.indexes = indexes;
	if (!has_rows && may_load(run, step))
		(void) writer_load(writer, &run->loaded);
	memset(found, believed, run->batch_size);
	for (int64 row = first; row <= last; row += run->batch_size)
	{
		int	  nrows = Min(last - row + 1, run->batch_size);
		int64 inserted;

		CHECK_FOR_INTERRUPTS();
		if (finder != NULL)
		{
			existing_find(finder, cursor, row, nrows, found);
			cursor_forget(cursor);
			figures->statements++;
			if (run->mode == SEED_UPSERT)
			{
				int64 updated = existing_update(finder, cursor, row, nrows, found);

				figures->updated += updated;
				figures->unchanged -= updated;
				figures->statements++;
				cursor_forget(cursor);
			}
		}
		if (step->table->user_triggers)
			figures->retries += trials_settle(&sink, finder, row, nrows, found);
		inserted = figures->inserted - writer_inserted(writer);
		write_missing(run, &sink, row, nrows, found);
		writer_flush(writer);

		/* A trigger or a rule may have dropped some. */
		figures->inserted = inserted + writer_inserted(writer);
		cursor_forget(cursor);
		MemoryContextReset(batch);
		progress_advance(nrows);
	}
	written = writer_close(writer);
	figures->statements += written.batches;
	if (written.rows_sent > 0)
		figures->lane = written.lane;
	if (finder != NULL)
		existing_close(finder);
	MemoryContextDelete(batch);
	table_close(rel, NoLock);
}

void
graph_run_phase(GraphRun *run, Phase *phase, int64 first, int64 last)
{
	GraphStep	 *step = phase->step;
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed phase", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context;
	instr_time	  start;

	if (last < first)
		return;
	INSTR_TIME_SET_CURRENT(start);
	old_context = MemoryContextSwitchTo(context);
	if (phase->later)
		run->figures[step->index].statements +=
			later_set(step, step->first_row + first, step->first_row + last, run->batch_size);
	else if (step->in_one)
		circle_write(run, step);
	else
	{
		if (is_deferred(step))
			circle_defer(step);
		MemoryContextSwitchTo(old_context);
		write_rows(run, step, step->first_row + first, step->first_row + last);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	run->figures[step->index].time_ms += milliseconds_since(start);
}

/*
 * Has the planner know a step's table, if it is the caller's.  Who is at that already keeps its lock until his
 * transaction ends: nobody waits for so little.
 */
static void
analyze(const GraphStep *step)
{
	if (compat_is_owner(step->table->relid, GetUserId()) &&
		ConditionalLockRelationOid(step->table->relid, ShareUpdateExclusiveLock))
		sql_execute(psprintf("ANALYZE (SKIP_LOCKED) %s", step->table->quoted_name), 0, NULL, NULL,
					NULL);
}

void
graph_run_finish(GraphRun *run)
{
	for (int i = 0; i < run->graph->nsteps; i++)
	{
		if (is_deferred(run->graph->steps[i]))
			circle_check(run->graph->steps[i]);
	}
	for (int i = 0; i < run->graph->nsteps; i++)
	{
		if (run->figures[i].inserted > 0)
			analyze(run->graph->steps[i]);
	}
}

void
graph_run_analyze(GraphRun *run)
{
	for (int i = 0; i < run->graph->nsteps; i++)
		analyze(run->graph->steps[i]);
}
