/*-------------------------------------------------------------------------
 *
 * control.c
 *		SQL functions that steer jobs and wait for them.
 *
 * Each may be called again: what is so already is left as it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "job/jobs.h"
#include "job/launch.h"
#include "job/locks.h"
#include "job/tick.h"

/* How often a waiting session looks, at first and later. */
#define MIN_POLL_MS 10
#define MAX_POLL_MS 100

POLLSEED_FUNCTION(pollseed_job_wait);
POLLSEED_FUNCTION(pollseed_job_cancel);
POLLSEED_FUNCTION(pollseed_job_pause);
POLLSEED_FUNCTION(pollseed_job_resume);
POLLSEED_FUNCTION(pollseed_run_jobs);

/*
 * Reads a job, locked if asked to; raises 42704 where there is none, and 42501
 * unless the caller has the privileges of its owner or of another role.
 */
static Job *
read_job(int64 id, bool lock, Oid other_role)
{
	Job *job = jobs_read(id, lock, CurrentMemoryContext);
	Oid	 user = GetUserId();

	if (job == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("job " INT64_FORMAT " does not exist", id),
						errhint("The view pollseed_jobs lists the jobs.")));
	else if (!(job->owner_exists && has_privs_of_role(user, job->owner)) &&
			 !(OidIsValid(other_role) && has_privs_of_role(user, other_role)) && !superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for job " INT64_FORMAT, id)));
	return job;
}

/* Says that nothing is done about a job that has ended. */
static void
notice_ended(const Job *job)
{
	ereport(NOTICE, (errmsg("job " INT64_FORMAT " has already ended: %s", job->id,
							job_state_name(job->state))));
}

/* Tells whether a job has a leader now. */
static bool
has_leader(const Job *job)
{
	sql_execute(psprintf("SELECT %s", has_leader_condition(psprintf(INT64_FORMAT, job->id))), 0,
				NULL, NULL, NULL);
	return DatumGetBool(sql_value_not_null(0, 1));
}

/* pollseed_job_cancel(job_id) */
Datum
pollseed_job_cancel(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);
	Job	 *job;
	Datum row;

	PreventCommandIfReadOnly("pollseed_job_cancel()");
	SPI_connect();
	job = read_job(id, true, ROLE_PG_SIGNAL_BACKEND);
	if (job->state == JOB_SUCCEEDED || job->state == JOB_FAILED)
		notice_ended(job);
	else if ((job->state == JOB_RUNNING || job->state == JOB_CANCELLING) && has_leader(job))
	{
		if (job->state == JOB_RUNNING)
			jobs_set_state(job, JOB_CANCELLING, "cancelled by a user");
		interrupt_at_commit(job);
	}
	else if (job->state != JOB_CANCELLED)
		jobs_finish(job, JOB_CANCELLED, "cancelled by a user", NULL);
	row = result_row(fcinfo, "id", INT8OID, Int64GetDatum(id));
	SPI_finish();
	PG_RETURN_DATUM(row);
}

/* pollseed_job_pause(job_id) */
Datum
pollseed_job_pause(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);
	Job	 *job;
	Datum row;

	PreventCommandIfReadOnly("pollseed_job_pause()");
	SPI_connect();
	job = read_job(id, true, InvalidOid);
	if (job_state_is_final(job->state) || job->state == JOB_CANCELLING)
		notice_ended(job);
	else if (job->state != JOB_PAUSED)
	{
		if (job->state == JOB_RUNNING && job->worker_pid != 0 && has_leader(job))
			interrupt_at_commit(job);
		jobs_set_state(job, JOB_PAUSED, "paused by a user");
	}
	row = result_row(fcinfo, "id", INT8OID, Int64GetDatum(id));
	SPI_finish();
	PG_RETURN_DATUM(row);
}

/* Raises 55000 if the job cannot go on: its owner is gone, or it came here with a dump or a copied database. */
static void
check_resumable(const Job *job)
{
	const char *detail = NULL;

	if (job->state != JOB_PAUSED && job->state != JOB_FAILED)
		return;
	if (!job->owner_exists)
		detail = "Its owner does not exist any more.";
	else if (job->database != MyDatabaseId)
		detail = "It belongs to another database.";
	else if (job->state == JOB_FAILED && !jobs_relation_exists(job))
		detail = psprintf("Relation %s does not exist any more.", job->relation);
	if (detail != NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("cannot resume job " INT64_FORMAT, job->id),
						errdetail_internal("%s", detail), errhint("Start a new job.")));
}

/* pollseed_job_resume(job_id) */
Datum
pollseed_job_resume(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);
	Job	 *job;
	Datum row;

	PreventCommandIfReadOnly("pollseed_job_resume()");
	SPI_connect();
	job = read_job(id, true, InvalidOid);
	check_resumable(job);
	if (job->state == JOB_PAUSED || job->state == JOB_FAILED)
	{
		jobs_set_state(job, JOB_QUEUED, "resumed by a user");
		jobs_forgive(job);
		jobs_set_launched(job, 1, "waiting for its worker to start");
		launch_at_commit(id, job->owner);
	}
	else if (job_state_is_final(job->state) || job->state == JOB_CANCELLING)
		notice_ended(job);
	row = result_row(fcinfo, "id", INT8OID, Int64GetDatum(id));
	SPI_finish();
	PG_RETURN_DATUM(row);
}

/* Raises 55000 if the job was made by the current transaction, whose end it waits for itself. */
static void
check_committed(int64 id)
{
	Oid			  types[] = {INT8OID};
	Datum		  values[] = {Int64GetDatum(id)};
	TransactionId xmin;

	(void) sql_execute_own("SELECT j.xmin FROM pollseed.jobs AS j"
						   " WHERE j.job_id OPERATOR(pg_catalog.=) $1",
						   lengthof(types), types, values, NULL);
	xmin = DatumGetTransactionId(sql_value_not_null(0, 1));
	if (TransactionIdIsCurrentTransactionId(xmin))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("cannot wait for job " INT64_FORMAT " in the transaction that "
							   "changed it last",
							   id),
						errhint("A job starts when this transaction commits: wait after that.")));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot wait for a job in a transaction of isolation level "
							   "repeatable read or serializable"),
						errdetail("Such a transaction does not see what the job commits.")));
}

/* pollseed_job_wait(job_id, timeout) */
Datum
pollseed_job_wait(PG_FUNCTION_ARGS)
{
	TimestampTz until = deadline_argument(fcinfo, 1);
	long		poll_ms = MIN_POLL_MS;
	Oid			other_role = ROLE_PG_READ_ALL_STATS;
	int64		id;
	Datum		row;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	id = PG_GETARG_INT64(0);
	if (has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND))
		other_role = ROLE_PG_SIGNAL_BACKEND;

	SPI_connect();
	(void) read_job(id, false, other_role);
	check_committed(id);
	while (!jobs_is_over(id) && GetCurrentTimestamp() < until)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, poll_ms,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		poll_ms = Min(poll_ms + 5, MAX_POLL_MS);
	}
	row = result_row(fcinfo, "id", INT8OID, Int64GetDatum(id));
	SPI_finish();
	PG_RETURN_DATUM(row);
}

/* Puts the rows of jobs, as the caller may see them, into a result. */
static void
put_rows(ReturnSetInfo *result, const char *view, List *jobs)
{
	ListCell *cell;

	foreach(cell, jobs)
	{
		Oid	  types[] = {INT8OID};
		Datum values[] = {Int64GetDatum(*(int64 *) lfirst(cell))};

		if (sql_execute(
				psprintf("SELECT j.* FROM %s AS j WHERE j.id OPERATOR(pg_catalog.=) $1", view),
				lengthof(types), types, values, NULL) == 1)
			tuplestore_puttuple(result->setResult, SPI_tuptable->vals[0]);
	}
}

/* pollseed_run_jobs(max_jobs) */
Datum
pollseed_run_jobs(PG_FUNCTION_ARGS)
{
	int max_jobs = PG_ARGISNULL(0) ? -1 : PG_GETARG_INT32(0);

	PreventCommandIfReadOnly("pollseed_run_jobs()");
	if (!PG_ARGISNULL(0) && max_jobs < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_jobs must not be negative")));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	put_rows((ReturnSetInfo *) fcinfo->resultinfo, result_relation(fcinfo), tick(max_jobs));
	SPI_finish();
	PG_RETURN_VOID();
}
