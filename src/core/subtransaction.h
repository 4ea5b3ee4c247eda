/*-------------------------------------------------------------------------
 *
 * subtransaction.h
 *		Doing something that may fail without the transaction failing with it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SUBTRANSACTION_H
#define POLLSEED_SUBTRANSACTION_H

/*
 * Does a task in a subtransaction, in the current memory context.  Returns NULL, or
 * the error that it raised, copied into that context, after which all it did is
 * undone; an interruption by the user is such an error too.  What a task that
 * succeeded did is undone as well where *undo is true then (undo may be NULL).
 */
extern ErrorData *subtransaction_try(void (*task)(void *arg), void *arg, const bool *undo);

#endif /* POLLSEED_SUBTRANSACTION_H */
