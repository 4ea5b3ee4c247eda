/*-------------------------------------------------------------------------
 *
 * key.h
 *		Keys of tracked tables as text, of which there is one for each value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_KEY_H
#define POLLSEED_CACHE_KEY_H

#include "fmgr.h"
#include "utils/datetime.h"

/* A column of keys. */
typedef struct KeyColumn
{
	Oid		 type;	 /* without domains */
	FmgrInfo output; /* where the type has no text here */
} KeyColumn;

/* A key of a row. */
typedef struct KeyText
{
	const char *text; /* not ended by a zero byte */
	size_t		length;
	int64		number; /* its value, where the type is one of integers */
	char		buffer[MAXDATELEN + 1];
} KeyText;

/*
 * Tells whether equal values of a column have one text, whatever the session's settings.  Where
 * they have not, a change could not be told to be one of the rows that somebody depends on.
 */
extern bool key_type_fits(Oid type, Oid collation);

/* Tells whether a type, which may be a domain, is one of integers. */
extern bool key_type_is_integer(Oid type);

/* Returns a value of a type of integers. */
extern int64 key_integer(Oid type, Datum value);

/* Describes a column of keys, for as long as the current context lasts. */
extern void key_column_init(KeyColumn *column, Oid type);

/* Sets the text of a value, in key's own memory or the current context. */
extern void key_set(const KeyColumn *column, Datum value, KeyText *key);

#endif /* POLLSEED_CACHE_KEY_H */
