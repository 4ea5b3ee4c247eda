/*-------------------------------------------------------------------------
 *
 * ddl.c
 *		Event triggers: data definition that may change results has them computed
 *		anew, and new partitions and heirs of tracked tables are tracked.
 *
 * What a command may change is told by its kind.  Kinds that are not known here are
 * taken to change anything.  What is used all the time changes nothing, so that
 * results outlive it, and most of it is told apart without running a query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "cache/query.h"
#include "cache/track.h"
#include "core/changes.h"
#include "core/compat.h"
#include "core/sql.h"

POLLSEED_FUNCTION(pollseed_cache_after_ddl);
POLLSEED_FUNCTION(pollseed_cache_before_ddl);
POLLSEED_FUNCTION(pollseed_cache_forget);
POLLSEED_FUNCTION(pollseed_cache_after_drop);

/* What the event triggers see of commands, of which there is none for some; and the tables that they made. */
static const char commands_sql[] =
	"SELECT CASE WHEN c.command_tag OPERATOR(pg_catalog.=) 'CREATE TABLE'"
	" AND c.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass THEN c.objid END,"
	" COALESCE(c.schema_name OPERATOR(pg_catalog.=) 'pg_temp', false)"
	" FROM pg_catalog.pg_event_trigger_ddl_commands() AS c";

/*
 * Finds something that results may depend on and that is gone.  What belongs to a temporary table
 * and has no schema is not always known to be temporary: what is dropped with its table does not count.
 */
static const char dropped_sql[] =
	"SELECT FROM pg_catalog.pg_event_trigger_dropped_objects() AS d"
	" WHERE NOT d.is_temporary AND d.object_type OPERATOR(pg_catalog.<>) ALL (ARRAY['index', 'sequence',"
	"  'statistics object', 'table constraint', 'default value', 'publication', 'publication relation'])"
	" AND (d.original OR d.object_type OPERATOR(pg_catalog.<>) ALL (ARRAY['trigger', 'rule', 'policy']))"
	" LIMIT 1";

/* Returns the event that called a function; raises 39P03 where it is none. */
static const EventTriggerData *
check_event(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("must be called by an event trigger"),
						errhint("The extension has its own event triggers.")));
	return (const EventTriggerData *) fcinfo->context;
}

/* Has all results of the database computed anew. */
static void
note_anything(void)
{
	changes_note(tags_slot(TAG_DATABASE, 0, 0));
}

/* Tells whether commands of a kind change no result. */
static bool
changes_nothing(CommandTag tag, const Node *command)
{
	switch (tag)
	{
		case CMDTAG_ALTER_DEFAULT_PRIVILEGES:
		case CMDTAG_ALTER_INDEX:
		case CMDTAG_ALTER_PUBLICATION:
		case CMDTAG_ALTER_SEQUENCE:
		case CMDTAG_ALTER_STATISTICS:
		case CMDTAG_ALTER_SUBSCRIPTION:
		case CMDTAG_COMMENT:
		case CMDTAG_CREATE_INDEX:
		case CMDTAG_CREATE_PUBLICATION:
		case CMDTAG_CREATE_STATISTICS:
		case CMDTAG_CREATE_SUBSCRIPTION:
		case CMDTAG_GRANT:
		case CMDTAG_REINDEX:
		case CMDTAG_SECURITY_LABEL:
			return true;
		default:
			/* The other event trigger sees to what is dropped. */
			return IsA(command, DropStmt);
	}
}

/* Returns the relation that a command makes, or NULL where it is none of those that only make one. */
static const RangeVar *
made_relation(const Node *command)
{
	switch (nodeTag(command))
	{
		case T_CreateStmt:
			return ((const CreateStmt *) command)->relation;
		case T_CreateForeignTableStmt:
			return ((const CreateForeignTableStmt *) command)->base.relation;
		case T_CreateTableAsStmt:
			return ((const CreateTableAsStmt *) command)->into->rel;
		case T_CreateSeqStmt:
			return ((const CreateSeqStmt *) command)->sequence;
		default:
			return NULL;
	}
}

/* Tells whether relations of several schemas have a name, so that it may mean another than before. */
static bool
name_is_used_elsewhere(const char *name)
{
	CatCList *list = SearchSysCacheList1(RELNAMENSP, CStringGetDatum(name));
	bool	  is_used = list->n_members > 1;

	ReleaseSysCacheList(list);
	return is_used;
}

/*
 * Notes that a relation was made.  A new partition or heir has no rows, so that nothing has
 * changed but where its triggers could not be made.
 */
static void
note_made(const RangeVar *made, const Node *command)
{
	Oid schema = RangeVarGetCreationNamespace(made);

	if (isTempNamespace(schema))
	{
		/* It hides another of its name, from this session only. */
		if (name_is_used_elsewhere(made->relname))
			query_forget_names();
		return;
	}
	if (name_is_used_elsewhere(made->relname) ||
		(IsA(command, CreateForeignTableStmt) &&
		 ((const CreateStmt *) command)->inhRelations != NIL))
		note_anything();
	else if (IsA(command, CreateStmt) && ((const CreateStmt *) command)->inhRelations != NIL &&
			 !track_new_member(get_relname_relid(made->relname, schema)))
		note_anything();
}

/* Tells whether a command makes a trigger that calls a function of ours, which changes nothing but rows that others note. */
static bool
makes_own_trigger(const Node *command)
{
	const List *name;

	if (!IsA(command, CreateTrigStmt))
		return false;
	name = ((const CreateTrigStmt *) command)->funcname;
	return list_length(name) == 2 && strcmp(strVal(linitial(name)), "pollseed") == 0;
}

/* Notes that a materialized view has other rows. */
static void
note_refreshed(const RefreshMatViewStmt *command)
{
	Oid view = RangeVarGetRelid(command->relation, NoLock, true);

	if (OidIsValid(view))
		changes_note_table(view);
	else
		note_anything();
}

/* Tracks what an ALTER TABLE has made a partition or an heir of a tracked table. */
static void
track_altered(const AlterTableStmt *command)
{
	ListCell *cell;

	foreach(cell, command->cmds)
	{
		const AlterTableCmd *part = lfirst(cell);
		Oid					 member = InvalidOid;

		if (part->subtype == AT_AddInherit)
			member = RangeVarGetRelid(command->relation, NoLock, true);
		else if (part->subtype == AT_AttachPartition)
			member = RangeVarGetRelid(((const PartitionCmd *) part->def)->name, NoLock, true);
		if (OidIsValid(member))
			(void) track_new_member(member);
	}
}

/* Notes that a command may have changed anything, unless all that it is about is temporary, and tracks the tables that it made. */
static void
note_command(void)
{
	static SPIPlanPtr plan = NULL;
	int64			  count;
	bool			  is_temporary;
	List			 *tables = NIL;
	ListCell		 *cell;

	SPI_connect();
	count = sql_execute_kept(&plan, commands_sql, 0, NULL, NULL);
	is_temporary = count > 0;
	for (int64 i = 0; i < count; i++)
	{
		is_temporary &= DatumGetBool(sql_value_not_null(i, 2));
		tables = lappend_oid(tables, sql_oid(i, 1));
	}
	if (is_temporary)
		query_forget_names();
	else
		note_anything();
	foreach(cell, tables)
	{
		if (OidIsValid(lfirst_oid(cell)))
			(void) track_new_member(lfirst_oid(cell));
	}
	SPI_finish();
}

/* pollseed.cache_after_ddl() */
Datum
pollseed_cache_after_ddl(PG_FUNCTION_ARGS)
{
	const EventTriggerData *event = check_event(fcinfo);
	const RangeVar		   *made;

	if (changes_nothing(event->tag, event->parsetree) || makes_own_trigger(event->parsetree))
		PG_RETURN_NULL();
	made = made_relation(event->parsetree);
	if (made != NULL)
		note_made(made, event->parsetree);
	else if (IsA(event->parsetree, RefreshMatViewStmt))
		note_refreshed((const RefreshMatViewStmt *) event->parsetree);
	else
		note_command();
	if (IsA(event->parsetree, AlterTableStmt))
		track_altered((const AlterTableStmt *) event->parsetree);
	PG_RETURN_NULL();
}

/* Tells whether a command drops only what no result depends on. */
static bool
drops_nothing_of_note(const Node *command)
{
	const DropStmt *drop = (const DropStmt *) command;

	if (!IsA(command, DropStmt) || drop->behavior != DROP_RESTRICT)
		return false;
	return drop->removeType == OBJECT_INDEX || drop->removeType == OBJECT_SEQUENCE ||
		   drop->removeType == OBJECT_STATISTIC_EXT || drop->removeType == OBJECT_PUBLICATION;
}

/* pollseed.cache_after_drop() */
Datum
pollseed_cache_after_drop(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr		plan = NULL;
	const EventTriggerData *event = check_event(fcinfo);

	if (drops_nothing_of_note(event->parsetree))
		PG_RETURN_NULL();
	SPI_connect();
	if (sql_execute_kept(&plan, dropped_sql, 0, NULL, NULL) > 0)
		note_anything();
	SPI_finish();
	PG_RETURN_NULL();
}

/*
 * cache_before_ddl()
 *
 * DETACH PARTITION CONCURRENTLY takes two transactions; what the first one commits is not told of at its end.
 */
Datum
pollseed_cache_before_ddl(PG_FUNCTION_ARGS)
{
	const Node *command = check_event(fcinfo)->parsetree;
	ListCell   *cell;

	if (!IsA(command, AlterTableStmt))
		PG_RETURN_NULL();
	foreach(cell, ((const AlterTableStmt *) command)->cmds)
	{
		const AlterTableCmd *part = lfirst(cell);

		if (part->subtype == AT_DetachPartition && ((const PartitionCmd *) part->def)->concurrent)
			note_anything();
	}
	PG_RETURN_NULL();
}

/*
 * cache_forget()
 *
 * The event triggers are not there when the extension is dropped and made again, nor are the definitions
 * that sessions know the same then.
 */
Datum
pollseed_cache_forget(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	note_anything();
	changes_note(tags_slot(TAG_CACHES, 0, 0));
	PG_RETURN_VOID();
}
