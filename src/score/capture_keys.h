/*-------------------------------------------------------------------------
 *
 * capture_keys.h
 *		The keys that a statement changed, each once, on their way to the queue.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_CAPTURE_KEYS_H
#define POLLSEED_SCORE_CAPTURE_KEYS_H

#include "executor/tuptable.h"

#include "score/capture_plan.h"

typedef struct CapturedKeys
{
	const CapturePlan *plan;
	MemoryContext	   context;	 /* of the arrays; the caller's */
	MemoryContext	   texts_in; /* of what texts points to */
	bool			   numeric;	 /* the key is one integer: numbers is used, else texts */
	int				   count;
	int				   room;
	int64			  *numbers;
	struct KeyText	 **texts;
} CapturedKeys;

/* Begins in the current context, which must last until it ends. */
extern void captured_keys_init(CapturedKeys *keys, const CapturePlan *plan);

/*
 * Adds the key of a row, unless a column of it is null; the current context is for
 * what is needed on the way.  The slot must have been deformed as far as the key goes.
 * Many keys are written out at once.
 */
extern void captured_keys_add(CapturedKeys *keys, TupleTableSlot *slot);

/* Writes the keys that are held to the queue, in order and each once. */
extern void captured_keys_write(CapturedKeys *keys);

#endif /* POLLSEED_SCORE_CAPTURE_KEYS_H */
