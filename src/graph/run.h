/*-------------------------------------------------------------------------
 *
 * run.h
 *		Carrying out a graph: its phases in order, rows written in batches.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_RUN_H
#define POLLSEED_RUN_H

#include "graph/graph.h"

typedef enum SeedMode
{
	SEED_SKIP,
	SEED_UPSERT,
	SEED_EXTEND
} SeedMode;

/* What was done in a step. */
typedef struct StepFigures
{
	int64		planned;
	int64		inserted;
	int64		updated;
	int64		unchanged;
	int			retries;
	int64		statements;
	double		time_ms;
	const char *lane;	/* "spi", "direct", or "none" where nothing was written */
	List	   *ranges; /* of RowRange: rows inserted, in order */
} StepFigures;

typedef struct RowRange
{
	int64 first;
	int64 last;
} RowRange;

/* A part of the work: the rows of a step, or its references that were left for later. */
typedef struct Phase
{
	GraphStep *step;
	bool	   later; /* the second pass */
	int64	   units; /* rows */
	bool	   whole; /* cannot be divided: a circle that is written in one go; of its first step */
} Phase;

typedef struct GraphRun
{
	Graph		*graph;
	SeedMode	 mode;
	int			 batch_size;
	int64		 run_id;
	List		*phases;  /* of Phase, in order */
	StepFigures *figures; /* by step */
	bool  loads;  /* all in one transaction: large empty tables may be filled as a restore does */
	List *loaded; /* OIDs of those */
} GraphRun;

/* Makes a run of a graph: its phases. */
extern GraphRun *graph_run_make(Graph *graph, SeedMode mode, int batch_size, int64 run_id);

/* Does a part of a phase: rows first to last, from 0, within the current transaction.  Needs SPI. */
extern void graph_run_phase(GraphRun *run, Phase *phase, int64 first, int64 last);

/* Notes in a step's figures that a row was inserted. */
extern void graph_run_inserted(StepFigures *figures, int64 row);

/* Analyzes the tables of a run, whichever transaction filled them. */
extern void graph_run_analyze(GraphRun *run);

/* After the last phase: what was deferred is checked, and tables are analyzed. */
extern void graph_run_finish(GraphRun *run);

#endif /* POLLSEED_RUN_H */
