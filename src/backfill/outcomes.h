/*-------------------------------------------------------------------------
 *
 * outcomes.h
 *		Rows that a backfill is done with although they have no value: the source
 *		knows nothing of them, or they raise an error.
 *
 * Both are kept by their key, and never asked for again until somebody says so.
 * All of it needs SPI to be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_OUTCOMES_H
#define POLLSEED_OUTCOMES_H

#include "backfill/table.h"

/* Keeps that the source knows no value for some keys; copies of a key are ignored. */
extern void outcomes_no_data(const BackfillTable *table, int count, char **keys);

/* Keeps that a key raised an error. */
extern void outcomes_quarantine(const BackfillTable *table, const char *key,
								const ErrorData *error);

/* Tells which of some keys the backfill is done with. */
extern bool *outcomes_settled(const BackfillTable *table, int count, char **keys);

/* Tells whether an error is due to a row, so that other rows may do without it. */
extern bool error_is_of_a_row(int sqlerrcode);

#endif /* POLLSEED_OUTCOMES_H */
