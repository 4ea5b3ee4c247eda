/*-------------------------------------------------------------------------
 *
 * pattern.h
 *		Texts that match a regular expression, made from it.
 *
 * Understands what people write in checks: literals, classes, POSIX classes and escapes
 * (\d \w \s \m …), groups, alternatives, quantifiers, anchors, (?i) and (?:…); not
 * back references or lookaround.  Whoever uses a text tests it with the server's own
 * regular expressions, so that a mistake here is a refusal, never a wrong row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PATTERN_H
#define POLLSEED_PATTERN_H

#include "core/random.h"

typedef struct Pattern Pattern;

/* Reads an advanced regular expression; NULL where it is not understood, and *reason is then a clause. */
extern Pattern *pattern_read(const char *expression, bool ignore_case, const char **reason);

/* Translates a LIKE pattern into a regular expression. */
extern char *pattern_of_like(const char *like, bool ignore_case);

/*
 * Narrows what it gives to lengths in characters between min and max (-1: any); returns false where
 * there is none.
 */
extern bool pattern_limit_length(Pattern *pattern, int min, int max);

/* How many different texts pattern_nth() can give; UINT64_MAX: so many or more. */
extern uint64 pattern_capacity(const Pattern *pattern);

/* Draws a text that matches. */
extern char *pattern_draw(const Pattern *pattern, RandomStream *random);

/* Returns the n-th text that matches, n below the capacity; no two are the same. */
extern char *pattern_nth(const Pattern *pattern, uint64 n);

#endif /* POLLSEED_PATTERN_H */
