/*-------------------------------------------------------------------------
 *
 * pattern.c
 *		Texts that match a regular expression, made from it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "core/compat.h"
#include "graph/generator.h"
#include "graph/pattern.h"
#include "graph/pattern_shapes.h"
#include "graph/pattern_tree.h"

/* Characters of a text longer than this cannot be asked for. */
#define MAX_LENGTH 10000

struct Pattern
{
	PatternNode	  *root;
	List		  *repeats; /* of PatternNode */
	List		  *choices;
	PatternShapes *shapes;
};

/* A text that is being made. */
typedef struct Text
{
	pg_wchar *characters;
	int		  length;
	int		  room;
} Text;

/*
 * Removes anchors where they hold, and returns false where one would not: at_begin and at_end tell whether
 * nothing can stand before or after the node.  Sets *begins and *ends where nothing may be put there.
 */
static bool
remove_anchors(PatternNode *node, bool at_begin, bool at_end, bool *begins, bool *ends)
{
	int count = list_length(node->parts);
	int first = 0;
	int last = count - 1;

	check_stack_depth();
	if (node->kind == PATTERN_BEGIN || node->kind == PATTERN_END)
	{
		bool holds = node->kind == PATTERN_BEGIN ? at_begin : at_end;

		*begins |= node->kind == PATTERN_BEGIN;
		*ends |= node->kind == PATTERN_END;
		node->kind = PATTERN_SEQUENCE;
		return holds;
	}
	if (node->kind == PATTERN_BOUNDARY)
	{
		*begins |= at_begin;
		*ends |= at_end;
		return true;
	}
	if (node->kind == PATTERN_REPEAT && node->max != 1)
		at_begin = at_end = false;
	if (node->kind == PATTERN_SEQUENCE)
	{
		while (first < count &&
			   ((PatternNode *) list_nth(node->parts, first))->kind == PATTERN_BEGIN)
			first++;
		while (last >= 0 && ((PatternNode *) list_nth(node->parts, last))->kind == PATTERN_END)
			last--;
	}
	for (int i = 0; i < count; i++)
	{
		bool in_sequence = node->kind == PATTERN_SEQUENCE;

		if (!remove_anchors(list_nth(node->parts, i), at_begin && (!in_sequence || i <= first),
							at_end && (!in_sequence || i >= last), begins, ends))
			return false;
	}
	return true;
}

/* Collects a tree's repetitions and choices. */
static void
collect(Pattern *pattern, PatternNode *node)
{
	ListCell *cell;

	if (node->kind == PATTERN_REPEAT)
		pattern->repeats = lappend(pattern->repeats, node);
	else if (node->kind == PATTERN_CHOICE)
		pattern->choices = lappend(pattern->choices, node);
	foreach(cell, node->parts)
		collect(pattern, lfirst(cell));
}

/* Returns how short, or how long, what a node gives can be. */
static int64
node_length(const PatternNode *node, bool longest)
{
	int64	  length = 0;
	bool	  first = true;
	ListCell *cell;

	if (node->kind == PATTERN_CHARACTER)
		return 1;
	foreach(cell, node->parts)
	{
		int64 part = node_length(lfirst(cell), longest);

		if (node->kind == PATTERN_SEQUENCE)
			length += part;
		else if (node->kind == PATTERN_REPEAT)
			length = part * (longest ? node->high : node->low);
		else if (first || (longest ? part > length : part < length))
			length = part;
		first = false;
	}
	return Min(length, PG_INT32_MAX);
}

Pattern *
pattern_read(const char *expression, bool ignore_case, const char **reason)
{
	Pattern		*pattern = palloc0_object(Pattern);
	PatternNode *root = pattern_parse(expression, ignore_case, reason);
	bool		 begins = false;
	bool		 ends = false;

	if (root == NULL)
		return NULL;
	if (!remove_anchors(root, true, true, &begins, &ends))
	{
		*reason = "it has an anchor in its middle";
		return NULL;
	}
	pattern->root = pattern_node(PATTERN_SEQUENCE);
	if (!begins)
		pattern->root->parts = lappend(pattern->root->parts, pattern_filler());
	pattern->root->parts = lappend(pattern->root->parts, root);
	if (!ends)
		pattern->root->parts = lappend(pattern->root->parts, pattern_filler());
	collect(pattern, pattern->root);
	pattern->shapes = shapes_find(pattern->root);
	return pattern;
}

/* The characters that mean something in a regular expression are escaped, so are letters never. */
char *
pattern_of_like(const char *like, bool ignore_case)
{
	StringInfoData expression;

	initStringInfo(&expression);
	appendStringInfoString(&expression, ignore_case ? "(?i)^" : "^");
	for (const char *at = like; *at != '\0'; at += pg_mblen(at))
	{
		if (*at == '%')
			appendStringInfoString(&expression, ".*");
		else if (*at == '_')
			appendStringInfoChar(&expression, '.');
		else
		{
			if (*at == '\\' && at[1] != '\0')
				at++;
			if (strchr("\\^$.[]|()*+?{}", *at) != NULL)
				appendStringInfoChar(&expression, '\\');
			appendBinaryStringInfo(&expression, at, pg_mblen(at));
		}
	}
	appendStringInfoChar(&expression, '$');
	return expression.data;
}

/* Returns how short, or how long, the pattern's texts are. */
static int64
text_length(const Pattern *pattern, bool longest)
{
	return node_length(pattern->root, longest);
}

/* Takes one alternative away, so that the shortest text gets longer, or the longest shorter; returns false where none does that. */
static bool
drop_alternative(Pattern *pattern, bool longest)
{
	ListCell *cell;

	foreach(cell, pattern->choices)
	{
		PatternNode *choice = lfirst(cell);
		int64		 before = text_length(pattern, longest);
		List		*parts = choice->parts;

		for (int i = 0; i < list_length(parts) && list_length(parts) > 1; i++)
		{
			if (node_length(list_nth(parts, i), longest) != node_length(choice, longest))
				continue;
			choice->parts = list_delete_nth_cell(list_copy(parts), i);
			if (text_length(pattern, longest) != before)
				return true;
			choice->parts = parts;
		}
	}
	return false;
}

/* Takes alternatives away that are too long even where all that is repeated is repeated as little as may be. */
static void
drop_too_long(Pattern *pattern, int max)
{
	ListCell *cell;
	ListCell *other;
	int		 *lows = palloc_array(int, list_length(pattern->repeats) + 1);
	int64	  shortest;

	foreach(cell, pattern->repeats)
	{
		PatternNode *repeat = lfirst(cell);

		lows[foreach_current_index(cell)] = repeat->low;
		repeat->low = repeat->min;
	}
	shortest = text_length(pattern, false);
	foreach(cell, pattern->choices)
	{
		PatternNode *choice = lfirst(cell);
		int64		 others = shortest - node_length(choice, false);
		List		*fitting = NIL;

		foreach(other, choice->parts)
		{
			if (others + node_length(lfirst(other), false) <= max)
				fitting = lappend(fitting, lfirst(other));
		}
		if (fitting != NIL)
			choice->parts = fitting;
	}
	foreach(cell, pattern->repeats)
		((PatternNode *) lfirst(cell))->low = lows[foreach_current_index(cell)];
}

/*
 * Has something repeated once less at the most, or returns false; where the lows are to be kept, nothing is
 * repeated less than it is at the least.
 */
static bool
shrink(Pattern *pattern, bool keep_lows)
{
	int64		 before = text_length(pattern, true);
	PatternNode *best = NULL;
	ListCell	*cell;

	foreach(cell, pattern->repeats)
	{
		PatternNode *repeat = lfirst(cell);
		bool		 shorter;

		if (repeat->high <= (keep_lows ? repeat->low : repeat->min))
			continue;
		repeat->high--;
		shorter = text_length(pattern, true) < before;
		repeat->high++;
		if (shorter && (best == NULL || repeat->high > best->high))
			best = repeat;
	}
	if (best == NULL)
		return false;
	best->high--;
	best->low = Min(best->low, best->high);
	return true;
}

/* Tells whether one repetition had better grow than another. */
static bool
grows_before(const PatternNode *a, const PatternNode *b)
{
	if (a->filler != b->filler)
		return b->filler;
	if ((a->low < a->high) != (b->low < b->high))
		return a->low < a->high;
	return a->low < b->low;
}

/* Has something repeated once more at the least, so that no text is longer than the limit; returns false where nothing can be. */
static bool
grow(Pattern *pattern, int max)
{
	int64	  before = text_length(pattern, false);
	int		 *highs = palloc_array(int, list_length(pattern->repeats) + 1);
	List	 *tried = NIL;
	ListCell *cell;

	foreach(cell, pattern->repeats)
		highs[foreach_current_index(cell)] = ((PatternNode *) lfirst(cell))->high;
	for (;;)
	{
		PatternNode *best = NULL;

		foreach(cell, pattern->repeats)
		{
			PatternNode *repeat = lfirst(cell);

			if ((repeat->max < 0 || repeat->low < repeat->max) && !list_member_ptr(tried, repeat) &&
				(best == NULL || grows_before(repeat, best)))
				best = repeat;
		}
		if (best == NULL)
			return false;
		tried = lappend(tried, best);
		best->low++;
		best->high = Max(best->high, best->low);
		while (text_length(pattern, true) > max && shrink(pattern, true))
			CHECK_FOR_INTERRUPTS();
		if (text_length(pattern, true) <= max && text_length(pattern, false) > before)
			return true;
		best->low--;
		foreach(cell, pattern->repeats)
			((PatternNode *) lfirst(cell))->high = highs[foreach_current_index(cell)];
	}
}

bool
pattern_limit_length(Pattern *pattern, int min, int max)
{
	int longest = max < 0 ? PG_INT32_MAX : max;

	if (min > MAX_LENGTH || longest < min)
		return false;
	drop_too_long(pattern, longest);
	while (text_length(pattern, true) > longest)
	{
		if (!shrink(pattern, false) && !drop_alternative(pattern, true))
			return false;
	}
	while (text_length(pattern, false) < min)
	{
		CHECK_FOR_INTERRUPTS();
		if (!grow(pattern, longest) && !drop_alternative(pattern, false))
			return false;
	}
	pattern->shapes = shapes_find(pattern->root);
	return true;
}

uint64
pattern_capacity(const Pattern *pattern)
{
	return shapes_capacity(pattern->shapes);
}

/* Adds a character to a text. */
static void
add_character(Text *text, pg_wchar character)
{
	if (text->length == text->room)
	{
		text->room *= 2;
		text->characters = repalloc(text->characters, sizeof(pg_wchar) * text->room);
	}
	text->characters[text->length++] = character;
}

/* Makes a text of a length that will do for most. */
static Text
make_text(void)
{
	return (Text){.characters = palloc_array(pg_wchar, 32), .room = 32};
}

/* Returns a text in the server's encoding. */
static char *
finish_text(Text *text)
{
	char *result = palloc((Size) text->length * MAX_MULTIBYTE_CHAR_LEN + 1);

	pg_wchar2mb_with_len(text->characters, result, text->length);
	return result;
}

/* Draws what a node gives. */
static void
draw(Text *text, const PatternNode *node, RandomStream *random)
{
	int		  repeats = 1;
	ListCell *cell;

	switch (node->kind)
	{
		case PATTERN_CHARACTER:
			add_character(text, node->characters[random_below(random, (uint64) node->ncharacters)]);
			return;
		case PATTERN_CHOICE:
			draw(text,
				 list_nth(node->parts,
						  (int) random_below(random, (uint64) list_length(node->parts))),
				 random);
			return;
		case PATTERN_REPEAT:
			repeats = node->low + (int) random_below(random, (uint64) node->high - node->low + 1);
			break;
		default:
			break;
	}
	for (int i = 0; i < repeats; i++)
	{
		foreach(cell, node->parts)
			draw(text, lfirst(cell), random);
	}
}

char *
pattern_draw(const Pattern *pattern, RandomStream *random)
{
	Text text = make_text();

	draw(&text, pattern->root, random);
	return finish_text(&text);
}

char *
pattern_nth(const Pattern *pattern, uint64 n)
{
	Text text = {0};

	text.length = shapes_nth(pattern->shapes, n, &text.characters);
	return finish_text(&text);
}
