/*-------------------------------------------------------------------------
 *
 * find.c
 *		Finds the tables under a view and, for each, the columns that say which
 *		keys of the view its rows are of.
 *
 * A table is found where a row of it can change no row of the view but those whose key
 * is in certain columns of it.  What is not understood is not found: the user is asked.
 * A wrong answer would lose changes, a missing one costs a line of JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/names.h"
#include "core/relation.h"
#include "score/find.h"
#include "score/level.h"

typedef struct Finder
{
	KeyKind kinds[MAX_SCORE_KEYS];
	int		nkeys;
	Oid		reader; /* whose row security applies to the tables of the view that is looked at */
	List   *sources;
	List   *functions; /* that may read tables */
} Finder;

/* Where a walk through expressions is. */
typedef struct Place
{
	Finder	   *finder;
	QueryLevel *level;
} Place;

static void visit_query(Finder *finder, Query *query, QueryLevel *parent, List **required);

const char *
source_obstacle(Relation rel)
{
	if (IsSystemRelation(rel))
		return "changes of a system catalog cannot be captured";
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_MATVIEW:
			return "changes of a materialized view cannot be captured";
		case RELKIND_FOREIGN_TABLE:
			return "changes of a foreign table cannot be captured";
		case RELKIND_SEQUENCE:
			return "changes of a sequence cannot be captured";
		default:
			return "it is not a table";
	}
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		return "changes of a temporary table cannot be captured";
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED)
		return "an unlogged table is emptied after a crash, which cannot be captured";
	return NULL;
}

Oid
source_root(Oid relid)
{
	return get_rel_relispartition(relid) ? llast_oid(get_partition_ancestors(relid)) : relid;
}

/* Adds a source, or merges it into the one of its table and key. */
static void
add_source(Finder *finder, ScoreSource *source)
{
	ListCell *cell;

	foreach(cell, finder->sources)
	{
		ScoreSource *other = lfirst(cell);

		if (other->relation != source->relation || other->found != source->found ||
			(source->found && !names_same(other->key_columns, source->key_columns)))
			continue;
		if (other->columns == NIL || source->columns == NIL)
			other->columns = NIL;
		else
			other->columns = names_union(other->columns, source->columns);

		/* Keys that a user could give must do for both. */
		if (!source->found &&
			(source->via == NULL || other->via == NULL || strcmp(source->via, other->via) != 0 ||
			 !names_same(other->key_columns, source->key_columns)))
		{
			other->via = NULL;
			other->key_columns = NIL;
		}
		return;
	}
	finder->sources = lappend(finder->sources, source);
}

/*
 * Returns the names of the columns of a table that a query reads; NIL: all.  A partition's
 * rows come and go with columns that it need not read, and what a virtual column is
 * computed from is not told.
 */
static List *
columns_read(Query *query, RangeTblEntry *rte, Relation rel)
{
	Bitmapset *selected = compat_selected_columns(query, rte);
	List	  *columns = NIL;
	int		   member = -1;

	if (rel->rd_rel->relispartition || rte->tablesample != NULL)
		return NIL;
	while ((member = bms_next_member(selected, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum <= 0 || compat_is_virtual(TupleDescAttr(RelationGetDescr(rel), attnum - 1)))
			return NIL;
		columns = lappend(columns, get_attname(RelationGetRelid(rel), attnum, false));
	}
	return columns;
}

/* Returns the columns of a table that a row must have equal to the whole key; NIL where there are none for some part. */
static List *
find_key(const QueryLevel *level, int rtindex, Relation rel)
{
	List *names = NIL;

	for (int key = 0; key < level->nkeys; key++)
	{
		List	 *columns = level_columns(level, key, rtindex);
		ListCell *cell;
		char	 *name = NULL;

		foreach(cell, columns)
		{
			AttrNumber attnum = lfirst_int(cell);

			if (name == NULL &&
				!compat_is_virtual(TupleDescAttr(RelationGetDescr(rel), attnum - 1)))
				name = get_attname(RelationGetRelid(rel), attnum, false);
		}
		if (name == NULL)
			return NIL;
		names = lappend(names, name);
	}
	return names;
}

/* Returns a column as the query calls it, for people. */
static const char *
column_label(const QueryLevel *level, const Var *var)
{
	RangeTblEntry *rte = rt_fetch(var->varno, level->query->rtable);

	return psprintf("%s.%s", rte->eref->aliasname, get_rte_attribute_name(rte, var->varattno));
}

/* Fills in what a user could say: the keys are those of the rows of the other side of an equality. */
static void
suggest(ScoreSource *source, const Equality *equality, int side)
{
	const Var	  *own = equality->vars[side];
	const Var	  *other = equality->vars[1 - side];
	QueryLevel	  *level = equality->levels[1 - side];
	RangeTblEntry *rte = rt_fetch(other->varno, level->query->rtable);
	List		  *key;
	Relation	   rel;

	if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_VIEW ||
		own->vartype != other->vartype || source->via != NULL)
		return;
	rel = relation_open(rte->relid, AccessShareLock);
	key = find_key(level, other->varno, rel);
	if (key != NIL && source_obstacle(rel) == NULL)
	{
		source->key_columns = list_make1(get_attname(source->relation, own->varattno, false));
		source->via = psprintf("SELECT %s FROM %s WHERE %s = ANY ($1)", names_quoted(key),
							   relation_quoted_name(rel),
							   quote_identifier(get_attname(rte->relid, other->varattno, false)));
	}
	relation_close(rel, NoLock);
}

/* Fills in why the key of a table was not found, and what a user could say. */
static void
explain_missing(ScoreSource *source, QueryLevel *level, int rtindex)
{
	ListCell *cell;

	foreach(cell, level->equalities)
	{
		const Equality *equality = lfirst(cell);

		for (int side = 0; side < 2; side++)
		{
			if (equality->levels[side] != level || (int) equality->vars[side]->varno != rtindex ||
				(equality->levels[1 - side] == level &&
				 (int) equality->vars[1 - side]->varno == rtindex))
				continue;
			if (source->reason == NULL || source->via == NULL)
				source->reason = psprintf("its rows are joined by %s = %s, which is not the key",
										  column_label(equality->levels[0], equality->vars[0]),
										  column_label(equality->levels[1], equality->vars[1]));
			if (source->relation == rt_fetch(rtindex, level->query->rtable)->relid)
				suggest(source, equality, side);
		}
	}
	for (; level != NULL && source->reason == NULL; level = level->parent)
		source->reason = level->obstacle;
	if (source->reason == NULL)
		source->reason = "nothing that the view says ties its rows to the key";
}

/* Returns why the key of a table would not do, or NULL. */
static const char *
reading_obstacle(const Finder *finder, const RangeTblEntry *rte, Relation rel)
{
	Oid relid = RelationGetRelid(rel);

	if (source_obstacle(rel) != NULL)
		return source_obstacle(rel);
	if (!rel->rd_rel->relispartition && has_superclass(relid))
		return "changes made through the table that it inherits from are not seen at it";
	if (rel->rd_rel->relrowsecurity && check_enable_rls(relid, finder->reader, true) == RLS_ENABLED)
		return "row-level security may have its rows depend on other tables";
	if (rte->tablesample != NULL)
		return "TABLESAMPLE reads it by chance";
	return NULL;
}

/* Adds a table that a query reads. */
static void
visit_table(Finder *finder, QueryLevel *level, int rtindex)
{
	RangeTblEntry *rte = rt_fetch(rtindex, level->query->rtable);
	ScoreSource	  *source = palloc0_object(ScoreSource);
	Relation	   rel = relation_open(rte->relid, AccessShareLock);
	Relation	   root;

	source->relation = source_root(rte->relid);
	root = relation_open(source->relation, AccessShareLock);
	source->relation_name = relation_quoted_name(root);
	source->columns = columns_read(level->query, rte, rel);
	source->reason = reading_obstacle(finder, rte, rel);
	if (source->reason == NULL)
		source->reason = source_obstacle(root);
	if (source->reason == NULL)
	{
		source->key_columns = find_key(level, rtindex, rel);
		source->found = source->key_columns != NIL;
		if (source->found)
			source->reason = psprintf("a row counts only for the key that is in its %s",
									  names_quoted(source->key_columns));
		else
			explain_missing(source, level, rtindex);
	}
	if (source->columns != NIL)
		source->columns = names_union(source->columns, source->key_columns);
	else if (source->found && bms_is_empty(compat_selected_columns(level->query, rte)) &&
			 !rel->rd_rel->relispartition)
		source->columns = list_copy(source->key_columns);
	add_source(finder, source);
	relation_close(root, NoLock);
	relation_close(rel, NoLock);
}

/* Looks at a view within the view. */
static void
visit_view(Finder *finder, Oid relid, List **required)
{
	Relation view = relation_open(relid, AccessShareLock);
	Query	*query = copyObject(get_view_query(view));
	Oid		 reader = finder->reader;

	AcquireRewriteLocks(query, true, false);
	finder->reader = RelationHasSecurityInvoker(view) ? GetUserId() : view->rd_rel->relowner;
	visit_query(finder, query, NULL, required);
	finder->reader = reader;
	relation_close(view, NoLock);
}

/* Looks at a CTE where it is read; where it reads itself, it is looked at already. */
static void
visit_cte(Finder *finder, QueryLevel *level, const RangeTblEntry *rte, List **required)
{
	ListCell *cell;

	if (rte->self_reference)
		return;
	for (Index up = rte->ctelevelsup; up > 0; up--)
		level = level->parent;
	foreach(cell, level->query->cteList)
	{
		const CommonTableExpr *cte = lfirst_node(CommonTableExpr, cell);

		if (strcmp(cte->ctename, rte->ctename) == 0)
			visit_query(finder, castNode(Query, cte->ctequery), level,
						cte->cterecursive ? NULL : required);
	}
}

/* Looks at a range table entry. */
static void
visit_entry(Finder *finder, QueryLevel *level, int rtindex)
{
	RangeTblEntry *rte = rt_fetch(rtindex, level->query->rtable);
	List		  *required[MAX_SCORE_KEYS];

	for (int key = 0; key < level->nkeys; key++)
		required[key] = level_columns(level, key, rtindex);
	if (rte->rtekind == RTE_SUBQUERY)
		visit_query(finder, rte->subquery, level, required);
	else if (rte->rtekind == RTE_CTE)
		visit_cte(finder, level, rte, required);
	else if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW)
		visit_view(finder, rte->relid, required);
	else if (rte->rtekind == RTE_RELATION)
		visit_table(finder, level, rtindex);
}

/* Looks at what is in FROM. */
static void
visit_from(Finder *finder, QueryLevel *level, Node *node)
{
	ListCell *cell;

	if (node == NULL)
		return;
	if (IsA(node, RangeTblRef))
		visit_entry(finder, level, ((RangeTblRef *) node)->rtindex);
	else if (IsA(node, JoinExpr))
	{
		visit_from(finder, level, ((JoinExpr *) node)->larg);
		visit_from(finder, level, ((JoinExpr *) node)->rarg);
	}
	else
	{
		foreach(cell, castNode(FromExpr, node)->fromlist)
			visit_from(finder, level, lfirst(cell));
	}
}

/* Looks at the branches of UNION, INTERSECT or EXCEPT, of which all have the same columns. */
static void
visit_branches(Finder *finder, QueryLevel *level, Node *node, List **required)
{
	SetOperationStmt *operation = (SetOperationStmt *) node;
	List			 *passed[MAX_SCORE_KEYS] = {NIL};

	if (IsA(node, RangeTblRef))
	{
		visit_query(finder,
					rt_fetch(((RangeTblRef *) node)->rtindex, level->query->rtable)->subquery,
					level, required);
		return;
	}
	for (int key = 0; key < level->nkeys; key++)
	{
		ListCell *cell;

		foreach(cell, required[key])
		{
			int column = lfirst_int(cell);
			Oid type = list_nth_oid(castNode(SetOperationStmt, node)->colTypes, column - 1);

			if (key_kind(type).type == level->kinds[key].type)
				passed[key] = lappend_int(passed[key], column);
		}
	}
	visit_branches(finder, level, operation->larg, passed);
	visit_branches(finder, level, operation->rarg, passed);
}

/* Takes note of a function that may read tables: of users, in SQL or a procedural language. */
static bool
note_function(Oid function, void *context)
{
	Finder		*finder = context;
	HeapTuple	 tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (function >= FirstNormalObjectId && form->provolatile != PROVOLATILE_IMMUTABLE &&
		form->prolang != INTERNALlanguageId && form->prolang != ClanguageId)
		finder->functions = list_append_unique_oid(finder->functions, function);
	ReleaseSysCache(tuple);
	return false;
}

/* Looks at the subqueries and functions of expressions. */
static bool
visit_sublinks(Node *node, Place *place)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
	{
		SubLink *sublink = (SubLink *) node;
		List	*required[MAX_SCORE_KEYS];

		for (int key = 0; key < place->level->nkeys; key++)
			required[key] = level_in_columns(place->level, key, sublink);
		visit_query(place->finder, castNode(Query, sublink->subselect), place->level, required);
		return visit_sublinks(sublink->testexpr, place);
	}
	(void) check_functions_in_node(node, note_function, place->finder);
	return expression_tree_walker(node, visit_sublinks, place);
}

/*
 * Looks at a query of which only rows count that have the key in some output columns,
 * given as a list of numbers for each column of the key; NULL: all rows count.
 */
static void
visit_query(Finder *finder, Query *query, QueryLevel *parent, List **required)
{
	QueryLevel *level = level_make(query, parent, finder->kinds, finder->nkeys);
	List	   *passed[MAX_SCORE_KEYS] = {NIL};
	Place		place = {finder, level};

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	for (int key = 0; required != NULL && key < finder->nkeys; key++)
	{
		ListCell *cell;

		foreach(cell, required[key])
		{
			if (level_require(level, key, lfirst_int(cell)))
				passed[key] = lappend_int(passed[key], lfirst_int(cell));
		}
	}
	level_conclude(level);
	if (query->setOperations != NULL)
		visit_branches(finder, level, query->setOperations, passed);
	else
		visit_from(finder, level, (Node *) query->jointree);
	(void) query_tree_walker(query, visit_sublinks, &place,
							 QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
}

List *
sources_find(Relation view, List *key_columns)
{
	Finder	  finder = {0};
	List	 *required[MAX_SCORE_KEYS] = {NIL};
	ListCell *cell;

	Assert(view->rd_rel->relkind == RELKIND_VIEW);
	for (finder.nkeys = 0; finder.nkeys < list_length(key_columns); finder.nkeys++)
	{
		AttrNumber attnum = get_attnum(RelationGetRelid(view), list_nth(key_columns, finder.nkeys));

		Assert(attnum > 0 && finder.nkeys < MAX_SCORE_KEYS);
		finder.kinds[finder.nkeys] =
			key_kind(TupleDescAttr(RelationGetDescr(view), attnum - 1)->atttypid);
		required[finder.nkeys] = list_make1_int(attnum);
	}
	visit_view(&finder, RelationGetRelid(view), required);
	foreach(cell, finder.functions)
		ereport(WARNING, (errcode(ERRCODE_WARNING),
						  errmsg("view \"%s\" calls function %s, which may read tables",
								 RelationGetRelationName(view), format_procedure(lfirst_oid(cell))),
						  errdetail("Tables that only a function reads are not found."),
						  errhint("Name them in sources, or declare the function IMMUTABLE if it "
								  "reads none.")));
	return finder.sources;
}
