/*-------------------------------------------------------------------------
 *
 * throttle_spec.c
 *		The signals that can make a backfill hold back, and what a user says of
 *		them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

#include "backfill/throttle.h"
#include "backfill/throttle_spec.h"
#include "core/compat.h"
#include "core/sql.h"

#define DEFAULT_RESUME_SHARE 0.8
#define DEFAULT_MAX_HOLD_MS (10 * 60 * 1000.0)
#define OFF (-1.0)

/* Fits into 64 bits, and is more than any server has. */
#define MAX_QUANTITY 1e18

typedef struct SignalKind
{
	const char *name;
	SignalUnit	unit;
	double		default_limit; /* or OFF */
} SignalKind;

static const SignalKind kinds[SIGNAL_COUNT] = {
	[SIGNAL_ARCHIVER_BACKLOG] = {"archiver_backlog", UNIT_COUNT, 42},
	[SIGNAL_REPLICA_LAG] = {"replica_lag", UNIT_TIME, 30 * 1000.0},
	[SIGNAL_REPLICA_LAG_BYTES] = {"replica_lag_bytes", UNIT_BYTES, OFF},
	[SIGNAL_SLOT_RETENTION] = {"slot_retention", UNIT_BYTES, OFF},
	[SIGNAL_OLDEST_SNAPSHOT] = {"oldest_snapshot", UNIT_TIME, OFF},
	[SIGNAL_DEAD_TUPLES] = {"dead_tuples", UNIT_SHARE, OFF},
	[SIGNAL_BLOCKED_SESSIONS] = {"blocked_sessions", UNIT_COUNT, OFF},
	[SIGNAL_WAL_RATE] = {"wal_bytes_per_second", UNIT_RATE, OFF},
	[SIGNAL_QUERY] = {"query", UNIT_QUERY, OFF},
};

const char *
signal_name(SignalId id)
{
	return kinds[id].name;
}

SignalUnit
signal_unit(SignalId id)
{
	return kinds[id].unit;
}

/* Returns what a signal's limit can be. */
static const char *
limit_hint(SignalUnit unit)
{
	switch (unit)
	{
		case UNIT_COUNT:
			return "a number that is not negative, such as 10";
		case UNIT_TIME:
			return "an interval that is not negative, such as \"30 s\"";
		case UNIT_BYTES:
			return "a number of bytes or a text such as \"64 MB\"";
		case UNIT_SHARE:
			return "a number between 0 and 1";
		case UNIT_RATE:
			return "a number of bytes or a text such as \"10 MB\", greater than zero";
		case UNIT_QUERY:
			return "the text of a SELECT";
	}
	return "";
}

/* Returns the members that a signal's object can have. */
static const char *
member_hint(SignalUnit unit)
{
	switch (unit)
	{
		case UNIT_RATE:
			return "\"limit\" only";
		case UNIT_QUERY:
			return "\"sql\" and \"max_hold\"";
		default:
			return "\"limit\", \"resume\" and \"max_hold\"";
	}
}

/* Raises the error that a signal's value, or a member of it, is not what it can be. */
static void
bad_value(SignalId id, const char *member)
{
	const SignalKind *kind = &kinds[id];

	if (member != NULL && strcmp(member, "max_hold") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid \"max_hold\" for throttle signal \"%s\"", kind->name),
				 errhint("Give an interval greater than zero, such as \"10 min\", or null.")));
	if (member != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid \"%s\" for throttle signal \"%s\"", member, kind->name),
						errhint("Give %s.", limit_hint(kind->unit))));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for throttle signal \"%s\"", kind->name),
					errhint("Give %s, or false, or an object with %s.", limit_hint(kind->unit),
							member_hint(kind->unit))));
}

double
interval_ms(const Interval *interval)
{
	double days = interval->day + (double) DAYS_PER_MONTH * interval->month;

	return (double) interval->time / 1000 + days * SECS_PER_DAY * 1000;
}

/* Reads an interval without raising errors; false where the text is none. */
static bool
parse_duration(const char *text, double *ms)
{
	char			 buffer[256];
	char			*fields[MAXDATEFIELDS];
	int				 types[MAXDATEFIELDS];
	int				 nfields;
	int				 type;
	struct pg_itm_in itm;
	Interval		 interval;

	if (ParseDateTime(text, buffer, sizeof(buffer), fields, types, MAXDATEFIELDS, &nfields) != 0 ||
		DecodeInterval(fields, types, nfields, INTERVAL_FULL_RANGE, &type, &itm) != 0 ||
		type != DTK_DELTA || itmin2interval(&itm, &interval) != 0)
		return false;
	*ms = interval_ms(&interval);
	return true;
}

/* Reads a number of a unit; false where the value is none. */
static bool
parse_quantity(SignalUnit unit, const JsonbValue *value, double *result)
{
	if (value->type == jbvNumeric)
	{
		*result = DatumGetFloat8(
			DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
		if (unit == UNIT_TIME)
			*result *= 1000;
	}
	else if (value->type == jbvString && (unit == UNIT_BYTES || unit == UNIT_RATE))
	{
		text *size = cstring_to_text_with_len(value->val.string.val, value->val.string.len);

		*result = (double) DatumGetInt64(DirectFunctionCall1(pg_size_bytes, PointerGetDatum(size)));
	}
	else if (value->type != jbvString || unit != UNIT_TIME ||
			 !parse_duration(pnstrdup(value->val.string.val, value->val.string.len), result))
		return false;
	return *result >= 0 && *result <= MAX_QUANTITY && (unit != UNIT_SHARE || *result <= 1) &&
		   (unit != UNIT_RATE || *result > 0);
}

/* Reads a signal's limit, or the query. */
static void
read_limit(ThrottleSpec *spec, SignalId id, const JsonbValue *value, const char *member)
{
	SignalSpec *signal = &spec->signals[id];

	if (id == SIGNAL_QUERY)
	{
		if (value->type != jbvString)
			bad_value(id, member);
		spec->query = pnstrdup(value->val.string.val, value->val.string.len);
		signal->limit = 0;
	}
	else if (!parse_quantity(kinds[id].unit, value, &signal->limit))
		bad_value(id, member);
	signal->on = true;
}

/* Reads one member of a signal's object. */
static void
read_member(ThrottleSpec *spec, SignalId id, const char *member, const JsonbValue *value)
{
	SignalUnit	unit = kinds[id].unit;
	SignalSpec *signal = &spec->signals[id];

	if (strcmp(member, unit == UNIT_QUERY ? "sql" : "limit") == 0)
		read_limit(spec, id, value, member);
	else if (strcmp(member, "resume") == 0 && unit != UNIT_RATE && unit != UNIT_QUERY)
	{
		if (!parse_quantity(unit, value, &signal->resume))
			bad_value(id, member);
	}
	else if (strcmp(member, "max_hold") == 0 && unit != UNIT_RATE)
	{
		if (value->type == jbvNull)
			signal->max_hold_ms = HUGE_VAL;
		else if (!parse_quantity(UNIT_TIME, value, &signal->max_hold_ms) ||
				 signal->max_hold_ms == 0)
			bad_value(id, member);
	}
	else
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unrecognized member \"%s\" of throttle signal \"%s\"", member,
							   kinds[id].name),
						errhint("Its members are %s.", member_hint(unit))));
}

/* Reads what a user says of one signal. */
static void
read_signal(ThrottleSpec *spec, SignalId id, const JsonbValue *value)
{
	SignalSpec		  *signal = &spec->signals[id];
	JsonbIterator	  *iterator;
	JsonbIteratorToken token;
	JsonbValue		   item;
	const char		  *member = "";

	if (value->type == jbvNull || (value->type == jbvBool && !value->val.boolean))
	{
		signal->on = false;
		return;
	}
	if (value->type != jbvBinary)
	{
		read_limit(spec, id, value, NULL);
		return;
	}
	if (!JsonContainerIsObject(value->val.binary.data))
		bad_value(id, NULL);
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			member = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE)
			read_member(spec, id, member, &item);
	}
	if (!signal->on)
		bad_value(id, NULL);
}

/* Finds a signal by its name. */
static SignalId
find_signal(const char *name)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int id = 0; id < SIGNAL_COUNT; id++)
	{
		if (strcmp(kinds[id].name, name) == 0)
			return (SignalId) id;
		appendStringInfo(&names, "%s%s", id == 0 ? "" : ", ", kinds[id].name);
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unrecognized throttle signal \"%s\"", name),
					errhint("The signals are %s.", names.data)));
}

/* Computes what the user left out of a signal, and checks that its numbers fit together. */
static void
complete_signal(SignalId id, SignalSpec *signal)
{
	SignalUnit unit = kinds[id].unit;

	if (isnan(signal->resume))
	{
		signal->resume = signal->limit * DEFAULT_RESUME_SHARE;
		if (unit == UNIT_COUNT || unit == UNIT_BYTES)
			signal->resume = floor(signal->resume);
	}
	if (signal->resume > signal->limit)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"resume\" of throttle signal \"%s\" must not be above its limit",
							   kinds[id].name)));
}

void
spec_read(const Jsonb *jsonb, ThrottleSpec *spec)
{
	JsonbIterator	  *iterator;
	JsonbIteratorToken token;
	JsonbValue		   value;
	SignalId		   id = SIGNAL_COUNT;

	*spec = (ThrottleSpec){0};
	for (int i = 0; i < SIGNAL_COUNT; i++)
		spec->signals[i] = (SignalSpec){
			.on = kinds[i].default_limit != OFF,
			.limit = kinds[i].default_limit,
			.resume = NAN,
			.max_hold_ms = i == SIGNAL_QUERY ? HUGE_VAL : DEFAULT_MAX_HOLD_MS,
		};
	if (jsonb != NULL && !JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("throttle must be a JSON object"),
				 errhint("Give an object of signals, such as {\"replica_lag\": \"10 s\"}.")));
	if (jsonb != NULL)
	{
		iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &jsonb->root));
		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			if (token == WJB_KEY)
				id = find_signal(pnstrdup(value.val.string.val, value.val.string.len));
			else if (token == WJB_VALUE)
				read_signal(spec, id, &value);
		}
	}
	for (int i = 0; i < SIGNAL_COUNT; i++)
	{
		if (spec->signals[i].on)
			complete_signal((SignalId) i, &spec->signals[i]);
	}
}

bool
query_type_fits(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return true;
		default:
			return TypeCategory(type) == TYPCATEGORY_STRING;
	}
}

/* Tells whether prepared statements are one SELECT that only reads. */
static bool
only_reads(List *sources)
{
	CachedPlanSource *source;
	Query			 *query;

	if (list_length(sources) != 1)
		return false;
	source = (CachedPlanSource *) linitial(sources);
	if (list_length(source->query_list) != 1)
		return false;
	query = linitial_node(Query, source->query_list);
	return query->commandType == CMD_SELECT && !query->hasModifyingCTE && query->rowMarks == NIL;
}

/* Checks that a query is one SELECT that only reads, of one column that can be understood. */
static void
check_query(const char *sql)
{
	SPIPlanPtr plan = sql_prepare(sql, 0, NULL);
	List	  *sources = SPI_plan_get_plan_sources(plan);
	TupleDesc  desc;

	if (!only_reads(sources))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("throttle signal \"query\" must be one SELECT that only reads")));
	desc = ((CachedPlanSource *) linitial(sources))->resultDesc;
	if (desc->natts != 1 || !query_type_fits(TupleDescAttr(desc, 0)->atttypid))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("throttle signal \"query\" must return one column of type boolean, "
							   "text, or a numeric type")));
	SPI_freeplan(plan);
}

/* Adds a member to the object that is being built. */
static void
push_member(JsonbParseState **state, const char *key, JsonbValue *value)
{
	JsonbValue name = {.type = jbvString};

	name.val.string.val = unconstify(char *, key);
	name.val.string.len = (int) strlen(key);
	(void) pushJsonbValue(state, WJB_KEY, &name);
	(void) pushJsonbValue(state, WJB_VALUE, value);
}

/* Adds a text. */
static void
push_text(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	push_member(state, key, &value);
}

/* Adds a number of a unit, in a form that reads as the same number; infinity is null. */
static void
push_quantity(JsonbParseState **state, const char *key, SignalUnit unit, double number)
{
	JsonbValue value = {.type = jbvNull};

	if (unit == UNIT_TIME && !isinf(number))
	{
		push_text(state, key, psprintf("%.15g s", number / 1000));
		return;
	}
	if (!isinf(number))
	{
		value.type = jbvNumeric;
		value.val.numeric =
			DatumGetNumeric(DirectFunctionCall1(float8_numeric, Float8GetDatum(number)));
	}
	push_member(state, key, &value);
}

/* Adds a signal that is on. */
static void
push_signal(JsonbParseState **state, const ThrottleSpec *spec, SignalId id)
{
	const SignalSpec *signal = &spec->signals[id];
	SignalUnit		  unit = kinds[id].unit;
	JsonbValue		  name = {.type = jbvString};

	if (unit == UNIT_RATE)
	{
		push_quantity(state, kinds[id].name, unit, signal->limit);
		return;
	}
	name.val.string.val = unconstify(char *, kinds[id].name);
	name.val.string.len = (int) strlen(kinds[id].name);
	(void) pushJsonbValue(state, WJB_KEY, &name);
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (unit == UNIT_QUERY)
		push_text(state, "sql", spec->query);
	else
	{
		push_quantity(state, "limit", unit, signal->limit);
		push_quantity(state, "resume", unit, signal->resume);
	}
	push_quantity(state, "max_hold", UNIT_TIME, signal->max_hold_ms);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Datum
throttle_normalize(const Jsonb *specification)
{
	ThrottleSpec	 spec;
	JsonbParseState *state = NULL;

	spec_read(specification, &spec);
	if (spec.signals[SIGNAL_QUERY].on)
		check_query(spec.query);

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int id = 0; id < SIGNAL_COUNT; id++)
	{
		JsonbValue off = {.type = jbvBool};

		if (spec.signals[id].on)
			push_signal(&state, &spec, (SignalId) id);
		else if (kinds[id].default_limit != OFF)
			push_member(&state, kinds[id].name, &off);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* Returns a text for a duration: three digits, in the unit that suits. */
static const char *
format_duration(double ms)
{
	if (ms < 1000)
		return psprintf("%.0f ms", ms);
	if (ms < 2 * 60 * 1000)
		return psprintf("%.3g s", ms / 1000);
	if (ms < 2 * 60 * 60 * 1000)
		return psprintf("%.3g min", ms / (60 * 1000));
	return psprintf("%.1f h", ms / (60 * 60 * 1000));
}

const char *
format_quantity(SignalUnit unit, double value)
{
	switch (unit)
	{
		case UNIT_TIME:
			return format_duration(value);
		case UNIT_BYTES:
		case UNIT_RATE:
			return TextDatumGetCString(
				DirectFunctionCall1(pg_size_pretty, Int64GetDatum((int64) value)));
		case UNIT_SHARE:
			return psprintf("%.3g", value);
		default:
			return psprintf("%.0f", value);
	}
}
