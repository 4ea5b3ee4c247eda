/*-------------------------------------------------------------------------
 *
 * targeting_snapshots.c
 *		SQL procedure pollseed_backfill_snapshots(): the backfills that fill the
 *		snapshots of the targeting tables, made where they are missing and run one
 *		after the other.
 *
 * All of it is done with what any SQL may call, so that these are backfills like
 * others: seen, stopped, resumed and dropped as those are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "backfill/targeting_source.h"

POLLSEED_FUNCTION(pollseed_backfill_snapshots);

#define DEFAULT_BATCH_SIZE 100

/* How each table's snapshots are filled, in this order. */
static const struct SnapshotBackfill
{
	const char *name;
	const char *key;
	bool		after_the_first; /* whose snapshots it takes over */
} snapshot_backfills[N_SNAPSHOT_TABLES] = {
	[SNAPSHOTS_OF_POPULATIONS] = {"target_population_snapshots", "id", false},
	[SNAPSHOTS_OF_OFFERS] = {"offer_snapshots", "me_file_id, target_band_id", true},
	[SNAPSHOTS_OF_EVENTS] = {"ad_event_snapshots", "me_file_id, target_band_id", true},
};

/* What is known of a backfill by its name. */
typedef struct FoundBackfill
{
	bool  exists;
	bool  on_table; /* on the table that was asked for */
	bool  finished;
	int32 batch_size;
} FoundBackfill;

/* Looks for a backfill of a name, and whether it fills the snapshots of a table. */
static FoundBackfill
find_backfill(const char *name, const char *relation)
{
	Oid			  types[] = {TEXTOID, TEXTOID};
	Datum		  values[] = {CStringGetTextDatum(name), CStringGetTextDatum(relation)};
	FoundBackfill found = {0};

	found.exists =
		sql_execute_own("SELECT b.relation OPERATOR(pg_catalog.=) $2"
						" AND b.target_column OPERATOR(pg_catalog.=) '" SNAPSHOT_COLUMN "',"
						" b.state OPERATOR(pg_catalog.=) 'finished', b.batch_size"
						" FROM pollseed.backfills AS b"
						" WHERE b.name OPERATOR(pg_catalog.=) $1",
						lengthof(types), types, values, NULL) == 1;
	if (found.exists)
	{
		found.on_table = DatumGetBool(sql_value_not_null(0, 1));
		found.finished = DatumGetBool(sql_value_not_null(0, 2));
		found.batch_size = DatumGetInt32(sql_value_not_null(0, 3));
	}
	return found;
}

/* Makes the backfill of a table; after is the backfill that comes before it, or NULL. */
static void
create_backfill(const char *functions, Oid schema, SnapshotTable table, const char *name,
				const char *after, int32 batch_size)
{
	const char *strategy = snapshot_index_is_there(schema, table) ? "index" : "auto";
	Oid			relid = get_relname_relid(snapshot_table_name(table), schema);
	Oid	  types[] = {TEXTOID, REGCLASSOID, NAMEOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID};
	char  nulls[] = "       n";
	Datum values[lengthof(types)] = {
		CStringGetTextDatum(name),
		ObjectIdGetDatum(relid),
		DirectFunctionCall1(namein, CStringGetDatum(SNAPSHOT_COLUMN)),
		CStringGetTextDatum(snapshot_source(schema, table)),
		CStringGetTextDatum(snapshot_backfills[table].key),
		CStringGetTextDatum(strategy),
		Int32GetDatum(batch_size),
	};

	if (after != NULL)
	{
		values[7] = CStringGetTextDatum(after);
		nulls[7] = ' ';
	}
	sql_execute(psprintf("SELECT FROM %s.pollseed_backfill_create(name => $1, target => $2,"
						 " target_column => $3, source => $4, key => $5, strategy => $6,"
						 " batch_size => $7, after_backfill => $8)",
						 functions),
				lengthof(types), types, values, nulls);
}

/*
 * Makes the backfill of a table unless there is one, and returns its name.  Where
 * the usual name is another schema's, the schema is put before it.
 */
static const char *
provide_backfill(const char *functions, Oid schema, SnapshotTable table, const char *after,
				 int32 batch_size)
{
	const char *namespace = get_namespace_name(schema);
	const char	 *relation = quote_qualified_identifier(namespace, snapshot_table_name(table));
	const char	 *name = snapshot_backfills[table].name;
	FoundBackfill found = find_backfill(name, relation);

	if (found.exists && !found.on_table)
	{
		name = psprintf("%s.%s", namespace, name);
		found = find_backfill(name, relation);
	}
	if (!found.exists || !found.on_table)
		create_backfill(functions, schema, table, name, after, batch_size);
	else if (found.batch_size != batch_size)
		ereport(NOTICE, (errmsg("backfill \"%s\" exists already, with a batch size of %d", name,
								found.batch_size),
						 errhint("To have it made anew, drop it with pollseed_backfill_drop().")));
	return name;
}

/* Runs a backfill, in transactions of its own unless this is called within one. */
static void
run_backfill(const char *functions, const char *name)
{
	SPIExecuteOptions options = {.allow_nonatomic = true};
	ParamListInfo	  params = makeParamList(1);
	int				  result;

	params->params[0] = (ParamExternData){
		.value = CStringGetTextDatum(name), .pflags = PARAM_FLAG_CONST, .ptype = TEXTOID};
	options.params = params;
	result =
		SPI_execute_extended(psprintf("CALL %s.pollseed_backfill_run($1)", functions), &options);
	if (result < 0)
		elog(ERROR, "could not run a backfill: %s", SPI_result_code_string(result));
}

/* Runs the backfills in turn, until one does not end: it has to be called again then. */
static void
run_in_turn(const char *functions, const char *names[N_SNAPSHOT_TABLES],
			const char *relations[N_SNAPSHOT_TABLES])
{
	for (SnapshotTable table = 0; table < N_SNAPSHOT_TABLES; table++)
	{
		run_backfill(functions, names[table]);
		if (!find_backfill(names[table], relations[table]).finished)
		{
			ereport(NOTICE,
					(errmsg("backfill \"%s\" is not finished", names[table]),
					 errhint("Call pollseed_backfill_snapshots() again, outside a transaction to "
							 "have all done in one call.")));
			return;
		}
	}
}

/* pollseed_backfill_snapshots(batch_size) */
Datum
pollseed_backfill_snapshots(PG_FUNCTION_ARGS)
{
	bool		atomic = !(fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
					   !castNode(CallContext, fcinfo->context)->atomic);
	int32		batch_size = PG_ARGISNULL(0) ? DEFAULT_BATCH_SIZE : PG_GETARG_INT32(0);
	const char *functions;
	const char *names[N_SNAPSHOT_TABLES] = {NULL};
	const char *relations[N_SNAPSHOT_TABLES];
	Oid			schema;

	PreventCommandIfReadOnly("pollseed_backfill_snapshots()");
	functions = quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)));
	schema = targeting_schema();

	SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC);
	for (SnapshotTable table = 0; table < N_SNAPSHOT_TABLES; table++)
	{
		const char *after = snapshot_backfills[table].after_the_first ? names[0] : NULL;

		names[table] = provide_backfill(functions, schema, table, after, batch_size);
		relations[table] =
			quote_qualified_identifier(get_namespace_name(schema), snapshot_table_name(table));
	}
	run_in_turn(functions, names, relations);
	SPI_finish();
	PG_RETURN_VOID();
}
