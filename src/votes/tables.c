/*-------------------------------------------------------------------------
 *
 * tables.c
 *		SQL functions pollseed_create_poll_tables() and
 *		pollseed_drop_poll_tables(): the preset's tables, in Ecto's types.
 *
 * The tables are ordinary tables of the caller.  Their comment marks them as
 * made here, so that dropping cannot hit an application's own tables of the
 * same names.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/ledger.h"
#include "core/sql.h"

POLLSEED_FUNCTION(pollseed_create_poll_tables);
POLLSEED_FUNCTION(pollseed_drop_poll_tables);

#define TABLE_COMMENT "made by pollseed_create_poll_tables()"

/* The tables in the order of their creation, each with its statements; %s is the quoted schema. */
static const struct PollTable
{
	const char *name;
	const char *needed_column; /* what the preset needs of an existing table of that name */
	const char *statements;
} poll_tables[] = {
	{"options", "text",
	 "CREATE TABLE %1$s.options ("
	 " id bigserial PRIMARY KEY,"
	 " text pg_catalog.text NOT NULL UNIQUE,"
	 " votes integer NOT NULL DEFAULT 0,"
	 " inserted_at timestamp(0) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now()),"
	 " updated_at timestamp(0) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now()));"
	 "COMMENT ON TABLE %1$s.options IS '" TABLE_COMMENT "'"},
	{"vote_events", "option_id",
	 "CREATE TABLE %1$s.vote_events ("
	 " id bigserial PRIMARY KEY,"
	 " option_id bigint REFERENCES %1$s.options (id) ON DELETE CASCADE,"
	 " language varchar(255),"
	 " votes_after integer,"
	 " event_type varchar(255),"
	 " inserted_at timestamp(6) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now()),"
	 " updated_at timestamp(6) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now()));"
	 "CREATE INDEX vote_events_option_id_index ON %1$s.vote_events (option_id);"
	 "CREATE INDEX vote_events_inserted_at_index ON %1$s.vote_events (inserted_at);"
	 "COMMENT ON TABLE %1$s.vote_events IS '" TABLE_COMMENT "'"},
};

/* Returns the current schema, where unqualified names are created. */
static Oid
schema_to_create_in(void)
{
	List *path = fetch_search_path(false);
	Oid	  schema = path != NIL ? linitial_oid(path) : InvalidOid;

	if (!OidIsValid(schema))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_SCHEMA),
						errmsg("no schema has been selected to create in"),
						errhint("Set \"search_path\" to a schema that exists.")));
	return schema;
}

/* Refuses a table that has one of the names but is something else. */
static void
check_existing(Oid relid, const struct PollTable *table)
{
	if (get_attnum(relid, table->needed_column) == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_TABLE),
						errmsg("relation \"%s\" already exists and has no column \"%s\"",
							   table->name, table->needed_column),
						errhint("Create the poll tables in another schema: set \"search_path\".")));
}

/* Creates the tables that are not there; returns how many. */
static int
create_tables(Oid schema)
{
	const char *quoted_schema = quote_identifier(get_namespace_name(schema));
	int			created = 0;

	for (size_t i = 0; i < lengthof(poll_tables); i++)
	{
		Oid existing = get_relname_relid(poll_tables[i].name, schema);

		if (OidIsValid(existing))
		{
			check_existing(existing, &poll_tables[i]);
			continue;
		}
		sql_execute(psprintf(poll_tables[i].statements, quoted_schema), 0, NULL, NULL, NULL);
		created++;
	}
	return created;
}

/* Inserts the options that are not there; returns how many. */
static int
insert_options(Oid schema, Datum labels)
{
	Oid	  type = TEXTARRAYOID;
	char *table = psprintf("%s.options", quote_identifier(get_namespace_name(schema)));
	char *sql = psprintf("INSERT INTO %s (text)"
						 " SELECT l.label FROM (SELECT n.label, pg_catalog.min(n.place) AS place"
						 " FROM pg_catalog.unnest($1) WITH ORDINALITY AS n(label, place)"
						 " GROUP BY n.label) AS l"
						 " WHERE NOT EXISTS (SELECT FROM %s AS o"
						 " WHERE o.text::pg_catalog.text OPERATOR(pg_catalog.=) l.label)"
						 " ORDER BY l.place",
						 table, table);

	return (int) sql_execute(sql, 1, &type, &labels, NULL);
}

/*
 * pollseed_create_poll_tables(options)
 */
Datum
pollseed_create_poll_tables(PG_FUNCTION_ARGS)
{
	Oid	  schema;
	Datum values[2];

	PreventCommandIfReadOnly("pollseed_create_poll_tables()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("options must not be null")));
	if (array_contains_nulls(PG_GETARG_ARRAYTYPE_P(0)))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("options must not contain nulls")));

	schema = schema_to_create_in();
	SPI_connect();
	values[0] = Int32GetDatum(create_tables(schema));
	values[1] = Int32GetDatum(insert_options(schema, PG_GETARG_DATUM(0)));
	SPI_finish();
	PG_RETURN_DATUM(figures_row(fcinfo, values));
}

/*
 * pollseed_drop_poll_tables()
 */
Datum
pollseed_drop_poll_tables(PG_FUNCTION_ARGS)
{
	Oid	  schema;
	int32 dropped = 0;

	PreventCommandIfReadOnly("pollseed_drop_poll_tables()");
	schema = schema_to_create_in();

	SPI_connect();
	for (int i = lengthof(poll_tables) - 1; i >= 0; i--)
	{
		Oid			relid = get_relname_relid(poll_tables[i].name, schema);
		const char *table =
			quote_qualified_identifier(get_namespace_name(schema), poll_tables[i].name);
		char *comment;

		if (!OidIsValid(relid))
			continue;
		comment = GetComment(relid, RelationRelationId, 0);
		if (comment == NULL || strcmp(comment, TABLE_COMMENT) != 0)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("table \"%s\" was not made by pollseed_create_poll_tables()",
								   poll_tables[i].name),
							errhint("To drop it all the same, use DROP TABLE %s.", table)));
		sql_execute(psprintf("DROP TABLE %s", table), 0, NULL, NULL, NULL);
		ledger_mark_cleared("votes", table);
		dropped++;
	}
	SPI_finish();
	PG_RETURN_INT32(dropped);
}
