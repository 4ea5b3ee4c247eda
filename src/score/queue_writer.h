/*-------------------------------------------------------------------------
 *
 * queue_writer.h
 *		Rows of a queue, written by whoever changes what a score is made from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_QUEUE_WRITER_H
#define POLLSEED_SCORE_QUEUE_WRITER_H

#include "executor/tuptable.h"
#include "utils/relcache.h"

#include "score/source.h"

/* A key as the elements of arrays: a text a column, each aligned. */
typedef struct KeyText
{
	uint32 size; /* of data */
	char   data[FLEXIBLE_ARRAY_MEMBER];
} KeyText;

/* Rows on their way to a queue. */
typedef struct QueueWriter
{
	Relation					rel;
	Datum					   *values; /* of a row, as the next */
	bool					   *isnull;
	TupleTableSlot			   *slot;
	struct BulkInsertStateData *state; /* NULL for a single row */
	int							nkeys;
	int							nelements; /* of each array */
	int							bytes;	   /* of all arrays */
	char					   *arrays[MAX_SCORE_KEYS];
	int							sizes[MAX_SCORE_KEYS];
	int							rooms[MAX_SCORE_KEYS];
} QueueWriter;

/* Tells whether a relation is a queue that can hold keys of so many columns. */
extern bool queue_holds(Oid queue, int nkeys);

/* Opens a queue for keys of a source, many rows of them or one; tells whether there is one. */
extern bool queue_writer_open(QueueWriter *writer, Oid queue, int16 source_no, int nkeys,
							  bool many);

/* Puts a key, after those before it were written where they fill a row. */
extern void queue_writer_put(QueueWriter *writer, const KeyText *key);

/* Writes what was put and closes the queue, which stays locked. */
extern void queue_writer_close(QueueWriter *writer);

/* Writes that all keys are dirty to a queue; does nothing where the relation is gone or is no queue. */
extern void queue_write_everything(Oid queue, int16 source_no);

#endif /* POLLSEED_SCORE_QUEUE_WRITER_H */
