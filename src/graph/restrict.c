/*-------------------------------------------------------------------------
 *
 * restrict.c
 *		Takes into a space what boolean expressions say of a value.
 *
 * The value is known not to be null: a CHECK lets NULL pass unless it says otherwise, and
 * whether it does is found by trying.  So tests for NULL are decided before anything
 * else is looked at, which is all there is to many an OR.  What is taken in may say
 * more than the expression, never less: of two branches one will do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "graph/constant.h"
#include "graph/narrow.h"
#include "graph/pattern.h"
#include "graph/space.h"
#include "graph/term.h"

/* So many values are as good as any number. */
#define PLENTY 1000

/* What stands for the value in an expression, and what is put in its place. */
typedef struct Replacement
{
	bool (*is_value)(const Node *node, void *arg);
	void *arg;
	Node *by;
} Replacement;

static Node *restrict_node(ValueSpace *space, Node *node);

/* Puts something in place of the value. */
static Node *
replace_value(Node *node, Replacement *replacement)
{
	if (node == NULL)
		return NULL;
	if (replacement->is_value(node, replacement->arg))
		return copyObject(replacement->by);
	return expression_tree_mutator(node, replace_value, replacement);
}

/* Returns the comparison for inequality of an operator for equality; NULL where there is none. */
static Node *
differs(Oid equality, Node *left, Node *right, Oid collation)
{
	Oid negator = get_negator(equality);

	if (!OidIsValid(negator))
		return NULL;
	return (Node *) make_opclause(negator, BOOLOID, false, (Expr *) left, (Expr *) right,
								  InvalidOid, collation);
}

/* Decides a test for NULL of what cannot be null where the value is not; NULL where it cannot. */
static Node *
decide_null_test(NullTest *test)
{
	bool  is_null = test->nulltesttype == IS_NULL;
	Node *arg = (Node *) test->arg;

	if (test->argisrow)
		return NULL;
	if (term_never_null(arg))
		return makeBoolConst(!is_null, false);
	if (IsA(arg, NullIfExpr))
	{
		NullIfExpr *nullif = (NullIfExpr *) arg;
		Node	   *left = linitial(nullif->args);
		Node	   *right = lsecond(nullif->args);

		if (!term_never_null(left) || !term_never_null(right))
			return NULL;
		if (!is_null)
			return differs(nullif->opno, left, right, nullif->inputcollid);
		return (Node *) make_opclause(nullif->opno, BOOLOID, false, (Expr *) left, (Expr *) right,
									  InvalidOid, nullif->inputcollid);
	}
	return NULL;
}

/* Decides what depends on whether something is null, knowing that the value is not. */
static Node *
decide_nulls(Node *node, void *context)
{
	Node *decided = NULL;

	if (node == NULL)
		return NULL;
	node = expression_tree_mutator(node, decide_nulls, context);
	if (IsA(node, NullTest))
		decided = decide_null_test((NullTest *) node);
	else if (IsA(node, CoalesceExpr) && term_never_null(linitial(((CoalesceExpr *) node)->args)))
		decided = linitial(((CoalesceExpr *) node)->args);
	else if (IsA(node, DistinctExpr))
	{
		DistinctExpr *distinct = (DistinctExpr *) node;

		if (term_never_null(linitial(distinct->args)) && term_never_null(lsecond(distinct->args)))
			decided = differs(distinct->opno, linitial(distinct->args), lsecond(distinct->args),
							  distinct->inputcollid);
	}
	return decided != NULL ? decided : node;
}

/* Reads an operand whose case, edges and the like do not contradict those that are known. */
static bool
read_term(const ValueSpace *space, Node *node, Term *term)
{
	return term_read(space, node, term) && !(term->lower_case && space->upper_case) &&
		   !(term->upper_case && space->lower_case);
}

/* Takes in the case, the edges and the like that a term stands for, and tells whether the value need not be tested. */
static bool
take_wrappers(ValueSpace *space, const Term *term)
{
	space->lower_case |= term->lower_case;
	space->upper_case |= term->upper_case;
	space->trimmed |= term->trimmed;
	return !(term->whole && !narrow_to_multiple(space, 1)) && !term->approximate;
}

/* Tells whether a term is the value as it is, or the length of it. */
static bool
is_plain(const Term *term)
{
	return !term->lower_case && !term->upper_case && !term->trimmed && !term->whole;
}

/* Returns a text as a regular expression that only it matches. */
static const char *
literal_pattern(const char *text)
{
	StringInfoData pattern;

	initStringInfo(&pattern);
	for (; *text != '\0'; text++)
	{
		if (strchr("\\^$.[]|()*+?{}", *text) != NULL)
			appendStringInfoChar(&pattern, '\\');
		appendStringInfoChar(&pattern, *text);
	}
	return pattern.data;
}

/* Takes in where a text must be found: somewhere, or not at once. */
static bool
take_position(ValueSpace *space, Term *term, StrategyNumber strategy, int64 number)
{
	const char *pattern = literal_pattern(term->text);

	if (strategy == BTGreaterEqualStrategyNumber)
		number--;
	else if (strategy != BTGreaterStrategyNumber && (strategy != DIFFERENT_STRATEGY || number != 0))
		return false;
	if (number < 0 || number > 100)
		return false;
	if (number > 0)
	{
		term->approximate = true;
		pattern = psprintf("^.{" INT64_FORMAT "}.*%s", number, pattern);
	}
	return narrow_pattern(space, pattern, false);
}

/* Takes in what JSON's type must be; it is tested as well. */
static bool
take_json_type(ValueSpace *space, Term *term, StrategyNumber strategy, const Const *constant)
{
	if (strategy != BTEqualStrategyNumber || constant->consttype != TEXTOID ||
		space->json_type != NULL)
		return false;
	space->json_type = TextDatumGetCString(constant->constvalue);
	term->approximate = true;
	return true;
}

/* Takes in how a term compares with a constant. */
static bool
take_comparison(ValueSpace *space, Term *term, StrategyNumber strategy, const Const *constant)
{
	int64 number;
	bool  whole;

	if (constant->constisnull || strategy == InvalidStrategy)
		return false;
	if (term->kind == TERM_VALUE)
		return narrow_compare(space, strategy, constant->constvalue, constant->consttype);
	if (term->kind == TERM_JSON_TYPE)
		return take_json_type(space, term, strategy, constant);
	if (!constant_floor(constant->constvalue, constant->consttype, &number, &whole) || !whole)
		return false;
	switch (term->kind)
	{
		case TERM_BYTES:
			/* No text has more characters than bytes, but one may have fewer. */
			term->approximate = true;
			/* FALLTHROUGH */
		case TERM_LENGTH:
			return narrow_length(space, strategy, number);
		case TERM_REMAINDER:
			return strategy == BTEqualStrategyNumber && number == 0 &&
				   narrow_to_multiple(space, term->number < 0 ? -term->number : term->number);
		case TERM_YEAR:
			return narrow_year(space, strategy, number);
		case TERM_POSITION:
			return take_position(space, term, strategy, number);
		default:
			return false;
	}
}

/* Takes in that a text is as a constant says by an operator or a function. */
static bool
take_meaning(ValueSpace *space, Term *term, Meaning meaning, const Const *constant)
{
	char *operand;

	if (meaning == MEANING_NONE || constant->constisnull || constant->constlen != -1 ||
		(constant->consttype != TEXTOID && constant->consttype != space->base) ||
		space->kind != VALUE_TEXT || term->kind != TERM_VALUE || term->unpadded)
		return false;
	operand = TextDatumGetCString(constant->constvalue);
	switch (meaning)
	{
		case MEANING_MATCHES:
			return narrow_pattern(space, operand, false);
		case MEANING_MATCHES_ANY_CASE:
			return narrow_pattern(space, operand, true);
		case MEANING_LIKE:
			return narrow_pattern(space, pattern_of_like(operand, false), false);
		case MEANING_LIKE_ANY_CASE:
			return narrow_pattern(space, pattern_of_like(operand, true), false);
		case MEANING_STARTS_WITH:
			return narrow_pattern(space, psprintf("^%s", literal_pattern(operand)), false);
		default:
			return false;
	}
}

/* Reads the elements of a constant array that are not null; returns false where it has others too, unless they do not matter. */
static bool
constant_elements(const Const *constant, bool skip_nulls, int *count, Datum **elements, Oid *type)
{
	bool *nulls;
	int16 typlen;
	bool  typbyval;
	char  typalign;
	int	  kept = 0;

	*type = get_element_type(constant->consttype);
	if (constant->constisnull || !OidIsValid(*type))
		return false;
	get_typlenbyvalalign(*type, &typlen, &typbyval, &typalign);
	deconstruct_array(DatumGetArrayTypeP(constant->constvalue), *type, typlen, typbyval, typalign,
					  elements, &nulls, count);
	for (int i = 0; i < *count; i++)
	{
		if (!nulls[i])
			(*elements)[kept++] = (*elements)[i];
		else if (!skip_nulls)
			return false;
	}
	*count = kept;
	return true;
}

/* Takes in that an array's elements are among a constant's. */
static bool
take_elements_among(ValueSpace *space, Node *value, const Const *constant)
{
	Datum *elements;
	int	   count;
	Oid	   type;

	if (!term_is_value(value) || space->kind != VALUE_ARRAY ||
		!constant_elements(constant, true, &count, &elements, &type) ||
		!narrow_to_list(space->element, count, elements, type))
		return false;
	space->element->not_null = true;
	return true;
}

/* Takes in that an expression is the same as the value: it is in lower case, has no edges and the like. */
static bool
take_sameness(ValueSpace *space, Node *left, Node *right)
{
	Term first;
	Term second;

	if (!read_term(space, left, &first) || !read_term(space, right, &second))
		return false;
	if (first.kind != second.kind || (first.kind != TERM_VALUE && first.kind != TERM_LENGTH))
		return false;
	if (is_plain(&first))
		return take_wrappers(space, &second);
	return is_plain(&second) && take_wrappers(space, &first);
}

/* Takes in a comparison; returns what is left to test. */
static Node *
restrict_operator(ValueSpace *space, OpExpr *operation)
{
	Oid			   op = operation->opno;
	Node		  *left = linitial(operation->args);
	Node		  *right = list_length(operation->args) == 2 ? lsecond(operation->args) : NULL;
	StrategyNumber strategy;
	Meaning		   meaning;
	Term		   term;

	if (right == NULL)
		return (Node *) operation;
	strategy = operator_strategy(op);
	if (strategy == BTEqualStrategyNumber && !IsA(left, Const) && !IsA(right, Const))
		return take_sameness(space, left, right) ? NULL : (Node *) operation;
	if (IsA(left, Const) && OidIsValid(get_commutator(op)))
	{
		Node *swapped = left;

		op = get_commutator(op);
		left = right;
		right = swapped;
		strategy = operator_strategy(op);
	}
	if (!IsA(right, Const))
		return (Node *) operation;
	meaning = function_meaning(get_opcode(op));
	if (meaning == MEANING_ELEMENTS_AMONG)
		return take_elements_among(space, left, (Const *) right) ? NULL : (Node *) operation;
	if (!read_term(space, left, &term))
		return (Node *) operation;
	if (!(take_meaning(space, &term, meaning, (Const *) right) ||
		  take_comparison(space, &term, strategy, (Const *) right)) ||
		!take_wrappers(space, &term) ||
		(meaning != MEANING_NONE && operation->inputcollid != space->collation))
		return (Node *) operation;
	return NULL;
}

/* Takes in what a constant array's elements are compared with all or any of; returns what is left to test. */
static Node *
restrict_array(ValueSpace *space, ScalarArrayOpExpr *operation)
{
	Node  *scalar = linitial(operation->args);
	Node  *array = lsecond(operation->args);
	Datum *elements;
	int	   count;
	Oid	   type;
	Term   term;
	List  *parts = NIL;

	if (IsA(scalar, Const) && term_is_value(array) && space->kind == VALUE_ARRAY &&
		!operation->useOr && OidIsValid(get_commutator(operation->opno)))
	{
		Const *constant = (Const *) scalar;

		return !constant->constisnull &&
					   narrow_compare(space->element,
									  operator_strategy(get_commutator(operation->opno)),
									  constant->constvalue, constant->consttype)
				   ? NULL
				   : (Node *) operation;
	}
	if (!IsA(array, Const) ||
		!constant_elements((Const *) array, operation->useOr, &count, &elements, &type))
		return (Node *) operation;
	if (operation->useOr && operator_strategy(operation->opno) == BTEqualStrategyNumber &&
		read_term(space, scalar, &term) && term.kind == TERM_VALUE)
	{
		if (narrow_to_list(space, count, elements, type) && take_wrappers(space, &term))
			return NULL;
		return (Node *) operation;
	}

	/* Otherwise as many comparisons, of which all or any must hold. */
	for (int i = 0; i < count; i++)
	{
		int16 typlen;
		bool  typbyval;
		Expr *constant;

		get_typlenbyval(type, &typlen, &typbyval);
		constant = (Expr *) makeConst(type, -1, operation->inputcollid, typlen, elements[i], false,
									  typbyval);
		parts = lappend(parts,
						make_opclause(operation->opno, BOOLOID, false, (Expr *) copyObject(scalar),
									  constant, InvalidOid, operation->inputcollid));
	}
	if (count > 1)
		parts = list_make1(makeBoolExpr(operation->useOr ? OR_EXPR : AND_EXPR, parts, -1));
	else if (count == 0)
		return (Node *) operation;
	return restrict_node(space, linitial(parts)) == NULL ? NULL : (Node *) operation;
}

/* Excludes what is not a moment: both infinities. */
static bool
take_finite(ValueSpace *space)
{
	if (space->kind == VALUE_DATE)
		return narrow_compare(space, DIFFERENT_STRATEGY, DateADTGetDatum(DATEVAL_NOEND), DATEOID) &&
			   narrow_compare(space, DIFFERENT_STRATEGY, DateADTGetDatum(DATEVAL_NOBEGIN), DATEOID);
	return space->kind == VALUE_TIMESTAMP &&
		   narrow_compare(space, DIFFERENT_STRATEGY, TimestampGetDatum(DT_NOEND), space->base) &&
		   narrow_compare(space, DIFFERENT_STRATEGY, TimestampGetDatum(DT_NOBEGIN), space->base);
}

/* Takes in a function that returns boolean; returns what is left to test. */
static Node *
restrict_function(ValueSpace *space, FuncExpr *function)
{
	Meaning meaning = function_meaning(function->funcid);
	Term	term;

	if (meaning == MEANING_FINITE && term_is_value(linitial(function->args)) && take_finite(space))
		return NULL;
	if (list_length(function->args) != 2 || !IsA(lsecond(function->args), Const) ||
		!read_term(space, linitial(function->args), &term) ||
		!take_meaning(space, &term, meaning, lsecond(function->args)) ||
		!take_wrappers(space, &term) || function->inputcollid != space->collation)
		return (Node *) function;
	return NULL;
}

/* Takes in array_position(value, NULL) IS NULL: no element is null. */
static Node *
restrict_null_test(ValueSpace *space, NullTest *test)
{
	FuncExpr *function = (FuncExpr *) test->arg;

	if (test->nulltesttype == IS_NULL && IsA(function, FuncExpr) && space->kind == VALUE_ARRAY &&
		list_length(function->args) == 2 &&
		function_meaning(function->funcid) == MEANING_ELEMENT_POSITION &&
		term_is_value(linitial(function->args)) && IsA(lsecond(function->args), Const) &&
		((Const *) lsecond(function->args))->constisnull)
	{
		space->element->not_null = true;
		return NULL;
	}
	return (Node *) test;
}

/* Takes in all of several conditions, what offers a choice last; returns what is left of them to test. */
static Node *
restrict_and(ValueSpace *space, List *conditions)
{
	List	 *left = NIL;
	ListCell *cell;

	for (int pass = 0; pass < 2; pass++)
	{
		foreach(cell, conditions)
		{
			Node *rest = lfirst(cell);

			if (is_orclause(rest) != (pass == 1))
				continue;
			rest = restrict_node(space, rest);
			if (rest != NULL)
				left = lappend(left, rest);
		}
	}
	return left == NIL ? NULL : (Node *) make_ands_explicit(left);
}

/* Allows the values of several lists. */
static void
allow_union(ValueSpace *space, const List *branches)
{
	ListCell *cell;
	int		  count = 0;
	Datum	 *values;

	foreach(cell, branches)
		count += ((const ValueSpace *) lfirst(cell))->nallowed;
	values = palloc_array(Datum, count + 1);
	count = 0;
	foreach(cell, branches)
	{
		const ValueSpace *branch = lfirst(cell);

		for (int i = 0; i < branch->nallowed; i++)
			values[count++] = branch->allowed[i];
	}
	(void) narrow_to_list(space, count, values, space->base);
}

/*
 * Takes in one of several conditions: the lists of all that are lists, where all are, or else the
 * first branch that leaves plenty of values, or most.  Returns them where none was wholly understood.
 */
static Node *
restrict_or(ValueSpace *space, BoolExpr *choice)
{
	List	   *branches = NIL;
	ValueSpace *best = NULL;
	uint64		best_size = 0;
	bool		all_lists = true;
	ListCell   *cell;

	foreach(cell, choice->args)
	{
		ValueSpace *branch = narrow_copy(space);
		const char *reason;

		if (restrict_node(branch, copyObject(lfirst(cell))) != NULL)
		{
			all_lists = false;
			continue;
		}
		narrow_settle(branch);
		all_lists &= branch->allowed != NULL;
		branches = lappend(branches, branch);
		if (!space_is_empty(branch, &reason) && Min(space_size(branch), PLENTY) > best_size)
		{
			best = branch;
			best_size = Min(space_size(branch), PLENTY);
		}
	}
	if (all_lists)
		allow_union(space, branches);
	else if (best != NULL)
		*space = *best;
	else
		return (Node *) choice;
	return NULL;
}

/* Takes in a condition of a value that is not null; returns what is left of it to test, or NULL. */
static Node *
restrict_node(ValueSpace *space, Node *node)
{
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Const:
			if (!((Const *) node)->constisnull && !DatumGetBool(((Const *) node)->constvalue))
				narrow_to_nothing(space);
			return NULL;
		case T_OpExpr:
			return restrict_operator(space, (OpExpr *) node);
		case T_ScalarArrayOpExpr:
			return restrict_array(space, (ScalarArrayOpExpr *) node);
		case T_FuncExpr:
			if (((FuncExpr *) node)->args != NIL)
				return restrict_function(space, (FuncExpr *) node);
			return node;
		case T_NullTest:
			return restrict_null_test(space, (NullTest *) node);
		case T_BooleanTest:
		{
			BooleanTest *test = (BooleanTest *) node;
			Node		*arg = (Node *) test->arg;
			Node		*rest = node;

			if (IsA(arg, Const))
				return node;
			if (test->booltesttype == IS_TRUE || test->booltesttype == IS_NOT_FALSE)
				rest = restrict_node(space, arg);
			else if (test->booltesttype == IS_FALSE || test->booltesttype == IS_NOT_TRUE)
				rest = restrict_node(space, negate_clause(arg));
			return rest == NULL ? NULL : node;
		}
		case T_BoolExpr:
			switch (((BoolExpr *) node)->boolop)
			{
				case AND_EXPR:
					return restrict_and(space, ((BoolExpr *) node)->args);
				case OR_EXPR:
					return restrict_or(space, (BoolExpr *) node);
				default:
					return node;
			}
		default:
			return node;
	}
}

/* Tries a condition on each value of a list, or of boolean, and leaves those that pass. */
static void
try_each(ValueSpace *space, Node *node)
{
	SpaceCheck *check = palloc0_object(SpaceCheck);
	List	   *checks = space->checks;
	bool		any = space->allowed == NULL;

	if (any)
	{
		space->allowed = palloc_array(Datum, 2);
		space->allowed[0] = BoolGetDatum(false);
		space->allowed[1] = BoolGetDatum(true);
		space->nallowed = 2;
	}
	check->name = "";
	check->expression = (Expr *) node;
	space->checks = lappend(list_copy(checks), check);
	narrow_settle(space);
	space->checks = checks;
	if (any && space->nallowed == 2)
	{
		space->allowed = NULL;
		space->nallowed = 0;
	}
}

/* Notes that a condition does not let NULL pass. */
static void
note_not_null(ValueSpace *space, Node *expression, bool (*is_value)(const Node *node, void *arg),
			  void *arg)
{
	Replacement replacement = {
		is_value, arg, (Node *) makeNullConst(space->base, space->base_typmod, space->collation)};
	Node *result = eval_const_expressions(NULL, replace_value(expression, &replacement));

	if (IsA(result, Const) && !((Const *) result)->constisnull &&
		!DatumGetBool(((Const *) result)->constvalue))
		space->not_null = true;
}

Node *
space_restrict(ValueSpace *space, Node *expression, bool (*is_value)(const Node *node, void *arg),
			   void *arg)
{
	CoerceToDomainValue *value = makeNode(CoerceToDomainValue);
	Replacement			 replacement = {is_value, arg, (Node *) value};
	Node				*node;

	note_not_null(space, expression, is_value, arg);
	value->typeId = space->base;
	value->typeMod = space->base_typmod;
	value->collation = space->collation;
	value->location = -1;
	node = eval_const_expressions(NULL, replace_value(expression, &replacement));
	node = eval_const_expressions(NULL, decide_nulls(node, NULL));
	node = (Node *) canonicalize_qual((Expr *) node, true);
	if (node == NULL)
		return NULL;
	if ((space->allowed != NULL || space->kind == VALUE_BOOLEAN) &&
		!contain_volatile_functions(node))
	{
		try_each(space, node);
		return contain_mutable_functions(node) ? node : NULL;
	}
	node = restrict_node(space, node);
	narrow_settle(space);
	return node;
}

void
narrow_take(ValueSpace *space, const char *name, Node *expression,
			bool (*is_value)(const Node *node, void *arg), void *arg)
{
	Node	   *rest = space_restrict(space, expression, is_value, arg);
	SpaceCheck *check;

	if (rest == NULL)
		return;
	check = palloc0_object(SpaceCheck);
	check->name = name;
	check->expression = (Expr *) rest;
	space->checks = lappend(list_copy(space->checks), check);
	narrow_settle(space);
}
