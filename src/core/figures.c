/*-------------------------------------------------------------------------
 *
 * figures.c
 *		Arguments and results that SQL functions have in common: the row of
 *		figures that one returns of what it did, deadlines, durations.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"

Datum
figures_row(FunctionCallInfo fcinfo, Datum *values, const bool *nulls)
{
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (nulls == NULL)
		nulls = palloc0_array(bool, desc->natts);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, unconstify(bool *, nulls)));
}

double
milliseconds_since(instr_time start)
{
	instr_time duration;

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	return INSTR_TIME_GET_MILLISEC(duration);
}

const char *
result_relation(FunctionCallInfo fcinfo)
{
	Oid type;
	Oid relid;

	(void) get_call_result_type(fcinfo, &type, NULL);
	relid = get_typ_typrelid(type);
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* A row that the function has just written is there whatever snapshot its transaction has. */
Datum
result_row(FunctionCallInfo fcinfo, const char *column, Oid type, Datum value)
{
	const char *relation = result_relation(fcinfo);
	int			result;

	PushActiveSnapshot(GetLatestSnapshot());
	result = SPI_execute_with_args(psprintf("SELECT v FROM %s AS v"
											" WHERE v.%s OPERATOR(pg_catalog.=) $1",
											relation, quote_identifier(column)),
								   1, &type, &value, NULL, true, 0);
	PopActiveSnapshot();
	if (result != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "%s has not the row that was written", relation);
	return SPI_datumTransfer(sql_value_not_null(0, 1), false, -1);
}

int32
bounded_argument(FunctionCallInfo fcinfo, int arg, const char *name, int32 default_value, int32 max)
{
	int32 value = PG_ARGISNULL(arg) ? default_value : PG_GETARG_INT32(arg);

	if (value < 1 || value > max)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must be between 1 and %d", name, max)));
	return value;
}

void
require_argument(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name)));
}

char *
text_argument(FunctionCallInfo fcinfo, int arg, const char *name)
{
	require_argument(fcinfo, arg, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

int32
count_argument(FunctionCallInfo fcinfo, int arg, const char *name)
{
	require_argument(fcinfo, arg, name);
	if (PG_GETARG_INT32(arg) < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must not be negative", name)));
	return PG_GETARG_INT32(arg);
}

TimestampTz
deadline_argument(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return DT_NOEND;
	return DatumGetTimestampTz(DirectFunctionCall2(
		timestamptz_pl_interval, TimestampTzGetDatum(GetCurrentTimestamp()), PG_GETARG_DATUM(arg)));
}
