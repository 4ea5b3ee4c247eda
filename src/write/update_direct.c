/*-------------------------------------------------------------------------
 *
 * update_direct.c
 *		Filling a column of rows of a plain heap table, as UPDATE does.
 *
 * Each row goes the way that the executor would take with it: the assignment
 * cast, generated columns, constraints, the new version of the row, and its index
 * entries.  Only where somebody else is at the row the lane goes its own way, and
 * leaves the row alone.
 *
 * All state is made anew for each batch, which costs about as much as ten rows:
 * what the table looks like can have changed since the last.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "parser/parse_relation.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/changes.h"
#include "core/compat.h"
#include "core/trigger.h"
#include "write/update_lanes.h"

/* A batch under way. */
typedef struct DirectUpdate
{
	const UpdateJob *job;
	EState			*estate;
	ResultRelInfo	*result;
	ExprState		*assignment;
	TupleTableSlot	*source;  /* a row's tid and value */
	TupleTableSlot	*before;  /* the row as it is */
	TupleTableSlot	*after;	  /* as it will be; points into the former */
	TupleTableSlot	*locked;  /* the row once more, where it had to be locked first */
	BlockNumber		 nblocks; /* of the table: none beyond can be read */
	CommandId		 command;
} DirectUpdate;

/* Makes the executor's state for updating the column, and checks the caller's privileges. */
static void
init_executor(DirectUpdate *update)
{
	const UpdateJob	   *job = update->job;
	ParseState		   *pstate = make_parsestate(NULL);
	ParseNamespaceItem *nsitem =
		addRangeTableEntryForRelation(pstate, job->rel, RowExclusiveLock, NULL, false, false);

	compat_mark_updated_column(nsitem, job->attnum);
	compat_exec_check_permissions(pstate);
	CheckCmdReplicaIdentity(job->rel, CMD_UPDATE);

	update->estate = CreateExecutorState();
	compat_exec_init_range_table(update->estate, pstate);
	update->result = makeNode(ResultRelInfo);
	ExecInitResultRelation(update->estate, update->result, 1);
	ExecOpenIndices(update->result, false);
}

/* Makes the slots and compiles the assignment. */
static void
init_row(DirectUpdate *update)
{
	const UpdateJob *job = update->job;
	TupleDesc		 desc = RelationGetDescr(job->rel);
	List		   **slots = &update->estate->es_tupleTable;
	MemoryContext	 old_context = MemoryContextSwitchTo(update->estate->es_query_cxt);

	update->source = ExecAllocTableSlot(slots, job->source, &TTSOpsVirtual);
	update->before = table_slot_create(job->rel, slots);
	update->after = ExecAllocTableSlot(slots, desc, &TTSOpsVirtual);
	update->locked = table_slot_create(job->rel, slots);
	update->assignment = ExecInitExpr(update_assignment(job), NULL);
	MemoryContextSwitchTo(old_context);
}

/* Reads a row; tells whether it is still there and its column NULL. */
static bool
read_row(DirectUpdate *update, UpdateRow *row)
{
	bool isnull;

	if (ItemPointerGetBlockNumber(&row->tid) >= update->nblocks ||
		!table_tuple_fetch_row_version(update->job->rel, &row->tid, GetActiveSnapshot(),
									   update->before))
		return false;
	(void) slot_getattr(update->before, update->job->attnum, &isnull);
	return isnull;
}

/* Computes a value as assignment to the column does; tells whether there is one. */
static bool
assign_value(DirectUpdate *update, UpdateRow *row, Datum *value)
{
	ExprContext *econtext = GetPerTupleExprContext(update->estate);
	bool		 isnull;

	ExecClearTuple(update->source);
	update->source->tts_values[SOURCE_TID - 1] = PointerGetDatum(&row->tid);
	update->source->tts_isnull[SOURCE_TID - 1] = false;
	update->source->tts_values[SOURCE_VALUE - 1] = row->value;
	update->source->tts_isnull[SOURCE_VALUE - 1] = false;
	ExecStoreVirtualTuple(update->source);

	econtext->ecxt_scantuple = update->source;
	*value = ExecEvalExpr(update->assignment, econtext, &isnull);
	return !isnull;
}

/* Makes the new version of the row that was read, and checks it. */
static void
make_row(DirectUpdate *update, Datum value)
{
	Relation		rel = update->job->rel;
	TupleDesc		desc = RelationGetDescr(rel);
	TupleTableSlot *before = update->before;
	TupleTableSlot *after = update->after;

	slot_getallattrs(before);
	ExecClearTuple(after);
	memcpy(after->tts_values, before->tts_values, desc->natts * sizeof(Datum));
	memcpy(after->tts_isnull, before->tts_isnull, desc->natts * sizeof(bool));
	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attisdropped)
			after->tts_isnull[i] = true;
	}
	after->tts_values[update->job->attnum - 1] = value;
	after->tts_isnull[update->job->attnum - 1] = false;
	ExecStoreVirtualTuple(after);
	after->tts_tableOid = RelationGetRelid(rel);

	if (desc->constr != NULL && desc->constr->has_generated_stored)
		ExecComputeStoredGenerated(update->result, update->estate, after, CMD_UPDATE);
	if (rel->rd_rel->relispartition)
		ExecPartitionCheck(update->result, after, update->estate, true);
	if (desc->constr != NULL)
		ExecConstraints(update->result, after, update->estate);
}

/* Puts the new version of a row in place of the old. */
static TM_Result
replace_version(DirectUpdate *update, ItemPointer tid, bool wait, TU_UpdateIndexes *indexes)
{
	TM_FailureData failure;
	LockTupleMode  mode;

	return table_tuple_update(update->job->rel, tid, update->after, update->command,
							  GetActiveSnapshot(), InvalidSnapshot, wait, &failure, &mode, indexes);
}

/* Locks a row as UPDATE would, unless somebody else has. */
static TM_Result
lock_row(DirectUpdate *update, ItemPointer tid)
{
	TM_FailureData failure;

	return table_tuple_lock(update->job->rel, tid, GetActiveSnapshot(), update->locked,
							update->command, ExecUpdateLockMode(update->estate, update->result),
							LockWaitSkip, 0, &failure);
}

/*
 * Puts the new version of a row in place of the old, without waiting.  Where the
 * heap finds the row locked it does not tell a lock that is in the way from one
 * that is not, such as our own or that of a foreign key's check: locking the row
 * does, and then there is nobody left to wait for.
 */
static TM_Result
replace_row(DirectUpdate *update, ItemPointer tid, TU_UpdateIndexes *indexes)
{
	TM_Result result = TM_BeingModified;

	/* A server with assertions on has one that nobody updates without waiting. */
#ifndef USE_ASSERT_CHECKING
	result = replace_version(update, tid, false, indexes);
#endif
	if (result == TM_BeingModified)
	{
		result = lock_row(update, tid);
		if (result == TM_Ok)
			result = replace_version(update, tid, true, indexes);
	}
	return result;
}

/* Fills a row if that can be done at once. */
static bool
fill_row(DirectUpdate *update, UpdateRow *row)
{
	Datum			 value;
	TU_UpdateIndexes indexes;
	TM_Result		 result;

	if (!read_row(update, row) || !assign_value(update, row, &value))
		return false;
	make_row(update, value);

	result = replace_row(update, &row->tid, &indexes);
	if (result == TM_Ok)
		compat_exec_update_index_tuples(update->result, update->after, update->estate, indexes);
	else if ((result == TM_Updated || result == TM_Deleted) && IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("could not serialize access due to concurrent update")));
	return result == TM_Ok;
}

/* Closes the indexes and frees the executor's state. */
static void
end_executor(DirectUpdate *update)
{
	ExecResetTupleTable(update->estate->es_tupleTable, false);
	ExecCloseResultRelations(update->estate);
	ExecCloseRangeTableRelations(update->estate);
	FreeExecutorState(update->estate);
}

int64
direct_update_write(const UpdateJob *job, UpdateRow *rows, int nrows)
{
	DirectUpdate  update = {.job = job};
	MemoryContext old_context;
	int64		  filled = 0;

	/* In place of what the triggers of a tracked table note of each row. */
	if (trigger_notes_changes(job->rel))
		changes_note_table(RelationGetRelid(job->rel));

	/* Each batch is a command of its own, as in the other lane. */
	CommandCounterIncrement();
	update.command = GetCurrentCommandId(true);
	PushActiveSnapshot(GetTransactionSnapshot());
	update.nblocks = RelationGetNumberOfBlocks(job->rel);
	init_executor(&update);
	init_row(&update);

	old_context = MemoryContextSwitchTo(GetPerTupleMemoryContext(update.estate));
	for (int i = 0; i < nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rows[i].filled = fill_row(&update, &rows[i]);
		filled += rows[i].filled;
		ResetPerTupleExprContext(update.estate);
	}
	MemoryContextSwitchTo(old_context);

	end_executor(&update);
	PopActiveSnapshot();
	return filled;
}
