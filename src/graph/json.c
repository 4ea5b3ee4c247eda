/*-------------------------------------------------------------------------
 *
 * json.c
 *		Objects of plans: read strictly, and written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "core/compat.h"
#include "graph/json.h"
#include "graph/moment.h"

/* Makes an object of a container. */
static PlanObject *
make_object(JsonbContainer *container, int length, const char *described)
{
	PlanObject *object = palloc_object(PlanObject);

	object->container = container;
	object->length = length;
	object->described = described;
	return object;
}

/* Returns a value as an object, or NULL where it is something else. */
static PlanObject *
as_object(const JsonbValue *value, const char *described)
{
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		return NULL;
	return make_object(value->val.binary.data, value->val.binary.len, described);
}

/* Copies a text out of a document. */
static char *
copy_text(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* Tells whether a name is in a comma-separated list. */
static bool
is_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at += 1)
	{
		if ((at == list || at[-1] == ' ') && (at[length] == '\0' || at[length] == ',') &&
			length > 0)
			return true;
	}
	return false;
}

PlanObject *
json_root(Jsonb *json, const char *described)
{
	PlanObject *object = make_object(&json->root, (int) VARSIZE(json) - VARHDRSZ, described);

	if (!JB_ROOT_IS_OBJECT(json))
		json_refuse(object, NULL, "be a JSON object");
	return object;
}

void
json_refuse(const PlanObject *object, const char *name, const char *must)
{
	if (name == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must %s", object->described, must)));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("\"%s\" of %s must %s", name, object->described, must)));
}

void
json_require(const PlanObject *object, const char *name)
{
	if (json_member(object, name) == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s lacks member \"%s\"", object->described, name)));
}

List *
json_names(const PlanObject *object)
{
	JsonbIterator	  *iterator = JsonbIteratorInit(object->container);
	JsonbIteratorToken token;
	JsonbValue		   item;
	List			  *names = NIL;

	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			names = lappend(names, copy_text(&item));
	}
	return names;
}

void
json_expect_members(const PlanObject *object, const char *members)
{
	ListCell *cell;

	foreach(cell, json_names(object))
	{
		if (!is_listed(members, lfirst(cell)))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("unrecognized member \"%s\" of %s", (char *) lfirst(cell),
								   object->described),
							errhint("Its members are %s.", members)));
	}
}

JsonbValue *
json_member(const PlanObject *object, const char *name)
{
	return getKeyJsonValueFromContainer(object->container, name, strlen(name), NULL);
}

char *
json_text(const PlanObject *object, const char *name)
{
	JsonbValue *value = json_member(object, name);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString || value->val.string.len == 0)
		json_refuse(object, name, "be a text that is not empty");
	return copy_text(value);
}

List *
json_texts(const PlanObject *object, const char *name)
{
	static const char *const must = "be an array of texts that are not empty";
	JsonbValue				*value = json_member(object, name);
	JsonbIterator			*iterator;
	JsonbIteratorToken		 token;
	JsonbValue				 item;
	List					*texts = NIL;

	if (value == NULL)
		return NIL;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		json_refuse(object, name, must);
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (item.type != jbvString || item.val.string.len == 0)
			json_refuse(object, name, must);
		texts = lappend(texts, copy_text(&item));
	}
	return texts;
}

bool
json_integer(const PlanObject *object, const char *name, int64 min, int64 *value)
{
	JsonbValue *member = json_member(object, name);
	char	   *text;
	char	   *end;

	if (member == NULL)
		return false;
	if (member->type == jbvNumeric)
	{
		text =
			DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(member->val.numeric)));
		errno = 0;
		*value = strtoi64(text, &end, 10);
		if (errno == 0 && *end == '\0' && *value >= min)
			return true;
	}
	json_refuse(object, name,
				min == PG_INT64_MIN ? "be an integer"
									: psprintf("be an integer of at least " INT64_FORMAT, min));
	return false;
}

bool
json_number(const PlanObject *object, const char *name, double min, double max, double *value)
{
	JsonbValue *member = json_member(object, name);

	if (member == NULL)
		return false;
	if (member->type == jbvNumeric)
	{
		*value = DatumGetFloat8(
			DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(member->val.numeric)));
		if (*value >= min && *value <= max)
			return true;
	}
	json_refuse(object, name, psprintf("be a number between %g and %g", min, max));
	return false;
}

bool
json_flag(const PlanObject *object, const char *name, bool default_value)
{
	JsonbValue *value = json_member(object, name);

	if (value == NULL)
		return default_value;
	if (value->type != jbvBool)
		json_refuse(object, name, "be true or false");
	return value->val.boolean;
}

bool
json_moment(const PlanObject *object, const char *name, TimestampTz *value)
{
	JsonbValue *member = json_member(object, name);

	if (member == NULL)
		return false;
	if (member->type != jbvString || !moment_read(copy_text(member), value))
		json_refuse(object, name,
					"be a date and time as \"2026-01-31T12:00:00+00:00\", or a date alone");
	return true;
}

PlanObject *
json_sub_object(const PlanObject *object, const char *name, const char *described)
{
	JsonbValue *value = json_member(object, name);
	PlanObject *member;

	if (value == NULL)
		return NULL;
	member = as_object(
		value, described != NULL ? described : psprintf("\"%s\" of %s", name, object->described));
	if (member == NULL)
		json_refuse(object, name, "be a JSON object");
	return member;
}

List *
json_sub_objects(const PlanObject *object, const char *name, const char *described)
{
	static const char *const must = "be an array of JSON objects";
	JsonbValue				*value = json_member(object, name);
	JsonbIterator			*iterator;
	JsonbIteratorToken		 token;
	JsonbValue				 item;
	List					*objects = NIL;

	if (value == NULL)
		return NIL;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		json_refuse(object, name, must);
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		PlanObject *element;

		if (token != WJB_ELEM)
			continue;
		element = as_object(
			&item, psprintf("%s %d of %s", described, list_length(objects) + 1, object->described));
		if (element == NULL)
			json_refuse(object, name, must);
		objects = lappend(objects, element);
	}
	return objects;
}

Jsonb *
json_document(const PlanObject *object)
{
	JsonbValue value = {.type = jbvBinary};

	value.val.binary.data = object->container;
	value.val.binary.len = object->length;
	return JsonbValueToJsonb(&value);
}

void
json_push_key(JsonbParseState **state, const char *key)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = unconstify(char *, key);
	value.val.string.len = (int) strlen(key);
	(void) pushJsonbValue(state, WJB_KEY, &value);
}

/* Writes a text as a member's value or as an element. */
static void
push_string(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	(void) pushJsonbValue(state, token, &value);
}

/* Writes a number as a member or, without a key, as an element. */
static void
push_numeric(JsonbParseState **state, const char *key, Datum number)
{
	JsonbValue value = {.type = jbvNumeric};

	value.val.numeric = DatumGetNumeric(number);
	if (key != NULL)
		json_push_key(state, key);
	(void) pushJsonbValue(state, key != NULL ? WJB_VALUE : WJB_ELEM, &value);
}

void
json_push_text(JsonbParseState **state, const char *key, const char *text)
{
	json_push_key(state, key);
	push_string(state, WJB_VALUE, text);
}

void
json_push_element(JsonbParseState **state, const char *text)
{
	push_string(state, WJB_ELEM, text);
}

void
json_push_integer(JsonbParseState **state, const char *key, int64 number)
{
	push_numeric(state, key, DirectFunctionCall1(int8_numeric, Int64GetDatum(number)));
}

void
json_push_number(JsonbParseState **state, const char *key, double number)
{
	push_numeric(state, key, DirectFunctionCall1(float8_numeric, Float8GetDatum(number)));
}

void
json_push_flag(JsonbParseState **state, const char *key, bool flag)
{
	JsonbValue value = {.type = jbvBool};

	value.val.boolean = flag;
	json_push_key(state, key);
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

void
json_push_texts(JsonbParseState **state, const char *key, const List *texts)
{
	ListCell *cell;

	json_push_key(state, key);
	(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, texts)
		json_push_element(state, lfirst(cell));
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

void
json_push_moment(JsonbParseState **state, const char *key, TimestampTz moment)
{
	json_push_text(state, key, moment_write(moment));
}

void
json_push_document(JsonbParseState **state, const char *key, const Jsonb *document)
{
	JsonbValue value;

	JsonbToJsonbValue(unconstify(Jsonb *, document), &value);
	if (key != NULL)
		json_push_key(state, key);
	(void) pushJsonbValue(state, key != NULL ? WJB_VALUE : WJB_ELEM, &value);
}

void
json_push_members(JsonbParseState **state, const Jsonb *object)
{
	JsonbIterator	  *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &object->root));
	JsonbIteratorToken token;
	JsonbValue		   item;

	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY || token == WJB_VALUE)
			(void) pushJsonbValue(state, token, &item);
	}
}
