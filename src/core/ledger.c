/*-------------------------------------------------------------------------
 *
 * ledger.c
 *		The record of what was generated: table pollseed.runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/ledger.h"
#include "core/sql.h"

/* Returns the owner of pollseed.runs. */
static Oid
ledger_owner(void)
{
	Oid		  relid = get_relname_relid("runs", get_namespace_oid("pollseed", false));
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid		  owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation \"pollseed.runs\" does not exist"),
						errhint("Install the extension with CREATE EXTENSION pollseed.")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

int64
ledger_record(const LedgerEntry *entry)
{
	Oid	  types[] = {TEXTOID,  TEXTOID, INT8OID,   INT8OID, INT4OID,
					 JSONBOID, TEXTOID, FLOAT8OID, NAMEOID, OIDOID};
	Datum values[lengthof(types)];
	Name  user = palloc0_object(NameData);

	namestrcpy(user, GetUserNameFromId(GetUserId(), false));
	values[0] = CStringGetTextDatum(entry->engine);
	values[1] = CStringGetTextDatum(entry->relation);
	values[2] = Int64GetDatum(entry->rows_written);
	values[3] = Int64GetDatum(entry->seed);
	values[4] = Int32GetDatum(entry->generator_version);
	values[5] = entry->arguments;
	values[6] = CStringGetTextDatum(entry->lane);
	values[7] = Float8GetDatum(entry->time_ms);
	values[8] = NameGetDatum(user);
	values[9] = ObjectIdGetDatum(GetUserId());

	sql_execute_as(ledger_owner(),
				   "INSERT INTO pollseed.runs (engine, relation, rows_written, seed,"
				   " generator_version, arguments, lane, time_ms, run_by, run_by_oid, run_at)"
				   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, pg_catalog.now())"
				   " RETURNING run_id",
				   lengthof(types), types, values);
	return DatumGetInt64(sql_value_not_null(0, 1));
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

	sql_execute_as(ledger_owner(),
				   "UPDATE pollseed.runs SET cleared_at = pg_catalog.now()"
				   " WHERE engine OPERATOR(pg_catalog.=) $1 AND relation OPERATOR(pg_catalog.=) $2"
				   " AND cleared_at IS NULL",
				   lengthof(types), types, values);
}
