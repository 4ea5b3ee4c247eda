/*-------------------------------------------------------------------------
 *
 * level.c
 *		One query of a view: which columns of what it reads must equal the key
 *		for a row to count.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "score/level.h"

/* Tells whether a type's texts depend on settings that capture does not fix. */
static bool
has_unsteady_texts(Oid type)
{
	switch (type)
	{
		case MONEYOID:
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGNAMESPACEOID:
		case REGOPERATOROID:
		case REGOPEROID:
		case REGPROCEDUREOID:
		case REGPROCOID:
		case REGROLEOID:
		case REGTYPEOID:
			return true;
		default:
			return false;
	}
}

/*
 * Returns the type that stands for all whose values are equal as its are, and whose
 * texts each of them reads as an equal value where it has one: not so float4 and
 * float8, or dates and timestamps, though the server compares them.
 */
static Oid
standing_type(Oid type)
{
	type = getBaseType(type);
	if (type == INT2OID || type == INT4OID)
		return INT8OID;
	return type == VARCHAROID ? TEXTOID : type;
}

KeyKind
key_kind(Oid type)
{
	Oid				standing = standing_type(type);
	TypeCacheEntry *entry = lookup_type_cache(standing, TYPECACHE_BTREE_OPFAMILY);

	if (!OidIsValid(entry->btree_opf) || has_unsteady_texts(standing) ||
		has_unsteady_texts(get_element_type(standing)))
		return (KeyKind){InvalidOid, InvalidOid};
	return (KeyKind){standing, entry->btree_opf};
}

/* Tells whether an operator is the equality of a kind. */
static bool
is_equality(const KeyKind *kind, Oid op)
{
	return OidIsValid(kind->family) &&
		   get_op_opfamily_strategy(op, kind->family) == BTEqualStrategyNumber && op_strict(op);
}

/* Returns an expression without what changes its type alone. */
static Node *
without_relabel(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/*
 * Returns the column of a range table entry, of this query or one around it, that an
 * expression is; NULL where it is more than a column.  What a FULL JOIN merges is.
 */
static Var *
plain_column(QueryLevel *level, Node *node, QueryLevel **owner)
{
	for (;;)
	{
		Var			  *var;
		RangeTblEntry *rte;

		node = without_relabel(node);
		if (node == NULL || !IsA(node, Var))
			return NULL;
		var = (Var *) node;
		for (Index up = var->varlevelsup; up > 0 && level != NULL; up--)
			level = level->parent;
		if (level == NULL || var->varattno <= 0)
			return NULL;
		rte = rt_fetch(var->varno, level->query->rtable);
		if (rte->rtekind == RTE_JOIN)
			node = list_nth(rte->joinaliasvars, var->varattno - 1);
		else if (compat_group_expressions(rte) != NIL)
			node = list_nth(compat_group_expressions(rte), var->varattno - 1);
		else
		{
			*owner = level;
			return var;
		}
	}
}

/* Returns the range table entries under a part of FROM, joins left out. */
static Bitmapset *
members(Node *node)
{
	Bitmapset *result = NULL;
	ListCell  *cell;

	if (node == NULL)
		return NULL;
	if (IsA(node, RangeTblRef))
		return bms_make_singleton(((RangeTblRef *) node)->rtindex);
	if (IsA(node, JoinExpr))
		return bms_union(members(((JoinExpr *) node)->larg), members(((JoinExpr *) node)->rarg));
	foreach(cell, ((FromExpr *) node)->fromlist)
		result = bms_join(result, members(lfirst(cell)));
	return result;
}

/* Collects the equalities of a condition; all that it is made of with AND must be true. */
static void
collect_conditions(QueryLevel *level, Node *node, Bitmapset *reach, bool of_all_rows)
{
	ListCell *cell;

	if (node == NULL)
		return;
	if (is_andclause(node))
	{
		foreach(cell, ((BoolExpr *) node)->args)
			collect_conditions(level, lfirst(cell), reach, of_all_rows);
	}
	else if (IsA(node, SubLink) && ((SubLink *) node)->subLinkType == ANY_SUBLINK && of_all_rows)
		level->in_conditions = lappend(level->in_conditions, node);
	else if (IsA(node, OpExpr) && list_length(((OpExpr *) node)->args) == 2)
	{
		const OpExpr *clause = (OpExpr *) node;
		Equality	 *equality = palloc0_object(Equality);

		equality->op = clause->opno;
		equality->collation = clause->inputcollid;
		equality->reach = reach;
		for (int i = 0; i < 2; i++)
			equality->vars[i] =
				plain_column(level, list_nth(clause->args, i), &equality->levels[i]);
		if (equality->vars[0] != NULL && equality->vars[1] != NULL)
			level->equalities = lappend(level->equalities, equality);
	}
}

/*
 * Collects the equalities of a part of FROM.  An outer join's condition fixes columns
 * of the side only that it finds rows in: the other side's rows stay whatever it says.
 */
static void
collect_from(QueryLevel *level, Node *node)
{
	ListCell *cell;

	if (node == NULL || IsA(node, RangeTblRef))
		return;
	if (IsA(node, FromExpr))
	{
		foreach(cell, ((FromExpr *) node)->fromlist)
			collect_from(level, lfirst(cell));
		collect_conditions(level, ((FromExpr *) node)->quals, members(node), true);
	}
	else
	{
		JoinExpr  *join = castNode(JoinExpr, node);
		Bitmapset *reach = NULL;

		collect_from(level, join->larg);
		collect_from(level, join->rarg);
		if (join->jointype == JOIN_INNER)
			reach = members(node);
		else if (join->jointype == JOIN_LEFT)
			reach = members(join->rarg);
		else if (join->jointype == JOIN_RIGHT)
			reach = members(join->larg);
		collect_conditions(level, join->quals, reach, join->jointype == JOIN_INNER);
	}
}

QueryLevel *
level_make(Query *query, QueryLevel *parent, const KeyKind *kinds, int nkeys)
{
	QueryLevel *level = palloc0_object(QueryLevel);

	level->query = query;
	level->parent = parent;
	level->kinds = kinds;
	level->nkeys = nkeys;
	collect_from(level, (Node *) query->jointree);
	return level;
}

/* Tells whether a column of a query, or of one around it, is known to equal a column of the key. */
static bool
is_known(const QueryLevel *level, int key, const Var *var)
{
	ListCell *cell;

	foreach(cell, level->equal[key])
	{
		const Var *known = lfirst(cell);

		if (known->varno == var->varno && known->varattno == var->varattno)
			return true;
	}
	return false;
}

/* Adds a column of the query itself that must equal a column of the key; tells whether it is new. */
static bool
learn(QueryLevel *level, int key, Var *var)
{
	if (is_known(level, key, var) || standing_type(var->vartype) != level->kinds[key].type)
		return false;
	level->equal[key] = lappend(level->equal[key], var);
	return true;
}

/* Tells whether a column is among those that a query groups, partitions or makes rows distinct by. */
static bool
is_among(QueryLevel *level, int key, const Var *var, List *clauses)
{
	ListCell *cell;

	foreach(cell, clauses)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, cell);
		QueryLevel		*owner;
		Var				*column =
			plain_column(level, get_sortgroupclause_expr(clause, level->query->targetList), &owner);

		if (column != NULL && owner == level && column->varno == var->varno &&
			column->varattno == var->varattno && is_equality(&level->kinds[key], clause->eqop))
			return true;
	}
	return false;
}

/* Returns why rows that have other keys in a column count in a query all the same, or NULL. */
static const char *
find_obstacle(QueryLevel *level, int key, const Var *var)
{
	Query	 *query = level->query;
	ListCell *cell;

	if (query->limitCount != NULL || query->limitOffset != NULL)
		return "LIMIT or OFFSET choose among the rows of all keys";
	if (query->setOperations != NULL)
		return NULL;
	if (query->groupingSets != NIL)
		return "grouping sets have rows of several keys";
	if ((query->groupClause != NIL || query->hasAggs || query->havingQual != NULL) &&
		!is_among(level, key, var, query->groupClause))
		return "rows of several keys are aggregated";
	if (query->hasWindowFuncs)
	{
		foreach(cell, query->windowClause)
		{
			if (!is_among(level, key, var, lfirst_node(WindowClause, cell)->partitionClause))
				return "a window function looks at rows of several keys";
		}
	}
	if (query->hasDistinctOn && !is_among(level, key, var, query->distinctClause))
		return "DISTINCT ON chooses among the rows of several keys";
	return NULL;
}

bool
level_require(QueryLevel *level, int key, AttrNumber output)
{
	TargetEntry *entry = get_tle_by_resno(level->query->targetList, output);
	QueryLevel	*owner;
	Var			*var;
	const char	*obstacle;

	if (entry == NULL || !OidIsValid(level->kinds[key].type) ||
		standing_type(exprType((Node *) entry->expr)) != level->kinds[key].type)
		return false;
	var = plain_column(level, (Node *) entry->expr, &owner);
	if (level->query->setOperations == NULL && (var == NULL || owner != level))
	{
		level->obstacle = "the key is computed, not a column of a table";
		return false;
	}
	obstacle = find_obstacle(level, key, var);
	if (obstacle != NULL)
	{
		level->obstacle = obstacle;
		return false;
	}
	if (level->query->setOperations == NULL)
		(void) learn(level, key, var);
	return true;
}

/* Adds what an equality says of one of its sides, given that it is known of the other; tells whether that is new. */
static bool
follow(QueryLevel *level, int key, const Equality *equality, int from)
{
	int to = 1 - from;

	return equality->levels[to] == level &&
		   bms_is_member(equality->vars[to]->varno, equality->reach) &&
		   is_known(equality->levels[from], key, equality->vars[from]) &&
		   learn(level, key, equality->vars[to]);
}

void
level_conclude(QueryLevel *level)
{
	bool changed = true;

	while (changed)
	{
		ListCell *cell;

		changed = false;
		foreach(cell, level->equalities)
		{
			const Equality *equality = lfirst(cell);

			if (OidIsValid(equality->collation) &&
				!get_collation_isdeterministic(equality->collation))
				continue;
			for (int key = 0; key < level->nkeys; key++)
			{
				if (is_equality(&level->kinds[key], equality->op))
					changed |= follow(level, key, equality, 0) || follow(level, key, equality, 1);
			}
		}
	}
}

List *
level_columns(const QueryLevel *level, int key, int rtindex)
{
	List	 *columns = NIL;
	ListCell *cell;

	foreach(cell, level->equal[key])
	{
		const Var *var = lfirst(cell);

		if ((int) var->varno == rtindex)
			columns = lappend_int(columns, var->varattno);
	}
	return columns;
}

List *
level_in_columns(QueryLevel *level, int key, const SubLink *sublink)
{
	List	 *clauses = list_make1(sublink->testexpr);
	List	 *columns = NIL;
	ListCell *cell;

	if (!list_member_ptr(level->in_conditions, sublink))
		return NIL;
	if (is_andclause(sublink->testexpr))
		clauses = ((BoolExpr *) sublink->testexpr)->args;
	foreach(cell, clauses)
	{
		const OpExpr *clause = lfirst(cell);
		QueryLevel	 *owner;
		Var			 *var;
		Node		 *param;

		if (!IsA(clause, OpExpr) || list_length(clause->args) != 2 ||
			!is_equality(&level->kinds[key], clause->opno) ||
			(OidIsValid(clause->inputcollid) &&
			 !get_collation_isdeterministic(clause->inputcollid)))
			continue;
		var = plain_column(level, linitial(clause->args), &owner);
		param = without_relabel(lsecond(clause->args));
		if (var != NULL && is_known(owner, key, var) && IsA(param, Param) &&
			((Param *) param)->paramkind == PARAM_SUBLINK)
			columns = lappend_int(columns, ((Param *) param)->paramid);
	}
	return columns;
}
