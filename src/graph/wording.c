/*-------------------------------------------------------------------------
 *
 * wording.c
 *		Texts put together from words, as they are drawn or one after the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"

#include "core/compat.h"
#include "graph/wording.h"

/* Has no common divisor with any number of picks. */
#define PICK_STRIDE UINT64CONST(2147483647)

static const char digits[] = "0123456789";
static const char hexadecimal[] = "0123456789abcdef";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* What letters of templates stand for. */
static const Lexicon *const lexicons[128] = {
	['A'] = &area_codes,	   ['B'] = &job_levels,
	['F'] = &job_fields,	   ['J'] = &job_roles,
	['D'] = &departments,	   ['K'] = &company_stems,
	['U'] = &company_suffixes, ['M'] = &materials,
	['P'] = &products,		   ['T'] = &street_kinds,
	['S'] = &street_names,	   ['X'] = &codenames,
	['a'] = &adjectives,	   ['c'] = &colours,
	['d'] = &past_verbs,	   ['e'] = &file_endings,
	['f'] = &first_names,	   ['g'] = &gerunds,
	['i'] = &mime_types,	   ['l'] = &last_names,
	['m'] = &mail_domains,	   ['n'] = &nouns,
	['o'] = &circumstances,	   ['r'] = &adverbs,
	['t'] = &time_zones,	   ['u'] = &currency_codes,
	['v'] = &language_codes,   ['w'] = &locales,
};

void
wording_put(Wording *wording, const char *text)
{
	int length = Min((int) strlen(text), WORDING_SIZE - 1 - wording->length);

	if (wording->mode == WORDING_MEASURED)
	{
		wording->shortest += length;
		wording->longest += length;
		return;
	}
	memcpy(wording->data + wording->length, text, length);
	wording->length += length;
}

void
wording_put_char(Wording *wording, char c)
{
	if (wording->mode == WORDING_MEASURED)
	{
		wording->shortest++;
		wording->longest++;
	}
	else if (wording->length < WORDING_SIZE - 1)
		wording->data[wording->length++] = c;
}

void
wording_put_number(Wording *wording, uint64 number)
{
	char buffer[24];

	snprintf(buffer, sizeof(buffer), UINT64_FORMAT, number);
	wording_put(wording, buffer);
}

void
wording_put_plain(Wording *wording, const char *text, char separator, bool with_digits)
{
	bool between = false;
	int	 start = wording->length;

	for (const char *c = text; *c != '\0'; c++)
	{
		bool digit = *c >= '0' && *c <= '9';

		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (digit && with_digits))
		{
			if (between && wording->length > start)
				wording_put_char(wording, separator);
			wording_put_char(wording, (char) pg_tolower((unsigned char) *c));
			between = false;
		}
		else if (*c != '\'')
			between = separator != '\0';
	}
}

uint64
wording_pick(Wording *wording, uint64 count)
{
	uint64 picked;

	switch (wording->mode)
	{
		case WORDING_DRAWN:
			return random_below(wording->random, count);
		case WORDING_MEASURED:
			if (count > PG_UINT64_MAX / wording->count)
				wording->count = PG_UINT64_MAX;
			else
				wording->count *= count;
			return 0;
		case WORDING_NTH:
			break;
	}
	picked =
		(uint64) (((uint128) (wording->n % count) * PICK_STRIDE + (wording->turn >> 8)) % count);
	wording->n /= count;
	wording->turn = random_mix(wording->turn + picked + 1);
	return picked;
}

/* Puts a word in one of the styles of templates: as it is, with a capital, or plain. */
static void
put_styled(Wording *wording, const char *word, char style)
{
	int start = wording->length;

	if (style == '_')
		wording_put_plain(wording, word, '\0', true);
	else
		wording_put(wording, word);
	if (style == '^' && wording->length > start)
		wording->data[start] = (char) pg_toupper((unsigned char) wording->data[start]);
}

/* Puts one of a lexicon's words in a style. */
static void
put_word(Wording *wording, const Lexicon *lexicon, char style)
{
	uint64 picked = wording_pick(wording, (uint64) lexicon->count);
	int	   shortest = INT_MAX;
	int	   longest = 0;

	if (wording->mode != WORDING_MEASURED)
	{
		put_styled(wording, lexicon->words[picked], style);
		return;
	}
	for (int i = 0; i < lexicon->count; i++)
	{
		shortest = Min(shortest, (int) strlen(lexicon->words[i]));
		longest = Max(longest, (int) strlen(lexicon->words[i]));
	}
	wording->shortest += shortest;
	wording->longest += longest;
}

void
wording_put_word(Wording *wording, const Lexicon *lexicon)
{
	put_word(wording, lexicon, '\0');
}

void
wording_put_code(Wording *wording, const char *alphabet, int length)
{
	uint64 size = strlen(alphabet);

	if (wording->mode == WORDING_MEASURED && strpbrk(alphabet, "abcdef") != NULL &&
		strpbrk(alphabet, "ABCDEF") != NULL)
		wording->cased = true;

	for (int i = 0; i < length; i++)
		wording_put_char(wording, alphabet[wording_pick(wording, size)]);
}

/* Puts a number between two bounds, which a template gives as 1-99; and returns what comes after. */
static const char *
put_range(Wording *wording, const char *range)
{
	char  *rest;
	uint64 least = strtou64(range, &rest, 10);
	uint64 most;

	Assert(*rest == '-');
	most = strtou64(rest + 1, &rest, 10);
	Assert(*rest == ';' && most >= least);
	if (wording->mode == WORDING_MEASURED)
	{
		int shortest = snprintf(NULL, 0, UINT64_FORMAT, least);

		(void) wording_pick(wording, most - least + 1);
		wording->shortest += shortest;
		wording->longest += snprintf(NULL, 0, UINT64_FORMAT, most);
	}
	else
	{
		wording->last = least + wording_pick(wording, most - least + 1);
		wording_put_number(wording, wording->last);
	}
	return rest + 1;
}

/* Puts the piece that a template has after a %, and returns what comes after it. */
static const char *
put_piece(Wording *wording, const char *piece)
{
	char style = *piece == '^' || *piece == '_' ? *piece++ : '\0';

	switch (*piece)
	{
		case '#':
			return put_range(wording, piece + 1);
		case '&':
			wording_put_number(wording, wording->last);
			break;
		case '9':
			wording_put_code(wording, digits, 1);
			break;
		case 'x':
			wording_put_code(wording, hexadecimal, 1);
			break;
		case 'Z':
			wording_put_code(wording, letters, 1);
			break;
		case '=':
			wording_mark(wording);
			break;
		case '%':
			wording_put_char(wording, '%');
			break;
		default:
			Assert(lexicons[(unsigned char) *piece & 127] != NULL);
			put_word(wording, lexicons[(unsigned char) *piece & 127], style);
	}
	return piece + 1;
}

void
wording_put_template(Wording *wording, const char *pattern)
{
	while (*pattern != '\0')
	{
		if (*pattern == '%')
			pattern = put_piece(wording, pattern + 1);
		else
			wording_put_char(wording, *pattern++);
	}
}

void
wording_put_one(Wording *wording, const char *const *templates, int count)
{
	uint64 picked = wording->mode == WORDING_DRAWN ? wording_pick(wording, (uint64) count) : 0;

	wording_put_template(wording, templates[picked]);
}

void
wording_vary(Wording *wording)
{
	wording->varies = true;
}

void
wording_mark(Wording *wording)
{
	wording->mark = wording->length;
}

char *
wording_column(const Wording *wording, int place)
{
	const TextState *state = wording->generator->state;

	if (wording->cell == NULL || place >= list_length(state->of))
		return NULL;
	return cell_column_text(wording->cell, list_nth(state->of, place));
}
