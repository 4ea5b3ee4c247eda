/*-------------------------------------------------------------------------
 *
 * lane_direct.c
 *		Writing a batch into a plain heap table, as COPY does.
 *
 * One projection computes the rows: assignment casts of the values, literals,
 * and defaults, each compiled as INSERT's planner would.  Then come generated
 * columns and constraints, one multi-insert into the heap, each row's index
 * entries, and the proof of the foreign keys.  (Filling one index after the
 * other, in the order of its keys, was measured to gain nothing.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "write/foreign_keys.h"
#include "write/lanes.h"

struct DirectLane
{
	const WriteJob	*job;
	EState			*estate;
	ResultRelInfo	*result;
	TupleTableSlot	*source; /* a row's values */
	TupleTableSlot	*row;	 /* what the projection makes of them */
	ProjectionInfo	*projection;
	TupleTableSlot **slots; /* the batch's rows, as many as were ever needed */
	int				 nslots;
	BulkInsertState	 bulk;
	ForeignKeys		*foreign_keys;
};

/* Returns the value of a column that gets nothing: NULL, checked where a domain has it checked. */
static Node *
null_value(Form_pg_attribute attribute)
{
	Const *null;

	if (attribute->attisdropped)
		return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), (Datum) 0, true, true);
	null = makeConst(attribute->atttypid, -1, attribute->attcollation, attribute->attlen, (Datum) 0,
					 true, attribute->attbyval);
	return coerce_to_domain((Node *) null, InvalidOid, -1, attribute->atttypid, COERCION_IMPLICIT,
							COERCE_IMPLICIT_CAST, -1, false);
}

/* Returns the expression that gives a column its value from a row's values or a literal. */
static Node *
given_value(const WriteJob *job, const TargetColumn *column, Form_pg_attribute attribute)
{
	Node *value;
	Oid	  type;

	if (column->literal != NULL)
	{
		type = UNKNOWNOID;
		value = (Node *) makeConst(UNKNOWNOID, -1, InvalidOid, -2, CStringGetDatum(column->literal),
								   false, false);
	}
	else
	{
		Form_pg_attribute source = TupleDescAttr(job->source, column->source);

		type = source->atttypid;
		value = (Node *) makeVar(1, column->source + 1, type, source->atttypmod,
								 source->attcollation, 0);
	}

	value = coerce_to_target_type(NULL, value, type, attribute->atttypid, attribute->atttypmod,
								  COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (value == NULL)
		elog(ERROR, "cannot assign to column \"%s\"", column->name);
	return value;
}

/* Returns the expression for each column of the table. */
static List *
target_list(const WriteJob *job)
{
	TupleDesc desc = RelationGetDescr(job->rel);
	List	 *targets = NIL;

	for (int attnum = 1; attnum <= desc->natts; attnum++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, attnum - 1);
		Node			 *value = NULL;

		for (int i = 0; i < job->ncolumns && value == NULL; i++)
		{
			if (job->columns[i].attnum == attnum)
				value = given_value(job, &job->columns[i], attribute);
		}
		if (value == NULL && !attribute->attisdropped && attribute->attgenerated == '\0')
			value = build_column_default(job->rel, attnum);
		if (value == NULL)
			value = null_value(attribute);

		targets = lappend(targets,
						  makeTargetEntry(expression_planner((Expr *) value), attnum, NULL, false));
	}
	return targets;
}

/* Makes the executor's state for inserting into the table, and checks the caller's privileges. */
static void
init_executor(DirectLane *lane)
{
	ParseState		   *pstate = make_parsestate(NULL);
	ParseNamespaceItem *nsitem =
		addRangeTableEntryForRelation(pstate, lane->job->rel, RowExclusiveLock, NULL, false, false);

	for (int i = 0; i < lane->job->ncolumns; i++)
		compat_mark_inserted_column(nsitem, lane->job->columns[i].attnum);
	compat_exec_check_permissions(pstate);

	lane->estate = CreateExecutorState();
	compat_exec_init_range_table(lane->estate, pstate);
	lane->result = makeNode(ResultRelInfo);
	ExecInitResultRelation(lane->estate, lane->result, 1);
	ExecOpenIndices(lane->result, false);
}

DirectLane *
direct_lane_open(const WriteJob *job)
{
	DirectLane	 *lane = palloc0_object(DirectLane);
	MemoryContext old_context;

	lane->job = job;
	init_executor(lane);

	old_context = MemoryContextSwitchTo(lane->estate->es_query_cxt);
	lane->source = MakeSingleTupleTableSlot(job->source, &TTSOpsVirtual);
	lane->row = MakeSingleTupleTableSlot(RelationGetDescr(job->rel), &TTSOpsVirtual);
	lane->row->tts_tableOid = RelationGetRelid(job->rel);
	lane->projection = ExecBuildProjectionInfo(
		target_list(job), GetPerTupleExprContext(lane->estate), lane->row, NULL, job->source);
	lane->slots = palloc0_array(TupleTableSlot *, job->batch_size);
	lane->foreign_keys = foreign_keys_open(job->rel, lane->result->ri_TrigDesc);
	MemoryContextSwitchTo(old_context);

	lane->bulk = GetBulkInsertState();
	return lane;
}

/* Computes a row of the table from the values given, and checks it. */
static void
make_row(DirectLane *lane, const Datum *values, const bool *nulls, TupleTableSlot *slot)
{
	TupleConstr *constraints = RelationGetDescr(lane->job->rel)->constr;
	ExprContext *econtext = GetPerTupleExprContext(lane->estate);
	int			 natts = lane->job->source->natts;

	ResetExprContext(econtext);
	ExecClearTuple(lane->source);
	memcpy(lane->source->tts_values, values, natts * sizeof(Datum));
	memcpy(lane->source->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(lane->source);

	econtext->ecxt_scantuple = lane->source;
	ExecProject(lane->projection);
	lane->row->tts_tableOid = RelationGetRelid(lane->job->rel);

	if (constraints != NULL && constraints->has_generated_stored)
		ExecComputeStoredGenerated(lane->result, lane->estate, lane->row, CMD_INSERT);
	if (constraints != NULL)
		ExecConstraints(lane->result, lane->row, lane->estate);
	if (lane->job->rel->rd_rel->relispartition)
		ExecPartitionCheck(lane->result, lane->row, lane->estate, true);

	ExecCopySlot(slot, lane->row);
	slot->tts_tableOid = RelationGetRelid(lane->job->rel);
}

/* Inserts the entries of the batch's rows into the indexes. */
static void
insert_index_entries(DirectLane *lane, int nrows)
{
	for (int row = 0; row < nrows; row++)
	{
		compat_exec_insert_index_tuples(lane->result, lane->slots[row], lane->estate);
		ResetPerTupleExprContext(lane->estate);
	}
}

/* Makes sure that there is a slot for each row of the batch. */
static void
need_slots(DirectLane *lane, int nrows)
{
	MemoryContext old_context = MemoryContextSwitchTo(lane->estate->es_query_cxt);

	for (; lane->nslots < nrows; lane->nslots++)
		lane->slots[lane->nslots] = table_slot_create(lane->job->rel, NULL);
	MemoryContextSwitchTo(old_context);
}

int64
direct_lane_write(DirectLane *lane, const WriteBatch *batch)
{
	int natts = lane->job->source->natts;

	/* Each batch is a command of its own, as in the other lane, and its functions see those before. */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());

	need_slots(lane, batch->nrows);
	for (int row = 0; row < batch->nrows; row++)
		make_row(lane, &batch->values[(Size) row * natts], &batch->nulls[(Size) row * natts],
				 lane->slots[row]);

	table_multi_insert(lane->job->rel, lane->slots, batch->nrows, GetCurrentCommandId(true), 0,
					   lane->bulk);
	insert_index_entries(lane, batch->nrows);
	PopActiveSnapshot();

	foreign_keys_prove(lane->foreign_keys, lane->slots, batch->nrows);
	for (int row = 0; row < batch->nrows; row++)
		ExecClearTuple(lane->slots[row]);
	return batch->nrows;
}

void
direct_lane_close(DirectLane *lane)
{
	FreeBulkInsertState(lane->bulk);
	table_finish_bulk_insert(lane->job->rel, 0);
	for (int i = 0; i < lane->nslots; i++)
		ExecDropSingleTupleTableSlot(lane->slots[i]);
	ExecDropSingleTupleTableSlot(lane->row);
	ExecDropSingleTupleTableSlot(lane->source);
	foreign_keys_close(lane->foreign_keys);
	ExecCloseResultRelations(lane->estate);
	ExecCloseRangeTableRelations(lane->estate);
	FreeExecutorState(lane->estate);
}
