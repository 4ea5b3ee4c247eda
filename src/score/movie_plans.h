/*-------------------------------------------------------------------------
 *
 * movie_plans.h
 *		The statements that predictions are made by, prepared once a session.
 *
 * All of it needs SPI to be connected, and reads in the caller's snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_MOVIE_PLANS_H
#define POLLSEED_MOVIE_PLANS_H

typedef enum MoviePlan
{
	/* The weights of profile $1, a column each. */
	MOVIE_PLAN_WEIGHTS,
	/* The names of all profiles, as one text. */
	MOVIE_PLAN_PROFILES,
	/* Of profile $1 and decade $2, the $5 that come after score $3 and id $4: the columns of a page. */
	MOVIE_PLAN_STORED_PAGE,
	/* Weights $1 to $5, days from $6 and before $7, after score $8 and id $9, $10 rows: the same and how many come before. */
	MOVIE_PLAN_COMPUTED_PAGE,
	/* What tells one state of the score of relation $1 from any other, where that is of database $2 of the cluster $3. */
	MOVIE_PLAN_VERSION,
	/* Of profile $1 and decade $2, score and id of each $3rd. */
	MOVIE_PLAN_MARKS,
	/* Of profile $1 and decade $2, how many come after score $3 and id $4, up to score $5 and id $6; but $7 at most. */
	MOVIE_PLAN_COUNT,
	/* Weights $1 to $5, list $6: what pollseed_validate_predictions() returns. */
	MOVIE_PLAN_VALIDATE
} MoviePlan;

#define N_MOVIE_PLANS (MOVIE_PLAN_VALIDATE + 1)

/* Looks up the movie tables on the search path; raises what movie_schema() does. */
extern void movie_plans_begin(void);

/* Runs a statement on these tables, and returns how many rows it returned. */
extern int64 movie_plan_execute(MoviePlan plan, Datum *values);

/* Returns the table of the stored ranking. */
extern Oid movie_predictions_relation(void);

/* Tells whether the stored ranking is that of the tables under it as the caller's snapshot sees them. */
extern bool movie_predictions_are_clean(void);

#endif /* POLLSEED_MOVIE_PLANS_H */
