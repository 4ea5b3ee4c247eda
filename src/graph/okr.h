/*-------------------------------------------------------------------------
 *
 * okr.h
 *		The OKR preset.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_OKR_H
#define POLLSEED_OKR_H

/* Creates the preset's tables that are missing in the current schema, which it returns; *created is how many.  Needs SPI. */
extern Oid okr_create_tables(int *created);

#endif /* POLLSEED_OKR_H */
