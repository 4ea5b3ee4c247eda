/*-------------------------------------------------------------------------
 *
 * table.h
 *		What the catalogs say of a table that is to be seeded: columns, keys,
 *		foreign keys, checks.
 *
 * Attribute numbers and Bitmapsets of them are as in pg_attribute, without an
 * offset: user columns only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GRAPH_TABLE_H
#define POLLSEED_GRAPH_TABLE_H

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

#include "graph/space.h"

/* A column; those that are dropped are not among them. */
typedef struct TableColumn
{
	AttrNumber	attnum;
	const char *name;
	const char *comment; /* or NULL */
	ValueSpace *space;	 /* its type and what all checks on it alone allow */
	bool		not_null;
	bool		generated;	 /* GENERATED ALWAYS AS (…): never written */
	char		identity;	 /* as attidentity */
	Oid			sequence;	 /* of an identity column, or that its default takes nextval() of */
	bool		has_default; /* another one than nextval() of a sequence */
	bool		default_is_constant; /* no function of the moment or of chance */
	bool		default_is_volatile; /* may differ from row to row */
} TableColumn;

/* A primary key, a unique constraint or a unique index. */
typedef struct TableKey
{
	const char *name;
	List *columns;	   /* of int: attribute numbers in the order of the index; 0 is an expression */
	List *expressions; /* of Node *, one for each 0 */
	Node *predicate;   /* of a partial index, or NULL; implicitly ANDed as indpred is read */
	bool  primary;
	bool  nulls_distinct;
	bool  deferrable;
} TableKey;

/* A foreign key. */
typedef struct TableReference
{
	const char *name;
	Oid			relid;	 /* the table referred to */
	List	   *columns; /* of int */
	List	   *key;	 /* of int: columns of the table referred to, in the same order */
	bool		deferrable;
	bool		match_full;
} TableReference;

/* A CHECK that no column's space has taken in whole. */
typedef struct TableCheck
{
	const char *name;
	Bitmapset  *columns;	/* that it reads */
	Node	   *expression; /* of the table's row: Vars of varno 1 */
} TableCheck;

/* An exclusion constraint. */
typedef struct TableExclusion
{
	const char *name;
	List	   *columns;   /* of int; 0 is an expression */
	List	   *operators; /* of Oid */
	Node	   *predicate;
} TableExclusion;

typedef struct GraphTable
{
	Oid			relid;
	const char *quoted_name; /* qualified and quoted */
	char		relkind;
	const char *comment;
	TupleDesc	desc;		/* a copy */
	List	   *columns;	/* of TableColumn */
	List	   *keys;		/* of TableKey; the primary key first */
	List	   *references; /* of TableReference, by name; of partitions only those of the root */
	List	   *checks;		/* of TableCheck */
	List	   *exclusions; /* of TableExclusion */
	bool		user_triggers; /* it has triggers of the user's that fire on INSERT */
	double		live_rows;	   /* pg_class.reltuples, or -1 */
} GraphTable;

/*
 * Reads what the catalogs say of a table, which the caller has open and locked.  Checks on one
 * column alone that it understands become part of the column's space, as do those of its domain
 * and, of a partitioned table, what its partitions' bounds allow; the others are in checks.
 */
extern GraphTable *table_read(Relation rel);

/* Returns the column of that name, or NULL. */
extern TableColumn *table_column(const GraphTable *table, const char *name);

/* Returns the column of that number; raises an error where there is none. */
extern TableColumn *table_column_number(const GraphTable *table, AttrNumber attnum);

/* Tells whether columns, a list of int, have all of a unique key that holds for every row. */
extern bool table_has_key(const GraphTable *table, const List *columns);

/* Returns the names of columns given as a list of int, comma-separated, for messages. */
extern const char *table_column_names(const GraphTable *table, const List *columns);

#endif /* POLLSEED_GRAPH_TABLE_H */
