/*-------------------------------------------------------------------------
 *
 * narrow.c
 *		Single things that can be said of a value, taken into its space.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <limits.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "graph/constant.h"
#include "graph/narrow.h"

/* How much finer than what it is compared with a number without a scale is when it must not be equal. */
#define EXCLUSIVE_SCALE 6

ValueSpace *
narrow_copy(const ValueSpace *space)
{
	ValueSpace *copy = palloc_object(ValueSpace);

	*copy = *space;
	copy->state = NULL;
	if (space->element != NULL)
		copy->element = narrow_copy(space->element);
	return copy;
}

void
narrow_to_nothing(ValueSpace *space)
{
	space->allowed = palloc0_object(Datum);
	space->nallowed = 0;
}

void
narrow_discrete_range(const ValueSpace *space, int64 *min, int64 *max)
{
	int64 bound;
	bool  whole;

	constant_range(space->base, min, max);
	if (space->has_min && constant_floor(space->min, space->base, &bound, &whole))
		*min = Max(*min, bound);
	if (space->has_max && constant_floor(space->max, space->base, &bound, &whole))
		*max = Min(*max, bound);
}

/* Raises the smallest value to this one. */
static void
raise_min(ValueSpace *space, Datum value)
{
	if (space->has_min && space_compare(space, value, space->min) <= 0)
		return;
	space->has_min = true;
	space->min = value;
}

/* Lowers the largest value to this one. */
static void
lower_max(ValueSpace *space, Datum value)
{
	if (space->has_max && space_compare(space, value, space->max) >= 0)
		return;
	space->has_max = true;
	space->max = value;
}

/* Tells whether a list has a value. */
static bool
list_has(const ValueSpace *space, int count, const Datum *values, Datum value)
{
	for (int i = 0; i < count; i++)
	{
		if (space_compare(space, values[i], value) == 0)
			return true;
	}
	return false;
}

bool
narrow_to_list(ValueSpace *space, int nconstants, const Datum *constants, Oid type)
{
	Datum *values = palloc_array(Datum, nconstants + 1);
	int	   count = 0;

	for (int i = 0; i < nconstants; i++)
	{
		Datum value;
		bool  fits;

		if (!constant_value(space, constants[i], type, &value, &fits))
			return false;
		if (fits && !list_has(space, count, values, value) &&
			(space->allowed == NULL || list_has(space, space->nallowed, space->allowed, value)))
			values[count++] = value;
	}
	space->allowed = values;
	space->nallowed = count;
	return true;
}

/* The value is not this constant. */
static bool
exclude(ValueSpace *space, Datum constant, Oid type)
{
	Datum  value;
	bool   fits;
	Datum *excluded;

	if (!constant_value(space, constant, type, &value, &fits))
		return false;
	if (!fits || list_has(space, space->nexcluded, space->excluded, value))
		return true;
	if (space->kind == VALUE_TEXT && space->base != CHAROID)
	{
		const char *text = space_output(space, value);

		if (text[strspn(text, " ")] == '\0' && (text[0] == '\0' || space->base == BPCHAROID))
			return narrow_length(space, BTGreaterStrategyNumber, 0);
	}
	excluded = palloc_array(Datum, space->nexcluded + 1);
	if (space->nexcluded > 0)
		memcpy(excluded, space->excluded, space->nexcluded * sizeof(Datum));
	excluded[space->nexcluded++] = value;
	space->excluded = excluded;
	return true;
}

/* Narrows whole numbers and days to those on a side of a number; whole says whether it is one itself. */
static void
narrow_discrete(ValueSpace *space, StrategyNumber strategy, int64 number, bool whole)
{
	int64 type_min;
	int64 type_max;
	bool  lower = strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber;

	constant_range(space->base, &type_min, &type_max);
	if ((strategy == BTLessStrategyNumber && whole) ||
		(lower && (strategy == BTGreaterStrategyNumber || !whole)))
	{
		if (number == (lower ? PG_INT64_MAX : PG_INT64_MIN))
		{
			narrow_to_nothing(space);
			return;
		}
		number += lower ? 1 : -1;
	}
	if (lower ? number > type_max : number < type_min)
		narrow_to_nothing(space);
	else if (lower && number > type_min)
		raise_min(space, constant_discrete(space, number));
	else if (!lower && number < type_max)
		lower_max(space, constant_discrete(space, number));
}

/* Returns the smallest number that a numeric's scale, or six digits more than a bound's, can tell from another. */
static Datum
numeric_step(const ValueSpace *space, Datum bound)
{
	int scale;

	if (space->base_typmod >= (int32) VARHDRSZ)
		scale = constant_scale(space);
	else
		scale = DatumGetInt32(DirectFunctionCall1(numeric_scale, bound)) + EXCLUSIVE_SCALE;
	return constant_numeric(psprintf("1e%d", -scale));
}

/* Returns the microseconds between values of a type of times with a precision. */
static int64
time_step(const ValueSpace *space)
{
	int64 step = 1;

	if (space->base_typmod < 0 || space->kind == VALUE_INTERVAL)
		return 1;
	for (int digits = space->base_typmod; digits < 6; digits++)
		step *= 10;
	return step;
}

/* Finds the value next to a bound, above it or below; returns false where there is none, or none that is understood. */
static bool
next_value(const ValueSpace *space, Datum bound, bool above, Datum *next)
{
	int64 step = above ? 1 : -1;

	switch (space->base)
	{
		case NUMERICOID:
			if (numeric_is_nan(DatumGetNumeric(bound)) || numeric_is_inf(DatumGetNumeric(bound)))
				return false;
			*next = DirectFunctionCall2(above ? numeric_add : numeric_sub, bound,
										numeric_step(space, bound));
			return true;
		case MONEYOID:
			*next = CashGetDatum(DatumGetCash(bound) + step);
			return true;
		case FLOAT4OID:
			*next = Float4GetDatum(nextafterf(DatumGetFloat4(bound), above ? FLT_MAX : -FLT_MAX));
			return isfinite(DatumGetFloat4(bound)) &&
				   DatumGetFloat4(*next) != DatumGetFloat4(bound);
		case FLOAT8OID:
			*next = Float8GetDatum(nextafter(DatumGetFloat8(bound), above ? DBL_MAX : -DBL_MAX));
			return isfinite(DatumGetFloat8(bound)) &&
				   DatumGetFloat8(*next) != DatumGetFloat8(bound);
		case TIMEOID:
			*next = TimeADTGetDatum(DatumGetTimeADT(bound) + step * time_step(space));
			return DatumGetTimeADT(*next) >= 0 && DatumGetTimeADT(*next) <= USECS_PER_DAY;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*next = TimestampGetDatum(DatumGetTimestamp(bound) + step * time_step(space));
			return !TIMESTAMP_NOT_FINITE(DatumGetTimestamp(bound)) &&
				   IS_VALID_TIMESTAMP(DatumGetTimestamp(*next));
		case INTERVALOID:
			*next = datumCopy(bound, false, sizeof(Interval));
			DatumGetIntervalP(*next)->time += step;
			return !INTERVAL_NOT_FINITE(DatumGetIntervalP(bound)) &&
				   DatumGetIntervalP(bound)->time > PG_INT64_MIN &&
				   DatumGetIntervalP(bound)->time < PG_INT64_MAX;
		default:
			return false;
	}
}

/*
 * Finds the value nearest to a constant that no value of base equals; *exclusive is false where it is on
 * the side of it that is allowed.  Returns false where it is beyond all values.
 */
static bool
nearest_value(const ValueSpace *space, Datum constant, bool lower, Datum *bound, bool *exclusive)
{
	bool fits;

	if (space->base == NUMERICOID)
	{
		*bound = constant_round(space, constant, &fits);
		if (!fits)
			return false;
		*exclusive =
			!DatumGetBool(DirectFunctionCall2(lower ? numeric_gt : numeric_lt, *bound, constant));
	}
	else
	{
		float8 near = (float8) (float4) DatumGetFloat8(constant);

		*bound = Float4GetDatum((float4) near);
		*exclusive = lower ? near < DatumGetFloat8(constant) : near > DatumGetFloat8(constant);
	}
	return true;
}

/* Narrows values that are no whole numbers to those on a side of a constant. */
static bool
narrow_continuous(ValueSpace *space, StrategyNumber strategy, Datum constant, Oid type)
{
	bool  lower = strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber;
	bool  exclusive = strategy == BTLessStrategyNumber || strategy == BTGreaterStrategyNumber;
	Datum bound;
	bool  fits;

	if (space->kind != VALUE_NUMERIC && space->kind != VALUE_FLOAT && space->kind != VALUE_TIME &&
		space->kind != VALUE_TIMESTAMP && space->kind != VALUE_INTERVAL)
		return false;
	if (!constant_value(space, constant, type, &bound, &fits))
		return false;
	if (!fits && !nearest_value(space, constant, lower, &bound, &exclusive))
	{
		bool above = DatumGetBool(DirectFunctionCall2(numeric_gt, constant, constant_numeric("0")));

		/* All values of the type are on one side of it. */
		if (above == lower)
			narrow_to_nothing(space);
		return true;
	}
	if (exclusive && !next_value(space, bound, lower, &bound))
		return false;
	if (lower)
		raise_min(space, bound);
	else
		lower_max(space, bound);
	return true;
}

bool
narrow_compare(ValueSpace *space, StrategyNumber strategy, Datum constant, Oid type)
{
	int64 number;
	bool  whole;

	if (strategy == BTEqualStrategyNumber)
		return narrow_to_list(space, 1, &constant, type);
	if (strategy == DIFFERENT_STRATEGY)
		return exclude(space, constant, type);
	if (space->kind != VALUE_INTEGER && space->kind != VALUE_DATE)
		return narrow_continuous(space, strategy, constant, type);
	if (space->kind == VALUE_DATE && type == TIMESTAMPOID)
	{
		Timestamp moment = DatumGetTimestamp(constant);

		if (TIMESTAMP_NOT_FINITE(moment))
			return false;
		number = moment / USECS_PER_DAY - (moment % USECS_PER_DAY < 0 ? 1 : 0);
		whole = moment % USECS_PER_DAY == 0;
	}
	else if ((space->kind == VALUE_DATE) != (type == DATEOID) ||
			 !constant_floor(constant, type, &number, &whole))
		return false;
	narrow_discrete(space, strategy, number, whole);
	return true;
}

bool
narrow_length(ValueSpace *space, StrategyNumber strategy, int64 length)
{
	int64 min = 0;
	int64 max = INT_MAX;

	if (space->kind != VALUE_TEXT && space->kind != VALUE_ARRAY && space->kind != VALUE_BYTEA &&
		space->kind != VALUE_BIT)
		return false;
	switch (strategy)
	{
		case BTLessStrategyNumber:
			max = length - 1;
			break;
		case BTLessEqualStrategyNumber:
			max = length;
			break;
		case BTEqualStrategyNumber:
			min = max = length;
			break;
		case BTGreaterEqualStrategyNumber:
			min = length;
			break;
		case BTGreaterStrategyNumber:
			min = length + 1;
			break;
		default:
			if (length != 0)
				return false;
			min = 1;
			break;
	}
	if (max < 0 || min > INT_MAX || length > INT_MAX)
	{
		if (max < 0 || min > INT_MAX)
			narrow_to_nothing(space);
		return true;
	}
	if (min > 0)
		space->min_length = Max(space->min_length, (int) min);
	if (max < INT_MAX)
		space->max_length = space->max_length < 0 ? (int) max : Min(space->max_length, (int) max);
	return true;
}

bool
narrow_year(ValueSpace *space, StrategyNumber strategy, int64 year)
{
	int64 first;
	int64 next;
	int64 unit = space->base == DATEOID ? 1 : USECS_PER_DAY;

	if (year < 1 || year > 9999 || (space->base != DATEOID && space->base != TIMESTAMPOID) ||
		strategy == DIFFERENT_STRATEGY)
		return false;
	first = (int64) (date2j((int) year, 1, 1) - POSTGRES_EPOCH_JDATE) * unit;
	next = (int64) (date2j((int) year + 1, 1, 1) - POSTGRES_EPOCH_JDATE) * unit;
	if (strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber ||
		strategy == BTEqualStrategyNumber)
	{
		int64 last = (strategy == BTLessStrategyNumber ? first : next) - 1;

		lower_max(space, unit == 1 ? DateADTGetDatum((DateADT) last) : TimestampGetDatum(last));
	}
	if (strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber ||
		strategy == BTEqualStrategyNumber)
	{
		int64 start = strategy == BTGreaterStrategyNumber ? next : first;

		raise_min(space, unit == 1 ? DateADTGetDatum((DateADT) start) : TimestampGetDatum(start));
	}
	return true;
}

bool
narrow_to_multiple(ValueSpace *space, int64 number)
{
	int64 a = space->multiple_of;
	int64 b = number;
	int64 multiple;

	if (number <= 0 ||
		(space->kind != VALUE_INTEGER && space->kind != VALUE_NUMERIC &&
		 space->kind != VALUE_FLOAT) ||
		space->base == MONEYOID)
		return false;
	if (number == 1 && space->kind == VALUE_INTEGER)
		return true;
	if (a == 0)
		multiple = number;
	else
	{
		while (b != 0)
		{
			int64 rest = a % b;

			a = b;
			b = rest;
		}
		if (pg_mul_s64_overflow(space->multiple_of / a, number, &multiple))
			return false;
	}
	space->multiple_of = multiple;
	return true;
}

bool
narrow_pattern(ValueSpace *space, const char *expression, bool ignore_case)
{
	ListCell *cell;
	int		  options = 0;

	if (space->kind != VALUE_TEXT || space->base == CHAROID || strncmp(expression, "***", 3) == 0)
		return false;
	if (ignore_case)
	{
		/* Options that it begins with must stay the first thing in it. */
		if (expression[0] == '(' && expression[1] == '?')
			options = strspn(expression + 2, "bceimnpqstwx");
		if (options > 0 && expression[2 + options] == ')')
			expression = psprintf("(?i%s", expression + 2);
		else
			expression = psprintf("(?i)%s", expression);
	}
	foreach(cell, space->patterns)
	{
		if (strcmp(lfirst(cell), expression) == 0)
			return true;
	}
	space->patterns = lappend(list_copy(space->patterns), pstrdup(expression));
	return true;
}

/* Moves bounds of whole numbers and days off values that are excluded. */
static void
settle_bounds(ValueSpace *space)
{
	int64 min;
	int64 max;

	if (space->nexcluded == 0 || (space->kind != VALUE_INTEGER && space->kind != VALUE_DATE))
		return;
	for (int i = 0; i <= space->nexcluded; i++)
	{
		narrow_discrete_range(space, &min, &max);
		if (min >= max)
			return;
		if (space->has_min && list_has(space, space->nexcluded, space->excluded, space->min))
			space->min = constant_discrete(space, min + 1);
		if (space->has_max && list_has(space, space->nexcluded, space->excluded, space->max))
			space->max = constant_discrete(space, max - 1);
	}
}

void
narrow_settle(ValueSpace *space)
{
	Datum *allowed;
	int	   count = 0;

	space->state = NULL;
	if (space->element != NULL)
		narrow_settle(space->element);
	settle_bounds(space);
	if (space->allowed == NULL)
		return;
	allowed = palloc_array(Datum, space->nallowed + 1);
	for (int i = 0; i < space->nallowed; i++)
	{
		if (space_has(space, space->allowed[i]))
			allowed[count++] = space->allowed[i];
	}
	space->allowed = allowed;
	space->nallowed = count;
	space->state = NULL;
}
