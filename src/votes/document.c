/*-------------------------------------------------------------------------
 *
 * document.c
 *		Reading the JSON documents that the readers' queries make, and writing
 *		those that are shown.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "votes/document.h"

/* Colours that can be told apart, and read as text on white: their contrast is 4.5 at least. */
static const char *const palette[] = {"#2563eb", "#dc2626", "#15803d", "#c2410c", "#7c3aed",
									  "#0e7490", "#be185d", "#a16207", "#4d7c0f", "#4338ca",
									  "#b45309", "#0f766e", "#9333ea", "#475569", "#e11d48",
									  "#0369a1", "#78350f", "#a21caf", "#166534", "#1e3a8a"};

/* Raises the error of a document that is not as it should be. */
static void
refuse_document(const char *key)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("\"%s\" is not in the cached document as it should be", key),
		 errhint("Somebody put another value into the cache: pollseed_cache_clear() forgets it.")));
}

/* Finds the member of an object, which must be there. */
static void
find_member(JsonbContainer *object, const char *key, JsonbValue *value)
{
	if (!JsonContainerIsObject(object) ||
		getKeyJsonValueFromContainer(object, key, strlen(key), value) == NULL)
		refuse_document(key);
}

/* Returns what is in a value that is an object or an array. */
static JsonbContainer *
container_of(const JsonbValue *value, bool is_object, const char *key)
{
	if (value->type != jbvBinary || !!JsonContainerIsObject(value->val.binary.data) != is_object)
		refuse_document(key);
	return value->val.binary.data;
}

JsonbContainer *
document_object(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	find_member(object, key, &value);
	return container_of(&value, true, key);
}

JsonbContainer *
document_array(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	find_member(object, key, &value);
	return container_of(&value, false, key);
}

JsonbContainer *
document_element(JsonbContainer *array, int element)
{
	return container_of(getIthJsonbValueFromContainer(array, element), true, "options");
}

int64
document_value_integer(const JsonbValue *value)
{
	if (value->type != jbvNumeric)
		refuse_document("votes");
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric)));
}

int64
document_integer(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	find_member(object, key, &value);
	if (value.type != jbvNumeric)
		refuse_document(key);
	return document_value_integer(&value);
}

ShownOption
document_option(JsonbContainer *object)
{
	ShownOption option = {.id = document_integer(object, "id")};
	JsonbValue	text;

	find_member(object, "text", &text);
	if (text.type != jbvString && text.type != jbvNull)
		refuse_document("text");
	if (text.type == jbvString)
	{
		option.text = text.val.string.val;
		option.text_length = text.val.string.len;
	}
	return option;
}

Datum
document_option_text(const ShownOption *option, bool *isnull)
{
	*isnull = option->text == NULL;
	return *isnull ? (Datum) 0
				   : PointerGetDatum(cstring_to_text_with_len(option->text, option->text_length));
}

void
document_push_text(JsonbParseState **state, JsonbIteratorToken as, const char *text, int length)
{
	JsonbValue value = {.type = jbvNull};

	if (text != NULL)
	{
		value.type = jbvString;
		value.val.string.val = unconstify(char *, text);
		value.val.string.len = length;
	}
	(void) pushJsonbValue(state, as, &value);
}

void
document_push_key(JsonbParseState **state, const char *key)
{
	document_push_text(state, WJB_KEY, key, strlen(key));
}

void
document_push_integer(JsonbParseState **state, JsonbIteratorToken as, int64 number)
{
	JsonbValue value = {.type = jbvNumeric, .val.numeric = int64_to_numeric(number)};

	(void) pushJsonbValue(state, as, &value);
}

void
document_push_member(JsonbParseState **state, const char *key, JsonbIteratorToken begin)
{
	document_push_key(state, key);
	(void) pushJsonbValue(state, begin, NULL);
}

void
document_push_colors(JsonbParseState **state, const ShownOption *options, int count)
{
	document_push_member(state, "colors", WJB_BEGIN_ARRAY);
	for (int i = 0; i < count; i++)
	{
		const char *color = palette[(uint64) (options[i].id - 1) % lengthof(palette)];

		document_push_text(state, WJB_ELEM, color, strlen(color));
	}
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}
