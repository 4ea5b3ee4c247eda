/*-------------------------------------------------------------------------
 *
 * generators_shape.c
 *		The generator of JSON objects, whose members have generators of their own,
 *		or where checks ask for an array, of arrays of one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "graph/generators.h"

typedef struct Member
{
	const char *name;
	Generator  *generator;
} Member;

typedef struct ShapeState
{
	int		count;
	Member *members;
	int		distinct; /* the member that tells n-th objects apart */
	bool	in_array;
} ShapeState;

/* What an object has of which nothing is said. */
static const char default_shape[] =
	"{\"source\": {\"generator\": \"word\"}, \"priority\": {\"generator\": \"integer\", \"min\": 1, \"max\": 5},"
	" \"tags\": {\"generator\": \"array\", \"max\": 3, \"element\": {\"generator\": \"word\"}}}";

/* Returns the space of a member: what JSON has by itself as it is, all else as text. */
static ValueSpace *
member_space(const JsonbValue *object)
{
	JsonbValue			 name;
	const GeneratorKind *kind = NULL;

	if (object->type == jbvBinary && JsonContainerIsObject(object->val.binary.data) &&
		getKeyJsonValueFromContainer(object->val.binary.data, "generator",
									 (int) strlen("generator"), &name) != NULL &&
		name.type == jbvString)
		kind = generator_kind(pnstrdup(name.val.string.val, name.val.string.len));
	if (kind == NULL)
		return NULL;
	switch (kind->example_type)
	{
		case BOOLOID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case JSONBOID:
		case TEXTARRAYOID:
			return generator_own_space(kind);
		default:
			return space_of_type(TEXTOID, -1, get_typcollation(TEXTOID));
	}
}

/* Makes the generators of an object's members. */
static void
make_members(Generator *generator, const GeneratorRequest *request, JsonbContainer *shape)
{
	ShapeState	  *state = generator->state;
	JsonbIterator *it = JsonbIteratorInit(shape);
	JsonbValue	   value;

	state->members = palloc0_array(Member, JsonContainerSize(shape) + 1);
	for (JsonbIteratorToken token = JsonbIteratorNext(&it, &value, true); token != WJB_DONE;
		 token = JsonbIteratorNext(&it, &value, true))
	{
		Member *member = &state->members[state->count];

		if (token == WJB_KEY)
			member->name = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		member->generator = generator_part(generator, request, &value, NULL, member_space(&value),
										   request->distinct);
		if (member->generator != NULL && member->generator->capacity > generator->capacity)
		{
			generator->capacity = member->generator->capacity;
			state->distinct = state->count;
		}
		state->count++;
	}
}

/* Makes a generator of objects. */
static void
make_json(Generator *generator, const GeneratorRequest *request)
{
	JsonbValue	shape;
	ShapeState *state = palloc0_object(ShapeState);

	generator->state = state;
	state->in_array =
		request->space->json_type != NULL && strcmp(request->space->json_type, "array") == 0;
	if (!generator_accepts(generator, request, KIND_SET(VALUE_JSON)))
		return;
	check_stack_depth();
	generator->capacity = 1;
	if (!generator_member(request, "shape", &shape))
	{
		Datum json = DirectFunctionCall1(jsonb_in, CStringGetDatum(default_shape));

		make_members(generator, request, &DatumGetJsonbP(json)->root);
	}
	else if (shape.type == jbvBinary && JsonContainerIsObject(shape.val.binary.data))
		make_members(generator, request, shape.val.binary.data);
	else
		generator_problem(request, "argument \"shape\" must be an object",
						  "Give a generator's object for each member.");
}

static void push_value(JsonbParseState **state, JsonbIteratorToken token, const ValueSpace *space,
					   Datum value);

/* Adds an array's elements. */
static void
push_array(JsonbParseState **state, JsonbIteratorToken token, const ValueSpace *space, Datum value)
{
	Datum			*values;
	bool			*nulls;
	int				 count;
	int16			 typlen;
	bool			 typbyval;
	char			 typalign;
	JsonbParseState *inner = NULL;
	JsonbValue		*array;

	get_typlenbyvalalign(space->element->base, &typlen, &typbyval, &typalign);
	deconstruct_array(DatumGetArrayTypeP(value), get_element_type(space->base), typlen, typbyval,
					  typalign, &values, &nulls, &count);
	(void) pushJsonbValue(&inner, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
		push_value(&inner, WJB_ELEM, space->element, values[i]);
	array = pushJsonbValue(&inner, WJB_END_ARRAY, NULL);
	(void) pushJsonbValue(state, token, array);
}

/* Adds a value to what is made. */
static void
push_value(JsonbParseState **state, JsonbIteratorToken token, const ValueSpace *space, Datum value)
{
	JsonbValue json;
	Jsonb	  *nested;

	switch (space->kind)
	{
		case VALUE_ARRAY:
			push_array(state, token, space, value);
			return;
		case VALUE_BOOLEAN:
			json.type = jbvBool;
			json.val.boolean = DatumGetBool(value);
			break;
		case VALUE_INTEGER:
		case VALUE_NUMERIC:
			json.type = jbvNumeric;
			json.val.numeric = DatumGetNumeric(
				DirectFunctionCall3(numeric_in, CStringGetDatum(space_output(space, value)),
									ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
			break;
		case VALUE_JSON:
			nested = DatumGetJsonbP(value);
			if (JB_ROOT_IS_SCALAR(nested))
				(void) JsonbExtractScalar(&nested->root, &json);
			else
			{
				json.type = jbvBinary;
				json.val.binary.data = &nested->root;
				json.val.binary.len = VARSIZE_ANY_EXHDR(nested);
			}
			break;
		default:
			json.type = jbvString;
			json.val.string.val =
				space->base == TEXTOID ? TextDatumGetCString(value) : space_output(space, value);
			json.val.string.len = (int) strlen(json.val.string.val);
	}
	(void) pushJsonbValue(state, token, &json);
}

/* Returns an object, or an array of one. */
static Datum
json_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const ShapeState *shape = generator->state;
	JsonbParseState	 *state = NULL;
	JsonbValue		  null = {.type = jbvNull};
	JsonbValue		 *whole;
	Jsonb			 *json;

	*isnull = false;
	if (shape->in_array)
		(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < shape->count; i++)
	{
		const Member *member = &shape->members[i];
		JsonbValue	  name = {.type = jbvString};
		Cell		  part = *cell;
		bool		  part_isnull;
		Datum		  value;

		part.distinct = cell->distinct && i == shape->distinct;
		name.val.string.val = unconstify(char *, member->name);
		name.val.string.len = (int) strlen(member->name);
		(void) pushJsonbValue(&state, WJB_KEY, &name);
		value = generator_value(member->generator, &part, &part_isnull);
		if (part_isnull)
			(void) pushJsonbValue(&state, WJB_VALUE, &null);
		else
			push_value(&state, WJB_VALUE, member->generator->space, value);
	}
	whole = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	if (shape->in_array)
		whole = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	json = JsonbValueToJsonb(whole);
	if (generator->space->base == JSONBOID)
		return JsonbPGetDatum(json);
	return CStringGetTextDatum(JsonbToCString(NULL, &json->root, VARSIZE(json)));
}

static const GeneratorKind kinds[] = {
	{"json", "shape", "objects whose members have the generators that the object shape gives", NULL,
	 JSONBOID, make_json, json_value},
};

const KindTable shape_kinds = KIND_TABLE(kinds);
