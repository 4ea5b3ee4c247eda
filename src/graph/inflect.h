/*-------------------------------------------------------------------------
 *
 * inflect.h
 *		Names of tables and columns as words: their forms, and patterns of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_INFLECT_H
#define POLLSEED_INFLECT_H

#include "postgres.h"

/* Returns a name in lower case with underscores between its words: createdAt as created_at. */
extern char *snake_case(const char *name);

/* Returns a name in snake case with its last word in the singular: blog_posts as blog_post. */
extern char *singular_name(const char *name);

/* Returns the name of the class that Rails and its like have for a table: blog_posts as BlogPost. */
extern char *class_name(const char *table);

/* Returns the last word of a name in snake case; not a copy. */
extern const char *last_word(const char *name);

/* Tells whether a name matches a pattern, in which * stands for any text. */
extern bool name_matches(const char *pattern, const char *name);

/* Tells whether it matches any of a list of patterns with spaces between. */
extern bool name_matches_any(const char *patterns, const char *name);

#endif /* POLLSEED_INFLECT_H */
