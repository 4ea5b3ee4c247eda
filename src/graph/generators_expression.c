/*-------------------------------------------------------------------------
 *
 * generators_expression.c
 *		The generator that computes a value from the row's other columns, as SQL
 *		says.
 *
 * The SQL is the caller's: it is parsed by the server under the caller's search path, and runs
 * with the caller's privileges.  It sees the columns of the table by their names and the row's
 * number as "row", where no column is named so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "core/names.h"
#include "core/subtransaction.h"
#include "graph/generators.h"
#include "write/volatility.h"

#define ROW_NUMBER "row"

typedef struct ExpressionState
{
	Expr		   *expression;
	ExprState	   *compiled;
	ExprContext	   *context;
	ParamListInfo	row;  /* its number */
	TupleTableSlot *slot; /* NULL: no column is read */
	int				nread;
	AttrNumber	   *read; /* columns that are read */
	const char	  **names;
} ExpressionState;

/* Parsing, which may fail. */
typedef struct ParseTask
{
	const GeneratorRequest *request;
	const char			   *sql;
	ExpressionState		   *state;
	List				   *reads; /* of char * */
} ParseTask;

/* Gives a name that is no column its meaning: the row's number. */
static Node *
find_row_number(ParseState *pstate, ColumnRef *cref, Node *var)
{
	Param *param;

	(void) pstate;
	if (var != NULL || list_length(cref->fields) != 1 || !IsA(linitial(cref->fields), String) ||
		strcmp(strVal(linitial(cref->fields)), ROW_NUMBER) != 0)
		return NULL;
	param = makeNode(Param);
	param->paramkind = PARAM_EXTERN;
	param->paramid = 1;
	param->paramtype = INT8OID;
	param->paramtypmod = -1;
	param->paramcollid = InvalidOid;
	param->location = cref->location;
	return (Node *) param;
}

/* Parses an expression's text; raises an error where it is none. */
static Node *
parse_text(const char *sql)
{
	List	   *statements = raw_parser(psprintf("SELECT %s", sql), RAW_PARSE_DEFAULT);
	SelectStmt *select;

	if (list_length(statements) == 1 && IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt))
	{
		select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
		if (select->op == SETOP_NONE && list_length(select->targetList) == 1 &&
			select->fromClause == NIL && select->whereClause == NULL &&
			select->groupClause == NIL && select->havingClause == NULL &&
			select->sortClause == NIL && select->limitCount == NULL &&
			select->limitOffset == NULL && select->distinctClause == NIL &&
			select->intoClause == NULL && select->windowClause == NIL &&
			select->lockingClause == NIL && select->withClause == NULL &&
			linitial_node(ResTarget, select->targetList)->name == NULL)
			return linitial_node(ResTarget, select->targetList)->val;
	}
	ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("it is not one expression")));
	return NULL;
}

/* Takes note of the columns that an expression reads; those of the system have no value yet. */
static void
note_columns(ParseTask *task, Relation rel, Node *expression)
{
	ExpressionState *state = task->state;
	List			*vars = pull_var_clause(expression, 0);
	Bitmapset		*seen = NULL;
	ListCell		*cell;

	state->read = palloc0_array(AttrNumber, list_length(vars) + 1);
	state->names = palloc0_array(const char *, list_length(vars) + 1);
	foreach(cell, vars)
	{
		const Var *var = lfirst_node(Var, cell);
		char	  *name;

		if (var->varattno <= 0)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("it reads a system column or the whole row")));
		if (bms_is_member(var->varattno, seen))
			continue;
		seen = bms_add_member(seen, var->varattno);
		name = pstrdup(NameStr(TupleDescAttr(RelationGetDescr(rel), var->varattno - 1)->attname));
		if (strcmp(name, task->request->column) == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
							errmsg("it reads the column itself")));
		state->read[state->nread] = var->varattno;
		state->names[state->nread++] = name;
		task->reads = lappend(task->reads, name);
	}
}

/* Parses and analyzes the expression, and compiles it. */
static void
parse_task(void *arg)
{
	ParseTask		 *task = arg;
	ExpressionState	 *state = task->state;
	const ValueSpace *space = task->request->space;
	ParseState		 *pstate = make_parsestate(NULL);
	Node			 *raw = parse_text(task->sql);
	Relation		  rel = generator_table_open(task->request);
	Node			 *expression;
	Oid				  type;

	pstate->p_sourcetext = task->sql;
	pstate->p_post_columnref_hook = find_row_number;
	if (rel != NULL)
		addNSItemToQuery(
			pstate, addRangeTableEntryForRelation(pstate, rel, AccessShareLock, NULL, false, true),
			false, true, true);

	/* What a generated column may not have, this may not have either. */
	expression = transformExpr(pstate, raw, EXPR_KIND_GENERATED_COLUMN);
	type = exprType(expression);
	expression = coerce_to_target_type(pstate, expression, type, space->base, space->base_typmod,
									   COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (expression == NULL)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("it is of type %s, not %s", format_type_be(type),
							   format_type_be(space->base))));
	assign_expr_collations(pstate, expression);
	if (contain_volatile_functions(expression))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("it calls a volatile function, which gives another value each time")));
	if (rel != NULL)
	{
		note_columns(task, rel, expression);
		if (state->nread > 0)
			state->slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(RelationGetDescr(rel)),
												   &TTSOpsVirtual);
		relation_close(rel, NoLock);
	}
	free_parsestate(pstate);
	state->expression = expression_planner((Expr *) expression);
	state->row = makeParamList(1);
	state->row->params[0].ptype = INT8OID;
	state->row->params[0].isnull = false;
	state->row->params[0].pflags = PARAM_FLAG_CONST;
	state->compiled = ExecInitExprWithParams(state->expression, state->row);
}

/* Tells whether an expression reads the row's number. */
static bool
reads_row_number(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return true;
	return expression_tree_walker(node, reads_row_number, context);
}

/* Makes a generator of an expression's values. */
static void
make_expression(Generator *generator, const GeneratorRequest *request)
{
	ExpressionState *state = palloc0_object(ExpressionState);
	ParseTask		 task = {.request = request, .state = state};
	ErrorData		*error;

	generator->state = state;
	task.sql = generator_text(request, "sql", NULL);
	if (task.sql == NULL)
	{
		generator_problem(request, "argument \"sql\" is missing",
						  "Give an expression such as \"lower(name)\".");
		return;
	}
	error = subtransaction_try(parse_task, &task, NULL);
	if (error != NULL)
	{
		generator_problem(
			request, psprintf("expression \"%s\" cannot be used: %s", task.sql, error->message),
			error->hint);
		return;
	}
	state->context = CreateStandaloneExprContext();
	state->context->ecxt_param_list_info = state->row;
	generator_reads(generator, task.reads);
	generator->may_read = expression_may_read((Node *) state->expression);

	/* Different rows may well have the same value, unless it is made of the row's number: then that is its author's concern. */
	if (request->distinct && !reads_row_number((Node *) state->expression, NULL))
		generator->capacity = 1;
}

/* Returns an expression's value. */
static Datum
expression_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const ExpressionState *state = generator->state;
	ExprContext			  *context = state->context;
	MemoryContext		   own = context->ecxt_per_tuple_memory;
	Datum				  *values = palloc_array(Datum, state->nread + 1);
	bool				  *nulls = palloc_array(bool, state->nread + 1);
	Datum				   result;

	/* Reading a column may need another row's value of this very expression, so all are read first. */
	for (int i = 0; i < state->nread; i++)
		values[i] = cell_column(cell, state->names[i], &nulls[i]);
	if (state->slot != NULL)
	{
		ExecClearTuple(state->slot);
		memset(state->slot->tts_isnull, true, (size_t) state->slot->tts_tupleDescriptor->natts);
		for (int i = 0; i < state->nread; i++)
		{
			state->slot->tts_values[state->read[i] - 1] = values[i];
			state->slot->tts_isnull[state->read[i] - 1] = nulls[i];
		}
		ExecStoreVirtualTuple(state->slot);
		context->ecxt_scantuple = state->slot;
	}
	state->row->params[0].value = Int64GetDatum(cell->distinct ? (int64) cell->n : cell->row);
	context->ecxt_per_tuple_memory = CurrentMemoryContext;
	result = ExecEvalExpr(state->compiled, context, isnull);
	context->ecxt_per_tuple_memory = own;

	/* What is expanded, or part of what was read, becomes a value of its own. */
	return *isnull ? (Datum) 0
				   : datumCopy(result, generator->space->typbyval, generator->space->typlen);
}

static const GeneratorKind kinds[] = {
	{"expression", "sql",
	 "what SQL computes from the row's other columns and \"row\", its number from 0",
	 "{\"sql\": \"upper('row ' || row)\"}", TEXTOID, make_expression, expression_value},
};

const KindTable expression_kinds = KIND_TABLE(kinds);
