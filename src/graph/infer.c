/*-------------------------------------------------------------------------
 *
 * infer.c
 *		Which generator suits a column, by its name, type, comment and checks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "regex/regex.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "core/compat.h"
#include "graph/defaults.h"
#include "graph/inflect.h"
#include "graph/generator.h"
#include "graph/forms.h"
#include "graph/infer.h"
#include "graph/infer_names.h"
#include "graph/json.h"
#include "graph/nulls.h"
#include "graph/stats.h"

#define PLAIN_NULLS 0.2
#define COMMON_SHARE 0.8
#define DECIMAL_BASE 10

/* Texts that are not longer are codes or words. */
#define CODE_LENGTH 4
#define SHORT_LENGTH 12

/* What is being written. */
typedef struct Inference
{
	const InferRequest *request;
	bool				element; /* of an array: nothing but the generator and its arguments */
	const TableColumn  *column;
	const ValueSpace   *space;
	JsonbParseState	   *state;
	const ColumnStats  *stats; /* or NULL */
	StringInfoData		why;
} Inference;

/* What a type alone suggests. */
static const struct
{
	const char *generator;
	const char *arguments;
} by_kind[] = {
	[VALUE_TEXT] = {"words", NULL},
	[VALUE_INTEGER] = {"integer", "{\"min\": 0, \"max\": 1000}"},
	[VALUE_NUMERIC] = {"number", "{\"min\": 0, \"max\": 1000}"},
	[VALUE_FLOAT] = {"number", "{\"min\": 0, \"max\": 1000}"},
	[VALUE_BOOLEAN] = {"boolean", NULL},
	[VALUE_UUID] = {"uuid", NULL},
	[VALUE_DATE] = {"moment", NULL},
	[VALUE_TIME] = {"time", NULL},
	[VALUE_TIMESTAMP] = {"moment", NULL},
	[VALUE_INTERVAL] = {"interval", NULL},
	[VALUE_JSON] = {"json", NULL},
	[VALUE_ENUM] = {"allowed", "{\"weights\": \"first\"}"},
	[VALUE_BYTEA] = {"bytea", "{\"length\": 32}"},
	[VALUE_NETWORK] = {"network", NULL},
	[VALUE_BIT] = {"bit", NULL},
	[VALUE_ARRAY] = {"array", NULL},
	[VALUE_RANGE] = {"range", NULL},
	[VALUE_MULTIRANGE] = {"any", NULL},
	[VALUE_COMPOSITE] = {"composite", NULL},
	[VALUE_GEOMETRIC] = {"geometric", NULL},
	[VALUE_OTHER] = {"any", NULL},
};

/* Adds to the reason. */
static void
because(Inference *inference, const char *reason)
{
	appendStringInfo(&inference->why, "%s%s", inference->why.len > 0 ? ", " : "", reason);
}

/* Begins the column's object. */
static void
begin(Inference *inference, const char *generator)
{
	(void) pushJsonbValue(&inference->state, WJB_BEGIN_OBJECT, NULL);
	json_push_text(&inference->state, "generator", generator);
}

/* Ends the column's object with its nulls and its reason. */
static JsonbValue *
finish(Inference *inference, double nulls)
{
	List *columns = list_make1_int(inference->column->attnum);

	if (inference->element)
		return pushJsonbValue(&inference->state, WJB_END_OBJECT, NULL);
	if (inference->stats != NULL)
	{
		nulls = inference->stats->nulls;
		because(inference, "NULLs as its statistics say");
	}
	if (inference->request->referred)
		nulls = 0;
	nulls = plausible_nulls(inference->request->table, columns, nulls);
	if (nulls > 0)
		json_push_number(&inference->state, "nulls", nulls);
	json_push_text(&inference->state, "why", inference->why.data);
	return pushJsonbValue(&inference->state, WJB_END_OBJECT, NULL);
}

/* Reads a constant of the table of rules. */
static PlanObject *
read_arguments(const char *text)
{
	Datum json = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));

	return json_root(DatumGetJsonbP(json), text);
}

/* Tells whether a number of a rule is within what the column's type can hold; bounds are the space's own. */
static bool
bound_fits(const ValueSpace *space, const char *name, int64 number)
{
	int32 precision;
	int32 scale;

	if (strcmp(name, "min") == 0 && space->has_min)
		return false;
	if (strcmp(name, "max") == 0 && space->has_max)
		return false;
	if (space->base == INT2OID)
		return number >= PG_INT16_MIN && number <= PG_INT16_MAX;
	if (space->base == INT4OID)
		return number >= PG_INT32_MIN && number <= PG_INT32_MAX;
	if (space->base != NUMERICOID || space->base_typmod < (int32) VARHDRSZ)
		return true;
	precision = ((space->base_typmod - VARHDRSZ) >> 16) & 0xffff;
	scale = (((space->base_typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	for (int i = 0; i < precision - scale && number != 0; i++)
		number /= DECIMAL_BASE;
	return number == 0;
}

/* Tells whether a text of the length that a rule gives can stand in a column. */
static bool
length_fits(const ValueSpace *space, const PlanObject *object)
{
	int64 length = 0;

	(void) json_integer(object, "length", 1, &length);
	return space->max_length < 0 || length <= space->max_length;
}

/* Writes a rule's arguments, but for bounds that the column has already or cannot hold. */
static void
write_arguments(Inference *inference, const char *text)
{
	PlanObject *object;
	ListCell   *cell;

	if (text == NULL)
		return;
	object = read_arguments(text);
	foreach(cell, json_names(object))
	{
		const char *name = lfirst(cell);
		bool		bound = strcmp(name, "min") == 0 || strcmp(name, "max") == 0;
		double		number = 0;

		if (bound)
			(void) json_number(object, name, PG_INT64_MIN, (double) PG_INT64_MAX, &number);
		if (bound && !bound_fits(inference->space, name, (int64) number))
			continue;
		if (strcmp(name, "length") == 0 && !length_fits(inference->space, object))
			continue;
		json_push_key(&inference->state, name);
		(void) pushJsonbValue(&inference->state, WJB_VALUE, json_member(object, name));
	}
}

/* Returns another column whose name matches one of the patterns, the earliest of them, and whose values are of the kinds. */
static const TableColumn *
find_column(const Inference *inference, const char *patterns, uint32 kinds)
{
	const GraphTable *table = inference->request->table;

	while (*patterns != '\0')
	{
		size_t		length = strcspn(patterns, " ");
		const char *pattern = pnstrdup(patterns, length);
		ListCell   *cell;

		foreach(cell, table->columns)
		{
			const TableColumn *column = lfirst(cell);

			if (column->attnum != inference->column->attnum && !column->generated &&
				(kinds & (1U << column->space->kind)) != 0 && column->space->nallowed == 0 &&
				name_matches(pattern, snake_case(column->name)))
				return column;
		}
		patterns += length + strspn(patterns + length, " ");
	}
	return NULL;
}

/* Returns the column that says when something began that this one says the end of, or NULL. */
static const TableColumn *
start_column(const Inference *inference)
{
	static const char *const pairs[][2] = {
		{"*end*", "start* begin* *_start* *_started_at *_from"},
		{"*finish*", "start* begin* *_started_at queued_at"},
		{"*complete*", "start* begin* *_started_at queued_at"},
		{"*stop*", "start* begin*"},
		{"*clos*", "open*"},
		{"*_to", "valid_from *_from from* start*"},
		{"*_until", "valid_from *_from from* start*"},
		{"to_date until thru_date", "from_date start* from*"},
		{"check_out check_out*", "check_in check_in*"},
		{"return*", "rental_date borrowed_at loan_date start*"},
		{"shipped*", "order_date ordered_at"},
		{"delivered*", "shipped* order_date ordered_at"},
		{"resolved*", "opened_at reported_at"},
	};
	const char *name = snake_case(inference->column->name);

	for (size_t i = 0; i < lengthof(pairs); i++)
	{
		const TableColumn *start;

		if (!name_matches_any(pairs[i][0], name))
			continue;
		start = find_column(inference, pairs[i][1], 1U << VALUE_DATE | 1U << VALUE_TIMESTAMP);
		if (start != NULL && start->attnum != inference->column->attnum)
			return start;
	}
	return NULL;
}

/* Writes the member "after": a column that must not be the same. */
static void
write_after(Inference *inference, bool start)
{
	const TableColumn *after = start ? start_column(inference) : NULL;

	if (after == NULL)
		after = creation_column(inference->request->table);
	if (after != NULL && after->attnum != inference->column->attnum)
		json_push_text(&inference->state, "after", after->name);
}

/* Writes the member "of": the first of the columns that match, or the two with the parts of a person's name. */
static void
write_of(Inference *inference, bool person)
{
	const uint32	   text = 1U << VALUE_TEXT;
	const TableColumn *first =
		person ? find_column(inference, "first_name firstname given_name", text) : NULL;
	const TableColumn *last =
		person ? find_column(inference, "last_name lastname surname family_name", text) : NULL;
	const TableColumn *whole = find_column(inference,
										   person ? "full_name name real_name display_name"
												  : "title name headline label *_name",
										   text);

	if (first != NULL && last != NULL)
		json_push_texts(
			&inference->state, "of",
			list_make2(unconstify(char *, first->name), unconstify(char *, last->name)));
	else if (whole != NULL &&
			 !(person && name_rule(inference->request->table, whole) != NULL &&
			   strcmp(name_rule(inference->request->table, whole)->generator, "full_name") != 0))
		json_push_texts(&inference->state, "of", list_make1(unconstify(char *, whole->name)));
}

/*
 * Writes the member "of" of a part of an address: a city lies in its country, and a state or a
 * postal code is that of the city.  Parts of one address begin with the same words.
 */
static void
write_place(Inference *inference, const char *generator)
{
	static const char *const within[][2] = {
		{"city", "country_code country country_name country_iso"},
		{"state", "city town"},
		{"postal_code", "city town"},
		{"country_code", "country country_name"},
	};
	const char *name = snake_case(inference->column->name);

	for (size_t i = 0; i < lengthof(within); i++)
	{
		const char *begins =
			strstr(name, generator) != NULL ? strstr(name, generator) : last_word(name);
		StringInfoData	   patterns;
		const TableColumn *place;

		if (strcmp(within[i][0], generator) != 0)
			continue;
		initStringInfo(&patterns);
		for (const char *word = within[i][1]; *word != '\0'; word += strspn(word, " "))
		{
			int length = (int) strcspn(word, " ");

			appendStringInfo(&patterns, "%.*s%.*s ", (int) (begins - name), name, length, word);
			word += length;
		}
		place = find_column(inference, patterns.data, 1U << VALUE_TEXT);
		if (place != NULL)
			json_push_texts(&inference->state, "of", list_make1(unconstify(char *, place->name)));
	}
}

/* Writes the members "first" and "last" where both columns are there. */
static void
write_parts(Inference *inference)
{
	const uint32	   text = 1U << VALUE_TEXT;
	const TableColumn *first = find_column(inference, "first_name firstname given_name", text);
	const TableColumn *last =
		find_column(inference, "last_name lastname surname family_name", text);

	if (first == NULL || last == NULL)
		return;
	json_push_text(&inference->state, "first", first->name);
	json_push_text(&inference->state, "last", last->name);
}

/* Writes what a rule's value has to do with other columns. */
static void
write_follows(Inference *inference, const NameRule *rule)
{
	NameFollows follows = rule->follows;

	switch (follows)
	{
		case FOLLOWS_NOTHING:
			break;
		case FOLLOWS_CREATION:
		case FOLLOWS_START:
			write_after(inference, follows == FOLLOWS_START);
			break;
		case FOLLOWS_PERSON:
		case FOLLOWS_TITLE:
			write_of(inference, follows == FOLLOWS_PERSON);
			break;
		case FOLLOWS_PLACE:
			write_place(inference, rule->generator);
			break;
		case FOLLOWS_PARTS:
			write_parts(inference);
			break;
	}
}

/* Tells whether a column has a constant default, which its own checks allow. */
static bool
has_usable_default(const Inference *inference)
{
	const TableColumn *column = inference->column;
	const Const		  *value;

	if (!column->has_default || !column->default_is_constant || inference->request->unique)
		return false;
	value = default_constant(inference->request->table, column);
	return value == NULL || value->constisnull || value->consttype != column->space->base ||
		   space_has(column->space, value->constvalue);
}

/* Tells whether the generator that a rule names can give values of the column, and if need be different ones. */
static bool
is_usable(const Inference *inference, const NameRule *rule)
{
	List				*problems = NIL;
	GeneratorRequest	 request = {.relation = inference->request->table->quoted_name,
									.column = inference->column->name,
									.table_name = "",
									.space = inference->column->space,
									.distinct = inference->request->unique,
									.problems = &problems};
	const GeneratorKind *kind = generator_kind(rule->generator);

	/* The engine knows these. */
	if (kind == NULL)
		return true;
	if (inference->request->unique && strcmp(rule->generator, "list") == 0)
		return false;
	if (rule->arguments != NULL)
		request.arguments =
			DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(rule->arguments)));
	return generator_make(kind, &request) != NULL;
}

/* Tells whether a column has a constant default that is more telling than its type. */
static bool
is_setting(const Inference *inference)
{
	const TableColumn *column = inference->column;

	if (!has_usable_default(inference))
		return false;
	return column->space->kind == VALUE_INTEGER || column->space->kind == VALUE_NUMERIC ||
		   column->space->kind == VALUE_FLOAT || column->space->kind == VALUE_TEXT;
}

/* Leaves a column to its default. */
static JsonbValue *
by_default(Inference *inference, const char *reason)
{
	begin(inference, "default");
	because(inference, reason);
	return finish(inference, 0);
}

/* Writes a column by a rule of its name or comment; the default where the application counts on that. */
static JsonbValue *
by_rule(Inference *inference, const NameRule *rule, const char *reason)
{
	if (rule->defaults != DEFAULT_ANY && has_usable_default(inference))
		return by_default(inference,
						  rule->defaults == DEFAULT_COUNTER
							  ? "a counter, which the application keeps"
							  : "its default: which others the application knows is not said");
	begin(inference, rule->generator);
	write_arguments(inference, rule->arguments);
	if (!inference->element)
		write_follows(inference, rule);
	because(inference, reason);
	return finish(inference, rule->nulls);
}

/* Returns the generator of a text column whose name says nothing, by its length. */
static const char *
kind_of_length(const Inference *inference)
{
	int length = inference->space->max_length;

	if (inference->request->unique && (length < 0 || length > SHORT_LENGTH))
		return "key";
	if (length >= 0 && length <= CODE_LENGTH)
		return "code";
	if (length >= 0 && length <= SHORT_LENGTH)
		return inference->request->unique ? "code" : "word";
	return "words";
}

/* Writes a text column whose name says nothing, by its length. */
static JsonbValue *
by_length(Inference *inference)
{
	int length = inference->space->max_length;

	begin(inference, kind_of_length(inference));
	if (inference->request->unique)
		because(inference, "unique");
	because(inference,
			length >= 0 ? psprintf("text of at most %d characters", length) : "its type");
	return finish(inference, PLAIN_NULLS);
}

/* Writes an integer column that is unique: numbers one after the other. */
static JsonbValue *
by_row(Inference *inference)
{
	const ValueSpace *space = inference->space;

	begin(inference, "row");
	if (space->has_min)
		json_push_integer(&inference->state, "start",
						  strtoi64(space_output(space, space->min), NULL, DECIMAL_BASE));
	because(inference, "unique");
	because(inference, "its type");
	return finish(inference, 0);
}

static JsonbValue *infer(const InferRequest *request, bool element);

/* Writes an array by what its name in the singular suggests for the elements. */
static JsonbValue *
by_element(Inference *inference)
{
	TableColumn	 element = *inference->column;
	InferRequest request = *inference->request;
	JsonbValue	*object;

	element.space = inference->space->element;
	element.name = singular_name(element.name);
	element.comment = NULL;
	element.has_default = false;
	request.column = &element;
	request.unique = false;
	request.from_stats = false;
	object = infer(&request, true);

	begin(inference, "array");
	if (inference->space->min_length <= 0 && inference->space->max_length < 0)
		write_arguments(inference, "{\"min\": 0, \"max\": 3}");
	json_push_key(&inference->state, "element");
	(void) pushJsonbValue(&inference->state, WJB_VALUE, object);
	because(inference, "its type");
	return finish(inference, PLAIN_NULLS);
}

/* Writes a yes or no, of which the default is the common one. */
static JsonbValue *
by_default_flag(Inference *inference, bool common)
{
	begin(inference, "boolean");
	json_push_number(&inference->state, "true", common ? COMMON_SHARE : 1 - COMMON_SHARE);
	because(inference, "its type and default");
	return finish(inference, PLAIN_NULLS);
}

/* Writes a column by its type. */
static JsonbValue *
by_type(Inference *inference)
{
	const ValueSpace *space = inference->space;
	const char		 *generator = by_kind[space->kind].generator;

	if (space->kind == VALUE_TEXT)
		return by_length(inference);
	if (space->kind == VALUE_ARRAY && space->element != NULL)
		return by_element(inference);
	if (space->kind == VALUE_BOOLEAN && !inference->element)
	{
		const Const *value = default_constant(inference->request->table, inference->column);

		if (value != NULL && !value->constisnull)
			return by_default_flag(inference, DatumGetBool(value->constvalue));
	}
	begin(inference, generator);
	write_arguments(inference, by_kind[space->kind].arguments);
	if (!inference->element && (space->kind == VALUE_TIMESTAMP || space->kind == VALUE_DATE))
		write_after(inference, false);
	because(inference, "its type");
	return finish(inference, PLAIN_NULLS);
}

/* Writes a column whose values are listed. */
static JsonbValue *
by_list(Inference *inference, double nulls)
{
	begin(inference, "allowed");
	json_push_text(&inference->state, "weights", "first");
	because(inference,
			inference->space->kind == VALUE_ENUM ? "its type lists them" : "its check lists them");
	return finish(inference, nulls);
}

/* Writes a column whose checks say what form a text must have; where that is not understood, simple texts are tried. */
static JsonbValue *
by_pattern(Inference *inference, double nulls)
{
	const char *pattern = forms_usable_pattern(inference->space);

	begin(inference, pattern != NULL ? "pattern" : "code");
	if (pattern != NULL)
		json_push_text(&inference->state, "regex", pattern);
	because(inference, pattern != NULL
						   ? "its check asks for this form"
						   : "its check asks for a form that letters and digits may have");
	return finish(inference, nulls);
}

/* Writes a column of texts of a form that passes its checks. */
static JsonbValue *
by_found_form(Inference *inference, const char *form, double nulls)
{
	begin(inference, "pattern");
	json_push_text(&inference->state, "regex", form);
	because(inference, "texts of this form pass its check");
	return finish(inference, nulls);
}

/* Writes a column that the server numbers. */
static JsonbValue *
by_sequence(Inference *inference)
{
	begin(inference, "sequence");
	because(inference, inference->column->identity != '\0' ? "an identity column"
														   : "its default is a sequence's");
	return finish(inference, 0);
}

/* Tells whether values of a column may be about a person, as far as its name says. */
static bool
looks_personal(const Inference *inference, const NameRule *rule)
{
	static const char names[] =
		"*ssn* *passport* *tax_id* *iban* *card* *account_no* *account_number* *secret* *password* "
		"*diagnos* *religio* *ethnic* *salary* *income* *medical* *health* *disabilit* *birth* dob "
		"*license_number* *latitude* *longitude* lat lng lon";
	static const char generators[] =
		"first_name last_name full_name user_name email phone street postal_code password_hash token "
		"ip mac user_agent birth_date age hex";

	return name_matches_any(names, snake_case(inference->column->name)) ||
		   (rule != NULL && name_matches_any(generators, rule->generator));
}

/* Writes a column by its statistics. */
static JsonbValue *
by_stats(Inference *inference)
{
	const ColumnStats *stats = inference->stats;
	ListCell		  *cell;

	begin(inference, "stats");
	if (stats->values != NIL)
	{
		json_push_texts(&inference->state, "values", stats->values);
		json_push_key(&inference->state, "weights");
		(void) pushJsonbValue(&inference->state, WJB_BEGIN_ARRAY, NULL);
		foreach(cell, stats->weights)
			json_push_number(&inference->state, NULL, *(double *) lfirst(cell));
		(void) pushJsonbValue(&inference->state, WJB_END_ARRAY, NULL);
	}
	if (stats->histogram != NIL)
		json_push_texts(&inference->state, "histogram", stats->histogram);
	because(inference, "values as its statistics say");
	return finish(inference, 0);
}

/* Returns the object of a column or of an array's elements. */
static JsonbValue *
infer(const InferRequest *request, bool element)
{
	const TableColumn *column = request->column;
	const ValueSpace  *space = column->space;
	const NameRule	  *rule;
	const char		  *reason = "its name and type";
	const char		  *form;
	Inference		   inference = {
				 .request = request, .element = element, .column = column, .space = space};

	initStringInfo(&inference.why);
	if (OidIsValid(column->sequence))
		return by_sequence(&inference);
	if (!element && default_of_session(request->table, column))
		return by_default(&inference, "its default is of the session");
	rule = name_rule(request->table, column);
	if (request->from_stats)
		inference.stats = stats_read(request->table, column);
	if (inference.stats != NULL && !request->unique && !looks_personal(&inference, rule) &&
		(inference.stats->values != NIL || inference.stats->histogram != NIL))
		return by_stats(&inference);
	if (rule == NULL)
	{
		rule = comment_rule(column);
		reason = "its comment";
	}
	if (space->nallowed > 0)
		return by_list(&inference, rule != NULL ? rule->nulls : PLAIN_NULLS);
	if (space->kind == VALUE_INTEGER && request->unique && !space->has_max)
		return by_row(&inference);
	form = forms_found(column->space, rule != NULL ? rule->generator : kind_of_length(&inference));
	if (form != NULL)
		return by_found_form(&inference, form, rule != NULL ? rule->nulls : PLAIN_NULLS);
	if (rule != NULL && forms_fit(space, rule->generator) && is_usable(&inference, rule))
		return by_rule(&inference, rule, reason);
	if (is_setting(&inference))
		return by_default(&inference, "its default, as its name says nothing");
	if (space->patterns != NIL && !forms_fit(space, kind_of_length(&inference)))
		return by_pattern(&inference, rule != NULL ? rule->nulls : PLAIN_NULLS);
	return by_type(&inference);
}

JsonbValue *
infer_column(const InferRequest *request)
{
	return infer(request, false);
}
