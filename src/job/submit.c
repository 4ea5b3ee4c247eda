/*-------------------------------------------------------------------------
 *
 * submit.c
 *		Making a job of what an engine was asked to do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/figures.h"
#include "job/launch.h"
#include "job/submit.h"

#define DEFAULT_WORKERS 1
#define DEFAULT_PRIORITY 0
#define DEFAULT_MAX_ATTEMPTS 3
#define MAX_MAX_ATTEMPTS 1000000

void
job_request(FunctionCallInfo fcinfo, int first_arg, JobEntry *entry)
{
	entry->workers =
		bounded_argument(fcinfo, first_arg, "workers", DEFAULT_WORKERS, MAX_JOB_WORKERS);
	entry->priority =
		PG_ARGISNULL(first_arg + 1) ? DEFAULT_PRIORITY : PG_GETARG_INT32(first_arg + 1);
	entry->max_attempts = bounded_argument(fcinfo, first_arg + 2, "max_attempts",
										   DEFAULT_MAX_ATTEMPTS, MAX_MAX_ATTEMPTS);
}

void
job_request_workers(FunctionCallInfo fcinfo, int arg, JobEntry *entry)
{
	entry->workers = bounded_argument(fcinfo, arg, "workers", DEFAULT_WORKERS, MAX_JOB_WORKERS);
	entry->priority = DEFAULT_PRIORITY;
	entry->max_attempts = DEFAULT_MAX_ATTEMPTS;
}

/* Tells whether a role may log in. */
static bool
role_may_login(Oid role)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool	  may;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for role %u", role);
	may = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	return may;
}

void
job_check_owner(void)
{
	if (InSecurityRestrictedOperation())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("cannot start a job within security-restricted operation")));
	if (COMPAT_BGWORKER_BYPASS_ROLELOGINCHECK == 0 && !role_may_login(GetUserId()))
		ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
						errmsg("role \"%s\" is not permitted to log in",
							   GetUserNameFromId(GetUserId(), false)),
						errdetail("A job's worker connects as the role that made the job, and on "
								  "servers before 17 it must be able to."),
						errhint("Make the job as a role with LOGIN.")));
}

int64
job_submit(const JobEntry *entry)
{
	int64 id = jobs_insert(entry);

	launch_at_commit(id, GetUserId());
	return id;
}

/* Says of a job that there is already what to do if it is paused. */
static void
notice_paused(int64 id)
{
	const Job *job = jobs_read(id, false, CurrentMemoryContext);

	if (job != NULL && job->state == JOB_PAUSED)
		ereport(NOTICE, (errmsg("job " INT64_FORMAT " is paused", id),
						 errhint("Let it go on with pollseed_job_resume(" INT64_FORMAT ").", id)));
}

int64
job_find_or_submit(const JobEntry *entry)
{
	int64 id = jobs_find(entry->engine, GetUserId(), entry->plan);

	if (id != 0)
	{
		notice_paused(id);
		return id;
	}
	job_check_owner();
	return job_submit(entry);
}
