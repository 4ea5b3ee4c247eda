/*-------------------------------------------------------------------------
 *
 * pattern_set.c
 *		Sets of characters as regular expressions write them, and which of them a
 *		generated text has.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/compat.h"
#include "graph/pattern_set.h"

/* A class, as ranges of ASCII, each two characters. */
typedef struct CharacterClass
{
	const char *name;
	const char *ranges;
	bool		open;
} CharacterClass;

static const CharacterClass classes[] = {
	{"alnum", "azAZ09", true},
	{"alpha", "azAZ", true},
	{"ascii", "\x01\x7f", true},
	{"blank", "  \t\t", true},
	{"cntrl", "\x01\x1f\x7f\x7f", false},
	{"digit", "09", false},
	{"graph", "!~", true},
	{"lower", "az", false},
	{"print", " ~", true},
	{"punct", "!/:@[`{~", true},
	{"space", "\t\r  ", true},
	{"upper", "AZ", false},
	{"word", "azAZ09__", true},
	{"xdigit", "09afAF", false},
};

/* Tells whether a character is a small letter or a digit. */
static bool
is_pleasant(int character)
{
	return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
}

/* Tells whether a character prints, and is no space. */
static bool
is_visible(int character)
{
	return character > ' ' && character <= '~';
}

/* Adds a range of characters. */
void
set_add(CharacterSet *set, pg_wchar first, pg_wchar last)
{
	for (pg_wchar c = first; c <= last && c < ASCII_SIZE; c++)
		set->ascii[c] = true;
	for (pg_wchar c = Max(first, ASCII_SIZE); c <= last && set->nforeign < MAX_FOREIGN; c++)
		set->foreign[set->nforeign++] = c;
}

bool
set_add_class(CharacterSet *set, const char *name, bool negated)
{
	for (int i = 0; i < (int) lengthof(classes); i++)
	{
		CharacterSet one = {0};

		if (strcmp(classes[i].name, name) != 0)
			continue;
		for (const char *range = classes[i].ranges; *range != '\0'; range += 2)
			set_add(&one, (pg_wchar) range[0], (pg_wchar) range[1]);
		if (negated)
			set_negate(&one);
		for (int c = 0; c < ASCII_SIZE; c++)
			set->ascii[c] |= one.ascii[c];
		set->open |= negated || classes[i].open;
		return true;
	}
	return false;
}

void
set_fold(CharacterSet *set)
{
	for (int c = 'a'; c <= 'z'; c++)
		set->ascii[c] = set->ascii[c - 'a' + 'A'] = set->ascii[c] || set->ascii[c - 'a' + 'A'];
}

void
set_negate(CharacterSet *set)
{
	for (int c = 0; c < ASCII_SIZE; c++)
		set->ascii[c] = !set->ascii[c];
	set->nforeign = 0;
	set->open = true;
}

pg_wchar *
set_characters(const CharacterSet *set, int *count)
{
	pg_wchar *characters = palloc_array(pg_wchar, ASCII_SIZE + MAX_FOREIGN);
	bool	  pleasant = false;
	bool	  visible = set->nforeign > 0;
	bool	  printing;

	*count = 0;
	for (int c = 1; c < ASCII_SIZE; c++)
	{
		pleasant |= set->ascii[c] && is_pleasant(c);
		visible |= set->ascii[c] && is_visible(c);
	}
	printing = visible || set->ascii[' '];
	for (int c = 1; c < ASCII_SIZE; c++)
	{
		if (!set->ascii[c] || (printing && c != ' ' && !is_visible(c)) ||
			(set->open && visible && !is_visible(c)) || (set->open && pleasant && !is_pleasant(c)))
			continue;
		characters[(*count)++] = (pg_wchar) c;
	}
	for (int i = 0; i < set->nforeign && !(set->open && pleasant); i++)
		characters[(*count)++] = set->foreign[i];
	return characters;
}
