/*-------------------------------------------------------------------------
 *
 * ledger.c
 *		The record of what was generated: table pollseed.runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/ledger.h"
#include "core/sql.h"

int64
ledger_new_run(void)
{
	Oid sequence = get_relname_relid("runs_run_id_seq", get_namespace_oid("pollseed", false));

	if (!OidIsValid(sequence))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation \"pollseed.runs_run_id_seq\" does not exist"),
						errhint("Install the extension with CREATE EXTENSION pollseed.")));
	return nextval_internal(sequence, false);
}

/* Inserts a run of the current user, with what to do where it is there. */
static void
insert_run(const LedgerEntry *entry, const char *on_conflict)
{
	Oid	  types[] = {INT8OID,  TEXTOID, TEXTOID,   INT8OID, INT8OID, INT4OID,
					 JSONBOID, TEXTOID, FLOAT8OID, NAMEOID, OIDOID};
	Datum values[lengthof(types)];
	Name  user = palloc0_object(NameData);

	namestrcpy(user, GetUserNameFromId(GetUserId(), false));
	values[0] = Int64GetDatum(entry->run_id);
	values[1] = CStringGetTextDatum(entry->engine);
	values[2] = CStringGetTextDatum(entry->relation);
	values[3] = Int64GetDatum(entry->rows_written);
	values[4] = Int64GetDatum(entry->seed);
	values[5] = Int32GetDatum(entry->generator_version);
	values[6] = entry->arguments;
	values[7] = CStringGetTextDatum(entry->lane);
	values[8] = Float8GetDatum(entry->time_ms);
	values[9] = NameGetDatum(user);
	values[10] = ObjectIdGetDatum(GetUserId());

	sql_execute_own(psprintf("INSERT INTO pollseed.runs AS r (run_id, engine, relation,"
							 " rows_written, seed, generator_version, arguments, lane, time_ms,"
							 " run_by, run_by_oid, run_at) OVERRIDING SYSTEM VALUE"
							 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
							 " pg_catalog.now())%s",
							 on_conflict),
					lengthof(types), types, values, NULL);
}

void
ledger_record(const LedgerEntry *entry)
{
	insert_run(entry, "");
}

void
ledger_add(const LedgerEntry *entry)
{
	insert_run(entry,
			   " ON CONFLICT (run_id) DO UPDATE"
			   " SET rows_written = r.rows_written OPERATOR(pg_catalog.+) EXCLUDED.rows_written,"
			   " time_ms = r.time_ms OPERATOR(pg_catalog.+) EXCLUDED.time_ms,"
			   " lane = " LEDGER_LANE("r.lane", "EXCLUDED.lane"));
}

void
ledger_mark_cleared(const char *engine, const char *relation)
{
	Oid	  types[] = {TEXTOID, TEXTOID};
	Datum values[lengthof(types)];

	/* Sessions share the names of these. */
	if (strncmp(relation, "pg_temp_", strlen("pg_temp_")) == 0)
		return;

	values[0] = CStringGetTextDatum(engine);
	values[1] = CStringGetTextDatum(relation);

	sql_execute_own("UPDATE pollseed.runs SET cleared_at = pg_catalog.now()"
					" WHERE engine OPERATOR(pg_catalog.=) $1 AND relation OPERATOR(pg_catalog.=) $2"
					" AND cleared_at IS NULL",
					lengthof(types), types, values, NULL);
}
