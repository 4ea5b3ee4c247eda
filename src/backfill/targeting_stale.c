/*-------------------------------------------------------------------------
 *
 * targeting_stale.c
 *		SQL functions pollseed_stale_snapshots() and
 *		pollseed_requeue_stale_snapshots(): snapshots made from a definition of
 *		their band that is not its present one.
 *
 * Only snapshots that tell their version are looked at: another shape is the
 * application's own.  What a me-file holds is not part of the version.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "backfill/targeting_source.h"

POLLSEED_FUNCTION(pollseed_stale_snapshots);
POLLSEED_FUNCTION(pollseed_requeue_stale_snapshots);

/* How many rows are fetched at a time. */
#define FETCH_ROWS 1000

/* What makes row r of a table with snapshots stale, given versions v. */
#define IS_STALE                                               \
	"v.target_band_id OPERATOR(pg_catalog.=) r.target_band_id" \
	" AND " VERSION_OF_R " OPERATOR(pg_catalog.<>) v.version"

/* Returns the query for all stale snapshots. */
static char *
stale_query(Oid schema)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_version_ctes(&sql, schema);
	for (SnapshotTable table = 0; table < N_SNAPSHOT_TABLES; table++)
	{
		const char *name = snapshot_table_name(table);

		appendStringInfo(&sql,
						 "%s SELECT %u::pg_catalog.regclass, r.id::pg_catalog.int8,"
						 " " VERSION_OF_R ", v.version"
						 " FROM %s AS r, versions AS v WHERE " IS_STALE,
						 table == 0 ? "" : " UNION ALL", get_relname_relid(name, schema),
						 quote_qualified_identifier(get_namespace_name(schema), name));
	}
	return sql.data;
}

/* pollseed_stale_snapshots() */
Datum
pollseed_stale_snapshots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Portal		   portal;
	Oid			   schema = targeting_schema();

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	portal = SPI_cursor_open_with_args(NULL, stale_query(schema), 0, NULL, NULL, NULL, true, 0);
	do
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		for (uint64 i = 0; i < SPI_processed; i++)
			tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	SPI_finish();
	PG_RETURN_VOID();
}

/* Removes the stale snapshots of a table; returns how many they were. */
static int64
requeue(Oid schema, SnapshotTable table)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_version_ctes(&sql, schema);
	appendStringInfo(
		&sql,
		" UPDATE %s AS r SET " SNAPSHOT_COLUMN " = NULL FROM versions AS v"
		" WHERE " IS_STALE,
		quote_qualified_identifier(get_namespace_name(schema), snapshot_table_name(table)));
	return sql_execute(sql.data, 0, NULL, NULL, NULL);
}

/* pollseed_requeue_stale_snapshots() */
Datum
pollseed_requeue_stale_snapshots(PG_FUNCTION_ARGS)
{
	Oid	  schema;
	Datum values[N_SNAPSHOT_TABLES];

	PreventCommandIfReadOnly("pollseed_requeue_stale_snapshots()");
	schema = targeting_schema();

	SPI_connect();
	for (SnapshotTable table = 0; table < N_SNAPSHOT_TABLES; table++)
		values[table] = Int64GetDatum(requeue(schema, table));
	SPI_finish();
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}
