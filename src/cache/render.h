/*-------------------------------------------------------------------------
 *
 * render.h
 *		Tallies within results.
 *
 * A result that depends on a tally is an object with a member that is named as the tag
 * and is itself an object, from the text of each key to a number.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_RENDER_H
#define POLLSEED_CACHE_RENDER_H

#include "utils/jsonb.h"

#include "core/tallies.h"

/* Raises 22023 unless a result has its tallies; returns why their numbers cannot be kept up to date, or NULL. */
extern const char *tallies_check(const Jsonb *value, const char *const *names, int count);

/* Returns a result with changes added to its tallies; a key that is new is added. */
extern Jsonb *tallies_render(Jsonb *value, const char *const *names, int count,
							 const TallyChange *changes, int nchanges);

#endif /* POLLSEED_CACHE_RENDER_H */
