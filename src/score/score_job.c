/*-------------------------------------------------------------------------
 *
 * score_job.c
 *		Scores refreshed by background jobs: pollseed_score_refresh_async() and
 *		pollseed_score_schedule().
 *
 * Who asks for a job that there is already gets that one's number.  He takes a lock
 * first and then looks in a snapshot of its own, so that of two who ask at the same time one
 * finds the other's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/advisory.h"
#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "job/engine.h"
#include "job/standing.h"
#include "job/submit.h"
#include "score/definition.h"
#include "score/score_job.h"
#include "score/score_work.h"

POLLSEED_FUNCTION(pollseed_score_refresh_async);
POLLSEED_FUNCTION(pollseed_score_schedule);

#define SCORE_ENGINE "score"

/* Class of the locks of who looks for a job and makes it: by the score's number, or minus the role's OID for several scores. */
#define SCORE_JOB_LOCK 28794

#define MAX_ATTEMPTS 3

static const JobEngine score_engine = {
	.name = SCORE_ENGINE,
	.phase = "refreshing",
	.result = "COALESCE(j.plan OPERATOR(pg_catalog.->) 'figures',"
			  " '{\"refreshed\": 0, \"failed\": 0, \"keys\": 0, \"inserted\": 0, \"updated\": 0,"
			  " \"deleted\": 0}'::pg_catalog.jsonb)",
	.run = score_work_run,
};

void
score_job_init(void)
{
	job_engine_register(&score_engine);
}

/* Returns what the plan of a job of a kind has from the start; score_id is 0 for one of several scores. */
static Datum
make_plan(const char *kind, int64 score_id)
{
	Oid	  types[] = {TEXTOID, INT8OID};
	Datum values[] = {CStringGetTextDatum(kind), Int64GetDatum(score_id)};

	(void) sql_execute("SELECT pg_catalog.jsonb_build_object('kind', $1, 'score_id', $2)",
					   lengthof(types), types, values, NULL);
	return sql_value_not_null(0, 1);
}

/* Returns what people are told of a job of a kind, of a score or, where that is NULL, of several. */
static Datum
make_arguments(const char *kind, const Score *score)
{
	Oid	  types[] = {TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(kind),
					  score != NULL ? CStringGetTextDatum(score->name) : (Datum) 0};

	(void) sql_execute("SELECT pg_catalog.jsonb_build_object('scores', $1, 'name', $2)",
					   lengthof(types), types, values, score != NULL ? NULL : " n");
	return sql_value_not_null(0, 1);
}

/*
 * Returns the current user's job of a kind, of a score or, where that is NULL, of several,
 * which it makes where there is none yet.
 */
static int64
find_or_submit(const char *kind, const Score *score)
{
	JobEntry entry = {.engine = SCORE_ENGINE, .workers = 1, .total = -1, .lane = ""};

	entry.arguments = make_arguments(kind, score);
	entry.plan = make_plan(kind, score != NULL ? score->id : 0);
	entry.relation = score != NULL ? score->name : "pollseed.scores";
	entry.relation_oid = score != NULL
							 ? score->relation
							 : get_relname_relid("scores", get_namespace_oid("pollseed", false));
	entry.max_attempts =
		strcmp(kind, SCORE_JOB_STANDING) == 0 ? STANDING_MAX_ATTEMPTS : MAX_ATTEMPTS;
	return job_find_or_submit(&entry);
}

/* Has a score of that name refreshed; returns the job's id. */
static int64
refresh_one_async(const char *name)
{
	const Score *score = score_read(name);
	int64		 id;

	if (score->paused)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("score %s is paused", score->name),
						errhint("pollseed_score_resume() has it refreshed again.")));
	advisory_lock_wait(score->id, SCORE_JOB_LOCK);
	id = find_or_submit(SCORE_JOB_ONE, score);
	score_update(
		score->id,
		psprintf("job_id = CASE WHEN s.every IS NULL THEN " INT64_FORMAT " ELSE s.job_id END", id),
		NULL);
	return id;
}

/* pollseed_score_refresh_async(name) */
Datum
pollseed_score_refresh_async(PG_FUNCTION_ARGS)
{
	int64 id;

	PreventCommandIfReadOnly("pollseed_score_refresh_async()");
	SPI_connect();
	if (PG_ARGISNULL(0))
	{
		advisory_lock_wait(-(int64) GetUserId(), SCORE_JOB_LOCK);
		id = find_or_submit(SCORE_JOB_DUE, NULL);
	}
	else
		id = refresh_one_async(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	SPI_finish();
	PG_RETURN_INT64(id);
}

/* Keeps a score's schedule and its job; where the schedule is what it was, so is what is due next. */
static void
keep_schedule(const Score *score, const Interval *every, int64 job)
{
	Oid	  types[] = {INT8OID, INTERVALOID, INT8OID};
	Datum values[] = {Int64GetDatum(score->id), IntervalPGetDatum(every), Int64GetDatum(job)};

	(void) sql_execute_own("UPDATE pollseed.scores AS s SET job_id = $3, every = $2,"
						   " due_at = CASE WHEN s.every OPERATOR(pg_catalog.=) $2"
						   " AND s.due_at IS NOT NULL THEN s.due_at"
						   " ELSE pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) $2 END"
						   " WHERE s.score_id OPERATOR(pg_catalog.=) $1",
						   lengthof(types), types, values, NULL);
}

/* Gives a score a schedule, and its owner the job that follows it; returns that one's id. */
static int64
schedule(const Score *score, const Interval *every)
{
	Oid	  user;
	int	  security_context;
	int64 id;

	standing_check_every(every);

	/* The job works as the owner, whoever of those with his privileges has it made. */
	GetUserIdAndSecContext(&user, &security_context);
	SetUserIdAndSecContext(score->owner, security_context | SECURITY_LOCAL_USERID_CHANGE);
	id = find_or_submit(SCORE_JOB_STANDING, NULL);
	SetUserIdAndSecContext(user, security_context);
	keep_schedule(score, every, id);
	return id;
}

/* pollseed_score_schedule(name, every) */
Datum
pollseed_score_schedule(PG_FUNCTION_ARGS)
{
	const Score *score;
	int64		 id;

	require_argument(fcinfo, 0, "name");
	PreventCommandIfReadOnly("pollseed_score_schedule()");
	SPI_connect();
	score = score_read(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	advisory_lock_wait(score->owner, SCORE_SCHEDULE_LOCK);
	if (PG_ARGISNULL(1))
	{
		score_update(score->id, "every = NULL, due_at = NULL", NULL);
		id = jobs_find(SCORE_ENGINE, score->owner, make_plan(SCORE_JOB_STANDING, 0));
	}
	else
		id = schedule(score, PG_GETARG_INTERVAL_P(1));
	SPI_finish();
	if (id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(id);
}
