/*-------------------------------------------------------------------------
 *
 * removal.h
 *		Removing the rows that a run wrote into one table: which are still there
 *		as they were written, and which nothing else refers to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_REMOVAL_H
#define POLLSEED_REMOVAL_H

#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

#include "graph/record.h"

#define REASON_CHANGED "changed"
#define REASON_TRIGGER "kept by a trigger"

/* Rows that stay, for one reason. */
typedef struct KeptRows
{
	const char *reason;
	int64		rows;
} KeptRows;

/* A foreign key that refers to a table, its partitions or those that it is one of. */
typedef struct IncomingKey
{
	Oid			relid;	  /* that has it */
	Oid			owner;	  /* of that */
	const char *relation; /* qualified and quoted */
	bool		partitioned;
	List	   *columns;   /* of char *, its own */
	List	   *key;	   /* of char *, of the table referred to */
	List	   *operators; /* of Oid: key = column */
} IncomingKey;

/* What is to be removed of a step. */
typedef struct Removal
{
	GraphStep			  *step;
	const RecordedRunStep *recorded;
	bool				   force;
	List				  *incoming; /* of IncomingKey */
	List				  *keys;	 /* of char *: the columns that they refer to */

	/* The rows to remove, as SQL sees them under a name: n, tableoid, ctid, keys. */
	const char			  *name;
	TupleDesc			   desc;
	Tuplestorestate		  *rows;
	int64				   nrows;
	EphemeralNamedRelation relation;

	/* What has come of it. */
	int64  removed;
	List  *kept;	  /* of KeptRows */
	int64 *kept_rows; /* their numbers */
	int64  nkept;
	int64  max_kept;
	double time_ms;
} Removal;

/* Makes the removal of what a run wrote in a step; its rows are not looked for yet. */
extern Removal *removal_make(GraphStep *step, const RecordedRunStep *recorded, bool force);

/* Looks for the rows, locks them, and keeps those that were changed. */
extern void removal_find(Removal *removal);

/* Notes that rows are kept for a reason, which are not, or no longer, among those to remove. */
extern void removal_keep(Removal *removal, const char *reason, const int64 *rows, int64 nrows);

/* Takes rows from among those to remove; puts their numbers in order. */
extern void removal_drop_kept(Removal *removal, int64 *rows, int64 nrows);

/* Returns the number, from 1, of a column among the removal's keys, or 0. */
extern int removal_key_number(const Removal *removal, const char *column);

/* Returns the foreign keys that refer to a table, as a list of IncomingKey by the names of their tables. */
extern List *incoming_keys(const GraphTable *table);

/*
 * Keeps what other rows refer to, those not counted that are to be removed by one of the removals
 * themselves; until nothing more is to be kept.
 */
extern void removals_keep_referred(List *removals);

/* Removes the rows of some removals in one statement, so that they may refer to one another. */
extern void removals_execute(List *removals);

/* Returns the rows that were kept as ranges. */
extern List *removal_kept_ranges(Removal *removal);

/* Frees what the rows take. */
extern void removal_end(Removal *removal);

/* Returns "ONLY " where a table's own rows are meant, and not those of its heirs. */
extern const char *only_clause(const GraphTable *table);

#endif /* POLLSEED_REMOVAL_H */
