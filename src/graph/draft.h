/*-------------------------------------------------------------------------
 *
 * draft.h
 *		A plan in the making: what is settled of each table before it is written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_DRAFT_H
#define POLLSEED_DRAFT_H

#include "graph/overrides.h"
#include "graph/plan.h"
#include "graph/table.h"

typedef struct Draft Draft;

/* A reference to one table. */
typedef struct DraftRef
{
	List  *columns; /* of int: of the child */
	Oid	   relid;	/* the parent's; InvalidOid: given by the user */
	Draft *parent;	/* NULL: the plan has not got it, or several do */
	List  *key;		/* of int: of the parent */
	List *
		targets; /* of Draft *, where polymorphic: columns has two, and the key is the primary key */
	List	   *types; /* of char *: what stands for each */
	FanOut		fan_out;
	double		nulls;
	const char *why;
	Jsonb	   *given; /* the user's object, or NULL */
} DraftRef;

typedef struct DraftColumn
{
	TableColumn *column;
	Jsonb		*object; /* as the plan has it */
	bool		 given;	 /* by the user */
} DraftColumn;

struct Draft
{
	const char	   *name;	  /* unqualified and unquoted */
	const char	   *singular; /* in snake case */
	GraphTable	   *table;
	TableOverrides *said;
	int				referrers; /* how many references of other tables it has */
	bool			of_tool;   /* a migration tool or the like keeps its own rows in it */
	bool			listed;	   /* by its name it has a row for each of few values */
	int64			rows;
	const char	   *why;  /* so many rows */
	List		   *refs; /* of DraftRef */
	List *unset;	   /* of int: columns that are left NULL, so that a foreign key says nothing */
	List *shared;	   /* of int: columns that are all of one value, see draft_share_columns() */
	List *columns;	   /* of DraftColumn */
	List *natural_key; /* of char * */
	List *avoided;	   /* of TableKey: partial ones that rows are kept out of */
};

/* Sets what a table's name and columns say of its rows: of_tool and listed. */
extern void draft_classify(Draft *draft);

/* Finds the references of all tables: foreign keys, and what is one by its name. */
extern void draft_find_refs(List *drafts);

/* Adds a reference to a table, which may be none that is planned. */
extern DraftRef *draft_add_ref(Draft *draft, Draft *parent, Oid relid, List *columns, List *key,
							   const char *why);

/* Finds what columns that references share refer to, and those that no table is for. */
extern void draft_share_columns(const List *drafts);

/* Returns the first reference of a table that a column is in, or NULL. */
extern DraftRef *draft_ref_of(const Draft *draft, AttrNumber column);

/*
 * Settles how many rows each table gets: `rows` times what overrides say, but for tables of
 * few values and for keys that have no more, in a plan about so many days.  Returns notes, as
 * char *.  Needs SPI.
 */
extern List *draft_settle_rows(List *drafts, int64 rows, const Overrides *overrides, int64 days);

#endif /* POLLSEED_DRAFT_H */
