/*-------------------------------------------------------------------------
 *
 * updater.c
 *		Filling one column of chosen rows of a live table, a batch at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/prs2lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/relation.h"
#include "write/assign.h"
#include "write/eligibility.h"
#include "write/lanes.h"
#include "write/routing.h"

struct Updater
{
	UpdateJob	  job;
	SpiUpdate	 *spi;
	const char	 *lane;
	MemoryContext context;
	MemoryContext batch; /* emptied before each batch */
};

/* Refuses a relation whose rows cannot be found by their tid, or where UPDATE would do something else. */
static void
check_relation(Relation rel)
{
	if (rel->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table", RelationGetRelationName(rel)),
						errhint("Name a table or a partition.")));
	if (RELATION_IS_OTHER_TEMP(rel))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot access temporary tables of other sessions")));
	for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
	{
		if (rel->rd_rules->rules[i]->event == CMD_UPDATE)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("cannot fill a column of table \"%s\" because it has a rule on "
								   "UPDATE",
								   RelationGetRelationName(rel)),
							errhint("Drop or disable the rule, or use a trigger instead.")));
	}
}

/* Refuses a column that is not there any more or that UPDATE cannot set. */
static void
check_column(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute attribute;

	if (attnum < 1 || attnum > RelationGetNumberOfAttributes(rel) ||
		TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attisdropped)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column %d of relation \"%s\" does not exist", attnum,
							   RelationGetRelationName(rel))));

	attribute = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	if (attribute->attgenerated != '\0' || attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
		ereport(ERROR, (errcode(ERRCODE_GENERATED_ALWAYS),
						errmsg("column \"%s\" can only be updated to DEFAULT",
							   NameStr(attribute->attname)),
						errdetail("Column \"%s\" of relation \"%s\" is always generated.",
								  NameStr(attribute->attname), RelationGetRelationName(rel)),
						errhint("Fill another column.")));
}

/* Returns the column and those that are generated from it. */
static Bitmapset *
find_changed_columns(Relation rel, AttrNumber attnum)
{
	TupleConstr *constraints = RelationGetDescr(rel)->constr;
	int			 column = attnum - FirstLowInvalidHeapAttributeNumber;
	Bitmapset	*changed = bms_make_singleton(column);

	for (int i = 0; constraints != NULL && i < constraints->num_defval; i++)
	{
		const AttrDefault *value = &constraints->defval[i];
		Bitmapset		  *used = NULL;

		if (TupleDescAttr(RelationGetDescr(rel), value->adnum - 1)->attgenerated == '\0')
			continue;
		pull_varattnos(stringToNode(value->adbin), 1, &used);
		if (bms_is_member(column, used))
			changed = bms_add_member(changed, value->adnum - FirstLowInvalidHeapAttributeNumber);
	}
	return changed;
}

Expr *
update_assignment(const UpdateJob *job)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(job->rel), job->attnum - 1);
	Form_pg_attribute source = TupleDescAttr(job->source, SOURCE_VALUE - 1);
	Node			 *value = (Node *) makeVar(1, SOURCE_VALUE, source->atttypid, source->atttypmod,
											   source->attcollation, 0);

	value = assignment_cast(value, source->atttypid, attribute);
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" is of type %s but values are of "
						"type %s",
						NameStr(attribute->attname), RelationGetRelationName(job->rel),
						format_type_be(attribute->atttypid), format_type_be(source->atttypid)),
				 errhint("Fill a column of a type that %s can be assigned to.",
						 format_type_be(source->atttypid))));
	return expression_planner((Expr *) value);
}

/* Looks at the table as it is now, and chooses the lane. */
static void
prepare_batch(Updater *updater, Relation rel)
{
	UpdateJob *job = &updater->job;

	check_relation(rel);
	check_column(rel, job->attnum);
	job->rel = rel;
	job->changed = find_changed_columns(rel, job->attnum);
	job->changes_key =
		bms_overlap(job->changed, RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_KEY));
	(void) update_assignment(job);
	updater->lane =
		lane_may_be_direct() && lane_is_direct(rel, direct_update_refusal(job)) ? "direct" : "spi";
}

/* Describes a row's tid and value, for both lanes. */
static TupleDesc
describe_source(Oid value_type, int32 value_typmod)
{
	TupleDesc source = CreateTemplateTupleDesc(2);

	TupleDescInitEntry(source, SOURCE_TID, "tid", TIDOID, -1, 0);
	TupleDescInitEntry(source, SOURCE_VALUE, "value", value_type, value_typmod, 0);
	return source;
}

/* Asks, once for all batches, whether an extension routes the table's rows. */
static const char *
find_routing(Relation rel, MemoryContext context)
{
	const char *routing = routing_refusal(rel);

	return routing != NULL ? MemoryContextStrdup(context, routing) : NULL;
}

Updater *
updater_make(Relation rel, AttrNumber attnum, Oid value_type, int32 value_typmod,
			 MemoryContext context)
{
	MemoryContext own_context =
		AllocSetContextCreate(context, "pollseed updater", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(own_context);
	Updater		 *updater = palloc0_object(Updater);

	column_check_privilege(rel, attnum, ACL_UPDATE);
	check_relation(rel);
	check_column(rel, attnum);

	updater->context = own_context;
	updater->batch =
		AllocSetContextCreate(own_context, "pollseed updater batch", ALLOCSET_DEFAULT_SIZES);
	updater->job.attnum = attnum;
	updater->job.source = describe_source(value_type, value_typmod);
	updater->spi = spi_update_make(&updater->job);
	updater->job.routing = find_routing(rel, own_context);

	MemoryContextSwitchTo(updater->batch);
	prepare_batch(updater, rel);
	MemoryContextSwitchTo(old_context);
	return updater;
}

int64
updater_write(Updater *updater, Relation rel, UpdateRow *rows, int nrows)
{
	MemoryContext old_context;
	int64		  filled;

	/* An error may have left the last one's. */
	MemoryContextReset(updater->batch);
	old_context = MemoryContextSwitchTo(updater->batch);
	prepare_batch(updater, rel);

	for (int i = 0; i < nrows; i++)
	{
		Assert(i == 0 || ItemPointerCompare(&rows[i - 1].tid, &rows[i].tid) < 0);
		rows[i].filled = false;
	}
	if (strcmp(updater->lane, "direct") == 0)
		filled = direct_update_write(&updater->job, rows, nrows);
	else
		filled = spi_update_write(updater->spi, rows, nrows);

	MemoryContextSwitchTo(old_context);
	MemoryContextReset(updater->batch);
	return filled;
}

const char *
updater_lane(const Updater *updater)
{
	return updater->lane;
}

void
updater_free(Updater *updater)
{
	MemoryContextDelete(updater->context);
}
