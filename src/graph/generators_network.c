/*-------------------------------------------------------------------------
 *
 * generators_network.c
 *		Generators of texts that programs have: addresses of the web, files, codes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/compat.h"
#include "graph/wording.h"

#define HEX_LENGTH 32
#define CODE_LENGTH 8

/* Without letters and digits that are taken for one another. */
static const char code_alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
static const char hexadecimal[] = "0123456789abcdef";

static const char *const domain[] = {"%_K-%n%=.example", "%_K%=.example", "%_K%=.example",
									 "%a-%n%=.example"};
static const char *const host_name[] = {"%n-%9%9%=.%_K.example", "web%#1-40;%=.%_K.example",
										"db%#1-20;%=.%_K.example", "mail%=.%_K.example"};
static const char *const file_name[] = {"%a-%n%=.%e", "%n_%n%=.%e", "%n-%#2019-2025;%=.%e"};
static const char *const path[] = {"/%n/%a-%n%=", "/%n/%n/%n.%e", "/home/%_f/%n.%e",
								   "/var/lib/%n/%n"};
static const char *const mime_type[] = {"%i"};
static const char *const version[] = {"%#0-9;.%#0-20;.%#0-30;", "%#1-12;.%#0-9;.%#0-9;"};
static const char *const color[] = {"#%x%x%x%x%x%x"};
static const char *const color_name[] = {"%c"};
static const char *const sku[] = {"%Z%Z%Z-%9%9%9%9%9-%Z%Z"};
static const char *const url_end[] = {"/%n/%a-%n", "/%n", "", "/%n/%#1-9999;"};

/* Writes an address of the web, its last part the slug of the row's column where it is given. */
static void
write_url(Wording *wording)
{
	char *title = wording_column(wording, 0);
	int	  start;

	wording_vary(wording);
	wording_put(wording, "https://www.");
	wording_put_template(wording, "%_K.example");
	start = wording->length;
	if (title != NULL)
	{
		wording_put_char(wording, '/');
		wording_put_plain(wording, title, '-', true);
	}
	if (wording->length <= start + 1)
	{
		wording->length = start;
		if (wording->cell != NULL && wording->cell->distinct)
			wording_put_template(wording, url_end[0]);
		else
			wording_put_one(wording, url_end, lengthof(url_end));
	}
}

/* Writes how a browser names itself. */
static void
write_user_agent(Wording *wording)
{
	wording_vary(wording);
	wording_put_template(wording, user_agents.words[wording_pick(wording, user_agents.count)]);
}

/* Writes a colour: of three or six hexadecimal digits, or its name where there is no room. */
static void
write_color(Wording *wording)
{
	const TextState *state = wording->generator->state;

	wording_put_template(wording, state->max < 0 || state->max >= 7 ? color[0] : color_name[0]);
}

/* Writes a code of the alphabet and length that the plan says. */
static void
write_code(Wording *wording)
{
	const TextState *state = wording->generator->state;

	wording_put_code(wording, state->alphabet, state->length);
}

/* Reads a code's length. */
static void
read_length(TextState *state, const GeneratorRequest *request, int default_length)
{
	double length = generator_number(request, "length", default_length);

	if (length < 1 || length > WORDING_SIZE * 0.5)
		generator_problem(request, "argument \"length\" is out of range", NULL);
	else
		state->length = Max((int) length, state->min);
	if (state->max >= 0)
		state->length = Min(state->length, state->max);
}

/* Makes a generator of codes. */
static void
make_code(Generator *generator, const GeneratorRequest *request)
{
	TextState  *state = text_make_start(generator, request);
	const char *alphabet = generator_text(request, "alphabet", code_alphabet);

	/* Each character once, so that no two codes are the same. */
	state->alphabet = alphabet;
	for (const char *c = alphabet; *c != '\0'; c++)
	{
		if (IS_HIGHBIT_SET(*c) || strchr(c + 1, *c) != NULL)
		{
			generator_problem(
				request, "argument \"alphabet\" must be ASCII characters, each of them once", NULL);
			return;
		}
	}
	if (alphabet[0] == '\0')
	{
		generator_problem(request, "argument \"alphabet\" must not be empty", NULL);
		return;
	}
	read_length(state, request, CODE_LENGTH);
	text_make_end(generator, request);
}

/* Makes a generator of hexadecimal digits. */
static void
make_hex(Generator *generator, const GeneratorRequest *request)
{
	TextState *state = text_make_start(generator, request);

	state->alphabet = hexadecimal;
	read_length(state, request, HEX_LENGTH);
	text_make_end(generator, request);
}

static const TextKind kinds[] = {
	{TEXT_KIND_OF("url", "of",
				  "an address of the web, ending in the slug of a column of where it is given"),
	 NULL, 0, write_url, "-", "", 0, PAD_LETTERS},
	{TEXT_KIND("domain", "", "a domain that is nobody's"), TEMPLATES(domain), "-", "",
	 sizeof(".example") - 1, PAD_LETTERS},
	{TEXT_KIND("host_name", "", "the name of a machine"), TEMPLATES(host_name), "-", "", 24,
	 PAD_LETTERS},
	{TEXT_KIND("user_agent", "", "how a browser names itself"), NULL, 0, write_user_agent, " (",
	 ")", 0, PAD_WORDS},
	{TEXT_KIND("file_name", "", "the name of a file"), TEMPLATES(file_name), "-", "", 5,
	 PAD_LETTERS},
	{TEXT_KIND("path", "", "the path of a file"), TEMPLATES(path), "-", "", 0, PAD_LETTERS},
	{TEXT_KIND("mime_type", "", "a type of media"), TEMPLATES(mime_type), ";v=", "", 0,
	 PAD_LETTERS},
	{TEXT_KIND("version", "", "a version of three numbers"), TEMPLATES(version), ".", "", 0,
	 PAD_LETTERS},
	{TEXT_KIND("color", "",
			   "a colour of six hexadecimal digits, or its name where there is no room"),
	 NULL, 0, write_color, " ", "", 0, PAD_LETTERS},
	{{"hex", "length", "hexadecimal digits", NULL, TEXTOID, make_hex, text_value},
	 NULL,
	 0,
	 write_code,
	 "-",
	 "",
	 0,
	 PAD_LETTERS},
	{{"code", "length, alphabet", "letters and digits that are not taken for one another", NULL,
	  TEXTOID, make_code, text_value},
	 NULL,
	 0,
	 write_code,
	 "-",
	 "",
	 0,
	 PAD_LETTERS},
	{TEXT_KIND("sku", "", "the number of a thing in stock"), TEMPLATES(sku), "-", "", 0,
	 PAD_LETTERS},
};

const KindTable network_kinds = KIND_TABLE(kinds);
