/*-------------------------------------------------------------------------
 *
 * eligibility.c
 *		Whether a direct lane writes to a relation what INSERT or UPDATE would.
 *
 * The lanes run defaults, generated columns, constraints, indexes and, for new
 * rows, foreign keys, and note for caches that a table has changed.  Whatever else
 * the statement would run, or would run at another time, makes a relation
 * ineligible, and so does what could tell a batch of rows from rows written one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "core/compat.h"
#include "core/trigger.h"
#include "write/eligibility.h"
#include "write/foreign_keys.h"
#include "write/routing.h"
#include "write/targets.h"
#include "write/volatility.h"

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

/* Returns why triggers as such exclude the relation, or NULL. */
static const char *
refuse_replication_role(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_ORIGIN)
		return NULL;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (!trigger_only_notes_changes(&triggers->triggers[i]))
			return "It has triggers and \"session_replication_role\" is not \"origin\".";
	}
	return NULL;
}

/* Returns why what INSERT fires excludes the relation, or NULL; a foreign key's can be replaced by a proof. */
static const char *
refuse_insert_triggers(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!TRIGGER_FOR_INSERT(trigger->tgtype) || !trigger_fires(trigger) ||
			trigger_only_notes_changes(trigger))
			continue;
		if (!is_foreign_key_check(trigger))
			return psprintf("It has the trigger \"%s\".", trigger->tgname);
		if (trigger->tgdeferrable)
			return psprintf("Its foreign key \"%s\" is deferrable.",
							get_constraint_name(trigger->tgconstraint));
	}
	return NULL;
}

/* Tells whether an UPDATE of these columns fires a trigger; a foreign key's does nothing where its columns stay. */
static bool
fires_on_update(const Trigger *trigger, const Bitmapset *changed)
{
	if (!TRIGGER_FOR_UPDATE(trigger->tgtype) || !trigger_fires(trigger) ||
		RI_FKey_trigger_type(trigger->tgfoid) != RI_TRIGGER_NONE ||
		trigger_only_notes_changes(trigger))
		return false;
	for (int i = 0; i < trigger->tgnattr; i++)
	{
		if (bms_is_member(trigger->tgattr[i] - FirstLowInvalidHeapAttributeNumber, changed))
			return true;
	}
	return trigger->tgnattr == 0;
}

/* Returns why what UPDATE fires excludes the relation, or NULL. */
static const char *
refuse_update_triggers(const UpdateJob *job)
{
	TriggerDesc *triggers = job->rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (fires_on_update(&triggers->triggers[i], job->changed))
			return psprintf("It has the trigger \"%s\".", triggers->triggers[i].tgname);
	}

	/* UPDATE has the check of a key repeated that a row of this transaction still awaits. */
	if (triggers != NULL && AfterTriggerPendingOnRel(RelationGetRelid(job->rel)))
		return "It has pending trigger events.";
	return NULL;
}

/*
 * Returns why a key that the columns are in excludes the relation, or NULL.  No
 * row refers to a key that was NULL; one of a generated column may have had a value.
 */
static const char *
refuse_keys(const UpdateJob *job)
{
	Bitmapset *generated = bms_copy(job->changed);
	ListCell  *cell;

	generated = bms_del_member(generated, job->attnum - FirstLowInvalidHeapAttributeNumber);
	if (bms_overlap(generated, RelationGetIndexAttrBitmap(job->rel, INDEX_ATTR_BITMAP_KEY)))
		return "A column generated from it is in a key that foreign keys may refer to.";
	foreach(cell, RelationGetFKeyList(job->rel))
	{
		const ForeignKeyCacheInfo *key = lfirst(cell);

		for (int i = 0; i < key->nkeys; i++)
		{
			if (bms_is_member(key->conkey[i] - FirstLowInvalidHeapAttributeNumber, job->changed))
				return psprintf("The column is in the foreign key \"%s\".",
								get_constraint_name(key->conoid));
		}
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

/* Returns why a CHECK constraint excludes the relation, or NULL. */
static const char *
refuse_checks(Relation rel)
{
	TupleConstr *constraints = RelationGetDescr(rel)->constr;

	for (int i = 0; constraints != NULL && i < constraints->num_check; i++)
	{
		const ConstrCheck *check = &constraints->check[i];

		if (expression_may_look(stringToNode(check->ccbin)))
			return psprintf("The constraint \"%s\" calls a volatile function.", check->ccname);
	}
	return NULL;
}

/* Returns why what a column gets excludes the relation, or NULL. */
static const char *
refuse_value(Relation rel, AttrNumber attnum, Expr *value)
{
	if (expression_may_look((Node *) value))
		return psprintf("What is written to column \"%s\" calls a volatile function.",
						NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname));
	return NULL;
}

/* Returns why what the columns of a new row get excludes the relation, or NULL. */
static const char *
refuse_targets(const WriteJob *job)
{
	const char *refusal = NULL;
	ListCell   *cell;

	foreach(cell, write_targets(job))
	{
		TargetEntry *target = lfirst_node(TargetEntry, cell);

		if (refusal == NULL)
			refusal = refuse_value(job->rel, target->resno, target->expr);
	}
	return refusal;
}

const char *
direct_lane_refusal(const WriteJob *job)
{
	Relation	rel = job->rel;
	const char *refusal = refuse_kind(rel);

	if (refusal == NULL)
		refusal = refuse_indexes(rel);
	if (refusal == NULL)
		refusal = refuse_replication_role(rel);
	if (refusal == NULL)
		refusal = refuse_insert_triggers(rel);
	if (refusal == NULL)
		refusal = refuse_targets(job);
	if (refusal == NULL)
		refusal = refuse_checks(rel);
	if (refusal == NULL)
		refusal = routing_refusal(rel);
	return refusal;
}

const char *
direct_update_refusal(const UpdateJob *job)
{
	Relation	rel = job->rel;
	const char *refusal = refuse_kind(rel);

	if (refusal == NULL)
		refusal = job->routing;
	if (refusal == NULL)
		refusal = refuse_indexes(rel);
	if (refusal == NULL)
		refusal = refuse_replication_role(rel);
	if (refusal == NULL)
		refusal = refuse_update_triggers(job);
	if (refusal == NULL)
		refusal = refuse_keys(job);
	if (refusal == NULL)
		refusal = refuse_value(rel, job->attnum, update_assignment(job));
	if (refusal == NULL)
		refusal = refuse_checks(rel);
	return refusal;
}
