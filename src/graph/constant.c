/*-------------------------------------------------------------------------
 *
 * constant.c
 *		Constants that values are compared with, read as values of a space.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "core/compat.h"
#include "graph/constant.h"

bool
constant_floor(Datum constant, Oid type, int64 *floor_value, bool *whole)
{
	Numeric number;
	Datum	floored;
	float8	real;

	*whole = true;
	switch (type)
	{
		case INT2OID:
			*floor_value = DatumGetInt16(constant);
			return true;
		case INT4OID:
			*floor_value = DatumGetInt32(constant);
			return true;
		case INT8OID:
			*floor_value = DatumGetInt64(constant);
			return true;
		case DATEOID:
			*floor_value = DatumGetDateADT(constant);
			return !DATE_NOT_FINITE(DatumGetDateADT(constant));
		case FLOAT4OID:
		case FLOAT8OID:
			real = type == FLOAT4OID ? DatumGetFloat4(constant) : DatumGetFloat8(constant);
			if (isnan(real) || !FLOAT8_FITS_IN_INT64(floor(real)))
				return false;
			*floor_value = (int64) floor(real);
			*whole = floor(real) == real;
			return true;
		case NUMERICOID:
			number = DatumGetNumeric(constant);
			if (numeric_is_nan(number) || numeric_is_inf(number))
				return false;
			floored = DirectFunctionCall1(numeric_floor, constant);
			if (!DatumGetBool(DirectFunctionCall2(
					numeric_le, DirectFunctionCall1(numeric_abs, floored),
					DirectFunctionCall1(int8_numeric, Int64GetDatum(PG_INT64_MAX)))))
				return false;
			*floor_value = DatumGetInt64(DirectFunctionCall1(numeric_int8, floored));
			*whole = DatumGetBool(DirectFunctionCall2(numeric_eq, floored, constant));
			return true;
		default:
			return false;
	}
}

void
constant_range(Oid type, int64 *min, int64 *max)
{
	switch (type)
	{
		case INT2OID:
			*min = PG_INT16_MIN;
			*max = PG_INT16_MAX;
			break;
		case INT4OID:
			*min = PG_INT32_MIN;
			*max = PG_INT32_MAX;
			break;
		case DATEOID:
			*min = DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE;
			*max = DATE_END_JULIAN - POSTGRES_EPOCH_JDATE - 1;
			break;
		default:
			*min = PG_INT64_MIN;
			*max = PG_INT64_MAX;
			break;
	}
}

Datum
constant_discrete(const ValueSpace *space, int64 number)
{
	switch (space->base)
	{
		case INT2OID:
			return Int16GetDatum((int16) number);
		case INT4OID:
			return Int32GetDatum((int32) number);
		case DATEOID:
			return DateADTGetDatum((DateADT) number);
		default:
			return Int64GetDatum(number);
	}
}

Datum
constant_numeric(const char *text)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

int
constant_scale(const ValueSpace *space)
{
	return (((space->base_typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
}

Datum
constant_round(const ValueSpace *space, Datum value, bool *fits)
{
	int precision;
	int scale;

	*fits = true;
	if (space->base_typmod < (int32) VARHDRSZ || numeric_is_nan(DatumGetNumeric(value)))
		return value;
	*fits = !numeric_is_inf(DatumGetNumeric(value));
	if (!*fits)
		return value;
	precision = ((space->base_typmod - VARHDRSZ) >> 16) & 0xffff;
	scale = constant_scale(space);
	value = DirectFunctionCall2(numeric_round, value, Int32GetDatum(scale));
	*fits =
		DatumGetBool(DirectFunctionCall2(numeric_lt, DirectFunctionCall1(numeric_abs, value),
										 constant_numeric(psprintf("1e%d", precision - scale))));
	return value;
}

bool
constant_value(const ValueSpace *space, Datum constant, Oid type, Datum *value, bool *fits)
{
	int64 number;
	bool  whole;
	int64 min;
	int64 max;
	char *text;

	*fits = true;
	if (space->kind == VALUE_INTEGER || (space->base == DATEOID && type == DATEOID))
	{
		if (space->base == DATEOID && DATE_NOT_FINITE(DatumGetDateADT(constant)))
		{
			*value = constant;
			return true;
		}
		if (!constant_floor(constant, type, &number, &whole))
			return false;
		constant_range(space->base, &min, &max);
		*fits = whole && number >= min && number <= max;
		if (*fits)
			*value = constant_discrete(space, number);
		return true;
	}
	if (space->kind == VALUE_TEXT)
	{
		Oid	 output;
		bool is_varlena;

		getTypeOutputInfo(type, &output, &is_varlena);
		text = OidOutputFunctionCall(output, constant);
		if (space->base == BPCHAROID)
		{
			int length = strlen(text);

			while (length > 0 && text[length - 1] == ' ')
				text[--length] = '\0';
		}
		*fits = space->max_length < 0 || pg_mbstrlen(text) <= space->max_length;
		*value = *fits ? space_text(space, text) : (Datum) 0;
		return true;
	}
	if (space->base == FLOAT4OID && type == FLOAT8OID)
	{
		float4 narrow = (float4) DatumGetFloat8(constant);

		*fits = (float8) narrow == DatumGetFloat8(constant);
		*value = Float4GetDatum(narrow);
		return true;
	}
	if (space->base == FLOAT8OID && type == FLOAT4OID)
	{
		*value = Float8GetDatum((float8) DatumGetFloat4(constant));
		return true;
	}
	if (type != space->base)
		return false;
	*value = datumCopy(constant, space->typbyval, space->typlen);
	if (space->base == NUMERICOID)
	{
		Datum rounded = constant_round(space, *value, fits);

		*fits = *fits && DatumGetBool(DirectFunctionCall2(numeric_eq, rounded, *value));
		*value = rounded;
	}
	return true;
}
