/*-------------------------------------------------------------------------
 *
 * wording.h
 *		Texts put together from words, as they are drawn or one after the other.
 *
 * What a kind of text says is in templates, or in a function that puts pieces one
 * after the other; either way each piece is picked from so many.  Drawn, every pick
 * is by chance.  Where the n-th text is wanted, the picks are the digits of n, each
 * turned by those before it, and what is left of n is put behind: so no two texts
 * are the same as long as different picks make different texts.
 *
 * In a template, % begins a piece: a letter stands for a lexicon (wording.c lists
 * them), ^ before it makes the word begin in upper case and _ makes a name of letters only,
 * in lower case; #1-99; is a number, & the same one again, 9 a digit, x a hexadecimal digit, Z an
 * upper-case letter, = the place where a number that tells texts apart goes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_WORDING_H
#define POLLSEED_WORDING_H

#include "graph/generators.h"
#include "graph/lexicon.h"

#define WORDING_SIZE 4096

typedef enum WordingMode
{
	WORDING_DRAWN,
	WORDING_NTH,
	WORDING_MEASURED /* nothing is written but lengths and the number of texts */
} WordingMode;

typedef struct Wording
{
	const Generator *generator; /* a TextKind's; its state is a TextState */
	const Cell		*cell;		/* NULL where measured */
	RandomStream	*random;
	WordingMode		 mode;
	uint64			 n;	   /* what is left of it */
	uint64			 turn; /* by the picks before */
	uint64			 last; /* of the numbers put */

	/* Measured. */
	uint64 count; /* of different texts; PG_UINT64_MAX: as many or more */
	int	   shortest;
	int	   longest;
	bool   varies; /* the pieces are not always the same ones, or not only picked */
	bool   cased;  /* texts differ by upper and lower case alone */

	int	 mark; /* where what tells texts apart goes; -1: the end */
	int	 length;
	char data[WORDING_SIZE];
} Wording;

/* How what is drawn is made longer, where a column wants that. */
typedef enum TextPadding
{
	PAD_WORDS,
	PAD_LETTERS
} TextPadding;

typedef struct TextKind
{
	GeneratorKind	   kind;
	const char *const *templates; /* the first alone makes the n-th texts */
	int				   ntemplates;
	void (*write)(Wording *wording); /* instead of templates */
	const char *separator;			 /* before the number that tells texts apart */
	const char *closing;			 /* and after it */
	int			tail;				 /* characters after the mark at most */
	TextPadding padding;
} TextKind;

/* How n-th texts are told apart. */
typedef enum TextDistinction
{
	DISTINCT_PICKS,	  /* by the picks, and a number where they are used up */
	DISTINCT_NUMBERS, /* by a number */
	DISTINCT_CODES	  /* they are codes of letters and digits, since there is no room */
} TextDistinction;

typedef struct TextState
{
	int				min;
	int				max; /* -1: none */
	TextDistinction distinction;
	int				code_length;
	uint64			picks; /* how many texts the picks make */

	List	   *of; /* of char *: columns of the row */
	const char *noun;
	const char *alphabet;
	int			length; /* as an argument says */
	int			most;
} TextState;

/* Puts text behind what is there. */
extern void wording_put(Wording *wording, const char *text);
extern void wording_put_char(Wording *wording, char c);
extern void wording_put_number(Wording *wording, uint64 number);

/* Puts a text's letters and digits in lower case, one separator (or none: 0) for what is between; a name of a file, say. */
extern void wording_put_plain(Wording *wording, const char *text, char separator, bool digits);

/* Picks one of so many. */
extern uint64 wording_pick(Wording *wording, uint64 count);

/* Puts one of a lexicon's words. */
extern void wording_put_word(Wording *wording, const Lexicon *lexicon);

/* Puts so many characters of an alphabet. */
extern void wording_put_code(Wording *wording, const char *alphabet, int length);

/* Puts what a template says. */
extern void wording_put_template(Wording *wording, const char *pattern);

/* Puts one of several templates. */
extern void wording_put_one(Wording *wording, const char *const *templates, int count);

/* Says that the pieces from here on are not always the same ones; nothing is measured after it. */
extern void wording_vary(Wording *wording);

/* Says that what tells texts apart goes here. */
extern void wording_mark(Wording *wording);

/* Returns the column that is `place`-th of what the kind's argument names, or NULL: none, or null. */
extern char *wording_column(const Wording *wording, int place);

/* The make and value of kinds of text; a make of a kind's own sets what it needs between the start and the end. */
extern TextState *text_make_start(Generator *generator, const GeneratorRequest *request);
extern void		  text_make_end(Generator *generator, const GeneratorRequest *request);
extern void		  text_make(Generator *generator, const GeneratorRequest *request);
extern Datum	  text_value(const Generator *generator, const Cell *cell, bool *isnull);

/* The make of a kind of text that reads the columns that "of" names. */
extern void text_make_of(Generator *generator, const GeneratorRequest *request);

/* Makes a text's Datum of a space: as text, as JSON, or by the type's input function. */
extern Datum text_datum(const ValueSpace *space, const char *text, int length);

#define TEXT_KIND(name, arguments, gives)                            \
	{                                                                \
		name, arguments, gives, NULL, TEXTOID, text_make, text_value \
	}
#define TEXT_KIND_OF(name, arguments, gives)                            \
	{                                                                   \
		name, arguments, gives, NULL, TEXTOID, text_make_of, text_value \
	}
#define TEMPLATES(templates) templates, lengthof(templates), NULL

#endif /* POLLSEED_WORDING_H */
