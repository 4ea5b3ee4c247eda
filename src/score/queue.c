/*-------------------------------------------------------------------------
 *
 * queue.c
 *		The keys that were changed and are not recomputed yet: a score's queue, as
 *		its refresher reads it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"

#include "core/compat.h"
#include "core/sql.h"
#include "score/queue.h"

/* Rows of the queue that are fetched at once; each may have hundreds of keys. */
#define FETCH_ROWS 2

/* Columns of what is fetched. */
enum
{
	COLUMN_PLACE = 1,
	COLUMN_SOURCE,
	COLUMN_FIRST_KEY
};

/* Returns the keys of a source in a batch, which it adds where there are none yet. */
static QueuedKeys *
keys_of_source(QueueBatch *batch, int source_no)
{
	QueuedKeys *keys;
	ListCell   *cell;

	foreach(cell, batch->keys)
	{
		keys = lfirst(cell);
		if (keys->source_no == source_no)
			return keys;
	}
	keys = palloc0_object(QueuedKeys);
	keys->source_no = source_no;
	batch->keys = lappend(batch->keys, keys);
	return keys;
}

int
keys_append(struct ArrayBuildState **state, Datum array)
{
	Datum *elements;
	bool  *nulls;
	int	   count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &count);
	for (int i = 0; i < count; i++)
		*state = accumArrayResult(*state, elements[i], nulls[i], TEXTOID, CurrentMemoryContext);
	return count;
}

/* Makes arrays of what was collected. */
static void
finish_arrays(QueueBatch *batch)
{
	ListCell *cell;

	foreach(cell, batch->keys)
	{
		QueuedKeys *keys = lfirst(cell);

		for (int i = 0; i < MAX_SCORE_KEYS; i++)
		{
			if (keys->states[i] != NULL)
				keys->arrays[i] = makeArrayResult(keys->states[i], CurrentMemoryContext);
		}
	}
}

/* Adds a fetched row of the queue to a batch. */
static void
add_row(QueueBatch *batch, uint64 row)
{
	int			last = SPI_tuptable->tupdesc->natts - COLUMN_FIRST_KEY;
	QueuedKeys *keys;
	Datum		array;
	bool		isnull;

	batch->rows++;
	array = sql_value(row, COLUMN_FIRST_KEY, &isnull);
	if (isnull)
	{
		batch->everything = true;
		return;
	}
	keys = keys_of_source(batch, DatumGetInt16(sql_value_not_null(row, COLUMN_SOURCE)));
	batch->count += keys_append(&keys->states[0], array);
	for (int i = 1; i <= last; i++)
	{
		array = sql_value(row, COLUMN_FIRST_KEY + i, &isnull);
		if (!isnull)
			(void) keys_append(&keys->states[i], array);
	}
}

/* Adds the fetched rows to a batch, and their places to others. */
static void
add_rows(QueueBatch *batch, uint64 count, ArrayBuildState **places)
{
	for (uint64 row = 0; row < count; row++)
	{
		*places = accumArrayResult(*places, sql_value_not_null(row, COLUMN_PLACE), false, TIDOID,
								   CurrentMemoryContext);
		add_row(batch, row);
	}
}

/* Returns the names of the queue's columns of keys, with commas between; its owner may have added others. */
static char *
key_columns(const Score *score)
{
	Oid	  types[] = {OIDOID, OIDOID, INT4OID};
	Datum values[] = {ObjectIdGetDatum(score->queue), ObjectIdGetDatum(TEXTARRAYOID),
					  Int32GetDatum(2 + MAX_SCORE_KEYS)};

	sql_execute(
		"SELECT pg_catalog.string_agg('q.' OPERATOR(pg_catalog.||) pg_catalog.quote_ident("
		"a.attname), ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a"
		" WHERE a.attrelid OPERATOR(pg_catalog.=) $1 AND a.atttypid OPERATOR(pg_catalog.=) $2"
		" AND a.attnum OPERATOR(pg_catalog.>) 2"
		" AND a.attnum OPERATOR(pg_catalog.<=) $3"
		" AND NOT a.attisdropped",
		lengthof(types), types, values, NULL);
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

QueueScan
queue_open(const Score *score)
{
	const char *sql = psprintf("SELECT q.ctid, q.source_no, %s FROM %s AS q", key_columns(score),
							   score->queue_name);

	return (QueueScan){.score = score,
					   .portal = SPI_cursor_open_with_args(NULL, sql, 0, NULL, NULL, NULL, false,
														   CURSOR_OPT_NO_SCROLL)};
}

QueueBatch
queue_take(QueueScan *scan, int64 limit)
{
	QueueBatch		 batch = {0};
	ArrayBuildState *places = NULL;
	Oid				 type = TIDARRAYOID;
	Datum			 value;

	while (batch.count < limit && !batch.everything)
	{
		uint64 fetched;

		SPI_cursor_fetch(scan->portal, true, FETCH_ROWS);
		fetched = SPI_processed;
		if (fetched > 0)
			add_rows(&batch, fetched, &places);
		SPI_freetuptable(SPI_tuptable);
		if (fetched == 0)
			break;
	}
	if (batch.rows == 0 || batch.everything)
		return batch;

	finish_arrays(&batch);
	value = makeArrayResult(places, CurrentMemoryContext);
	if (sql_execute(psprintf("DELETE FROM %s AS q WHERE q.ctid OPERATOR(pg_catalog.=) ANY ($1)",
							 scan->score->queue_name),
					1, &type, &value, NULL) != batch.rows)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the queue of score %s was changed by somebody else", scan->score->name)));
	return batch;
}

void
queue_close(QueueScan *scan)
{
	SPI_cursor_close(scan->portal);
}

int64
queue_clear(const Score *score)
{
	return sql_execute(psprintf("DELETE FROM %s", score->queue_name), 0, NULL, NULL, NULL);
}

int64
queue_count(const Score *score)
{
	bool  isnull;
	Datum count;

	sql_execute(psprintf("SELECT CASE WHEN pg_catalog.bool_or(q.k1 IS NULL) THEN NULL ELSE"
						 " COALESCE(pg_catalog.sum(pg_catalog.cardinality(q.k1)), 0)"
						 "::pg_catalog.int8 END FROM %s AS q",
						 score->queue_name),
				0, NULL, NULL, NULL);
	count = sql_value(0, 1, &isnull);
	return isnull ? -1 : DatumGetInt64(count);
}
