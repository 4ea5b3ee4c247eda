/*-------------------------------------------------------------------------
 *
 * triggers.h
 *		The triggers that note changes, as the catalogs have them.
 *
 * They are known by the function that they call, whatever their names are.  What reads
 * them here locks no table: writers must not wait for who locks a table's parent.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_TRIGGERS_H
#define POLLSEED_CACHE_TRIGGERS_H

#include "access/attnum.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

/* Stands as a tally for the number of rows. */
#define TALLY_OF_ROWS "*"

/* One of our triggers on a table. */
typedef struct CacheTrigger
{
	Oid			oid;
	const char *name;
	bool		for_rows;	  /* of the one kind, */
	bool		for_truncate; /* or of the other */
	bool		is_clone;  /* made by the server of that of the table that this is a partition of */
	bool		is_always; /* enabled as it must be */
	List *arguments; /* of char *: key, tallied column, those that do not matter; '' for none */
} CacheTrigger;

/* What the arguments mean on a table. */
typedef struct CacheColumns
{
	AttrNumber	key; /* or 0 */
	Oid			key_type;
	int			tally; /* a column, 0 for the number of rows, or NO_TALLY */
	Oid			tally_type;
	Bitmapset  *ignored;
	const char *missing; /* a column that is gone or has become unfit, or NULL */
} CacheColumns;

/* Returns our triggers on a table, as a List of CacheTrigger *. */
extern List *cache_triggers(Oid relid);

/* Returns the one for rows, or NULL. */
extern const CacheTrigger *cache_row_trigger(Oid relid);

/* Returns the number of a column, or InvalidAttrNumber. */
extern AttrNumber cache_column_number(Oid relid, const char *name);

/* Tells whether rows hold the values of a column, which are not computed when they are read. */
extern bool cache_column_is_kept(Oid relid, AttrNumber attnum);

/* Tells whether a column can be a key. */
extern bool cache_column_fits_key(Oid relid, AttrNumber attnum);

/* Tells whether a column is of a type of integers, as a tally and its key must be. */
extern bool cache_column_is_integer(Oid relid, AttrNumber attnum);

/* Finds the columns of a table that the arguments of its trigger name. */
extern CacheColumns cache_columns(Oid relid, const List *arguments);

#endif /* POLLSEED_CACHE_TRIGGERS_H */
