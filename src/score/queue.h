/*-------------------------------------------------------------------------
 *
 * queue.h
 *		The keys that were changed and are not recomputed yet: a score's queue, as
 *		its refresher reads it.
 *
 * A row is a chunk of keys that one statement changed, written in its transaction: it
 * is visible where the change is.  All of it needs SPI to be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_QUEUE_H
#define POLLSEED_SCORE_QUEUE_H

#include "score/definition.h"

/* Keys of one source, as text[] a column. */
typedef struct QueuedKeys
{
	int	  source_no;
	Datum arrays[MAX_SCORE_KEYS]; /* 0: none */

	/* While they are collected. */
	struct ArrayBuildState *states[MAX_SCORE_KEYS];
} QueuedKeys;

/* What was taken from a queue. */
typedef struct QueueBatch
{
	int64 rows;		  /* of the queue; 0: nothing is left */
	int64 count;	  /* of keys, copies included */
	bool  everything; /* all keys are dirty; then no keys are given */
	List *keys;		  /* of QueuedKeys, one a source */
} QueueBatch;

/* The rows that were visible when it was opened. */
typedef struct QueueScan
{
	const Score		  *score;
	struct PortalData *portal;
} QueueScan;

/* Begins to read the queue.  Only the refresher may, after its lock was taken in an earlier statement. */
extern QueueScan queue_open(const Score *score);

/*
 * Removes the next rows of the queue, of about so many keys, and returns what was in
 * them.  What is recomputed in a later snapshot includes the changes that they are of.
 */
extern QueueBatch queue_take(QueueScan *scan, int64 limit);

/* Adds the elements of a text[] to those of an array that is being built, NULL at first; returns how many. */
extern int keys_append(struct ArrayBuildState **state, Datum array);

/* Ends it. */
extern void queue_close(QueueScan *scan);

/* Removes all rows that are visible, and returns how many. */
extern int64 queue_clear(const Score *score);

/* Returns how many keys are queued, copies included; -1: all are dirty. */
extern int64 queue_count(const Score *score);

#endif /* POLLSEED_SCORE_QUEUE_H */
