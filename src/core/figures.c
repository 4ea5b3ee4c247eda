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
