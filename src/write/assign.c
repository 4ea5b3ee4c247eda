/*-------------------------------------------------------------------------
 *
 * assign.c
 *		Casting values as assignment to a column does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "write/assign.h"
#include "write/volatility.h"

Node *
assignment_cast(Node *value, Oid type, Form_pg_attribute attribute)
{
	return coerce_to_target_type(NULL, value, type, attribute->atttypid, attribute->atttypmod,
								 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
}

void
assign_values(Relation rel, WriteColumn *column, int nvalues, Datum *values, bool *nulls)
{
	AttrNumber		  attnum = get_attnum(RelationGetRelid(rel), column->name);
	Form_pg_attribute attribute;
	Node			 *cast;
	EState			 *estate;
	ExprState		 *state;
	ExprContext		 *econtext;
	TupleTableSlot	 *slot;
	TupleDesc		  desc;

	if (attnum <= 0)
		return;
	attribute = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	cast = (Node *) makeVar(1, 1, column->type, column->typmod, get_typcollation(column->type), 0);
	cast = assignment_cast(cast, column->type, attribute);
	if (cast == NULL || expression_may_look(cast))
		return;

	desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(desc, 1, "v1", column->type, column->typmod, 0);
	estate = CreateExecutorState();
	state = ExecPrepareExpr((Expr *) cast, estate);
	econtext = GetPerTupleExprContext(estate);
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	econtext->ecxt_scantuple = slot;
	for (int i = 0; i < nvalues; i++)
	{
		ExecClearTuple(slot);
		slot->tts_values[0] = values[i];
		slot->tts_isnull[0] = nulls[i];
		ExecStoreVirtualTuple(slot);
		values[i] = ExecEvalExprSwitchContext(state, econtext, &nulls[i]);
		if (!nulls[i])
			values[i] = datumCopy(values[i], attribute->attbyval, attribute->attlen);
		ResetPerTupleExprContext(estate);
	}
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);

	column->type = attribute->atttypid;
	column->typmod = attribute->atttypmod;
}
