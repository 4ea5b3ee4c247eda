/*-------------------------------------------------------------------------
 *
 * record.h
 *		What the ledger keeps of runs of a plan: pollseed.runs and
 *		pollseed.graph_steps.
 *
 * The rows that a run inserted are kept as numbers, with what their sequences began
 * with: plan, seed and these give every row again, so that a later run finds the
 * same rows, and pollseed_unseed() those to remove.
 *
 * All of it needs SPI, and runs as the tables' owner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_RECORD_H
#define POLLSEED_RECORD_H

#include "graph/run.h"

#define GRAPH_ENGINE "graph"

/* Values of a sequence that a run gave to rows of a step. */
typedef struct RecordedSequence
{
	const char *column;
	int64		first_row;
	int64		last_row;
	int64		first_value; /* that row 0 has, or would have, as in GraphColumn */
} RecordedSequence;

/* What runs of one plan and seed did in a step. */
typedef struct RecordedStep
{
	const char *name;
	const char *relation;  /* qualified and quoted */
	int64		planned;   /* rows of all of them: the first row of one that extends them */
	bool		written;   /* rows were inserted */
	List	   *sequences; /* of RecordedSequence, those of later runs first */
} RecordedStep;

/*
 * Returns what the current user's runs of a plan with a seed did, those that are not cleared: a list
 * of RecordedStep, NIL where there is none.  Plans are the same whatever their since, as_of, seed and
 * notes, which differ from day to day and change no row's place.
 */
extern List *record_find(Jsonb *plan, int64 seed);

/* Returns the step of a name, or NULL. */
extern const RecordedStep *recorded_step(const List *steps, const char *name);

/*
 * Sets what a column's sequence began with for a row, by the latest run that had the row; the value of
 * row 0, so that it is the column's first_value.  Returns false where none had.
 */
extern bool recorded_first_value(const RecordedStep *step, const char *column, int64 row,
								 int64 *first_value);

/*
 * Records a run that was done within the current transaction, by its figures.  The plan is kept with
 * the since and as_of that it was read with.
 */
extern void record_run(const GraphRun *run, Jsonb *plan, double time_ms);

/*
 * Records a part of a run that is done in several transactions: adds what the figures of a step say,
 * which are those of the current transaction alone, to what the ledger has.
 */
extern void record_part(const GraphRun *run, Jsonb *plan, const GraphStep *step, double time_ms);

/* Returns a run's arguments as the ledger has them, jsonb. */
extern Datum record_arguments(const GraphRun *run, Jsonb *plan);

/* A run as the ledger has it. */
typedef struct RecordedRun
{
	int64	 run_id;
	int64	 seed;
	SeedMode mode;
	int		 batch_size;
	Jsonb	*plan;
	bool	 cleared;
	bool	 own;	/* the caller's */
	List	*steps; /* of RecordedRunStep, parents before children */
} RecordedRun;

/* A step of one run. */
typedef struct RecordedRunStep
{
	int			number;
	const char *name;
	const char *relation;
	int64		planned;
	int64		first_row;
	List	   *ranges;	   /* of RowRange: rows inserted */
	List	   *sequences; /* of RecordedSequence */
	Datum
		transactions; /* xid[]: what xmin of its rows can be, as far as that is still told apart */

	/* Where it was one transaction, rows of a later command of it are not the run's any more; -1: not so. */
	int64 last_command;
} RecordedRunStep;

/*
 * Reads a run of pollseed_seed_graph(), 0 meaning the caller's latest; raises 42704 where there is none,
 * and 42501 unless it is the current user's or a role's whose member he is.  Locks it where it is to
 * be cleared.
 */
extern RecordedRun *record_read(int64 run_id, bool to_clear);

/* Returns the step of a name, or NULL. */
extern const RecordedRunStep *recorded_run_step(const RecordedRun *run, const char *name);

/* Has the steps of a plan, before a graph is made of it, begin where those of a run did. */
extern void record_begin(const RecordedRun *run, SeedPlan *plan);

/* Has the steps of a graph have the values of sequences that a run had. */
extern void record_apply(const RecordedRun *run, Graph *graph);

/* Notes that a run's rows were removed, of a step and in all. */
extern void record_removed(int64 run_id, int step, int64 removed, int64 kept);
extern void record_cleared(int64 run_id);

/* Returns the mode of a name; false where there is none.  And the other way round. */
extern bool		   seed_mode_of_name(const char *name, SeedMode *mode);
extern const char *seed_mode_name(SeedMode mode);

#endif /* POLLSEED_RECORD_H */
