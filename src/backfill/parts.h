/*-------------------------------------------------------------------------
 *
 * parts.h
 *		The tables of a backfill, as they are when a run begins: the table
 *		itself, or its leaf partitions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PARTS_H
#define POLLSEED_PARTS_H

#include "nodes/pg_list.h"

#include "backfill/table.h"

/* How a table's rows are found. */
typedef struct StrategyChoice
{
	bool		by_blocks;
	const char *reason;
} StrategyChoice;

/*
 * Chooses how the rows of an open table are found; raises 55000 where the backfill
 * asks for an index and there is none that has its keys in order.
 */
extern StrategyChoice choose_strategy(const BackfillTable *table, Relation rel);

/* Returns the name of the index on the key of rows without a value only, or NULL. */
extern const char *null_index_name(const BackfillTable *table, Relation rel);

/* Returns the OIDs of the backfill's tables: itself and those that inherit from it, or its leaf partitions, locked AccessShareLock. */
extern List *backfill_relations(Oid relid);

/*
 * Begins a run, with the backfill's row locked: finds the tables and what there is
 * to do.
 */
extern void parts_begin(Backfill *backfill, MemoryContext context);

/* Tells whether a run began, so that one that stopped on its way can go on. */
extern bool parts_exist(const Backfill *backfill);

/* Forgets which rows the backfill was done with, so that they are asked for again. */
extern void parts_forget_outcomes(Backfill *backfill);

/* Returns the share of a table's rows that had no value when it was last analysed; -1: not known. */
extern double null_share(const BackfillTable *table);

/* Returns how many rows of a table have no value, counted where it is small, else estimated. */
extern int64 count_no_value(const BackfillTable *table, Relation rel, bool *exact);

#endif /* POLLSEED_PARTS_H */
