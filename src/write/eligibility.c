/*-------------------------------------------------------------------------
 *
 * eligibility.c
 *		Whether the direct lane writes to a relation what INSERT would.
 *
 * The lane runs defaults, generated columns, constraints, indexes and foreign
 * keys.  Whatever else INSERT would run, or would run at another time, makes a
 * relation ineligible, and so does what could tell a batch of rows from rows
 * inserted one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "write/eligibility.h"
#include "write/foreign_keys.h"
#include "write/targets.h"
#include "write/volatility.h"

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

/* Returns why the kind of the relation excludes it, or NULL. */
static const char *
refuse_kind(Relation rel)
{
	if (rel->rd_rel->relkind == RELKIND_VIEW)
		return "It is a view.";
	if (rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		return "It is a foreign table.";
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		return "It is a partitioned table.";
	if (rel->rd_rel->relkind != RELKIND_RELATION)
		return "It is not a table.";
	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		return "Its access method is not heap.";
	if (rel->rd_rules != NULL)
		return "It has rules.";
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_ENABLED)
		return "Row-level security applies to the current user.";
	return NULL;
}

/* Returns why the relation's triggers exclude it, or NULL; a foreign key's can be replaced by a proof. */
static const char *
refuse_triggers(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	if (triggers == NULL)
		return NULL;
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_ORIGIN)
		return "It has triggers and \"session_replication_role\" is not \"origin\".";
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!TRIGGER_FOR_INSERT(trigger->tgtype) || !trigger_fires(trigger))
			continue;
		if (!is_foreign_key_check(trigger))
			return psprintf("It has the trigger \"%s\".", trigger->tgname);
		if (trigger->tgdeferrable)
			return psprintf("Its foreign key \"%s\" is deferrable.",
							get_constraint_name(trigger->tgconstraint));
	}
	return NULL;
}

/* Returns why the relation's indexes exclude it, or NULL. */
static const char *
refuse_indexes(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *cell;
	const char *refusal = NULL;

	foreach(cell, indexes)
	{
		Relation index = relation_open(lfirst_oid(cell), AccessShareLock);

		if (!index->rd_index->indimmediate)
			refusal = psprintf("The constraint of its index \"%s\" is deferrable.",
							   RelationGetRelationName(index));
		relation_close(index, AccessShareLock);
	}
	return refusal;
}

/* Returns why an expression that the table or its columns' types need excludes it, or NULL. */
static const char *
refuse_expressions(const WriteJob *job)
{
	TupleDesc desc = RelationGetDescr(job->rel);
	ListCell *cell;

	foreach(cell, write_targets(job))
	{
		TargetEntry *target = lfirst_node(TargetEntry, cell);

		if (expression_may_look((Node *) target->expr))
			return psprintf("What is written to column \"%s\" calls a volatile function.",
							NameStr(TupleDescAttr(desc, target->resno - 1)->attname));
	}
	for (int i = 0; desc->constr != NULL && i < desc->constr->num_check; i++)
	{
		const ConstrCheck *check = &desc->constr->check[i];

		if (expression_may_look(stringToNode(check->ccbin)))
			return psprintf("The constraint \"%s\" calls a volatile function.", check->ccname);
	}
	return NULL;
}

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

/* Returns why an extension that routes rows excludes the relation, or NULL. */
static const char *
refuse_routing(Relation rel)
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
		if (sql_execute_as(owner, routing_extensions[i].query, 1, &type, &relid) > 0)
			return psprintf("The extension \"%s\" routes its rows.",
							routing_extensions[i].extension);
	}
	return NULL;
}

const char *
direct_lane_refusal(const WriteJob *job)
{
	Relation	rel = job->rel;
	const char *refusal = refuse_kind(rel);

	if (refusal == NULL)
		refusal = refuse_indexes(rel);
	if (refusal == NULL)
		refusal = refuse_triggers(rel);
	if (refusal == NULL)
		refusal = refuse_expressions(job);
	if (refusal == NULL)
		refusal = refuse_routing(rel);
	return refusal;
}
