/*-------------------------------------------------------------------------
 *
 * preset.c
 *		Tables that an engine brings along, made in and dropped from the
 *		caller's schema.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/ledger.h"
#include "core/preset.h"
#include "core/sql.h"

Oid
preset_schema(void)
{
	List *path = fetch_search_path(false);
	Oid	  schema = path != NIL ? linitial_oid(path) : InvalidOid;

	if (!OidIsValid(schema))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_SCHEMA),
						errmsg("no schema has been selected to create in"),
						errhint("Set \"search_path\" to a schema that exists.")));
	return schema;
}

/* Returns the comment that marks the preset's tables. */
static char *
preset_comment(const Preset *preset)
{
	return psprintf("made by %s", preset->maker);
}

/* Refuses a table that has one of the names but is something else. */
static void
check_existing(Oid relid, const Preset *preset, const PresetTable *table)
{
	if (get_attnum(relid, table->needed_column) == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_TABLE),
						errmsg("relation \"%s\" already exists and has no column \"%s\"",
							   table->name, table->needed_column),
						errhint("Create the %s in another schema: set \"search_path\".",
								preset->described)));
}

int
preset_create(const Preset *preset, Oid schema)
{
	const char *namespace = get_namespace_name(schema);
	int created = 0;

	for (int i = 0; i < preset->ntables; i++)
	{
		const PresetTable *table = &preset->tables[i];
		Oid				   existing = get_relname_relid(table->name, schema);

		if (OidIsValid(existing))
		{
			check_existing(existing, preset, table);
			continue;
		}
		sql_execute(psprintf(table->statements, quote_identifier(namespace)), 0, NULL, NULL, NULL);
		sql_execute(psprintf("COMMENT ON TABLE %s IS %s",
							 quote_qualified_identifier(namespace, table->name),
							 quote_literal_cstr(preset_comment(preset))),
					0, NULL, NULL, NULL);
		created++;
	}
	return created;
}

/* Refuses to drop a table that the preset did not make. */
static void
check_made_here(Oid relid, const Preset *preset, const char *name, const char *quoted_name)
{
	char *comment = GetComment(relid, RelationRelationId, 0);

	if (comment == NULL || strcmp(comment, preset_comment(preset)) != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("table \"%s\" was not made by %s", name, preset->maker),
						errhint("To drop it all the same, use DROP TABLE %s.", quoted_name)));
}

int
preset_drop(const Preset *preset, Oid schema)
{
	const char *namespace = get_namespace_name(schema);
	int dropped = 0;

	for (int i = preset->ntables - 1; i >= 0; i--)
	{
		const char *name = preset->tables[i].name;
		const char *quoted_name = quote_qualified_identifier(namespace, name);
		Oid			relid = get_relname_relid(name, schema);

		if (!OidIsValid(relid))
			continue;
		check_made_here(relid, preset, name, quoted_name);
		sql_execute(psprintf("DROP TABLE %s", quoted_name), 0, NULL, NULL, NULL);
		ledger_mark_cleared(preset->engine, quoted_name);
		dropped++;
	}
	return dropped;
}
