/*-------------------------------------------------------------------------
 *
 * tables.c
 *		SQL functions pollseed_create_poll_tables() and
 *		pollseed_drop_poll_tables(): the preset's tables, in Ecto's types.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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
	values[0] = Int32GetDatum(preset_create(&poll_preset, schema));
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
