/*-------------------------------------------------------------------------
 *
 * pattern_parse.c
 *		Reads advanced regular expressions ("PostgreSQL Documentation", section
 *		9.7.3) by recursive descent.
 *
 * What is no regular expression at all need not be told from what is not understood.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "miscadmin.h"

#include "core/compat.h"
#include "graph/pattern_set.h"
#include "graph/pattern_tree.h"

/* The most that a bound can be, as in the server. */
#define MAX_BOUND 255

/* Unicode's last. */
#define MAX_CODE_POINT 0x10ffff

/* How often something is repeated that could be so without limit, or as often as hardly anyone would. */
#define MANY_CHARACTERS 8
#define MORE_CHARACTERS 6
#define MORE_BOUNDED_CHARACTERS 15
#define MORE_GROUPS 2

typedef struct Reader
{
	const pg_wchar *at;
	const pg_wchar *end;
	bool			ignore_case;
	const char	   *reason; /* set once it is not understood */
} Reader;

/* Escapes that stand for a character. */
static const struct
{
	char escape;
	char character;
} character_escapes[] = {
	{'a', '\a'}, {'b', '\b'}, {'B', '\\'}, {'e', '\033'}, {'f', '\f'},
	{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'v', '\v'},
};

/* Escapes that stand for a class; a capital one for what is not in it. */
static const struct
{
	char		escape;
	const char *name;
} class_escapes[] = {{'d', "digit"}, {'s', "space"}, {'w', "word"}};

static PatternNode *parse_choice(Reader *reader);

PatternNode *
pattern_node(PatternKind kind)
{
	PatternNode *node = palloc0_object(PatternNode);

	node->kind = kind;
	return node;
}

/* Tells whether a node is a character that may show. */
static bool
is_visible_character(const PatternNode *node)
{
	return node->kind == PATTERN_CHARACTER && node->characters[node->ncharacters - 1] > ' ';
}

PatternNode *
pattern_repeat(PatternNode *part, int min, int max)
{
	PatternNode *node = pattern_node(PATTERN_REPEAT);
	bool		 single = is_visible_character(part);
	int			 least = Max(min, 1);

	node->parts = list_make1(part);
	node->min = node->low = min;
	node->max = max;
	if (max >= 0)
		node->high = Min(max, single ? least + MORE_BOUNDED_CHARACTERS : min + MORE_GROUPS);
	else if (single && min <= 1)
	{
		node->low = 1;
		node->high = MANY_CHARACTERS;
	}
	else if (part->kind == PATTERN_CHARACTER)
		node->high = single ? min + MORE_CHARACTERS : min;
	else
		node->high = min + MORE_GROUPS;
	return node;
}

PatternNode *
pattern_filler(void)
{
	CharacterSet any = {0};
	PatternNode *part = pattern_node(PATTERN_CHARACTER);
	PatternNode *node;

	set_negate(&any);
	part->characters = set_characters(&any, &part->ncharacters);
	node = pattern_repeat(part, 0, -1);
	node->low = node->high = 0;
	node->filler = true;
	return node;
}

/* Says why the expression is not understood, unless that is said. */
static void
give_up(Reader *reader, const char *reason)
{
	if (reader->reason == NULL)
		reader->reason = reason;
	reader->at = reader->end;
}

/* Returns the character that is some places ahead, or 0 at the end. */
static pg_wchar
peek(const Reader *reader, int ahead)
{
	return reader->end - reader->at > ahead ? reader->at[ahead] : 0;
}

/* Passes over a text, where it comes next. */
static bool
accept(Reader *reader, const char *text)
{
	int length = (int) strlen(text);

	for (int i = 0; i < length; i++)
	{
		if (peek(reader, i) != (pg_wchar) (unsigned char) text[i])
			return false;
	}
	reader->at += length;
	return true;
}

/* Makes a node of a set. */
static PatternNode *
make_character(Reader *reader, const CharacterSet *set)
{
	PatternNode *node = pattern_node(PATTERN_CHARACTER);

	node->characters = set_characters(set, &node->ncharacters);
	if (node->ncharacters == 0)
		give_up(reader, "it has a class without ASCII characters");
	return node;
}

/* Makes a node of one character. */
static PatternNode *
make_literal(Reader *reader, pg_wchar character)
{
	CharacterSet set = {0};

	set_add(&set, character, character);
	return make_character(reader, &set);
}

/* Reads up to some hexadecimal digits, at least one. */
static pg_wchar
parse_hexadecimal(Reader *reader, int digits)
{
	pg_wchar value = 0;

	for (int count = 0;
		 count < digits && peek(reader, 0) < ASCII_SIZE && isxdigit((int) peek(reader, 0)); count++)
	{
		pg_wchar c = *reader->at++;

		value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	if (value == 0 || value > MAX_CODE_POINT ||
		(value >= ASCII_SIZE && GetDatabaseEncoding() != PG_UTF8))
		give_up(reader, "it has an escape of no character");
	return value;
}

/*
 * Reads an escape whose backslash has been read: a class, which is added to the set, or else *single is set to the
 * character; returns false for what is neither.
 */
static bool
parse_escape(Reader *reader, CharacterSet *set, pg_wchar *single)
{
	pg_wchar c = peek(reader, 0);

	for (int i = 0; i < (int) lengthof(class_escapes); i++)
	{
		bool negated = c == (pg_wchar) pg_toupper((unsigned char) class_escapes[i].escape);

		if (!negated && c != (pg_wchar) class_escapes[i].escape)
			continue;
		reader->at++;
		*single = 0;
		return set_add_class(set, class_escapes[i].name, negated);
	}
	*single = c;
	for (int i = 0; i < (int) lengthof(character_escapes); i++)
	{
		if (c != (pg_wchar) character_escapes[i].escape)
			continue;
		reader->at++;
		*single = (pg_wchar) character_escapes[i].character;
		return true;
	}
	if (c == 0 || (c < ASCII_SIZE && isalnum((int) c) && c != 'x' && c != 'u' && c != 'U'))
		return false;
	reader->at++;
	if (c == 'x' || c == 'u' || c == 'U')
		*single = parse_hexadecimal(reader, c == 'u' ? 4 : 8);
	return true;
}

/* Reads a [: :], [. .] or [= =] whose first two characters have been read; only one character is understood between the latter. */
static void
parse_named(Reader *reader, CharacterSet *set, pg_wchar kind, pg_wchar *single)
{
	char name[16];
	int	 length = 0;

	while (reader->at < reader->end && !(peek(reader, 0) == kind && peek(reader, 1) == ']'))
	{
		*single = *reader->at++;
		if (length < (int) sizeof(name) - 1)
			name[length++] = *single < ASCII_SIZE ? (char) *single : '?';
	}
	reader->at = Min(reader->at + 2, reader->end);
	name[length] = '\0';
	if (kind == ':')
	{
		*single = 0;
		if (!set_add_class(set, name, false))
			give_up(reader, "it has a class of an unusual name");
	}
	else if (length != 1)
		give_up(reader, "it has a collating element");
}

/* Reads a member of a bracket expression: a class, which is added to the set, or else *single is set to the character. */
static void
parse_member(Reader *reader, CharacterSet *set, pg_wchar *single)
{
	*single = peek(reader, 0);
	reader->at++;
	if (*single == '[' &&
		(peek(reader, 0) == ':' || peek(reader, 0) == '.' || peek(reader, 0) == '='))
	{
		pg_wchar kind = *reader->at++;

		parse_named(reader, set, kind, single);
	}
	else if (*single == '\\' && !parse_escape(reader, set, single))
		give_up(reader, "it has an unusual escape");
}

/* Reads a bracket expression, the bracket of which has been read. */
static PatternNode *
parse_bracket(Reader *reader)
{
	CharacterSet set = {0};
	bool		 negated = accept(reader, "^");
	bool		 first = true;

	for (; reader->at < reader->end && (first || peek(reader, 0) != ']'); first = false)
	{
		pg_wchar low;
		pg_wchar high;

		parse_member(reader, &set, &low);
		high = low;
		if (low != 0 && peek(reader, 0) == '-' && peek(reader, 1) != ']')
		{
			reader->at++;
			if (reader->at < reader->end)
				parse_member(reader, &set, &high);
		}
		if (low != 0)
			set_add(&set, low, high);
	}
	if (!accept(reader, "]"))
		give_up(reader, "it has a bracket that is not closed");

	/* Where cases are the same, letters are given in that which is written. */
	if (negated && reader->ignore_case)
		set_fold(&set);
	if (negated)
		set_negate(&set);
	return make_character(reader, &set);
}

/* Reads what a backslash begins, which has been read. */
static PatternNode *
parse_backslash(Reader *reader)
{
	CharacterSet set = {0};
	pg_wchar	 single;

	if (accept(reader, "A"))
		return pattern_node(PATTERN_BEGIN);
	if (accept(reader, "Z"))
		return pattern_node(PATTERN_END);
	if (accept(reader, "y") || accept(reader, "m") || accept(reader, "M"))
		return pattern_node(PATTERN_BOUNDARY);
	if (peek(reader, 0) < ASCII_SIZE && isdigit((int) peek(reader, 0)))
		give_up(reader, "it refers back to a group");
	else if (!parse_escape(reader, &set, &single))
		give_up(reader, "it has an unusual escape");
	else if (single != 0)
		return make_literal(reader, single);
	return make_character(reader, &set);
}

/* Reads a group, the parenthesis of which has been read. */
static PatternNode *
parse_group(Reader *reader)
{
	PatternNode *node;

	if (peek(reader, 0) == '?' && !accept(reader, "?:"))
	{
		give_up(reader, "it looks ahead or behind");
		return pattern_node(PATTERN_SEQUENCE);
	}
	node = parse_choice(reader);
	if (!accept(reader, ")"))
		give_up(reader, "it has a parenthesis that is not closed");
	return node;
}

/* Reads what a quantifier can follow. */
static PatternNode *
parse_atom(Reader *reader)
{
	CharacterSet any = {0};
	pg_wchar	 c = *reader->at++;

	switch (c)
	{
		case '(':
			return parse_group(reader);
		case '[':
			if (accept(reader, "[:<:]]") || accept(reader, "[:>:]]"))
				return pattern_node(PATTERN_BOUNDARY);
			return parse_bracket(reader);
		case '\\':
			return parse_backslash(reader);
		case '.':
			set_negate(&any);
			return make_character(reader, &any);
		case '^':
			return pattern_node(PATTERN_BEGIN);
		case '$':
			return pattern_node(PATTERN_END);
		case '*':
		case '+':
		case '?':
			give_up(reader, "it has a quantifier with nothing before it");
			return pattern_node(PATTERN_SEQUENCE);
		default:
			return make_literal(reader, c);
	}
}

/* Reads a number of a bound. */
static int
parse_number(Reader *reader)
{
	int number = 0;

	if (peek(reader, 0) < '0' || peek(reader, 0) > '9')
		give_up(reader, "it has a bound that is not a number");
	while (peek(reader, 0) >= '0' && peek(reader, 0) <= '9')
	{
		number = Min(number * 10 + (int) (peek(reader, 0) - '0'), MAX_BOUND + 1);
		reader->at++;
	}
	if (number > MAX_BOUND)
		give_up(reader, "it has a bound that is too large");
	return number;
}

/* Reads the quantifier that follows a part, if there is one. */
static PatternNode *
parse_quantifier(Reader *reader, PatternNode *part)
{
	int min = 0;
	int max = -1;

	if (accept(reader, "+"))
		min = 1;
	else if (accept(reader, "?"))
		max = 1;
	else if (peek(reader, 0) == '{' && peek(reader, 1) >= '0' && peek(reader, 1) <= '9')
	{
		reader->at++;
		min = max = parse_number(reader);
		if (accept(reader, ","))
			max = peek(reader, 0) == '}' ? -1 : parse_number(reader);
		if (!accept(reader, "}") || (max >= 0 && max < min))
			give_up(reader, "it has a bound that cannot be");
	}
	else if (!accept(reader, "*"))
		return part;
	(void) accept(reader, "?"); /* as few as will do: another match, the same texts */
	if (part->kind == PATTERN_BEGIN || part->kind == PATTERN_END || part->kind == PATTERN_BOUNDARY)
		give_up(reader, "it repeats an anchor");
	return pattern_repeat(part, min, max);
}

/* Reads parts that follow one another. */
static PatternNode *
parse_sequence(Reader *reader)
{
	PatternNode *node = pattern_node(PATTERN_SEQUENCE);

	while (reader->at < reader->end && peek(reader, 0) != '|' && peek(reader, 0) != ')')
	{
		PatternNode *part = parse_atom(reader);

		if (reader->reason != NULL)
			break;
		node->parts = lappend(node->parts, parse_quantifier(reader, part));
	}
	return node;
}

/* Reads alternatives. */
static PatternNode *
parse_choice(Reader *reader)
{
	PatternNode *node = pattern_node(PATTERN_CHOICE);

	check_stack_depth();
	do
		node->parts = lappend(node->parts, parse_sequence(reader));
	while (accept(reader, "|"));
	return list_length(node->parts) == 1 ? linitial(node->parts) : node;
}

/* Reads options embedded at the beginning, as in (?i). */
static void
parse_options(Reader *reader)
{
	if (peek(reader, 0) != '(' || peek(reader, 1) != '?' || peek(reader, 2) < 'a' ||
		peek(reader, 2) > 'z')
		return;
	reader->at += 2;
	while (reader->at < reader->end && !accept(reader, ")"))
	{
		switch (*reader->at++)
		{
			case 'i':
				reader->ignore_case = true;
				break;
			case 'c':
				reader->ignore_case = false;
				break;
			case 'm':
			case 'n':
			case 'p':
			case 's':
			case 't':
			case 'w':
				break;
			default:
				give_up(reader, "it has an unusual option");
		}
	}
}

PatternNode *
pattern_parse(const char *expression, bool ignore_case, const char **reason)
{
	int			 length = (int) strlen(expression);
	pg_wchar	*characters = palloc_array(pg_wchar, length + 1);
	Reader		 reader = {.at = characters, .ignore_case = ignore_case};
	PatternNode *root;

	reader.end = characters + pg_mb2wchar_with_len(expression, characters, length);
	if (accept(&reader, "***=") || (accept(&reader, "***") && !accept(&reader, ":")))
		give_up(&reader, "it begins with an unusual director");
	parse_options(&reader);
	root = parse_choice(&reader);
	if (reader.at < reader.end)
		give_up(&reader, "it has a parenthesis that is not opened");
	*reason = reader.reason;
	return reader.reason == NULL ? root : NULL;
}
