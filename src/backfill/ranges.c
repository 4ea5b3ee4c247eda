/*-------------------------------------------------------------------------
 *
 * ranges.c
 *		Ranges of rows: what one process works on at a time, and where it stands.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/sql.h"
#include "backfill/keys.h"
#include "backfill/locks.h"
#include "backfill/ranges.h"
#include "backfill/statements.h"

/* A window has the rows of so many batches. */
#define BATCHES_A_WINDOW 8

/* With fewer rows without a value in a block, visiting it more than once gains nothing. */
#define MIN_ROWS_FOR_VISITS 8

/* The first window, and the largest one (64 MB). */
#define FIRST_WINDOW_BLOCKS 32
#define MAX_WINDOW_BLOCKS 8192

/* So many blocks without a row to fill are passed over in one transaction. */
#define MAX_BLOCKS_PASSED 65536

void
ranges_adopt(const Backfill *backfill)
{
	Oid	  types[] = {INT8OID, INT4OID};
	Datum values[] = {Int64GetDatum(backfill->id), Int32GetDatum(backfill->run_no)};

	sql_execute_own("UPDATE pollseed.backfill_ranges AS r SET run_no = $2"
					" WHERE r.backfill_id OPERATOR(pg_catalog.=) $1",
					lengthof(types), types, values, NULL);
}

/* Returns an array column of the first row of the last result, copied, or 0. */
static Datum
array_value(int column)
{
	bool  isnull;
	Datum value = sql_value(0, column, &isnull);

	return isnull ? (Datum) 0 : PointerGetDatum(DatumGetArrayTypePCopy(value));
}

/* Reads a range; NULL where it is gone. */
static BackfillRange *
read_range(int64 id, MemoryContext parent)
{
	Oid			   type = INT8OID;
	Datum		   value = Int64GetDatum(id);
	BackfillRange *range;
	MemoryContext  context;
	MemoryContext  old_context;

	if (sql_execute_own("SELECT r.part_no, p.relation_oid,"
						" p.strategy OPERATOR(pg_catalog.=) 'block', r.first_block, r.end_block,"
						" r.visit, r.visits, r.position, r.end_key,"
						" COALESCE(r.batch_size, 0), r.inclusive"
						" FROM pollseed.backfill_ranges AS r JOIN pollseed.backfill_parts AS p"
						" ON p.backfill_id OPERATOR(pg_catalog.=) r.backfill_id"
						" AND p.part_no OPERATOR(pg_catalog.=) r.part_no"
						" WHERE r.range_id OPERATOR(pg_catalog.=) $1",
						1, &type, &value, NULL) == 0)
		return NULL;

	context = AllocSetContextCreate(parent, "pollseed backfill range", ALLOCSET_SMALL_SIZES);
	old_context = MemoryContextSwitchTo(context);
	range = palloc0_object(BackfillRange);
	range->context = context;
	range->id = id;
	range->part_no = DatumGetInt32(sql_value_not_null(0, 1));
	range->relid = DatumGetObjectId(sql_value_not_null(0, 2));
	range->by_blocks = DatumGetBool(sql_value_not_null(0, 3));
	range->first_block = (BlockNumber) DatumGetInt64(sql_value_not_null(0, 4));
	range->end_block = (BlockNumber) DatumGetInt64(sql_value_not_null(0, 5));
	range->visit = DatumGetInt32(sql_value_not_null(0, 6));
	range->visits = DatumGetInt32(sql_value_not_null(0, 7));
	range->array = array_value(8);
	range->end_array = array_value(9);
	range->batch_size = DatumGetInt32(sql_value_not_null(0, 10));
	range->inclusive = DatumGetBool(sql_value_not_null(0, 11));
	MemoryContextSwitchTo(old_context);
	return range;
}

/* Reads the ctid that stands as the position of a range of blocks. */
static void
tid_from_array(Datum array, ItemPointer tid)
{
	Datum *texts;
	int	   count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL,
					  &count);
	*tid = *(ItemPointer) DatumGetPointer(
		DirectFunctionCall1(tidin, CStringGetDatum(TextDatumGetCString(texts[0]))));
}

bool
range_use_table(BackfillRange *range, const BackfillTable *table)
{
	MemoryContext old_context;

	if (range->table_generation != 0)
		return range->table_generation == table->generation;
	range->table_generation = table->generation;
	old_context = MemoryContextSwitchTo(range->context);
	if (range->by_blocks)
	{
		ItemPointerSet(&range->tid, range->first_block, InvalidOffsetNumber);
		if (range->array != (Datum) 0)
			tid_from_array(range->array, &range->tid);
	}
	else
	{
		range->has_position = range->array != (Datum) 0;
		range->ends = range->end_array != (Datum) 0;
		if (range->has_position)
			key_from_array(table, range->array, range->position);
		if (range->ends)
			key_from_array(table, range->end_array, range->end_key);
	}
	MemoryContextSwitchTo(old_context);
	return true;
}

/* Takes one of the ranges that are open and that nobody works on; *others tells whether there are ranges left. */
static BackfillRange *
claim_open_range(const Backfill *backfill, bool shared, MemoryContext parent, bool *others)
{
	Oid	   type = INT8OID;
	Datum  value = Int64GetDatum(backfill->id);
	int64  count;
	int64 *ids;

	count = sql_execute_own("SELECT r.range_id FROM pollseed.backfill_ranges AS r"
							" WHERE r.backfill_id OPERATOR(pg_catalog.=) $1 ORDER BY r.range_id",
							1, &type, &value, NULL);
	*others = count > 0;
	ids = palloc_array(int64, Max(count, 1));
	for (int64 i = 0; i < count; i++)
		ids[i] = DatumGetInt64(sql_value_not_null(i, 1));
	for (int64 i = 0; i < count; i++)
	{
		BackfillRange *range;

		if (shared && !lock_range(ids[i]))
			continue;
		range = read_range(ids[i], parent);
		if (range != NULL)
		{
			range->locked = shared;
			return range;
		}
		if (shared)
			unlock_range(ids[i]);
	}
	return NULL;
}

/* A part that is not claimed to its end, as read from its row. */
typedef struct Frontier
{
	int			part_no;
	Oid			relid;
	bool		by_blocks;
	BlockNumber next_block;
	BlockNumber end_block;
	Datum		next_key; /* text[], or 0 */
	Datum		end_key;
} Frontier;

/* Locks and reads the first part that is not claimed to its end; false where there is none. */
static bool
read_frontier(const Backfill *backfill, Frontier *frontier)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(backfill->id);

	if (sql_execute_own("SELECT p.part_no, p.relation_oid,"
						" p.strategy OPERATOR(pg_catalog.=) 'block', p.next_block, p.end_block,"
						" p.next_key, p.end_key FROM pollseed.backfill_parts AS p"
						" WHERE p.backfill_id OPERATOR(pg_catalog.=) $1 AND NOT p.claimed"
						" ORDER BY p.part_no LIMIT 1 FOR UPDATE",
						1, &type, &value, NULL) == 0)
		return false;
	frontier->part_no = DatumGetInt32(sql_value_not_null(0, 1));
	frontier->relid = DatumGetObjectId(sql_value_not_null(0, 2));
	frontier->by_blocks = DatumGetBool(sql_value_not_null(0, 3));
	frontier->next_block = (BlockNumber) DatumGetInt64(sql_value_not_null(0, 4));
	frontier->end_block = (BlockNumber) DatumGetInt64(sql_value_not_null(0, 5));
	frontier->next_key = array_value(6);
	frontier->end_key = array_value(7);
	return true;
}

/* Moves a part's frontier on. */
static void
move_frontier(const Backfill *backfill, const Frontier *frontier, bool claimed)
{
	Oid	  types[] = {INT8OID, INT4OID, INT8OID, TEXTARRAYOID, BOOLOID};
	Datum values[] = {Int64GetDatum(backfill->id), Int32GetDatum(frontier->part_no),
					  Int64GetDatum(frontier->next_block), frontier->next_key,
					  BoolGetDatum(claimed)};

	sql_execute_own("UPDATE pollseed.backfill_parts AS p"
					" SET next_block = $3, next_key = $4, claimed = $5"
					" WHERE p.backfill_id OPERATOR(pg_catalog.=) $1"
					" AND p.part_no OPERATOR(pg_catalog.=) $2",
					lengthof(types), types, values,
					frontier->next_key == (Datum) 0 ? "   n " : NULL);
}

/* Keeps a new range and returns its number; raises 55006 where the run is not ours any more. */
static int64
insert_range(const Backfill *backfill, int part_no, BlockNumber first_block, BlockNumber end_block,
			 int visits, Datum position, Datum end_key)
{
	Oid	  types[] = {INT8OID, INT4OID, INT4OID,		 INT8OID,
					 INT8OID, INT4OID, TEXTARRAYOID, TEXTARRAYOID};
	Datum values[] = {Int64GetDatum(backfill->id),
					  Int32GetDatum(part_no),
					  Int32GetDatum(backfill->run_no),
					  Int64GetDatum(first_block),
					  Int64GetDatum(end_block),
					  Int32GetDatum(visits),
					  position,
					  end_key};
	char  nulls[] = "        ";

	nulls[6] = position == (Datum) 0 ? 'n' : ' ';
	nulls[7] = end_key == (Datum) 0 ? 'n' : ' ';
	if (sql_execute_own("INSERT INTO pollseed.backfill_ranges (backfill_id, part_no, run_no,"
						" first_block, end_block, visits, position, end_key)"
						" SELECT b.backfill_id, $2, b.run_no, $4, $5, $6, $7, $8"
						" FROM pollseed.backfills AS b"
						" WHERE b.backfill_id OPERATOR(pg_catalog.=) $1"
						" AND b.run_no OPERATOR(pg_catalog.=) $3 FOR SHARE RETURNING range_id",
						lengthof(types), types, values, nulls) == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("backfill \"%s\" is run by another session now", backfill->name)));
	return DatumGetInt64(sql_value_not_null(0, 1));
}

/* Counts the rows without a value in some blocks. */
static int64
count_rows(const BackfillTable *table, BlockNumber first, BlockNumber end)
{
	Oid				types[] = {TIDOID, TIDOID};
	ItemPointerData from;
	ItemPointerData before;
	Datum			values[] = {PointerGetDatum(&from), PointerGetDatum(&before)};
	int64			count;

	ItemPointerSet(&from, first, InvalidOffsetNumber);
	ItemPointerSet(&before, end, InvalidOffsetNumber);
	sql_execute(sql_count_blocks(table), lengthof(types), types, values, NULL);
	count = DatumGetInt64(sql_value_not_null(0, 1));
	return count;
}

/* Returns how many blocks the next window should have. */
static BlockNumber
window_blocks(const ClaimRequest *request, const Frontier *frontier)
{
	BlockNumber left = frontier->end_block - frontier->next_block;
	double		blocks = FIRST_WINDOW_BLOCKS;

	if (request->rows_a_block > 0)
		blocks = (double) request->batch_size * BATCHES_A_WINDOW / request->rows_a_block;
	if (request->workers > 1)
		blocks = Min(blocks, (double) left / (2 * request->workers));
	return Min((BlockNumber) Max(Min(blocks, MAX_WINDOW_BLOCKS), 1), left);
}

/* Claims the next window of blocks that has rows without a value; returns the range's number, or 0 at the part's end. */
static int64
claim_blocks(const Backfill *backfill, ClaimRequest *request, const BackfillTable *table,
			 Frontier *frontier, bool *more)
{
	BlockNumber passed = 0;

	*more = true;
	while (frontier->next_block < frontier->end_block && passed < MAX_BLOCKS_PASSED)
	{
		BlockNumber first = frontier->next_block;
		BlockNumber blocks = window_blocks(request, frontier);
		int64		rows = count_rows(table, first, first + blocks);

		CHECK_FOR_INTERRUPTS();
		frontier->next_block += blocks;
		if (rows > 0)
		{
			request->rows_a_block = (double) rows / blocks;
			move_frontier(backfill, frontier, false);
			return insert_range(backfill, frontier->part_no, first, first + blocks,
								request->rows_a_block >= MIN_ROWS_FOR_VISITS ? BLOCK_VISITS : 1,
								(Datum) 0, (Datum) 0);
		}
		passed += blocks;
		request->rows_a_block = Max(request->rows_a_block / 2, 0.01);
	}
	*more = frontier->next_block < frontier->end_block;
	move_frontier(backfill, frontier, !*more);
	return 0;
}

/* Finds the last key of the next window of keys, as text[]; 0 where fewer rows are left than it may have. */
static Datum
find_end_of_window(const ClaimRequest *request, const BackfillTable *table,
				   const Frontier *frontier)
{
	Oid		   types[2 * MAX_KEY_COLUMNS + 1];
	Datum	   values[lengthof(types)];
	LowerBound lower = frontier->next_key != (Datum) 0 ? LOWER_AFTER : LOWER_NONE;
	int		   bounds = (lower != LOWER_NONE ? 1 : 0) + 1;
	int		   nargs = table_key_types(table, bounds, types);
	Datum	   key[MAX_KEY_COLUMNS];
	int		   level;
	int64	   found;

	if (lower != LOWER_NONE)
		key_from_array(table, frontier->next_key, values);
	key_from_array(table, frontier->end_key, &values[nargs - table->nkeys]);
	types[nargs] = INT8OID;
	values[nargs] = Int64GetDatum((int64) request->batch_size * BATCHES_A_WINDOW - 1);
	level = begin_reading_in_order();
	found = sql_execute(sql_end_of_range(table, lower, true), nargs + 1, types, values, NULL);
	AtEOXact_GUC(true, level);
	if (found == 0)
		return (Datum) 0;
	for (int i = 0; i < table->nkeys; i++)
		key[i] = sql_value_not_null(0, i + 1);
	return key_to_array(table, key);
}

/* Claims the next keys: all that are left where only this process works on them. */
static int64
claim_keys(const Backfill *backfill, const ClaimRequest *request, const BackfillTable *table,
		   Frontier *frontier)
{
	Datum position = frontier->next_key;
	Datum end = (Datum) 0;

	if (frontier->end_key == (Datum) 0)
	{
		move_frontier(backfill, frontier, true);
		return 0;
	}
	if (request->shared)
		end = find_end_of_window(request, table, frontier);
	if (end != (Datum) 0)
		frontier->next_key = end;
	move_frontier(backfill, frontier, end == (Datum) 0);
	return insert_range(backfill, frontier->part_no, 0, 0, 1, position,
						end != (Datum) 0 ? end : frontier->end_key);
}

ClaimResult
range_claim(const Backfill *backfill, ClaimRequest *request, TableOpener open_table, void *arg,
			MemoryContext parent, BackfillRange **range)
{
	bool		   shared = request->shared;
	bool		   others;
	bool		   more;
	Frontier	   frontier;
	BackfillTable *table;
	Relation	   rel;
	int64		   id;

	*range = claim_open_range(backfill, shared, parent, &others);
	if (*range != NULL)
		return CLAIM_RANGE;
	if (!read_frontier(backfill, &frontier))
		return others ? CLAIM_OTHERS : CLAIM_NOTHING;

	table = open_table(arg, frontier.relid, &rel);
	if (table == NULL)
	{
		/* A partition that was dropped since the run began. */
		move_frontier(backfill, &frontier, true);
		return CLAIM_AGAIN;
	}
	if (frontier.by_blocks)
		id = claim_blocks(backfill, request, table, &frontier, &more);
	else
		id = claim_keys(backfill, request, table, &frontier);
	relation_close(rel, NoLock);
	if (id == 0)
		return CLAIM_AGAIN;
	if (shared && !lock_range(id))
		elog(ERROR, "a new range is locked");
	*range = read_range(id, parent);
	if (*range == NULL)
		elog(ERROR, "a new range is gone");
	(*range)->locked = shared;
	return CLAIM_RANGE;
}

/* Returns the range's position as text[], or 0 where it has none. */
static Datum
position_array(const BackfillTable *table, const BackfillRange *range)
{
	Datum text;

	if (!range->by_blocks)
		return range->has_position ? key_to_array(table, range->position) : (Datum) 0;
	text = CStringGetTextDatum(
		DatumGetCString(DirectFunctionCall1(tidout, PointerGetDatum(&range->tid))));
	return PointerGetDatum(construct_array(&text, 1, TEXTOID, -1, false, TYPALIGN_INT));
}

bool
range_advance(const Backfill *backfill, const BackfillTable *table, const BackfillRange *range,
			  const BackfillFigures *figures)
{
	Oid	  types[] = {INT8OID, INT4OID, TEXTARRAYOID, INT4OID, INT8OID, INT8OID, INT8OID,
					 INT8OID, INT8OID, INT8OID,		 INT4OID, TEXTOID, BOOLOID};
	Datum values[] = {Int64GetDatum(range->id),
					  Int32GetDatum(backfill->run_no),
					  position_array(table, range),
					  Int32GetDatum(range->visit),
					  Int64GetDatum(figures->filled),
					  Int64GetDatum(figures->no_data),
					  Int64GetDatum(figures->quarantined),
					  Int64GetDatum(figures->skipped),
					  Int64GetDatum(figures->batches),
					  Int64GetDatum(figures->wal_bytes),
					  Int32GetDatum(figures->batch_size),
					  figures->lane != NULL ? CStringGetTextDatum(figures->lane) : (Datum) 0,
					  BoolGetDatum(range->inclusive)};
	char  nulls[] = "             ";

	nulls[2] = values[2] == (Datum) 0 ? 'n' : ' ';
	nulls[11] = values[11] == (Datum) 0 ? 'n' : ' ';
	return sql_execute_own(
			   "UPDATE pollseed.backfill_ranges AS r SET position = $3, visit = $4, inclusive = $13,"
			   " filled = r.filled OPERATOR(pg_catalog.+) $5,"
			   " no_data = r.no_data OPERATOR(pg_catalog.+) $6,"
			   " quarantined = r.quarantined OPERATOR(pg_catalog.+) $7,"
			   " skipped = r.skipped OPERATOR(pg_catalog.+) $8,"
			   " batches = r.batches OPERATOR(pg_catalog.+) $9,"
			   " wal_bytes = r.wal_bytes OPERATOR(pg_catalog.+) $10::pg_catalog.numeric,"
			   " batch_size = $11, lane = $12"
			   " WHERE r.range_id OPERATOR(pg_catalog.=) $1"
			   " AND r.run_no OPERATOR(pg_catalog.=) $2",
			   lengthof(types), types, values, nulls) == 1;
}

bool
figures_add(const Backfill *backfill, const BackfillFigures *figures)
{
	return backfill_update(
		backfill,
		psprintf("filled = b.filled OPERATOR(pg_catalog.+) " INT64_FORMAT
				 ", no_data = b.no_data OPERATOR(pg_catalog.+) " INT64_FORMAT
				 ", quarantined = b.quarantined OPERATOR(pg_catalog.+) " INT64_FORMAT
				 ", skipped = b.skipped OPERATOR(pg_catalog.+) " INT64_FORMAT
				 ", batches = b.batches OPERATOR(pg_catalog.+) " INT64_FORMAT
				 ", wal_bytes = b.wal_bytes OPERATOR(pg_catalog.+) " UINT64_FORMAT
				 ", lane = COALESCE($3, b.lane)%s",
				 figures->filled, figures->no_data, figures->quarantined, figures->skipped,
				 figures->batches, figures->wal_bytes,
				 figures->batch_size > 0 ? psprintf(", batch_size_now = %d", figures->batch_size)
										 : ""),
		figures->lane);
}

bool
range_finish(const Backfill *backfill, const BackfillRange *range, const BackfillFigures *figures)
{
	Oid				types[] = {INT8OID, INT4OID};
	Datum			values[] = {Int64GetDatum(range->id), Int32GetDatum(backfill->run_no)};
	BackfillFigures sum = *figures;

	if (sql_execute_own("DELETE FROM pollseed.backfill_ranges AS r"
						" WHERE r.range_id OPERATOR(pg_catalog.=) $1"
						" AND r.run_no OPERATOR(pg_catalog.=) $2"
						" RETURNING r.filled, r.no_data, r.quarantined, r.skipped, r.batches,"
						" r.wal_bytes::pg_catalog.int8",
						lengthof(types), types, values, NULL) == 0)
		return false;
	sum.filled += DatumGetInt64(sql_value_not_null(0, 1));
	sum.no_data += DatumGetInt64(sql_value_not_null(0, 2));
	sum.quarantined += DatumGetInt64(sql_value_not_null(0, 3));
	sum.skipped += DatumGetInt64(sql_value_not_null(0, 4));
	sum.batches += DatumGetInt64(sql_value_not_null(0, 5));
	sum.wal_bytes += (uint64) DatumGetInt64(sql_value_not_null(0, 6));
	return figures_add(backfill, &sum);
}

void
range_set_position(BackfillRange *range, const BackfillTable *table, const Datum *key)
{
	MemoryContext old_context = MemoryContextSwitchTo(range->context);
	Datum		  old[MAX_KEY_COLUMNS];

	memcpy(old, range->position, sizeof(old));
	key_copy(table, key, range->position);
	for (int i = 0; range->has_position && i < table->nkeys; i++)
	{
		if (!get_typbyval(table->keys[i].type))
			pfree(DatumGetPointer(old[i]));
	}
	range->has_position = true;
	MemoryContextSwitchTo(old_context);
}

void
range_release(BackfillRange *range)
{
	if (range == NULL)
		return;
	if (range->locked)
		unlock_range(range->id);
	MemoryContextDelete(range->context);
}
