/*-------------------------------------------------------------------------
 *
 * relation.c
 *		Tables and columns that a caller names, opened and checked as the
 *		executor would.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/relation.h"

Relation
relation_open_by_oid(Oid relid, LOCKMODE lockmode)
{
	Relation rel = try_relation_open(relid, lockmode);

	if (rel == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relid)));
	return rel;
}

Relation
relation_open_by_name(const char *name, LOCKMODE lockmode)
{
	RangeVar *range_var = makeRangeVar(NULL, pstrdup(name), -1);
	Oid		  relid = RangeVarGetRelid(range_var, lockmode, true);

	return OidIsValid(relid) ? relation_open(relid, NoLock) : NULL;
}

void
relation_check_privilege(Relation rel, AclMode mode)
{
	Oid relid = RelationGetRelid(rel);
	Oid schema = RelationGetNamespace(rel);
	Oid user = GetUserId();

	if (compat_schema_usage(schema, user) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, get_namespace_name(schema));
	if (pg_class_aclcheck(relid, user, mode) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, user, mode, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
}

void
column_check_privilege(Relation rel, AttrNumber attnum, AclMode mode)
{
	Oid relid = RelationGetRelid(rel);
	Oid user = GetUserId();

	if (pg_class_aclcheck(relid, user, mode) != ACLCHECK_OK &&
		pg_attribute_aclcheck(relid, attnum, user, mode) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
}

void
relation_check_writable_kind(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
							errmsg("\"%s\" is not a table or view", RelationGetRelationName(rel)),
							errhint("Name a table, partitioned table, foreign table or view.")));
	}
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot access temporary tables of other sessions")));
}

const char *
relation_quoted_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}
