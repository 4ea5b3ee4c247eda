/*-------------------------------------------------------------------------
 *
 * forms.c
 *		The forms that checks ask texts to have, by regular expressions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "regex/regex.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "core/subtransaction.h"
#include "graph/forms.h"
#include "graph/pattern.h"

/* What texts of generators look like, to be tried with a check's pattern. */
static const char *const samples[][2] = {
	{"email", "maria.silva7@example.com"},
	{"url", "https://www.example.com/aurora-7"},
	{"slug", "quiet-river-7"},
	{"user_name", "maria.silva7"},
	{"country_code", "DE"},
	{"language_code", "en"},
	{"currency_code", "EUR"},
	{"locale", "en_US"},
	{"color", "#1a9f3c"},
	{"word", "aurora"},
	{"words", "quiet river"},
	{"token", "a8F0zQ3kLm7RtY2b"},
	{"hex", "0a9f3c6b1d2e4f78"},
	{"phone", "+1-202-555-0143"},
	{"version", "1.12.3"},
	{"domain", "aurora7.example.com"},
	{"host_name", "web-7.example.com"},
	{"postal_code", "90210"},
	{"code", "K7Q2M9"},
	{"key", "quiet_river_7"},
	{"sentence", "The quiet river, 7 days after."},
	{"title", "A quiet river 7"},
	{"name", "Project 7 Aurora"},
	{"full_name", "Maria O'Neil-Silva"},
	{"company", "Silva & Sons, Inc. 7"},
};

/* Forms of texts that functions of the user's often ask for: ids, hashes, UUIDs, numbers, JSON. */
static const char *const found_forms[] = {
	"[A-Za-z][A-Za-z0-9]{10}",
	"[0-9a-f]{32}",
	"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
	"[0-9]{9}",
	"[A-Z]{3}-[0-9]{6}",
	"\\{\"[a-z]{6}\": [1-9][0-9]\\}",
};

/* A text that is tried. */
typedef struct FormTrial
{
	ValueSpace *space;
	const char *string;
	bool		passes;
} FormTrial;

/* Returns what a text of a generator looks like, or NULL where that is not known. */
static const char *
sample_of(const char *generator)
{
	for (size_t i = 0; i < lengthof(samples); i++)
	{
		if (strcmp(samples[i][0], generator) == 0)
			return samples[i][1];
	}
	return NULL;
}

/* Tells whether a text matches all patterns of a space. */
static bool
matches_patterns(const ValueSpace *space, const char *text)
{
	ListCell *cell;

	foreach(cell, space->patterns)
	{
		if (!RE_compile_and_execute(cstring_to_text(lfirst(cell)), unconstify(char *, text),
									(int) strlen(text), REG_ADVANCED, C_COLLATION_OID, 0, NULL))
			return false;
	}
	return true;
}

/* Has the checks of a space look at a text. */
static void
try_form(void *arg)
{
	FormTrial *trial = arg;

	trial->passes = space_has(trial->space, space_text(trial->space, trial->string));
}

/* Tells whether a text passes the checks of a space; one that makes a function fail does not. */
static bool
passes(ValueSpace *space, const char *string)
{
	FormTrial  trial = {.space = space, .string = string};
	ErrorData *error = subtransaction_try(try_form, &trial, NULL);

	return error == NULL && trial.passes;
}

const char *
forms_found(ValueSpace *space, const char *generator)
{
	const char *sample = sample_of(generator);

	if (space->kind != VALUE_TEXT || space->checks == NIL || space->patterns != NIL ||
		sample == NULL || passes(space, sample))
		return NULL;
	for (size_t i = 0; i < lengthof(found_forms); i++)
	{
		RandomStream random = random_stream(0, RANDOM_GRAPH_CELL, i);
		const char	*reason;

		if (passes(space, pattern_draw(pattern_read(found_forms[i], false, &reason), &random)))
			return found_forms[i];
	}
	return NULL;
}

bool
forms_fit(const ValueSpace *space, const char *generator)
{
	const char *sample;

	if (space->patterns == NIL)
		return true;
	sample = sample_of(generator);
	return sample != NULL && matches_patterns(space, sample);
}

const char *
forms_usable_pattern(const ValueSpace *space)
{
	ListCell *cell;

	foreach(cell, space->patterns)
	{
		const char *reason;

		if (pattern_read(lfirst(cell), false, &reason) != NULL)
			return lfirst(cell);
	}
	return NULL;
}
