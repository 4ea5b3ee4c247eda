/*-------------------------------------------------------------------------
 *
 * targeting_tables.c
 *		SQL functions pollseed_create_targeting_tables() and
 *		pollseed_drop_targeting_tables(): the preset's tables, in Ecto's types.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/preset.h"
#include "backfill/targeting.h"

POLLSEED_FUNCTION(pollseed_create_targeting_tables);
POLLSEED_FUNCTION(pollseed_drop_targeting_tables);

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

#define ID " id bigserial PRIMARY KEY,"
#define NAME " name varchar(255) NOT NULL,"
#define REFERS(column, table) \
	" " column " bigint NOT NULL REFERENCES %1$s." table " (id) ON DELETE CASCADE,"
#define SNAPSHOT " " SNAPSHOT_COLUMN " jsonb,"
#define TIMESTAMPS \
	" inserted_at timestamp(0) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now())," \
	" updated_at timestamp(0) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now())"

/* A table of things that have a name. */
#define NAMED_TABLE(table) \
	{table, "name", "CREATE TABLE %1$s." table " (" ID NAME TIMESTAMPS ")"}

/* A table that links two others, each pair at most once, and finds its rows from both sides. */
#define LINK_TABLE(table, left, left_table, right, right_table) \
	{table, right, \
	 "CREATE TABLE %1$s." table " (" \
	 ID REFERS(left, left_table) REFERS(right, right_table) TIMESTAMPS ");" \
	 "CREATE UNIQUE INDEX " table "_" left "_" right "_index" \
	 " ON %1$s." table " (" left ", " right ");" \
	 "CREATE INDEX " table "_" right "_index ON %1$s." table " (" right ")"}

/* The tables in the order of their creation. */
static const PresetTable targeting_tables[] = {
	NAMED_TABLE("me_files"),
	NAMED_TABLE("traits"),
	NAMED_TABLE("trait_groups"),
	LINK_TABLE("trait_group_traits", "trait_group_id", "trait_groups", "trait_id", "traits"),
	NAMED_TABLE("target_bands"),
	LINK_TABLE("target_band_trait_groups", "target_band_id", "target_bands",
			   "trait_group_id", "trait_groups"),
	LINK_TABLE("me_file_tags", "me_file_id", "me_files", "trait_id", "traits"),
	{"target_populations", SNAPSHOT_COLUMN,
	 "CREATE TABLE %1$s.target_populations ("
	 ID REFERS("me_file_id", "me_files") REFERS("target_band_id", "target_bands")
	 SNAPSHOT TIMESTAMPS ");"
	 "CREATE UNIQUE INDEX target_populations_me_file_id_target_band_id_index"
	 " ON %1$s.target_populations (me_file_id, target_band_id)"},
	{"offers", SNAPSHOT_COLUMN,
	 "CREATE TABLE %1$s.offers ("
	 ID REFERS("me_file_id", "me_files") REFERS("target_band_id", "target_bands")
	 " amount numeric(10,2) NOT NULL DEFAULT 0,"
	 " status varchar(255) NOT NULL DEFAULT 'open',"
	 SNAPSHOT TIMESTAMPS ");"
	 "CREATE INDEX offers_me_file_id_index ON %1$s.offers (me_file_id)"},
	{"ad_events", SNAPSHOT_COLUMN,
	 "CREATE TABLE %1$s.ad_events ("
	 ID " offer_id bigint REFERENCES %1$s.offers (id) ON DELETE CASCADE,"
	 REFERS("me_file_id", "me_files") REFERS("target_band_id", "target_bands")
	 " event_kind varchar(255) NOT NULL DEFAULT 'impression',"
	 SNAPSHOT TIMESTAMPS ");"
	 "CREATE INDEX ad_events_offer_id_index ON %1$s.ad_events (offer_id)"},
};

/* clang-format on */

static const Preset targeting_preset = {.maker = "pollseed_create_targeting_tables()",
										.described = "targeting tables",
										.engine = TARGETING_ENGINE,
										.tables = targeting_tables,
										.ntables = lengthof(targeting_tables)};

/* pollseed_create_targeting_tables() */
Datum
pollseed_create_targeting_tables(PG_FUNCTION_ARGS)
{
	Oid schema;
	int created;

	PreventCommandIfReadOnly("pollseed_create_targeting_tables()");
	schema = preset_schema();

	SPI_connect();
	created = preset_create(&targeting_preset, schema);
	SPI_finish();
	PG_RETURN_INT32(created);
}

/* pollseed_drop_targeting_tables() */
Datum
pollseed_drop_targeting_tables(PG_FUNCTION_ARGS)
{
	Oid schema;
	int dropped;

	PreventCommandIfReadOnly("pollseed_drop_targeting_tables()");
	schema = preset_schema();

	SPI_connect();
	dropped = preset_drop(&targeting_preset, schema);
	SPI_finish();
	PG_RETURN_INT32(dropped);
}

/* Raises an error unless the schema has all the tables, with the columns that make them the preset's. */
static void
check_tables(Oid schema)
{
	for (size_t i = 0; i < lengthof(targeting_tables); i++)
	{
		const PresetTable *table = &targeting_tables[i];
		Oid				   relid = get_relname_relid(table->name, schema);

		if (!OidIsValid(relid))
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
							errmsg("relation \"%s.%s\" does not exist", get_namespace_name(schema),
								   table->name),
							errhint("pollseed_create_targeting_tables() creates the targeting "
									"tables that are missing in the current schema.")));
		if (get_attnum(relid, table->needed_column) == InvalidAttrNumber)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("column \"%s\" of relation \"%s.%s\" does not exist",
								   table->needed_column, get_namespace_name(schema), table->name)));
	}
}

Oid
targeting_schema(void)
{
	ListCell *cell;

	foreach(cell, fetch_search_path(true))
	{
		Oid schema = lfirst_oid(cell);

		if (OidIsValid(get_relname_relid(snapshot_table_name(SNAPSHOTS_OF_POPULATIONS), schema)))
		{
			check_tables(schema);
			return schema;
		}
	}
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
					errmsg("no schema on the search path has the table \"%s\"",
						   snapshot_table_name(SNAPSHOTS_OF_POPULATIONS)),
					errhint("Set \"search_path\" to the schema of the targeting tables, or create "
							"them with pollseed_create_targeting_tables().")));
}

const char *
snapshot_table_name(SnapshotTable table)
{
	static const char *const names[] = {
		[SNAPSHOTS_OF_POPULATIONS] = "target_populations",
		[SNAPSHOTS_OF_OFFERS] = "offers",
		[SNAPSHOTS_OF_EVENTS] = "ad_events",
	};

	return names[table];
}
