/*-------------------------------------------------------------------------
 *
 * diff.c
 *		What a score's view has otherwise than its table.
 *
 * The server compares; what it returns is counted, and only what differs is kept, on
 * disk where it is much.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "tcop/dest.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "score/diff.h"

/* Columns that statements which compare begin with. */
enum
{
	COLUMN_IN_VIEW = 1,
	COLUMN_IN_TABLE,
	COLUMN_DIFFERS
};

/* Takes the rows of such a statement. */
typedef struct DiffReceiver
{
	DestReceiver  base;
	Diff		 *diff;
	MemoryContext context; /* of the rows that are kept */
} DiffReceiver;

/* Begins to take rows. */
static void
diff_startup(DestReceiver *self, int operation pg_attribute_unused(), TupleDesc desc)
{
	DiffReceiver *receiver = (DiffReceiver *) self;
	MemoryContext old_context = MemoryContextSwitchTo(receiver->context);

	receiver->diff->desc = CreateTupleDescCopy(desc);
	receiver->diff->changes = tuplestore_begin_heap(true, false, work_mem);
	MemoryContextSwitchTo(old_context);
}

/* Returns one of the columns that say how a row differs. */
static bool
flag(TupleTableSlot *slot, int column)
{
	bool  isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	return !isnull && DatumGetBool(value);
}

/* Takes a row. */
static bool
diff_receive(TupleTableSlot *slot, DestReceiver *self)
{
	DiffReceiver *receiver = (DiffReceiver *) self;
	Diff		 *diff = receiver->diff;
	bool		  in_view = flag(slot, COLUMN_IN_VIEW);
	bool		  in_table = flag(slot, COLUMN_IN_TABLE);

	diff->keys++;
	if (!flag(slot, COLUMN_DIFFERS))
	{
		diff->unchanged += in_view;
		return true;
	}
	diff->inserted += in_view && !in_table;
	diff->updated += in_view && in_table;
	diff->deleted += !in_view;
	tuplestore_puttupleslot(diff->changes, slot);
	return true;
}

/* Takes no more rows. */
static void
diff_shutdown(DestReceiver *self pg_attribute_unused())
{
}

/* Frees nothing: the receiver is on its caller's stack. */
static void
diff_destroy(DestReceiver *self pg_attribute_unused())
{
}

/* The plan by which keys of a score are compared. */
typedef struct KeptPlan
{
	int64	   score_id;
	char	  *sql;
	SPIPlanPtr plan;
} KeptPlan;

/* Returns the plan of the statement that compares keys of a score, which is kept for the rest of the session. */
static SPIPlanPtr
kept_plan(int64 score_id, const char *sql, int nargs)
{
	static HTAB *plans = NULL;
	KeptPlan	*kept;
	bool		 found;
	Oid			 types[MAX_SCORE_KEYS];
	SPIPlanPtr	 plan;

	if (plans == NULL)
	{
		HASHCTL control = {.keysize = sizeof(int64), .entrysize = sizeof(KeptPlan)};

		plans = hash_create("pollseed score plans", 16, &control, HASH_ELEM | HASH_BLOBS);
	}
	kept = hash_search(plans, &score_id, HASH_FIND, NULL);
	if (kept != NULL && strcmp(kept->sql, sql) == 0)
		return kept->plan;

	for (int i = 0; i < nargs; i++)
		types[i] = TEXTARRAYOID;

	/* Planning anew for each refresh would take longer than a few keys. */
	plan = sql_prepare_kept(sql, nargs, types, CURSOR_OPT_GENERIC_PLAN);
	kept = hash_search(plans, &score_id, HASH_ENTER, &found);
	if (found)
	{
		SPI_freeplan(kept->plan);
		pfree(kept->sql);
	}
	kept->plan = plan;
	kept->sql = MemoryContextStrdup(CacheMemoryContext, sql);
	return plan;
}

/* Runs a statement that compares; keys of a score by a plan that is kept. */
static Diff *
compare(int64 score_id, const char *sql, int nargs, Datum *arrays)
{
	Diff			 *diff = palloc0_object(Diff);
	ParamListInfo	  params = makeParamList(nargs);
	SPIExecuteOptions options = {.params = params};
	DiffReceiver	  receiver = {.base = {.receiveSlot = diff_receive,
										   .rStartup = diff_startup,
										   .rShutdown = diff_shutdown,
										   .rDestroy = diff_destroy,
										   .mydest = DestNone},
								  .diff = diff,
								  .context = CurrentMemoryContext};
	instr_time		  start;
	int				  result;

	for (int i = 0; i < nargs; i++)
		params->params[i] = (ParamExternData){
			.value = arrays[i], .pflags = PARAM_FLAG_CONST, .ptype = TEXTARRAYOID};
	options.dest = &receiver.base;
	INSTR_TIME_SET_CURRENT(start);
	if (nargs > 0)
		result = SPI_execute_plan_extended(kept_plan(score_id, sql, nargs), &options);
	else
		result = SPI_execute_extended(sql, &options);
	if (result < 0)
		elog(ERROR, "could not compare: %s", SPI_result_code_string(result));
	diff->time_ms = milliseconds_since(start);
	return diff;
}

Diff *
diff_keys(const ScoreShape *shape, Datum *arrays)
{
	return compare(shape->score->id, sql_diff_keys(shape), shape->score->nkeys, arrays);
}

Diff *
diff_all(const ScoreShape *shape)
{
	return compare(shape->score->id, sql_diff_all(shape), 0, NULL);
}

/* Runs a statement over the rows that differ, and raises an error unless it writes so many. */
static void
apply(const ScoreShape *shape, Diff *diff, const char *sql, int64 expected)
{
	if (expected == 0)
		return;
	tuplestore_rescan(diff->changes);
	if (sql_execute(sql, 0, NULL, NULL, NULL) != expected)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("could not make score %s what its view is", shape->score->name),
				 errdetail("Either view %s has more than one row with the same key, or table %s "
						   "was written to by somebody else than a refresh, or has triggers or "
						   "rules that drop rows.",
						   shape->score->definition_name, shape->score->name)));
}

void
diff_apply(const ScoreShape *shape, Diff *diff)
{
	int64				   total = diff->deleted + diff->updated + diff->inserted;
	EphemeralNamedRelation relation;

	if (total == 0)
		return;
	relation = sql_register_relation(CHANGES, diff->desc, (double) total);
	relation->reldata = diff->changes;
	apply(shape, diff, sql_delete_changes(shape), diff->deleted);
	apply(shape, diff, sql_update_changes(shape), diff->updated);
	apply(shape, diff, sql_insert_changes(shape), diff->inserted);
	sql_unregister_relation(relation);
}

void
diff_free(Diff *diff)
{
	if (diff->changes != NULL)
		tuplestore_end(diff->changes);
	if (diff->desc != NULL)
		FreeTupleDesc(diff->desc);
	pfree(diff);
}
