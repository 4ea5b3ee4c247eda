/*-------------------------------------------------------------------------
 *
 * score_work.c
 *		What the worker of a job does with scores.
 *
 * Each chunk of a refresh is a transaction, in which the score's error, should
 * there be one, undoes no more than the chunk.  A job of several scores keeps it in that score's
 * row and goes on with the others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/sql.h"
#include "core/subtransaction.h"
#include "job/retry.h"
#include "job/session.h"
#include "job/standing.h"
#include "score/queue.h"
#include "score/refresh.h"
#include "score/score_work.h"

/* Keys that are recomputed in a transaction. */
#define TRANSACTION_KEYS 5000

/* A score s is a role's, $1: OIDs mean something in the database, $2, of the cluster, $3, that they were kept in. */
#define IS_OWNED                                     \
	"EXISTS (SELECT FROM pg_catalog.pg_roles AS o"   \
	" WHERE o.oid OPERATOR(pg_catalog.=) $1"         \
	" AND o.rolname OPERATOR(pg_catalog.=) s.owner"  \
	" AND (s.owner_oid OPERATOR(pg_catalog.=) o.oid" \
	" OR s.database_oid OPERATOR(pg_catalog.<>) $2"  \
	" OR s.system_identifier OPERATOR(pg_catalog.<>) $3))"

/* What a job has done. */
typedef struct WorkFigures
{
	int64 refreshed; /* scores; of a standing job, times that one had something to do */
	int64 failed;
	int64 keys;
	int64 inserted;
	int64 updated;
	int64 deleted;
} WorkFigures;

/* A worker's work on its job. */
typedef struct Work
{
	const Job	 *job;
	JobMember	 *member;
	const char	 *kind;
	int64		  score_id; /* of a job of one score */
	int64		  due_id;	/* of a standing job: the score that is due first */
	WorkFigures	  figures;
	int64		  total;   /* keys, an estimate */
	MemoryContext context; /* reset before each chunk */

	/* When the score's refresh was begun: what older transactions have queued is to be done. */
	TransactionId next_xid;

	/* An error that may pass, of a score that is to be tried again when the others are done. */
	int			retry_code;
	const char *retry_message; /* or NULL */
} Work;

/* How a chunk ended. */
typedef enum ChunkResult
{
	CHUNK_MORE, /* is left of what was there when the work was begun */
	CHUNK_LAST,
	CHUNK_FAILED,
	CHUNK_STOPPED /* the job is not to go on */
} ChunkResult;

/* A chunk that may fail. */
typedef struct Chunk
{
	const Work	  *work;
	int64		   score_id;
	bool		   skipped;
	RefreshFigures figures;
	bool		   more;
} Chunk;

/* Reads from the job's row what it is to do and has done; it may have been tried before. */
static void
read_plan(Work *work)
{
	Oid			  type = INT8OID;
	Datum		  value = Int64GetDatum(work->job->id);
	MemoryContext context = CurrentMemoryContext;

	session_begin();
	(void) sql_execute_own(
		"SELECT j.plan OPERATOR(pg_catalog.->>) 'kind',"
		" (j.plan OPERATOR(pg_catalog.->>) 'score_id')::pg_catalog.int8,"
		" f.refreshed, f.failed, f.keys, f.inserted, f.updated, f.deleted"
		" FROM pollseed.jobs AS j, pg_catalog.jsonb_to_record(COALESCE("
		"j.plan OPERATOR(pg_catalog.->) 'figures', '{}')) AS f(refreshed pg_catalog.int8,"
		" failed pg_catalog.int8, keys pg_catalog.int8, inserted pg_catalog.int8,"
		" updated pg_catalog.int8, deleted pg_catalog.int8)"
		" WHERE j.job_id OPERATOR(pg_catalog.=) $1",
		1, &type, &value, NULL);
	work->kind = MemoryContextStrdup(context, TextDatumGetCString(sql_value_not_null(0, 1)));
	work->score_id = sql_integer(0, 2);
	work->figures = (WorkFigures){.refreshed = sql_integer(0, 3),
								  .failed = sql_integer(0, 4),
								  .keys = sql_integer(0, 5),
								  .inserted = sql_integer(0, 6),
								  .updated = sql_integer(0, 7),
								  .deleted = sql_integer(0, 8)};
	session_commit();
}

/* Writes what has been done into the job's plan, with what it is the figure of. */
static void
keep_figures(const Work *work, const WorkFigures *figures)
{
	Oid	  types[] = {INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID};
	Datum values[] = {Int64GetDatum(figures->refreshed), Int64GetDatum(figures->failed),
					  Int64GetDatum(figures->keys),		 Int64GetDatum(figures->inserted),
					  Int64GetDatum(figures->updated),	 Int64GetDatum(figures->deleted)};

	(void) sql_execute("SELECT pg_catalog.jsonb_build_object('figures',"
					   " pg_catalog.jsonb_build_object('refreshed', $1, 'failed', $2, 'keys', $3,"
					   " 'inserted', $4, 'updated', $5, 'deleted', $6))",
					   lengthof(types), types, values, NULL);
	jobs_extend_plan(work->job, sql_value_not_null(0, 1));
}

/* Tells whether a job is standing. */
static bool
is_standing(const Work *work)
{
	return strcmp(work->kind, SCORE_JOB_STANDING) == 0;
}

/* Tells whether a job is of one score, whose error is its own. */
static bool
is_of_one(const Work *work)
{
	return strcmp(work->kind, SCORE_JOB_ONE) == 0;
}

/* Tells whether to go on, and how far the work is. */
static bool
goes_on(const Work *work)
{
	if (is_standing(work))
		return member_goes_on(work->member, work->figures.refreshed, -1);
	return member_goes_on(work->member, work->figures.keys, work->total);
}

/* Tells whether something is left in a score's queue of transactions before one, which may have been committed by then. */
static bool
is_queued_before(const Score *score, TransactionId xid)
{
	Oid			   type = XIDOID;
	Datum		   value = TransactionIdGetDatum(xid);
	DefinerSession session = score_enter(score);
	bool		   queued;

	(void) sql_execute(psprintf("SELECT EXISTS (SELECT FROM %s AS q WHERE pg_catalog.age(q.xmin)"
								" OPERATOR(pg_catalog.>) pg_catalog.age($1))",
								score->queue_name),
					   1, &type, &value, NULL);
	queued = DatumGetBool(sql_value_not_null(0, 1));
	definer_leave(&session);
	return queued;
}

/* Refreshes some keys of a score; arg: a Chunk.  In a job of several, one that was paused or dropped meanwhile is passed over. */
static void
refresh_task(void *arg)
{
	Chunk *chunk = arg;
	Score *score;

	SPI_connect();
	score = score_read_by_id(chunk->score_id);
	chunk->skipped = !is_of_one(chunk->work) && (score == NULL || score->paused);
	if (!chunk->skipped)
	{
		chunk->figures = score_refresh(chunk->score_id, REFRESH_AUTO, TRANSACTION_KEYS);
		chunk->more =
			chunk->figures.remaining != 0 && is_queued_before(score, chunk->work->next_xid);
	}
	SPI_finish();
}

/* Sets when a score that was refreshed is due next, if it has a schedule. */
static void
postpone(int64 score_id)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(score_id);

	(void) sql_execute_own(
		"UPDATE pollseed.scores AS s SET due_at = " STANDING_NEXT_DUE(
			"s.every") " WHERE s.score_id OPERATOR(pg_catalog.=) $1 AND s.every IS NOT NULL",
		1, &type, &value, NULL);
}

/* Adds a chunk that succeeded to what has been done, in its transaction; returns whether it is the last one. */
static ChunkResult
keep_success(Work *work, const Chunk *chunk)
{
	WorkFigures figures = work->figures;
	bool		did_something = chunk->figures.keys > 0;

	if (!chunk->more && !chunk->skipped && (did_something || !is_standing(work)))
		figures.refreshed++;
	figures.keys += chunk->figures.keys;
	figures.inserted += chunk->figures.inserted;
	figures.updated += chunk->figures.updated;
	figures.deleted += chunk->figures.deleted;
	if (!chunk->more)
		postpone(chunk->score_id);
	if (memcmp(&figures, &work->figures, sizeof(figures)) != 0)
		keep_figures(work, &figures);
	session_commit();

	work->figures = figures;
	work->total = Max(work->total, figures.keys + Max(chunk->figures.remaining, 0));
	if (did_something)
		member_committed(work->member, 1);
	return chunk->more ? CHUNK_MORE : CHUNK_LAST;
}

/* Keeps an error in the score's row, and when to try again if the score has a schedule. */
static void
note_error(int64 score_id, const ErrorData *error)
{
	const Score *score = score_read_by_id(score_id);
	const char	*message = error->message;

	if (error->detail != NULL)
		message = psprintf("%s: %s", message, error->detail);
	score_update(score_id,
				 psprintf("last_error = $2, last_sqlstate = '%s',"
						  " failed_at = pg_catalog.clock_timestamp(),"
						  " due_at = CASE WHEN s.every IS NOT NULL THEN %s END",
						  unpack_sql_state(error->sqlerrcode),
						  standing_due_after_error("s.every", error->sqlerrcode)),
				 message);
	ereport(LOG, (errhidestmt(true), errhidecontext(true), errcode(error->sqlerrcode),
				  errmsg("pollseed score %s was not refreshed: %s",
						 score != NULL ? score->name : "that was dropped", message)));
}

/* Tells whether an error ends the process's work without being the score's fault. */
static bool
is_interruption(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
}

/* Deals with a score's error, in the transaction that it happened in. */
static ChunkResult
survive(Work *work, const Chunk *chunk, ErrorData *error)
{
	bool may_pass = retry_may_help(error->sqlerrcode);

	if (is_interruption(error->sqlerrcode) || (may_pass && is_of_one(work)))
		ReThrowError(error);
	if (may_pass && !is_standing(work))
	{
		work->retry_code = error->sqlerrcode;
		work->retry_message =
			MemoryContextStrdup(MemoryContextGetParent(work->context), error->message);
		session_commit();
		return CHUNK_FAILED;
	}

	note_error(chunk->score_id, error);
	if (!is_of_one(work))
	{
		WorkFigures figures = work->figures;

		figures.failed++;
		keep_figures(work, &figures);
		session_commit();
		work->figures = figures;
		return CHUNK_FAILED;
	}
	session_commit();
	ReThrowError(error);
}

/* Refreshes some keys of a score in a transaction. */
static ChunkResult
refresh_chunk(Work *work, int64 score_id)
{
	Chunk		  chunk = {.work = work, .score_id = score_id};
	MemoryContext old_context = MemoryContextSwitchTo(work->context);
	ErrorData	 *error;
	ChunkResult	  result;

	MemoryContextReset(work->context);
	session_begin_limited();

	/* What the error says must outlive the transaction. */
	MemoryContextSwitchTo(work->context);
	error = subtransaction_try(refresh_task, &chunk, NULL);
	result = error == NULL ? keep_success(work, &chunk) : survive(work, &chunk, error);
	MemoryContextSwitchTo(old_context);
	return result;
}

/* Refreshes a score as far as it was dirty when the work was begun. */
static ChunkResult
refresh_score(Work *work, int64 score_id)
{
	ChunkResult result;

	work->next_xid = ReadNextTransactionId();
	do
	{
		if (!goes_on(work))
			return CHUNK_STOPPED;
		result = refresh_chunk(work, score_id);

		/* What takes a moment is not shown in the job's row. */
		if (result == CHUNK_MORE)
			member_waiting(work->member, NULL);
	} while (result == CHUNK_MORE);
	return result;
}

/* Raises 42704 where the score of a job of one, or its owner, is gone, and 42501 unless the job's owner may refresh it. */
static void
check_score(const Work *work)
{
	const Score *score;

	session_begin();
	score = score_read_by_id(work->score_id);
	if (score == NULL || !score->owner_exists)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the score of job " INT64_FORMAT ", or its owner, does not exist any more",
						work->job->id)));
	else if (!has_privs_of_role(GetUserId(), score->owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for score %s", score->name)));
	session_commit();
}

/* Refreshes one score. */
static bool
run_one(Work *work)
{
	check_score(work);
	return refresh_score(work, work->score_id) != CHUNK_STOPPED;
}

/* Returns how many keys are queued of a score; -1: all. */
static int64
count_queued(int64 score_id)
{
	const Score	  *score = score_read_by_id(score_id);
	DefinerSession session;
	int64		   count;

	if (score == NULL || !OidIsValid(score->queue))
		return 0;
	session = score_enter(score);
	count = queue_count(score);
	definer_leave(&session);
	return count;
}

/* Runs a query of the job's owner's scores, which IS_OWNED finds. */
static int64
execute_of_own(const char *sql)
{
	Oid	  types[] = {OIDOID, OIDOID, INT8OID};
	Datum values[] = {ObjectIdGetDatum(GetUserId()), ObjectIdGetDatum(MyDatabaseId),
					  Int64GetDatum((int64) GetSystemIdentifier())};

	return sql_execute_own(sql, lengthof(types), types, values, NULL);
}

/* A score that has something to do. */
typedef struct DueScore
{
	int64 id;
	bool  by_schedule; /* whatever is in its queue */
} DueScore;

/* Returns those of the job's owner's scores that are neither paused nor broken, as a List of DueScore. */
static List *
read_candidates(MemoryContext context)
{
	MemoryContext old_context;
	List		 *scores = NIL;
	int64		  count;

	count = execute_of_own("SELECT s.score_id, s.every IS NOT NULL AND s.due_at"
						   " OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()"
						   " FROM pollseed.scores AS s WHERE NOT s.paused AND s.problem IS NULL"
						   " AND " IS_OWNED " ORDER BY s.score_id");
	old_context = MemoryContextSwitchTo(context);
	for (int64 row = 0; row < count; row++)
	{
		DueScore *score = palloc_object(DueScore);

		score->id = DatumGetInt64(sql_value_not_null(row, 1));
		score->by_schedule = DatumGetBool(sql_value_not_null(row, 2));
		scores = lappend(scores, score);
	}
	MemoryContextSwitchTo(old_context);
	return scores;
}

/* Refreshes all scores of the job's owner that have something to do. */
static bool
run_due(Work *work)
{
	List	 *scores;
	ListCell *cell;

	session_begin_limited();
	scores = read_candidates(MemoryContextGetParent(work->context));
	foreach(cell, scores)
	{
		const DueScore *score = lfirst(cell);
		int64			queued = count_queued(score->id);

		if (queued == 0 && !score->by_schedule)
			scores = foreach_delete_current(scores, cell);
		work->total += Max(queued, 0);
	}
	session_commit();

	foreach(cell, scores)
	{
		if (refresh_score(work, ((DueScore *) lfirst(cell))->id) == CHUNK_STOPPED)
			return false;
	}
	if (work->retry_message != NULL)
		ereport(ERROR, (errcode(work->retry_code), errmsg_internal("%s", work->retry_message)));
	return true;
}

/* Tells whether the owner has a schedule, and what is due first; those that are paused are not. */
static bool
look_for_due(void *state, int64 *wait_ms)
{
	Work *work = state;
	bool  exists;

	exists = execute_of_own("SELECT s.score_id, NOT s.paused, " STANDING_WAIT_MS(
				 "s.due_at") " FROM pollseed.scores AS s"
							 " WHERE s.every IS NOT NULL AND " IS_OWNED
							 " ORDER BY s.paused, s.due_at, s.score_id LIMIT 1") > 0;
	if (exists && DatumGetBool(sql_value_not_null(0, 2)))
	{
		work->due_id = sql_integer(0, 1);
		*wait_ms = sql_integer(0, 3);
	}
	return exists;
}

/* Refreshes what is due first. */
static bool
refresh_due(void *state)
{
	Work *work = state;

	return refresh_score(work, work->due_id) != CHUNK_STOPPED;
}

static const StandingWork schedules = {
	.idle = "no score is due",
	.schedule_lock = SCORE_SCHEDULE_LOCK,
	.standing_lock = SCORE_STANDING_LOCK,
	.look = look_for_due,
	.work = refresh_due,
};

bool
score_work_run(const Job *job, JobMember *member)
{
	Work work = {.job = job, .member = member};
	bool done;

	/* One that asks for helpers finds that they have nothing to do. */
	if (!member_is_leader(member))
		return true;
	work.context =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed score work", ALLOCSET_DEFAULT_SIZES);
	read_plan(&work);
	if (is_standing(&work))
		return standing_run(&schedules, &work, job, member, &work.figures.refreshed);
	done = is_of_one(&work) ? run_one(&work) : run_due(&work);
	work.total = work.figures.keys;
	return done && goes_on(&work);
}
