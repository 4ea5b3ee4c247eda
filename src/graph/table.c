/*-------------------------------------------------------------------------
 *
 * table.c
 *		What the catalogs say of a table that is to be seeded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/trigger.h"
#include "graph/bounds.h"
#include "graph/comparisons.h"
#include "graph/narrow.h"
#include "graph/table.h"

/* A condition that rows must meet. */
typedef struct Condition
{
	const char *name;
	Node	   *expression;
	Bitmapset  *columns;
	AttrNumber	only;	/* the column that it reads, where it reads nothing else; else 0 */
	bool		system; /* it reads a system column, which no plan can do anything about */
} Condition;

TableColumn *
table_column(const GraphTable *table, const char *name)
{
	ListCell *cell;

	foreach(cell, table->columns)
	{
		TableColumn *column = lfirst(cell);

		if (strcmp(column->name, name) == 0)
			return column;
	}
	return NULL;
}

TableColumn *
table_column_number(const GraphTable *table, AttrNumber attnum)
{
	ListCell *cell;

	foreach(cell, table->columns)
	{
		TableColumn *column = lfirst(cell);

		if (column->attnum == attnum)
			return column;
	}
	elog(ERROR, "table %s has no column number %d", table->quoted_name, attnum);
}

bool
table_has_key(const GraphTable *table, const List *columns)
{
	ListCell *cell;

	foreach(cell, table->keys)
	{
		const TableKey *key = lfirst(cell);

		if (key->predicate == NULL && key->expressions == NIL &&
			list_difference_int(key->columns, columns) == NIL)
			return true;
	}
	return false;
}

const char *
table_column_names(const GraphTable *table, const List *columns)
{
	StringInfoData names;
	ListCell	  *cell;

	initStringInfo(&names);
	foreach(cell, columns)
	{
		AttrNumber attnum = lfirst_int(cell);

		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 attnum == 0 ? "an expression"
									 : quote_identifier(table_column_number(table, attnum)->name));
	}
	return names.data;
}

/* Returns the expression that the catalogs hold for a column, what generates it or its default; NULL where there is none. */
static Node *
stored_expression(Relation rel, AttrNumber attnum)
{
	const TupleConstr *constr = RelationGetDescr(rel)->constr;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
	{
		if (constr->defval[i].adnum == attnum)
			return stringToNode(constr->defval[i].adbin);
	}
	return NULL;
}

/* Returns the sequence that an expression takes the next value of and nothing else, or InvalidOid. */
static Oid
sequence_of_default(Node *expression)
{
	FuncExpr *function = (FuncExpr *) expression;
	Node	 *arg;

	if (IsA(expression, NextValueExpr))
		return ((NextValueExpr *) expression)->seqid;
	if (IsA(expression, RelabelType))
		return sequence_of_default((Node *) ((RelabelType *) expression)->arg);
	if (IsA(expression, CoerceToDomain))
		return sequence_of_default((Node *) ((CoerceToDomain *) expression)->arg);
	if (!IsA(expression, FuncExpr) || list_length(function->args) != 1)
		return InvalidOid;
	arg = linitial(function->args);
	if (function->funcid != F_NEXTVAL)
		return function->funcformat == COERCE_IMPLICIT_CAST ||
					   function->funcformat == COERCE_EXPLICIT_CAST
				   ? sequence_of_default(arg)
				   : InvalidOid;

	/* Old dumps look sequences up by name each time. */
	if (IsA(arg, FuncExpr) && ((FuncExpr *) arg)->funcid == F_REGCLASS)
	{
		arg = linitial(((FuncExpr *) arg)->args);
		if (IsA(arg, Const) && !((Const *) arg)->constisnull)
			return DatumGetObjectId(
				DirectFunctionCall1(text_regclass, ((Const *) arg)->constvalue));
	}
	return IsA(arg, Const) && !((Const *) arg)->constisnull
			   ? DatumGetObjectId(((Const *) arg)->constvalue)
			   : InvalidOid;
}

/* Fills in what a column's default is. */
static void
read_default(Relation rel, TableColumn *column)
{
	Node *expression;

	if (column->generated)
		return;
	expression = build_column_default(rel, column->attnum);
	if (expression == NULL)
		return;
	expression = eval_const_expressions(NULL, expression);
	column->sequence = sequence_of_default(expression);
	if (OidIsValid(column->sequence) ||
		(IsA(expression, Const) && ((Const *) expression)->constisnull))
		return;
	column->has_default = true;
	column->default_is_constant = !contain_mutable_functions(expression);
	column->default_is_volatile = contain_volatile_functions(expression);
}

/* Reads a table's columns. */
static void
read_columns(GraphTable *table, Relation rel)
{
	for (int i = 0; i < table->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(table->desc, i);
		TableColumn		 *column;

		if (attribute->attisdropped)
			continue;
		column = palloc0_object(TableColumn);
		column->attnum = attribute->attnum;
		column->name = pstrdup(NameStr(attribute->attname));
		column->comment = GetComment(table->relid, RelationRelationId, attribute->attnum);
		column->space =
			narrow_begin(attribute->atttypid, attribute->atttypmod, attribute->attcollation);
		column->not_null = attribute->attnotnull;
		column->generated = attribute->attgenerated != '\0';
		column->identity = attribute->attidentity;
		read_default(rel, column);
		table->columns = lappend(table->columns, column);
	}
}

/* Orders keys: the primary key first, then by name. */
static int
compare_keys(const ListCell *a, const ListCell *b)
{
	const TableKey *first = lfirst(a);
	const TableKey *second = lfirst(b);

	if (first->primary != second->primary)
		return first->primary ? -1 : 1;
	return strcmp(first->name, second->name);
}

/* Orders references by name. */
static int
compare_references(const ListCell *a, const ListCell *b)
{
	return strcmp(((const TableReference *) lfirst(a))->name,
				  ((const TableReference *) lfirst(b))->name);
}

/* Orders exclusion constraints by name. */
static int
compare_exclusions(const ListCell *a, const ListCell *b)
{
	return strcmp(((const TableExclusion *) lfirst(a))->name,
				  ((const TableExclusion *) lfirst(b))->name);
}

/* Returns the attribute numbers of an index's key columns. */
static List *
index_columns(Relation index)
{
	List *columns = NIL;

	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		columns = lappend_int(columns, index->rd_index->indkey.values[i]);
	return columns;
}

/* Returns an index's predicate, or NULL. */
static Node *
index_predicate(Relation index)
{
	return (Node *) RelationGetIndexPredicate(index);
}

/* Returns the expressions that are among an index's key columns; what generates a column stands for it, and takes its place. */
static List *
index_expressions(Relation rel, Relation index, List *columns)
{
	List	 *all = RelationGetIndexExpressions(index);
	List	 *expressions = NIL;
	ListCell *cell;
	int		  next = 0;

	foreach(cell, columns)
	{
		AttrNumber attnum = lfirst_int(cell);

		if (attnum == 0)
			expressions = lappend(expressions, list_nth(all, next++));
		else if (TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated != '\0')
		{
			expressions = lappend(expressions, stored_expression(rel, attnum));
			lfirst_int(cell) = 0;
		}
	}
	return expressions;
}

/* Reads an exclusion constraint by its index. */
static TableExclusion *
read_exclusion(Relation index)
{
	TableExclusion *exclusion = palloc0_object(TableExclusion);
	Oid			   *operators;
	Oid			   *functions;
	uint16		   *strategies;

	RelationGetExclusionInfo(index, &operators, &functions, &strategies);
	exclusion->name = pstrdup(RelationGetRelationName(index));
	exclusion->columns = index_columns(index);
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		exclusion->operators = lappend_oid(exclusion->operators, operators[i]);
	exclusion->predicate = index_predicate(index);
	return exclusion;
}

/* Reads a key by its index. */
static TableKey *
read_key(Relation rel, Relation index)
{
	TableKey *key = palloc0_object(TableKey);

	key->name = pstrdup(RelationGetRelationName(index));
	key->columns = index_columns(index);
	key->expressions = index_expressions(rel, index, key->columns);
	key->predicate = index_predicate(index);
	key->primary = index->rd_index->indisprimary;
	key->nulls_distinct = !index->rd_index->indnullsnotdistinct;
	key->deferrable = !index->rd_index->indimmediate;
	return key;
}

/* Reads a table's keys and exclusion constraints. */
static void
read_indexes(GraphTable *table, Relation rel)
{
	ListCell *cell;

	foreach(cell, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_index->indisexclusion)
			table->exclusions = lappend(table->exclusions, read_exclusion(index));
		else if (index->rd_index->indisunique)
			table->keys = lappend(table->keys, read_key(rel, index));
		index_close(index, NoLock);
	}
	list_sort(table->keys, compare_keys);
	list_sort(table->exclusions, compare_exclusions);
}

/* Reads a foreign key; NULL where it is one of those that the server keeps for a partition of the table referred to. */
static TableReference *
read_reference(const ForeignKeyCacheInfo *info)
{
	HeapTuple		   tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(info->conoid));
	Form_pg_constraint form;
	TableReference	  *reference = palloc0_object(TableReference);
	HeapTuple		   parent;
	bool			   internal = false;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for constraint %u", info->conoid);
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	parent = OidIsValid(form->conparentid)
				 ? SearchSysCache1(CONSTROID, ObjectIdGetDatum(form->conparentid))
				 : NULL;
	if (HeapTupleIsValid(parent))
	{
		internal = ((Form_pg_constraint) GETSTRUCT(parent))->conrelid == form->conrelid;
		ReleaseSysCache(parent);
	}
	reference->name = pstrdup(NameStr(form->conname));
	reference->relid = form->confrelid;
	reference->deferrable = form->condeferrable;
	reference->match_full = form->confmatchtype == FKCONSTR_MATCH_FULL;
	ReleaseSysCache(tuple);
	for (int i = 0; i < info->nkeys; i++)
	{
		reference->columns = lappend_int(reference->columns, info->conkey[i]);
		reference->key = lappend_int(reference->key, info->confkey[i]);
	}
	return internal ? NULL : reference;
}

/* Reads a table's foreign keys. */
static void
read_references(GraphTable *table, Relation rel)
{
	List	 *keys = copyObject(RelationGetFKeyList(rel));
	ListCell *cell;

	foreach(cell, keys)
	{
		TableReference *reference = read_reference(lfirst(cell));

		/* A row that refers by its key to itself always does. */
		if (reference != NULL &&
			(reference->relid != table->relid || !equal(reference->columns, reference->key)))
			table->references = lappend(table->references, reference);
	}
	list_sort(table->references, compare_references);
}

/* Puts what generates columns in place of them. */
static Node *
replace_generated(Node *node, void *context)
{
	Relation rel = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varattno > 0 && ((Var *) node)->varlevelsup == 0 &&
		TupleDescAttr(RelationGetDescr(rel), ((Var *) node)->varattno - 1)->attgenerated != '\0')
	{
		Node *expression = stored_expression(rel, ((Var *) node)->varattno);

		if (expression != NULL)
			return expression;
	}
	return expression_tree_mutator(node, replace_generated, context);
}

/* Finds the user columns that a condition reads; a whole row reads all of them. */
static void
find_columns(const GraphTable *table, Condition *condition)
{
	Bitmapset *read = NULL;
	int		   member = -1;
	int		   only;
	bool	   whole_row = false;
	ListCell  *cell;

	pull_varattnos(condition->expression, 1, &read);
	while ((member = bms_next_member(read, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum > 0)
			condition->columns = bms_add_member(condition->columns, attnum);
		else if (attnum < 0)
			condition->system = true;
		else
		{
			whole_row = true;
			foreach(cell, table->columns)
				condition->columns =
					bms_add_member(condition->columns, ((TableColumn *) lfirst(cell))->attnum);
		}
	}
	if (!whole_row && bms_get_singleton_member(condition->columns, &only))
		condition->only = (AttrNumber) only;
}

/* Adds the parts of a condition that rows must meet, each on its own. */
static List *
add_conditions(List *conditions, const GraphTable *table, Relation rel, const char *name,
			   Node *expression)
{
	ListCell *cell;

	expression = replace_generated(expression, rel);
	expression = eval_const_expressions(NULL, expression);
	expression = (Node *) canonicalize_qual((Expr *) expression, true);
	fix_opfuncids(expression);
	foreach(cell, make_ands_implicit((Expr *) expression))
	{
		Condition *condition = palloc0_object(Condition);

		condition->name = name;
		condition->expression = lfirst(cell);
		find_columns(table, condition);
		if (!condition->system)
			conditions = lappend(conditions, condition);
	}
	return conditions;
}

/* Returns all conditions that a table's rows must meet. */
static List *
read_conditions(const GraphTable *table, Relation rel)
{
	const TupleConstr *constr = RelationGetDescr(rel)->constr;
	List			  *conditions = NIL;
	ListCell		  *cell;

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
		conditions = add_conditions(conditions, table, rel, pstrdup(constr->check[i].ccname),
									stringToNode(constr->check[i].ccbin));
	foreach(cell, table->columns)
	{
		const TableColumn *column = lfirst(cell);
		NullTest		  *test;

		if (!column->generated || !column->not_null)
			continue;
		test = makeNode(NullTest);
		test->arg = (Expr *) stored_expression(rel, column->attnum);
		test->nulltesttype = IS_NOT_NULL;
		test->location = -1;
		if (test->arg != NULL)
			conditions = add_conditions(conditions, table, rel,
										psprintf("NOT NULL of %s", column->name), (Node *) test);
	}
	foreach(cell, partition_conditions(rel))
		conditions = add_conditions(conditions, table, rel, "bounds of its partitions",
									copyObject(lfirst(cell)));
	return conditions;
}

/* Tells whether an expression is the column whose number is given. */
static bool
is_column(const Node *node, void *arg)
{
	const Var *var = (const Var *) node;

	return IsA(node, Var) && var->varno == 1 && var->varlevelsup == 0 &&
		   var->varattno == *(const AttrNumber *) arg;
}

/* Takes into a column's space those conditions on it that offer a choice, and those of its domain. */
static void
take_choices(TableColumn *column, const List *conditions, bool backward)
{
	int count = list_length(conditions);

	if (!backward)
		narrow_choose(column->space, false);
	for (int i = 0; i < count; i++)
	{
		const Condition *condition = list_nth(conditions, backward ? count - 1 - i : i);

		if (condition->only == column->attnum && is_orclause(condition->expression))
			narrow_take(column->space, condition->name, condition->expression, is_column,
						&column->attnum);
	}
	if (backward)
		narrow_choose(column->space, true);
}

/* Does so in an order in which one choice does not make the next impossible, if one of two is such. */
static void
choose(TableColumn *column, const List *conditions)
{
	ValueSpace *before = narrow_copy(column->space);
	const char *reason;

	take_choices(column, conditions, false);
	if (space_is_empty(column->space, &reason) && !space_is_empty(before, &reason))
	{
		*column->space = *before;
		take_choices(column, conditions, true);
	}
	column->not_null |= column->space->not_null;
	column->space->not_null = column->not_null;
}

/* Takes a table's conditions into the spaces of columns, and keeps the others. */
static void
read_checks(GraphTable *table, Relation rel)
{
	List	 *conditions = read_conditions(table, rel);
	ListCell *cell;

	foreach(cell, conditions)
	{
		Condition  *condition = lfirst(cell);
		TableCheck *check;

		if (condition->only != 0)
		{
			if (!is_orclause(condition->expression))
				narrow_take(table_column_number(table, condition->only)->space, condition->name,
							condition->expression, is_column, &condition->only);
			continue;
		}
		check = palloc0_object(TableCheck);
		check->name = condition->name;
		check->columns = condition->columns;
		check->expression = condition->expression;
		table->checks = lappend(table->checks, check);
	}
	foreach(cell, table->columns)
		choose(lfirst(cell), conditions);
	comparisons_narrow(table);
}

/* Tells whether a table has triggers of the user's that fire on INSERT. */
static bool
has_user_triggers(Relation rel)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (!trigger->tgisinternal && TRIGGER_FOR_INSERT(trigger->tgtype) &&
			(trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN ||
			 trigger->tgenabled == TRIGGER_FIRES_ALWAYS) &&
			!trigger_only_notes_changes(trigger))
			return true;
	}
	return false;
}

GraphTable *
table_read(Relation rel)
{
	GraphTable *table = palloc0_object(GraphTable);

	table->relid = RelationGetRelid(rel);
	table->quoted_name = relation_quoted_name(rel);
	table->relkind = rel->rd_rel->relkind;
	table->comment = GetComment(table->relid, RelationRelationId, 0);
	table->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	table->live_rows = rel->rd_rel->reltuples;
	table->user_triggers = has_user_triggers(rel);
	read_columns(table, rel);
	read_indexes(table, rel);
	read_references(table, rel);
	read_checks(table, rel);
	return table;
}
