/*-------------------------------------------------------------------------
 *
 * lane_direct.c
 *		Writing a batch into a plain heap table, as COPY does.
 *
 * One projection computes the rows: assignment casts of the values, literals,
 * and defaults, each compiled as INSERT's planner would.  Then come generated
 * columns and constraints, one multi-insert into the heap, each row's index
 * entries, and the proof of the foreign keys.  What the triggers of a tracked table
 * note of each row is noted of all at once.  (Filling one index after the
 * other, in the order of its keys, was measured to gain nothing.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "parser/parse_relation.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/changes.h"
#include "core/compat.h"
#include "core/trigger.h"
#include "write/foreign_keys.h"
#include "write/lanes.h"
#include "write/load.h"
#include "write/targets.h"

/* Rows inserted into the heap at once; a larger batch is inserted in parts, for the sake of memory. */
#define ROWS_PER_INSERT 1000

struct DirectLane
{
	const WriteJob *job;
	EState		   *estate;
	ResultRelInfo  *result;
	TupleTableSlot *source; /* a row's values */
	TupleTableSlot *row;	/* what the projection makes of them */
	ProjectionInfo *projection;
	TupleTableSlot *slots[ROWS_PER_INSERT];
	BulkInsertState bulk;
	ForeignKeys	   *foreign_keys;
	bool			loading; /* indexes are built at the end */
};

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
	TupleDesc	  desc;

	lane->job = job;
	init_executor(lane);

	old_context = MemoryContextSwitchTo(lane->estate->es_query_cxt);

	/* A copy is not counted as a reference, which for so many slots would take long. */
	desc = CreateTupleDescCopyConstr(RelationGetDescr(job->rel));
	lane->source = MakeSingleTupleTableSlot(job->source, &TTSOpsVirtual);
	lane->row = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	lane->projection = ExecBuildProjectionInfo(
		write_targets(job), GetPerTupleExprContext(lane->estate), lane->row, NULL, job->source);
	for (int i = 0; i < ROWS_PER_INSERT; i++)
		lane->slots[i] = MakeSingleTupleTableSlot(desc, table_slot_callbacks(job->rel));
	lane->foreign_keys = foreign_keys_open(job->rel, lane->result->ri_TrigDesc);
	MemoryContextSwitchTo(old_context);

	lane->bulk = GetBulkInsertState();
	return lane;
}

bool
direct_lane_load(DirectLane *lane, List **loaded)
{
	Relation rel = lane->job->rel;

	if (!load_begin(lane->job))
		return false;
	lane->loading = true;
	ExecCloseIndices(lane->result);
	lane->result->ri_NumIndices = 0;
	*loaded = lappend_oid(*loaded, RelationGetRelid(rel));
	foreign_keys_load(lane->foreign_keys, *loaded);
	return true;
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

/* Writes some of the rows of a batch, from the values given. */
static void
write_rows(DirectLane *lane, CommandId command, int nrows, const Datum *values, const bool *nulls)
{
	int			  natts = lane->job->source->natts;
	MemoryContext old_context;

	for (int row = 0; row < nrows; row++)
		make_row(lane, values + (Size) row * natts, nulls + (Size) row * natts, lane->slots[row]);

	/* It leaves its own copies of the rows behind. */
	old_context = MemoryContextSwitchTo(GetPerTupleMemoryContext(lane->estate));
	table_multi_insert(lane->job->rel, lane->slots, nrows, command, 0, lane->bulk);
	MemoryContextSwitchTo(old_context);

	if (!lane->loading)
		insert_index_entries(lane, nrows);
	foreign_keys_note(lane->foreign_keys, lane->slots, nrows);

	for (int row = 0; row < nrows; row++)
		ExecClearTuple(lane->slots[row]);
}

int64
direct_lane_write(DirectLane *lane, const WriteBatch *batch)
{
	CommandId command;

	/* By each batch, which may belong to another subtransaction than those before. */
	if (trigger_notes_changes(lane->job->rel))
		changes_note_table(RelationGetRelid(lane->job->rel));

	/* Each batch is a command of its own, as in the other lane, and its functions see those before. */
	CommandCounterIncrement();
	command = GetCurrentCommandId(true);
	PushActiveSnapshot(GetTransactionSnapshot());
	for (int first = 0; first < batch->nrows; first += ROWS_PER_INSERT)
	{
		Size cell = (Size) first * lane->job->source->natts;

		CHECK_FOR_INTERRUPTS();
		write_rows(lane, command, Min(batch->nrows - first, ROWS_PER_INSERT), &batch->values[cell],
				   &batch->nulls[cell]);
	}
	PopActiveSnapshot();
	foreign_keys_prove(lane->foreign_keys);
	return batch->nrows;
}

void
direct_lane_close(DirectLane *lane)
{
	FreeBulkInsertState(lane->bulk);
	table_finish_bulk_insert(lane->job->rel, 0);
	if (lane->loading)
		load_build_indexes(lane->job->rel);
	foreign_keys_prove_loaded(lane->foreign_keys);
	foreign_keys_close(lane->foreign_keys);
	ExecCloseResultRelations(lane->estate);
	ExecCloseRangeTableRelations(lane->estate);
	FreeExecutorState(lane->estate);
}
