/*-------------------------------------------------------------------------
 *
 * movie_data.h
 *		What the movies and people of the demonstration data are like.
 *
 * All of it depends on the seed and the number alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_MOVIE_DATA_H
#define POLLSEED_MOVIE_DATA_H

#include "datatype/timestamp.h"
#include "utils/date.h"

#include "core/random.h"

#define CREDITS_A_MOVIE 5

typedef struct MovieDatum
{
	double	quality; /* what all that is said of it has in common: normally distributed, 0 and 1 */
	DateADT release_date;
	bool	full;		  /* else it was imported in part */
	bool	listed;		  /* is on 1001_movies */
	bool	listed_twice; /* and on sight_and_sound */
	char	title[64];
} MovieDatum;

typedef struct MovieMetric
{
	const char *source;
	const char *metric_type;
	bool		known; /* else there is no row */
	double		value;
} MovieMetric;

#define MOVIE_METRICS 6

typedef struct MovieNomination
{
	const char *festival;
	const char *category;
	bool		won;
} MovieNomination;

#define MAX_MOVIE_NOMINATIONS 16

/* Sets *movie to that of a number. */
extern void movie_datum(int64 seed, int64 number, MovieDatum *movie);

/* Sets what is measured of a movie. */
extern void movie_metrics(int64 seed, int64 number, double quality,
						  MovieMetric metrics[MOVIE_METRICS]);

/* Sets what a movie was nominated for, and returns how much that is. */
extern int movie_nominations(int64 seed, int64 number, double quality,
							 MovieNomination nominations[MAX_MOVIE_NOMINATIONS]);

/* Returns the quality of a person, from 0 to 100, and appends the name to *name unless that is NULL. */
extern double movie_person(int64 seed, int64 number, char name[64]);

/* Sets who works on a movie: numbers from 1 to people. */
extern void movie_people(int64 seed, int64 number, double quality, int64 people,
						 int64 credits[CREDITS_A_MOVIE]);

#endif /* POLLSEED_MOVIE_DATA_H */
