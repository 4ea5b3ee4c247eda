/*-------------------------------------------------------------------------
 *
 * generators_pattern.c
 *		The generator of texts that match a regular expression.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/compat.h"
#include "graph/pattern.h"
#include "graph/wording.h"

/* Makes a generator of texts that match the expression given, or the column's first check. */
static void
make_pattern(Generator *generator, const GeneratorRequest *request)
{
	ValueSpace *space = request->space;
	const char *expression = generator_text(request, "regex", NULL);
	const char *reason = NULL;
	Pattern	   *pattern;

	if (!generator_accepts(generator, request,
						   KIND_SET(VALUE_TEXT) | KIND_SET(VALUE_JSON) | KIND_SET(VALUE_OTHER)))
		return;
	if (expression == NULL && space->patterns != NIL)
		expression = linitial(space->patterns);
	if (expression == NULL)
	{
		generator_problem(request, "argument \"regex\" is missing",
						  "Give a regular expression such as \"^[A-Z]{3}-[0-9]{4}$\".");
		return;
	}
	pattern = pattern_read(expression, false, &reason);
	if (pattern == NULL)
		generator_problem(
			request,
			psprintf("no texts can be made from the pattern \"%s\": %s", expression, reason),
			"Name another generator, such as \"list\" or \"expression\".");
	else if (!pattern_limit_length(pattern, space->min_length, space->max_length))
		generator_problem(
			request,
			psprintf("no text that matches the pattern \"%s\" has a length that the column allows",
					 expression),
			NULL);
	else
		generator->capacity = pattern_capacity(pattern);
	generator->state = pattern;
}

/* Returns a text that matches. */
static Datum
pattern_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const Pattern *pattern = generator->state;
	char		  *text =
		 cell->distinct ? pattern_nth(pattern, cell->n) : pattern_draw(pattern, cell->random);

	*isnull = false;
	return text_datum(generator->space, text, (int) strlen(text));
}

static const GeneratorKind kinds[] = {
	{"pattern", "regex", "texts that match a regular expression, or the column's check",
	 "{\"regex\": \"^[A-Z]{3}-[0-9]{4}$\"}", TEXTOID, make_pattern, pattern_value},
};

const KindTable pattern_kinds = KIND_TABLE(kinds);
