/*-------------------------------------------------------------------------
 *
 * compat.h
 *		Differences between the server versions that pollseed supports.
 *
 * The only file that looks at PG_VERSION_NUM.  Each wrapper is named after
 * the newest server's spelling.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_COMPAT_H
#define POLLSEED_COMPAT_H

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "datatype/timestamp.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "postmaster/bgworker.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/acl.h"
#include "utils/guc_tables.h"
#include "utils/plancache.h"
#include "utils/rangetypes.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif

#if PG_VERSION_NUM < 150000
#error "pollseed needs PostgreSQL 15 or later"
#endif

/* Positions in time and shares of votes are computed in 128 bits. */
#ifndef HAVE_INT128
#error "pollseed needs a compiler with 128-bit integers"
#endif

/* Infinite intervals came with 17. */
#ifndef INTERVAL_NOT_FINITE
#define INTERVAL_NOT_FINITE(i) false
#endif

/* The server's own came with 16. */
#ifndef palloc_array
#define palloc_array(type, count) ((type *) palloc(mul_size(sizeof(type), count)))
#define palloc0_array(type, count) ((type *) palloc0(mul_size(sizeof(type), count)))
#define palloc_object(type) ((type *) palloc(sizeof(type)))
#define palloc0_object(type) ((type *) palloc0(sizeof(type)))
#endif

/* Generated columns that are not stored came with 18. */
#ifndef ATTRIBUTE_GENERATED_VIRTUAL
#define ATTRIBUTE_GENERATED_VIRTUAL 'v'
#endif

/* What marks a database whose dropping was broken off, in minor releases since 2023. */
#ifndef DATCONNLIMIT_INVALID_DB
#define DATCONNLIMIT_INVALID_DB (-2)
#endif

/* 17 lets a background worker connect as a role that may not log in. */
#ifdef BGWORKER_BYPASS_ROLELOGINCHECK
#define COMPAT_BGWORKER_BYPASS_ROLELOGINCHECK BGWORKER_BYPASS_ROLELOGINCHECK
#else
#define COMPAT_BGWORKER_BYPASS_ROLELOGINCHECK 0
#endif

/* Declares a function that SQL calls; 16 made PG_FUNCTION_INFO_V1 export it. */
#define POLLSEED_FUNCTION(name)                      \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/* 18 lets a module tell its name and version. */
#ifdef PG_MODULE_MAGIC_EXT
#define POLLSEED_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "pollseed", .version = POLLSEED_VERSION)
#else
#define POLLSEED_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* Checks a role's privilege to use a schema. */
static inline AclResult
compat_schema_usage(Oid schema, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE);
#else
	return pg_namespace_aclcheck(schema, role, ACL_USAGE);
#endif
}

/* Tells whether a role owns a relation, by membership, too. */
static inline bool
compat_is_owner(Oid relid, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, role);
#else
	return pg_class_ownercheck(relid, role);
#endif
}

/* Checks the caller's privileges on the parse state's relations as the executor would, hooks included. */
static inline void
compat_exec_check_permissions(ParseState *pstate)
{
#if PG_VERSION_NUM >= 160000
	(void) ExecCheckPermissions(pstate->p_rtable, pstate->p_rteperminfos, true);
#else
	(void) ExecCheckRTPerms(pstate->p_rtable, true);
#endif
}

/* Gives an executor state the parse state's range table. */
static inline void
compat_exec_init_range_table(EState *estate, ParseState *pstate)
{
#if PG_VERSION_NUM >= 180000
	ExecInitRangeTable(estate, pstate->p_rtable, pstate->p_rteperminfos, bms_make_singleton(1));
#elif PG_VERSION_NUM >= 160000
	ExecInitRangeTable(estate, pstate->p_rtable, pstate->p_rteperminfos);
#else
	ExecInitRangeTable(estate, pstate->p_rtable);
#endif
}

/* Marks a column of a range table entry as one to be inserted, for the privilege check. */
static inline void
compat_mark_inserted_column(ParseNamespaceItem *nsitem, AttrNumber attnum)
{
#if PG_VERSION_NUM >= 160000
	RTEPermissionInfo *perms = nsitem->p_perminfo;
#else
	RangeTblEntry *perms = nsitem->p_rte;
#endif

	perms->requiredPerms = ACL_INSERT;
	perms->insertedCols =
		bms_add_member(perms->insertedCols, attnum - FirstLowInvalidHeapAttributeNumber);
}

/* Inserts a new row's entries into the result relation's indexes, raising errors at once. */
static inline void
compat_exec_insert_index_tuples(ResultRelInfo *rri, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	(void) ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL, false);
#else
	(void) ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL);
#endif
}

/* Marks a column as one to be updated in rows found by their tid and its value, for the privilege check. */
static inline void
compat_mark_updated_column(ParseNamespaceItem *nsitem, AttrNumber attnum)
{
#if PG_VERSION_NUM >= 160000
	RTEPermissionInfo *perms = nsitem->p_perminfo;
#else
	RangeTblEntry *perms = nsitem->p_rte;
#endif
	int column = attnum - FirstLowInvalidHeapAttributeNumber;
	int tid = SelfItemPointerAttributeNumber - FirstLowInvalidHeapAttributeNumber;

	perms->requiredPerms = ACL_UPDATE | ACL_SELECT;
	perms->updatedCols = bms_add_member(perms->updatedCols, column);
	perms->selectedCols = bms_add_member(bms_add_member(perms->selectedCols, column), tid);
}

/* Which indexes need an entry for a new version of a row; 16 tells more than whether all or none do. */
#if PG_VERSION_NUM < 160000
typedef bool TU_UpdateIndexes;
#endif

/*
 * Inserts the entries of a row's new version into the indexes that need one, raising errors at once.
 * They are said to be new, as the server need not look for dead ones to put them in place of: each
 * row gets one, once, and looking took more than half of the time where versions were dead.
 */
static inline void
compat_exec_update_index_tuples(ResultRelInfo *rri, TupleTableSlot *slot, EState *estate,
								TU_UpdateIndexes indexes)
{
#if PG_VERSION_NUM >= 160000
	if (indexes != TU_None)
		(void) ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL,
									 indexes == TU_Summarizing);
#else
	if (indexes)
		(void) ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL);
#endif
}

/* Says when a trigger of a table fires, which the caller has locked; not those of its partitions. */
static inline void
compat_enable_trigger(Relation rel, const char *trigger, char fires_when)
{
#if PG_VERSION_NUM >= 160000
	EnableDisableTrigger(rel, trigger, InvalidOid, fires_when, false, false, NoLock);
#else
	EnableDisableTriggerNew2(rel, trigger, InvalidOid, fires_when, false, false, NoLock);
#endif
}

/* The server's own came with 17. */
#if PG_VERSION_NUM < 170000
#define COMPAT_LACKS_DSM_REGISTRY

/*
 * Returns a segment of shared memory that lasts until the server ends, making
 * it at the first call of all sessions; to be called once a session.
 */
extern void *GetNamedDSMSegment(const char *name, size_t size, void (*init_callback)(void *ptr),
								bool *found);
#endif

/* Returns this process's index in the server's array of processes. */
static inline int
compat_my_proc_number(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber;
#else
	return MyProc->pgprocno;
#endif
}

/*
 * Returns the one after previous, or the first, of the locks that this process
 * holds in a partition of the lock table, whose LWLock must be held; NULL at the end.
 */
static inline PROCLOCK *
compat_next_held_lock(int partition, PROCLOCK *previous)
{
#if PG_VERSION_NUM >= 160000
	dlist_head *held = &MyProc->myProcLocks[partition];

	if (previous == NULL)
		return dlist_is_empty(held) ? NULL : dlist_head_element(PROCLOCK, procLink, held);
	if (!dlist_has_next(held, &previous->procLink))
		return NULL;
	return dlist_container(PROCLOCK, procLink, dlist_next_node(held, &previous->procLink));
#else
	SHM_QUEUE *held = &MyProc->myProcLocks[partition];

	return (PROCLOCK *) SHMQueueNext(held, previous == NULL ? held : &previous->procLink,
									 offsetof(PROCLOCK, procLink));
#endif
}

/* Returns the one after previous, or the first, of the processes that wait for a lock; NULL at the end. */
static inline PGPROC *
compat_next_lock_waiter(LOCK *lock, PGPROC *previous)
{
#if PG_VERSION_NUM >= 160000
	dlist_head *waiters = &lock->waitProcs.dlist;

	if (previous == NULL)
		return dlist_is_empty(waiters) ? NULL : dlist_head_element(PGPROC, links, waiters);
	if (!dlist_has_next(waiters, &previous->links))
		return NULL;
	return dlist_container(PGPROC, links, dlist_next_node(waiters, &previous->links));
#else
	SHM_QUEUE *waiters = &lock->waitProcs.links;

	return (PGPROC *) SHMQueueNext(waiters, previous == NULL ? waiters : &previous->links,
								   offsetof(PGPROC, links));
#endif
}

/* Returns the columns of a range table entry that a query reads, numbered from FirstLowInvalidHeapAttributeNumber. */
static inline Bitmapset *
compat_selected_columns(Query *query, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	return getRTEPermissionInfo(query->rteperminfos, rte)->selectedCols;
#else
	(void) query;
	return rte->selectedCols;
#endif
}

/* Returns the expressions that the columns of a range table entry stand for where it is a grouping step, which has one since 18. */
static inline List *
compat_group_expressions(RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 180000
	return rte->rtekind == RTE_GROUP ? rte->groupexprs : NIL;
#else
	(void) rte;
	return NIL;
#endif
}

/* Tells whether a column is computed when it is read, so that rows do not hold it; such came with 18. */
static inline bool
compat_is_virtual(Form_pg_attribute attribute)
{
#if PG_VERSION_NUM >= 180000
	return attribute->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL;
#else
	(void) attribute;
	return false;
#endif
}

/* Checks a role's privilege to call a function. */
static inline AclResult
compat_function_execute(Oid function, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE);
#else
	return pg_proc_aclcheck(function, role, ACL_EXECUTE);
#endif
}

/* Checks the caller's privileges on the relations of a query as the executor would, hooks included. */
static inline void
compat_check_relations(List *range_table, List *permissions)
{
#if PG_VERSION_NUM >= 160000
	(void) ExecCheckPermissions(range_table, permissions, true);
#else
	(void) permissions;
	(void) ExecCheckRTPerms(range_table, true);
#endif
}

/* Returns what compat_check_relations() takes beside a query's range table. */
static inline List *
compat_permissions(Query *query)
{
#if PG_VERSION_NUM >= 160000
	return query->rteperminfos;
#else
	(void) query;
	return NIL;
#endif
}

/* Tells whether the search path is the one that a kept query was analyzed under. */
static inline bool
compat_search_path_is_that_of(const CachedPlanSource *source)
{
#if PG_VERSION_NUM >= 170000
	return SearchPathMatchesCurrentEnvironment(source->search_path);
#else
	return OverrideSearchPathMatchesCurrent(source->search_path);
#endif
}

/* Returns the oldest transaction whose fate the commit log has; XactTruncationLock is held. */
static inline TransactionId
compat_oldest_known_xid(void)
{
#if PG_VERSION_NUM >= 170000
	return TransamVariables->oldestClogXid;
#else
	return ShmemVariableCache->oldestClogXid;
#endif
}

/* Makes a range in its canonical form; 16 gave it a way to report errors softly. */
static inline RangeType *
compat_make_range(TypeCacheEntry *entry, RangeBound *lower, RangeBound *upper)
{
#if PG_VERSION_NUM >= 160000
	return make_range(entry, lower, upper, false, NULL);
#else
	return make_range(entry, lower, upper, false);
#endif
}

/* Returns the parts of a name that may be qualified; 16 gave it a way to report errors softly. */
static inline List *
compat_name_list(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return stringToQualifiedNameList(name, NULL);
#else
	return stringToQualifiedNameList(name);
#endif
}

/* Tells whether a foreign key is one of periods, which came with 18. */
static inline bool
compat_is_temporal(Oid constraint)
{
#if PG_VERSION_NUM >= 180000
	HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	bool	  temporal;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for constraint %u", constraint);
	temporal = ((Form_pg_constraint) GETSTRUCT(tuple))->conperiod;
	ReleaseSysCache(tuple);
	return temporal;
#else
	(void) constraint;
	return false;
#endif
}

/* Builds all indexes of a table anew, and checks what they promise; 17 wants the statement. */
static inline void
compat_reindex_relation(Oid relid)
{
#if PG_VERSION_NUM >= 170000
	(void) reindex_relation(NULL, relid, REINDEX_REL_CHECK_CONSTRAINTS, &(ReindexParams){0});
#else
	(void) reindex_relation(relid, REINDEX_REL_CHECK_CONSTRAINTS, &(ReindexParams){0});
#endif
}

/* Returns all settings, and how many there are. */
static inline struct config_generic **
compat_settings(int *count)
{
#if PG_VERSION_NUM >= 160000
	return get_guc_variables(count);
#else
	*count = GetNumConfigOptions();
	return get_guc_variables();
#endif
}

#endif /* POLLSEED_COMPAT_H */
