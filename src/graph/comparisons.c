/*-------------------------------------------------------------------------
 *
 * comparisons.c
 *		Bounds that columns have by being compared with one another.
 *
 * Where "low <= high" and "high <= 100" are checks, low is at most 100, too.  Without that it would seldom
 * be drawn so.  The checks themselves are tested all the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/primnodes.h"

#include "core/compat.h"
#include "graph/comparisons.h"
#include "graph/narrow.h"
#include "graph/term.h"

/* Comparisons that follow one another, as in "a <= b" and "b <= c", are followed so far. */
#define MAX_PASSES 4

/* Returns the column that an operand is, or NULL. */
static TableColumn *
operand_column(const GraphTable *table, const Node *operand)
{
	return IsA(operand, Var) && ((const Var *) operand)->varattno > 0
			   ? table_column_number(table, ((const Var *) operand)->varattno)
			   : NULL;
}

/* Has a smaller column keep to the greatest value of a greater one, and that to the smallest of the former. */
static void
narrow_pair(ValueSpace *smaller, ValueSpace *greater, bool may_be_equal)
{
	if (smaller->base != greater->base)
		return;
	if (greater->has_max)
		(void) narrow_compare(smaller,
							  may_be_equal ? BTLessEqualStrategyNumber : BTLessStrategyNumber,
							  greater->max, greater->base);
	if (smaller->has_min)
		(void) narrow_compare(greater,
							  may_be_equal ? BTGreaterEqualStrategyNumber : BTGreaterStrategyNumber,
							  smaller->min, smaller->base);
	narrow_settle(smaller);
	narrow_settle(greater);
}

/* Has the columns of a comparison, if a check is one, keep to each other's bounds. */
static void
narrow_check(const GraphTable *table, const TableCheck *check)
{
	const OpExpr  *operation = (const OpExpr *) check->expression;
	StrategyNumber strategy;
	TableColumn	  *left;
	TableColumn	  *right;

	if (!IsA(operation, OpExpr) || list_length(operation->args) != 2)
		return;
	left = operand_column(table, linitial(operation->args));
	right = operand_column(table, lsecond(operation->args));
	if (left == NULL || right == NULL)
		return;
	strategy = operator_strategy(operation->opno);
	if (strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber)
		narrow_pair(left->space, right->space, strategy == BTLessEqualStrategyNumber);
	else if (strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber)
		narrow_pair(right->space, left->space, strategy == BTGreaterEqualStrategyNumber);
}

void
comparisons_narrow(GraphTable *table)
{
	for (int pass = 0; pass < MAX_PASSES; pass++)
	{
		ListCell *cell;

		foreach(cell, table->checks)
			narrow_check(table, lfirst(cell));
	}
}
