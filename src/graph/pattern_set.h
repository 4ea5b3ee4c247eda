/*-------------------------------------------------------------------------
 *
 * pattern_set.h
 *		Sets of characters as regular expressions write them, and which of them a
 *		generated text has.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PATTERN_SET_H
#define POLLSEED_PATTERN_SET_H

#include "mb/pg_wchar.h"

#define ASCII_SIZE 128

/* How many characters beyond ASCII a set can have: more are not missed. */
#define MAX_FOREIGN 256

typedef struct CharacterSet
{
	bool	 ascii[ASCII_SIZE];
	int		 nforeign;
	pg_wchar foreign[MAX_FOREIGN];
	bool
		open; /* made of classes rather than of characters: those that are pleasant to see will do */
} CharacterSet;

extern void set_add(CharacterSet *set, pg_wchar first, pg_wchar last);

/* Adds a class by its POSIX name; returns false where there is none of that name. */
extern bool set_add_class(CharacterSet *set, const char *name, bool negated);

/* Adds the other case of each letter. */
extern void set_fold(CharacterSet *set);

/* Leaves what was not in it, of ASCII alone. */
extern void set_negate(CharacterSet *set);

/*
 * Returns the characters that generated texts have, and their number, which is 0 where there is none: nothing
 * that does not print where something else will do, and of open sets small letters and digits where they
 * will.
 */
extern pg_wchar *set_characters(const CharacterSet *set, int *count);

#endif /* POLLSEED_PATTERN_SET_H */
