/*-------------------------------------------------------------------------
 *
 * tick.c
 *		Starting what waits and adopting what was orphaned.
 *
 * An orphan is a job that runs by its row and whose leader's lock nobody holds.
 * Two ticks at once do not adopt it twice: the first locks its row, the second
 * skips it or looks again, and later ones see that it is being started.  Should that fail, it is
 * started again after LAUNCH_GRACE; a second worker of a job that has one just
 * leaves, so that this time is a matter of economy and not of correctness.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/extension.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "job/job.h"
#include "job/jobs.h"
#include "job/launch.h"
#include "job/locks.h"
#include "job/session.h"
#include "job/tick.h"

/* A worker should have taken its job up within this time. */
#define LAUNCH_GRACE "10 seconds"

/* So many workers in a row may fail to take a job up, for instance because its owner may not connect. */
#define MAX_LAUNCHES 10

/* When the server's processes were last started, after a restart or a crash: no worker is older. */
#define SERVER_START                                                                          \
	"(SELECT pg_catalog.max(a.backend_start) FROM pg_catalog.pg_stat_get_activity(NULL) AS a" \
	" WHERE a.backend_type OPERATOR(pg_catalog.=) 'checkpointer')"

/* Returns SQL that is true for a job, aliased j, that something is to be done about. */
static const char *
due_condition(void)
{
	return psprintf(
		"j.finished_at IS NULL AND j.state OPERATOR(pg_catalog.<>) 'paused'"
		" AND (j.launched_at IS NULL"
		" OR j.launched_at OPERATOR(pg_catalog.<)"
		" (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '%s'::pg_catalog.interval)"
		" OR j.launched_at OPERATOR(pg_catalog.<) " SERVER_START ")"
		" AND NOT %s",
		LAUNCH_GRACE, has_leader_condition("j.job_id"));
}

/* Returns the ids of the jobs that something is to be done about, those to be served first first. */
static List *
find_jobs(const char *due)
{
	List *found = NIL;
	int64 count;

	count = sql_execute_own(psprintf("SELECT j.job_id FROM pollseed.jobs AS j WHERE %s"
									 " ORDER BY j.priority DESC, j.job_id",
									 due),
							0, NULL, NULL, NULL);
	for (int64 row = 0; row < count; row++)
	{
		int64 *id = palloc_object(int64);

		*id = DatumGetInt64(sql_value_not_null(row, 1));
		found = lappend(found, id);
	}
	return found;
}

/*
 * Locks a job's row, unless somebody else has, and tells whether something is still
 * to be done about it, in a statement of its own: the one that waits for a row does
 * not look at pg_locks again.  *launches is how many were in vain, but for a crash.
 */
static bool
lock_due_job(int64 id, const char *due, int *launches)
{
	Oid	  types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(id)};

	if (sql_execute_own("SELECT FROM pollseed.jobs AS j WHERE j.job_id OPERATOR(pg_catalog.=) $1"
						" FOR UPDATE SKIP LOCKED",
						lengthof(types), types, values, NULL) == 0)
		return false;
	if (sql_execute_own(
			psprintf("SELECT CASE WHEN j.launched_at OPERATOR(pg_catalog.<) " SERVER_START
					 " THEN 0 ELSE j.launches_in_vain END FROM pollseed.jobs AS j"
					 " WHERE j.job_id OPERATOR(pg_catalog.=) $1 AND %s",
					 due),
			lengthof(types), types, values, NULL) == 0)
		return false;
	*launches = DatumGetInt32(sql_value_not_null(0, 1));
	return true;
}

/* Returns how many more jobs may run. */
static int
free_slots(void)
{
	(void) sql_execute(psprintf("SELECT %s", slots_taken_expression()), 0, NULL, NULL, NULL);
	return max_running_jobs - (int) DatumGetInt64(sql_value_not_null(0, 1));
}

/* Ends a job that needs no worker for that; returns whether it has ended. */
static bool
end_without_worker(Job *job, int launches)
{
	if (job->state == JOB_CANCELLING)
		jobs_finish(job, JOB_CANCELLED, "cancelled", NULL);
	else if (job->database != MyDatabaseId)
		jobs_finish(job, JOB_CANCELLED, "it belongs to the database that this one was copied from",
					NULL);
	else if (!job->owner_exists)
		jobs_finish(job, JOB_FAILED, "its owner does not exist any more", NULL);
	else if (launches >= MAX_LAUNCHES)
		jobs_finish(job, JOB_FAILED,
					psprintf("%d workers could not be started as its owner; see the server's log",
							 launches),
					NULL);
	return job_state_is_final(job->state);
}

List *
tick(int max_jobs)
{
	int			free = free_slots();
	const char *due = due_condition();
	List	   *started = NIL;
	ListCell   *cell;

	if (max_jobs < 0 || max_jobs > free)
		max_jobs = free;
	foreach(cell, find_jobs(due))
	{
		int64 *id = lfirst(cell);
		int	   launches;
		Job	  *job;

		if (!lock_due_job(*id, due, &launches))
			continue;
		job = jobs_read(*id, true, CurrentMemoryContext);
		if (job == NULL || end_without_worker(job, launches))
			continue;
		if (list_length(started) >= max_jobs)
		{
			/* What ran runs no more. */
			if (job->state == JOB_RUNNING)
				jobs_set_state(job, JOB_QUEUED, "its worker is gone");
			continue;
		}
		jobs_set_launched(job, launches + 1,
						  job->state == JOB_RUNNING ? "adopted: its worker is gone"
													: "its worker is being started");
		launch_at_commit(job->id, job->owner);
		started = lappend(started, id);
	}
	return started;
}

int64
tick_unlaunched_job(Oid owner)
{
	Oid	  types[] = {OIDOID};
	Datum values[] = {ObjectIdGetDatum(owner)};

	if (sql_execute_own("SELECT j.job_id FROM pollseed.jobs AS j"
						" WHERE j.finished_at IS NULL AND j.state OPERATOR(pg_catalog.=) 'queued'"
						" AND j.launched_at IS NULL AND j.owner_oid OPERATOR(pg_catalog.=) $1"
						" ORDER BY j.priority DESC, j.job_id LIMIT 1",
						lengthof(types), types, values, NULL) == 0)
		return 0;
	return DatumGetInt64(sql_value_not_null(0, 1));
}

/* Tells whether this database has the extension, in a version that knows jobs. */
static bool
extension_has_jobs(void)
{
	Oid schema;

	if (!OidIsValid(get_extension_oid("pollseed", true)))
		return false;
	schema = get_namespace_oid("pollseed", true);
	return OidIsValid(schema) && OidIsValid(get_relname_relid("jobs", schema));
}

/* Background worker: one tick in the ticket's database. */
void
pollseed_tick_main(Datum arg pg_attribute_unused())
{
	(void) session_connect();
	session_begin_limited();
	if (extension_has_jobs())
		(void) tick(-1);
	session_commit();
	proc_exit(0);
}
