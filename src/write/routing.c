/*-------------------------------------------------------------------------
 *
 * routing.c
 *		Tables that look plain but whose rows an extension routes elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "write/routing.h"

/* Extensions that route rows of what looks like a plain table; each query tells whether $1 is one. */
static const struct
{
	const char *extension;
	const char *schema;
	const char *table;
	const char *query;
} routing_extensions[] = {
	{"citus", "pg_catalog", "pg_dist_partition",
	 "SELECT FROM pg_catalog.pg_dist_partition AS p"
	 " WHERE p.logicalrelid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass"},
	{"timescaledb", "_timescaledb_catalog", "hypertable",
	 "SELECT FROM _timescaledb_catalog.hypertable AS h"
	 " JOIN pg_catalog.pg_class AS c ON c.relname OPERATOR(pg_catalog.=) h.table_name"
	 " JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
	 " AND n.nspname OPERATOR(pg_catalog.=) h.schema_name"
	 " WHERE c.oid OPERATOR(pg_catalog.=) $1"},
	{"timescaledb", "_timescaledb_catalog", "chunk",
	 "SELECT FROM _timescaledb_catalog.chunk AS h"
	 " JOIN pg_catalog.pg_class AS c ON c.relname OPERATOR(pg_catalog.=) h.table_name"
	 " JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
	 " AND n.nspname OPERATOR(pg_catalog.=) h.schema_name"
	 " WHERE c.oid OPERATOR(pg_catalog.=) $1"},
};

/* Tells whether a schema belongs to a superuser, as those of such extensions do. */
static bool
schema_is_trusted(Oid schema)
{
	HeapTuple tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid		  owner;

	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return superuser_arg(owner);
}

/*
 * Finds an extension's table; InvalidOid where there is none.  Anybody may make a
 * schema and a view of these names, and we must not run what is in it: only a
 * plain table of a superuser's in a schema of a superuser's counts.
 */
static Oid
find_routing_table(const char *schema_name, const char *name, Oid *owner)
{
	Oid		  schema = get_namespace_oid(schema_name, true);
	Oid		  relid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool	  is_table;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	is_table = ((Form_pg_class) GETSTRUCT(tuple))->relkind == RELKIND_RELATION;
	*owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return is_table && superuser_arg(*owner) && schema_is_trusted(schema) ? relid : InvalidOid;
}

const char *
routing_refusal(Relation rel)
{
	for (size_t i = 0; i < lengthof(routing_extensions); i++)
	{
		Oid	  type = OIDOID;
		Datum relid = ObjectIdGetDatum(RelationGetRelid(rel));
		Oid	  owner;

		if (!OidIsValid(find_routing_table(routing_extensions[i].schema,
										   routing_extensions[i].table, &owner)))
			continue;

		/* As the table's owner: the caller need not be allowed to read it. */
		if (sql_execute_as(owner, routing_extensions[i].query, 1, &type, &relid, NULL) > 0)
			return psprintf("The extension \"%s\" routes its rows.",
							routing_extensions[i].extension);
	}
	return NULL;
}
