/*-------------------------------------------------------------------------
 *
 * tracked.c
 *		How tables are tracked, kept for the session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "cache/key.h"
#include "cache/track.h"
#include "cache/triggers.h"
#include "core/compat.h"
#include "core/kept.h"
#include "core/names.h"

/* What is kept of a table. */
typedef struct TrackedTree
{
	TrackedTable table;
	List		*members; /* OIDs: the table, its partitions and heirs */
} TrackedTree;

static KeptTable trees = {.name = "pollseed tracked tables"};

/* Returns a table's name, qualified and quoted for SQL. */
static const char *
quoted_name(Oid relid)
{
	char *schema = get_namespace_name(get_rel_namespace(relid));
	char *name = get_rel_name(relid);

	if (schema == NULL || name == NULL)
		return psprintf("%u", relid);
	return quote_qualified_identifier(schema, name);
}

/* Returns the call that tracks a table, by what its trigger says if it has one. */
static const char *
tracking_call(Oid relid, const List *arguments)
{
	StringInfoData call;
	const char	  *name = quoted_name(relid);

	initStringInfo(&call);
	appendStringInfo(&call, "SELECT pollseed_cache_track(%s", quote_literal_cstr(name));
	if (list_length(arguments) >= 2)
	{
		const char *key = linitial(arguments);
		const char *tally = lsecond(arguments);
		List	   *ignored = list_copy_tail(arguments, 2);

		if (key[0] != '\0')
			appendStringInfo(&call, ", key => %s", quote_literal_cstr(key));
		if (tally[0] != '\0')
			appendStringInfo(&call, ", tally => %s", quote_literal_cstr(tally));
		if (ignored != NIL)
			appendStringInfo(&call, ", ignore => '{%s}'", names_quoted(ignored));
	}
	appendStringInfoChar(&call, ')');
	return call.data;
}

/* Sets what is wrong, and a hint or NULL. */
static void
set_problem(TrackedTable *table, const char *problem, const char *hint)
{
	table->problem = problem;
	table->hint = hint;
}

/* Sees to what a relation is; tells whether it can have triggers of ours. */
static bool
check_kind(TrackedTable *table, Oid relid)
{
	const char *name = quoted_name(relid);
	char		kind = get_rel_relkind(relid);

	if (kind == RELKIND_VIEW)
		set_problem(table, psprintf("\"%s\" is a view", name), "Name the tables that it reads.");
	else if (kind == RELKIND_FOREIGN_TABLE)
		set_problem(table, psprintf("table \"%s\" is a foreign one", name), NULL);
	else if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE &&
			 kind != RELKIND_MATVIEW)
		set_problem(table, psprintf("\"%s\" is not a table", name), NULL);
	else if (IsCatalogRelationOid(relid))
		set_problem(table, psprintf("table \"%s\" is a system catalog", name), NULL);
	else if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		set_problem(table, psprintf("table \"%s\" is temporary", name), NULL);
	return table->problem == NULL && kind != RELKIND_MATVIEW;
}

/* Sees to the triggers of one table of the tree; hint: what to do about them. */
static void
check_triggers(TrackedTable *table, Oid relid, const char *hint)
{
	int		  for_rows = 0;
	int		  for_truncate = 0;
	bool	  is_disabled = false;
	ListCell *cell;

	foreach(cell, cache_triggers(relid))
	{
		const CacheTrigger *trigger = lfirst(cell);

		for_rows += trigger->for_rows;
		for_truncate += trigger->for_truncate;
		is_disabled |= !trigger->is_always;
	}
	if (for_rows == 0 || for_truncate == 0)
		set_problem(table, psprintf("table \"%s\" is not tracked", quoted_name(relid)), hint);
	else if (for_rows > 1)
		set_problem(table, psprintf("table \"%s\" is tracked twice", quoted_name(relid)), hint);
	else if (is_disabled)
		set_problem(table,
					psprintf("a trigger that tracks table \"%s\" is disabled", quoted_name(relid)),
					hint);
}

/* Finds out how a table is tracked, in the current memory context. */
static void
inspect_tree(TrackedTree *tree, Oid relid)
{
	TrackedTable	   *table = &tree->table;
	const CacheTrigger *trigger;
	CacheColumns		columns;
	const char		   *hint;
	ListCell		   *cell;

	tree->members = list_make1_oid(relid);
	table->tally = NO_TALLY;
	if (!check_kind(table, relid))
		return;

	tree->members = find_all_inheritors(relid, NoLock, NULL);
	trigger = cache_row_trigger(relid);
	hint = tracking_call(relid, trigger != NULL ? trigger->arguments : NIL);
	foreach(cell, tree->members)
	{
		if (table->problem == NULL && check_kind(table, lfirst_oid(cell)))
			check_triggers(table, lfirst_oid(cell), hint);
	}
	if (table->problem != NULL)
		return;

	columns = cache_columns(relid, trigger->arguments);
	if (columns.missing != NULL)
	{
		set_problem(table,
					psprintf("column \"%s\" of table \"%s\" is not what it was tracked as",
							 columns.missing, quoted_name(relid)),
					tracking_call(relid, NIL));
		return;
	}
	table->key = columns.key;
	table->key_type = columns.key_type;
	table->tally = columns.tally;
}

/* Makes what is kept of a table, in the current memory context. */
static void *
make_tree(Oid relid, List **relations, void *arg pg_attribute_unused())
{
	TrackedTree *tree = palloc0_object(TrackedTree);

	inspect_tree(tree, relid);
	*relations = tree->members;
	return tree;
}

/* Returns what is known of a table by now. */
static const TrackedTree *
find_tree(Oid relid)
{
	AcceptInvalidationMessages();
	return kept_find(&trees, relid, make_tree, NULL);
}

const TrackedTable *
tracked_table(Oid relid)
{
	return &find_tree(relid)->table;
}

const char *
tracked_key_text(const TrackedTable *table, const char *text)
{
	KeyColumn column;
	KeyText	  key;
	Oid		  function;
	Oid		  parameter;

	getTypeInputInfo(table->key_type, &function, &parameter);
	key_column_init(&column, table->key_type);
	key_set(&column, OidInputFunctionCall(function, pstrdup(text), parameter, -1), &key);
	return pnstrdup(key.text, key.length);
}

bool
tracked_changes_are_due(Oid relid)
{
	ListCell *cell;

	foreach(cell, find_tree(relid)->members)
	{
		if (AfterTriggerPendingOnRel(lfirst_oid(cell)))
			return true;
	}
	return false;
}
