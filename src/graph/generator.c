/*-------------------------------------------------------------------------
 *
 * generator.c
 *		The kinds of generators, how one is made, and its arguments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/names.h"
#include "graph/generators.h"
#include "graph/problem.h"

/* In the order in which pollseed_generators() tells of them. */
static const KindTable *const tables[] = {
	&key_kinds,		&value_kinds,	  &expression_kinds, &number_kinds,	 &time_kinds,
	&people_kinds,	&place_kinds,	  &network_kinds,	 &address_kinds, &word_kinds,
	&pattern_kinds, &structure_kinds, &shape_kinds,		 &any_kinds,
};

/* What examples are made for: two years that do not move. */
#define EXAMPLE_SINCE (INT64CONST(757382400) * USECS_PER_SEC)
#define EXAMPLE_AS_OF (INT64CONST(820540800) * USECS_PER_SEC)

/* Returns a kind of a table by its number. */
static const GeneratorKind *
kind_at(const KindTable *table, int number)
{
	return (const GeneratorKind *) ((const char *) table->first + (size_t) number * table->size);
}

const GeneratorKind *
generator_kind(const char *name)
{
	for (size_t t = 0; t < lengthof(tables); t++)
	{
		for (int i = 0; i < tables[t]->count; i++)
		{
			const GeneratorKind *kind = kind_at(tables[t], i);

			if (strcmp(kind->name, name) == 0)
				return kind;
		}
	}
	return NULL;
}

/* Tells whether a kind gives values of a list that the column's type or checks give, or says where it does not. */
static bool
keeps_to_list(const GeneratorKind *kind)
{
	static const char *const names[] = {"constant", "list",		  "allowed", "table",
										"stats",	"expression", "any"};

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (strcmp(names[i], kind->name) == 0)
			return true;
	}
	return false;
}

Generator *
generator_make(const GeneratorKind *kind, const GeneratorRequest *request)
{
	Generator *generator = palloc0_object(Generator);
	int		   problems = list_length(*request->problems);

	generator->kind = kind;
	generator->space = request->space;
	generator->capacity = PG_UINT64_MAX;
	if (request->space->nallowed > 0 && !keeps_to_list(kind))
		generator_problem(
			request,
			psprintf("generator \"%s\" does not keep to the values that the column allows",
					 kind->name),
			"Name \"allowed\", or \"list\" for some of them.");
	kind->make(generator, request);
	return list_length(*request->problems) == problems ? generator : NULL;
}

Datum
generator_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	*isnull = false;
	return generator->kind->value(generator, cell, isnull);
}

void
generator_problem(const GeneratorRequest *request, const char *problem, const char *hint)
{
	*request->problems =
		problem_add(*request->problems, request->relation, request->column, problem, hint);
}

bool
generator_accepts(const Generator *generator, const GeneratorRequest *request, uint32 kinds)
{
	if (kinds & KIND_SET(request->space->kind))
		return true;
	generator_problem(request,
					  psprintf("generator \"%s\" gives no values of type %s", generator->kind->name,
							   format_type_be(request->space->base)),
					  "Name another generator, or \"any\"; pollseed_generators() lists them.");
	return false;
}

bool
generator_member(const GeneratorRequest *request, const char *name, JsonbValue *value)
{
	if (request->arguments == NULL || !JB_ROOT_IS_OBJECT(request->arguments))
		return false;
	return getKeyJsonValueFromContainer(&request->arguments->root, name, (int) strlen(name),
										value) != NULL &&
		   value->type != jbvNull;
}

/* Adds the problem that an argument is not what it has to be. */
static void
wrong_argument(const GeneratorRequest *request, const char *name, const char *wanted)
{
	generator_problem(request, psprintf("argument \"%s\" must be %s", name, wanted), NULL);
}

const char *
generator_text(const GeneratorRequest *request, const char *name, const char *default_value)
{
	JsonbValue value;

	if (!generator_member(request, name, &value))
		return default_value;
	if (value.type == jbvString)
		return pnstrdup(value.val.string.val, value.val.string.len);
	wrong_argument(request, name, "a text");
	return default_value;
}

double
generator_number(const GeneratorRequest *request, const char *name, double default_value)
{
	JsonbValue value;

	if (!generator_member(request, name, &value))
		return default_value;
	if (value.type == jbvNumeric)
		return DatumGetFloat8(
			DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value.val.numeric)));
	wrong_argument(request, name, "a number");
	return default_value;
}

bool
generator_flag(const GeneratorRequest *request, const char *name, bool default_value)
{
	JsonbValue value;

	if (!generator_member(request, name, &value))
		return default_value;
	if (value.type == jbvBool)
		return value.val.boolean;
	wrong_argument(request, name, "true or false");
	return default_value;
}

List *
generator_texts(const GeneratorRequest *request, const char *name)
{
	JsonbValue	   value;
	JsonbValue	   element;
	JsonbIterator *it;
	List		  *texts = NIL;

	if (!generator_member(request, name, &value))
		return NIL;
	if (value.type == jbvString)
		return list_make1(pnstrdup(value.val.string.val, value.val.string.len));
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
	{
		wrong_argument(request, name, "an array of texts");
		return NIL;
	}
	it = JsonbIteratorInit(value.val.binary.data);
	for (JsonbIteratorToken token = JsonbIteratorNext(&it, &element, true); token != WJB_DONE;
		 token = JsonbIteratorNext(&it, &element, true))
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type == jbvString)
			texts = lappend(texts, pnstrdup(element.val.string.val, element.val.string.len));
		else
			wrong_argument(request, name, "an array of texts");
	}
	return texts;
}

void
generator_reads(Generator *generator, const List *columns)
{
	generator->reads = names_union(generator->reads, columns);
}

void
generator_reads_as(Generator *generator, const Generator *part)
{
	generator_reads(generator, part->reads);
	generator->may_read |= part->may_read;
}

List *
generator_columns(Generator *generator, const GeneratorRequest *request, const char *name)
{
	List *columns = generator_texts(request, name);

	generator_reads(generator, columns);
	return columns;
}

Relation
generator_table_open(const GeneratorRequest *request)
{
	RangeVar *name = makeRangeVarFromNameList(compat_name_list(request->relation));
	Oid		  relid = RangeVarGetRelid(name, AccessShareLock, true);

	return OidIsValid(relid) ? relation_open(relid, NoLock) : NULL;
}

Oid
generator_column_type(const GeneratorRequest *request, const char *column)
{
	Relation   rel = generator_table_open(request);
	AttrNumber attnum = InvalidAttrNumber;
	Oid		   type = InvalidOid;

	if (rel != NULL)
	{
		attnum = get_attnum(RelationGetRelid(rel), column);
		if (attnum > 0)
			type = getBaseType(get_atttype(RelationGetRelid(rel), attnum));
		relation_close(rel, NoLock);
	}
	if (!OidIsValid(type))
		generator_problem(request, psprintf("there is no column \"%s\"", column), NULL);
	return type;
}

char *
generator_scalar_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

ValueSpace *
generator_own_space(const GeneratorKind *kind)
{
	return space_of_type(kind->example_type, -1, get_typcollation(kind->example_type));
}

Generator *
generator_part(Generator *whole, const GeneratorRequest *request, const JsonbValue *object,
			   const char *default_kind, ValueSpace *space, bool distinct)
{
	GeneratorRequest	 part = *request;
	const GeneratorKind *kind = NULL;
	Generator			*generator;
	const char			*name;

	part.distinct = distinct;
	part.arguments = NULL;
	if (object != NULL && object->type == jbvBinary &&
		JsonContainerIsObject(object->val.binary.data))
		part.arguments = JsonbValueToJsonb(unconstify(JsonbValue *, object));
	name = generator_text(&part, "generator", default_kind);
	if (name != NULL)
		kind = generator_kind(name);
	if (kind == NULL || (object != NULL && part.arguments == NULL) ||
		(space == NULL && !OidIsValid(kind->example_type)))
	{
		generator_problem(request,
						  name == NULL
							  ? "a part of the value has no \"generator\""
							  : psprintf("there is no generator \"%s\" for parts of values", name),
						  "Give an object such as {\"generator\": \"word\"}; "
						  "pollseed_generators() lists them.");
		return NULL;
	}
	part.space = space != NULL ? space : generator_own_space(kind);
	generator = generator_make(kind, &part);
	if (generator != NULL)
		generator_reads_as(whole, generator);
	return generator;
}

/* By Lemire's method ("Fast Random Integer Generation in an Interval", 2019). */
uint64
random_below(RandomStream *stream, uint64 n)
{
	uint128 product = (uint128) random_next(stream) * n;

	if ((uint64) product < n)
	{
		uint64 least = (0 - n) % n;

		while ((uint64) product < least)
			product = (uint128) random_next(stream) * n;
	}
	return (uint64) (product >> 64);
}

/* Returns the greatest common divisor. */
static uint64
common_divisor(uint64 a, uint64 b)
{
	while (b != 0)
	{
		uint64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

Shuffle
shuffle_make(uint64 size)
{
	Shuffle shuffle = {size, 1};

	Assert(size > 0);
	if (size > 2)
	{
		shuffle.step = (uint64) (((uint128) size * UINT64CONST(0x9e3779b97f4a7c15)) >> 64);
		while (common_divisor(shuffle.step, size) != 1)
			shuffle.step--;
	}
	return shuffle;
}

uint64
shuffle_at(const Shuffle *shuffle, uint64 n)
{
	return (uint64) (((uint128) n * shuffle->step + shuffle->size / 3) % shuffle->size);
}

/* Returns a kind's example as text, or NULL where it has none by itself. */
static char *
example_of(const GeneratorKind *kind)
{
	List		*problems = NIL;
	RandomStream random =
		random_stream((int64) string_hash(kind->name, NAMEDATALEN), RANDOM_GRAPH_CELL, 0);
	Cell			 cell = {.random = &random};
	GeneratorRequest request = {.relation = "example",
								.column = "example",
								.table_name = "example",
								.since = EXAMPLE_SINCE,
								.as_of = EXAMPLE_AS_OF,
								.problems = &problems};
	Generator		*generator;
	Datum			 value;
	bool			 isnull;

	if (!OidIsValid(kind->example_type))
		return NULL;
	request.space = generator_own_space(kind);
	if (kind->example != NULL)
		request.arguments = DatumGetJsonbP(
			DirectFunctionCall1(jsonb_in, CStringGetDatum(unconstify(char *, kind->example))));
	generator = generator_make(kind, &request);
	if (generator == NULL)
		return NULL;
	value = generator_value(generator, &cell, &isnull);
	return isnull ? NULL : space_output(request.space, value);
}

/* Adds a row for what a plan can name. */
static void
put_kind(ReturnSetInfo *result, const char *name, const char *arguments, const char *gives,
		 const char *example)
{
	Datum values[4] = {CStringGetTextDatum(name), CStringGetTextDatum(arguments),
					   CStringGetTextDatum(gives)};
	bool  nulls[4] = {false, false, false, example == NULL};

	if (example != NULL)
		values[3] = CStringGetTextDatum(example);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

POLLSEED_FUNCTION(pollseed_generators);

/* Returns a row for each generator that a plan can name. */
Datum
pollseed_generators(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	put_kind(result, "default", "", "what the server gives the column, its default", NULL);
	put_kind(result, "sequence", "", "the next values of the column's sequence", NULL);
	for (size_t t = 0; t < lengthof(tables); t++)
	{
		for (int i = 0; i < tables[t]->count; i++)
		{
			const GeneratorKind *kind = kind_at(tables[t], i);

			put_kind(result, kind->name, kind->arguments, kind->gives, example_of(kind));
		}
	}
	SPI_finish();
	return (Datum) 0;
}
