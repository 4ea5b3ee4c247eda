/*-------------------------------------------------------------------------
 *
 * freshness.c
 *		SQL functions that tell how fresh a score is, and wait until it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "score/definition.h"
#include "score/queue.h"

POLLSEED_FUNCTION(pollseed_score_dirty_keys);
POLLSEED_FUNCTION(pollseed_score_staleness);
POLLSEED_FUNCTION(pollseed_score_wait);

/* A waiter looks again after so long, at first and at most. */
#define FIRST_POLL_MS 5L
#define LAST_POLL_MS 200L

/* pollseed.score_dirty_keys(score_id) */
Datum
pollseed_score_dirty_keys(PG_FUNCTION_ARGS)
{
	Score *score;
	int64  count = -1;

	/* As its owner, who could have made it something that runs what he likes. */
	SPI_connect();
	score = score_read_by_id(PG_GETARG_INT64(0));
	if (score != NULL && OidIsValid(score->queue) && score->owner_exists &&
		get_rel_relkind(score->queue) == RELKIND_RELATION &&
		has_privs_of_role(GetUserId(), score->owner) &&
		pg_class_aclcheck(score->queue, score->owner, ACL_SELECT) == ACLCHECK_OK)
	{
		DefinerSession session = score_enter(score);

		count = queue_count(score);
		definer_leave(&session);
	}
	SPI_finish();
	if (count < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(count);
}

/* pollseed_score_staleness(name) */
Datum
pollseed_score_staleness(PG_FUNCTION_ARGS)
{
	Score		  *score;
	DefinerSession session;
	Oid			   type = INT8OID;
	Datum		   value;
	Datum		   values[4];
	bool		   nulls[lengthof(values)] = {false};

	SPI_connect();
	score = score_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	score_check_usable(score);
	session = score_enter(score);
	values[0] = Int64GetDatum(queue_count(score));
	nulls[0] = DatumGetInt64(values[0]) < 0;
	sql_execute(psprintf("SELECT pg_catalog.min(q.changed_at) FROM %s AS q", score->queue_name), 0,
				NULL, NULL, NULL);
	values[1] = sql_value(0, 1, &nulls[1]);
	definer_leave(&session);
	value = Int64GetDatum(score->id);
	sql_execute_own("SELECT s.last_refresh, COALESCE(s.problem, s.last_error)"
					" FROM pollseed.scores AS s WHERE s.score_id OPERATOR(pg_catalog.=) $1",
					1, &type, &value, NULL);
	values[2] = sql_value(0, 1, &nulls[2]);
	values[3] = sql_value(0, 2, &nulls[3]);
	value = SPI_datumTransfer(figures_row(fcinfo, values, nulls), false, -1);
	SPI_finish();
	PG_RETURN_DATUM(value);
}

/* The rows of a queue that somebody waits for. */
typedef struct AwaitedRows
{
	int64 count;
	Datum arrays[2]; /* their places, tid[], and the transactions that wrote them, text[] */
} AwaitedRows;

/* Returns the rows that are in the queue. */
static AwaitedRows
awaited_rows(const Score *score)
{
	AwaitedRows rows = {0};

	sql_execute(psprintf("SELECT pg_catalog.count(*), pg_catalog.array_agg(q.ctid),"
						 " pg_catalog.array_agg(q.xmin::pg_catalog.text) FROM %s AS q",
						 score->queue_name),
				0, NULL, NULL, NULL);
	rows.count = DatumGetInt64(sql_value_not_null(0, 1));
	for (int i = 0; rows.count > 0 && i < 2; i++)
		rows.arrays[i] = sql_value_not_null(0, i + 2);
	return rows;
}

/*
 * Tells whether one of the rows is still there; its place may have been given to another,
 * which another transaction wrote.
 */
static bool
is_any_left(const Score *score, AwaitedRows *rows)
{
	Oid types[] = {TIDARRAYOID, TEXTARRAYOID};

	sql_execute(psprintf("SELECT EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest($1),"
						 " pg_catalog.unnest($2)) AS r(place, writer) JOIN %s AS q"
						 " ON q.ctid OPERATOR(pg_catalog.=) r.place"
						 " AND q.xmin::pg_catalog.text OPERATOR(pg_catalog.=) r.writer)",
						 score->queue_name),
				lengthof(types), types, rows->arrays, NULL);
	return DatumGetBool(sql_value_not_null(0, 1));
}

/* Waits until none of the rows is left; returns false where the time runs out. */
static bool
wait_for_rows(const Score *score, AwaitedRows *rows, TimestampTz deadline)
{
	long poll_ms = FIRST_POLL_MS;

	while (is_any_left(score, rows))
	{
		long left_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (left_ms <= 0)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left_ms, poll_ms), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		poll_ms = Min(poll_ms * 2, LAST_POLL_MS);
	}
	return true;
}

/* pollseed_score_wait(name, timeout) */
Datum
pollseed_score_wait(PG_FUNCTION_ARGS)
{
	TimestampTz	   deadline = deadline_argument(fcinfo, 1);
	Score		  *score;
	DefinerSession session;
	AwaitedRows	   rows = {0};
	bool		   done;

	require_argument(fcinfo, 0, "name");
	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("cannot wait for a score in a transaction that sees one state only"),
						errhint("Wait in a READ COMMITTED transaction.")));
	SPI_connect();
	score = score_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	score_check_usable(score);
	session = score_enter(score);
	rows = awaited_rows(score);
	done = rows.count == 0 || wait_for_rows(score, &rows, deadline);
	definer_leave(&session);
	SPI_finish();
	PG_RETURN_BOOL(done);
}
