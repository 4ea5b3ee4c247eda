/*-------------------------------------------------------------------------
 *
 * generators_words.c
 *		Generators of words, names of things, and prose.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"

#include "core/compat.h"
#include "graph/wording.h"

#define MAX_WORDS 200

/* Names shorter than this have no room for the table's noun. */
#define ROOM_FOR_NOUN 20

static const char *const title[] = {
	"%^g the %^a %^n",
	"The %^a %^n",
	"%^g the %^n",
	"A %^a %^n for %^ns",
	"%^g %^a %^ns",
	"How the %^n Changed the %^n",
	"The %^n and the %^n",
	"Notes on %^a %^ns",
	"%^a %^n, %^a %^n",
	"%^n by %^n",
	"The %^n Behind the %^n",
	"%^g the %^n With the %^n",
};

static const char *const sentences[] = {
	"%f %d the %a %n %o",
	"The %a %n was %r %d by the team",
	"Our team %d the %a %n, and %f %d the %n",
	"%f and %f %r %d the %n",
	"The %a %n needs a %a %n",
	"We %d the %n %o",
	"%^g a %a %n takes time and a %a %n",
	"Nobody %d the %a %n before the %n was ready",
	"The customer %d the %n, which the partner had %r forgotten",
	"It was %f who %r %d the %a %n",
	"%f %d three %ns and one %a %n",
	"After the %n, the manager %d every %a %n",
	"Without a %n, no %n is %a enough",
	"The first %n was %a, the second %n was %a",
	"%f prefers %g %ns %o",
	"Please check the %a %n before %g the %n",
	"The %n near the %n is %a but %a",
	"Most people %d the %n because the %n looked %a",
	"This %n comes with a %a %n and two %ns",
	"%^g the %n helped the committee a lot",
	"They %d the %a %n %o, while %f %d the %n",
	"Every %a %n has a %n",
	"The designer %d a %a %n for the %n",
	"The new %n is as %a as the old one",
	"We have %d the %n twice, and it stays %a",
	"%f likes the %a %n better than the %a one",
};

static const char *const named[] = {"%^a %X", "%X", "%X", "%^a %^n", "%X %^n"};
static const char *const slug[] = {"%a-%n-%_X", "%a-%n", "%n-%n", "%g-%a-%ns"};
static const char *const word[] = {"%n", "%a", "%n"};
static const char *const label[] = {"%^a %n", "%^n", "%^a %n", "%^n %n"};
static const char *const key[] = {"%a_%n", "%n_%n", "%n.%n_%n", "%n_%a"};
static const char *const product[] = {"%^a %M %P", "%M %P", "%^a %P"};

/* Writes the name of a thing: what it is called, and the table's noun. */
static void
write_name(Wording *wording)
{
	const TextState *state = wording->generator->state;

	wording_put_one(wording, named, lengthof(named));
	if (state->noun[0] != '\0' && (state->max < 0 || state->max >= ROOM_FOR_NOUN))
	{
		wording_put_char(wording, ' ');
		wording_put(wording, state->noun);
	}
}

/* Tells whether a word ends so, case aside. */
static bool
ends_with(const char *text, size_t length, const char *ending)
{
	size_t ending_length = strlen(ending);

	return length > ending_length &&
		   pg_strncasecmp(text + length - ending_length, ending, ending_length) == 0;
}

/* Returns a table's name as an English noun in the singular, its words with capitals. */
static char *
singular(const char *table_name)
{
	static const char *const sibilants[] = {"sses", "xes", "ches", "shes", "zes"};
	static const char *const singulars[] = {"ss", "us", "is", "news", "series"};
	char					*noun = pstrdup(table_name);
	size_t					 length = strlen(noun);
	bool					 plural = ends_with(noun, length, "s");

	for (size_t i = 0; i < lengthof(singulars); i++)
		plural = plural && !ends_with(noun, length, singulars[i]);
	if (plural && ends_with(noun, length, "ies") && length > 4)
	{
		noun[length - 3] = 'y';
		noun[length - 2] = '\0';
	}
	else if (plural)
	{
		noun[length - 1] = '\0';
		for (size_t i = 0; i < lengthof(sibilants); i++)
		{
			if (ends_with(table_name, length, sibilants[i]))
				noun[length - 2] = '\0';
		}
	}
	for (char *c = noun; *c != '\0'; c++)
	{
		if (*c == '_' || *c == '-')
			*c = ' ';
		if (c == noun || c[-1] == ' ')
			*c = (char) pg_ascii_toupper((unsigned char) *c);
	}
	return noun;
}

/* Makes a generator of names of things. */
static void
make_name(Generator *generator, const GeneratorRequest *request)
{
	TextState *state = text_make_start(generator, request);

	state->noun = generator_text(request, "noun", NULL);
	if (state->noun == NULL)
		state->noun = request->table_name != NULL ? singular(request->table_name) : "";
	if (strlen(state->noun) > NAMEDATALEN)
		state->noun = pnstrdup(state->noun,
							   pg_mbcliplen(state->noun, (int) strlen(state->noun), NAMEDATALEN));
	text_make_end(generator, request);
}

/* Writes the slug of the row's title, or another one. */
static void
write_slug(Wording *wording)
{
	const TextState *state = wording->generator->state;

	if (state->of != NIL)
		wording_vary(wording);
	for (int i = 0; wording->mode != WORDING_MEASURED && i < list_length(state->of); i++)
	{
		char *text = wording_column(wording, i);
		int	  start = wording->length;

		if (text == NULL)
			continue;
		if (start > 0)
			wording_put_char(wording, '-');
		wording_put_plain(wording, text, '-', true);
		if (wording->length == start + 1 && start > 0)
			wording->length = start;
	}
	if (wording->mode == WORDING_MEASURED || wording->length == 0)
		wording_put_one(wording, slug, lengthof(slug));
}

/* Writes words without a sentence. */
static void
write_words(Wording *wording)
{
	const TextState *state = wording->generator->state;
	uint64			 count;

	wording_vary(wording);
	count =
		(uint64) state->length + wording_pick(wording, (uint64) state->most - state->length + 1);
	for (uint64 i = 0; i < count; i++)
	{
		if (i > 0)
			wording_put_char(wording, ' ');
		wording_put_word(wording,
						 i + 1 < count && wording_pick(wording, 2) == 0 ? &adjectives : &nouns);
	}
}

/* Makes a generator of words. */
static void
make_words(Generator *generator, const GeneratorRequest *request)
{
	TextState *state = text_make_start(generator, request);
	double	   least = generator_number(request, "min", 2);
	double	   most = generator_number(request, "max", Max(least, 5));

	if (least < 1 || most < least || most > MAX_WORDS)
		generator_problem(request, "arguments \"min\" and \"max\" are out of range", NULL);
	else
	{
		state->length = (int) least;
		state->most = (int) most;
		text_make_end(generator, request);
	}
}

/* Puts a sentence, less its end. */
static void
put_sentence(Wording *wording)
{
	wording_put_template(wording, sentences[wording_pick(wording, lengthof(sentences))]);
}

/* Puts so many sentences, as far as there is room for them; a mark before the last full stop. */
static void
put_sentences(Wording *wording, uint64 count)
{
	const TextState *state = wording->generator->state;
	int				 limit = state->max < 0 ? WORDING_SIZE / 2 : Min(state->max, WORDING_SIZE / 2);

	for (uint64 i = 0; i < count; i++)
	{
		int before = wording->length;
		int mark = wording->mark;

		if (before > 0 && wording->data[before - 1] != '\n')
			wording_put_char(wording, ' ');
		put_sentence(wording);
		wording_mark(wording);
		wording_put_char(wording, '.');
		if (before > 0 && wording->length > limit)
		{
			wording->length = before;
			wording->mark = mark;
			return;
		}
	}
}

/* Writes a sentence. */
static void
write_sentence(Wording *wording)
{
	wording_vary(wording);
	if (wording->mode != WORDING_MEASURED)
		put_sentences(wording, 1);
}

/* Writes a paragraph. */
static void
write_paragraph(Wording *wording)
{
	wording_vary(wording);
	if (wording->mode != WORDING_MEASURED)
		put_sentences(wording, 3 + wording_pick(wording, 4));
}

/* Writes one to three paragraphs. */
static void
write_text(Wording *wording)
{
	const TextState *state = wording->generator->state;
	uint64			 paragraphs;

	wording_vary(wording);
	if (wording->mode == WORDING_MEASURED)
		return;
	paragraphs = 1 + wording_pick(wording, 3);
	for (uint64 i = 0; i < paragraphs; i++)
	{
		if (state->max >= 0 && wording->length + 100 > state->max && i > 0)
			break;
		if (i > 0)
			wording_put(wording, "\n\n");
		put_sentences(wording, 2 + wording_pick(wording, 4));
	}
	while (wording->length > 0 && wording->data[wording->length - 1] == '\n')
		wording->length--;
}

static const TextKind kinds[] = {
	{{"name", "noun", "the name of a thing, with the table's noun", NULL, TEXTOID, make_name,
	  text_value},
	 NULL,
	 0,
	 write_name,
	 " ",
	 "",
	 0,
	 PAD_WORDS},
	{TEXT_KIND("title", "", "a title with capitals"), TEMPLATES(title), " ", "", 0, PAD_WORDS},
	{TEXT_KIND_OF("slug", "of", "the slug of the columns of, or another one"), NULL, 0, write_slug,
	 "-", "", 0, PAD_LETTERS},
	{TEXT_KIND("word", "", "a word"), TEMPLATES(word), " ", "", 0, PAD_LETTERS},
	{{"words", "min, max", "a few words", NULL, TEXTOID, make_words, text_value},
	 NULL,
	 0,
	 write_words,
	 " ",
	 "",
	 0,
	 PAD_WORDS},
	{TEXT_KIND("sentence", "", "a sentence"), NULL, 0, write_sentence, " (", ")", 1, PAD_WORDS},
	{TEXT_KIND("paragraph", "", "three to six sentences"), NULL, 0, write_paragraph, " (", ")", 1,
	 PAD_WORDS},
	{TEXT_KIND("text", "", "one to three paragraphs"), NULL, 0, write_text, " (", ")", 1,
	 PAD_WORDS},
	{TEXT_KIND("label", "", "one or two words with a capital"), TEMPLATES(label), " ", "", 0,
	 PAD_WORDS},
	{TEXT_KIND("key", "", "words such as settings are named by"), TEMPLATES(key), "_", "", 0,
	 PAD_LETTERS},
	{TEXT_KIND("product", "", "the name of a thing that is sold"), TEMPLATES(product), " ", "", 0,
	 PAD_WORDS},
};

const KindTable word_kinds = KIND_TABLE(kinds);
