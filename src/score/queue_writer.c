/*-------------------------------------------------------------------------
 *
 * queue_writer.c
 *		Rows of a queue, written by whoever changes what a score is made from.
 *
 * A row of the queue holds as many keys as fit into a page, as arrays of text that
 * are built here in place.  It is written without the executor: the writer of the
 * change needs no privilege, and no trigger, rule or policy of the queue is asked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "score/queue_writer.h"

/* Bytes of arrays in a row of the queue, which so fits into a page as it is. */
#define CHUNK_BYTES 7000

/* Columns of a queue before those of keys. */
#define QUEUE_SOURCE 0
#define QUEUE_CHANGED_AT 1
#define QUEUE_KEYS 2

/* Tells whether a relation can hold keys of so many columns as a queue. */
static bool
is_queue(Relation rel, int nkeys)
{
	TupleDesc desc = RelationGetDescr(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION || desc->natts < QUEUE_KEYS + nkeys ||
		TupleDescAttr(desc, QUEUE_SOURCE)->atttypid != INT2OID ||
		TupleDescAttr(desc, QUEUE_CHANGED_AT)->atttypid != TIMESTAMPTZOID)
		return false;
	for (int i = 0; i < nkeys; i++)
	{
		if (TupleDescAttr(desc, QUEUE_KEYS + i)->atttypid != TEXTARRAYOID)
			return false;
	}
	return true;
}

bool
queue_holds(Oid queue, int nkeys)
{
	Relation rel = try_relation_open(queue, AccessShareLock);
	bool	 holds = rel != NULL && is_queue(rel, nkeys);

	if (rel != NULL)
		relation_close(rel, AccessShareLock);
	return holds;
}

/*
 * Entries of an index could be made only by running what its owner defined, as somebody
 * else; so there may be none.
 */
bool
queue_writer_open(QueueWriter *writer, Oid queue, int16 source_no, int nkeys, bool many)
{
	Relation rel = try_relation_open(queue, RowExclusiveLock);

	if (rel == NULL)
		return false;
	if (!is_queue(rel, Max(nkeys, 1)))
	{
		relation_close(rel, NoLock);
		return false;
	}
	if (rel->rd_rel->relhasindex && RelationGetIndexList(rel) != NIL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("queue \"%s\" of a score must not have an index",
							   RelationGetRelationName(rel)),
						errhint("Drop the index.")));

	memset(writer, 0, sizeof(*writer));
	writer->rel = rel;
	writer->nkeys = nkeys;
	writer->values = palloc0_array(Datum, RelationGetDescr(rel)->natts);
	writer->isnull = palloc_array(bool, RelationGetDescr(rel)->natts);
	memset(writer->isnull, true, RelationGetDescr(rel)->natts * sizeof(bool));
	writer->values[QUEUE_SOURCE] = Int16GetDatum(source_no);
	writer->isnull[QUEUE_SOURCE] = false;

	/* A CALL that commits is older than its transaction. */
	writer->values[QUEUE_CHANGED_AT] = TimestampTzGetDatum(
		Max(GetCurrentStatementStartTimestamp(), GetCurrentTransactionStartTimestamp()));
	writer->isnull[QUEUE_CHANGED_AT] = false;
	writer->slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	if (many)
		writer->state = GetBulkInsertState();
	return true;
}

/* Inserts a row of the values. */
static void
queue_writer_insert(QueueWriter *writer)
{
	HeapTuple tuple =
		heap_form_tuple(RelationGetDescr(writer->rel), writer->values, writer->isnull);

	ExecStoreHeapTuple(tuple, writer->slot, true);
	writer->slot->tts_tableOid = RelationGetRelid(writer->rel);
	table_tuple_insert(writer->rel, writer->slot, GetCurrentCommandId(true), 0, writer->state);
	ExecClearTuple(writer->slot);
}

/* Writes the keys that were put, if any, as a row. */
static void
queue_writer_flush(QueueWriter *writer)
{
	if (writer->nelements == 0)
		return;
	for (int i = 0; i < writer->nkeys; i++)
	{
		ArrayType *array = (ArrayType *) writer->arrays[i];

		SET_VARSIZE(array, writer->sizes[i]);
		array->ndim = 1;
		array->dataoffset = 0;
		array->elemtype = TEXTOID;
		ARR_DIMS(array)[0] = writer->nelements;
		ARR_LBOUND(array)[0] = 1;
		writer->values[QUEUE_KEYS + i] = PointerGetDatum(array);
		writer->isnull[QUEUE_KEYS + i] = false;
	}
	queue_writer_insert(writer);
	writer->nelements = 0;
	writer->bytes = 0;
}

/* Makes room for so many bytes more in an array, which is empty until the first key of a row is put. */
static void
queue_writer_reserve(QueueWriter *writer, int i, uint32 size)
{
	int64 needed;

	if (writer->nelements == 0)
		writer->sizes[i] = ARR_OVERHEAD_NONULLS(1);
	needed = writer->sizes[i] + (int64) size;
	if (writer->arrays[i] != NULL && needed <= writer->rooms[i])
		return;
	needed = Max(Max(needed, writer->rooms[i] * INT64CONST(2)), 64);
	writer->arrays[i] =
		writer->arrays[i] == NULL ? palloc0(needed) : repalloc(writer->arrays[i], needed);
	writer->rooms[i] = (int) needed;
}

void
queue_writer_put(QueueWriter *writer, const KeyText *key)
{
	const char *data = key->data;

	if (writer->bytes + key->size > CHUNK_BYTES)
		queue_writer_flush(writer);
	for (int i = 0; i < writer->nkeys; i++)
	{
		uint32 size = INTALIGN(VARSIZE(data));

		queue_writer_reserve(writer, i, size);
		memcpy(writer->arrays[i] + writer->sizes[i], data, size);
		writer->sizes[i] += (int) size;
		data += size;
	}
	writer->bytes += (int) key->size;
	writer->nelements++;
}

void
queue_writer_close(QueueWriter *writer)
{
	queue_writer_flush(writer);
	if (writer->state != NULL)
	{
		FreeBulkInsertState(writer->state);
		table_finish_bulk_insert(writer->rel, 0);
	}
	for (int i = 0; i < writer->nkeys; i++)
		pfree(writer->arrays[i]);
	pfree(writer->values);
	pfree(writer->isnull);
	ExecDropSingleTupleTableSlot(writer->slot);
	relation_close(writer->rel, NoLock);
}

void
queue_write_everything(Oid queue, int16 source_no)
{
	QueueWriter writer;

	if (!queue_writer_open(&writer, queue, source_no, 0, false))
		return;
	queue_writer_insert(&writer);
	queue_writer_close(&writer);
}
