/*-------------------------------------------------------------------------
 *
 * term.c
 *		What an operand of a comparison takes from a value, and what operators
 *		and functions of the server mean.
 *
 * Functions are known by what they are called inside the server, which is the same for
 * all the types that it has them for, and for those of extensions that borrow them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "graph/constant.h"
#include "graph/narrow.h"
#include "graph/term.h"

/* What functions of one argument, or whose first matters, do to a value. */
typedef enum Effect
{
	EFFECT_SAME, /* a cast that keeps order and loses nothing */
	EFFECT_UNPADDED,
	EFFECT_LOWER,
	EFFECT_UPPER,
	EFFECT_TRIM,
	EFFECT_TRIM_SET, /* of characters that are the second argument */
	EFFECT_WHOLE,
	EFFECT_LENGTH,
	EFFECT_ARRAY_LENGTH, /* along the dimension that is the second */
	EFFECT_BYTES,
	EFFECT_REMAINDER,
	EFFECT_YEAR, /* where the first argument says so, of the second */
	EFFECT_POSITION,
	EFFECT_JSON_TYPE
} Effect;

static const struct
{
	const char *function;
	Effect		effect;
} effects[] = {
	{"i2toi4", EFFECT_SAME},
	{"int28", EFFECT_SAME},
	{"int48", EFFECT_SAME},
	{"int2_numeric", EFFECT_SAME},
	{"int4_numeric", EFFECT_SAME},
	{"int8_numeric", EFFECT_SAME},
	{"i2tod", EFFECT_SAME},
	{"i4tod", EFFECT_SAME},
	{"ftod", EFFECT_SAME},
	{"name_text", EFFECT_SAME},
	{"char_text", EFFECT_SAME},
	{"rtrim1", EFFECT_UNPADDED},
	{"lower", EFFECT_LOWER},
	{"upper", EFFECT_UPPER},
	{"btrim1", EFFECT_TRIM},
	{"ltrim1", EFFECT_TRIM},
	{"btrim", EFFECT_TRIM_SET},
	{"ltrim", EFFECT_TRIM_SET},
	{"rtrim", EFFECT_TRIM_SET},
	{"numeric_trunc", EFFECT_WHOLE},
	{"numeric_floor", EFFECT_WHOLE},
	{"numeric_ceil", EFFECT_WHOLE},
	{"numeric_round", EFFECT_WHOLE},
	{"dtrunc", EFFECT_WHOLE},
	{"dfloor", EFFECT_WHOLE},
	{"dceil", EFFECT_WHOLE},
	{"dround", EFFECT_WHOLE},
	{"textlen", EFFECT_LENGTH},
	{"bpcharlen", EFFECT_LENGTH},
	{"byteaoctetlen", EFFECT_LENGTH},
	{"bitlength", EFFECT_LENGTH},
	{"array_cardinality", EFFECT_LENGTH},
	{"array_length", EFFECT_ARRAY_LENGTH},
	{"textoctetlen", EFFECT_BYTES},
	{"int2mod", EFFECT_REMAINDER},
	{"int4mod", EFFECT_REMAINDER},
	{"int8mod", EFFECT_REMAINDER},
	{"numeric_mod", EFFECT_REMAINDER},
	{"extract_date", EFFECT_YEAR},
	{"extract_timestamp", EFFECT_YEAR},
	{"timestamp_part", EFFECT_YEAR},
	{"textpos", EFFECT_POSITION},
	{"jsonb_typeof", EFFECT_JSON_TYPE},
	{"json_typeof", EFFECT_JSON_TYPE},
};

static const struct
{
	const char *function;
	Meaning		meaning;
} meanings[] = {
	{"textregexeq", MEANING_MATCHES},
	{"bpcharregexeq", MEANING_MATCHES},
	{"nameregexeq", MEANING_MATCHES},
	{"regexp_like_no_flags", MEANING_MATCHES},
	{"texticregexeq", MEANING_MATCHES_ANY_CASE},
	{"bpcharicregexeq", MEANING_MATCHES_ANY_CASE},
	{"nameicregexeq", MEANING_MATCHES_ANY_CASE},
	{"textlike", MEANING_LIKE},
	{"bpcharlike", MEANING_LIKE},
	{"namelike", MEANING_LIKE},
	{"texticlike", MEANING_LIKE_ANY_CASE},
	{"bpchariclike", MEANING_LIKE_ANY_CASE},
	{"nameiclike", MEANING_LIKE_ANY_CASE},
	{"text_starts_with", MEANING_STARTS_WITH},
	{"arraycontained", MEANING_ELEMENTS_AMONG},
	{"date_finite", MEANING_FINITE},
	{"timestamp_finite", MEANING_FINITE},
	{"array_position", MEANING_ELEMENT_POSITION},
};

/* Returns what a function is called inside the server; an empty string where it is not the server's. */
static const char *
internal_name(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	const char *name = "";
	bool		isnull;
	Datum		source;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == INTERNALlanguageId && !isnull)
		name = TextDatumGetCString(source);
	ReleaseSysCache(tuple);
	return name;
}

/* Returns what a function does to a value; false where that is not known. */
static bool
function_effect(Oid function, Effect *effect)
{
	const char *name = internal_name(function);

	for (size_t i = 0; i < lengthof(effects); i++)
	{
		if (strcmp(effects[i].function, name) == 0)
		{
			*effect = effects[i].effect;
			return true;
		}
	}
	return false;
}

Meaning
function_meaning(Oid function)
{
	const char *name = internal_name(function);

	for (size_t i = 0; i < lengthof(meanings); i++)
	{
		if (strcmp(meanings[i].function, name) == 0)
			return meanings[i].meaning;
	}
	return MEANING_NONE;
}

StrategyNumber
operator_strategy(Oid op)
{
	Oid				left;
	Oid				right;
	TypeCacheEntry *entry;
	int				strategy;

	op_input_types(op, &left, &right);
	entry = lookup_type_cache(left, TYPECACHE_BTREE_OPFAMILY);
	if (!OidIsValid(entry->btree_opf))
		return InvalidStrategy;
	strategy = get_op_opfamily_strategy(op, entry->btree_opf);
	if (strategy == 0 && OidIsValid(get_negator(op)) &&
		get_op_opfamily_strategy(get_negator(op), entry->btree_opf) == BTEqualStrategyNumber)
		strategy = DIFFERENT_STRATEGY;
	return (StrategyNumber) strategy;
}

/* Returns what an expression is another name of the type for, of an array perhaps: the bytes are the same. */
static Node *
strip_relabeling(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, ArrayCoerceExpr) &&
				 IsA(strip_relabeling((Node *) ((ArrayCoerceExpr *) node)->elemexpr), CaseTestExpr))
			node = (Node *) ((ArrayCoerceExpr *) node)->arg;
		else
			return node;
	}
}

bool
term_is_value(Node *node)
{
	return IsA(strip_relabeling(node), CoerceToDomainValue);
}

bool
term_never_null(Node *node)
{
	Effect effect;

	node = strip_relabeling(node);
	if (IsA(node, CoerceToDomainValue) || (IsA(node, Const) && !((Const *) node)->constisnull))
		return true;
	if (IsA(node, CoerceViaIO))
		return term_never_null((Node *) ((CoerceViaIO *) node)->arg);
	if (IsA(node, FuncExpr))
	{
		ListCell *cell;

		if (!function_effect(((FuncExpr *) node)->funcid, &effect) ||
			effect == EFFECT_ARRAY_LENGTH || effect == EFFECT_YEAR)
			return false;
		foreach(cell, ((FuncExpr *) node)->args)
		{
			if (!term_never_null(lfirst(cell)))
				return false;
		}
		return true;
	}
	return false;
}

/* Reads a constant text; NULL where it is none. */
static const char *
constant_text(Node *node)
{
	Const *constant = (Const *) node;

	if (!IsA(node, Const) || constant->constisnull || constant->consttype != TEXTOID)
		return NULL;
	return TextDatumGetCString(constant->constvalue);
}

/* Reads a constant whole number; returns false where it is none. */
static bool
constant_whole(Node *node, int64 *number)
{
	Const *constant = (Const *) node;
	bool   whole;

	return IsA(node, Const) && !constant->constisnull &&
		   constant_floor(constant->constvalue, constant->consttype, number, &whole) && whole;
}

/* Reads what a function does to the value on its own, case and edges and the like. */
static bool
read_wrapper(const ValueSpace *space, Effect effect, Node *second, Term *term)
{
	switch (effect)
	{
		case EFFECT_UNPADDED:
			/* It is what char(n) is cast to text by, and what rtrim() is. */
			if (space->base == BPCHAROID && !term->trimmed)
				term->unpadded = true;
			else
				term->trimmed = true;
			return space->kind == VALUE_TEXT;
		case EFFECT_LOWER:
			term->lower_case = true;
			return space->kind == VALUE_TEXT && !term->upper_case;
		case EFFECT_UPPER:
			term->upper_case = true;
			return space->kind == VALUE_TEXT && !term->lower_case;
		case EFFECT_TRIM_SET:
			if (second == NULL || constant_text(second) == NULL)
				return false;
			term->approximate |= strcmp(constant_text(second), " ") != 0;
			/* FALLTHROUGH */
		case EFFECT_TRIM:
			term->trimmed = true;
			return space->kind == VALUE_TEXT;
		case EFFECT_WHOLE:
			term->whole = true;
			return (space->kind == VALUE_NUMERIC || space->kind == VALUE_FLOAT) &&
				   (second == NULL || (IsA(second, Const) && !((Const *) second)->constisnull &&
									   DatumGetInt32(((Const *) second)->constvalue) == 0));
		default:
			return effect == EFFECT_SAME;
	}
}

/* Reads a function of the value, or of what other functions make of it. */
static bool
read_function(const ValueSpace *space, Oid function, List *args, Term *term)
{
	Effect effect;
	Node  *first = linitial(args);
	Node  *second = list_length(args) > 1 ? lsecond(args) : NULL;
	int64  number;

	if (!function_effect(function, &effect))
		return false;
	if (effect == EFFECT_YEAR)
	{
		const char *field = second == NULL ? NULL : constant_text(first);

		if (field == NULL || pg_strcasecmp(field, "year") != 0)
			return false;
		first = second;
	}
	if (!term_read(space, first, term) || term->kind != TERM_VALUE)
		return false;
	switch (effect)
	{
		case EFFECT_ARRAY_LENGTH:
			if (second == NULL || !constant_whole(second, &number) || number != 1)
				return false;
			/* FALLTHROUGH */
		case EFFECT_LENGTH:
			term->kind = TERM_LENGTH;
			return true;
		case EFFECT_BYTES:
			term->kind = TERM_BYTES;
			return space->kind == VALUE_TEXT;
		case EFFECT_REMAINDER:
			term->kind = TERM_REMAINDER;
			return second != NULL && constant_whole(second, &term->number);
		case EFFECT_YEAR:
			term->kind = TERM_YEAR;
			return true;
		case EFFECT_POSITION:
			term->kind = TERM_POSITION;
			term->text = second == NULL ? NULL : constant_text(second);
			return term->text != NULL && space->kind == VALUE_TEXT;
		case EFFECT_JSON_TYPE:
			term->kind = TERM_JSON_TYPE;
			return space->kind == VALUE_JSON;
		default:
			return read_wrapper(space, effect, second, term);
	}
}

/* Notes where a function folds case by another collation than the column's. */
static bool
note_collation(const ValueSpace *space, Oid collation, Term *term)
{
	if ((term->lower_case || term->upper_case) && collation != space->collation)
		term->approximate = true;
	return true;
}

bool
term_read(const ValueSpace *space, Node *node, Term *term)
{
	node = strip_relabeling(node);
	if (IsA(node, CoerceToDomainValue))
	{
		memset(term, 0, sizeof(*term));
		return true;
	}
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->args != NIL)
	{
		FuncExpr *function = (FuncExpr *) node;

		return read_function(space, function->funcid, function->args, term) &&
			   note_collation(space, function->inputcollid, term);
	}
	if (IsA(node, OpExpr) && list_length(((OpExpr *) node)->args) == 2)
		return read_function(space, get_opcode(((OpExpr *) node)->opno), ((OpExpr *) node)->args,
							 term);
	return false;
}
