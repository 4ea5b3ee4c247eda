/*-------------------------------------------------------------------------
 *
 * okr.h
 *		The OKR preset.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_OKR_H
#define POLLSEED_OKR_H

#include "lib/stringinfo.h"

/* How the lists of words go together. */
#define OKR_PILLARS 5
#define OKR_OBJECTIVES_PER_PILLAR 6
#define OKR_OBJECTIVES_PER_THEME 3
#define OKR_MEASURES_PER_THEME 5

/* Creates the preset's tables that are missing in the current schema, which it returns; *created is how many.  Needs SPI. */
extern Oid okr_create_tables(int *created);

/* Appends the list of words that a letter stands for, as an array in SQL; false where it stands for none. */
extern bool okr_append_words(StringInfo sql, char letter);

#endif /* POLLSEED_OKR_H */
