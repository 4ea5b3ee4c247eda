/*-------------------------------------------------------------------------
 *
 * movie_rank.h
 *		Where on a stored ranking a place is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_MOVIE_RANK_H
#define POLLSEED_MOVIE_RANK_H

/*
 * Returns how many movies of a profile's ranking of a decade come before a place or are
 * there, as the caller's snapshot sees it.  After movie_plans_begin().
 */
extern int64 movie_rank(Datum profile, int32 decade, double score, int64 id);

#endif /* POLLSEED_MOVIE_RANK_H */
