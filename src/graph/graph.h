/*-------------------------------------------------------------------------
 *
 * graph.h
 *		A plan made ready to be carried out: its tables looked up, its steps in
 *		order, each column with what makes its values.
 *
 * Every cell is a function of (seed, relation, column, row): neither batches nor
 * workers nor the number of runs can change one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GRAPH_H
#define POLLSEED_GRAPH_H

#include "executor/execExpr.h"

#include "graph/generator.h"
#include "graph/plan.h"
#include "graph/table.h"

typedef struct Graph	 Graph;
typedef struct GraphStep GraphStep;

/*
 * How a step's rows are spread over the values of a column or the rows of a parent so that its
 * unique keys hold: n = (place / divisor + shift * (place % divisor)) % modulus, where place is
 * the row, or where permuted a permutation of [0, GraphStep.space) at the row.
 */
typedef struct Spread
{
	bool   distinct; /* false: drawn at random, and the rest means nothing */
	bool   permuted;
	uint64 divisor; /* at least 1 */
	uint64 modulus; /* 0: none */
	uint64 shift;
} Spread;

/* Keys of rows that were there before, of a table that has no step of its own or more rows than the step. */
typedef struct ExistingRows
{
	int64  count;
	int	   nkey;
	Datum *values; /* count times nkey */
} ExistingRows;

/* What a row refers to. */
typedef struct GraphRef
{
	const PlanRef *plan;	   /* NULL: found only in the catalog */
	const char	  *name;	   /* of the foreign key, or of its first column */
	const char	  *constraint; /* of the foreign key; NULL: none */
	int			   ncolumns;
	AttrNumber	  *columns;	   /* of the child */
	AttrNumber	  *key;		   /* of the parent */
	Oid			   relid;	   /* the parent's */
	int			 *key_columns; /* indexes of the key in the parent's columns; by ref_key_column() */
	GraphStep	 *parent;	   /* its step, or NULL: only rows that were there before */
	ExistingRows *existing;	   /* where parent is NULL */
	FanOut		  fan_out;
	Spread		  spread; /* overrides the fan-out where distinct; n is the parent's row */
	double		  nulls;
	bool		  nullable; /* all its columns may be NULL, or one that it does not share */
	bool		  is_own;	/* to the table itself */
	bool		  match_full;
	bool		  deferrable;
	bool later;		  /* set by a second pass: NULL at first, since the parent is not there yet */
	bool by_deferral; /* in a cycle that only deferred constraints can hold */

	bool				restricted; /* checks say which rows it may be to; see allowed.h */
	struct AllowedRows *allowed;	/* made when needed */

	bool
		followed; /* from its parent's rows back to those that are to them, which must be neighbours */

	/* Its columns that another reference sets: parents are those whose row has the same there. */
	int narrowed_by; /* index of that reference in the step; -1: none */

	/* Of a polymorphic pair: one for each target, in the plan's order; the type's column is columns[0]. */
	int				 ntargets;
	struct GraphRef *targets; /* their columns are without the type's */
	const char	   **types;
	uint64			*weights; /* cumulative, of 2^32 */
} GraphRef;

typedef enum ColumnSource
{
	COLUMN_GENERATED, /* by its generator */
	COLUMN_REF,		  /* by the reference `ref` */
	COLUMN_SEQUENCE,  /* a block of its sequence's values */
	COLUMN_DEFAULT	  /* by the server: not written, and nothing may refer to it */
} ColumnSource;

typedef struct GraphColumn
{
	AttrNumber	 attnum;
	const char	*name;
	TableColumn *table_column;
	ColumnSource source;
	Generator	*generator;
	int			 ref;		 /* index in the step's refs */
	int			 ref_column; /* which of its columns */
	double		 nulls;
	Spread		 spread;
	uint64		 place; /* hash of relation and column, for its streams */

	/* Of a sequence: row 0 has, or would have, first_value. */
	int64 first_value;
	int64 increment;

	/* Of a default that is constant, or missing. */
	Datum default_value;
	bool  default_isnull;

	int	 check_group; /* index in the step's groups, -1: in none */
	bool verify;	  /* its space says more than its generator may know: values are looked at */
} GraphColumn;

/* Columns that are drawn together until checks over them hold. */
typedef struct CheckGroup
{
	List *columns; /* of int: indexes in the step's columns */
	List *checks;  /* of TableCheck */
} CheckGroup;

struct GraphStep
{
	Graph		*graph;
	int			 index; /* in the graph's steps */
	const char	*name;
	GraphTable	*table;
	int64		 rows;		/* planned */
	int64		 first_row; /* the first to write: those before belong to earlier runs */
	uint64		 space;		/* for Spread; at least first_row + rows */
	uint64		 hash;		/* of its relation's name, for its permutation */
	int			 ncolumns;
	GraphColumn *columns; /* all of the table that are written, or COLUMN_DEFAULT, by attnum */
	int			 nrefs;
	GraphRef	*refs;
	int			 ngroups;
	CheckGroup	*groups;
	List *identity;	 /* of int: indexes of the columns by which rows are recognised; NIL: by none */
	int	  moment;	 /* index of the column that says when the row came to be; -1: none */
	bool  written;	 /* an earlier run has written its rows, if they cannot be recognised */
	int	  component; /* steps of one number refer to one another in a circle */
	bool  in_one;	 /* the circle needs all its rows in one statement or deferred constraints */

	/* Rows that were there already under another key than ours: row to values, made by existing.c. */
	struct HTAB *exceptions;
};

struct Graph
{
	SeedPlan	 *plan;
	int64		  seed;
	int			  nsteps;
	GraphStep	**steps; /* parents before children */
	MemoryContext context;
};

/*
 * Looks up and locks (RowExclusiveLock, in the order of OIDs) the plan's tables, orders the steps and
 * gives each column what makes its values.  What cannot work is added to *problems, and the
 * graph is then only good for telling them.  Needs SPI.  Lives in the current context.
 */
extern Graph *graph_make(SeedPlan *plan, int64 seed, List **problems);

/* Returns the index, in the parent's columns, of a column of the key that a reference is to. */
extern int ref_key_column(const GraphRef *ref, int key);

/* Returns the index of the column of that number in a step, or -1. */
extern int graph_column(const GraphStep *step, AttrNumber attnum);

#endif /* POLLSEED_GRAPH_H */
