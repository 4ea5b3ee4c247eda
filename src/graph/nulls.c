/*-------------------------------------------------------------------------
 *
 * nulls.c
 *		Which share of a column's values may be NULL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"

#include "graph/nulls.h"

/* Enough of either that rows with the right ones are soon drawn. */
#define CHECKED_SHARE 0.5

/* Tells whether an expression reads a column; arg: its number. */
static bool
reads_column(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varattno == *(AttrNumber *) arg;
	return expression_tree_walker(node, reads_column, arg);
}

/* Tells whether an expression asks whether a column is NULL; arg: the column's number. */
static bool
asks_for_null(Node *node, void *arg)
{
	List	 *asked = NIL;
	ListCell *cell;

	if (node == NULL)
		return false;
	if (IsA(node, NullTest))
		asked = list_make1(((NullTest *) node)->arg);
	else if (IsA(node, FuncExpr) && (((FuncExpr *) node)->funcid == F_NUM_NULLS ||
									 ((FuncExpr *) node)->funcid == F_NUM_NONNULLS))
		asked = ((FuncExpr *) node)->args;
	foreach(cell, asked)
	{
		if (reads_column(lfirst(cell), arg))
			return true;
	}
	return expression_tree_walker(node, asks_for_null, arg);
}

double
plausible_nulls(const GraphTable *table, const List *columns, double share)
{
	ListCell *cell;
	ListCell *check;
	ListCell *key;
	bool	  checked = false;

	foreach(cell, columns)
	{
		AttrNumber		   number = lfirst_int(cell);
		const TableColumn *column = table_column_number(table, number);

		if (column->not_null || column->space->not_null)
			return 0;
		foreach(key, table->keys)
		{
			const TableKey *unique = lfirst(key);

			if (unique->primary && list_member_int(unique->columns, number))
				return 0;
		}
		foreach(check, table->checks)
			checked |= asks_for_null(((TableCheck *) lfirst(check))->expression, &number);
	}
	return checked ? CHECKED_SHARE : share;
}
