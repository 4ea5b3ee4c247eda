/*-------------------------------------------------------------------------
 *
 * space.h
 *		The values that a column can have: its type, and what its type modifier,
 *		domains and checks allow.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SPACE_H
#define POLLSEED_SPACE_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

/* What kind of value a type has; what generators look at. */
typedef enum ValueKind
{
	VALUE_TEXT,	   /* text, varchar, char(n), name, citext */
	VALUE_INTEGER, /* int2, int4, int8 */
	VALUE_NUMERIC, /* numeric, money */
	VALUE_FLOAT,   /* float4, float8 */
	VALUE_BOOLEAN,
	VALUE_UUID,
	VALUE_DATE,
	VALUE_TIME,		 /* time, timetz */
	VALUE_TIMESTAMP, /* timestamp, timestamptz */
	VALUE_INTERVAL,
	VALUE_JSON, /* json, jsonb */
	VALUE_ENUM,
	VALUE_BYTEA,
	VALUE_NETWORK, /* inet, cidr, macaddr, macaddr8 */
	VALUE_BIT,	   /* bit, varbit */
	VALUE_ARRAY,
	VALUE_RANGE,
	VALUE_MULTIRANGE,
	VALUE_COMPOSITE,
	VALUE_GEOMETRIC, /* point, line, lseg, box, path, polygon, circle */
	VALUE_OTHER /* tsvector, xml, hstore, ltree, geometry …: by the text that its input function reads */
} ValueKind;

typedef struct ValueSpace
{
	Oid		  type; /* the column's: a domain, perhaps */
	int32	  typmod;
	Oid		  base; /* below all domains */
	int32	  base_typmod;
	Oid		  collation;
	ValueKind kind;
	int16	  typlen;
	bool	  typbyval;
	bool	  not_null; /* by the column or a domain */

	/* Values that a finite list allows, as IN and enums do, in their order; NULL where any will do. */
	int	   nallowed;
	Datum *allowed; /* of base */

	/* Values that are not allowed, as <> says. */
	int	   nexcluded;
	Datum *excluded; /* of base */

	/* Bounds that are allowed themselves, of base; for ints, numerics, floats, dates and times, intervals. */
	bool  has_min;
	bool  has_max;
	Datum min;
	Datum max;

	/* Texts: lengths in characters; arrays: in elements; bytea: in bytes; bit strings: in bits; -1 where nothing is said. */
	int min_length;
	int max_length;

	/* Texts: regular expressions (advanced, as ~ reads them) that must match, each a char *; LIKE as such. */
	List *patterns;
	bool  lower_case; /* must be the same in lower case */
	bool  upper_case;
	bool  trimmed; /* must not begin or end with a space */

	/* Numbers: what a value must be a multiple of, 0 where nothing is said; numeric's scale is in base_typmod. */
	int64 multiple_of;

	/* Of an array: its elements'; of a range or multirange: its bounds'.  NULL otherwise. */
	struct ValueSpace *element;

	/* JSON: what jsonb_typeof() must say, "object" or another; NULL where nothing is said. */
	const char *json_type;

	/* Checks of the value alone that are not understood, or not wholly. */
	List *checks; /* of SpaceCheck */

	struct SpaceState *state; /* what space_has() has compiled; NULL where something has changed */
} ValueSpace;

/* A check of a value alone. */
typedef struct SpaceCheck
{
	const char *name;		/* of the constraint */
	Expr	   *expression; /* with a CoerceToDomainValue for the value, of type base */
} SpaceCheck;

/* Makes the space of a type, with its domains' checks taken in. */
extern ValueSpace *space_of_type(Oid type, int32 typmod, Oid collation);

/*
 * Takes into a space what a boolean expression says of the value, which is where `is_value` says
 * so (a Var, a CoerceToDomainValue).  Returns what it did not understand, or NULL: it has all of it.
 * What is returned is for a SpaceCheck: true of the same values that are not null.
 */
extern Node *space_restrict(ValueSpace *space, Node								*expression,
							bool (*is_value)(const Node *node, void *arg), void *arg);

/* Tells whether the space has no value, as far as that can be known; *reason is then a clause that says why. */
extern bool space_is_empty(const ValueSpace *space, const char **reason);

/* Compares two values of a space by its type's default btree order. */
extern int space_compare(const ValueSpace *space, Datum a, Datum b);

/*
 * Tells whether a value of base, which is not null, is in the space: list, bounds, lengths, patterns and
 * checks.  What it compiles lasts as long as the space.
 */
extern bool space_has(ValueSpace *space, Datum value);

/* How many values an integer, date, boolean, enum or listed space has; UINT64_MAX where many or unknown. */
extern uint64 space_size(const ValueSpace *space);

/* Reads a value of base from its text. */
extern Datum space_input(const ValueSpace *space, const char *text);

/* Returns a value's text. */
extern char *space_output(const ValueSpace *space, Datum value);

/* Makes a text-like Datum of base (text, varchar, bpchar, name, citext …), cut to its length. */
extern Datum space_text(const ValueSpace *space, const char *text);

#endif /* POLLSEED_SPACE_H */
