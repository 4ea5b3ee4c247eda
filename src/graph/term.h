/*-------------------------------------------------------------------------
 *
 * term.h
 *		What an operand of a comparison takes from a value, and what operators
 *		and functions of the server mean.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TERM_H
#define POLLSEED_TERM_H

#include "access/stratnum.h"

#include "graph/space.h"

typedef enum TermKind
{
	TERM_VALUE,		/* the value itself */
	TERM_LENGTH,	/* its length, as a space's lengths mean it */
	TERM_BYTES,		/* a text's length in bytes, which is at least that in characters */
	TERM_REMAINDER, /* of its division by `number` */
	TERM_YEAR,		/* the year it lies in */
	TERM_POSITION,	/* where `text` is first found in it, from 1, or 0 */
	TERM_JSON_TYPE	/* as jsonb_typeof() says it */
} TermKind;

/* An operand.  What is said of lower(value) holds where it is said of the value, and that is in lower case. */
typedef struct Term
{
	TermKind	kind;
	bool		lower_case;
	bool		upper_case;
	bool		trimmed;
	bool		whole;		 /* trunc(value) and the like */
	bool		approximate; /* the value must be tested all the same */
	bool		unpadded;	 /* char(n) as text, without what it is padded with */
	int64		number;
	const char *text;
} Term;

/* Reads an operand; returns false where it is not of the value alone, or not understood. */
extern bool term_read(const ValueSpace *space, Node *node, Term *term);

/* Tells whether an expression is the value, perhaps under another name of its type. */
extern bool term_is_value(Node *node);

/* Tells whether an expression cannot be null where the value is not. */
extern bool term_never_null(Node *node);

/* What an operator or a function says of a text, or an array, and a constant. */
typedef enum Meaning
{
	MEANING_NONE,
	MEANING_MATCHES, /* a regular expression */
	MEANING_MATCHES_ANY_CASE,
	MEANING_LIKE,
	MEANING_LIKE_ANY_CASE,
	MEANING_STARTS_WITH,
	MEANING_ELEMENTS_AMONG, /* an array's elements are among another's */
	MEANING_FINITE,
	MEANING_ELEMENT_POSITION
} Meaning;

/* Returns what a function means. */
extern Meaning function_meaning(Oid function);

/* Returns how an operator compares, as btree's strategies are numbered, or DIFFERENT_STRATEGY; 0: not at all. */
extern StrategyNumber operator_strategy(Oid op);

#endif /* POLLSEED_TERM_H */
