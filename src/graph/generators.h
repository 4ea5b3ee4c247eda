/*-------------------------------------------------------------------------
 *
 * generators.h
 *		What the kinds of generators have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GENERATORS_H
#define POLLSEED_GENERATORS_H

#include "utils/relcache.h"

#include "graph/generator.h"

/* Kinds of one theme; each begins with a GeneratorKind, and may have more of its own after it. */
typedef struct KindTable
{
	const GeneratorKind *first;
	int					 count;
	size_t				 size; /* of one */
} KindTable;

#define KIND_TABLE(kinds)                                                    \
	{                                                                        \
		(const GeneratorKind *) (kinds), lengthof(kinds), sizeof((kinds)[0]) \
	}

extern const KindTable key_kinds;
extern const KindTable value_kinds;
extern const KindTable expression_kinds;
extern const KindTable number_kinds;
extern const KindTable time_kinds;
extern const KindTable people_kinds;
extern const KindTable place_kinds;
extern const KindTable network_kinds;
extern const KindTable address_kinds;
extern const KindTable word_kinds;
extern const KindTable pattern_kinds;
extern const KindTable structure_kinds;
extern const KindTable shape_kinds;
extern const KindTable any_kinds;

/* Sets of ValueKind. */
#define KIND_SET(kind) (UINT32_C(1) << (kind))

/* Tells whether the request's space is of one of the kinds; adds a problem where it is not. */
extern bool generator_accepts(const Generator *generator, const GeneratorRequest *request,
							  uint32 kinds);

/* Finds a member of the column's object; false where there is none or a null. */
extern bool generator_member(const GeneratorRequest *request, const char *name, JsonbValue *value);

/* Returns the columns that an argument names, which the generator then reads. */
extern List *generator_columns(Generator *generator, const GeneratorRequest *request,
							   const char *name);

/* Adds columns to those that a generator reads. */
extern void generator_reads(Generator *generator, const List *columns);

/* Notes that a generator reads what another, which is a part of it, reads. */
extern void generator_reads_as(Generator *generator, const Generator *part);

/* Opens the table that a request is for, its definition only; NULL where there is none of that name. */
extern Relation generator_table_open(const GeneratorRequest *request);

/* Returns the base type of another column of the table; InvalidOid, and a problem, where there is none. */
extern Oid generator_column_type(const GeneratorRequest *request, const char *column);

/* Returns the text of a scalar. */
extern char *generator_scalar_text(const JsonbValue *value);

/*
 * Makes the generator of a part of a value: an element, a member, a bound.  The argument of that name says
 * which, where it is there; else it is of the default kind.  NULL where problems were added.
 */
extern Generator *generator_part(Generator *whole, const GeneratorRequest *request,
								 const JsonbValue *object, const char *default_kind,
								 ValueSpace *space, bool distinct);

/* Returns the space that values of a kind have where no column says one. */
extern ValueSpace *generator_own_space(const GeneratorKind *kind);

/* Returns the kind that suits a space of which nothing more is known. */
extern const GeneratorKind *generator_for_space(const ValueSpace *space);

/* A permutation of [0, size) that looks like chance: steps of the golden section around the circle. */
typedef struct Shuffle
{
	uint64 size;
	uint64 step;
} Shuffle;

/* Makes the permutation of so many numbers; size > 0. */
extern Shuffle shuffle_make(uint64 size);

/* Returns the n-th number; n < size. */
extern uint64 shuffle_at(const Shuffle *shuffle, uint64 n);

/* Reads an interval as microseconds, a month having 30 days; false where the text is none. */
extern bool interval_read(const char *text, int64 *microseconds);

#endif /* POLLSEED_GENERATORS_H */
