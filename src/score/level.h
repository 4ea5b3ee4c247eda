/*-------------------------------------------------------------------------
 *
 * level.h
 *		One query of a view: which columns of what it reads must equal the key
 *		for a row to count.
 *
 * The columns are those by which every scan can be filtered, all at once, without a
 * change in what the view has of one key.  Each that is added is shown to be so with
 * the filters that are there already, under which a known column is the key, or null
 * where an outer join found nothing, wherever the query reads it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_LEVEL_H
#define POLLSEED_SCORE_LEVEL_H

#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"

#include "score/source.h"

/* How values of a column of the key are compared. */
typedef struct KeyKind
{
	Oid type; /* for all types that are compared as this one is, and have its texts; or InvalidOid */
	Oid family; /* of btree operators */
} KeyKind;

/* An equality that joins two columns, or merely mentions them where reach is empty. */
typedef struct Equality
{
	Oid				   op;
	Oid				   collation;
	Var				  *vars[2]; /* of range tables, not of joins */
	struct QueryLevel *levels[2];

	/* Range table entries whose columns it fixes where it fixes the other side's. */
	Bitmapset *reach;
} Equality;

typedef struct QueryLevel
{
	Query			  *query;
	struct QueryLevel *parent; /* the query around it, or NULL */
	const KeyKind	  *kinds;
	int				   nkeys;
	List			  *equal[MAX_SCORE_KEYS]; /* Vars, a list for each column of the key */
	List			  *equalities;
	List			  *in_conditions; /* SubLinks of IN that every row must pass */
	const char		  *obstacle;	  /* what kept the key out of it, or NULL */
} QueryLevel;

/* Returns how values of a type are compared. */
extern KeyKind key_kind(Oid type);

/* Begins with a query, of which nothing is known. */
extern QueryLevel *level_make(Query *query, QueryLevel *parent, const KeyKind *kinds, int nkeys);

/*
 * Takes note that only rows count that have the key in an output column; tells whether the query
 * lets that be required of what it reads.
 */
extern bool level_require(QueryLevel *level, int key, AttrNumber output);

/* Finds all that follows. */
extern void level_conclude(QueryLevel *level);

/* Returns the columns of a range table entry that must equal a column of the key, as numbers. */
extern List *level_columns(const QueryLevel *level, int key, int rtindex);

/* Returns the output columns of an IN's subquery that must equal a column of the key, as numbers. */
extern List *level_in_columns(QueryLevel *level, int key, const SubLink *sublink);

#endif /* POLLSEED_SCORE_LEVEL_H */
