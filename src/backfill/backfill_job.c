/*-------------------------------------------------------------------------
 *
 * backfill_job.c
 *		A backfill run by background workers: pollseed_backfill_async().
 *
 * The leader holds the runner's lock, begins the run, and sweeps at its end; between
 * these it works on ranges as its helpers do.  Each process claims ranges on its own,
 * so there may be any number of them at any time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "job/engine.h"
#include "job/jobs.h"
#include "job/member.h"
#include "job/session.h"
#include "job/submit.h"
#include "backfill/backfill_job.h"
#include "backfill/locks.h"
#include "backfill/run.h"

POLLSEED_FUNCTION(pollseed_backfill_async);

#define BACKFILL_ENGINE "backfill"

/* How often a leader reads how far all have come, and looks whether what it waits for is over. */
#define FIGURES_MS 250
#define WAIT_MS 500

/* What the driver knows of the job. */
typedef struct BackfillJob
{
	JobMember *member;
	int64	   done; /* by all members, and earlier runs */
	int64	   total;
	instr_time read_at;
} BackfillJob;

/* Begins a transaction of a worker. */
static void
begin_in_worker(BackfillRun *run pg_attribute_unused())
{
	session_begin();
}

/* Commits a worker's transaction. */
static void
end_in_worker(BackfillRun *run pg_attribute_unused())
{
	session_commit();
}

/* Reads how far all members have come. */
static void
read_figures(BackfillJob *job, const Backfill *backfill)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(backfill->id);

	session_begin();
	(void) sql_execute_own("SELECT s.done, s.remaining FROM pollseed.backfill_standing AS s"
						   " WHERE s.backfill_id OPERATOR(pg_catalog.=) $1",
						   1, &type, &value, NULL);
	job->done = DatumGetInt64(sql_value_not_null(0, 1));
	job->total = job->done + DatumGetInt64(sql_value_not_null(0, 2));
	session_commit();
	INSTR_TIME_SET_CURRENT(job->read_at);
}

/* Tells whether to go on, and how far the work is. */
static bool
goes_on_in_worker(BackfillRun *run)
{
	BackfillJob *job = run->arg;

	if (run->driver->leads && milliseconds_since(job->read_at) >= FIGURES_MS)
		read_figures(job, run->backfill);
	if (run->done.batches > run->reported_batches)
		member_committed(job->member, (int) (run->done.batches - run->reported_batches));
	run->reported_batches = run->done.batches;
	run->claim.workers = Max(member_workers(job->member), 1);
	return member_goes_on(job->member, job->done, job->total);
}

/* Waits outside of any transaction. */
static void
wait_in_worker(BackfillRun *run, long ms, const char *reason)
{
	BackfillJob *job = run->arg;

	if (run->driver->leads)
		member_waiting(job->member, reason);
	(void) member_wait(job->member, ms);
	if (run->driver->leads)
		member_waiting(job->member, NULL);
}

static const BackfillDriver leader_driver = {
	.commits = true,
	.leads = true,
	.begin = begin_in_worker,
	.end = end_in_worker,
	.goes_on = goes_on_in_worker,
	.reports_statistics = true,
	.wait = wait_in_worker,
};

static const BackfillDriver helper_driver = {
	.commits = true,
	.leads = false,
	.begin = begin_in_worker,
	.end = end_in_worker,
	.goes_on = goes_on_in_worker,
	.reports_statistics = true,
	.wait = wait_in_worker,
};

/*
 * Reads the job's backfill into the current context; raises 42704 where it or its owner
 * is gone, and 42501 unless the job's owner still has the privileges of its owner.
 */
static Backfill *
read_backfill(const Job *job)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			  type = JSONBOID;
	Datum		  value = JsonbPGetDatum(job->plan);
	Backfill	 *backfill;

	session_begin();
	(void) sql_execute("SELECT (p.plan OPERATOR(pg_catalog.->>) 'backfill_id')::pg_catalog.int8"
					   " FROM (SELECT $1) AS p(plan)",
					   1, &type, &value, NULL);
	backfill = backfill_read_by_id(DatumGetInt64(sql_value_not_null(0, 1)), context);
	if (backfill == NULL || !backfill->owner_exists)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("the backfill of job " INT64_FORMAT
							   ", or its owner, does not exist any more",
							   job->id)));
	backfill_check_privileges(backfill);
	session_commit();
	return backfill;
}

/* Tells whether the backfill that this one is to run after is finished. */
static bool
its_turn_has_come(const Backfill *backfill)
{
	bool finished;

	session_begin();
	finished = backfill->after == NULL || backfill_is_finished(backfill->after);
	session_commit();
	return finished;
}

/* Waits until this process may run the backfill, and takes its lock; returns false if told to stop. */
static bool
await_turn(const Backfill *backfill, JobMember *member, const Job *job)
{
	for (;;)
	{
		const char *reason;

		if (!its_turn_has_come(backfill))
			reason = psprintf("backfill \"%s\" is to be finished first", backfill->after);
		else if (!try_lock_runner(backfill->id))
			reason = "another session runs the backfill";
		else
			break;
		member_waiting(member, reason);
		if (!member_goes_on(member, job->done, job->total) || !member_wait(member, WAIT_MS))
			return false;
	}
	member_waiting(member, NULL);
	return true;
}

/* Works on the backfill as the leader or a helper; an error lets go of everything first. */
static RunResult
work(Backfill *backfill, JobMember *member)
{
	BackfillJob	 job = {.member = member};
	BackfillRun *run =
		run_make(backfill, member_is_leader(member) ? &leader_driver : &helper_driver, &job,
				 CurrentMemoryContext);
	volatile RunResult result = RUN_STOPPED;

	PG_TRY();
	{
		run->claim.shared = true;
		if (member_is_leader(member))
		{
			run_begin(run);
			read_figures(&job, backfill);
		}
		result = run_work(run);
		if (result == RUN_FINISHED && member_is_leader(member))
		{
			read_figures(&job, backfill);
			(void) member_goes_on(member, job.done, job.total);
		}
	}
	PG_FINALLY();
	{
		run_free(run);
	}
	PG_END_TRY();
	return result;
}

/* The engine's run(). */
static bool
backfill_job_run(const Job *job, JobMember *member)
{
	Backfill		  *backfill = read_backfill(job);
	bool			   leads = member_is_leader(member);
	int64			   id = backfill->id;
	volatile RunResult result = RUN_STOPPED;

	if (leads && !await_turn(backfill, member, job))
		return false;
	PG_TRY();
	{
		/* What was read before the lock was taken may be old. */
		result = work(read_backfill(job), member);
	}
	PG_FINALLY();
	{
		if (leads)
			unlock_runner(id);
	}
	PG_END_TRY();
	if (result == RUN_LOST && leads)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("backfill \"%s\" is run by another session now", backfill->name)));

	/* A helper whose run is another's by now has no part in that. */
	return result == RUN_FINISHED || (result == RUN_LOST && !leads);
}

static const JobEngine backfill_engine = {
	.name = BACKFILL_ENGINE,
	.phase = "filling",
	.result = "(SELECT pg_catalog.jsonb_build_object('backfill', b.name, 'filled', s.filled,"
			  " 'no_data', s.no_data, 'quarantined', s.quarantined, 'remaining', s.remaining,"
			  " 'batches', s.batches, 'wal_bytes', s.wal_bytes)"
			  " FROM pollseed.backfills AS b JOIN pollseed.backfill_standing AS s"
			  " ON s.backfill_id OPERATOR(pg_catalog.=) b.backfill_id"
			  " WHERE b.backfill_id OPERATOR(pg_catalog.=)"
			  " (j.plan OPERATOR(pg_catalog.->>) 'backfill_id')::pg_catalog.int8)",
	.run = backfill_job_run,
};

void
backfill_job_init(void)
{
	job_engine_register(&backfill_engine);
}

/* Makes the backfill's job, and returns its id. */
static int64
submit(const Backfill *backfill, JobEntry *entry)
{
	Oid	  types[] = {TEXTOID, INT8OID, OIDOID};
	Datum values[] = {CStringGetTextDatum(backfill->name), Int64GetDatum(backfill->id),
					  ObjectIdGetDatum(backfill->relation)};
	int64 id;

	backfill_check_relation(backfill);
	/* How much there is to do is only known when the run has begun. */
	(void) sql_execute("SELECT pg_catalog.jsonb_build_object('name', $1),"
					   " pg_catalog.jsonb_build_object('backfill_id', $2),"
					   " (SELECT GREATEST(c.reltuples, 1)::pg_catalog.int8"
					   " FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) $3)",
					   lengthof(types), types, values, NULL);
	entry->engine = BACKFILL_ENGINE;
	entry->relation = backfill->relation_name;
	entry->relation_oid = backfill->relation;
	entry->arguments = sql_value_not_null(0, 1);
	entry->plan = sql_value_not_null(0, 2);
	entry->total = DatumGetInt64(sql_value_not_null(0, 3));
	entry->lane = "";
	id = job_submit(entry);
	(void) backfill_update(backfill, psprintf("job_id = " INT64_FORMAT, id), NULL);
	return id;
}

/* Says that a backfill has a job that is not finished, and what to do if that is paused. */
static void
notice_unfinished(int64 id, const char *name, int workers)
{
	const Job *job = jobs_read(id, false, CurrentMemoryContext);

	if (job != NULL && job->state == JOB_PAUSED)
		ereport(NOTICE, (errmsg("job " INT64_FORMAT " of backfill \"%s\" is paused", id, name),
						 errhint("Let it go on with pollseed_job_resume(" INT64_FORMAT ").", id)));
	else
		ereport(NOTICE, (errmsg("job " INT64_FORMAT " runs backfill \"%s\" already; the workers it "
								"is to have now: %d",
								id, name, workers)));
}

/* pollseed_backfill_async(name, workers) */
Datum
pollseed_backfill_async(PG_FUNCTION_ARGS)
{
	JobEntry  entry = {0};
	Backfill *backfill;
	int64	  id;

	require_argument(fcinfo, 0, "name");
	PreventCommandIfReadOnly("pollseed_backfill_async()");
	job_request_workers(fcinfo, 1, &entry);
	SPI_connect();
	backfill = backfill_read(text_to_cstring(PG_GETARG_TEXT_PP(0)), true, CurrentMemoryContext);
	id = backfill->job;
	if (id != 0 && jobs_set_workers(id, entry.workers))
		notice_unfinished(id, backfill->name, entry.workers);
	else
	{
		job_check_owner();
		id = submit(backfill, &entry);
	}
	SPI_finish();
	PG_RETURN_INT64(id);
}
