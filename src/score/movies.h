/*-------------------------------------------------------------------------
 *
 * movies.h
 *		The movie preset: movies, what is known of them, how good they are by
 *		several criteria, and which of them are likely to come on a list.
 *
 * The score movie_scores has a row a movie, with its criteria; the score
 * movie_predictions has a row a movie that is on no list and a profile, with
 * the mean of the criteria by the profile's weights.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_MOVIES_H
#define POLLSEED_MOVIES_H

#include "fmgr.h"

#define MOVIE_ENGINE "movies"
#define MOVIE_SCORES "movie_scores"
#define MOVIE_PREDICTIONS "movie_predictions"
#define MOVIE_PREDICTIONS_QUEUE MOVIE_PREDICTIONS "_queue"
#define MOVIE_PROFILES "score_profiles"

#define N_MOVIE_CRITERIA 5

/* No weight is greater, so that no sum of weights overflows. */
#define MAX_MOVIE_WEIGHT 1000000

/* The columns of movie_scores that are criteria, and those of score_profiles that are their weights. */
extern const char *const movie_criteria[N_MOVIE_CRITERIA];

/*
 * Returns the first schema on the search path that has the movie tables; raises
 * 42P01 where there is none or it lacks one, 42703 where a column is missing.
 */
extern Oid movie_schema(void);

/*
 * Returns SQL for the mean of the criteria of s, a row of movie_scores, by weights, which
 * are SQL too.  The same weights give the same to the last bit, wherever it is computed.
 */
extern char *movie_score_sql(const char *const *weights);

/* Returns the schema of the extension's functions, quoted; for one of them that is running. */
extern const char *functions_schema(FunctionCallInfo fcinfo);

#endif /* POLLSEED_MOVIES_H */
