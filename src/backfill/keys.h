/*-------------------------------------------------------------------------
 *
 * keys.h
 *		Keys of rows: as values, as text, and as arrays for the source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_KEYS_H
#define POLLSEED_KEYS_H

#include "backfill/table.h"

/* Returns a key as text[], as positions are kept. */
extern Datum key_to_array(const BackfillTable *table, const Datum *key);

/* Reads a key from text[] into the current context; raises what the types' input functions raise. */
extern void key_from_array(const BackfillTable *table, Datum array, Datum *key);

/* Returns a key as one text: that of its column, or an array's where it has several. */
extern char *key_text(const BackfillTable *table, const Datum *key);

/* Copies a key into the current context. */
extern void key_copy(const BackfillTable *table, const Datum *from, Datum *to);

/*
 * Makes the arrays that a statement takes of keys, which stand one after the other
 * (nkeys columns each).  Where several rows may have the same key each is taken
 * once.
 */
extern void key_arrays(const BackfillTable *table, int count, Datum *keys, Datum *arrays);

/* Returns places of rows as tid[]. */
extern Datum tid_array(int count, ItemPointerData *tids);

#endif /* POLLSEED_KEYS_H */
