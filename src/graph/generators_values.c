/*-------------------------------------------------------------------------
 *
 * generators_values.c
 *		Generators of values that are given: one, a list, those that the column
 *		allows, those of another table, those that statistics tell of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "core/fraction.h"
#include "core/sql.h"
#include "core/subtransaction.h"
#include "graph/generators.h"

#define DEFAULT_LIMIT 10000
#define MAX_LIMIT 1000000

/* Values, and which share of cells has them. */
typedef struct ValuesState
{
	int		count;
	Datum  *values;
	uint64 *cumulative; /* shares as fractions, each with those before; NULL: all the same */
	int		nbounds;	/* of a histogram, for what the shares leave */
	Datum  *bounds;
} ValuesState;

/* A text that is read where reading may fail. */
typedef struct ReadTask
{
	const ValueSpace *space;
	const char		 *text;
	Datum			  value;
} ReadTask;

/* Reads a text. */
static void
read_task(void *arg)
{
	ReadTask *task = arg;

	task->value = space_input(task->space, task->text);
}

/* Reads a value from its text; false, and a problem, where it is none of the column's. */
static bool
read_text(const GeneratorRequest *request, const char *text, Datum *value)
{
	ReadTask   task = {request->space, text, (Datum) 0};
	ErrorData *error = subtransaction_try(read_task, &task, NULL);

	*value = task.value;
	if (error != NULL)
	{
		generator_problem(request,
						  psprintf("value \"%s\" cannot be read: %s", text, error->message), NULL);
		return false;
	}
	if (space_has(request->space, task.value))
		return true;
	generator_problem(request, psprintf("value \"%s\" is not one that the column can have", text),
					  "Look at the column's type and its checks.");
	return false;
}

/* Reads a value of the plan; false, and a problem, where it is none of the column's. */
static bool
read_value(const GeneratorRequest *request, const JsonbValue *value, Datum *datum)
{
	char *text;

	if (request->space->kind == VALUE_JSON)
	{
		Jsonb *json = JsonbValueToJsonb(unconstify(JsonbValue *, value));

		text = JsonbToCString(NULL, &json->root, VARSIZE(json));
	}
	else
		text = generator_scalar_text(value);
	if (text != NULL)
		return read_text(request, text, datum);
	generator_problem(request, "a value of the plan must be a text, a number, or true or false",
					  "Give arrays and records as texts, such as \"{1,2}\".");
	return false;
}

/* Tells whether two values are the same to a unique key, as far as that can be known. */
static bool
same_value(const ValueSpace *space, Datum a, Datum b)
{
	const TypeCacheEntry *entry = lookup_type_cache(space->base, TYPECACHE_CMP_PROC_FINFO);

	if (datumIsEqual(a, b, space->typbyval, space->typlen))
		return true;
	return OidIsValid(entry->cmp_proc_finfo.fn_oid) && space_compare(space, a, b) == 0;
}

/* Adds a value unless it is there already; returns where it is. */
static int
add_value(ValuesState *state, const ValueSpace *space, Datum value)
{
	for (int i = 0; i < state->count; i++)
	{
		if (same_value(space, state->values[i], value))
			return i;
	}
	state->values[state->count] = value;
	return state->count++;
}

/* Reads the array of weights; NULL where there is none. */
static double *
read_weights(const GeneratorRequest *request, int count)
{
	JsonbValue	value;
	JsonbValue *element;
	double	   *weights;
	double		sum = 0;

	if (!generator_member(request, "weights", &value))
		return NULL;
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data) ||
		JsonContainerSize(value.val.binary.data) != (uint32) count)
	{
		generator_problem(
			request, "argument \"weights\" must be an array with a number for each value", NULL);
		return NULL;
	}
	weights = palloc0_array(double, Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		element = getIthJsonbValueFromContainer(value.val.binary.data, (uint32) i);
		if (element->type == jbvNumeric)
			weights[i] = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
															NumericGetDatum(element->val.numeric)));
		if (element->type != jbvNumeric || !(weights[i] >= 0 && weights[i] <= 1e15))
		{
			generator_problem(request, "a weight must be a number that is not negative", NULL);
			return NULL;
		}
		sum += weights[i];
	}
	if (count > 0 && sum <= 0)
	{
		generator_problem(request, "one of the weights must be greater than zero", NULL);
		return NULL;
	}
	return weights;
}

/* Makes shares of weights: of their sum, or of the whole where that is more. */
static void
set_shares(ValuesState *state, const double *weights, double whole)
{
	double sum = 0;
	double so_far = 0;

	if (weights == NULL || state->count == 0)
		return;
	for (int i = 0; i < state->count; i++)
		sum += weights[i];
	sum = Max(sum, whole);
	state->cumulative = palloc0_array(uint64, state->count);
	for (int i = 0; i < state->count; i++)
	{
		so_far += weights[i];
		state->cumulative[i] = so_far >= sum ? PG_UINT64_MAX : (uint64) (so_far / sum * 0x1p64);
	}
}

/* Reads the values of the plan and their weights. */
static ValuesState *
read_list(const GeneratorRequest *request, double whole)
{
	ValuesState *state = palloc0_object(ValuesState);
	JsonbValue	 value;
	double		*weights;
	double		*kept;
	int			 count;

	if (!generator_member(request, "values", &value) || value.type != jbvBinary ||
		!JsonContainerIsArray(value.val.binary.data))
	{
		generator_problem(request, "argument \"values\" must be an array", NULL);
		return state;
	}
	count = (int) JsonContainerSize(value.val.binary.data);
	weights = read_weights(request, count);
	kept = palloc0_array(double, Max(count, 1));
	state->values = palloc0_array(Datum, Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		Datum datum;

		CHECK_FOR_INTERRUPTS();
		if (!read_value(request, getIthJsonbValueFromContainer(value.val.binary.data, (uint32) i),
						&datum))
			return state;
		kept[add_value(state, request->space, datum)] += weights != NULL ? weights[i] : 1;
	}
	set_shares(state, weights != NULL || state->count < count ? kept : NULL, whole);
	return state;
}

/* Ends the making of a generator of given values; where there is none, that is a problem unless others than before tell why. */
static void
finish_values(Generator *generator, const GeneratorRequest *request, ValuesState *state,
			  int problems)
{
	generator->state = state;
	generator->capacity = (uint64) state->count;
	if (state->count == 0 && state->nbounds == 0 && list_length(*request->problems) == problems)
		generator_problem(request, "there is no value to choose from", NULL);
}

/* Makes a generator of a list's values. */
static void
make_list(Generator *generator, const GeneratorRequest *request)
{
	int problems = list_length(*request->problems);

	finish_values(generator, request, read_list(request, 0), problems);
}

/* Makes a generator of one value. */
static void
make_constant(Generator *generator, const GeneratorRequest *request)
{
	int			 problems = list_length(*request->problems);
	ValuesState *state = palloc0_object(ValuesState);
	JsonbValue	 value;

	state->values = palloc0_array(Datum, 1);
	if (!generator_member(request, "value", &value))
		generator_problem(request, "argument \"value\" is missing",
						  "A column's \"nulls\" says how many are null.");
	else if (read_value(request, &value, &state->values[0]))
		state->count = 1;
	finish_values(generator, request, state, problems);
}

/* Makes a generator of the values that the column allows. */
static void
make_allowed(Generator *generator, const GeneratorRequest *request)
{
	int			 problems = list_length(*request->problems);
	ValuesState *state = palloc0_object(ValuesState);
	ValueSpace	*space = request->space;
	JsonbValue	 said;
	double		*weights;

	state->values = palloc0_array(Datum, Max(space->nallowed, 1));
	for (int i = 0; i < space->nallowed; i++)
	{
		if (space_has(space, space->allowed[i]))
			(void) add_value(state, space, space->allowed[i]);
	}
	if (space->nallowed == 0 && space->kind == VALUE_BOOLEAN)
	{
		state->values = palloc0_array(Datum, 2);
		state->values[state->count++] = BoolGetDatum(true);
		state->values[state->count++] = BoolGetDatum(false);
	}
	if (state->count == 0)
		generator_problem(request,
						  "neither the column's type nor a check lists the values that it can have",
						  "Give them with the generator \"list\".");
	else if (generator_member(request, "weights", &said) && said.type == jbvString)
	{
		if (strcmp(generator_text(request, "weights", ""), "first") != 0)
			generator_problem(
				request, "argument \"weights\" must be \"first\" or an array of numbers", NULL);
		weights = palloc0_array(double, state->count);
		for (int i = 0; i < state->count; i++)
			weights[i] = 1.0 / (i + 1);
		set_shares(state, weights, 0);
	}
	else
		set_shares(state, read_weights(request, state->count), 0);
	finish_values(generator, request, state, problems);
}

/* Returns which of the values a cell has; -1: none, but one of the histogram's. */
static int
choose_value(const ValuesState *state, RandomStream *random)
{
	uint64 fraction;
	int	   low = 0;
	int	   high = state->count;

	if (state->cumulative == NULL)
		return state->count > 0 ? (int) random_below(random, (uint64) state->count) : -1;
	fraction = random_next(random);
	while (low < high)
	{
		int middle = (low + high) / 2;

		if (state->cumulative[middle] > fraction)
			high = middle;
		else
			low = middle + 1;
	}
	if (low < state->count)
		return low;
	return state->nbounds > 1 ? -1 : state->count - 1;
}

/* Returns a value of a type whose values are whole numbers, or numbers, between two others. */
static Datum
between(const ValueSpace *space, Datum low, Datum high, RandomStream *random)
{
	uint64 chance = random_next(random);
	double fraction = (double) (chance >> 11) * 0x1p-53;
	int64  from;
	int64  to;

	switch (space->base)
	{
		case INT2OID:
			from = DatumGetInt16(low);
			to = DatumGetInt16(high);
			return Int16GetDatum(
				(int16) (from + (int64) scale_fraction((uint64) (to - from) + 1, chance)));
		case INT4OID:
		case DATEOID:
			from = DatumGetInt32(low);
			to = DatumGetInt32(high);
			return Int32GetDatum(
				(int32) (from + (int64) scale_fraction((uint64) (to - from) + 1, chance)));
		case INT8OID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case TIMEOID:
		case MONEYOID:
			from = DatumGetInt64(low);
			to = DatumGetInt64(high);
			return Int64GetDatum(
				(int64) ((uint64) from + scale_fraction((uint64) to - (uint64) from, chance)));
		case FLOAT4OID:
			return Float4GetDatum(DatumGetFloat4(low) +
								  (float4) fraction * (DatumGetFloat4(high) - DatumGetFloat4(low)));
		case FLOAT8OID:
			return Float8GetDatum(DatumGetFloat8(low) +
								  fraction * (DatumGetFloat8(high) - DatumGetFloat8(low)));
		case NUMERICOID:
		{
			Datum width = DirectFunctionCall2(numeric_sub, high, low);
			Datum thousandth = NumericGetDatum(
				int64_div_fast_to_numeric((int64) scale_fraction(10001, chance), 4));
			Datum scale = DirectFunctionCall1(numeric_scale, width);

			return DirectFunctionCall2(
				numeric_add, low,
				DirectFunctionCall2(numeric_round,
									DirectFunctionCall2(numeric_mul, width, thousandth), scale));
		}
		default:
			return chance & 1 ? low : high;
	}
}

/* Returns one of the values given. */
static Datum
given_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const ValuesState *state = generator->state;
	int				   choice;

	*isnull = false;
	choice = cell->distinct ? (int) cell->n : choose_value(state, cell->random);
	if (choice < 0)
	{
		int bound = (int) random_below(cell->random, (uint64) (state->nbounds - 1));

		return between(generator->space, state->bounds[bound], state->bounds[bound + 1],
					   cell->random);
	}
	return state->values[choice];
}

/* Makes a generator of what statistics tell: most common values with their shares, and a histogram of the others. */
static void
make_stats(Generator *generator, const GeneratorRequest *request)
{
	int			 problems = list_length(*request->problems);
	ValuesState *state;
	JsonbValue	 value;

	if (generator_member(request, "values", &value))
		state = read_list(request, 1);
	else
		state = palloc0_object(ValuesState);
	if (generator_member(request, "histogram", &value))
	{
		ListCell *cell;
		List	 *texts = generator_texts(request, "histogram");

		state->bounds = palloc0_array(Datum, Max(list_length(texts), 1));
		foreach(cell, texts)
		{
			if (read_text(request, lfirst(cell), &state->bounds[state->nbounds]))
				state->nbounds++;
		}
		if (state->nbounds == 1)
			generator_problem(request, "argument \"histogram\" must have two bounds at least",
							  NULL);
	}
	finish_values(generator, request, state, problems);

	/* The n-th of them can only be a value that is listed; bounds of the histogram are. */
	if (request->distinct && state->count == 0)
	{
		state->values = palloc0_array(Datum, Max(state->nbounds, 1));
		for (int i = 0; i < state->nbounds; i++)
			(void) add_value(state, request->space, state->bounds[i]);
		generator->capacity = (uint64) state->count;
	}
}

/* What is read of another table. */
typedef struct TableTask
{
	const GeneratorRequest *request;
	const char			   *relation;
	const char			   *column;
	int						limit;
	ValuesState			   *state;
} TableTask;

/* Returns the query for another table's values. */
static char *
table_query(const TableTask *task)
{
	StringInfoData sql;
	RangeVar	  *name = makeRangeVarFromNameList(compat_name_list(task->relation));
	Oid			   relid = RangeVarGetRelid(name, AccessShareLock, false);
	AttrNumber	   attnum = get_attnum(relid, task->column);
	const char	  *column = quote_identifier(task->column);
	const char	  *collate = "";

	if (attnum <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of relation \"%s\" does not exist", task->column,
							   task->relation)));
	if (OidIsValid(get_typcollation(get_atttype(relid, attnum))))
		collate = " COLLATE pg_catalog.\"C\"";
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT DISTINCT %s%s FROM %s WHERE %s IS NOT NULL ORDER BY 1 LIMIT %d",
					 column, collate,
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
												get_rel_name(relid)),
					 column, task->limit);
	return sql.data;
}

/* Orders two values for dropping those that are the same. */
static int
compare_values(const void *a, const void *b, void *arg)
{
	return space_compare(arg, *(const Datum *) a, *(const Datum *) b);
}

/* Drops values that became the same when they were read as another type. */
static void
drop_same(ValuesState *state, const ValueSpace *space)
{
	int	 kept = 0;
	bool ordered = OidIsValid(lookup_type_cache(space->base, TYPECACHE_CMP_PROC)->cmp_proc);

	if (ordered)
		qsort_arg(state->values, state->count, sizeof(Datum), compare_values,
				  unconstify(ValueSpace *, space));
	for (int i = 0; i < state->count; i++)
	{
		if (kept == 0 || !ordered ||
			space_compare(space, state->values[kept - 1], state->values[i]) != 0)
			state->values[kept++] = state->values[i];
	}
	state->count = kept;
}

/* Reads another table's values. */
static void
table_task(void *arg)
{
	TableTask		 *task = arg;
	ValuesState		 *state = task->state;
	const ValueSpace *space = task->request->space;
	MemoryContext	  context = CurrentMemoryContext;
	int64			  rows = sql_execute(table_query(task), 0, NULL, NULL, NULL);
	Oid				  type = getBaseType(SPI_gettypeid(SPI_tuptable->tupdesc, 1));
	SPITupleTable	 *result = SPI_tuptable;

	MemoryContextSwitchTo(context);
	state->values = palloc0_array(Datum, Max(rows, 1));
	for (int64 row = 0; row < rows; row++)
	{
		bool  isnull;
		Datum value = SPI_getbinval(result->vals[row], result->tupdesc, 1, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (type == space->base)
			value = datumCopy(value, space->typbyval, space->typlen);
		else
			value = space_input(space, SPI_getvalue(result->vals[row], result->tupdesc, 1));
		if (space_has(unconstify(ValueSpace *, space), value))
			state->values[state->count++] = value;
	}
	SPI_freetuptable(result);
	if (type != space->base)
		drop_same(state, space);
}

/* Makes a generator of another table's values. */
static void
make_table(Generator *generator, const GeneratorRequest *request)
{
	int			 problems = list_length(*request->problems);
	ValuesState *state = palloc0_object(ValuesState);
	TableTask	 task = {.request = request, .state = state};
	double		 limit = generator_number(request, "limit", DEFAULT_LIMIT);
	ErrorData	*error = NULL;

	task.relation = generator_text(request, "relation", NULL);
	task.column = generator_text(request, "column", NULL);
	if (task.relation == NULL || task.column == NULL)
		generator_problem(request, "arguments \"relation\" and \"column\" are needed", NULL);
	else if (!(limit >= 1 && limit <= MAX_LIMIT))
		generator_problem(request, "argument \"limit\" is out of range",
						  "Give a number from 1 to 1000000.");
	else
	{
		task.limit = (int) limit;
		error = subtransaction_try(table_task, &task, NULL);
		if (error != NULL)
			generator_problem(
				request, psprintf("values of the table cannot be read: %s", error->message), NULL);
	}
	finish_values(generator, request, state, problems);
}

static const GeneratorKind kinds[] = {
	{"constant", "value", "one value", "{\"value\": \"draft\"}", TEXTOID, make_constant,
	 given_value},
	{"list", "values, weights", "the values of a list, as often as their weights say",
	 "{\"values\": [\"draft\", \"published\"], \"weights\": [1, 4]}", TEXTOID, make_list,
	 given_value},
	{"allowed", "weights",
	 "the values that the column's type or a check lists; with weights \"first\" earlier ones more often",
	 NULL, BOOLOID, make_allowed, given_value},
	{"table", "relation, column, limit", "the values of another table's column",
	 "{\"relation\": \"pg_catalog.pg_am\", \"column\": \"amname\"}", TEXTOID, make_table,
	 given_value},
	{"stats", "values, weights, histogram",
	 "common values with the shares given, and others between a histogram's bounds",
	 "{\"values\": [\"1\", \"2\"], \"weights\": [0.3, 0.2], \"histogram\": [\"3\", \"10\", \"100\"]}",
	 INT4OID, make_stats, given_value},
};

const KindTable value_kinds = KIND_TABLE(kinds);
