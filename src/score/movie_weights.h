/*-------------------------------------------------------------------------
 *
 * movie_weights.h
 *		How much each criterion counts: a stored profile, or weights that a
 *		caller gives.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_MOVIE_WEIGHTS_H
#define POLLSEED_MOVIE_WEIGHTS_H

#include "utils/jsonb.h"

#include "score/movies.h"

/* Sets the weights of a profile, as float8s; raises 42704 where there is none.  After movie_plans_begin(). */
extern void movie_profile_weights(Datum profile, Datum weights[N_MOVIE_CRITERIA]);

/* Sets weights from a JSON object, 0 for what it does not name; raises 22023 where they are none. */
extern void movie_given_weights(Jsonb *given, Datum weights[N_MOVIE_CRITERIA]);

#endif /* POLLSEED_MOVIE_WEIGHTS_H */
