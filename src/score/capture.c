/*-------------------------------------------------------------------------
 *
 * capture.c
 *		The trigger function that puts the keys that a statement changed into a
 *		score's queue.
 *
 * It is written in the transaction of the change, so that the one is visible where
 * the other is.  An update adds to both of its transition tables at once, the row as
 * it was and as it is: so they are read in lock step, and a row none of whose columns
 * that matter has changed is left out.  Only a row that an update moved to another
 * partition and a trigger there swallowed is in the first table alone; then the two
 * have not as many rows, and the keys of both are taken.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/definer.h"
#include "score/capture.h"
#include "score/capture_keys.h"
#include "score/capture_merge.h"
#include "score/capture_plan.h"
#include "score/queue_writer.h"

POLLSEED_FUNCTION(pollseed_score_capture);

/* What so many rows take is not freed until the trigger ends. */
#define FEW_ROWS 8

/* A statement's, or a row's, changes. */
typedef struct Capture
{
	const CapturePlan *plan;
	TupleDesc		   desc;
	bool			   everything; /* all keys are dirty: nothing more need be read */
	CapturedKeys	   keys;
	MemoryContext	   row_context; /* reset before each row, if there are many */
} Capture;

/* Tells whether a trigger has the transition tables that it reads. */
static bool
has_tables(const TriggerData *firing)
{
	TriggerEvent event = firing->tg_event;

	return (TRIGGER_FIRED_BY_INSERT(event) || TRIGGER_FIRED_BY_TRUNCATE(event) ||
			firing->tg_oldtable != NULL) &&
		   (TRIGGER_FIRED_BY_DELETE(event) || TRIGGER_FIRED_BY_TRUNCATE(event) ||
			firing->tg_newtable != NULL);
}

/*
 * Raises 39P01 unless the function is called as triggers_install() has it; tells
 * whether there is something to capture.  There is not before an update: see capture_merge.c.
 */
static bool
check_call(FunctionCallInfo fcinfo)
{
	const TriggerData *firing = (const TriggerData *) fcinfo->context;

	if (CALLED_AS_TRIGGER(fcinfo))
	{
		TriggerEvent event = firing->tg_event;

		if (TRIGGER_FIRED_AFTER(event) && (TRIGGER_FIRED_FOR_ROW(event) || has_tables(firing)))
			return true;
		if (TRIGGER_FIRED_BEFORE(event) && TRIGGER_FIRED_FOR_STATEMENT(event) &&
			TRIGGER_FIRED_BY_UPDATE(event))
			return false;
	}
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
					errmsg("score_capture() must be called as a trigger of a score"),
					errhint("Capture triggers are made by pollseed_score_create().")));
}

/* Returns how many rows there are to look at. */
static int64
count_rows(const TriggerData *firing)
{
	int64 count = 0;

	if (TRIGGER_FIRED_FOR_ROW(firing->tg_event) || TRIGGER_FIRED_BY_TRUNCATE(firing->tg_event))
		return 1;
	if (firing->tg_oldtable != NULL)
		count += tuplestore_tuple_count(firing->tg_oldtable);
	if (firing->tg_newtable != NULL)
		count += tuplestore_tuple_count(firing->tg_newtable);
	return count;
}

/*
 * Tells whether two values of variable length are the same when detoasted.  That is
 * done only where it must be: not for one that was kept where it is, nor where the
 * lengths are not the same.
 */
static bool
same_varlena(Datum a, Datum b)
{
	Size size = VARSIZE_ANY(DatumGetPointer(a));

	if (size == VARSIZE_ANY(DatumGetPointer(b)) &&
		memcmp(DatumGetPointer(a), DatumGetPointer(b), size) == 0)
		return true;
	return toast_raw_datum_size(a) == toast_raw_datum_size(b) && datum_image_eq(a, b, false, -1);
}

/* Tells whether a column is the same in two rows that were deformed so far. */
static inline bool
same_column(TupleDesc desc, AttrNumber attnum, const TupleTableSlot *a, const TupleTableSlot *b)
{
	int	  i = attnum - 1;
	Datum value = a->tts_values[i];

	if (a->tts_isnull[i] || b->tts_isnull[i])
		return a->tts_isnull[i] && b->tts_isnull[i];
	if (TupleDescAttr(desc, i)->attlen == -1)
		return same_varlena(value, b->tts_values[i]);
	if (TupleDescAttr(desc, i)->attbyval)
		return value == b->tts_values[i];
	return datum_image_eq(value, b->tts_values[i], false, TupleDescAttr(desc, i)->attlen);
}

/* Tells whether the key is the same. */
static bool
same_key(const Capture *capture, const TupleTableSlot *a, const TupleTableSlot *b)
{
	const CapturePlan *plan = capture->plan;

	for (int i = 0; i < plan->nkeys; i++)
	{
		if (!same_column(capture->desc, plan->keys[i].attnum, a, b))
			return false;
	}
	return true;
}

/* Tells whether all columns that matter are the same. */
static bool
same_row(const Capture *capture, const TupleTableSlot *a, const TupleTableSlot *b)
{
	const CapturePlan *plan = capture->plan;
	int				   count = plan->all_columns ? capture->desc->natts : plan->ncolumns;

	for (int i = 0; i < count; i++)
	{
		AttrNumber attnum = plan->all_columns ? i + 1 : plan->columns[i];

		if (!TupleDescAttr(capture->desc, attnum - 1)->attisdropped &&
			!same_column(capture->desc, attnum, a, b))
			return false;
	}
	return true;
}

/* Enters the context for what one row needs, and returns the caller's. */
static MemoryContext
begin_row(Capture *capture)
{
	if (capture->row_context == NULL)
		return CurrentMemoryContext;
	MemoryContextReset(capture->row_context);
	return MemoryContextSwitchTo(capture->row_context);
}

/*
 * Tells whether only some columns of a row's key are null, and a query is to say what keys it is
 * of: it may do so by the others, which the queue cannot hold without these.
 */
static bool
is_half_known(const CapturePlan *plan, const TupleTableSlot *slot)
{
	int nulls = 0;

	if (!plan->has_via)
		return false;
	for (int i = 0; i < plan->nkeys; i++)
		nulls += slot->tts_isnull[plan->keys[i].attnum - 1];
	return nulls > 0 && nulls < plan->nkeys;
}

/* Takes the key of a row. */
static void
capture_row(Capture *capture, TupleTableSlot *slot)
{
	MemoryContext old_context;

	if (capture->plan->everything)
	{
		capture->everything = true;
		return;
	}
	slot_getsomeattrs(slot, capture->plan->last_attnum);
	if (is_half_known(capture->plan, slot))
	{
		capture->everything = true;
		return;
	}
	old_context = begin_row(capture);
	captured_keys_add(&capture->keys, slot);
	MemoryContextSwitchTo(old_context);
}

/* Takes the keys of a row before and after an update, or the one that it kept, or none. */
static void
capture_update(Capture *capture, TupleTableSlot *before, TupleTableSlot *after)
{
	MemoryContext old_context;
	bool		  moved;
	bool		  changed;

	slot_getsomeattrs(before, capture->plan->last_attnum);
	slot_getsomeattrs(after, capture->plan->last_attnum);
	old_context = begin_row(capture);
	moved = !same_key(capture, before, after);
	changed = moved || !same_row(capture, before, after);
	MemoryContextSwitchTo(old_context);
	if (moved)
		capture_row(capture, before);
	if (changed)
		capture_row(capture, after);
}

/* Makes a slot for the rows of a transition table, which will be read from the beginning. */
static TupleTableSlot *
open_table(const Capture *capture, Tuplestorestate *table)
{
	tuplestore_select_read_pointer(table, 0);
	tuplestore_rescan(table);
	return MakeSingleTupleTableSlot(capture->desc, &TTSOpsMinimalTuple);
}

/* Takes the keys of all rows of a transition table. */
static void
capture_table(Capture *capture, Tuplestorestate *table)
{
	TupleTableSlot *slot = open_table(capture, table);

	while (!capture->everything && tuplestore_gettupleslot(table, true, false, slot))
	{
		CHECK_FOR_INTERRUPTS();
		capture_row(capture, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* Takes the keys of rows that are in two transition tables in the same order. */
static void
capture_tables(Capture *capture, Tuplestorestate *old_table, Tuplestorestate *new_table)
{
	TupleTableSlot *before = open_table(capture, old_table);
	TupleTableSlot *after = open_table(capture, new_table);

	while (!capture->everything && tuplestore_gettupleslot(old_table, true, false, before) &&
		   tuplestore_gettupleslot(new_table, true, false, after))
	{
		CHECK_FOR_INTERRUPTS();
		capture_update(capture, before, after);
	}
	ExecDropSingleTupleTableSlot(before);
	ExecDropSingleTupleTableSlot(after);
}

/* Takes the keys of a statement. */
static void
capture_statement(Capture *capture, const TriggerData *firing)
{
	Tuplestorestate *old_table = firing->tg_oldtable;
	Tuplestorestate *new_table = firing->tg_newtable;

	if (TRIGGER_FIRED_BY_TRUNCATE(firing->tg_event))
		capture->everything = true;
	else if (TRIGGER_FIRED_BY_INSERT(firing->tg_event))
		capture_table(capture, new_table);
	else if (TRIGGER_FIRED_BY_DELETE(firing->tg_event))
		capture_table(capture, old_table);
	else if (tuplestore_tuple_count(old_table) == tuplestore_tuple_count(new_table))
		capture_tables(capture, old_table, new_table);
	else
	{
		capture_table(capture, old_table);
		capture_table(capture, new_table);
	}
}

/* Has values written as text in the one way that refreshers expect, until the level ends. */
static int
fix_settings(void)
{
	int level = NewGUCNestLevel();

	definer_set("DateStyle", "ISO");
	definer_set("IntervalStyle", "iso_8601");
	definer_set("bytea_output", "hex");
	definer_set("extra_float_digits", "1");
	return level;
}

/* Takes the keys of what fired the trigger and writes them. */
static void
capture_firing(Capture *capture, const TriggerData *firing)
{
	int level = capture->plan->uses_settings ? fix_settings() : 0;

	captured_keys_init(&capture->keys, capture->plan);
	if (TRIGGER_FIRED_FOR_STATEMENT(firing->tg_event))
		capture_statement(capture, firing);
	else if (TRIGGER_FIRED_BY_UPDATE(firing->tg_event))
		capture_update(capture, firing->tg_trigslot, firing->tg_newslot);
	else
		capture_row(capture, firing->tg_trigslot);

	if (capture->plan->uses_settings)
		AtEOXact_GUC(true, level);
	if (capture->everything)
		queue_write_everything(capture->plan->queue, capture->plan->source_no);
	else
		captured_keys_write(&capture->keys);
}

/*
 * score_capture(): the trigger.  The server calls it in a context that it resets
 * afterwards, so that nothing need be freed but what each row takes.
 */
Datum
pollseed_score_capture(PG_FUNCTION_ARGS)
{
	TriggerData *firing = (TriggerData *) fcinfo->context;
	Capture		 capture = {0};
	int64		 rows;

	if (!check_call(fcinfo))
		PG_RETURN_POINTER(NULL);
	capture.everything =
		TRIGGER_FIRED_BY_UPDATE(firing->tg_event) && merge_may_have_moved(firing->tg_relation);
	rows = count_rows(firing);
	if (rows == 0 && !capture.everything)
		PG_RETURN_POINTER(NULL);
	capture.plan = capture_plan(firing);
	if (capture.plan == NULL)
		PG_RETURN_POINTER(NULL);

	capture.desc = RelationGetDescr(firing->tg_relation);
	if (rows > FEW_ROWS)
		capture.row_context = AllocSetContextCreate(CurrentMemoryContext, "pollseed captured row",
													ALLOCSET_SMALL_SIZES);
	capture_firing(&capture, firing);
	if (capture.row_context != NULL)
		MemoryContextDelete(capture.row_context);
	PG_RETURN_POINTER(NULL);
}

void
capture_all(Oid queue)
{
	queue_write_everything(queue, 0);
}
