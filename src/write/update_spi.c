/*-------------------------------------------------------------------------
 *
 * update_spi.c
 *		Filling a column of rows with UPDATE, of any table that it can find by tid.
 *
 * One statement locks the rows of a batch that nobody else has locked, and fills
 * those.  The batch is an ephemeral named relation, as in the lane that inserts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/sql.h"
#include "write/update_lanes.h"

#define BATCH_RELATION "pollseed_update"

struct SpiUpdate
{
	const UpdateJob		 *job;
	char				 *sql;	/* what was prepared, or NULL */
	SPIPlanPtr			  plan; /* or NULL */
	MemoryContext		  context;
	MemoryContextCallback callback;
};

/* Lets go of the plan. */
static void
free_plan(void *arg)
{
	SpiUpdate *lane = arg;

	if (lane->plan != NULL)
		SPI_freeplan(lane->plan);
	lane->plan = NULL;
}

SpiUpdate *
spi_update_make(const UpdateJob *job)
{
	SpiUpdate *lane = palloc0_object(SpiUpdate);

	lane->job = job;
	lane->context = CurrentMemoryContext;
	lane->callback.func = free_plan;
	lane->callback.arg = lane;
	MemoryContextRegisterResetCallback(lane->context, &lane->callback);
	return lane;
}

/*
 * Builds the statement that fills a batch.  A row that another transaction moved
 * is found and locked at its new place, where the UPDATE does not see it yet.
 * IS NOT DISTINCT FROM, for a row of NULLs is a value, though it IS NULL.
 */
static char *
update_statement(const UpdateJob *job)
{
	const char *table = relation_quoted_name(job->rel);
	const char *column = quote_identifier(
		NameStr(TupleDescAttr(RelationGetDescr(job->rel), job->attnum - 1)->attname));

	return psprintf("WITH locked AS MATERIALIZED ("
					" SELECT t.ctid AS tid, b.value FROM " BATCH_RELATION " AS b JOIN ONLY %s AS t"
					" ON t.ctid OPERATOR(pg_catalog.=) b.tid WHERE t.%s IS NOT DISTINCT FROM NULL"
					" FOR %s OF t SKIP LOCKED)"
					" UPDATE ONLY %s AS t SET %s = l.value FROM locked AS l"
					" WHERE t.ctid OPERATOR(pg_catalog.=) l.tid AND t.%s IS NOT DISTINCT FROM NULL"
					" RETURNING l.tid, t.%s IS DISTINCT FROM NULL",
					table, column, job->changes_key ? "UPDATE" : "NO KEY UPDATE", table, column,
					column, column);
}

/*
 * Has the statement planned, if it is not, without a scan of the whole table.
 * The settings must not hold while it runs, for triggers plan statements too.
 */
static void
plan_statement(SpiUpdate *lane)
{
	int			level = NewGUCNestLevel();
	CachedPlan *plan;

	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("enable_tidscan", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	plan = SPI_plan_get_cached_plan(lane->plan);
	if (plan != NULL)
		ReleaseCachedPlan(plan, CurrentResourceOwner);
	AtEOXact_GUC(false, level);
}

/* Prepares the statement, unless that of an earlier batch still says the same. */
static void
prepare_statement(SpiUpdate *lane)
{
	char *sql = update_statement(lane->job);

	if (lane->sql == NULL || strcmp(lane->sql, sql) != 0)
	{
		SPIPlanPtr plan = sql_prepare_kept(sql, 0, NULL, 0);

		free_plan(lane);
		lane->sql = MemoryContextStrdup(lane->context, sql);
		lane->plan = plan;
	}
	plan_statement(lane);
}

/* Puts the rows of a batch where the statement finds them. */
static Tuplestorestate *
store_rows(const UpdateJob *job, UpdateRow *rows, int nrows)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);

	for (int i = 0; i < nrows; i++)
	{
		Datum values[2] = {PointerGetDatum(&rows[i].tid), rows[i].value};
		bool  nulls[2] = {false, false};

		tuplestore_putvalues(store, job->source, values, nulls);
	}
	return store;
}

/* Compares rows by their tids. */
static int
compare_rows(const void *a, const void *b)
{
	return ItemPointerCompare(&((UpdateRow *) unconstify(void *, a))->tid,
							  &((UpdateRow *) unconstify(void *, b))->tid);
}

/* Notes which rows the statement says it filled, and returns how many. */
static int64
note_filled(UpdateRow *rows, int nrows, int64 returned)
{
	int64 filled = 0;

	for (int64 i = 0; i < returned; i++)
	{
		UpdateRow  key = {0};
		UpdateRow *row;

		/* A trigger may have taken the value away again. */
		if (!DatumGetBool(sql_value_not_null(i, 2)))
			continue;
		key.tid = *(ItemPointer) DatumGetPointer(sql_value_not_null(i, 1));
		row = bsearch(&key, rows, nrows, sizeof(UpdateRow), compare_rows);
		if (row == NULL)
			elog(ERROR, "filled a row that was not asked for");
		row->filled = true;
		filled++;
	}
	return filled;
}

int64
spi_update_write(SpiUpdate *lane, UpdateRow *rows, int nrows)
{
	const UpdateJob		  *job = lane->job;
	EphemeralNamedRelation batch;
	int64				   filled;

	/* Of one row, so that the planner has each looked up by its tid. */
	batch = sql_register_relation(BATCH_RELATION, job->source, 1);
	batch->reldata = store_rows(job, rows, nrows);

	prepare_statement(lane);
	filled = note_filled(rows, nrows, sql_execute_plan(lane->plan, NULL, NULL));
	SPI_freetuptable(SPI_tuptable);
	tuplestore_end(batch->reldata);
	sql_unregister_relation(batch);
	return filled;
}
