/*-------------------------------------------------------------------------
 *
 * explain.c
 *		SQL function pollseed_backfill_explain(): the statements of a batch, and how
 *		the server would do them now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/sql.h"
#include "backfill/batch.h"
#include "backfill/keys.h"
#include "backfill/parts.h"
#include "backfill/statements.h"

POLLSEED_FUNCTION(pollseed_backfill_explain);

/* What the statements of one table are explained with. */
typedef struct Explanation
{
	ReturnSetInfo *result;
	BackfillTable *table;
	Relation	   rel;
	const char	  *relation;
} Explanation;

/* A line of a plan shows so many bytes: a batch's keys would fill pages. */
#define MAX_LINE 200

/* Returns the lines of the last result, an EXPLAIN's, as one text. */
static Datum
plan_of_result(void)
{
	StringInfoData plan;

	initStringInfo(&plan);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char *line = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1);
		int	  length = (int) strlen(line);
		int	  shown = pg_mbcliplen(line, length, MAX_LINE);

		appendStringInfo(&plan, "%s%.*s%s", row > 0 ? "\n" : "", shown, line,
						 shown < length ? " ..." : "");
	}
	return CStringGetTextDatum(plan.data);
}

/* Puts a statement into the result, with its plan for the given parameters. */
static void
put_statement(const Explanation *explanation, const char *step, const char *sql, int nargs,
			  Oid *types, Datum *values)
{
	Datum row[4];
	bool  nulls[lengthof(row)] = {0};

	(void) sql_execute(psprintf("EXPLAIN (COSTS OFF) %s", sql), nargs, types, values, NULL);
	row[0] = CStringGetTextDatum(explanation->relation);
	row[1] = CStringGetTextDatum(step);
	row[2] = CStringGetTextDatum(sql);
	row[3] = plan_of_result();
	tuplestore_putvalues(explanation->result->setResult, explanation->result->setDesc, row, nulls);
}

/* Explains how rows are found by blocks, in the first visit to the first ones, and returns some rows. */
static BatchRows
explain_blocks(const Explanation *explanation)
{
	Oid				types[] = {TIDOID, TIDOID, INT8OID, INT4ARRAYOID};
	ItemPointerData after;
	ItemPointerData before;
	Datum			values[] = {PointerGetDatum(&after), PointerGetDatum(&before),
								Int64GetDatum(explanation->table->backfill->batch_size), visit_classes(0)};
	int				level;

	ItemPointerSet(&after, 0, InvalidOffsetNumber);
	ItemPointerSet(&before, Min(RelationGetNumberOfBlocks(explanation->rel), 32),
				   InvalidOffsetNumber);
	level = begin_reading_by_place();
	put_statement(explanation, "find", sql_pick_blocks(explanation->table, true), 4, types, values);
	AtEOXact_GUC(true, level);

	ItemPointerSet(&before, RelationGetNumberOfBlocks(explanation->rel), InvalidOffsetNumber);
	(void) sql_execute(sql_pick_blocks(explanation->table, false), 3, types, values, NULL);
	return batch_rows_of_result(explanation->table, true);
}

/* Explains how rows are found by their keys, after the first one, and returns the first ones. */
static BatchRows
explain_keys(const Explanation *explanation)
{
	const BackfillTable *table = explanation->table;
	Oid					 types[MAX_KEY_COLUMNS + 1];
	Datum				 values[lengthof(types)];
	int					 nargs = table_key_types(table, 1, types);
	Oid					 limit_type = INT8OID;
	Datum				 limit = Int64GetDatum(table->backfill->batch_size);
	BatchRows			 rows;
	int					 level;

	(void) sql_execute(sql_pick_keys(table, LOWER_NONE, false), 1, &limit_type, &limit, NULL);
	rows = batch_rows_of_result(table, !table->keys_only);
	if (rows.count == 0)
		return rows;
	memcpy(values, rows.keys, sizeof(Datum) * table->nkeys);
	types[nargs] = INT8OID;
	values[nargs] = limit;
	level = begin_reading_in_order();
	put_statement(explanation, "find", sql_pick_keys(table, LOWER_AFTER, false), nargs + 1, types,
				  values);
	AtEOXact_GUC(true, level);
	return rows;
}

/* Explains how the rows' values are found. */
static void
explain_values(const Explanation *explanation, const BatchRows *rows)
{
	BackfillTable *table = explanation->table;
	Oid			   types[MAX_KEY_COLUMNS + 1];
	Datum		   values[lengthof(types)];
	int			   nargs = table_key_array_types(table, types);

	key_arrays(table, rows->count, rows->keys, values);
	if (rows->tids != NULL)
	{
		types[nargs] = TIDARRAYOID;
		values[nargs] = tid_array(rows->count, rows->tids);
		put_statement(explanation, "values", sql_resolve_tids(table), nargs + 1, types, values);
	}
	else
		put_statement(explanation, "values", sql_resolve_keys(table), nargs, types, values);
}

/* Explains the statements for one table. */
static void
explain_table(Explanation *explanation)
{
	StrategyChoice choice = choose_strategy(explanation->table, explanation->rel);
	BatchRows rows = choice.by_blocks ? explain_blocks(explanation) : explain_keys(explanation);

	if (rows.count > 0)
		explain_values(explanation, &rows);
	put_statement(explanation, "sweep", sql_collect(explanation->table, false), 0, NULL, NULL);
}

/* pollseed_backfill_explain(name) */
Datum
pollseed_backfill_explain(PG_FUNCTION_ARGS)
{
	Backfill	  *backfill;
	DefinerSession session;
	ListCell	  *cell;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	backfill = backfill_read(text_to_cstring(PG_GETARG_TEXT_PP(0)), false, CurrentMemoryContext);
	backfill_check_relation(backfill);
	session = backfill_enter(backfill);
	foreach(cell, backfill_relations(backfill->relation))
	{
		Explanation explanation = {.result = (ReturnSetInfo *) fcinfo->resultinfo};

		explanation.rel = backfill_table_open(lfirst_oid(cell));
		if (explanation.rel == NULL)
			continue;
		explanation.table = backfill_table_make(backfill, explanation.rel, CurrentMemoryContext);
		explanation.relation = relation_quoted_name(explanation.rel);
		explain_table(&explanation);
		backfill_table_free(explanation.table);
		relation_close(explanation.rel, NoLock);
	}
	definer_leave(&session);
	SPI_finish();
	PG_RETURN_VOID();
}
