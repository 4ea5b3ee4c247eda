/*-------------------------------------------------------------------------
 *
 * refresh.c
 *		Bringing a score up to date.
 *
 * First the refresher's lock is taken, then rows of the queue are removed, then their
 * keys are recomputed, each in a statement and so a snapshot of its own.  The order
 * is what makes it exact: whoever changed something before the snapshot of the
 * recomputation is in it, and whoever changed something after the snapshot of the
 * removal still has his row in the queue.  A refresher before us has committed when we get
 * the lock, so no row is overwritten by an older state.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "core/advisory.h"
#include "core/compat.h"
#include "core/figures.h"
#include "core/progress.h"
#include "core/relation.h"
#include "core/sql.h"
#include "score/check.h"
#include "score/diff.h"
#include "score/queue.h"
#include "score/refresh.h"
#include "score/statements.h"

/* Keys of the queue that are recomputed at once. */
#define CHUNK_KEYS 5000

/* A refresh of fewer keys says more of what comes once than of what a key costs. */
#define MIN_KEYS_TO_LEARN 100

/* What a key costs is first measured with so many. */
#define SAMPLE_KEYS 1000

/* How much of what a refresh took goes into what the next is expected to take. */
#define LEARNING_RATE 0.3

/* Another way than the last one must be cheaper by this factor to be chosen. */
#define HYSTERESIS 1.25

RefreshMode
refresh_mode(const char *name)
{
	static const char *const names[] = {
		[REFRESH_AUTO] = "auto", [REFRESH_DELTA] = "delta", [REFRESH_FULL] = "full"};

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return (RefreshMode) i;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unrecognized refresh mode \"%s\"", name),
					errhint("Available modes: auto, delta, full.")));
}

RefreshChoice
refresh_choose(const Score *score, RefreshMode mode, int64 dirty)
{
	RefreshChoice choice = {.mode = REFRESH_DELTA, .dirty = dirty, .full_ms = score->full_ms};
	bool		  was_full = score->last_mode != NULL && strcmp(score->last_mode, "full") == 0;

	choice.delta_ms = dirty < 0 ? score->full_ms : (double) dirty * score->delta_key_ms;
	if (dirty < 0)
	{
		choice.mode = REFRESH_FULL;
		choice.reason = "all keys are dirty";
	}
	else if (mode != REFRESH_AUTO)
	{
		choice.mode = mode;
		choice.reason = "asked for";
	}
	else
	{
		if (choice.delta_ms > choice.full_ms * (was_full ? 1 / HYSTERESIS : HYSTERESIS))
			choice.mode = REFRESH_FULL;
		choice.reason =
			psprintf(INT64_FORMAT " keys at %.3f ms are %.1f ms, a full refresh is %.0f ms%s",
					 dirty, score->delta_key_ms, choice.delta_ms, choice.full_ms,
					 score->full_is_measured ? "" : " by what filling the table took");
	}
	return choice;
}

/* A refresh that is going on. */
typedef struct Refresh
{
	Score		  *score;
	ScoreShape	  *shape;
	List		  *sources;
	RefreshChoice  choice;
	RefreshFigures figures;
} Refresh;

/* Applies what differs to the table, and adds it to the figures. */
static void
apply(Refresh *refresh, Diff *diff)
{
	RefreshFigures *figures = &refresh->figures;

	figures->keys += diff->keys;
	figures->unchanged += diff->unchanged;
	figures->inserted += diff->inserted;
	figures->updated += diff->updated;
	figures->deleted += diff->deleted;
	diff_apply(refresh->shape, diff);
}

/* Returns the source that has a number; NULL where there is none any more. */
static const ScoreSource *
find_source(const Refresh *refresh, int source_no)
{
	ListCell *cell;

	foreach(cell, refresh->sources)
	{
		const ScoreSource *source = lfirst(cell);

		if (source->no == source_no)
			return source;
	}
	return NULL;
}

/* Appends the score's keys that a source's query finds for changed keys to arrays. */
static void
append_found(const Refresh *refresh, const ScoreSource *source, const QueuedKeys *keys,
			 ArrayBuildState **states)
{
	Oid	  types[MAX_SCORE_KEYS];
	Datum arrays[MAX_SCORE_KEYS];
	int	  nargs = list_length(source->key_columns);
	int64 count;

	for (int i = 0; i < nargs; i++)
	{
		types[i] = TEXTARRAYOID;
		arrays[i] = keys->arrays[i];
	}
	count = sql_execute(sql_expand(refresh->shape, source), nargs, types, arrays, NULL);
	for (int64 row = 0; row < count; row++)
	{
		for (int i = 0; i < refresh->score->nkeys; i++)
		{
			bool  isnull;
			Datum value = sql_value(row, i + 1, &isnull);

			states[i] = accumArrayResult(states[i], value, isnull, TEXTOID, CurrentMemoryContext);
		}
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Appends the score's keys that changed keys of a source are of to arrays; returns false
 * where the keys are not whole, as only somebody else can have written them.
 */
static bool
append_keys(const Refresh *refresh, const QueuedKeys *keys, ArrayBuildState **states)
{
	const ScoreSource *source = find_source(refresh, keys->source_no);
	int				   nkeys;

	if (source == NULL)
		return true;
	nkeys = source->via != NULL ? list_length(source->key_columns) : refresh->score->nkeys;
	for (int i = 0; i < nkeys; i++)
	{
		if (keys->arrays[i] == (Datum) 0)
			return false;
	}
	if (source->via != NULL)
		append_found(refresh, source, keys, states);
	else
	{
		for (int i = 0; i < nkeys; i++)
			(void) keys_append(&states[i], keys->arrays[i]);
	}
	return true;
}

/* Recomputes keys that were taken from the queue; returns false where it cannot be told which they are. */
static bool
recompute(Refresh *refresh, const QueueBatch *batch)
{
	ArrayBuildState *states[MAX_SCORE_KEYS] = {NULL};
	Datum			 arrays[MAX_SCORE_KEYS];
	ListCell		*cell;
	Diff			*diff;

	foreach(cell, batch->keys)
	{
		if (!append_keys(refresh, lfirst(cell), states))
			return false;
	}
	if (states[0] == NULL)
		return true;
	for (int i = 0; i < refresh->score->nkeys; i++)
		arrays[i] = makeArrayResult(states[i], CurrentMemoryContext);
	diff = diff_keys(refresh->shape, arrays);
	apply(refresh, diff);
	diff_free(diff);
	return true;
}

/* Recomputes all keys. */
static void
refresh_all(Refresh *refresh)
{
	Diff *diff;

	refresh->figures.mode = "full";
	refresh->choice.mode = REFRESH_FULL;
	(void) queue_clear(refresh->score);

	/* What the keys before were found to have, is found again. */
	progress_phase("comparing", 0, -1);
	diff = diff_all(refresh->shape);
	progress_phase("writing", 0, diff->inserted + diff->updated + diff->deleted);
	refresh->figures.keys = 0;
	refresh->figures.unchanged = 0;
	apply(refresh, diff);
	diff_free(diff);
}

/* Tells whether the keys that were recomputed so far should rather have been all, and more are left. */
static bool
is_dearer_than_all(Refresh *refresh)
{
	const Score *score = refresh->score;

	if ((double) refresh->figures.keys * score->delta_key_ms <= score->full_ms * HYSTERESIS ||
		queue_count(score) == 0)
		return false;
	refresh->choice.reason = psprintf("the changes are of more than " INT64_FORMAT
									  " keys, and a full refresh is %.0f ms",
									  refresh->figures.keys, score->full_ms);
	return true;
}

/*
 * Recomputes what is in the queue, chunk by chunk.  Keys that one change stands for are known
 * only then: where they turn out to be so many that all are cheaper, all are recomputed.
 */
static void
refresh_keys(Refresh *refresh, int64 limit, bool may_turn)
{
	QueueScan scan = queue_open(refresh->score);
	int64	  left = limit == 0 ? PG_INT64_MAX : limit;
	bool	  all = false;

	refresh->figures.mode = "delta";
	while (left > 0 && !all)
	{
		QueueBatch batch;

		/* What a chunk needs is freed with this connection. */
		SPI_connect();
		CHECK_FOR_INTERRUPTS();
		batch = queue_take(&scan, Min(left, CHUNK_KEYS));
		all = batch.everything || (batch.count > 0 && !recompute(refresh, &batch));
		SPI_finish();
		if (batch.rows == 0)
			break;
		progress_advance(batch.count);
		left -= batch.count;
		all = all || (may_turn && is_dearer_than_all(refresh));
	}
	queue_close(&scan);
	if (all)
		refresh_all(refresh);
}

/* Keeps in the score's row what was done and what it took. */
static void
keep_figures(Refresh *refresh)
{
	const RefreshFigures *figures = &refresh->figures;
	const Score			 *score = refresh->score;
	bool				  full = refresh->choice.mode == REFRESH_FULL;
	double				  key_ms = score->delta_key_ms;
	double				  full_ms = score->full_ms;
	Oid	  types[] = {INT8OID,	TEXTOID,   TEXTOID,	  INT8OID,	 INT8OID,	INT8OID, INT8OID,
					 FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, BOOLOID};
	Datum values[lengthof(types)];

	if (full)
		full_ms = score->full_is_measured ? full_ms + LEARNING_RATE * (figures->time_ms - full_ms)
										  : figures->time_ms;
	else if (figures->keys >= MIN_KEYS_TO_LEARN)
		key_ms += LEARNING_RATE * (figures->time_ms / (double) figures->keys - key_ms);

	values[0] = Int64GetDatum(score->id);
	values[1] = CStringGetTextDatum(figures->mode);
	values[2] = CStringGetTextDatum(refresh->choice.reason);
	values[3] = Int64GetDatum(figures->keys);
	values[4] = Int64GetDatum(figures->inserted);
	values[5] = Int64GetDatum(figures->updated);
	values[6] = Int64GetDatum(figures->deleted);
	values[7] = Float8GetDatum(figures->time_ms);
	values[8] = Float8GetDatum(refresh->choice.delta_ms);
	values[9] = Float8GetDatum(refresh->choice.full_ms);
	values[10] = Float8GetDatum(key_ms);
	values[11] = Float8GetDatum(full_ms);
	values[12] = BoolGetDatum(full || score->full_is_measured);
	(void) sql_execute_own(
		"UPDATE pollseed.scores AS s SET refreshes = s.refreshes OPERATOR(pg_catalog.+) 1,"
		" last_refresh = pg_catalog.clock_timestamp(), last_mode = $2, last_reason = $3,"
		" last_keys = $4, last_inserted = $5, last_updated = $6, last_deleted = $7,"
		" last_time_ms = $8, estimated_delta_ms = $9, estimated_full_ms = $10,"
		" delta_key_ms = $11, full_ms = $12, full_is_measured = $13,"
		" last_error = NULL, last_sqlstate = NULL, failed_at = NULL,"
		" owner = (SELECT o.rolname FROM pg_catalog.pg_roles AS o"
		"  WHERE o.oid OPERATOR(pg_catalog.=) s.owner_oid)"
		" WHERE s.score_id OPERATOR(pg_catalog.=) $1",
		lengthof(types), types, values, NULL);
}

/* Raises an error where a score cannot be refreshed now; returns it as it is now. */
static Score *
check_refreshable(Score *score)
{
	score = score_check(score, CHECK_WHAT_IS_KNOWN);
	if (score->problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("score %s cannot be refreshed", score->name),
						errdetail("%s", score->problem)));
	if (score->paused)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("score %s is paused", score->name),
						errhint("pollseed_score_resume() has it refreshed again.")));
	return score;
}

/* Returns the keys of rows of the table as text[] a column, a sample of so many; how many there are. */
static int64
sample_keys(const ScoreShape *shape, int64 count, Datum *arrays)
{
	StringInfoData sql;
	Oid			   type = INT8OID;
	Datum		   value = Int64GetDatum(count);
	int64		   found;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT pg_catalog.count(*)");
	for (int i = 0; i < shape->score->nkeys; i++)
		appendStringInfo(&sql, ", pg_catalog.array_agg(CAST(s.%s AS pg_catalog.text))",
						 shape->keys[i].quoted_name);
	appendStringInfo(&sql, " FROM (SELECT t.* FROM %s AS t LIMIT $1) AS s", shape->score->name);
	sql_execute(sql.data, 1, &type, &value, NULL);
	found = DatumGetInt64(sql_value_not_null(0, 1));
	for (int i = 0; found > 0 && i < shape->score->nkeys; i++)
		arrays[i] = sql_value_not_null(0, i + 2);
	return found;
}

double
refresh_measure_key(const ScoreShape *shape)
{
	Datum  arrays[MAX_SCORE_KEYS];
	int64  count = sample_keys(shape, SAMPLE_KEYS, arrays);
	Diff  *diff;
	double key_ms;

	if (count == 0)
		return 0;
	diff = diff_keys(shape, arrays);
	key_ms = diff->time_ms / (double) count;
	diff_free(diff);
	return key_ms;
}

RefreshFigures
score_refresh(int64 score_id, RefreshMode mode, int64 limit)
{
	Refresh		   refresh = {0};
	instr_time	   start;
	Relation	   rel;
	DefinerSession session;

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("a score cannot be refreshed in a transaction of isolation level %s",
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errdetail("It could overwrite what is newer than the transaction's snapshot."),
				 errhint("Refresh it in a READ COMMITTED transaction.")));

	advisory_lock_wait(score_id, SCORE_REFRESHER_LOCK);
	INSTR_TIME_SET_CURRENT(start);
	refresh.score = score_read_by_id(score_id);
	if (refresh.score == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the score was dropped meanwhile")));
	refresh.score = check_refreshable(refresh.score);
	refresh.sources = score_sources(refresh.score);

	session = score_enter(refresh.score);
	rel = relation_open_by_oid(refresh.score->relation, RowExclusiveLock);
	refresh.shape = score_shape(refresh.score, rel);
	refresh.choice = refresh_choose(refresh.score, mode, queue_count(refresh.score));
	progress_begin(&(ProgressStart){.engine = "score",
									.relation = refresh.score->name,
									.phase = "recomputing",
									.total = Max(refresh.choice.dirty, 0)});
	if (refresh.choice.mode == REFRESH_FULL)
		refresh_all(&refresh);
	else
		refresh_keys(&refresh, limit, mode == REFRESH_AUTO);
	progress_end();
	relation_close(rel, NoLock);
	refresh.figures.remaining = queue_count(refresh.score);
	definer_leave(&session);

	refresh.figures.time_ms = milliseconds_since(start);
	keep_figures(&refresh);
	return refresh.figures;
}
