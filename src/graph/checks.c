/*-------------------------------------------------------------------------
 *
 * checks.c
 *		Checks over several columns, by the server's own executor.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "graph/checks.h"

struct ChecksState
{
	const GraphStep *step;
	EState			*estate;
	TupleTableSlot	*row;
	List		   **states;	   /* by group: of ExprState, in the order of its checks */
	List			*expressions;  /* of Node *: what was computed, */
	List			*computations; /* and the ExprState of each */
};

ChecksState *
checks_make(const GraphStep *step)
{
	ChecksState	 *state = palloc0_object(ChecksState);
	MemoryContext old_context;

	state->step = step;
	state->states = palloc0_array(List *, step->ngroups);
	state->estate = CreateExecutorState();
	old_context = MemoryContextSwitchTo(state->estate->es_query_cxt);
	state->row = MakeSingleTupleTableSlot(step->table->desc, &TTSOpsVirtual);
	for (int group = 0; group < step->ngroups; group++)
	{
		ListCell *cell;

		foreach(cell, step->groups[group].checks)
		{
			Expr *expression = (Expr *) ((TableCheck *) lfirst(cell))->expression;

			state->states[group] = lappend(state->states[group],
										   ExecPrepareExpr(copyObject(expression), state->estate));
		}
	}
	MemoryContextSwitchTo(old_context);
	return state;
}

/* Puts cells where the checks find them. */
static void
store_row(ChecksState *state, int group, const Datum *values, const bool *nulls)
{
	ListCell *cell;

	ExecClearTuple(state->row);
	memset(state->row->tts_isnull, true, state->row->tts_tupleDescriptor->natts * sizeof(bool));
	foreach(cell, state->step->groups[group].columns)
	{
		int attnum = state->step->columns[lfirst_int(cell)].attnum;

		state->row->tts_values[attnum - 1] = values[lfirst_int(cell)];
		state->row->tts_isnull[attnum - 1] = nulls[lfirst_int(cell)];
	}
	ExecStoreVirtualTuple(state->row);
}

/* Returns the first check of a group that does not hold, or NULL. */
static const TableCheck *
first_broken(ChecksState *state, int group, const Datum *values, const bool *nulls)
{
	ExprContext		 *econtext = GetPerTupleExprContext(state->estate);
	const TableCheck *broken = NULL;
	ListCell		 *check;
	ListCell		 *compiled;

	store_row(state, group, values, nulls);
	econtext->ecxt_scantuple = state->row;
	forboth(check, state->step->groups[group].checks, compiled, state->states[group])
	{
		if (broken == NULL && !ExecCheck(lfirst(compiled), econtext))
			broken = lfirst(check);
	}
	ResetExprContext(econtext);
	return broken;
}

/* Returns an expression compiled, once. */
static ExprState *
compiled(ChecksState *state, const Node *expression)
{
	MemoryContext old_context = MemoryContextSwitchTo(state->estate->es_query_cxt);
	int			  known = 0;

	while (known < list_length(state->expressions) &&
		   list_nth(state->expressions, known) != (const void *) expression)
		known++;
	if (known == list_length(state->expressions))
	{
		state->expressions = lappend(state->expressions, unconstify(Node *, expression));
		state->computations =
			lappend(state->computations,
					ExecPrepareExpr(copyObject(unconstify(Expr *, (const Expr *) expression)),
									state->estate));
	}
	MemoryContextSwitchTo(old_context);
	return list_nth(state->computations, known);
}

Datum
checks_compute(ChecksState *state, int group, const Node *expression, const Datum *values,
			   const bool *nulls, bool *isnull)
{
	ExprContext *econtext = GetPerTupleExprContext(state->estate);
	ExprState	*computation = compiled(state, expression);
	int16		 typlen;
	bool		 typbyval;
	Datum		 value;

	get_typlenbyval(exprType(expression), &typlen, &typbyval);
	store_row(state, group, values, nulls);
	econtext->ecxt_scantuple = state->row;
	value = ExecEvalExprSwitchContext(computation, econtext, isnull);
	if (!*isnull)
		value = datumCopy(value, typbyval, typlen);
	ResetExprContext(econtext);
	return value;
}

bool
checks_hold(ChecksState *state, int group, const Datum *values, const bool *nulls)
{
	return first_broken(state, group, values, nulls) == NULL;
}

/* Raises 23514 for a check of some columns. */
static void
raise_broken(const GraphStep *step, const char *check, const char *columns)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_CHECK_VIOLATION),
		 errmsg("found no values for %s of %s that the check constraint \"%s\" allows", columns,
				step->table->quoted_name, check),
		 errhint(
			 "Give these columns generators in the plan that keep to it, such as \"list\" or \"expression\".")));
}

void
checks_raise_group(ChecksState *state, int group, const Datum *values, const bool *nulls)
{
	const TableCheck *broken = first_broken(state, group, values, nulls);
	List			 *columns = NIL;
	int				  attnum = -1;

	if (broken == NULL)
		elog(ERROR, "the checks of the group hold");
	while ((attnum = bms_next_member(broken->columns, attnum)) >= 0)
		columns = lappend_int(columns, attnum);
	raise_broken(state->step, broken->name, table_column_names(state->step->table, columns));
}

void
checks_raise_unsatisfied(const GraphStep *step, const GraphColumn *column)
{
	const ValueSpace *space = column->table_column->space;

	if (space->checks != NIL)
		raise_broken(step, ((SpaceCheck *) linitial(space->checks))->name, column->name);
	ereport(
		ERROR,
		(errcode(ERRCODE_CHECK_VIOLATION),
		 errmsg("generator \"%s\" found no value for %s of %s that its checks allow",
				column->generator->kind->name, column->name, step->table->quoted_name),
		 errhint(
			 "Give the column another generator in the plan, such as \"pattern\" or \"list\".")));
}
