/*-------------------------------------------------------------------------
 *
 * generators_people.c
 *		Generators of what people have: names, addresses of mail, jobs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/compat.h"
#include "graph/wording.h"

/* Bcrypt's own order of the digits of base 64. */
static const char bcrypt_alphabet[] =
	"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char token_alphabet[] =
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#define BCRYPT_LENGTH 53
#define TOKEN_LENGTH 32
#define MAX_NAMES 4

/* Addresses have short domains where there is less; more than those and all digits of a number need. */
#define ROOM_FOR_DOMAINS 40

static const char *const first_name[] = {"%f"};
static const char *const last_name[] = {"%l"};
static const char *const full_name[] = {"%f %l"};
static const char *const user_name[] = {"%_f.%_l", "%_f_%_l", "%_f%#1-99;", "%_f.%_l%#1-99;",
										"%_l%_f"};
static const char *const job_title[] = {"%F %J", "%B %F %J", "%F %J"};
static const char *const department[] = {"%D"};
static const char *const company[] = {"%K %U", "%l and %l", "%K %K %U", "%l %U"};
static const char *const phone[] = {"+1-%A-555-01%9%9"};
static const char *const phone_short[] = {"%A555%9%9%9%9"};

/* Puts a name made of the columns that the row has: all of them, plain, one separator between. */
static bool
put_names(Wording *wording, const char *between, bool digits)
{
	const TextState *state = wording->generator->state;
	int				 start = wording->length;

	for (int i = 0; i < Min(list_length(state->of), MAX_NAMES); i++)
	{
		char *name = wording_column(wording, i);
		char *at;
		int	  end = wording->length;

		if (name == NULL)
			continue;
		at = strchr(name, '@');
		if (at != NULL)
			*at = '\0';
		if (end > start)
			wording_put(wording, between);
		wording_put_plain(wording, name, between[0], digits);
		if (wording->length == end + (int) strlen(between) && end > start)
			wording->length = end;
	}
	return wording->length > start;
}

/* Puts what stands before the @: of the row's names, or of names that are picked. */
static void
put_account(Wording *wording)
{
	static const char *const between[] = {".", ".", ".", "_", ""};
	const TextState			*state = wording->generator->state;

	if (state->of != NIL)
	{
		wording_vary(wording);
		if (wording->mode != WORDING_MEASURED &&
			put_names(wording, between[wording_pick(wording, lengthof(between))],
					  !wording->cell->distinct))
			return;
	}
	wording_put_template(wording, user_name[0]);
}

/* Writes an address of mail. */
static void
write_email(Wording *wording)
{
	const TextState *state = wording->generator->state;
	bool			 room = state->max < 0 || state->max >= ROOM_FOR_DOMAINS;

	put_account(wording);
	wording_mark(wording);
	wording_put_char(wording, '@');
	wording_put_word(wording, room ? &mail_domains : &short_mail_domains);
}

/* Writes what somebody logs in as. */
static void
write_user_name(Wording *wording)
{
	if (((TextState *) wording->generator->state)->of != NIL)
		put_account(wording);
	else
		wording_put_one(wording, user_name, lengthof(user_name));
}

/* Writes a person's whole name. */
static void
write_full_name(Wording *wording)
{
	const TextState *state = wording->generator->state;
	bool			 any = false;

	if (state->of != NIL)
		wording_vary(wording);
	for (int i = 0; wording->mode != WORDING_MEASURED && i < list_length(state->of); i++)
	{
		char *name = wording_column(wording, i);

		if (name == NULL || name[0] == '\0')
			continue;
		if (any)
			wording_put_char(wording, ' ');
		wording_put(wording, name);
		any = true;
	}
	if (!any)
		wording_put_template(wording, full_name[0]);
}

/* Makes a generator of whole names. */
static void
make_full_name(Generator *generator, const GeneratorRequest *request)
{
	TextState *state = text_make_start(generator, request);

	state->of = list_concat(generator_columns(generator, request, "first"),
							generator_columns(generator, request, "last"));
	text_make_end(generator, request);
}

/* Writes what a password's hash by bcrypt looks like. */
static void
write_password_hash(Wording *wording)
{
	wording_put(wording, "$2b$12$");
	wording_put_code(wording, bcrypt_alphabet, BCRYPT_LENGTH);
}

/* Writes a token. */
static void
write_token(Wording *wording)
{
	const TextState *state = wording->generator->state;

	wording_put_code(wording, token_alphabet, state->length);
}

/* Makes a generator of tokens. */
static void
make_token(Generator *generator, const GeneratorRequest *request)
{
	TextState *state = text_make_start(generator, request);
	double	   length = generator_number(request, "length", TOKEN_LENGTH);

	if (length < 1 || length > WORDING_SIZE * 0.5)
		generator_problem(request, "argument \"length\" is out of range", NULL);
	else
	{
		state->length = Max((int) length, state->min);
		if (state->max >= 0)
			state->length = Min(state->length, state->max);
		text_make_end(generator, request);
	}
}

/* Writes a telephone number, without the signs between where there is no room for them. */
static void
write_phone(Wording *wording)
{
	const TextState *state = wording->generator->state;

	wording_put_template(wording, state->max >= 0 && state->max < (int) strlen("+1-201-555-0100")
									  ? phone_short[0]
									  : phone[0]);
}

static const TextKind kinds[] = {
	{TEXT_KIND("first_name", "", "a person's first name"), TEMPLATES(first_name), " ", "", 0,
	 PAD_LETTERS},
	{TEXT_KIND("last_name", "", "a person's last name"), TEMPLATES(last_name), " ", "", 0,
	 PAD_LETTERS},
	{{"full_name", "first, last",
	  "a person's name, of the columns first and last where they are given", NULL, TEXTOID,
	  make_full_name, text_value},
	 NULL,
	 0,
	 write_full_name,
	 " ",
	 "",
	 0,
	 PAD_LETTERS},
	{TEXT_KIND_OF("user_name", "of",
				  "what somebody logs in as, made of the row's names in the columns of"),
	 NULL, 0, write_user_name, "", "", 0, PAD_LETTERS},
	{TEXT_KIND_OF("email", "of", "an address of mail, made of the row's names in the columns of"),
	 NULL, 0, write_email, "", "", sizeof("@example.com") - 1, PAD_LETTERS},
	{TEXT_KIND("password_hash", "", "what a hash by bcrypt looks like; no password has it"), NULL,
	 0, write_password_hash, ".", "", 0, PAD_LETTERS},
	{{"token", "length", "letters and digits by chance, such as keys of interfaces have", NULL,
	  TEXTOID, make_token, text_value},
	 NULL,
	 0,
	 write_token,
	 "-",
	 "",
	 0,
	 PAD_LETTERS},
	{TEXT_KIND("phone", "", "a telephone number of those reserved for fiction"), NULL, 0,
	 write_phone, " x", "", 0, PAD_LETTERS},
	{TEXT_KIND("job_title", "", "what somebody's job is called"), TEMPLATES(job_title), " ", "", 0,
	 PAD_WORDS},
	{TEXT_KIND("department", "", "a department of a company"), TEMPLATES(department), " ", "", 0,
	 PAD_WORDS},
	{TEXT_KIND("company", "", "a company's name"), TEMPLATES(company), " ", "", 0, PAD_WORDS},
};

const KindTable people_kinds = KIND_TABLE(kinds);
