/*-------------------------------------------------------------------------
 *
 * member.c
 *		Whether a value is in a space.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varbit.h"

#include "core/compat.h"
#include "graph/space.h"

/* What is made of a space's checks and patterns to test values by. */
typedef struct SpaceState
{
	ExprContext *context;
	List		*checks;   /* of ExprState */
	List		*patterns; /* of text * */
	bool		 elements; /* an array's elements need a test of their own */
} SpaceState;

/* Tells whether some values of a type are not in a space. */
static bool
is_restricted(const ValueSpace *space)
{
	return space->not_null || (space->allowed != NULL && space->kind != VALUE_ENUM) ||
		   space->nexcluded > 0 || space->has_min || space->has_max || space->min_length >= 0 ||
		   space->max_length >= 0 || space->patterns != NIL || space->lower_case ||
		   space->upper_case || space->trimmed || space->multiple_of != 0 || space->checks != NIL;
}

/* Compiles what a space's values are tested by, to last as long as the space. */
static SpaceState *
compile(ValueSpace *space)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(space));
	SpaceState	 *state = palloc0_object(SpaceState);
	ListCell	 *cell;

	if (space->checks != NIL)
		state->context = CreateStandaloneExprContext();
	foreach(cell, space->checks)
	{
		const SpaceCheck *check = lfirst(cell);
		Expr			 *expression = expression_planner(copyObject(check->expression));

		state->checks = lappend(state->checks, ExecInitExpr(expression, NULL));
	}
	foreach(cell, space->patterns)
		state->patterns = lappend(state->patterns, cstring_to_text(lfirst(cell)));
	state->elements =
		space->kind == VALUE_ARRAY && space->element != NULL && is_restricted(space->element);
	MemoryContextSwitchTo(old);
	return state;
}

/* Returns a text-like value as a text that functions read; char(n) without what it is padded with. */
static text *
value_text(const ValueSpace *space, Datum value)
{
	switch (space->base)
	{
		case NAMEOID:
			return cstring_to_text(NameStr(*DatumGetName(value)));
		case CHAROID:
			return DatumGetTextPP(DirectFunctionCall1(char_text, value));
		case BPCHAROID:
			return DatumGetTextPP(DirectFunctionCall1(rtrim1, value));
		default:
			return DatumGetTextPP(value);
	}
}

/* Returns the length of a value, as a space's lengths mean it; -1 where it has none. */
static int
value_length(const ValueSpace *space, Datum value)
{
	text *content;

	switch (space->kind)
	{
		case VALUE_TEXT:
			content = value_text(space, value);
			return pg_mbstrlen_with_len(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content));
		case VALUE_ARRAY:
			return ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(value)),
								  ARR_DIMS(DatumGetArrayTypeP(value)));
		case VALUE_BYTEA:
			return VARSIZE_ANY_EXHDR(DatumGetByteaPP(value));
		case VALUE_BIT:
			return VARBITLEN(DatumGetVarBitP(value));
		default:
			return -1;
	}
}

/* Tells whether a text matches the patterns, and has the case and the edges that it must have. */
static bool
text_is_in(const ValueSpace *space, const SpaceState *state, Datum value)
{
	text	   *content = value_text(space, value);
	const char *bytes = VARDATA_ANY(content);
	int			length = VARSIZE_ANY_EXHDR(content);
	ListCell   *cell;
	char	   *folded;

	if (space->trimmed && length > 0 && (bytes[0] == ' ' || bytes[length - 1] == ' '))
		return false;
	if (space->lower_case)
	{
		folded = str_tolower(bytes, length, space->collation);
		if (strlen(folded) != (size_t) length || memcmp(folded, bytes, length) != 0)
			return false;
	}
	if (space->upper_case)
	{
		folded = str_toupper(bytes, length, space->collation);
		if (strlen(folded) != (size_t) length || memcmp(folded, bytes, length) != 0)
			return false;
	}
	foreach(cell, state->patterns)
	{
		/* ~ sees what char(n) is padded with. */
		Datum subject = space->base == BPCHAROID ? value : PointerGetDatum(content);

		if (!DatumGetBool(DirectFunctionCall2Coll(textregexeq, space->collation, subject,
												  PointerGetDatum(lfirst(cell)))))
			return false;
	}
	return true;
}

/* Tells whether a number is a multiple of what it must be a multiple of. */
static bool
is_multiple(const ValueSpace *space, Datum value)
{
	int64 divisor = space->multiple_of;
	Datum rest;

	switch (space->base)
	{
		case INT2OID:
			return DatumGetInt16(value) % divisor == 0;
		case INT4OID:
			return DatumGetInt32(value) % divisor == 0;
		case INT8OID:
			return DatumGetInt64(value) % divisor == 0;
		case NUMERICOID:
			rest = DirectFunctionCall2(numeric_mod, value,
									   DirectFunctionCall1(int8_numeric, Int64GetDatum(divisor)));
			return DatumGetBool(DirectFunctionCall2(
				numeric_eq, rest, DirectFunctionCall1(int4_numeric, Int32GetDatum(0))));
		case FLOAT4OID:
			return fmod(DatumGetFloat4(value), (double) divisor) == 0;
		case FLOAT8OID:
			return fmod(DatumGetFloat8(value), (double) divisor) == 0;
		default:
			return true;
	}
}

/* Tells whether an array's elements are in their space. */
static bool
elements_are_in(ValueSpace *element, Datum value)
{
	Datum *values;
	bool  *nulls;
	int	   count;
	int16  typlen;
	bool   typbyval;
	char   typalign;

	get_typlenbyvalalign(ARR_ELEMTYPE(DatumGetArrayTypeP(value)), &typlen, &typbyval, &typalign);
	deconstruct_array(DatumGetArrayTypeP(value), ARR_ELEMTYPE(DatumGetArrayTypeP(value)), typlen,
					  typbyval, typalign, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i] ? element->not_null : !space_has(element, values[i]))
			return false;
	}
	return true;
}

/* Tells whether a value passes the checks that are not understood. */
static bool
passes_checks(const SpaceState *state, Datum value)
{
	ExprContext *context = state->context;
	ListCell	*cell;
	bool		 passes = true;

	context->domainValue_datum = value;
	context->domainValue_isNull = false;
	foreach(cell, state->checks)
	{
		bool  isnull;
		Datum result = ExecEvalExprSwitchContext(lfirst(cell), context, &isnull);

		if (!isnull && !DatumGetBool(result))
		{
			passes = false;
			break;
		}
	}
	ResetExprContext(context);
	return passes;
}

/* Tells whether a value is one of a list. */
static bool
is_among(const ValueSpace *space, int count, const Datum *values, Datum value)
{
	for (int i = 0; i < count; i++)
	{
		if (space_compare(space, values[i], value) == 0)
			return true;
	}
	return false;
}

bool
space_has(ValueSpace *space, Datum value)
{
	if (space->state == NULL)
		space->state = compile(space);
	if (space->allowed != NULL && !is_among(space, space->nallowed, space->allowed, value))
		return false;
	if (space->nexcluded > 0 && is_among(space, space->nexcluded, space->excluded, value))
		return false;
	if ((space->has_min && space_compare(space, value, space->min) < 0) ||
		(space->has_max && space_compare(space, value, space->max) > 0))
		return false;
	if (space->min_length >= 0 || space->max_length >= 0)
	{
		int length = value_length(space, value);

		if (length >= 0 &&
			(length < space->min_length || (space->max_length >= 0 && length > space->max_length)))
			return false;
	}
	if (space->kind == VALUE_TEXT && !text_is_in(space, space->state, value))
		return false;
	if (space->multiple_of > 0 && !is_multiple(space, value))
		return false;
	if (space->state->elements && !elements_are_in(space->element, value))
		return false;
	return space->state->checks == NIL || passes_checks(space->state, value);
}
