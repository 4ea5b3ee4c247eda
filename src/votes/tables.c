/*-------------------------------------------------------------------------
 *
 * tables.c
 *		SQL functions pollseed_create_poll_tables() and
 *		pollseed_drop_poll_tables(): the preset's tables, in Ecto's types.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/preset.h"
#include "core/sql.h"
#include "core/trigger.h"

POLLSEED_FUNCTION(pollseed_create_poll_tables);
POLLSEED_FUNCTION(pollseed_drop_poll_tables);

/* The tables in the order of their creation, each with its statements; %1$s is the quoted schema. */
static const PresetTable poll_tables[] = {
	{"options", "text",
	 "CREATE TABLE %1$s.options ("
	 " id bigserial PRIMARY KEY,"
	 " text pg_catalog.text NOT NULL UNIQUE,"
	 " votes integer NOT NULL DEFAULT 0,"
	 " inserted_at timestamp(0) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now()),"
	 " updated_at timestamp(0) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now()))"},
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
	 "CREATE INDEX vote_events_inserted_at_index ON %1$s.vote_events (inserted_at)"},
};

static const Preset poll_preset = {.maker = "pollseed_create_poll_tables()",
								   .described = "poll tables",
								   .engine = "votes",
								   .tables = poll_tables,
								   .ntables = lengthof(poll_tables)};

/* What is given to pollseed_cache_track() of each of them, in the types of its parameters. */
static const char *const tracked_columns[] = {
	"'id'::pg_catalog.name, 'votes'::pg_catalog.name, '{updated_at}'::pg_catalog.name[]",
	"'option_id'::pg_catalog.name, '*'::pg_catalog.name, NULL::pg_catalog.name[]",
};

StaticAssertDecl(lengthof(tracked_columns) == lengthof(poll_tables), "each table is tracked");

/* Has caches follow the changes of a table that was just made. */
static void
track_table(Oid schema, const char *functions, int index)
{
	const char *table =
		quote_qualified_identifier(get_namespace_name(schema), poll_tables[index].name);

	(void) sql_execute(psprintf("SELECT FROM %s.pollseed_cache_track(%s::pg_catalog.regclass, %s)",
								quote_identifier(functions), quote_literal_cstr(table),
								tracked_columns[index]),
					   0, NULL, NULL, NULL);
}

/* Creates the tables that are not there, and has caches follow their changes; returns how many. */
static int
create_tables(FunctionCallInfo fcinfo, Oid schema)
{
	const char *functions = get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid));
	bool		existed[lengthof(poll_tables)];
	int			created;

	for (size_t i = 0; i < lengthof(poll_tables); i++)
		existed[i] = OidIsValid(get_relname_relid(poll_tables[i].name, schema));
	created = preset_create(&poll_preset, schema);

	/* Temporary tables have no results that are shared, nor has an extension that was not yet updated. */
	if (isAnyTempNamespace(schema) || !OidIsValid(trigger_function("cache_capture")))
		return created;
	for (size_t i = 0; i < lengthof(poll_tables); i++)
	{
		if (!existed[i])
			track_table(schema, functions, (int) i);
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
	require_argument(fcinfo, 0, "options");
	if (array_contains_nulls(PG_GETARG_ARRAYTYPE_P(0)))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("options must not contain nulls")));

	schema = preset_schema();
	SPI_connect();
	values[0] = Int32GetDatum(create_tables(fcinfo, schema));
	values[1] = Int32GetDatum(insert_options(schema, PG_GETARG_DATUM(0)));
	SPI_finish();
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}

/*
 * pollseed_drop_poll_tables()
 */
Datum
pollseed_drop_poll_tables(PG_FUNCTION_ARGS)
{
	Oid schema;
	int dropped;

	PreventCommandIfReadOnly("pollseed_drop_poll_tables()");
	schema = preset_schema();

	SPI_connect();
	dropped = preset_drop(&poll_preset, schema);
	SPI_finish();
	PG_RETURN_INT32(dropped);
}
