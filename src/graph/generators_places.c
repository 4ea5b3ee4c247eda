/*-------------------------------------------------------------------------
 *
 * generators_places.c
 *		Generators of places: addresses, countries, what they speak and pay with.
 *
 * Where "of" names columns of the row that have a city, state or country, what is given is
 * of the same place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/compat.h"
#include "graph/wording.h"

/* What can tell a place: its city, country (by name or code) or state, in the order of places. */
#define NAMES_OF_PLACE 5

/* The first of places by the names that tell it. */
typedef struct PlaceName
{
	const char *name;
	int			place;
	int			rank; /* a city tells more than a state, and that more than a country */
} PlaceName;

typedef struct PlaceState
{
	TextState  text;
	PlaceName *names; /* sorted; NULL: no columns are read */
	int		   nnames;
} PlaceState;

static const char *const street[] = {"%#1-999; %S %T", "%#1000-9999; %S %T"};

/* Orders names of places, those that tell more first. */
static int
compare_names(const void *a, const void *b)
{
	const PlaceName *one = a;
	const PlaceName *other = b;
	int				 order = strcmp(one->name, other->name);

	if (order == 0)
		order = one->rank - other->rank;
	return order != 0 ? order : one->place - other->place;
}

/* Makes the list of what places are told by. */
static void
index_names(PlaceState *state)
{
	state->names = palloc0_array(PlaceName, nplaces * NAMES_OF_PLACE);
	for (int i = 0; i < nplaces; i++)
	{
		const Place	  *place = &places[i];
		const Country *country = place_country(place);
		const char	  *names[NAMES_OF_PLACE] = {place->city, country->name, place->country,
												country->code3, place->state};

		for (int rank = 0; rank < NAMES_OF_PLACE; rank++)
			state->names[state->nnames++] = (PlaceName){names[rank], i, rank};
	}
	qsort(state->names, state->nnames, sizeof(PlaceName), compare_names);
}

/* Returns the first name that is not before a text. */
static int
first_name_from(const PlaceState *state, const char *text)
{
	int low = 0;
	int high = state->nnames;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (strcmp(state->names[middle].name, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Returns one of the places that the row's columns tell, or NULL. */
static const Place *
place_of_row(Wording *wording)
{
	const PlaceState *state = wording->generator->state;

	for (int i = 0; i < list_length(state->text.of); i++)
	{
		char *text = wording_column(wording, i);
		int	  first;
		int	  last;

		if (text == NULL)
			continue;
		first = first_name_from(state, text);
		for (last = first; last < state->nnames && strcmp(state->names[last].name, text) == 0 &&
						   state->names[last].rank == state->names[first].rank;)
			last++;
		if (last > first)
			return &places
				[state->names[first + random_below(wording->random, (uint64) (last - first))]
					 .place];
	}
	return NULL;
}

/* Returns the place that a text is of: the row's, or any. */
static const Place *
pick_place(Wording *wording)
{
	const TextState *state = wording->generator->state;
	const Place		*place = NULL;

	if (state->of != NIL)
		wording_vary(wording);
	if (state->of != NIL && wording->mode != WORDING_MEASURED)
		place = place_of_row(wording);
	return place != NULL ? place : &places[wording_pick(wording, (uint64) nplaces)];
}

/* Returns the country that a text is of: the row's, or any. */
static const Country *
pick_country(Wording *wording)
{
	if (((TextState *) wording->generator->state)->of != NIL)
		return place_country(pick_place(wording));
	return &countries[wording_pick(wording, (uint64) ncountries)];
}

/* Puts a name of the place picked; where lengths are measured, all that it could be. */
static void
put_name(Wording *wording, const char *name, int shortest, int longest)
{
	if (wording->mode == WORDING_MEASURED)
	{
		wording->shortest += shortest;
		wording->longest += longest;
	}
	else
		wording_put(wording, name);
}

#define LONGEST_NAME 32

/* Tells whether a column has room for codes only. */
static bool
room_at_most(const Wording *wording, int length)
{
	const TextState *state = wording->generator->state;

	return state->max >= 0 && state->max <= length;
}

/* Writes a city. */
static void
write_city(Wording *wording)
{
	put_name(wording, pick_place(wording)->city, 2, LONGEST_NAME);
}

/* Writes a state, as its post abbreviates it where there is room for no more. */
static void
write_state(Wording *wording)
{
	const Place *place = pick_place(wording);

	/* Cities share states. */
	wording_vary(wording);
	put_name(wording, room_at_most(wording, 4) ? place->state_code : place->state, 1, LONGEST_NAME);
}

/* Writes a postal code in its country's form. */
static void
write_postal_code(Wording *wording)
{
	wording_vary(wording);
	for (const char *c = pick_place(wording)->postal; *c != '\0'; c++)
	{
		if (*c == '#')
			wording_put_code(wording, "0123456789", 1);
		else if (*c == '@')
			wording_put_code(wording, "ABCEGHJKLMNPRSTVWXYZ", 1);
		else
			wording_put_char(wording, *c);
	}
}

/* Writes a country, as its code where there is room for no more. */
static void
write_country(Wording *wording)
{
	const Country *country = pick_country(wording);

	if (room_at_most(wording, 2))
		put_name(wording, country->code, 2, 2);
	else if (room_at_most(wording, 3))
		put_name(wording, country->code3, 3, 3);
	else
		put_name(wording, country->name, 4, LONGEST_NAME);
}

/* Writes a country's code of two letters, or three where the column wants three. */
static void
write_country_code(Wording *wording)
{
	const TextState *state = wording->generator->state;
	const Country	*country = pick_country(wording);
	bool			 three = state->max == 3 || state->min == 3;

	put_name(wording, three ? country->code3 : country->code, three ? 3 : 2, three ? 3 : 2);
}

/* Writes a language's code. */
static void
write_language_code(Wording *wording)
{
	const TextState *state = wording->generator->state;

	if (state->of == NIL)
		wording_put_word(wording, &language_codes);
	else
	{
		char language[3];

		strlcpy(language, pick_country(wording)->locale, sizeof(language));
		put_name(wording, language, 2, 2);
	}
}

/* Writes a locale: language and country. */
static void
write_locale(Wording *wording)
{
	if (((TextState *) wording->generator->state)->of == NIL)
		wording_put_word(wording, &locales);
	else
		put_name(wording, pick_country(wording)->locale, 5, 5);
}

/* Writes a time zone's name. */
static void
write_time_zone(Wording *wording)
{
	if (((TextState *) wording->generator->state)->of == NIL)
		wording_put_word(wording, &time_zones);
	else
		put_name(wording, pick_place(wording)->time_zone, 3, LONGEST_NAME);
}

/* Writes a currency's code. */
static void
write_currency_code(Wording *wording)
{
	if (((TextState *) wording->generator->state)->of == NIL)
		wording_put_word(wording, &currency_codes);
	else
		put_name(wording, pick_country(wording)->currency, 3, 3);
}

/* Makes a generator of what belongs to places. */
static void
make_place(Generator *generator, const GeneratorRequest *request)
{
	TextState  *text = text_make_start(generator, request);
	PlaceState *state = palloc0_object(PlaceState);

	state->text = *text;
	state->text.of = generator_columns(generator, request, "of");
	if (state->text.of != NIL)
		index_names(state);
	generator->state = state;
	text_make_end(generator, request);
}

#define PLACE_KIND(name, gives)                                  \
	{                                                            \
		name, "of", gives, NULL, TEXTOID, make_place, text_value \
	}

static const TextKind kinds[] = {
	{TEXT_KIND("street", "", "a street with a house's number"), TEMPLATES(street), " Unit ", "", 0,
	 PAD_WORDS},
	{PLACE_KIND("city", "a city, of the country or state in the columns of where they are given"),
	 NULL, 0, write_city, " ", "", 0, PAD_WORDS},
	{PLACE_KIND("state", "a state or region, of the city in the columns of where it is given"),
	 NULL, 0, write_state, " ", "", 0, PAD_WORDS},
	{PLACE_KIND("postal_code", "a postal code, of the city in the columns of where it is given"),
	 NULL, 0, write_postal_code, "-", "", 0, PAD_LETTERS},
	{PLACE_KIND("country", "a country, of the city in the columns of where it is given"), NULL, 0,
	 write_country, " ", "", 0, PAD_WORDS},
	{PLACE_KIND("country_code",
				"a country's code of two letters, or three where there is room for three"),
	 NULL, 0, write_country_code, "-", "", 0, PAD_LETTERS},
	{PLACE_KIND("language_code", "a language's code of two letters"), NULL, 0, write_language_code,
	 "-", "", 0, PAD_LETTERS},
	{PLACE_KIND("locale", "a locale such as en_GB"), NULL, 0, write_locale, "-", "", 0,
	 PAD_LETTERS},
	{PLACE_KIND("time_zone", "a time zone's name"), NULL, 0, write_time_zone, "-", "", 0,
	 PAD_LETTERS},
	{PLACE_KIND("currency_code", "a currency's code of three letters"), NULL, 0,
	 write_currency_code, "-", "", 0, PAD_LETTERS},
};

const KindTable place_kinds = KIND_TABLE(kinds);
