/*-------------------------------------------------------------------------
 *
 * call.c
 *		SQL functions that refresh, verify, pause and resume a score.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/relation.h"
#include "core/sql.h"
#include "score/check.h"
#include "score/refresh.h"

POLLSEED_FUNCTION(pollseed_score_refresh);
POLLSEED_FUNCTION(pollseed_score_verify);
POLLSEED_FUNCTION(pollseed_score_pause);
POLLSEED_FUNCTION(pollseed_score_resume);

/* Makes the row of figures of a refresh; what remains is null where all keys are dirty. */
static Datum
refresh_row(FunctionCallInfo fcinfo, const RefreshFigures *figures)
{
	Datum values[8];
	bool  nulls[lengthof(values)] = {false};

	values[0] = CStringGetTextDatum(figures->mode);
	values[1] = Int64GetDatum(figures->keys);
	values[2] = Int64GetDatum(figures->inserted);
	values[3] = Int64GetDatum(figures->updated);
	values[4] = Int64GetDatum(figures->deleted);
	values[5] = Int64GetDatum(figures->unchanged);
	values[6] = Float8GetDatum(figures->time_ms);
	values[7] = Int64GetDatum(figures->remaining);
	nulls[7] = figures->remaining < 0;
	return figures_row(fcinfo, values, nulls);
}

/* pollseed_score_refresh(name, mode) */
Datum
pollseed_score_refresh(PG_FUNCTION_ARGS)
{
	RefreshFigures figures;
	RefreshMode	   mode;
	const char	  *name;

	PreventCommandIfReadOnly("pollseed_score_refresh()");
	name = text_argument(fcinfo, 0, "name");
	mode = PG_ARGISNULL(1) ? REFRESH_AUTO : refresh_mode(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	SPI_connect();
	figures = score_refresh(score_read(name)->id, mode, 0);
	SPI_finish();
	PG_RETURN_DATUM(refresh_row(fcinfo, &figures));
}

/* pollseed_score_verify(name) */
Datum
pollseed_score_verify(PG_FUNCTION_ARGS)
{
	Score		  *score;
	Relation	   rel;
	ScoreShape	  *shape;
	DefinerSession session;
	Datum		   values[3];

	SPI_connect();
	score = score_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	score_check_usable(score);
	rel = relation_open_by_oid(score->relation, AccessShareLock);
	shape = score_shape(score, rel);
	session = score_enter(score);
	sql_execute(sql_verify(shape), 0, NULL, NULL, NULL);
	for (size_t i = 0; i < lengthof(values); i++)
		values[i] = sql_value_not_null(0, (int) i + 1);
	definer_leave(&session);
	relation_close(rel, AccessShareLock);
	SPI_finish();
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}

/* Pauses or resumes a score; returns whether that changed anything. */
static bool
set_paused(FunctionCallInfo fcinfo, bool paused)
{
	Score *score;
	bool   changed;

	SPI_connect();
	score = score_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	changed = score->paused != paused;
	if (changed)
		score_update(score->id, paused ? "paused = true" : "paused = false", NULL);
	SPI_finish();
	return changed;
}

/* pollseed_score_pause(name) */
Datum
pollseed_score_pause(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("pollseed_score_pause()");
	PG_RETURN_BOOL(set_paused(fcinfo, true));
}

/* pollseed_score_resume(name) */
Datum
pollseed_score_resume(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("pollseed_score_resume()");
	PG_RETURN_BOOL(set_paused(fcinfo, false));
}
