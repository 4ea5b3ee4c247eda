/*-------------------------------------------------------------------------
 *
 * batch.c
 *		One batch of rows: found, given their values, and written.
 *
 * The rows' places and their values are read in one snapshot, and a row is written
 * only if it still is where it was: so a value never belongs to an older version of
 * its row, and what somebody else wrote stays.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/sql.h"
#include "core/subtransaction.h"
#include "backfill/batch.h"
#include "backfill/keys.h"
#include "backfill/outcomes.h"
#include "backfill/settings.h"
#include "backfill/statements.h"

Datum
visit_classes(int visit)
{
	/* The first class of each visit, and the end: seven take an eighth of the rows each, then a sixteenth, and twice half of that. */
	static const int first[BLOCK_VISITS + 1] = {0, 4, 8, 12, 16, 20, 24, 28, 30, 31, PLACE_CLASSES};
	Datum			 classes[PLACE_CLASSES];
	int				 count = 0;

	for (int i = first[visit]; i < first[visit + 1]; i++)
		classes[count++] = Int32GetDatum(i);
	return PointerGetDatum(
		construct_array(classes, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

BatchRows
batch_rows_of_result(const BackfillTable *table, bool with_tids)
{
	SPITupleTable *result = SPI_tuptable;
	int			   first = with_tids ? 2 : 1;
	BatchRows	   rows = {.count = (int) SPI_processed};

	rows.keys = palloc_array(Datum, (Size) Max(rows.count, 1) * table->nkeys);
	if (with_tids)
		rows.tids = palloc_array(ItemPointerData, Max(rows.count, 1));
	for (int row = 0; row < rows.count; row++)
	{
		bool isnull;

		if (with_tids)
			rows.tids[row] = *(ItemPointer) DatumGetPointer(
				SPI_getbinval(result->vals[row], result->tupdesc, 1, &isnull));
		for (int i = 0; i < table->nkeys; i++)
			rows.keys[(Size) row * table->nkeys + i] =
				SPI_getbinval(result->vals[row], result->tupdesc, first + i, &isnull);
	}
	return rows;
}

/* A row that was found, and where in the result it stands. */
typedef struct ResolvedRow
{
	ItemPointerData tid;
	int				row;
} ResolvedRow;

/* Orders rows by their place. */
static int
compare_places(const void *left, const void *right)
{
	return ItemPointerCompare((ItemPointer) & ((const ResolvedRow *) left)->tid,
							  (ItemPointer) & ((const ResolvedRow *) right)->tid);
}

/* Returns the key of a row of a result whose keys begin with the second column. */
static char *
key_of_result(const BackfillTable *table, SPITupleTable *result, int row)
{
	Datum key[MAX_KEY_COLUMNS];
	bool  isnull;

	for (int i = 0; i < table->nkeys; i++)
		key[i] = SPI_getbinval(result->vals[row], result->tupdesc, 2 + i, &isnull);
	return key_text(table, key);
}

/* Returns the result's rows in the order of their places; raises 21000 where the source has more than one value for one. */
static ResolvedRow *
sort_result(const BackfillTable *table, SPITupleTable *result, int count)
{
	ResolvedRow *rows = palloc_array(ResolvedRow, Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		bool isnull;

		rows[i].tid = *(ItemPointer) DatumGetPointer(
			SPI_getbinval(result->vals[i], result->tupdesc, 1, &isnull));
		rows[i].row = i;
	}
	qsort(rows, count, sizeof(ResolvedRow), compare_places);
	for (int i = 1; i < count; i++)
	{
		if (ItemPointerEquals(&rows[i - 1].tid, &rows[i].tid))
			ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION),
							errmsg("the source returned more than one row for key %s",
								   key_of_result(table, result, rows[i].row))));
	}
	return rows;
}

/*
 * Tells whether the row of this key was looked for at its place.  Else it came there
 * after the row that was is gone, and the source was not asked for it.
 */
static bool
was_looked_for(const BackfillTable *table, const BatchRows *rows, ResolvedRow **places,
			   ResolvedRow place, const char *key)
{
	ResolvedRow *found;

	if (rows->tids == NULL)
		return true;
	if (*places == NULL)
	{
		*places = palloc_array(ResolvedRow, rows->count);
		for (int i = 0; i < rows->count; i++)
			(*places)[i] = (ResolvedRow){.tid = rows->tids[i], .row = i};
		qsort(*places, rows->count, sizeof(ResolvedRow), compare_places);
	}
	found = bsearch(&place, *places, rows->count, sizeof(ResolvedRow), compare_places);
	return found != NULL &&
		   strcmp(key, key_text(table, &rows->keys[(Size) found->row * table->nkeys])) == 0;
}

/*
 * Writes rows, of a run with a budget of WAL a few at a time: others on the same processors
 * would feel a batch as one long burst of work.  The rests are part of the batch's time,
 * so the time that it aims at bounds them.
 */
static int64
write_rows(BackfillTable *table, Relation rel, UpdateRow *rows, int nrows)
{
	int	  step = table->rest_us > 0 ? GENTLE_ROWS : nrows;
	int64 filled = 0;

	for (int done = 0; done < nrows; done += step)
	{
		if (done > 0)
			pg_usleep(table->rest_us);
		filled += updater_write(table->updater, rel, &rows[done], Min(step, nrows - done));
	}
	return filled;
}

/* Writes the rows of the result that have a value, and keeps which of them have none. */
static void
write_result(BackfillTable *table, Relation rel, const BatchRows *looked_for, SPITupleTable *result,
			 int count, BackfillFigures *figures)
{
	ResolvedRow *places = NULL;
	ResolvedRow *rows = sort_result(table, result, count);
	UpdateRow	*updates = palloc_array(UpdateRow, Max(count, 1));
	char	   **without = palloc_array(char *, Max(count, 1));
	int			 nupdates = 0;
	int			 nwithout = 0;
	int64		 filled;

	for (int i = 0; i < count; i++)
	{
		bool  isnull;
		Datum value =
			SPI_getbinval(result->vals[rows[i].row], result->tupdesc, table->nkeys + 2, &isnull);

		if (isnull)
		{
			without[nwithout] = key_of_result(table, result, rows[i].row);
			if (was_looked_for(table, looked_for, &places, rows[i], without[nwithout]))
				nwithout++;
			else
				figures->skipped++;
		}
		else
			updates[nupdates++] = (UpdateRow){.tid = rows[i].tid, .value = value};
	}
	filled = write_rows(table, rel, updates, nupdates);
	outcomes_no_data(table, nwithout, without);
	figures->filled += filled;
	figures->skipped += nupdates - filled;
	figures->no_data += nwithout;
}

/* Finds the rows and their values; returns how many rows there are. */
static int
resolve(BackfillTable *table, const BatchRows *rows)
{
	Oid		   types[MAX_KEY_COLUMNS + 1];
	Datum	   values[lengthof(types)];
	int		   nargs = table_key_array_types(table, types);
	SPIPlanPtr plan;

	key_arrays(table, rows->count, rows->keys, values);
	if (rows->tids != NULL)
	{
		types[nargs] = TIDARRAYOID;
		values[nargs] = tid_array(rows->count, rows->tids);
		plan = table_plan(&table->resolve_tids, sql_resolve_tids(table), nargs + 1, types, false);
	}
	else
		plan = table_plan(&table->resolve_keys, sql_resolve_keys(table), nargs, types, false);
	return (int) sql_execute_plan(plan, values, NULL);
}

/* Tells whether something that a table's rows are checked by waits for the commit, by default or by the user's will. */
static bool
has_deferred_triggers(Relation rel)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		if (rel->trigdesc->triggers[i].tgdeferrable)
			return true;
	}
	return false;
}

/* Gives rows their values, all or none. */
static void
fill(BackfillTable *table, Relation rel, const BatchRows *rows, BackfillFigures *figures)
{
	int			   count = resolve(table, rows);
	SPITupleTable *result = SPI_tuptable;

	/*
	 * What is deferred to the commit would be too late to say which row it is about, and
	 * is refused where somebody else runs the backfill than its owner.
	 */
	if (table->commits && has_deferred_triggers(rel))
		sql_execute("SET CONSTRAINTS ALL IMMEDIATE", 0, NULL, NULL, NULL);

	/* Rows that moved or that somebody else has filled since they were found; which, the sweep will see. */
	if (rows->tids != NULL)
		figures->skipped += Max(rows->count - count, 0);
	write_result(table, rel, rows, result, count, figures);
}

/* Returns some of the rows. */
static BatchRows
part_of_rows(const BackfillTable *table, const BatchRows *rows, int first, int count)
{
	return (BatchRows){.count = count,
					   .tids = rows->tids != NULL ? rows->tids + first : NULL,
					   .keys = rows->keys + (Size) first * table->nkeys};
}

void
batch_set_aside(const BackfillTable *table, const BatchRows *rows, const ErrorData *error,
				BackfillFigures *figures)
{
	char *key = key_text(table, rows->keys);

	if (table->backfill->quarantined + figures->quarantined >= backfill_max_failures)
		ereport(ERROR, (errcode(error->sqlerrcode),
						errmsg("more than %d rows of backfill \"%s\" raise errors",
							   backfill_max_failures, table->backfill->name),
						errdetail("The last one, with key %s: %s", key, error->message),
						errhint("The view pollseed_backfill_failures shows the rows.  Mend the "
								"source, or set pollseed.backfill_max_failures higher.")));
	outcomes_quarantine(table, key, error);
	figures->quarantined++;
	ereport(backfill_log_level,
			(errhidestmt(true), errhidecontext(true), errcode(error->sqlerrcode),
			 errmsg("pollseed backfill \"%s\": key %s is set aside: %s", table->backfill->name, key,
					error->message)));
}

/* What fill() takes. */
typedef struct FillTask
{
	BackfillTable	*table;
	Relation		 rel;
	const BatchRows *rows;
	BackfillFigures *figures;
} FillTask;

/* Gives rows their values, in a subtransaction; arg: a FillTask. */
static void
fill_task(void *arg)
{
	FillTask *task = arg;

	fill(task->table, task->rel, task->rows, task->figures);
}

/*
 * Gives rows their values, in halves where one of them raises an error, down to the
 * row.  Each attempt is a subtransaction.
 */
static void
fill_carefully(BackfillTable *table, Relation rel, const BatchRows *rows, BackfillFigures *figures)
{
	FillTask		task = {table, rel, rows, figures};
	BackfillFigures before = *figures;
	ErrorData	   *error = subtransaction_try(fill_task, &task, NULL);

	if (error == NULL)
		return;

	*figures = before;
	if (!error_is_of_a_row(error->sqlerrcode))
		ReThrowError(error);
	if (rows->count == 1)
	{
		batch_set_aside(table, rows, error, figures);
		return;
	}
	for (int half = 0; half < 2; half++)
	{
		int		  first = half * (rows->count / 2);
		int		  end = half == 0 ? rows->count / 2 : rows->count;
		BatchRows part = part_of_rows(table, rows, first, end - first);

		CHECK_FOR_INTERRUPTS();
		fill_carefully(table, rel, &part, figures);
	}
}

void
batch_fill(BackfillTable *table, Relation rel, const BatchRows *rows, bool careful,
		   BackfillFigures *figures)
{
	if (rows->count == 0)
		return;
	if (careful)
		fill_carefully(table, rel, rows, figures);
	else
		fill(table, rel, rows, figures);
}

void
batch_remove_settled(const BackfillTable *table, BatchRows *rows)
{
	char **texts = palloc_array(char *, Max(rows->count, 1));
	bool  *settled;
	int	   kept = 0;

	for (int i = 0; i < rows->count; i++)
		texts[i] = key_text(table, &rows->keys[(Size) i * table->nkeys]);
	settled = outcomes_settled(table, rows->count, texts);
	for (int i = 0; i < rows->count; i++)
	{
		if (settled[i])
			continue;
		if (rows->tids != NULL)
			rows->tids[kept] = rows->tids[i];
		memmove(&rows->keys[(Size) kept * table->nkeys], &rows->keys[(Size) i * table->nkeys],
				sizeof(Datum) * table->nkeys);
		kept++;
	}
	rows->count = kept;
}

int
batch_look_at_next(const BackfillTable *table, Portal portal, int limit, bool settled,
				   BatchLook look, void *arg)
{
	MemoryContext  context = AllocSetContextCreate(CurrentMemoryContext, "pollseed backfill fetch",
												   ALLOCSET_DEFAULT_SIZES);
	MemoryContext  old_context = MemoryContextSwitchTo(context);
	SPITupleTable *result;
	BatchRows	   rows;
	int			   fetched;

	CHECK_FOR_INTERRUPTS();
	SPI_cursor_fetch(portal, true, limit);
	result = SPI_tuptable;
	fetched = (int) SPI_processed;
	rows = batch_rows_of_result(table, true);
	if (settled)
		batch_remove_settled(table, &rows);
	look(table, &rows, fetched, arg);
	SPI_freetuptable(result);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return fetched;
}

/* Finds the next rows of one visit to a range of blocks. */
static BatchRows
pick_of_visit(BackfillTable *table, const BackfillRange *range, int limit)
{
	Oid				types[] = {TIDOID, TIDOID, INT8OID, INT4ARRAYOID};
	bool			visit = range->visits > 1;
	ItemPointerData end;
	Datum values[] = {PointerGetDatum(&range->tid), PointerGetDatum(&end), Int64GetDatum(limit),
					  visit_classes(range->visit)};
	SPIPlanPtr plan;
	int		   level;

	ItemPointerSet(&end, range->end_block, InvalidOffsetNumber);
	plan = table_plan(visit ? &table->pick_visit : &table->pick_blocks,
					  sql_pick_blocks(table, visit), visit ? 4 : 3, types, true);
	level = begin_reading_by_place();
	(void) sql_execute_plan(plan, values, NULL);
	AtEOXact_GUC(true, level);
	return batch_rows_of_result(table, true);
}

/* Finds the next rows of a range of blocks, in this visit or the next ones; *finished tells whether that was the last. */
static BatchRows
pick_blocks(BackfillTable *table, BackfillRange *range, int limit, bool *finished)
{
	BatchRows rows;

	do
	{
		rows = pick_of_visit(table, range, limit);
		if (rows.count == limit)
			range->tid = rows.tids[rows.count - 1];
		else
		{
			range->visit++;
			ItemPointerSet(&range->tid, range->first_block, InvalidOffsetNumber);
		}
		*finished = range->visit >= range->visits;
	} while (rows.count == 0 && !*finished);
	return rows;
}

/* Finds the next rows of a range of keys; *finished tells whether these are the last. */
static BatchRows
pick_keys(BackfillTable *table, const BackfillRange *range, int limit, bool *finished)
{
	Oid		   types[2 * MAX_KEY_COLUMNS + 1];
	Datum	   values[lengthof(types)];
	LowerBound lower = LOWER_NONE;
	int		   bounds = (range->has_position ? 1 : 0) + (range->ends ? 1 : 0);
	int		   nargs = table_key_types(table, bounds, types);
	SPIPlanPtr plan;
	BatchRows  rows;
	int		   level;

	if (range->has_position)
	{
		lower = range->inclusive ? LOWER_FROM : LOWER_AFTER;
		memcpy(values, range->position, sizeof(Datum) * table->nkeys);
	}
	if (range->ends)
		memcpy(&values[nargs - table->nkeys], range->end_key, sizeof(Datum) * table->nkeys);
	types[nargs] = INT8OID;
	values[nargs] = Int64GetDatum(limit);
	plan = table_plan(&table->pick_keys[lower][range->ends],
					  sql_pick_keys(table, lower, range->ends), nargs + 1, types, true);
	level = begin_reading_in_order();
	(void) sql_execute_plan(plan, values, NULL);
	AtEOXact_GUC(true, level);
	rows = batch_rows_of_result(table, !table->keys_only);
	*finished = rows.count < limit;
	return rows;
}

/*
 * Works on the next rows of a range of keys.  Where rows share a key there may be more
 * with the last one: the next batch begins with it again, unless this one got nowhere.
 */
static bool
run_keys(BackfillTable *table, Relation rel, BackfillRange *range, int limit, bool careful,
		 BackfillFigures *figures)
{
	bool	  finished;
	BatchRows rows = pick_keys(table, range, limit, &finished);
	Datum	  last[MAX_KEY_COLUMNS];
	int64	  filled = figures->filled;

	if (rows.count == 0)
		return true;
	memcpy(last, &rows.keys[(Size) (rows.count - 1) * table->nkeys], sizeof(Datum) * table->nkeys);
	if (table->backfill->settled_before > 0 || range->inclusive)
		batch_remove_settled(table, &rows);
	batch_fill(table, rel, &rows, careful, figures);
	range->inclusive = !table->unique && figures->filled > filled;
	range_set_position(range, table, last);
	return finished;
}

bool
batch_run(BackfillTable *table, Relation rel, BackfillRange *range, int limit, bool careful,
		  BackfillFigures *figures)
{
	bool	  finished;
	BatchRows rows;

	if (!range->by_blocks)
		return run_keys(table, rel, range, limit, careful, figures);
	rows = pick_blocks(table, range, limit, &finished);
	if (table->backfill->settled_before > 0)
		batch_remove_settled(table, &rows);
	batch_fill(table, rel, &rows, careful, figures);
	return finished;
}
