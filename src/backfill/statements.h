/*-------------------------------------------------------------------------
 *
 * statements.h
 *		The SQL that finds a table's rows without a value, and their values.
 *
 * Each takes the parameters that are named beside it, in that order.  A bound of
 * keys, and an array of keys, is as many parameters as the key has columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_STATEMENTS_H
#define POLLSEED_STATEMENTS_H

#include "backfill/table.h"

/* Rows of a range of blocks, with their ctid and key: ctid after, ctid before, limit, and for one visit its classes of places. */
extern char *sql_pick_blocks(const BackfillTable *table, bool visit);

/* Keys of rows, in their order, with their ctid before them unless the table's keys_only: [position], [end], limit. */
extern char *sql_pick_keys(const BackfillTable *table, LowerBound lower, bool ends);

/* Of rows without a value: ctid, key, value, whether the source knows the key.  By ctid: arrays of keys, array of ctids. */
extern char *sql_resolve_tids(const BackfillTable *table);

/* The same by key, for a table with keys_only: array of keys. */
extern char *sql_resolve_keys(const BackfillTable *table);

/* How many rows of a range of blocks have no value: ctid from, ctid before. */
extern char *sql_count_blocks(const BackfillTable *table);

/* How many rows have no value. */
extern char *sql_count(const BackfillTable *table);

/* The last key of a range of so many rows: [position], [end], rows less one. */
extern char *sql_end_of_range(const BackfillTable *table, LowerBound lower, bool ends);

/* The greatest key of a row without a value. */
extern char *sql_last_key(const BackfillTable *table);

/* All rows without a value, with their ctid and key: [end]. */
extern char *sql_collect(const BackfillTable *table, bool ends);

/* One row without a value. */
extern char *sql_is_there_any(const BackfillTable *table);

/* Locks a row without a value, and returns its ctid and key as they are then: key. */
extern char *sql_lock_row(const BackfillTable *table);

#endif /* POLLSEED_STATEMENTS_H */
