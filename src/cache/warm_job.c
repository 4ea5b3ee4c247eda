/*-------------------------------------------------------------------------
 *
 * warm_job.c
 *		The standing job of a role that runs its warmers.
 *
 * Nothing is left in memory when the server has started, so each attempt of the job begins
 * with all warmers, due or not; what is fresh costs a look.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/progress.h"
#include "core/sql.h"
#include "job/engine.h"
#include "job/session.h"
#include "job/standing.h"
#include "job/submit.h"
#include "cache/warm_job.h"
#include "cache/warmer.h"

#define CACHE_ENGINE "cache"

/* What is due may be locked by who defines or drops it: it is looked at again after this time. */
#define LOCKED_MS 1000

/* A worker's work on its job. */
typedef struct Work
{
	const Job	 *job;
	JobMember	 *member;
	int64		  computed;
	int64		  failed;
	MemoryContext context; /* reset before each warmer */
} Work;

/* Reads from the job's row what it has done; it may have been tried before. */
static void
read_figures(Work *work)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(work->job->id);

	(void) sql_execute_own("SELECT f.computed, f.failed"
						   " FROM pollseed.jobs AS j, pg_catalog.jsonb_to_record(COALESCE("
						   "j.plan OPERATOR(pg_catalog.->) 'figures', '{}'))"
						   " AS f(computed pg_catalog.int8, failed pg_catalog.int8)"
						   " WHERE j.job_id OPERATOR(pg_catalog.=) $1",
						   1, &type, &value, NULL);
	work->computed = sql_integer(0, 1);
	work->failed = sql_integer(0, 2);
}

/* Adds a run to what has been done, and writes that into the job's plan. */
static void
count_run(Work *work, const WarmerRun *run)
{
	Oid	  types[] = {INT8OID, INT8OID};
	Datum values[lengthof(types)];

	if (run->computed)
		work->computed++;
	if (run->error != NULL)
		work->failed++;
	values[0] = Int64GetDatum(work->computed);
	values[1] = Int64GetDatum(work->failed);
	(void) sql_execute("SELECT pg_catalog.jsonb_build_object('figures',"
					   " pg_catalog.jsonb_build_object('computed', $1, 'failed', $2))",
					   lengthof(types), types, values, NULL);
	jobs_extend_plan(work->job, sql_value_not_null(0, 1));
}

/* Begins a transaction of a warmer, in which what is allocated outlives it. */
static void
begin(const Work *work)
{
	session_begin_limited();
	MemoryContextSwitchTo(work->context);
}

/* Runs a warmer in a transaction. */
static void
run(Work *work, const Warmer *warmer)
{
	WarmerRun *result;

	begin(work);
	result = warmer_run(warmer);
	warmer_record(result);
	if (result->computed || result->error != NULL)
		count_run(work, result);
	session_commit();
	if (result->error != NULL)
		ereport(LOG, (errhidestmt(true), errhidecontext(true), errcode(result->error->sqlerrcode),
					  errmsg("pollseed warmer " INT64_FORMAT " of cache \"%s\" failed: %s",
							 warmer->id, warmer->cache, result->problem)));
	else if (result->computed)
		member_committed(work->member, 1);
}

/* Runs the warmer that is due first. */
static bool
run_due(void *state)
{
	Work		 *work = state;
	MemoryContext old_context;
	Warmer		 *warmer;

	if (!member_goes_on(work->member, work->computed, -1))
		return false;
	MemoryContextReset(work->context);
	old_context = MemoryContextSwitchTo(work->context);
	begin(work);
	warmer = warmer_claim();
	session_commit();
	if (warmer != NULL)
	{
		progress_waiting(NULL);
		run(work, warmer);
	}
	MemoryContextSwitchTo(old_context);
	return warmer != NULL || member_wait(work->member, LOCKED_MS);
}

/* Tells whether the owner has a schedule, and when the first warmer is due. */
static bool
look_for_due(void *state, int64 *wait_ms)
{
	(void) state;
	return warmers_look(wait_ms);
}

static const StandingWork schedules = {
	.idle = "no warmer is due",
	.schedule_lock = CACHE_SCHEDULE_LOCK,
	.standing_lock = CACHE_STANDING_LOCK,
	.look = look_for_due,
	.work = run_due,
};

/* The engine's run(). */
static bool
run_job(const Job *job, JobMember *member)
{
	Work work = {.job = job, .member = member};

	/* One that asks for helpers finds that they have nothing to do. */
	if (!member_is_leader(member))
		return true;
	work.context =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed warmer", ALLOCSET_DEFAULT_SIZES);
	session_begin_limited();
	read_figures(&work);
	warmers_hasten();
	session_commit();
	return standing_run(&schedules, &work, job, member, &work.computed);
}

static const JobEngine cache_engine = {
	.name = CACHE_ENGINE,
	.phase = "warming",
	.result = "COALESCE(j.plan OPERATOR(pg_catalog.->) 'figures',"
			  " '{\"computed\": 0, \"failed\": 0}'::pg_catalog.jsonb)",
	.run = run_job,
};

void
warm_job_init(void)
{
	job_engine_register(&cache_engine);
}

/* Returns a jsonb from its text. */
static Datum
make_jsonb(const char *text)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
}

int64
warm_job_find_or_submit(void)
{
	JobEntry entry = {
		.engine = CACHE_ENGINE,
		.relation = "pollseed.cache_warmers",
		.relation_oid = get_relname_relid("cache_warmers", get_namespace_oid("pollseed", false)),
		.arguments = make_jsonb("{\"warmers\": \"standing\"}"),
		.plan = make_jsonb("{\"kind\": \"standing\"}"),
		.total = -1,
		.workers = 1,
		.max_attempts = STANDING_MAX_ATTEMPTS,
		.lane = "",
	};

	return job_find_or_submit(&entry);
}
