/*-------------------------------------------------------------------------
 *
 * movie_data.c
 *		What the movies and people of the demonstration data are like.
 *
 * Each movie has a quality that nobody sees: ratings, nominations, the people who
 * work on it and whether it is on a list follow it, each with an error of its own.
 * There are only operations that IEEE 754 rounds exactly, so that a seed gives the
 * same data on every machine.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "core/fraction.h"
#include "score/movie_data.h"

/* Days from 2000-01-01 to 1920-01-01, and from there to the end of 2025. */
#define FIRST_RELEASE_DATE (-29219)
#define RELEASE_DAYS 38717

/* Movies above this quality, with a small error, are on the list: one in ten. */
#define LISTED_QUALITY 1.285
#define LISTED_ERROR 0.07

/* A probability as a 64-bit fraction. */
#define PROBABILITY(p) ((uint64) ((p) *0x1p64))

static const char *const adjectives[] = {
	"Silent",	 "Golden",	 "Last",	  "Hidden",	  "Broken",	  "Crimson", "Endless",
	"Forgotten", "Quiet",	 "Burning",	  "Distant",  "Second",	  "Savage",	 "Gentle",
	"Midnight",	 "Paper",	 "Velvet",	  "Restless", "Northern", "Lonely",	 "Secret",
	"Winter",	 "Electric", "Invisible", "Wild",	  "Borrowed"};
static const char *const nouns[] = {
	"River",	"Garden",  "Letter",	"Stranger",	  "Kingdom",  "Shadow", "Summer",
	"Train",	"Promise", "Orchard",	"Harbour",	  "Witness",  "Mirror", "Clockmaker",
	"Daughter", "Island",  "Detective", "Lighthouse", "Waltz",	  "Thief",	"Sparrow",
	"Circus",	"Bridge",  "Season",	"Voyage",	  "Neighbour"};
static const char *const places[] = {"Vienna",	   "Lisbon",	"Shanghai",	  "Montreal",
									 "Casablanca", "Trieste",	"Kyoto",	  "Buenos Aires",
									 "Marseille",  "Dakar",		"Odessa",	  "Havana",
									 "Bombay",	   "Edinburgh", "Valparaiso", "the North"};
static const char *const first_names[] = {"Ada",   "Bruno",	  "Chiyo", "Dario", "Elif",	  "Farid",
										  "Greta", "Hugo",	  "Ines",  "Jonas", "Kamala", "Luis",
										  "Mira",  "Nikolai", "Oona",  "Pavel", "Rosa",	  "Samir",
										  "Tilda", "Umberto", "Vera",  "Wim",	"Yasmin", "Zoran"};
static const char *const last_names[] = {
	"Almeida", "Bergman",  "Castellano", "Dubois",	 "Eriksen",	  "Farkas", "Greene",
	"Haddad",  "Ishikawa", "Jansen",	 "Kowalski", "Lindqvist", "Moreau", "Nakamura",
	"Okafor",  "Petrov",   "Quiroga",	 "Rossi",	 "Singh",	  "Tanaka", "Ulrich",
	"Varga",   "Weiss",	   "Yilmaz",	 "Zhang"};
static const char *const festivals[] = {"Cannes",		  "Venice", "Berlin",
										"Academy Awards", "BAFTA",	"Locarno"};
static const char *const categories[] = {"Best Film",	 "Best Director", "Best Screenplay",
										 "Best Actress", "Best Actor",	  "Best Photography"};

/* Returns one of the words, drawn from a stream. */
#define PICK(stream, words) ((words)[pick(stream, lengthof(words))])

/* Returns a number from 0 up to count. */
static int64
pick(RandomStream *stream, int64 count)
{
	return (int64) scale_fraction((uint64) count, random_next(stream));
}

/* Tells whether something of a probability happens. */
static bool
happens(RandomStream *stream, double probability)
{
	return random_next(stream) < PROBABILITY(probability);
}

/* Returns a number from 0 up to 1. */
static double
uniform(RandomStream *stream)
{
	return (double) (random_next(stream) >> 11) * 0x1p-53;
}

/* Draws from very nearly the normal distribution: the sum of twelve uniform numbers, of 16 bits each. */
static double
normal(RandomStream *stream)
{
	int64 sum = 0;

	for (int i = 0; i < 3; i++)
	{
		uint64 bits = random_next(stream);

		for (int j = 0; j < 4; j++, bits >>= 16)
			sum += (int64) (bits & 0xffff);
	}
	return ((double) sum + 6) / 65536.0 - 6;
}

/* Returns 2 to the power of x, with straight lines between the whole ones. */
static double
doubled(double x)
{
	double whole = floor(x);

	return ldexp(1 + (x - whole), (int) whole);
}

/* Returns a value rounded to tenths, within limits. */
static double
within(double value, double lowest, double highest)
{
	return rint(Max(lowest, Min(highest, value)) * 10) / 10;
}

/* Sets a title. */
static void
draw_title(RandomStream *stream, char *title, Size size)
{
	const char *adjective = PICK(stream, adjectives);
	const char *noun = PICK(stream, nouns);
	const char *place = PICK(stream, places);

	switch (pick(stream, 4))
	{
		case 0:
			snprintf(title, size, "The %s %s", adjective, noun);
			break;
		case 1:
			snprintf(title, size, "%s %s", adjective, noun);
			break;
		case 2:
			snprintf(title, size, "The %s of %s", noun, place);
			break;
		default:
			snprintf(title, size, "The %s %s of %s", adjective, noun, place);
			break;
	}
}

/* The later of two days: each year has as many movies more as the one before had. */
void
movie_datum(int64 seed, int64 number, MovieDatum *movie)
{
	RandomStream stream = random_stream(seed, RANDOM_MOVIES, (uint64) number);
	uint64		 one = random_next(&stream);
	uint64		 other = random_next(&stream);

	movie->quality = normal(&stream);
	movie->release_date =
		FIRST_RELEASE_DATE + (DateADT) scale_fraction(RELEASE_DAYS, Max(one, other));
	movie->full = !happens(&stream, 0.05);
	movie->listed = movie->quality + LISTED_ERROR * normal(&stream) > LISTED_QUALITY;
	movie->listed_twice = movie->listed && happens(&stream, 0.1);
	draw_title(&stream, movie->title, sizeof(movie->title));
}

void
movie_metrics(int64 seed, int64 number, double quality, MovieMetric metrics[MOVIE_METRICS])
{
	RandomStream stream = random_stream(seed, RANDOM_MOVIE_METRICS, (uint64) number);
	double		 unknown = Max(0.001, Min(0.6, 0.15 - 0.12 * quality));
	double		 fame = (0.5 + uniform(&stream)) * (happens(&stream, 0.01) ? 8 : 1);

	metrics[0] = (MovieMetric){"tmdb", "rating_average", false,
							   within(6.1 + 0.9 * quality + 0.2 * normal(&stream), 0.5, 10)};
	metrics[1] = (MovieMetric){"imdb", "rating_average", false,
							   within(6.2 + 0.9 * quality + 0.2 * normal(&stream), 1, 10)};
	metrics[2] = (MovieMetric){"metacritic", "metascore", false,
							   rint(within(54 + 15 * quality + 4 * normal(&stream), 0, 100))};
	metrics[3] = (MovieMetric){"rotten_tomatoes", "tomatometer", false,
							   rint(within(58 + 17 * quality + 5 * normal(&stream), 0, 100))};
	metrics[4] = (MovieMetric){"tmdb", "popularity", false,
							   within(12 * fame * doubled(1.6 * quality), 0.1, 9999)};
	metrics[5] = (MovieMetric){"imdb", "rating_votes", false,
							   rint(within(900 * fame * doubled(2.2 * quality), 5, 3000000))};
	for (int i = 0; i < MOVIE_METRICS; i++)
		metrics[i].known = !happens(&stream, unknown);
}

/* About one nomination in three wins, evenly. */
int
movie_nominations(int64 seed, int64 number, double quality,
				  MovieNomination nominations[MAX_MOVIE_NOMINATIONS])
{
	RandomStream stream = random_stream(seed, RANDOM_MOVIE_NOMINATIONS, (uint64) number);
	double		 count = floor(3 * (quality - 0.6) + 0.5 * normal(&stream));
	int64		 first_win = pick(&stream, 3);
	int			 n = (int) Max(0, Min(MAX_MOVIE_NOMINATIONS, count));

	for (int i = 0; i < n; i++)
		nominations[i] = (MovieNomination){PICK(&stream, festivals), PICK(&stream, categories),
										   (i + first_win) % 3 == 2};
	return n;
}

double
movie_person(int64 seed, int64 number, char name[64])
{
	RandomStream stream = random_stream(seed, RANDOM_MOVIE_PEOPLE, (uint64) number);
	double		 quality = within(50 + 20 * normal(&stream), 0, 100);

	if (name != NULL)
	{
		const char *first = PICK(&stream, first_names);

		snprintf(name, 64, "%s %s", first, PICK(&stream, last_names));
	}
	return quality;
}

/* Of four people, that one comes to a movie whose quality is nearest. */
void
movie_people(int64 seed, int64 number, double quality, int64 people, int64 credits[CREDITS_A_MOVIE])
{
	RandomStream stream = random_stream(seed, RANDOM_MOVIE_CREDITS, (uint64) number);

	for (int i = 0; i < CREDITS_A_MOVIE; i++)
	{
		double nearest = 0;

		for (int candidate = 0; candidate < 4; candidate++)
		{
			int64  person = 1 + pick(&stream, people);
			double distance = fabs(movie_person(seed, person, NULL) - (50 + 20 * quality));

			if (candidate == 0 || distance < nearest)
			{
				nearest = distance;
				credits[i] = person;
			}
		}
	}
}
