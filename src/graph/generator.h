/*-------------------------------------------------------------------------
 *
 * generator.h
 *		Where the values of a column come from.
 *
 * A generator is a kind with arguments, made for a column's space.  It is asked
 * for one cell at a time, and what it gives depends on the cell's stream, on
 * other columns of the row where it reads them, and on nothing else.
 *
 * Where a column must be distinct it is asked for its n-th value instead: the
 * first `capacity` values are all different, whatever the stream.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GENERATOR_H
#define POLLSEED_GENERATOR_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "core/random.h"
#include "graph/space.h"

struct RowCursor;

/* What is asked for. */
typedef struct Cell
{
	struct RowCursor *cursor; /* the row that it is in; see cursor.h */
	int64			  row;	  /* its number, from 0 */
	RandomStream	 *random;
	bool			  distinct; /* the n-th of the generator's values is wanted */
	uint64			  n;		/* below capacity */
} Cell;

/* What a generator is made for. */
typedef struct GeneratorRequest
{
	const char *relation; /* for problems */
	const char *column;
	const char *table_name; /* unqualified and unquoted, for values that have to do with it */
	ValueSpace *space;
	Jsonb	   *arguments; /* the column's object in the plan; NULL: none */
	bool		distinct;  /* it will be asked for distinct values */
	TimestampTz since;	   /* the plan's time: moments lie between these */
	TimestampTz as_of;
	List	  **problems; /* what cannot work is added here; see problem.h */
} GeneratorRequest;

struct GeneratorKind;

typedef struct Generator
{
	const struct GeneratorKind *kind;
	ValueSpace				   *space;
	uint64
		capacity; /* how many distinct values it can give when asked for the n-th; UINT64_MAX: any number */
	bool  may_read; /* calls functions that could read tables */
	List *reads;	/* names, char *, of other columns of the row that it reads */
	void *state;	/* the kind's */
} Generator;

typedef struct GeneratorKind
{
	const char *name;
	const char *arguments; /* for pollseed_generators(): "min, max", or "" */
	const char *gives;	   /* a clause in lower case */
	const char *example;   /* arguments as JSON to show it by, or NULL: none needed */
	Oid			example_type;

	/* Sets capacity, reads and state; adds a problem where it cannot give values of the space. */
	void (*make)(Generator *generator, const GeneratorRequest *request);

	/* Returns a value of the space's base type, in the current memory context; NULL only where *isnull is set. */
	Datum (*value)(const Generator *generator, const Cell *cell, bool *isnull);
} GeneratorKind;

/* Returns the kind of that name, or NULL. */
extern const GeneratorKind *generator_kind(const char *name);

/* Makes a generator of a kind; NULL where problems were added.  Allocated in the current context. */
extern Generator *generator_make(const GeneratorKind *kind, const GeneratorRequest *request);

/* Returns a generator's value for a cell. */
extern Datum generator_value(const Generator *generator, const Cell *cell, bool *isnull);

/* Arguments: members of the column's object; the default where there is none.  A wrong type is a problem. */
extern const char *generator_text(const GeneratorRequest *request, const char *name,
								  const char *default_value);
extern double	   generator_number(const GeneratorRequest *request, const char *name,
									double default_value);
extern bool	 generator_flag(const GeneratorRequest *request, const char *name, bool default_value);
extern List *generator_texts(const GeneratorRequest *request,
							 const char				*name); /* NIL: not there */

/* Adds a problem of the request's column. */
extern void generator_problem(const GeneratorRequest *request, const char *problem,
							  const char *hint);

/*
 * Reads another column of the row that a cell is in, as its base type's Datum; raises an error for a
 * column that is not among the generator's reads.
 */
extern Datum cell_column(const Cell *cell, const char *name, bool *isnull);

/* The same as text, NULL where it is null. */
extern char *cell_column_text(const Cell *cell, const char *name);

/* When the row can exist at the earliest: the latest moment that a row it refers to was made at, or the plan's since. */
extern TimestampTz cell_earliest(const Cell *cell);

/* Draws a number in [0, n), every one as likely, by the multiply-and-reject method; n > 0. */
extern uint64 random_below(RandomStream *stream, uint64 n);

#endif /* POLLSEED_GENERATOR_H */
