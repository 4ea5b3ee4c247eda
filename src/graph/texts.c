/*-------------------------------------------------------------------------
 *
 * texts.c
 *		Texts of any kind made to fit what a column allows: lengths, case, and
 *		that no two are the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "graph/wording.h"

/* How often a text that is too long is drawn anew before it is cut. */
#define MAX_DRAWS 8

/* As many as nobody misses more. */
#define PLENTY UINT64CONST(1000000)

/* More digits than a number of 64 bits has. */
#define ALL_DIGITS 20

#define CODE_LENGTH 12

static const char upper_codes[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char lower_codes[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* Returns a power, or PG_UINT64_MAX where it does not fit. */
static uint64
power(uint64 base, int exponent)
{
	uint64 result = 1;

	for (; exponent > 0; exponent--)
	{
		if (result > PG_UINT64_MAX / base)
			return PG_UINT64_MAX;
		result *= base;
	}
	return result;
}

/* Returns a product, or PG_UINT64_MAX where it does not fit. */
static uint64
product(uint64 a, uint64 b)
{
	return a > PG_UINT64_MAX / b ? PG_UINT64_MAX : a * b;
}

/* Tells whether a space's lengths are those of the texts that are put into it. */
static bool
has_lengths(const ValueSpace *space)
{
	return space->kind == VALUE_TEXT || space->kind == VALUE_BYTEA;
}

/* Returns the greatest number of characters that a space's texts can have; -1: any. */
static int
longest_text(const ValueSpace *space)
{
	int longest = has_lengths(space) ? space->max_length : -1;
	int of_type = -1;

	if ((space->base == VARCHAROID || space->base == BPCHAROID) && space->base_typmod >= VARHDRSZ)
		of_type = space->base_typmod - VARHDRSZ;
	else if (space->base == NAMEOID)
		of_type = NAMEDATALEN - 1;
	else if (space->base == CHAROID)
		of_type = 1;
	if (longest < 0)
		return of_type;
	return of_type < 0 ? longest : Min(longest, of_type);
}

/* Puts a kind's text. */
static void
write_text(Wording *wording)
{
	const TextKind *kind = (const TextKind *) wording->generator->kind;

	if (kind->write != NULL)
		kind->write(wording);
	else
		wording_put_one(wording, kind->templates, kind->ntemplates);
}

/* Begins a text. */
static void
start(Wording *wording, const Generator *generator, const Cell *cell, WordingMode mode)
{
	wording->generator = generator;
	wording->cell = cell;
	wording->random = cell != NULL ? cell->random : NULL;
	wording->mode = mode;
	wording->n = cell != NULL ? cell->n : 0;
	wording->turn = 0;
	wording->count = 1;
	wording->shortest = 0;
	wording->longest = 0;
	wording->varies = false;
	wording->cased = false;
	wording->mark = -1;
	wording->length = 0;
}

/* Tells whether texts that differ by case alone may be the same in a space. */
static bool
ignores_case(const ValueSpace *space)
{
	return space->lower_case || space->upper_case || space->kind == VALUE_OTHER ||
		   (space->kind == VALUE_TEXT && space->base >= FirstNormalObjectId) ||
		   (OidIsValid(space->collation) && !get_collation_isdeterministic(space->collation));
}

/* Decides how n-th texts are told apart, and how many there are. */
static void
choose_distinction(Generator *generator, TextState *state)
{
	const TextKind *kind = (const TextKind *) generator->kind;
	int				around = (int) (strlen(kind->separator) + strlen(kind->closing));
	int				max = state->max;
	uint64			by_picks = 0;
	uint64			by_numbers;
	uint64			by_codes;
	Wording			measure;

	start(&measure, generator, NULL, WORDING_MEASURED);
	write_text(&measure);
	state->picks = measure.count;
	if (!measure.varies && !(measure.cased && ignores_case(generator->space)) &&
		state->min <= measure.shortest && (max < 0 || measure.longest <= max))
		by_picks =
			product(measure.count,
					power(10, max < 0 ? ALL_DIGITS : Max(max - measure.longest - around, 0)));
	by_numbers = power(10, max < 0 ? ALL_DIGITS : Max(max - kind->tail - around - 1, 0));
	state->code_length = max < 0 ? CODE_LENGTH : Min(max, Max(CODE_LENGTH, state->min));
	by_codes = power(lengthof(upper_codes) - 1, state->code_length);

	if (by_picks >= PLENTY || (by_picks > 0 && by_picks >= Max(by_numbers, by_codes)))
		state->distinction = DISTINCT_PICKS;
	else if (by_numbers >= PLENTY || by_numbers >= by_codes)
		state->distinction = DISTINCT_NUMBERS;
	else
		state->distinction = DISTINCT_CODES;
	generator->capacity = state->distinction == DISTINCT_PICKS	   ? by_picks
						  : state->distinction == DISTINCT_NUMBERS ? by_numbers
																   : by_codes;
}

TextState *
text_make_start(Generator *generator, const GeneratorRequest *request)
{
	TextState *state = palloc0_object(TextState);

	(void) generator_accepts(generator, request,
							 KIND_SET(VALUE_TEXT) | KIND_SET(VALUE_JSON) | KIND_SET(VALUE_OTHER) |
								 KIND_SET(VALUE_BYTEA));
	state->max = longest_text(request->space);
	state->min = has_lengths(request->space) ? Max(request->space->min_length, 0) : 0;
	generator->state = state;
	return state;
}

void
text_make_end(Generator *generator, const GeneratorRequest *request)
{
	if (request->distinct)
		choose_distinction(generator, generator->state);
}

void
text_make(Generator *generator, const GeneratorRequest *request)
{
	(void) text_make_start(generator, request);
	text_make_end(generator, request);
}

void
text_make_of(Generator *generator, const GeneratorRequest *request)
{
	text_make_start(generator, request)->of = generator_columns(generator, request, "of");
	text_make_end(generator, request);
}

/* Tells whether all bytes are ASCII, each a character. */
static bool
is_plain_ascii(const char *text, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	}
	return true;
}

/* Returns how many characters a text has. */
static int
characters(const char *text, int length)
{
	return is_plain_ascii(text, length) ? length : pg_mbstrlen_with_len(text, length);
}

/* Returns how many bytes of a text its first so many characters take, less what looks cut off at the end. */
static int
cut_length(const char *text, int length, int limit)
{
	if (characters(text, length) <= limit)
		return length;
	length = pg_mbcharcliplen(text, length, limit);
	while (length > 1 && strchr(" -_.,:;/&", text[length - 1]) != NULL)
		length--;
	return length;
}

/* Appends to a text until it has so many characters. */
static void
pad(StringInfo text, int lacking, TextPadding padding, uint64 chance)
{
	RandomStream random = {chance};
	int			 end = text->len + lacking;

	while (text->len < end)
	{
		if (padding == PAD_WORDS && text->len > 0 && end - text->len > 1)
			appendStringInfo(text, " %s", nouns.words[random_below(&random, nouns.count)]);
		else
			appendStringInfoChar(text, (char) ('a' + random_below(&random, 26)));
	}
	text->len = end;
	if (text->data[end - 1] == ' ')
		text->data[end - 1] = 's';
	text->data[end] = '\0';
}

/* Writes what tells the n-th text apart, or nothing. */
static void
put_distinction(const Wording *wording, int head, char *buffer, size_t size)
{
	const TextKind	*kind = (const TextKind *) wording->generator->kind;
	const TextState *state = wording->generator->state;
	uint64			 n = wording->n;

	buffer[0] = '\0';
	if (!wording->cell->distinct || state->distinction == DISTINCT_CODES)
		return;

	/* The first needs no number, unless it looks as if it had one. */
	if (n == 0 && (state->distinction == DISTINCT_PICKS ||
				   (head > 0 && strchr("0123456789)", wording->data[head - 1]) == NULL)))
		return;
	snprintf(buffer, size, "%s" UINT64_FORMAT "%s", kind->separator, n, kind->closing);
}

/* Returns a text in the case that a column wants. */
static const char *
fold_case(const ValueSpace *space, const char *text, int *length)
{
	char *folded;

	if (is_plain_ascii(text, *length))
		folded = space->lower_case ? asc_tolower(text, *length) : asc_toupper(text, *length);
	else
		folded = space->lower_case ? str_tolower(text, *length, space->collation)
								   : str_toupper(text, *length, space->collation);
	*length = (int) strlen(folded);
	return folded;
}

Datum
text_datum(const ValueSpace *space, const char *text, int length)
{
	JsonbValue	   value = {.type = jbvString};
	StringInfoData json;

	if (space->lower_case || space->upper_case)
		text = fold_case(space, text, &length);
	switch (space->kind)
	{
		case VALUE_TEXT:
			if (space->base == TEXTOID || space->base == VARCHAROID)
				return PointerGetDatum(cstring_to_text_with_len(text, length));
			return space_text(space, pnstrdup(text, length));
		case VALUE_BYTEA:
			return PointerGetDatum(cstring_to_text_with_len(text, length));
		case VALUE_JSON:
			if (space->base == JSONBOID)
			{
				value.val.string.val = unconstify(char *, text);
				value.val.string.len = length;
				return JsonbPGetDatum(JsonbValueToJsonb(&value));
			}
			initStringInfo(&json);
			escape_json(&json, pnstrdup(text, length));
			return PointerGetDatum(cstring_to_text_with_len(json.data, json.len));
		default:
			return space_input(space, pnstrdup(text, length));
	}
}

/* Puts together the head of a text, what tells it apart, and its tail, within the lengths that are allowed. */
static Datum
finish(Wording *wording)
{
	const TextKind	 *kind = (const TextKind *) wording->generator->kind;
	const TextState	 *state = wording->generator->state;
	const ValueSpace *space = wording->generator->space;
	int				  head = wording->mark >= 0 ? wording->mark : wording->length;
	const char		 *tail = wording->data + head;
	int				  tail_length = wording->length - head;
	char			  apart[64];
	int				  room = INT_MAX;
	int				  total;
	StringInfoData	  text;

	put_distinction(wording, head, apart, sizeof(apart));
	if (state->max >= 0)
		room = state->max - (int) strlen(apart) - characters(tail, tail_length);
	head = room >= 0 ? cut_length(wording->data, head, room) : 0;
	if (state->min == 0 && tail_length == 0 && apart[0] == '\0')
		return text_datum(space, wording->data, head);

	initStringInfo(&text);
	appendBinaryStringInfo(&text, wording->data, head);
	total = characters(text.data, text.len) + (int) strlen(apart) + characters(tail, tail_length);
	if (total < state->min)
		pad(&text, state->min - total, kind->padding, random_mix(wording->n + (uint64) total));
	appendStringInfoString(&text, apart);
	appendBinaryStringInfo(&text, tail, tail_length);
	if (room < 0)
		text.len = cut_length(text.data, text.len, state->max);
	return text_datum(space, text.data, text.len);
}

Datum
text_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const TextState *state = generator->state;
	const TextKind	*kind = (const TextKind *) generator->kind;
	bool			 picks = cell->distinct && state->distinction == DISTINCT_PICKS;
	int				 draws = 0;
	Wording			 wording;

	*isnull = false;
	start(&wording, generator, cell, cell->distinct ? WORDING_NTH : WORDING_DRAWN);
	if (cell->distinct && state->distinction == DISTINCT_CODES)
	{
		wording_put_code(&wording, kind->padding == PAD_LETTERS ? lower_codes : upper_codes,
						 state->code_length);
		return finish(&wording);
	}
	do
	{
		start(&wording, generator, cell, picks ? WORDING_NTH : WORDING_DRAWN);
		write_text(&wording);
	} while (!picks && state->max >= 0 && wording.length > state->max && ++draws < MAX_DRAWS);
	return finish(&wording);
}
