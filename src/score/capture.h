/*-------------------------------------------------------------------------
 *
 * capture.h
 *		Putting the keys that a statement changed into a score's queue.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_CAPTURE_H
#define POLLSEED_SCORE_CAPTURE_H

/*
 * Appends to a queue, in the current transaction, that all keys are dirty.  Does
 * nothing where the relation is gone or is no queue.
 */
extern void capture_all(Oid queue);

#endif /* POLLSEED_SCORE_CAPTURE_H */
