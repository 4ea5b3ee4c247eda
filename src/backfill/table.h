/*-------------------------------------------------------------------------
 *
 * table.h
 *		One table of a backfill, or one leaf partition: its columns, and what is
 *		prepared for them.
 *
 * What is prepared here lasts over transactions, until backfill_table_free().
 * backfill_table_refresh() looks at the names again in each transaction, because a
 * table may be altered while it is backfilled.
 * All of it needs SPI to be connected, and runs as the backfill's owner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_BACKFILL_TABLE_H
#define POLLSEED_BACKFILL_TABLE_H

#include "storage/itemptr.h"
#include "utils/relcache.h"

#include "backfill/definition.h"
#include "write/updater.h"

/* A column as the statements know it. */
typedef struct TableColumn
{
	char	  *name;
	AttrNumber attnum;
	Oid		   type;
	int32	   typmod;
	Oid		   collation;
} TableColumn;

/* Bounds of the keys that a statement looks at. */
typedef enum LowerBound
{
	LOWER_NONE,
	LOWER_AFTER, /* the position excluded */
	LOWER_FROM	 /* included */
} LowerBound;

#define LOWER_BOUNDS 3

/* So many rows are written at once where others are to feel little of it. */
#define GENTLE_ROWS 32

typedef struct BackfillTable
{
	const Backfill *backfill;
	uint64			generation; /* no other table of this process has it */
	Oid				relid;
	MemoryContext	context;
	char		   *schema; /* as the statements have them */
	char		   *name;
	TableColumn		column;
	int				nkeys; /* columns of the key; with ctid 1 */
	bool			by_ctid;
	bool			commits;   /* each batch ends its transaction */
	long			rest_us;   /* between each GENTLE_ROWS rows that are written; 0: none */
	bool			unique;	   /* no two rows have the same key */
	bool			keys_only; /* keys are found without their rows, by an index-only scan */
	TableColumn		keys[MAX_KEY_COLUMNS];
	Oid				value_type;
	int32			value_typmod;
	Updater		   *updater;

	/* Plans, made when they are first needed. */
	struct _SPI_plan *pick_visit;
	struct _SPI_plan *pick_blocks;
	struct _SPI_plan *pick_keys[LOWER_BOUNDS][2]; /* without and with an end */
	struct _SPI_plan *resolve_tids;
	struct _SPI_plan *resolve_keys;
} BackfillTable;

/* Raises 42501 where row-level security may hide rows of a table from the current user. */
extern void backfill_check_row_security(Relation rel);

/*
 * Opens a table of the backfill, locked RowExclusiveLock until the transaction's
 * end; NULL where it is gone.  Raises 42501 where the current user does not see all
 * of its rows.
 */
extern Relation backfill_table_open(Oid relid);

/*
 * Makes the statements for an open table.  Raises 42703 where a column is gone,
 * and what preparing the source raises.
 */
extern BackfillTable *backfill_table_make(const Backfill *backfill, Relation rel,
										  MemoryContext parent);

/* Finds a column of an open table by its name, or, if it was renamed, by its number; raises 42703 where it is gone. */
extern void backfill_find_column(const Backfill *backfill, Relation rel,
								 const BackfillColumn *wanted, TableColumn *column);

/* Makes the statements anew where the table was altered since. */
extern void backfill_table_refresh(BackfillTable **table, Relation rel, MemoryContext parent);

/* Prepares the statements that need the source, which finds most of what is wrong with it. */
extern void backfill_table_check(BackfillTable *table);

/* Frees all that was prepared. */
extern void backfill_table_free(BackfillTable *table);

/* Fills in the parameter types of statements that begin with so many keys' bounds; returns how many. */
extern int table_key_types(const BackfillTable *table, int bounds, Oid *types);

/* Fills in the types of the arrays of keys; returns how many. */
extern int table_key_array_types(const BackfillTable *table, Oid *types);

/*
 * Has statements that need rows in the order of their keys read an index, whatever the
 * planner believes of the table's size, until AtEOXact_GUC() of the level returned.
 */
extern int begin_reading_in_order(void);

/* In the same way, has statements read a range of places in their order, and no index. */
extern int begin_reading_by_place(void);

/* Returns the plan that a field holds, and prepares it if need be; it lasts as long as the table. */
extern struct _SPI_plan *table_plan(struct _SPI_plan **field, const char *sql, int nargs,
									Oid *types, bool custom);

#endif /* POLLSEED_BACKFILL_TABLE_H */
