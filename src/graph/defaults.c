/*-------------------------------------------------------------------------
 *
 * defaults.c
 *		What the defaults of columns are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"

#include "graph/defaults.h"

/* Returns the expression of a column's default, or NULL. */
static Node *
default_expression(const GraphTable *table, const TableColumn *column)
{
	const TupleConstr *constraints = table->desc->constr;

	for (int i = 0; constraints != NULL && i < constraints->num_defval; i++)
	{
		if (constraints->defval[i].adnum == column->attnum)
			return stringToNode(constraints->defval[i].adbin);
	}
	return NULL;
}

const Const *
default_constant(const GraphTable *table, const TableColumn *column)
{
	Node *expression = default_expression(table, column);

	return expression != NULL && IsA(expression, Const) ? (Const *) expression : NULL;
}

/* Tells whether an expression asks for a setting or a role. */
static bool
asks_session(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && (((FuncExpr *) node)->funcid == F_CURRENT_SETTING_TEXT ||
								((FuncExpr *) node)->funcid == F_CURRENT_SETTING_TEXT_BOOL))
		return true;
	if (IsA(node, SQLValueFunction))
	{
		switch (((SQLValueFunction *) node)->op)
		{
			case SVFOP_CURRENT_ROLE:
			case SVFOP_CURRENT_USER:
			case SVFOP_USER:
			case SVFOP_SESSION_USER:
				return true;
			default:
				break;
		}
	}
	return expression_tree_walker(node, asks_session, arg);
}

bool
default_of_session(const GraphTable *table, const TableColumn *column)
{
	return column->has_default && !column->generated && !column->default_is_constant &&
		   asks_session(default_expression(table, column), NULL);
}
