/*-------------------------------------------------------------------------
 *
 * targeting_indexes.c
 *		SQL functions for the indexes on snapshots: those on the rows that have
 *		none, and those that search in them.
 *
 * An index is taken for the preset's if its definition is, whoever made it: a
 * migration of the application, statements of pollseed_snapshot_index_ddl(), or
 * pollseed_create_snapshot_indexes().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/preset.h"
#include "core/sql.h"
#include "backfill/targeting.h"

POLLSEED_FUNCTION(pollseed_create_snapshot_indexes);
POLLSEED_FUNCTION(pollseed_drop_snapshot_indexes);
POLLSEED_FUNCTION(pollseed_snapshot_index_ddl);

#define ON_MISSING "WHERE (" SNAPSHOT_COLUMN " IS NULL)"
#define BY_CONTENT "USING gin (" SNAPSHOT_COLUMN ")"

/* The indexes; the first of each table is the one on the rows without a snapshot. */
static const struct SnapshotIndex
{
	SnapshotTable table;
	bool		  gin;
	const char	 *name;
	const char	 *definition; /* as the server prints it */
} snapshot_indexes[] = {
	{SNAPSHOTS_OF_POPULATIONS, false, "target_populations_null_snapshot_idx",
	 "USING btree (id) " ON_MISSING},
	{SNAPSHOTS_OF_OFFERS, false, "offers_null_snapshot_idx",
	 "USING btree (me_file_id, target_band_id) " ON_MISSING},
	{SNAPSHOTS_OF_EVENTS, false, "ad_events_null_snapshot_idx",
	 "USING btree (me_file_id, target_band_id) " ON_MISSING},
	{SNAPSHOTS_OF_POPULATIONS, true, "target_populations_matching_tags_snapshot_idx", BY_CONTENT},
	{SNAPSHOTS_OF_OFFERS, true, "offers_matching_tags_snapshot_idx", BY_CONTENT},
	{SNAPSHOTS_OF_EVENTS, true, "ad_events_matching_tags_snapshot_idx", BY_CONTENT},
};

/* Returns the statement that makes an index, beginning so, with or without its partitions. */
static char *
create_statement(Oid schema, const struct SnapshotIndex *index, const char *beginning, bool only)
{
	return psprintf(
		"%s %s ON %s%s %s", beginning, quote_identifier(index->name), only ? "ONLY " : "",
		quote_qualified_identifier(get_namespace_name(schema), snapshot_table_name(index->table)),
		index->definition);
}

/* Tells whether a relation is the preset's index; false means something else of its name. */
static bool
is_the_index(Oid schema, const struct SnapshotIndex *index, Oid relid)
{
	char  relkind = get_rel_relkind(relid);
	bool  partitioned = relkind == RELKIND_PARTITIONED_INDEX;
	char *definition;

	if (relkind != RELKIND_INDEX && !partitioned)
		return false;
	definition = TextDatumGetCString(DirectFunctionCall1(pg_get_indexdef, ObjectIdGetDatum(relid)));
	return strcmp(definition, create_statement(schema, index, "CREATE INDEX", partitioned)) == 0;
}

/* Tells whether an index of the preset is there; raises 42P07 where its name is that of something else. */
static bool
find_index(Oid schema, const struct SnapshotIndex *index, Oid *relid)
{
	*relid = get_relname_relid(index->name, schema);
	if (!OidIsValid(*relid))
		return false;
	if (!is_the_index(schema, index, *relid))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_TABLE),
						errmsg("relation \"%s\" exists and is another index", index->name),
						errdetail("The index of that name would be made by: %s",
								  create_statement(schema, index, "CREATE INDEX", false)),
						errhint("Rename or drop it.")));
	return true;
}

bool
snapshot_index_is_there(Oid schema, SnapshotTable table)
{
	for (size_t i = 0; i < lengthof(snapshot_indexes); i++)
	{
		const struct SnapshotIndex *index = &snapshot_indexes[i];
		Oid							relid = get_relname_relid(index->name, schema);

		if (index->table == table && !index->gin)
			return OidIsValid(relid) && is_the_index(schema, index, relid) &&
				   get_index_isvalid(relid);
	}
	return false;
}

/* pollseed_create_snapshot_indexes(gin) */
Datum
pollseed_create_snapshot_indexes(PG_FUNCTION_ARGS)
{
	bool gin = PG_ARGISNULL(0) || PG_GETARG_BOOL(0);
	Oid	 schema;
	int	 created = 0;

	PreventCommandIfReadOnly("pollseed_create_snapshot_indexes()");
	schema = targeting_schema();

	SPI_connect();
	for (size_t i = 0; i < lengthof(snapshot_indexes); i++)
	{
		const struct SnapshotIndex *index = &snapshot_indexes[i];
		Oid							relid;

		if (index->gin && !gin)
			continue;
		if (find_index(schema, index, &relid))
		{
			if (!get_index_isvalid(relid))
				ereport(
					ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("index \"%s\" is invalid", index->name),
					 errdetail("Building it concurrently was broken off, or still goes on."),
					 errhint("Use REINDEX INDEX CONCURRENTLY %s.",
							 quote_qualified_identifier(get_namespace_name(schema), index->name))));
			continue;
		}
		sql_execute(create_statement(schema, index, "CREATE INDEX", false), 0, NULL, NULL, NULL);
		created++;
	}
	SPI_finish();
	PG_RETURN_INT32(created);
}

/* pollseed_drop_snapshot_indexes() */
Datum
pollseed_drop_snapshot_indexes(PG_FUNCTION_ARGS)
{
	Oid schema;
	int dropped = 0;

	PreventCommandIfReadOnly("pollseed_drop_snapshot_indexes()");
	schema = targeting_schema();

	SPI_connect();
	for (size_t i = 0; i < lengthof(snapshot_indexes); i++)
	{
		const struct SnapshotIndex *index = &snapshot_indexes[i];
		Oid							relid;

		if (!find_index(schema, index, &relid))
			continue;
		sql_execute(psprintf("DROP INDEX %s",
							 quote_qualified_identifier(get_namespace_name(schema), index->name)),
					0, NULL, NULL, NULL);
		dropped++;
	}
	SPI_finish();
	PG_RETURN_INT32(dropped);
}

/* pollseed_snapshot_index_ddl(gin) */
Datum
pollseed_snapshot_index_ddl(PG_FUNCTION_ARGS)
{
	bool		   gin = PG_ARGISNULL(0) || PG_GETARG_BOOL(0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			   schema = targeting_schema();

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (size_t i = 0; i < lengthof(snapshot_indexes); i++)
	{
		char *statement = create_statement(schema, &snapshot_indexes[i],
										   "CREATE INDEX CONCURRENTLY IF NOT EXISTS", false);
		Datum value = CStringGetTextDatum(statement);
		bool  isnull = false;

		if (gin || !snapshot_indexes[i].gin)
			tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	PG_RETURN_VOID();
}
