/*-------------------------------------------------------------------------
 *
 * jobs.c
 *		The table pollseed.jobs: what each job is, where it stands, and its log.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/notify.h"
#include "core/role.h"
#include "core/sql.h"
#include "job/engine.h"
#include "job/jobs.h"

/* What generated data and its writing depend on, beside the arguments: a job takes these settings with it. */
#define JOB_SETTINGS                                                                                \
	"DateStyle,IntervalStyle,TimeZone,bytea_output,extra_float_digits,search_path,pollseed.notify," \
	"pollseed.track_progress,pollseed.write_lane"

/* A member of the plan of a job that has decided to end. */
#define JOB_RETIRED "retired"

static const char *const state_names[] = {
	[JOB_QUEUED] = "queued",		 [JOB_RUNNING] = "running",		[JOB_PAUSED] = "paused",
	[JOB_CANCELLING] = "cancelling", [JOB_SUCCEEDED] = "succeeded", [JOB_FAILED] = "failed",
	[JOB_CANCELLED] = "cancelled",
};

const char *
job_state_name(JobState state)
{
	return state_names[state];
}

bool
job_state_is_final(JobState state)
{
	return state == JOB_SUCCEEDED || state == JOB_FAILED || state == JOB_CANCELLED;
}

/* Returns the state of that name. */
static JobState
state_by_name(const char *name)
{
	for (size_t i = 0; i < lengthof(state_names); i++)
	{
		if (strcmp(name, state_names[i]) == 0)
			return (JobState) i;
	}
	elog(ERROR, "unrecognized job state \"%s\"", name);
}

/* Runs a statement on the tables as their owner. */
static int64
execute(const char *sql, int nargs, Oid *types, Datum *values)
{
	return sql_execute_own(sql, nargs, types, values, NULL);
}

/* Adds a line to a job's log. */
static void
log_state(int64 id, JobState state, const char *reason)
{
	Oid	  types[] = {INT8OID, TEXTOID, TEXTOID};
	Datum values[] = {Int64GetDatum(id), CStringGetTextDatum(job_state_name(state)),
					  CStringGetTextDatum(reason)};

	execute("INSERT INTO pollseed.job_log (job_id, state, reason) VALUES ($1, $2, $3)",
			lengthof(types), types, values);
}

int64
jobs_insert(const JobEntry *entry)
{
	Oid	  types[] = {TEXTOID, TEXTOID, JSONBOID, JSONBOID, INT8OID, INT8OID, INT4OID, INT4OID,
					 INT4OID, INT4OID, NAMEOID,	 OIDOID,   OIDOID,	OIDOID,	 TEXTOID, BOOLOID};
	Datum values[lengthof(types)];
	Name  user = palloc0_object(NameData);
	int64 id;

	namestrcpy(user, GetUserNameFromId(GetUserId(), false));
	values[0] = CStringGetTextDatum(entry->engine);
	values[1] = CStringGetTextDatum(entry->relation);
	values[2] = entry->arguments;
	values[3] = entry->plan;
	values[4] = Int64GetDatum(entry->total);
	values[5] = Int64GetDatum(entry->seed);
	values[6] = Int32GetDatum(entry->generator_version);
	values[7] = Int32GetDatum(entry->workers);
	values[8] = Int32GetDatum(entry->priority);
	values[9] = Int32GetDatum(entry->max_attempts);
	values[10] = NameGetDatum(user);
	values[11] = ObjectIdGetDatum(GetUserId());
	values[12] = ObjectIdGetDatum(entry->relation_oid);
	values[13] = ObjectIdGetDatum(MyDatabaseId);
	values[14] = CStringGetTextDatum(entry->lane);
	values[15] = BoolGetDatum(entry->is_run);

	execute("INSERT INTO pollseed.jobs (engine, relation, arguments, plan, total, seed,"
			" generator_version, workers, priority, max_attempts, owner, owner_oid, relation_oid,"
			" database_oid, lane, settings, state, reason, launched_at, launches_in_vain, run_id)"
			" SELECT $1, $2, CASE WHEN $16 THEN $3 OPERATOR(pg_catalog.||)"
			" pg_catalog.jsonb_build_object('seed', $6) ELSE $3 END,"
			" $4, $5, CASE WHEN $16 THEN $6 END, CASE WHEN $16 THEN $7 END,"
			" $8, $9, $10, $11, $12, $13, $14, $15,"
			" (SELECT pg_catalog.jsonb_object_agg(s.name, pg_catalog.current_setting(s.name))"
			"    FROM pg_catalog.string_to_table('" JOB_SETTINGS "', ',')"
			"    AS s(name)),"
			" 'queued', 'waiting for its worker to start', pg_catalog.clock_timestamp(), 1,"
			" CASE WHEN $16 THEN pg_catalog.nextval('pollseed.runs_run_id_seq') END"
			" RETURNING job_id",
			lengthof(types), types, values);
	id = DatumGetInt64(sql_value_not_null(0, 1));
	log_state(id, JOB_QUEUED, "submitted");
	return id;
}

/* Returns a text column of the first row of the last result, in the current context. */
static char *
text_value(int column)
{
	return TextDatumGetCString(sql_value_not_null(0, column));
}

/* Returns a copy of a jsonb column of the first row of the last result. */
static Jsonb *
jsonb_value(int column)
{
	return DatumGetJsonbPCopy(sql_value_not_null(0, column));
}

/* Returns an integer column of the first row of the last result. */
static int32
int_value(int column)
{
	return DatumGetInt32(sql_value_not_null(0, column));
}

Job *
jobs_read(int64 id, bool lock, MemoryContext context)
{
	Oid			  types[] = {INT8OID};
	Datum		  values[] = {Int64GetDatum(id)};
	MemoryContext old_context;
	Job			 *job;

	if (execute(psprintf("SELECT j.engine, j.relation, j.plan, j.settings, j.state, j.owner_oid,"
						 " EXISTS (SELECT FROM pg_catalog.pg_roles AS o"
						 "          WHERE o.oid OPERATOR(pg_catalog.=) j.owner_oid"
						 "            AND (o.rolname OPERATOR(pg_catalog.=) j.owner"
						 "                 OR j.finished_at IS NULL)),"
						 " j.workers, j.attempts, j.attempts_in_vain, j.max_attempts, j.done,"
						 " j.total, COALESCE(j.run_id, 0), COALESCE(j.worker_pid, 0),"
						 " COALESCE(j.started_at, pg_catalog.clock_timestamp()), j.database_oid"
						 " FROM pollseed.jobs AS j WHERE j.job_id OPERATOR(pg_catalog.=) $1%s",
						 lock ? " FOR UPDATE" : ""),
				lengthof(types), types, values) == 0)
		return NULL;

	old_context = MemoryContextSwitchTo(context);
	job = palloc0_object(Job);
	job->id = id;
	job->engine = text_value(1);
	job->relation = text_value(2);
	job->plan = jsonb_value(3);
	job->settings = jsonb_value(4);
	job->state = state_by_name(text_value(5));
	job->owner = DatumGetObjectId(sql_value_not_null(0, 6));
	job->owner_exists = DatumGetBool(sql_value_not_null(0, 7));
	job->workers = int_value(8);
	job->attempts = int_value(9);
	job->attempts_in_vain = int_value(10);
	job->max_attempts = int_value(11);
	job->done = DatumGetInt64(sql_value_not_null(0, 12));
	job->total = DatumGetInt64(sql_value_not_null(0, 13));
	job->run = DatumGetInt64(sql_value_not_null(0, 14));
	job->worker_pid = int_value(15);
	job->started_at = DatumGetTimestampTz(sql_value_not_null(0, 16));
	job->database = DatumGetObjectId(sql_value_not_null(0, 17));
	MemoryContextSwitchTo(old_context);
	return job;
}

bool
jobs_is_over(int64 id)
{
	Oid	  types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(id)};
	bool  over;

	over = execute("SELECT FROM pollseed.jobs AS j WHERE j.job_id OPERATOR(pg_catalog.=) $1"
				   " AND j.finished_at IS NULL",
				   lengthof(types), types, values) == 0;
	SPI_freetuptable(SPI_tuptable);
	return over;
}

int64
jobs_find(const char *engine, Oid owner, Datum plan)
{
	Oid				  types[] = {TEXTOID, OIDOID, JSONBOID, OIDOID};
	Datum			  values[] = {CStringGetTextDatum(engine), ObjectIdGetDatum(owner), plan,
								  ObjectIdGetDatum(MyDatabaseId)};
	static SPIPlanPtr sql_plan = NULL;

	CommandCounterIncrement();
	if (sql_execute_own_latest(&sql_plan,
							   "SELECT j.job_id FROM pollseed.jobs AS j"
							   " WHERE j.finished_at IS NULL"
							   " AND j.engine OPERATOR(pg_catalog.=) $1"
							   " AND j.owner_oid OPERATOR(pg_catalog.=) $2"
							   " AND j.plan OPERATOR(pg_catalog.@>) $3"
							   " AND j.database_oid OPERATOR(pg_catalog.=) $4"
							   " AND j.state OPERATOR(pg_catalog.<>) 'cancelling'"
							   " AND NOT (j.plan OPERATOR(pg_catalog.?) '" JOB_RETIRED "')"
							   " ORDER BY j.job_id LIMIT 1",
							   lengthof(types), types, values, NULL) == 0)
		return 0;
	return DatumGetInt64(sql_value_not_null(0, 1));
}

/* Runs an UPDATE of a job's row, whose SET clause may use two texts as $2 and $3. */
static int64
update_job(int64 id, const char *set, const char *text2, const char *text3)
{
	Oid	  types[] = {INT8OID, TEXTOID, TEXTOID};
	Datum values[] = {Int64GetDatum(id), CStringGetTextDatum(text2), CStringGetTextDatum(text3)};

	return execute(psprintf("UPDATE pollseed.jobs AS j SET %s"
							" WHERE j.job_id OPERATOR(pg_catalog.=) $1",
							set),
				   lengthof(types), types, values);
}

void
jobs_set_state(Job *job, JobState state, const char *reason)
{
	update_job(job->id,
			   "state = $2, reason = $3, finished_at = NULL, result = NULL, launched_at = NULL",
			   job_state_name(state), reason);
	log_state(job->id, state, reason);
	job->state = state;
}

void
jobs_forgive(const Job *job)
{
	update_job(job->id, "launches_in_vain = 0, attempts_in_vain = 0", "", "");
}

void
jobs_set_not_launched(int64 id, const char *reason)
{
	update_job(id, "launched_at = NULL, launches_in_vain = 0, reason = $2", reason, "");
}

void
jobs_set_launched(Job *job, int launches, const char *reason)
{
	update_job(job->id,
			   psprintf("state = $2, reason = $3, launched_at = pg_catalog.clock_timestamp(),"
						" launches_in_vain = %d",
						launches),
			   job_state_name(JOB_QUEUED), reason);
	if (job->state != JOB_QUEUED)
		log_state(job->id, JOB_QUEUED, reason);
	job->state = JOB_QUEUED;
}

void
jobs_take_up(Job *job)
{
	const char *reason = job->attempts == 0 ? "started" : "taken up again";

	update_job(job->id,
			   psprintf("state = $2, reason = $3, worker_pid = %d,"
						" launched_at = NULL, launches_in_vain = 0,"
						" started_at = COALESCE(j.started_at, pg_catalog.clock_timestamp()),"
						" attempts = j.attempts OPERATOR(pg_catalog.+) 1,"
						" attempts_in_vain = j.attempts_in_vain OPERATOR(pg_catalog.+) 1",
						MyProcPid),
			   job_state_name(JOB_RUNNING), reason);
	log_state(job->id, JOB_RUNNING, reason);
	job->state = JOB_RUNNING;
	job->worker_pid = MyProcPid;
	job->attempts++;
	job->attempts_in_vain++;
}

bool
jobs_advance(const Job *job, const JobSlice *slice)
{
	Oid	  types[] = {INT8OID, INT4OID, INT8OID, INT8OID, INT4OID, TEXTOID, INT4OID};
	Datum values[] = {Int64GetDatum(job->id),		   Int32GetDatum(job->attempts),
					  Int64GetDatum(slice->first - 1), Int64GetDatum(slice->last),
					  Int32GetDatum(slice->batches),   CStringGetTextDatum(slice->lane),
					  Int32GetDatum(slice->updated)};

	return execute(
			   "UPDATE pollseed.jobs AS j SET done = $4, attempts_in_vain = 0, reason = 'working',"
			   " updated = $7,"
			   " batches = j.batches OPERATOR(pg_catalog.+) $5::pg_catalog.int8, lane = $6"
			   " WHERE j.job_id OPERATOR(pg_catalog.=) $1"
			   " AND j.attempts OPERATOR(pg_catalog.=) $2"
			   " AND j.done OPERATOR(pg_catalog.=) $3"
			   " AND j.state OPERATOR(pg_catalog.=) 'running'",
			   lengthof(types), types, values) == 1;
}

int
jobs_report(const Job *job, const JobReport *report)
{
	Oid	  types[] = {INT8OID, INT4OID, INT8OID, INT8OID, INT8OID, TEXTOID};
	Datum values[] = {Int64GetDatum(job->id),		  Int32GetDatum(job->attempts),
					  Int64GetDatum(report->done),	  Int64GetDatum(report->total),
					  Int64GetDatum(report->batches), CStringGetTextDatum(report->reason)};

	if (execute("UPDATE pollseed.jobs AS j SET done = $3, total = $4,"
				" reason = CASE WHEN j.state OPERATOR(pg_catalog.=) 'running' THEN $6"
				" ELSE j.reason END,"
				" batches = j.batches OPERATOR(pg_catalog.+) $5,"
				" attempts_in_vain = CASE WHEN $3 OPERATOR(pg_catalog.>) j.done"
				" OR $5 OPERATOR(pg_catalog.>) 0 THEN 0 ELSE j.attempts_in_vain END"
				" WHERE j.job_id OPERATOR(pg_catalog.=) $1"
				" AND j.attempts OPERATOR(pg_catalog.=) $2 AND j.finished_at IS NULL"
				" RETURNING CASE WHEN j.state OPERATOR(pg_catalog.=) 'running' THEN j.workers"
				" ELSE 0 END",
				lengthof(types), types, values) == 0)
		return 0;
	return int_value(1);
}

int
jobs_workers_wanted(const Job *job)
{
	Oid	  types[] = {INT8OID, INT4OID};
	Datum values[] = {Int64GetDatum(job->id), Int32GetDatum(job->attempts)};

	if (execute("SELECT j.workers FROM pollseed.jobs AS j"
				" WHERE j.job_id OPERATOR(pg_catalog.=) $1"
				" AND j.attempts OPERATOR(pg_catalog.=) $2"
				" AND j.state OPERATOR(pg_catalog.=) 'running'",
				lengthof(types), types, values) == 0)
		return 0;
	return int_value(1);
}

bool
jobs_set_workers(int64 id, int workers)
{
	Oid	  types[] = {INT8OID, INT4OID};
	Datum values[] = {Int64GetDatum(id), Int32GetDatum(workers)};

	return execute("UPDATE pollseed.jobs AS j SET workers = $2"
				   " WHERE j.job_id OPERATOR(pg_catalog.=) $1 AND j.finished_at IS NULL",
				   lengthof(types), types, values) == 1;
}

void
jobs_extend_plan(const Job *job, Datum members)
{
	Oid	  types[] = {INT8OID, INT4OID, JSONBOID};
	Datum values[] = {Int64GetDatum(job->id), Int32GetDatum(job->attempts), members};

	execute("UPDATE pollseed.jobs AS j SET plan = j.plan OPERATOR(pg_catalog.||) $3"
			" WHERE j.job_id OPERATOR(pg_catalog.=) $1"
			" AND j.attempts OPERATOR(pg_catalog.=) $2 AND j.finished_at IS NULL",
			lengthof(types), types, values);
}

void
jobs_retire(const Job *job)
{
	jobs_extend_plan(job,
					 DirectFunctionCall1(jsonb_in, CStringGetDatum("{\"" JOB_RETIRED "\": true}")));
}

void
jobs_note_retry(Job *job, const char *reason)
{
	update_job(job->id, "retries = j.retries OPERATOR(pg_catalog.+) 1, reason = $2", reason, "");
	log_state(job->id, job->state, reason);
}

void
jobs_note_error(const Job *job, const char *sqlstate, const char *message)
{
	update_job(job->id, "last_sqlstate = $2, last_error = $3", sqlstate, message);
}

/* Tells whether a job is to send notifications. */
static bool
is_to_notify(const Job *job)
{
	JsonbValue	key = {.type = jbvString};
	JsonbValue *value;

	key.val.string.val = "pollseed.notify";
	key.val.string.len = (int) strlen(key.val.string.val);
	value = findJsonbValueFromContainer(&job->settings->root, JB_FOBJECT, &key);
	return value == NULL || value->type != jbvString || value->val.string.len != strlen("off") ||
		   strncmp(value->val.string.val, "off", strlen("off")) != 0;
}

void
jobs_notify(const Job *job, const char *event, int64 done, const char *error)
{
	if (!is_to_notify(job))
		return;
	notify_event(
		&(NotifyEvent){.event = event,
					   .engine = job->engine,
					   .job = job->id,
					   .run = job->run,
					   .done = done,
					   .total = job->total,
					   .time_ms = (double) (GetCurrentTimestamp() - job->started_at) / 1000.0,
					   .error = error});
}

/*
 * Records the run of a job that is one and wrote something, again if it was resumed
 * after it had been recorded.
 */
static void
record_run(const Job *job)
{
	Oid	  types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(job->id)};

	execute("INSERT INTO pollseed.runs AS r (run_id, engine, relation, rows_written, seed,"
			" generator_version, arguments, lane, time_ms, run_by, run_by_oid, run_at)"
			" OVERRIDING SYSTEM VALUE"
			" SELECT j.run_id, j.engine, j.relation, j.done, j.seed, j.generator_version,"
			" j.arguments OPERATOR(pg_catalog.-) 'seed', j.lane, pg_catalog.date_part('epoch',"
			" j.finished_at OPERATOR(pg_catalog.-) j.started_at) OPERATOR(pg_catalog.*) 1000,"
			" j.owner, j.owner_oid, j.started_at"
			" FROM pollseed.jobs AS j"
			" WHERE j.job_id OPERATOR(pg_catalog.=) $1 AND j.run_id IS NOT NULL"
			" AND j.started_at IS NOT NULL"
			" AND (j.done OPERATOR(pg_catalog.>) 0 OR j.state OPERATOR(pg_catalog.=) 'succeeded')"
			" ON CONFLICT (run_id) DO UPDATE"
			" SET rows_written = EXCLUDED.rows_written, lane = EXCLUDED.lane,"
			" time_ms = EXCLUDED.time_ms,"
			" cleared_at = CASE WHEN EXCLUDED.rows_written OPERATOR(pg_catalog.=) r.rows_written"
			" THEN r.cleared_at END",
			lengthof(types), types, values);
}

void
jobs_finish(Job *job, JobState state, const char *reason, const char *error)
{
	const JobEngine *engine = job_engine(job->engine);

	update_job(job->id,
			   "state = $2, reason = $3, finished_at = pg_catalog.clock_timestamp(),"
			   " worker_pid = NULL, launched_at = NULL",
			   job_state_name(state), reason);
	log_state(job->id, state, reason);
	job->state = state;
	record_run(job);

	if (engine != NULL)
		update_job(job->id, psprintf("result = %s", engine->result), "", "");
	jobs_notify(job, job_state_name(state), job->done, error);
}

bool
jobs_relation_exists(const Job *job)
{
	Oid	  types[] = {INT8OID};
	Datum values[] = {Int64GetDatum(job->id)};

	return execute("SELECT FROM pollseed.jobs AS j, pg_catalog.pg_class AS c"
				   " WHERE j.job_id OPERATOR(pg_catalog.=) $1"
				   " AND c.oid OPERATOR(pg_catalog.=) j.relation_oid",
				   lengthof(types), types, values) == 1;
}
