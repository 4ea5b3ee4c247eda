/*-------------------------------------------------------------------------
 *
 * capture_merge.c
 *		Noticing that MERGE may have moved rows to other partitions, which no
 *		transition table of its update shows.
 *
 * Where MERGE updates a row so that it goes to another partition, the server puts it
 * into the transition tables of a delete and of an insert, and fires triggers with
 * these only if the MERGE can do those as well.  Up to version 18 all servers do.
 * Such a row is seen by nobody, and all that can be known is that there may be some.
 *
 * Triggers fire when the executor finishes a statement, so it is looked at there.  The
 * library may be loaded by the first trigger that calls it, and that is too late; so a
 * partitioned source has a trigger before updates that does nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "score/capture_merge.h"

static ExecutorFinish_hook_type next_hook = NULL;

/* The innermost statement whose triggers fire; NULL outside. */
static const PlannedStmt *finishing = NULL;

/* Remembers a statement while its triggers fire. */
static void
finish_statement(QueryDesc *query)
{
	const PlannedStmt *outer = finishing;

	finishing = query->plannedstmt;
	PG_TRY();
	{
		if (next_hook != NULL)
			next_hook(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		finishing = outer;
	}
	PG_END_TRY();
}

void
capture_merge_init(void)
{
	next_hook = ExecutorFinish_hook;
	ExecutorFinish_hook = finish_statement;
}

/* Tells whether rows go to partitions of a table by one of these columns, or by an expression. */
static bool
is_routed_by(Oid relid, const List *columns)
{
	Relation	 rel = table_open(relid, NoLock);
	PartitionKey key = RelationGetPartitionKey(rel);
	bool		 found = false;

	for (int i = 0; i < key->partnatts && !found; i++)
	{
		ListCell *cell;

		found = key->partattrs[i] == InvalidAttrNumber;
		foreach(cell, columns)
			found |= key->partattrs[i] == get_attnum(relid, lfirst(cell));
	}
	table_close(rel, NoLock);
	return found;
}

/* Returns the names of the columns that a MERGE's updates assign to. */
static List *
assigned_columns(const ModifyTable *merge)
{
	Oid		  relid = rt_fetch(linitial_int(merge->resultRelations), finishing->rtable)->relid;
	List	 *columns = NIL;
	ListCell *cell;

	/* The numbers are those of the first table's columns, as its actions are the first. */
	foreach(cell, linitial(merge->mergeActionLists))
	{
		const MergeAction *action = lfirst_node(MergeAction, cell);
		ListCell		  *number;

		if (action->commandType != CMD_UPDATE)
			continue;
		foreach(number, action->updateColnos)
			columns = lappend(columns, get_attname(relid, lfirst_int(number), false));
	}
	return columns;
}

/* Tells whether a plan is a MERGE into a table that may have moved its rows. */
static bool
may_move(const Plan *plan, Relation rel)
{
	const ModifyTable *merge = (const ModifyTable *) plan;
	List			  *columns;
	ListCell		  *cell;

	if (plan == NULL || !IsA(plan, ModifyTable) || merge->operation != CMD_MERGE ||
		rt_fetch(merge->nominalRelation, finishing->rtable)->relid != RelationGetRelid(rel))
		return false;
	columns = assigned_columns(merge);
	if (columns == NIL)
		return false;
	foreach(cell, find_all_inheritors(RelationGetRelid(rel), AccessShareLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_PARTITIONED_TABLE &&
			is_routed_by(lfirst_oid(cell), columns))
			return true;
	}
	return false;
}

bool
merge_may_have_moved(Relation rel)
{
	ListCell *cell;

	if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE || finishing == NULL)
		return false;
	if (may_move(finishing->planTree, rel))
		return true;
	foreach(cell, finishing->subplans)
	{
		if (may_move(lfirst(cell), rel))
			return true;
	}
	return false;
}
