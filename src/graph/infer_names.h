/*-------------------------------------------------------------------------
 *
 * infer_names.h
 *		What people call columns, and what they then put into them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_INFER_NAMES_H
#define POLLSEED_INFER_NAMES_H

#include "graph/table.h"

/* Which other column of the row the value has to do with. */
typedef enum NameFollows
{
	FOLLOWS_NOTHING,
	FOLLOWS_CREATION, /* "after": when the row was made */
	FOLLOWS_START, /* "after": the column that this one is the end of, else when the row was made */
	FOLLOWS_PERSON, /* "of": the columns with the person's name */
	FOLLOWS_PARTS,	/* "first" and "last": the columns with these parts of the name */
	FOLLOWS_PLACE,	/* "of": the column with the place that it is in, or that is in it */
	FOLLOWS_TITLE	/* "of": the column with the title or name */
} NameFollows;

/* What the column's default says. */
typedef enum NameDefault
{
	DEFAULT_ANY,	 /* nothing: the generator is better */
	DEFAULT_COUNTER, /* a constant: the application counts up from it */
	DEFAULT_STATE	 /* a constant: a value that the application knows, as ours may not be */
} NameDefault;

typedef struct NameRule
{
	const char *names;	/* patterns of the column's name, in snake case, with spaces between */
	const char *tables; /* patterns of the last word of the table's name, singular; NULL: any */
	const char *with;	/* patterns of names of which another column has one; NULL: none needed */
	int			length; /* only texts of at most so many characters; 0: any */
	uint32		kinds;	/* of values, as bits */
	const char *generator;
	const char *arguments; /* members of the column's object, or NULL */
	NameFollows follows;
	NameDefault defaults;
	double		nulls; /* the share of NULLs where there may be any */
} NameRule;

/* Returns the first rule that fits a column's name, table and type; NULL: none. */
extern const NameRule *name_rule(const GraphTable *table, const TableColumn *column);

/* Returns the first rule that fits what the column's comment says; NULL: none. */
extern const NameRule *comment_rule(const TableColumn *column);

/* Returns the column that says when the row was made, or NULL. */
extern const TableColumn *creation_column(const GraphTable *table);

#endif /* POLLSEED_INFER_NAMES_H */
