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
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "write/foreign_keys.h"
#include "write/lanes.h"

/* Volatile functions that cannot see the table that is written to. */
static const Oid blind_functions[] = {
	F_NEXTVAL, F_GEN_RANDOM_UUID, F_CLOCK_TIMESTAMP, F_TIMEOFDAY,
#ifdef F_UUIDV4
	F_UUIDV4,  F_UUIDV7_,		  F_UUIDV7_INTERVAL,
#endif
};

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

/* Tells whether a function could see the rows that were written before. */
static bool
function_may_look(Oid function, void *context pg_attribute_unused())
{
	if (func_volatile(function) != PROVOLATILE_VOLATILE)
		return false;
	for (size_t i = 0; i < lengthof(blind_functions); i++)
	{
		if (function == blind_functions[i])
			return false;
	}
	return true;
}

static bool may_look_walker(Node *node, void *context);

/* Tells whether a domain's checks call a function that could see the rows that were written before. */
static bool
domain_may_look(Oid domain)
{
	/* It registers itself with the memory context, so it must live as long. */
	DomainConstraintRef *ref = palloc_object(DomainConstraintRef);
	ListCell			*cell;

	InitDomainConstraintRef(domain, ref, CurrentMemoryContext, false);
	foreach(cell, ref->constraints)
	{
		const DomainConstraintState *constraint = lfirst(cell);

		if (may_look_walker((Node *) constraint->check_expr, NULL))
			return true;
	}
	return false;
}

/* Finds a function in an expression that could see the rows that were written before. */
static bool
may_look_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, function_may_look, context))
		return true;
	if (IsA(node, CoerceToDomain) && domain_may_look(((CoerceToDomain *) node)->resulttype))
		return true;
	return expression_tree_walker(node, may_look_walker, context);
}

bool
expression_may_look(Node *node)
{
	return may_look_walker(node, NULL);
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

/* Returns why an extension that routes rows excludes the relation, or NULL. */
static const char *
refuse_routing(Relation rel)
{
	for (size_t i = 0; i < lengthof(routing_extensions); i++)
	{
		Oid	  schema = get_namespace_oid(routing_extensions[i].schema, true);
		Oid	  type = OIDOID;
		Datum relid = ObjectIdGetDatum(RelationGetRelid(rel));

		if (!OidIsValid(schema) ||
			!OidIsValid(get_relname_relid(routing_extensions[i].table, schema)))
			continue;
		if (sql_execute(routing_extensions[i].query, 1, &type, &relid, NULL) > 0)
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
