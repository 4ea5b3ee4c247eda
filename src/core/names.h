/*-------------------------------------------------------------------------
 *
 * names.h
 *		Lists of names, most of them of columns, as List of char *.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_NAMES_H
#define POLLSEED_NAMES_H

#include "nodes/pg_list.h"

/* Tells whether two lists have the same names in the same order. */
extern bool names_same(const List *a, const List *b);

/* Adds to a list the names that it has not. */
extern List *names_union(List *names, const List *more);

/* Returns names quoted for SQL, with commas between. */
extern const char *names_quoted(const List *names);

/* Returns names as name[]. */
extern Datum names_array(const List *names);

/* Returns the names of a name[]. */
extern List *names_of_array(Datum array);

#endif /* POLLSEED_NAMES_H */
