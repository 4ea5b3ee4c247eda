/*-------------------------------------------------------------------------
 *
 * explain.c
 *		SQL function pollseed_score_explain().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/names.h"
#include "core/relation.h"
#include "core/sql.h"
#include "score/queue.h"
#include "score/refresh.h"

POLLSEED_FUNCTION(pollseed_score_explain);

/* Adds a row to the result; the plan may be NULL. */
static void
add_row(FunctionCallInfo fcinfo, const char *step, const char *detail, const char *plan)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		   values[] = {CStringGetTextDatum(step), CStringGetTextDatum(detail),
					   plan != NULL ? CStringGetTextDatum(plan) : (Datum) 0};
	bool		   nulls[] = {false, false, plan == NULL};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Returns how the server would run a statement now. */
static const char *
plan_of(const char *sql, int nargs, Datum *arrays)
{
	Oid			   types[MAX_SCORE_KEYS];
	StringInfoData plan;
	int64		   count;

	for (int i = 0; i < nargs; i++)
		types[i] = TEXTARRAYOID;
	count = sql_execute(psprintf("EXPLAIN %s", sql), nargs, types, arrays, NULL);
	initStringInfo(&plan);
	for (int64 i = 0; i < count; i++)
		appendStringInfo(&plan, "%s%s", i > 0 ? "\n" : "",
						 TextDatumGetCString(sql_value_not_null(i, 1)));
	return plan.data;
}

/* Adds what is captured of each source. */
static void
add_sources(FunctionCallInfo fcinfo, const Score *score)
{
	ListCell *cell;

	foreach(cell, score_sources(score))
	{
		const ScoreSource *source = lfirst(cell);
		const char		  *keys = source->key_columns == NIL
									  ? "any change makes all keys dirty"
									  : psprintf("keys by %s%s", names_quoted(source->key_columns),
											 source->via != NULL ? " via a query" : "");
		const char		  *columns = source->columns == NIL ? "all columns matter"
															: psprintf("columns that matter: %s",
																	   names_quoted(source->columns));

		add_row(fcinfo, psprintf("source %s", source->relation_name),
				psprintf("%s; %s", keys, columns), source->via);
	}
}

/* Adds what a refresh would do, and the plans of both ways. */
static void
add_choice(FunctionCallInfo fcinfo, const Score *score, const ScoreShape *shape)
{
	RefreshChoice choice = refresh_choose(score, REFRESH_AUTO, queue_count(score));
	Datum		  arrays[MAX_SCORE_KEYS];

	for (int i = 0; i < score->nkeys; i++)
		arrays[i] = PointerGetDatum(construct_empty_array(TEXTOID));
	add_row(fcinfo, "choice",
			psprintf("%s: %s", choice.mode == REFRESH_FULL ? "full" : "delta", choice.reason),
			NULL);
	add_row(fcinfo, "delta",
			psprintf("%.1f ms expected, %.4f ms a key", choice.delta_ms, score->delta_key_ms),
			plan_of(sql_diff_keys(shape), score->nkeys, arrays));
	add_row(fcinfo, "full",
			psprintf("%.1f ms expected%s", choice.full_ms,
					 score->full_is_measured ? "" : ", by what filling the table took"),
			plan_of(sql_diff_all(shape), 0, NULL));
}

/* pollseed_score_explain(name) */
Datum
pollseed_score_explain(PG_FUNCTION_ARGS)
{
	Score		  *score;
	Relation	   rel;
	ScoreShape	  *shape;
	DefinerSession session;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	score = score_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	score_check_usable(score);
	rel = relation_open_by_oid(score->relation, AccessShareLock);
	shape = score_shape(score, rel);
	session = score_enter(score);
	add_choice(fcinfo, score, shape);
	add_sources(fcinfo, score);
	definer_leave(&session);
	relation_close(rel, AccessShareLock);
	SPI_finish();
	return (Datum) 0;
}
