/*-------------------------------------------------------------------------
 *
 * load.c
 *		Filling an empty table as a restore fills it.
 *
 * Indexes are built when all rows are there, which takes a third of the time that it takes to keep them up; so
 * until the end of the transaction nobody else may use them.  Foreign keys between tables that are
 * filled in this way are proven by one join: nobody else sees the parents, so
 * they need no locks.
 *
 * Lock order: the table, then its indexes, none of them waited for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/sql.h"
#include "write/load.h"
#include "write/targets.h"
#include "write/volatility.h"

/* What builds and joins may use, in kB: larger ones are sorted in parts, which is as fast and keeps memory from growing with the rows. */
#define WORKING_MEMORY "4096"

/* Tells whether a table has rows, whoever may see them. */
static bool
has_rows(Relation rel)
{
	Snapshot		snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc	scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	bool			found = table_scan_getnextslot(scan, ForwardScanDirection, slot);

	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	return found;
}

/* Takes a lock that nobody else's stands in the way of, and remembers it. */
static bool
take_lock(Oid relid, LOCKMODE mode, List **taken)
{
	if (!ConditionalLockRelationOid(relid, mode))
		return false;
	*taken = lcons_oid(relid, *taken);
	return true;
}

/* Tells whether a cursor or a query of this session uses an index, which then cannot be built: one reference is the lane's. */
static bool
is_in_use(Oid relid)
{
	Relation index = index_open(relid, NoLock);
	bool	 in_use = index->rd_refcnt > 2;

	index_close(index, NoLock);
	return in_use;
}

/* Locks a table against writers, and its indexes against readers. */
static bool
take_locks(Relation rel, List **taken)
{
	ListCell *cell;

	if (!take_lock(RelationGetRelid(rel), ShareRowExclusiveLock, taken) || has_rows(rel))
		return false;
	foreach(cell, RelationGetIndexList(rel))
	{
		if (!take_lock(lfirst_oid(cell), AccessExclusiveLock, taken) || is_in_use(lfirst_oid(cell)))
			return false;
	}
	return true;
}

/* Tells whether functions that rows call could read tables: an index that is not kept up would mislead them. */
static bool
rows_may_read(const WriteJob *job)
{
	const TupleConstr *constraints = RelationGetDescr(job->rel)->constr;
	ListCell		  *cell;

	foreach(cell, write_targets(job))
	{
		if (expression_may_read((Node *) lfirst_node(TargetEntry, cell)->expr))
			return true;
	}
	for (int i = 0; constraints != NULL && i < constraints->num_check; i++)
	{
		if (expression_may_read(stringToNode(constraints->check[i].ccbin)))
			return true;
	}
	return false;
}

bool
load_begin(const WriteJob *job)
{
	Relation  rel = job->rel;
	List	 *taken = NIL;
	ListCell *cell;

	if (!compat_is_owner(RelationGetRelid(rel), GetUserId()) || rows_may_read(job))
		return false;
	if (take_locks(rel, &taken))
		return true;

	/* Nothing was done under them. */
	foreach(cell, taken)
		UnlockRelationOid(lfirst_oid(cell), lfirst_oid(cell) == RelationGetRelid(rel)
												? ShareRowExclusiveLock
												: AccessExclusiveLock);
	return false;
}

/* Tells whether the caller may read all rows of a table. */
static bool
may_read_all(Relation rel)
{
	Oid relid = RelationGetRelid(rel);

	return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		   check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

bool
load_can_join(Relation rel, Relation parents)
{
	return may_read_all(rel) && may_read_all(parents);
}

/* Bounds the memory of what follows, LLVM's included, until AtEOXact_GUC() of the level returned. */
static int
bound_memory(void)
{
	static const char *const off[] = {"jit"};
	int						 level = sql_switch_off(off, lengthof(off));

	(void) set_config_option("maintenance_work_mem", WORKING_MEMORY, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

bool
load_prove(Trigger *check, Relation rel, Relation parents)
{
	int			  level = bound_memory();
	MemoryContext old_context = CurrentMemoryContext;
	bool		  proven;

	CommandCounterIncrement();
	proven = RI_Initial_Check(check, rel, parents);
	MemoryContextSwitchTo(old_context);
	AtEOXact_GUC(true, level);
	return proven;
}

void
load_build_indexes(Relation rel)
{
	int level = bound_memory();

	CommandCounterIncrement();
	compat_reindex_relation(RelationGetRelid(rel));
	AtEOXact_GUC(true, level);
}
