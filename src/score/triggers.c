/*-------------------------------------------------------------------------
 *
 * triggers.c
 *		The triggers that capture the changes of a score's sources.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/sql.h"
#include "core/trigger.h"
#include "score/triggers.h"

/* A kind of trigger. */
typedef struct TriggerKind
{
	const char *name; /* ends the trigger's name */
	const char *when; /* with the transition tables that it reads */
	char		enabled;
	char		relkind; /* of the only tables that have it; 0: of all */
} TriggerKind;

/*
 * TRUNCATE fires also where it is replicated, the one for rows fires there only, and the
 * one before updates has the library see the statement to its end: see capture_merge.c.
 */
static const TriggerKind kinds[] = {
	{"insert", "AFTER INSERT ON %s REFERENCING NEW TABLE AS pollseed_new FOR EACH STATEMENT",
	 TRIGGER_FIRES_ON_ORIGIN, 0},
	{"update",
	 "AFTER UPDATE ON %s REFERENCING OLD TABLE AS pollseed_old NEW TABLE AS pollseed_new"
	 " FOR EACH STATEMENT",
	 TRIGGER_FIRES_ON_ORIGIN, 0},
	{"delete", "AFTER DELETE ON %s REFERENCING OLD TABLE AS pollseed_old FOR EACH STATEMENT",
	 TRIGGER_FIRES_ON_ORIGIN, 0},
	{"truncate", "AFTER TRUNCATE ON %s FOR EACH STATEMENT", TRIGGER_FIRES_ALWAYS, 0},
	{"row", "AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW", TRIGGER_FIRES_ON_REPLICA,
	 RELKIND_RELATION},
	{"before", "BEFORE UPDATE ON %s FOR EACH STATEMENT", TRIGGER_FIRES_ON_ORIGIN,
	 RELKIND_PARTITIONED_TABLE},
};

/* Returns how the names of a score's triggers begin. */
static const char *
name_prefix(int64 score_id)
{
	return psprintf("pollseed_score_" INT64_FORMAT "_", score_id);
}

/* Returns the name of a source's trigger. */
static const char *
trigger_name(int64 score_id, int source_no, const TriggerKind *kind)
{
	return psprintf("%s%d_%s", name_prefix(score_id), source_no, kind->name);
}

bool
trigger_is_of_source(const char *name, int64 score_id, int source_no)
{
	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(name, trigger_name(score_id, source_no, &kinds[i])) == 0)
			return true;
	}
	return false;
}

/* Returns the OID of the trigger function. */
static Oid
capture_function(void)
{
	return trigger_function_required("score_capture");
}

/* Returns the trigger of a name that calls our function; NULL where there is none. */
static const Trigger *
find_trigger(Relation rel, const char *name, Oid function)
{
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (triggers->triggers[i].tgfoid == function &&
			strcmp(triggers->triggers[i].tgname, name) == 0)
			return &triggers->triggers[i];
	}
	return NULL;
}

/*
 * Raises an error unless the caller may have changes of a table captured, and it is of a kind
 * whose changes can be.  The rows of one that inherits from a source are the source's: as for
 * reading them, no privilege on it is needed, which nobody would give each new partition.
 */
static void
check_table(Relation rel, Oid source)
{
	Oid relid = RelationGetRelid(rel);

	if (relid == source && pg_class_aclcheck(relid, GetUserId(), ACL_TRIGGER) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("cannot capture changes of \"%s\"", RelationGetRelationName(rel)),
						errdetail("Only tables that are kept here, or whose partitions are, have "
								  "triggers that see whole statements.")));
	if (rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot capture changes of table \"%s\"", RelationGetRelationName(rel)),
				 errdetail("It is temporary or unlogged, and is emptied without notice.")));
}

/* Makes a trigger, which takes to own the table, as its making an extension's takes to be who installed that. */
static void
create_trigger(Relation rel, const TriggerKind *kind, const char *name, int64 score_id,
			   int source_no)
{
	const char *when = psprintf(kind->when, relation_quoted_name(rel));

	(void) sql_execute_own(psprintf("CREATE TRIGGER %s %s EXECUTE FUNCTION"
									" pollseed.score_capture('" INT64_FORMAT "', '%d')",
									quote_identifier(name), when, score_id, source_no),
						   0, NULL, NULL, NULL);
}

/* Has a trigger dropped with a table, and with the extension, unless it is already. */
static void
record_dependencies(Oid trigger, Oid score_table)
{
	ObjectAddress object;
	ObjectAddress table;

	ObjectAddressSet(object, TriggerRelationId, trigger);
	ObjectAddressSet(table, RelationRelationId, score_table);
	trigger_go_with_extension(trigger);
	if (deleteDependencyRecordsForSpecific(TriggerRelationId, trigger, DEPENDENCY_AUTO,
										   RelationRelationId, score_table) > 1)
		elog(ERROR, "trigger %u depends on table %u more than once", trigger, score_table);
	recordDependencyOn(&object, &table, DEPENDENCY_AUTO);
}

/* Makes sure of a trigger; tells whether something was to be done. */
static bool
install_trigger(Oid relid, const TriggerKind *kind, int64 score_id, int source_no, Oid score_table)
{
	Oid			   function = capture_function();
	const char	  *name = trigger_name(score_id, source_no, kind);
	Relation	   rel = table_open(relid, NoLock);
	const Trigger *trigger = find_trigger(rel, name, function);
	bool		   missing = trigger == NULL;
	bool		   disabled;

	if (kind->relkind != 0 && rel->rd_rel->relkind != kind->relkind)
	{
		table_close(rel, NoLock);
		return false;
	}
	if (missing)
	{
		create_trigger(rel, kind, name, score_id, source_no);
		CommandCounterIncrement();
	}
	disabled = missing
				   ? kind->enabled != TRIGGER_FIRES_ON_ORIGIN
				   : trigger->tgenabled != kind->enabled && trigger->tgenabled != TRIGGER_DISABLED;
	if (disabled)
		compat_enable_trigger(rel, name, kind->enabled);
	if (missing || disabled)
		CommandCounterIncrement();
	record_dependencies(get_trigger_oid(relid, name, false), score_table);
	table_close(rel, NoLock);
	return missing || disabled;
}

/* Tells whether a table has none of a source's triggers. */
static bool
is_without_triggers(Oid relid, int64 score_id, int source_no)
{
	Relation	 rel = table_open(relid, NoLock);
	TriggerDesc *triggers = rel->trigdesc;
	bool		 found = false;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		found |= trigger_is_of_source(triggers->triggers[i].tgname, score_id, source_no);
	table_close(rel, NoLock);
	return !found;
}

/* Tells whether a table is known to have no rows of its own; it is locked against writers. */
static bool
is_empty(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	const char *sql = psprintf("SELECT FROM ONLY %s LIMIT 1", relation_quoted_name(rel));

	table_close(rel, NoLock);

	/* An older snapshot does not show what was committed since. */
	if (IsolationUsesXactSnapshot())
		return false;
	return sql_execute_own(sql, 0, NULL, NULL, NULL) == 0;
}

/* Makes sure of the triggers of a source; returns how many of them may have missed changes. */
static int
install_source(int64 score_id, Oid score_table, const ScoreSource *source)
{
	int		  count = 0;
	ListCell *cell;

	foreach(cell, trigger_lock_tables(source->relation, ShareRowExclusiveLock, check_table))
	{
		bool is_new = is_without_triggers(lfirst_oid(cell), score_id, source->no);
		int	 made = 0;

		for (size_t i = 0; i < lengthof(kinds); i++)
			made += install_trigger(lfirst_oid(cell), &kinds[i], score_id, source->no, score_table);
		if (!is_new || !is_empty(lfirst_oid(cell)))
			count += made;
	}
	CommandCounterIncrement();
	return count;
}

/* Orders sources by the OIDs of their tables. */
static int
compare_relations(const ListCell *a, const ListCell *b)
{
	Oid one = ((const ScoreSource *) lfirst(a))->relation;
	Oid other = ((const ScoreSource *) lfirst(b))->relation;

	return (one > other) - (one < other);
}

int
triggers_install(int64 score_id, Oid score_table, const List *sources)
{
	List	 *ordered = list_copy(sources);
	int		  count = 0;
	ListCell *cell;

	/* Two who lock the same tables shall not wait for each other. */
	list_sort(ordered, compare_relations);
	foreach(cell, ordered)
		count += install_source(score_id, score_table, lfirst(cell));
	return count;
}

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

/* The tables of the sources $2, $3 and all that inherit from them. */
#define WITH_TABLES \
	"WITH RECURSIVE tables (source_no, relation) AS (" \
	"  SELECT s.source_no, s.relation" \
	"    FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS s(source_no, relation)" \
	"  UNION SELECT t.source_no, i.inhrelid FROM tables AS t, pg_catalog.pg_inherits AS i" \
	"         WHERE i.inhparent OPERATOR(pg_catalog.=) t.relation)"

/*
 * Names the first trigger that should be there and is not, or does not fire when it should, and
 * tells whether it is all the same disabled, as are all others: that is not ours to change.
 */
static const char problem_sql[] =
	WITH_TABLES
	" SELECT pg_catalog.format('trigger \"%s\" on %s is %s', w.name, c.oid::pg_catalog.regclass,"
	"   CASE WHEN g.oid IS NULL THEN 'missing' WHEN d.disabled THEN 'disabled'"
	"        ELSE 'not enabled as it must be' END), d.disabled"
	"  FROM tables AS t"
	"  JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) t.relation"
	"  CROSS JOIN ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($6), pg_catalog.unnest($7))"
	"    AS k(kind, enabled, relkind)"
	"  CROSS JOIN LATERAL (SELECT pg_catalog.concat($1, t.source_no, '_', k.kind)) AS w(name)"
	"  LEFT JOIN pg_catalog.pg_trigger AS g"
	"    ON g.tgrelid OPERATOR(pg_catalog.=) c.oid"
	"   AND g.tgname OPERATOR(pg_catalog.=) w.name::pg_catalog.name"
	"   AND g.tgfoid OPERATOR(pg_catalog.=) $5"
	"  CROSS JOIN LATERAL (SELECT COALESCE(g.tgenabled OPERATOR(pg_catalog.=) 'D'::pg_catalog.\"char\","
	"    false)) AS d(disabled)"
	" WHERE (k.relkind OPERATOR(pg_catalog.=) '' OR c.relkind OPERATOR(pg_catalog.=) k.relkind::pg_catalog.\"char\")"
	"   AND (g.oid IS NULL OR g.tgenabled OPERATOR(pg_catalog.<>) ALL"
	"        (ARRAY[k.enabled, 'A']::pg_catalog.\"char\"[]))"
	" ORDER BY d.disabled, t.source_no, c.oid::pg_catalog.regclass::pg_catalog.text, w.name LIMIT 1";

/* Finds the triggers of a score that belong to none of its sources. */
static const char strays_sql[] =
	WITH_TABLES
	" SELECT g.oid, g.tgrelid FROM pg_catalog.pg_trigger AS g"
	" WHERE g.tgfoid OPERATOR(pg_catalog.=) $5"
	" AND pg_catalog.starts_with(g.tgname::pg_catalog.text, $1) AND NOT EXISTS"
	" (SELECT FROM tables AS t CROSS JOIN pg_catalog.unnest($4) AS k(kind)"
	"   WHERE t.relation OPERATOR(pg_catalog.=) g.tgrelid AND g.tgname OPERATOR(pg_catalog.=)"
	"    pg_catalog.concat($1, t.source_no, '_', k.kind)::pg_catalog.name)"
	" ORDER BY g.tgrelid, g.tgname";

/* clang-format on */

/* Returns an array of values of a type that is passed by value, or of text. */
static Datum
make_array(Datum *values, int count, Oid type)
{
	int16 length;
	bool  by_value;
	char  alignment;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_array(values, count, type, length, by_value, alignment));
}

/* What the statements on triggers of some sources are given: the first five, or all. */
#define SOURCE_PARAMETERS 5
#define ALL_PARAMETERS 7

static Oid parameter_types[ALL_PARAMETERS] = {TEXTOID, INT4ARRAYOID, OIDARRAYOID, TEXTARRAYOID,
											  OIDOID,  TEXTARRAYOID, TEXTARRAYOID};

/* Sets the values of these. */
static void
set_parameters(Datum *values, int64 score_id, const List *sources)
{
	int	   count = list_length(sources);
	Datum *numbers = palloc_array(Datum, Max(count, 1));
	Datum *relations = palloc_array(Datum, Max(count, 1));
	Datum  names[lengthof(kinds)];
	Datum  enabled[lengthof(kinds)];
	Datum  relkinds[lengthof(kinds)];

	for (int i = 0; i < count; i++)
	{
		const ScoreSource *source = list_nth(sources, i);

		numbers[i] = Int32GetDatum(source->no);
		relations[i] = ObjectIdGetDatum(source->relation);
	}
	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		names[i] = CStringGetTextDatum(kinds[i].name);
		enabled[i] = CStringGetTextDatum(psprintf("%c", kinds[i].enabled));
		relkinds[i] =
			CStringGetTextDatum(kinds[i].relkind != 0 ? psprintf("%c", kinds[i].relkind) : "");
	}
	values[0] = CStringGetTextDatum(name_prefix(score_id));
	values[1] = make_array(numbers, count, INT4OID);
	values[2] = make_array(relations, count, OIDOID);
	values[3] = make_array(names, lengthof(kinds), TEXTOID);
	values[4] = ObjectIdGetDatum(capture_function());
	values[5] = make_array(enabled, lengthof(kinds), TEXTOID);
	values[6] = make_array(relkinds, lengthof(kinds), TEXTOID);
}

const char *
triggers_problem(int64 score_id, const List *sources, bool *is_disabled)
{
	static SPIPlanPtr plan = NULL;
	Datum			  values[ALL_PARAMETERS];

	set_parameters(values, score_id, sources);
	if (sql_execute_kept(&plan, problem_sql, ALL_PARAMETERS, parameter_types, values) == 0)
		return NULL;
	if (is_disabled != NULL)
		*is_disabled = DatumGetBool(sql_value_not_null(0, 2));
	return TextDatumGetCString(sql_value_not_null(0, 1));
}

/* Drops the triggers of a score on one table. */
static void
drop_on_table(Relation rel, const char *prefix, Oid function)
{
	TriggerDesc		*triggers = rel->trigdesc;
	ObjectAddresses *objects = new_object_addresses();

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		ObjectAddress object;

		if (triggers->triggers[i].tgfoid != function ||
			strncmp(triggers->triggers[i].tgname, prefix, strlen(prefix)) != 0)
			continue;
		ObjectAddressSet(object, TriggerRelationId, triggers->triggers[i].tgoid);
		add_exact_object_address(&object, objects);
	}
	performMultipleDeletions(objects, DROP_RESTRICT,
							 PERFORM_DELETION_INTERNAL | PERFORM_DELETION_QUIETLY);
	free_object_addresses(objects);
}

void
triggers_drop(int64 score_id, Oid relation)
{
	Oid			function = capture_function();
	const char *prefix = name_prefix(score_id);
	Relation	root = try_relation_open(relation, AccessExclusiveLock);
	ListCell   *cell;

	if (root == NULL)
		return;
	table_close(root, NoLock);
	foreach(cell, find_all_inheritors(relation, AccessExclusiveLock, NULL))
	{
		Relation rel = table_open(lfirst_oid(cell), NoLock);

		drop_on_table(rel, prefix, function);
		table_close(rel, NoLock);
	}
	CommandCounterIncrement();
}

/* Reads the triggers that belong to none of the sources into the result of SPI; returns how many. */
static int64
read_strays(int64 score_id, const List *sources)
{
	static SPIPlanPtr plan = NULL;
	Datum			  values[ALL_PARAMETERS];

	set_parameters(values, score_id, sources);
	return sql_execute_kept(&plan, strays_sql, SOURCE_PARAMETERS, parameter_types, values);
}

bool
triggers_have_strays(int64 score_id, const List *sources)
{
	return read_strays(score_id, sources) > 0;
}

int
triggers_drop_strays(int64 score_id, const List *sources)
{
	ObjectAddresses *objects = new_object_addresses();
	int64			 count = read_strays(score_id, sources);

	for (int64 i = 0; i < count; i++)
	{
		ObjectAddress object;

		LockRelationOid(DatumGetObjectId(sql_value_not_null(i, 2)), AccessExclusiveLock);
		ObjectAddressSet(object, TriggerRelationId, DatumGetObjectId(sql_value_not_null(i, 1)));
		add_exact_object_address(&object, objects);
	}
	performMultipleDeletions(objects, DROP_RESTRICT,
							 PERFORM_DELETION_INTERNAL | PERFORM_DELETION_QUIETLY);
	free_object_addresses(objects);
	if (count > 0)
		CommandCounterIncrement();
	return (int) count;
}
