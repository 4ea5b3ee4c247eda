/*-------------------------------------------------------------------------
 *
 * capture.c
 *		The trigger function that notes what a changed row makes old in caches.
 *
 * It runs for each row of each statement on a tracked table, so that it does next to
 * nothing: what there is to know of the table stands in a plan, and what it notes
 * is a few numbers.  It cannot fail for reasons of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/datum.h"
#include "utils/rel.h"

#include "cache/capture_plan.h"
#include "cache/track.h"
#include "core/changes.h"
#include "core/compat.h"

POLLSEED_FUNCTION(pollseed_cache_capture);

/* The key of a row, if it has one. */
typedef struct RowKey
{
	bool	is_there;
	KeyText key;
} RowKey;

/* Raises 39P01 unless the function is called as pollseed_cache_track() has it. */
static const TriggerData *
check_call(FunctionCallInfo fcinfo)
{
	const TriggerData *firing = (const TriggerData *) fcinfo->context;

	if (CALLED_AS_TRIGGER(fcinfo) && TRIGGER_FIRED_AFTER(firing->tg_event) &&
		TRIGGER_FIRED_FOR_ROW(firing->tg_event) != TRIGGER_FIRED_BY_TRUNCATE(firing->tg_event))
		return firing;
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
					errmsg("cache_capture() must be called as a trigger of a tracked table"),
					errhint("Such triggers are made by pollseed_cache_track().")));
}

/* Tells whether a column of two rows, which were deformed that far, is the same to the byte. */
static inline bool
same_column(TupleDesc desc, AttrNumber number, const TupleTableSlot *a, const TupleTableSlot *b)
{
	int				  i = number - 1;
	Form_pg_attribute attribute = TupleDescAttr(desc, i);

	if (a->tts_isnull[i] || b->tts_isnull[i])
		return a->tts_isnull[i] && b->tts_isnull[i];
	return datumIsEqual(a->tts_values[i], b->tts_values[i], attribute->attbyval, attribute->attlen);
}

/* Tells whether some columns are the same. */
static bool
same_columns(TupleDesc desc, const AttrNumber *numbers, int count, const TupleTableSlot *a,
			 const TupleTableSlot *b)
{
	for (int i = 0; i < count; i++)
	{
		if (!same_column(desc, numbers[i], a, b))
			return false;
	}
	return true;
}

/* Reads the key of a row. */
static void
read_key(const CapturePlan *plan, TupleTableSlot *row, RowKey *key)
{
	bool  isnull = true;
	Datum value = 0;

	if (plan->has_key)
		value = slot_getattr(row, plan->key_number, &isnull);
	key->is_there = !isnull;
	if (key->is_there)
		key_set(&plan->key, value, &key->key);
}

/* Notes that anything of the tables may have been changed that are tracked by other columns, or by some that are gone. */
static void
note_inexact_tables(const CapturePlan *plan)
{
	for (int i = 0; i < plan->ntables; i++)
	{
		const CaptureTable *table = &plan->tables[i];

		if (table->is_exact)
			continue;
		changes_note(table->table_slot);
		changes_note(table->all_rows_slot);
		changes_note(table->shape_slot);
	}
}

/* Notes that something of the tables was changed; of which key, if they have one, is noted elsewhere. */
static void
note_tables(const CapturePlan *plan)
{
	for (int i = 0; i < plan->ntables; i++)
	{
		changes_note(plan->tables[i].table_slot);
		if (!plan->has_key)
			changes_note(plan->tables[i].all_rows_slot);
	}
	note_inexact_tables(plan);
}

/* Notes the change of a row with a key. */
static void
note_key(const CapturePlan *plan, const RowKey *key)
{
	if (!key->is_there)
		return;
	for (int i = 0; i < plan->ntables; i++)
	{
		const CaptureTable *table = &plan->tables[i];

		if (table->is_exact)
			changes_note_rows(table->relid,
							  tags_rows_slot(table->relid, key->key.text, key->key.length));
	}
}

/* Notes that something was changed that is in no tally. */
static void
note_shape(const CapturePlan *plan)
{
	for (int i = 0; i < plan->ntables; i++)
		changes_note(plan->tables[i].shape_slot);
}

/* Notes what is added to the tally of a key; a row without one is in no tally. */
static void
note_tally(const CapturePlan *plan, const RowKey *key, int64 delta)
{
	if (!key->is_there)
	{
		note_shape(plan);
		return;
	}
	for (int i = 0; i < plan->ntables; i++)
	{
		const CaptureTable *table = &plan->tables[i];

		if (table->is_exact)
			changes_note_tally(table->relid, table->tally, key->key.number, delta);
	}
}

/* Notes that a row came or went; sign: 1 or -1. */
static void
capture_row(const CapturePlan *plan, TupleTableSlot *row, int sign)
{
	RowKey key;

	read_key(plan, row, &key);
	note_key(plan, &key);
	if (plan->tally == 0)
		note_tally(plan, &key, sign);
	else if (plan->tally > 0)
		note_shape(plan);
}

/* Notes that the tallied column of a row has another value, which alone of all that matters has changed. */
static void
capture_tallied(const CapturePlan *plan, const RowKey *key, const TupleTableSlot *before,
				const TupleTableSlot *after)
{
	int	  i = plan->tally - 1;
	int64 delta;

	if (before->tts_isnull[i] || after->tts_isnull[i] ||
		pg_sub_s64_overflow(key_integer(plan->tally_type, after->tts_values[i]),
							key_integer(plan->tally_type, before->tts_values[i]), &delta))
		note_shape(plan);
	else
		note_tally(plan, key, delta);
}

/* Notes that a row has other values. */
static void
capture_update(const CapturePlan *plan, TupleDesc desc, TupleTableSlot *before,
			   TupleTableSlot *after)
{
	bool   others;
	bool   tallied;
	RowKey key;

	slot_getsomeattrs(before, plan->last_number);
	slot_getsomeattrs(after, plan->last_number);
	if (plan->has_key && !same_column(desc, plan->key_number, before, after))
	{
		note_tables(plan);
		capture_row(plan, before, -1);
		capture_row(plan, after, 1);
		return;
	}
	others = !same_columns(desc, plan->compared, plan->ncompared, before, after);
	tallied = plan->tally > 0 && !same_column(desc, plan->tally, before, after);
	if (!others && !tallied)
	{
		if (!same_columns(desc, plan->ignored, plan->nignored, before, after))
			note_inexact_tables(plan);
		return;
	}
	note_tables(plan);
	read_key(plan, after, &key);
	note_key(plan, &key);
	if (plan->tally > 0 && others)
		note_shape(plan);
	else if (tallied)
		capture_tallied(plan, &key, before, after);
}

/* cache_capture(): the trigger. */
Datum
pollseed_cache_capture(PG_FUNCTION_ARGS)
{
	const TriggerData *firing = check_call(fcinfo);
	const CapturePlan *plan;

	if (TRIGGER_FIRED_BY_TRUNCATE(firing->tg_event))
	{
		changes_note_table(RelationGetRelid(firing->tg_relation));
		PG_RETURN_POINTER(NULL);
	}
	plan = capture_plan_of(firing);
	if (TRIGGER_FIRED_BY_UPDATE(firing->tg_event))
		capture_update(plan, RelationGetDescr(firing->tg_relation), firing->tg_trigslot,
					   firing->tg_newslot);
	else
	{
		note_tables(plan);
		capture_row(plan, firing->tg_trigslot, TRIGGER_FIRED_BY_INSERT(firing->tg_event) ? 1 : -1);
	}
	PG_RETURN_POINTER(NULL);
}
