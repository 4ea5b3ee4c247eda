/*-------------------------------------------------------------------------
 *
 * track.c
 *		SQL functions pollseed_cache_track() and pollseed_cache_untrack().
 *
 * A table, its partitions and its heirs have two triggers each.  That for rows says what to look
 * at by its arguments; a partition's is made by the server after that of its parent.
 * TRUNCATE fires those for statements of all tables that it empties.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "cache/track.h"
#include "cache/triggers.h"
#include "core/changes.h"
#include "core/compat.h"
#include "core/figures.h"
#include "core/names.h"
#include "core/relation.h"
#include "core/sql.h"
#include "core/subtransaction.h"
#include "core/trigger.h"

POLLSEED_FUNCTION(pollseed_cache_track);
POLLSEED_FUNCTION(pollseed_cache_untrack);

/* The names of the triggers. */
#define ROW_TRIGGER "pollseed_cache_row"
#define TRUNCATE_TRIGGER "pollseed_cache_truncate"

/* Triggers that each table has. */
#define TRIGGERS_OF_TABLE 2

/* Raises 42501 unless the caller may have triggers made on a table. */
static void
check_privilege(Relation rel)
{
	if (pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_TRIGGER) != ACLCHECK_OK &&
		!has_privs_of_role(GetUserId(), rel->rd_rel->relowner))
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
}

/* Raises 42809 unless the changes of a relation of this kind can be tracked. */
static void
check_kind(Relation rel)
{
	const char *name = RelationGetRelationName(rel);

	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_VIEW:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("cannot track view \"%s\"", name),
					 errhint("Track the tables that it reads.")));
		case RELKIND_MATVIEW:
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
							errmsg("materialized view \"%s\" needs no tracking", name),
							errdetail("REFRESH MATERIALIZED VIEW is noticed all the same.")));
		case RELKIND_FOREIGN_TABLE:
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
							errmsg("cannot track foreign table \"%s\"", name),
							errdetail("Its rows are changed elsewhere."),
							errhint("Let results that read it live for a while: give "
									"pollseed_cache_fetch() a \"ttl\" and, as \"depends_on\", the "
									"other tables.")));
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", name),
					 errhint("Name a table or a partitioned table.")));
	}
}

/* Raises an error unless the changes of a table can be tracked. */
static void
check_member(Relation rel, Oid root pg_attribute_unused())
{
	check_kind(rel);
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("cannot track temporary table \"%s\"", RelationGetRelationName(rel)),
						errdetail("Each session has its own, and results are shared among them.")));
	if (IsCatalogRelation(rel))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("cannot track system catalog \"%s\"", RelationGetRelationName(rel)),
						errdetail("The server changes it without firing triggers.")));
}

/*
 * Does the same, and raises 42501 unless the caller may track the first table.  The rows of those
 * that inherit from it are its own: as for reading them, no privilege on them is needed.
 */
static void
check_table(Relation rel, Oid root)
{
	if (RelationGetRelid(rel) == root)
		check_privilege(rel);
	check_member(rel, root);
}

/* Returns the number of a column that a caller names. */
static AttrNumber
find_column(Oid relid, const char *name)
{
	AttrNumber number = cache_column_number(relid, name);

	if (number == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of relation \"%s\" does not exist", name,
							   get_rel_name(relid))));
	return number;
}

/* Finds a column whose values are to be looked at. */
static AttrNumber
find_kept_column(Oid relid, const char *name)
{
	AttrNumber number = find_column(relid, name);

	if (!cache_column_is_kept(relid, number))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("column \"%s\" has no values that are kept", name),
						errdetail("It is generated when it is read."),
						errhint("Name a column that is stored.")));
	return number;
}

/* Raises 42804 unless a column can be a key; that of a tally must be an integer. */
static void
check_key(Oid relid, const char *name, bool is_tallied)
{
	AttrNumber	number = find_kept_column(relid, name);
	const char *type = format_type_be(get_atttype(relid, number));

	if (!cache_column_fits_key(relid, number))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" of type %s cannot be a key", name, type),
						errdetail("Equal values of it may differ as text."),
						errhint("Name a column of an integer or text type, or of type uuid, date, "
								"boolean or an enum, without a collation that is not "
								"deterministic.")));
	if (is_tallied && !cache_column_is_integer(relid, number))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a tally cannot have column \"%s\" of type %s as its key", name, type),
				 errhint("Name a column of type smallint, integer or bigint.")));
}

/* Raises 42804 unless a column can be tallied. */
static void
check_tally(Oid relid, const char *name)
{
	AttrNumber number = find_kept_column(relid, name);

	if (!cache_column_is_integer(relid, number))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" of type %s cannot be tallied", name,
							   format_type_be(get_atttype(relid, number))),
						errhint("Name a column of type smallint, integer or bigint, or count rows "
								"by the tally '*'.")));
}

/* Orders names. */
static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* Returns the columns that do not matter, ordered and each once, having checked them. */
static List *
read_ignored(Oid relid, Datum array, const char *key, const char *tally)
{
	List	 *names;
	ListCell *cell;

	if (array_contains_nulls(DatumGetArrayTypeP(array)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("ignore must not contain nulls")));
	names = names_union(NIL, names_of_array(array));
	foreach(cell, names)
	{
		(void) find_column(relid, lfirst(cell));
		if (strcmp(lfirst(cell), key) == 0 || strcmp(lfirst(cell), tally) == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("column \"%s\" cannot be ignored", (const char *) lfirst(cell)),
							errdetail("It is the key, or the tallied column."),
							errhint("Leave it out of \"ignore\".")));
	}
	list_sort(names, compare_names);
	return names;
}

/* Returns an argument that is a name, or '' where it is null. */
static const char *
name_argument(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? "" : pstrdup(NameStr(*PG_GETARG_NAME(arg)));
}

/* Returns what the trigger's arguments are to be, having checked them. */
static List *
read_arguments(FunctionCallInfo fcinfo, Oid relid)
{
	const char *key = name_argument(fcinfo, 1);
	const char *tally = name_argument(fcinfo, 2);
	List	   *ignored = NIL;

	if (key[0] == '\0' && tally[0] != '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a tally needs a key"),
						errhint("Name the column by whose values is to be counted as \"key\".")));
	if (key[0] != '\0')
		check_key(relid, key, tally[0] != '\0');
	if (tally[0] != '\0' && strcmp(tally, TALLY_OF_ROWS) != 0)
		check_tally(relid, tally);
	if (tally[0] != '\0' && strcmp(tally, key) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("column \"%s\" cannot be both key and tally", key),
						errhint("Name another column, or count rows by the tally '*'.")));
	if (!PG_ARGISNULL(3))
		ignored = read_ignored(relid, PG_GETARG_DATUM(3), key, tally);
	return list_concat(list_make2((char *) key, (char *) tally), ignored);
}

/* Returns a table's trigger of a kind, or NULL; that which the server made, where there are two. */
static const CacheTrigger *
find_kind(const List *triggers, bool for_rows)
{
	const CacheTrigger *found = NULL;
	ListCell		   *cell;

	foreach(cell, triggers)
	{
		const CacheTrigger *trigger = lfirst(cell);

		if ((for_rows ? trigger->for_rows : trigger->for_truncate) &&
			(found == NULL || trigger->is_clone))
			found = trigger;
	}
	return found;
}

/* Raises 55000 where a table's trigger for rows, which would have to be another, is that of the table that it is a partition of. */
static void
check_is_no_clone(Oid relid, const List *arguments)
{
	const CacheTrigger *trigger = find_kind(cache_triggers(relid), true);

	if (trigger != NULL && trigger->is_clone && !names_same(trigger->arguments, arguments))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("table \"%s\" is tracked as a partition", get_rel_name(relid)),
						errhint("Name the table that it is a partition of.")));
}

/* Raises 42710 where something else has the name that a trigger of ours is to have. */
static void
check_name_is_free(Oid relid, const char *name)
{
	Oid		  trigger = get_trigger_oid(relid, name, true);
	ListCell *cell;

	foreach(cell, cache_triggers(relid))
	{
		if (((const CacheTrigger *) lfirst(cell))->oid == trigger)
			return;
	}
	if (OidIsValid(trigger))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("trigger \"%s\" of table \"%s\" is not one of pollseed's", name,
							   get_rel_name(relid)),
						errhint("Give it another name with ALTER TRIGGER.")));
}

/*
 * Makes a trigger, or another of its name, which takes to own the table.  Replacing needs no
 * stronger lock than making, and takes a partition's own for that of its parent.
 */
static void
create_trigger(Relation rel, const char *name, bool for_rows, const List *arguments)
{
	StringInfoData sql;
	ListCell	  *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "CREATE OR REPLACE TRIGGER %s AFTER %s ON %s FOR EACH %s EXECUTE FUNCTION"
					 " pollseed.cache_capture(",
					 quote_identifier(name), for_rows ? "INSERT OR UPDATE OR DELETE" : "TRUNCATE",
					 relation_quoted_name(rel), for_rows ? "ROW" : "STATEMENT");
	foreach(cell, arguments)
		appendStringInfo(&sql, "%s%s", cell == list_head(arguments) ? "" : ", ",
						 quote_literal_cstr(lfirst(cell)));
	appendStringInfoChar(&sql, ')');
	(void) sql_execute_own(sql.data, 0, NULL, NULL, NULL);
	CommandCounterIncrement();
}

/* Has a trigger of a table fire always, and go with the extension, as one does that the server made after another. */
static void
finish_trigger(Relation rel, const CacheTrigger *trigger)
{
	if (!trigger->is_always)
	{
		compat_enable_trigger(rel, trigger->name, TRIGGER_FIRES_ALWAYS);
		CommandCounterIncrement();
	}
	if (!trigger->is_clone)
		trigger_go_with_extension(trigger->oid);
}

/* Drops triggers; those that the server made go with that which they were made after. */
static void
drop_triggers(const List *triggers)
{
	ObjectAddresses *objects = new_object_addresses();
	ListCell		*cell;

	foreach(cell, triggers)
	{
		const CacheTrigger *trigger = lfirst(cell);
		ObjectAddress		object;

		if (trigger->is_clone)
			continue;
		ObjectAddressSet(object, TriggerRelationId, trigger->oid);
		add_exact_object_address(&object, objects);
	}
	performMultipleDeletions(objects, DROP_RESTRICT,
							 PERFORM_DELETION_INTERNAL | PERFORM_DELETION_QUIETLY);
	free_object_addresses(objects);
	CommandCounterIncrement();
}

/* Drops a table's triggers of ours that are neither of two. */
static void
drop_others(const List *triggers, const CacheTrigger *for_rows, const CacheTrigger *for_truncate)
{
	List	 *others = NIL;
	ListCell *cell;

	foreach(cell, triggers)
	{
		if (lfirst(cell) != for_rows && lfirst(cell) != for_truncate)
			others = lappend(others, lfirst(cell));
	}
	if (others != NIL)
		drop_triggers(others);
}

/* Makes sure of a table's trigger of a kind; of its arguments too, unless they are NIL. */
static void
make_sure_of(Relation rel, bool for_rows, const List *arguments, bool replace)
{
	Oid					relid = RelationGetRelid(rel);
	const CacheTrigger *trigger = find_kind(cache_triggers(relid), for_rows);

	if (trigger == NULL || (replace && !names_same(trigger->arguments, arguments)))
	{
		const char *usual = for_rows ? ROW_TRIGGER : TRUNCATE_TRIGGER;

		create_trigger(rel, trigger != NULL ? trigger->name : usual, for_rows, arguments);
		trigger = find_kind(cache_triggers(relid), for_rows);
	}
	finish_trigger(rel, trigger);
}

/* Makes sure of a table's triggers; where they are there, with these arguments only if replace. */
static void
install(Oid relid, const List *arguments, bool replace)
{
	Relation rel = table_open(relid, NoLock);
	List	*triggers;

	check_name_is_free(relid, ROW_TRIGGER);
	check_name_is_free(relid, TRUNCATE_TRIGGER);
	make_sure_of(rel, true, arguments, replace);
	make_sure_of(rel, false, NIL, replace);
	triggers = cache_triggers(relid);
	drop_others(triggers, find_kind(triggers, true), find_kind(triggers, false));
	table_close(rel, NoLock);
}

/* Tells how many of a table's triggers are as they should be. */
static int
count_right(Oid relid, const List *arguments)
{
	List			   *triggers = cache_triggers(relid);
	const CacheTrigger *for_rows = find_kind(triggers, true);
	const CacheTrigger *for_truncate = find_kind(triggers, false);
	int					count = 0;

	if (for_rows != NULL && for_rows->is_always && names_same(for_rows->arguments, arguments))
		count++;
	if (for_truncate != NULL && for_truncate->is_always)
		count++;
	return count;
}

/* Has results computed anew that depend on tables, which are tracked otherwise than before. */
static void
note_tables(const List *tables)
{
	ListCell *cell;

	foreach(cell, tables)
		changes_note_table(lfirst_oid(cell));
}

/* Tracks tables, which are locked, parents first; returns how many of their triggers were not as they should be. */
static int
track_tables(const List *tables, const List *arguments)
{
	int		  made = TRIGGERS_OF_TABLE * list_length(tables);
	ListCell *cell;

	foreach(cell, tables)
		made -= count_right(lfirst_oid(cell), arguments);
	SPI_connect();
	foreach(cell, tables)
		install(lfirst_oid(cell), arguments, true);
	SPI_finish();
	if (made > 0)
		note_tables(tables);
	return made;
}

/*
 * pollseed_cache_track(target, key, tally, ignore)
 */
Datum
pollseed_cache_track(PG_FUNCTION_ARGS)
{
	Oid	  relid;
	List *tables;
	List *arguments;
	Datum values[2];

	PreventCommandIfReadOnly("pollseed_cache_track()");
	require_argument(fcinfo, 0, "target");
	relid = PG_GETARG_OID(0);
	tables = trigger_lock_tables(relid, ShareRowExclusiveLock, check_table);
	arguments = read_arguments(fcinfo, relid);
	check_is_no_clone(relid, arguments);

	values[0] = Int32GetDatum(list_length(tables));
	values[1] = Int32GetDatum(track_tables(tables, arguments));
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}

/* Raises 42501 unless the caller may have the triggers of a table dropped. */
static void
check_untracked(Relation rel, Oid root)
{
	if (RelationGetRelid(rel) == root)
		check_privilege(rel);
}

/*
 * pollseed_cache_untrack(target)
 */
Datum
pollseed_cache_untrack(PG_FUNCTION_ARGS)
{
	Oid		  relid = PG_GETARG_OID(0);
	List	 *tables;
	List	 *triggers = NIL;
	ListCell *cell;

	PreventCommandIfReadOnly("pollseed_cache_untrack()");
	tables = trigger_lock_tables(relid, AccessExclusiveLock, check_untracked);
	check_is_no_clone(relid, NIL);
	foreach(cell, tables)
		triggers = list_concat(triggers, cache_triggers(lfirst_oid(cell)));
	if (triggers != NIL)
	{
		drop_triggers(triggers);
		note_tables(tables);
	}
	PG_RETURN_INT32(list_length(triggers));
}

/* Returns the arguments of the nearest tracked table that one is a partition or an heir of; NIL where there is none. */
static List *
inherited_arguments(Oid relid)
{
	List	 *tables = changes_table_and_ancestors(relid);
	ListCell *cell;

	for_each_from(cell, tables, 1)
	{
		const CacheTrigger *trigger = cache_row_trigger(lfirst_oid(cell));

		if (trigger != NULL)
			return trigger->arguments;
	}
	return NIL;
}

/* A table that has become a member of a tracked one. */
typedef struct NewMember
{
	Oid	  relid;
	List *arguments;
} NewMember;

/* Makes the triggers that a new member and those that inherit from it lack; arg: a NewMember. */
static void
install_task(void *arg)
{
	const NewMember *member = arg;
	ListCell		*cell;

	SPI_connect();
	foreach(cell, trigger_lock_tables(member->relid, ShareRowExclusiveLock, check_member))
		install(lfirst_oid(cell), member->arguments, false);
	SPI_finish();
}

bool
track_new_member(Oid relid)
{
	NewMember  member = {.relid = relid, .arguments = inherited_arguments(relid)};
	ErrorData *error;

	if (member.arguments == NIL)
		return true;
	error = subtransaction_try(install_task, &member, NULL);
	if (error == NULL)
		return true;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	FreeErrorData(error);
	return false;
}
