/*-------------------------------------------------------------------------
 *
 * forms.h
 *		The forms that checks ask texts to have, by regular expressions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_FORMS_H
#define POLLSEED_FORMS_H

#include "graph/space.h"

/* Tells whether what a generator gives is of the form that the column's checks ask for. */
extern bool forms_fit(const ValueSpace *space, const char *generator);

/*
 * Returns a regular expression of which texts pass checks that are not understood, such as functions of the user's, found by
 * trying; NULL where what a generator gives passes, or is not known, or nothing passes.
 */
extern const char *forms_found(ValueSpace *space, const char *generator);

/* Returns the first of a column's patterns that texts can be made from, or NULL. */
extern const char *forms_usable_pattern(const ValueSpace *space);

#endif /* POLLSEED_FORMS_H */
