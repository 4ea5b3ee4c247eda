/*-------------------------------------------------------------------------
 *
 * wishes.c
 *		What cells had better be so that checks over several columns hold.
 *
 * Cells that are drawn each by itself seldom come to what a check such as "kind = 'ban' AND
 * num_nonnulls(user_id, site_id) = 2 OR kind = …" asks for.  So its tree is read: of an OR one arm is taken
 * by chance, of an AND all, and leaves of kinds that people write say what a column should be.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "graph/term.h"
#include "graph/wishes.h"

/* Where wishes go. */
typedef struct Wishing
{
	const GraphStep *step;
	RandomStream	*random;
	Wish			*wishes;
} Wishing;

/* Returns the index of the column that a node is, as it is or relabelled; -1: it is none. */
static int
column_of(const Wishing *wishing, const Node *node)
{
	while (IsA(node, RelabelType))
		node = (const Node *) ((const RelabelType *) node)->arg;
	return IsA(node, Var) ? graph_column(wishing->step, ((const Var *) node)->varattno) : -1;
}

/* Wishes for a kind of cell. */
static void
wish(const Wishing *wishing, int column, WishKind kind)
{
	if (column >= 0)
		wishing->wishes[column].kind = kind;
}

/* Wishes for a value, if it is of the column's type or a text of another. */
static void
wish_value(const Wishing *wishing, int column, Oid type, Datum value)
{
	const ValueSpace *space;

	if (column < 0)
		return;
	space = wishing->step->columns[column].table_column->space;
	if (space->base != type && (type != TEXTOID || space->kind != VALUE_TEXT))
		return;
	wishing->wishes[column].kind = WISH_VALUE;
	wishing->wishes[column].value =
		space->base == type ? value : space_input(space, TextDatumGetCString(value));
}

/* Wishes for one of the elements of an array. */
static void
wish_element(const Wishing *wishing, int column, const Const *array)
{
	Oid	   type = get_element_type(array->consttype);
	int16  length;
	bool   by_value;
	char   align;
	Datum *values;
	bool  *nulls;
	int	   count;

	if (array->constisnull || !OidIsValid(type))
		return;
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(array->constvalue), type, length, by_value, align, &values,
					  &nulls, &count);
	if (count == 0)
		return;
	count = (int) random_below(wishing->random, (uint64) count);
	if (!nulls[count])
		wish_value(wishing, column, type, values[count]);
}

/* Wishes that so many of the arguments of num_nonnulls() have values, and the others none. */
static void
wish_number(const Wishing *wishing, const FuncExpr *call, int64 count)
{
	int		  left = list_length(call->args);
	ListCell *cell;

	if (call->funcid == F_NUM_NULLS)
		count = left - count;
	foreach(cell, call->args)
	{
		bool taken = (int64) random_below(wishing->random, (uint64) left) < count;

		wish(wishing, column_of(wishing, lfirst(cell)), taken ? WISH_NOT_NULL : WISH_NULL);
		count -= taken;
		left--;
	}
}

/* Tells whether an operator is called "=". */
static bool
is_equality(Oid op)
{
	char *name = get_opname(op);

	return name != NULL && strcmp(name, "=") == 0;
}

/* Tells whether a column's value can follow from an expression: of columns that do not follow from others, nor from it. */
static bool
can_follow(const Wishing *wishing, int column, const Node *expression)
{
	const GraphColumn *target = column >= 0 ? &wishing->step->columns[column] : NULL;
	List			  *vars = pull_var_clause(unconstify(Node *, expression), 0);
	ListCell		  *cell;

	if (target == NULL || target->source != COLUMN_GENERATED ||
		wishing->wishes[column].kind != WISH_NONE || vars == NIL)
		return false;
	foreach(cell, vars)
	{
		int				   other = column_of(wishing, lfirst(cell));
		const GraphColumn *read;
		ListCell		  *name;

		if (other < 0 || other == column || wishing->wishes[other].kind >= WISH_COMPUTED)
			return false;
		read = &wishing->step->columns[other];
		if (read->source != COLUMN_GENERATED)
			continue;
		foreach(name, read->generator->reads)
		{
			if (strcmp(lfirst(name), target->name) == 0)
				return false;
		}
	}
	return true;
}

/* Wishes that a column has, or matches, what an expression gives; returns false where that cannot be. */
static bool
wish_following(const Wishing *wishing, const Node *operand, const Node *expression, WishKind kind,
			   bool ignore_case)
{
	int column = column_of(wishing, operand);

	if (!can_follow(wishing, column, expression))
		return false;
	wishing->wishes[column].kind = kind;
	wishing->wishes[column].expression = expression;
	wishing->wishes[column].ignore_case = ignore_case;
	return true;
}

/* Wishes for what an operator that is no equality says of a column and other columns: that it matches. */
static void
wish_matching(const Wishing *wishing, const OpExpr *operation)
{
	Meaning meaning = function_meaning(get_opcode(operation->opno));

	if (meaning == MEANING_MATCHES || meaning == MEANING_MATCHES_ANY_CASE)
		(void) wish_following(wishing, linitial(operation->args), lsecond(operation->args),
							  WISH_MATCHING, meaning == MEANING_MATCHES_ANY_CASE);
}

/* Wishes that two operands are equal. */
static void
wish_equal(const Wishing *wishing, const Node *left, const Node *right)
{
	const Const *value;

	if (IsA(left, Const))
	{
		const Node *other = left;

		left = right;
		right = other;
	}
	if (!IsA(right, Const) && !wish_following(wishing, left, right, WISH_COMPUTED, false))
		(void) wish_following(wishing, right, left, WISH_COMPUTED, false);
	if (!IsA(right, Const) || ((const Const *) right)->constisnull)
		return;
	value = (const Const *) right;
	if (IsA(left, FuncExpr) &&
		(((const FuncExpr *) left)->funcid == F_NUM_NONNULLS ||
		 ((const FuncExpr *) left)->funcid == F_NUM_NULLS) &&
		!((const FuncExpr *) left)->funcvariadic && value->consttype == INT4OID)
		wish_number(wishing, (const FuncExpr *) left, DatumGetInt32(value->constvalue));
	else
		wish_value(wishing, column_of(wishing, left), value->consttype, value->constvalue);
}

/* Wishes for what makes an expression true. */
static void
wish_for(const Wishing *wishing, const Node *node)
{
	check_stack_depth();
	if (IsA(node, BoolExpr))
	{
		const BoolExpr *expression = (const BoolExpr *) node;
		ListCell	   *cell;

		if (expression->boolop == OR_EXPR)
			wish_for(wishing, list_nth(expression->args,
									   (int) random_below(wishing->random,
														  (uint64) list_length(expression->args))));
		else if (expression->boolop == AND_EXPR)
		{
			foreach(cell, expression->args)
				wish_for(wishing, lfirst(cell));
		}
		else
			wish_value(wishing, column_of(wishing, linitial(expression->args)), BOOLOID,
					   BoolGetDatum(false));
	}
	else if (IsA(node, NullTest))
		wish(wishing, column_of(wishing, (const Node *) ((const NullTest *) node)->arg),
			 ((const NullTest *) node)->nulltesttype == IS_NULL ? WISH_NULL : WISH_NOT_NULL);
	else if (IsA(node, OpExpr) && is_equality(((const OpExpr *) node)->opno) &&
			 list_length(((const OpExpr *) node)->args) == 2)
		wish_equal(wishing, linitial(((const OpExpr *) node)->args),
				   lsecond(((const OpExpr *) node)->args));
	else if (IsA(node, OpExpr) && list_length(((const OpExpr *) node)->args) == 2)
		wish_matching(wishing, (const OpExpr *) node);
	else if (IsA(node, ScalarArrayOpExpr))
	{
		const ScalarArrayOpExpr *expression = (const ScalarArrayOpExpr *) node;

		if (expression->useOr && is_equality(expression->opno) &&
			IsA(lsecond(expression->args), Const))
			wish_element(wishing, column_of(wishing, linitial(expression->args)),
						 lsecond(expression->args));
	}
	else if (IsA(node, Var))
		wish_value(wishing, column_of(wishing, node), BOOLOID, BoolGetDatum(true));
}

void
wishes_draw(const GraphStep *step, int group, RandomStream *random, Wish *wishes)
{
	Wishing	  wishing = {.step = step, .random = random, .wishes = wishes};
	ListCell *cell;

	foreach(cell, step->groups[group].columns)
		wishes[lfirst_int(cell)].kind = WISH_NONE;
	foreach(cell, step->groups[group].checks)
		wish_for(&wishing, ((const TableCheck *) lfirst(cell))->expression);
}
