/*-------------------------------------------------------------------------
 *
 * figures.c
 *		The row of figures that a function returns of what it did.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/figures.h"

Datum
figures_row(FunctionCallInfo fcinfo, Datum *values)
{
	TupleDesc desc;
	bool	 *nulls;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nulls = palloc0_array(bool, desc->natts);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
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

TimestampTz
deadline_argument(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return DT_NOEND;
	return DatumGetTimestampTz(DirectFunctionCall2(
		timestamptz_pl_interval, TimestampTzGetDatum(GetCurrentTimestamp()), PG_GETARG_DATUM(arg)));
}
