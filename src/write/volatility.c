/*-------------------------------------------------------------------------
 *
 * volatility.c
 *		Whether an expression must be evaluated row by row, between the rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "write/volatility.h"

/* Volatile functions that cannot see the table that is written to, as far as this server has them. */
static const Oid blind_functions[] = {
	F_NEXTVAL, F_GEN_RANDOM_UUID, F_CLOCK_TIMESTAMP, F_TIMEOFDAY,
#ifdef F_UUIDV4
	F_UUIDV4,  F_UUIDV7_,		  F_UUIDV7_INTERVAL,
#endif
};

/* Tells whether a function could see the rows that were written before. */
static bool
function_may_look(Oid function, void *context pg_attribute_unused())
{
	if (func_volatile(function) != PROVOLATILE_VOLATILE)
		return false;
	for (size_t i = 0; i < lengthof(blind_functions); i++)
	{
		if (function == blind_functions[i])
			return false;
	}
	return true;
}

/* Tells whether a function could read tables: one that is not the server's, and not immutable. */
static bool
function_may_read(Oid function, void *context pg_attribute_unused())
{
	return function >= FirstNormalObjectId && func_volatile(function) != PROVOLATILE_IMMUTABLE;
}

static bool calls_walker(Node *node, void *context);

/* Tells whether a domain's checks call a function of the kind that is looked for. */
static bool
domain_calls(Oid domain, check_function_callback *looked_for)
{
	/* It registers itself with the memory context, so it must live as long. */
	DomainConstraintRef *ref = palloc_object(DomainConstraintRef);
	ListCell			*cell;

	InitDomainConstraintRef(domain, ref, CurrentMemoryContext, false);
	foreach(cell, ref->constraints)
	{
		const DomainConstraintState *constraint = lfirst(cell);

		if (calls_walker((Node *) constraint->check_expr, looked_for))
			return true;
	}
	return false;
}

/* Finds a function in an expression of the kind that is looked for. */
static bool
calls_walker(Node *node, void *context)
{
	check_function_callback *looked_for = context;

	if (node == NULL)
		return false;
	if (check_functions_in_node(node, *looked_for, NULL))
		return true;
	if (IsA(node, CoerceToDomain) &&
		domain_calls(((CoerceToDomain *) node)->resulttype, looked_for))
		return true;
	return expression_tree_walker(node, calls_walker, context);
}

bool
expression_may_look(Node *node)
{
	check_function_callback looked_for = function_may_look;

	return calls_walker(node, &looked_for);
}

bool
expression_may_read(Node *node)
{
	check_function_callback looked_for = function_may_read;

	return calls_walker(node, &looked_for);
}
