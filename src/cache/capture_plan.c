/*-------------------------------------------------------------------------
 *
 * capture_plan.c
 *		What a trigger that notes changes has to do, kept for the session.
 *
 * The tables above that of the trigger are looked up in the catalogs without a lock, which
 * a writer must not wait for.  None is needed: who tracks one of them, or makes
 * it the parent of this one, locks this one against writers too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "cache/capture_plan.h"
#include "cache/track.h"
#include "cache/triggers.h"
#include "core/changes.h"
#include "core/compat.h"
#include "core/kept.h"
#include "core/names.h"

static KeptTable plans = {.name = "pollseed cache capture plans"};

/* Returns a trigger's arguments. */
static List *
trigger_arguments(const Trigger *trigger)
{
	List *arguments = NIL;

	for (int i = 0; i < trigger->tgnargs; i++)
		arguments = lappend(arguments, pstrdup(trigger->tgargs[i]));
	return arguments;
}

/* Adds a table to those whose changes are noted. */
static void
add_table(CapturePlan *plan, Oid relid, bool is_exact, const List *arguments)
{
	CaptureTable *table = &plan->tables[plan->ntables++];

	table->relid = relid;
	table->is_exact = is_exact;
	table->tally = plan->tally > 0 ? cache_column_number(relid, lsecond(arguments)) : 0;
	table->table_slot = tags_slot(TAG_TABLE, relid, 0);
	table->all_rows_slot = tags_slot(TAG_ALL_ROWS, relid, 0);
	table->shape_slot = tags_slot(TAG_SHAPE, relid, 0);
}

/*
 * Adds the tables above that of the trigger which are tracked; tells whether one is by other columns,
 * so that more changes matter to it than to the trigger.
 */
static bool
add_ancestors(CapturePlan *plan, const List *relations, bool is_exact, const List *arguments)
{
	bool	  differs = false;
	ListCell *cell;

	for_each_from(cell, relations, 1)
	{
		const CacheTrigger *trigger = cache_row_trigger(lfirst_oid(cell));
		bool				is_same;

		if (trigger == NULL)
			continue;
		is_same = names_same(trigger->arguments, arguments);
		add_table(plan, lfirst_oid(cell), is_exact && is_same, arguments);
		differs |= !is_same;
	}
	return differs;
}

/* Sorts the columns other than key and tally into those that matter and those that do not. */
static void
sort_columns(CapturePlan *plan, TupleDesc desc, const Bitmapset *ignored)
{
	plan->compared = palloc_array(AttrNumber, desc->natts);
	plan->ignored = palloc_array(AttrNumber, desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		AttrNumber		  number = attribute->attnum;

		if (attribute->attisdropped || compat_is_virtual(attribute))
			continue;
		if (bms_is_member(number, ignored))
			plan->ignored[plan->nignored++] = number;
		else if (number != plan->key_number && number != plan->tally)
			plan->compared[plan->ncompared++] = number;
		plan->last_number = number;
	}
}

/* Makes the plan of a trigger in the current memory context. */
static void *
make_plan(Oid key pg_attribute_unused(), List **relations, void *arg)
{
	const TriggerData *firing = arg;
	Oid				   relid = RelationGetRelid(firing->tg_relation);
	List			  *arguments = trigger_arguments(firing->tg_trigger);
	CacheColumns	   columns = cache_columns(relid, arguments);
	CapturePlan		  *plan = palloc0_object(CapturePlan);
	bool			   is_exact = columns.missing == NULL && list_length(arguments) >= 2;
	bool			   needs_ignored;

	*relations = changes_table_and_ancestors(relid);
	plan->tally = is_exact ? columns.tally : NO_TALLY;
	plan->tally_type = columns.tally_type;
	plan->has_key = is_exact && columns.key != InvalidAttrNumber;
	if (plan->has_key)
	{
		plan->key_number = columns.key;
		key_column_init(&plan->key, columns.key_type);
	}

	plan->tables = palloc_array(CaptureTable, list_length(*relations));
	add_table(plan, relid, is_exact, arguments);
	needs_ignored = add_ancestors(plan, *relations, is_exact, arguments);
	sort_columns(plan, RelationGetDescr(firing->tg_relation), is_exact ? columns.ignored : NULL);
	if (!needs_ignored)
		plan->nignored = 0;
	return plan;
}

const CapturePlan *
capture_plan_of(const TriggerData *firing)
{
	return kept_find(&plans, firing->tg_trigger->tgoid, make_plan,
					 unconstify(TriggerData *, firing));
}
