/*-------------------------------------------------------------------------
 *
 * overrides.c
 *		What a user wants otherwise in the plan that is made of a schema.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "core/compat.h"
#include "graph/inflect.h"
#include "graph/overrides.h"

#define ALL_TABLES "*"
#define MAX_SCALE 1e9

/* So many names fit a hint. */
#define MAX_HINT_NAMES 30

/* Returns names with commas between, the first of them where there are many. */
static const char *
list_names(const List *names)
{
	StringInfoData text;
	ListCell	  *cell;

	initStringInfo(&text);
	foreach(cell, names)
	{
		if (foreach_current_index(cell) == MAX_HINT_NAMES)
		{
			appendStringInfoString(&text, " and others");
			break;
		}
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", (char *) lfirst(cell));
	}
	return text.data;
}

/* Tells whether a list of texts has one. */
static bool
has_name(const List *names, const char *name)
{
	ListCell *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

Overrides *
overrides_read(Jsonb *json)
{
	Overrides  *overrides = palloc0_object(Overrides);
	PlanObject *object;
	ListCell   *cell;
	int64		rows;

	overrides->scale = 1;
	if (json == NULL)
		return overrides;
	object = json_root(json, "overrides");
	json_expect_members(object, "rows, tables, include, exclude, from_stats, scale, since, as_of");
	overrides->rows = json_sub_object(object, "rows", NULL);
	foreach(cell, overrides->rows != NULL ? json_names(overrides->rows) : NIL)
		(void) json_integer(overrides->rows, lfirst(cell), 0, &rows);
	overrides->tables = json_sub_object(object, "tables", NULL);
	overrides->include = json_texts(object, "include");
	overrides->exclude = json_texts(object, "exclude");
	overrides->from_stats = json_flag(object, "from_stats", false);
	overrides->has_scale = json_number(object, "scale", 0, MAX_SCALE, &overrides->scale);
	overrides->has_since = json_moment(object, "since", &overrides->since);
	overrides->has_as_of = json_moment(object, "as_of", &overrides->as_of);
	return overrides;
}

/* Tells whether a name matches any of the patterns. */
static bool
matches(const List *patterns, const char *name)
{
	ListCell *cell;

	foreach(cell, patterns)
	{
		if (name_matches(lfirst(cell), name))
			return true;
	}
	return false;
}

bool
overrides_include(const Overrides *overrides, const char *table)
{
	return (overrides->include == NIL || matches(overrides->include, table)) &&
		   !matches(overrides->exclude, table);
}

/* Raises 22023 for names that are not those of tables; where patterns are allowed, only for names without *. */
static void
check_names(const List *names, const List *tables, const char *where, bool patterns)
{
	ListCell *cell;

	foreach(cell, names)
	{
		const char *name = lfirst(cell);

		if (has_name(tables, name) || (patterns && strchr(name, '*') != NULL))
			continue;
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" of overrides names table \"%s\", which the plan has not",
							   where, name),
						tables == NIL ? 0 : errhint("Its tables are %s.", list_names(tables))));
	}
}

void
overrides_check_tables(const Overrides *overrides, const List *tables)
{
	List	 *planned = NIL;
	List	 *rows = overrides->rows != NULL ? json_names(overrides->rows) : NIL;
	ListCell *cell;

	check_names(overrides->include, tables, "include", true);
	check_names(overrides->exclude, tables, "exclude", true);
	foreach(cell, tables)
	{
		if (overrides_include(overrides, lfirst(cell)))
			planned = lappend(planned, lfirst(cell));
	}
	foreach(cell, rows)
	{
		if (strcmp(lfirst(cell), ALL_TABLES) != 0)
			check_names(list_make1(lfirst(cell)), planned, "rows", false);
	}
	if (overrides->tables != NULL)
		check_names(json_names(overrides->tables), planned, "tables", false);
}

/* Raises 22023 for columns that a table has not, or that cannot be written. */
static void
check_columns(const PlanObject *object, const char *member, const List *names,
			  const GraphTable *table)
{
	List	 *known = NIL;
	ListCell *cell;

	foreach(cell, table->columns)
	{
		const TableColumn *column = lfirst(cell);

		if (!column->generated)
			known = lappend(known, unconstify(char *, column->name));
	}
	foreach(cell, names)
	{
		if (!has_name(known, lfirst(cell)))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("\"%s\" of %s names column \"%s\", which cannot be seeded",
								   member, object->described, (char *) lfirst(cell)),
							errhint("The table's columns are %s.", list_names(known))));
	}
}

/* Reads what is said of a table under its name. */
static void
read_table(const PlanObject *object, TableOverrides *said, const GraphTable *table)
{
	ListCell *cell;

	json_expect_members(object, "rows, columns, refs, natural_key");
	if (json_integer(object, "rows", 0, &said->rows))
		said->has_rows = said->rows_of_table = true;
	said->columns = json_sub_object(object, "columns", NULL);
	if (said->columns != NULL)
		check_columns(object, "columns", json_names(said->columns), table);
	said->refs = json_sub_objects(object, "refs", "reference");
	foreach(cell, said->refs)
	{
		json_require(lfirst(cell), "columns");
		check_columns(lfirst(cell), "columns", json_texts(lfirst(cell), "columns"), table);
	}
	if (json_member(object, "natural_key") == NULL)
		return;
	said->has_natural_key = true;
	if (json_member(object, "natural_key")->type != jbvNull)
		said->natural_key = json_texts(object, "natural_key");
	check_columns(object, "natural_key", said->natural_key, table);
}

TableOverrides *
overrides_table(const Overrides *overrides, const char *name, const GraphTable *table)
{
	TableOverrides *said = palloc0_object(TableOverrides);
	PlanObject	   *object = NULL;

	if (overrides->rows != NULL && json_integer(overrides->rows, ALL_TABLES, 0, &said->rows))
		said->has_rows = true;
	if (overrides->rows != NULL && json_integer(overrides->rows, name, 0, &said->rows))
		said->has_rows = said->rows_of_table = true;
	if (overrides->tables != NULL)
		object =
			json_sub_object(overrides->tables, name, psprintf("table \"%s\" of overrides", name));
	if (object != NULL)
		read_table(object, said, table);
	return said;
}
