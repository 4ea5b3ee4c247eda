/*-------------------------------------------------------------------------
 *
 * jobs.h
 *		The table pollseed.jobs: what each job is, where it stands, and its log.
 *
 * All of it needs SPI to be connected, and runs as the table's owner, so that
 * nobody needs a privilege on the table and nobody can forge a job.  Lock order:
 * an engine's rows first, the job's row last.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_JOBS_H
#define POLLSEED_JOBS_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

struct JobSlice;

/* A job has at most so many processes, its leader included. */
#define MAX_JOB_WORKERS 64

typedef enum JobState
{
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_PAUSED,
	JOB_CANCELLING, /* to be cancelled by its worker */
	JOB_SUCCEEDED,
	JOB_FAILED,
	JOB_CANCELLED
} JobState;

/* A job as read from its row. */
typedef struct Job
{
	int64		id;
	const char *engine;
	const char *relation;
	Jsonb	   *plan;	  /* what the engine needs to do the work, wherever it starts */
	Jsonb	   *settings; /* of the session that made it: name to value */
	JobState	state;
	Oid			owner;
	bool		owner_exists;
	int			workers;
	int			attempts;		  /* times that a worker took it up */
	int			attempts_in_vain; /* of these, the last ones without a committed slice */
	int			max_attempts;
	int64		done;
	int64		total;
	int64		run;		/* or 0 */
	int			worker_pid; /* or 0 */
	Oid			database;
	TimestampTz started_at; /* by its first worker; before that, now */
} Job;

/* How far a job has come whose engine commits by itself. */
typedef struct JobReport
{
	int64		done;
	int64		total;
	int64		batches; /* committed since the last report */
	const char *reason;
} JobReport;

/* What is kept of a new job. */
typedef struct JobEntry
{
	const char *engine;
	const char *relation; /* schema-qualified and quoted */
	Oid			relation_oid;
	Datum		arguments; /* jsonb, for people */
	Datum		plan;	   /* jsonb, for the engine */
	int64		total;

	/* Whether it generates data, and so has a seed and is recorded in the ledger. */
	bool  is_run;
	int64 seed;
	int	  generator_version;

	int			workers;
	int			priority;
	int			max_attempts;
	const char *lane; /* that rows will be written by, as far as can be told */
} JobEntry;

/* Returns a state's name. */
extern const char *job_state_name(JobState state);

/* Tells whether nothing more happens to a job in this state unless somebody resumes it. */
extern bool job_state_is_final(JobState state);

/* Inserts a job of the current user's, queued and about to be started; returns its id. */
extern int64 jobs_insert(const JobEntry *entry);

/* Reads a job, locking its row if asked to, into the given memory context; NULL where there is none. */
extern Job *jobs_read(int64 id, bool lock, MemoryContext context);

/*
 * Returns the id of a role's job of an engine that has not ended, that is to be relied on,
 * and whose plan has the members of a jsonb; 0 where there is none.  It is looked for in a snapshot of
 * its own: one who holds a lock that those who make such a job take finds the job of who made one before.
 */
extern int64 jobs_find(const char *engine, Oid owner, Datum plan);

/* Says in a job's plan that it is about to end, so that jobs_find() does not find it any more. */
extern void jobs_retire(const Job *job);

/* Tells whether a job has ended, or does not exist; leaves nothing behind, so that one can ask it again and again. */
extern bool jobs_is_over(int64 id);

/* Changes a job's state, for a reason that its log and view tell. */
extern void jobs_set_state(Job *job, JobState state, const char *reason);

/* Forgets the attempts in vain, because a person takes care of the job. */
extern void jobs_forgive(const Job *job);

/* Gives the reason for a job's state anew; it is one that no worker could be started for. */
extern void jobs_set_not_launched(int64 id, const char *reason);

/*
 * Notes that a worker is being started for a job, for so many times without one
 * having taken it up, and puts it back into the queue if it was not there.
 */
extern void jobs_set_launched(Job *job, int launches, const char *reason);

/* Makes this process the worker of a job and counts the attempt. */
extern void jobs_take_up(Job *job);

/*
 * Moves a job's position from right before the slice to its end.  Returns false, and
 * changes nothing, unless the job is running, in this attempt, and stands right
 * before the slice: whoever else may believe to work on it.
 */
extern bool jobs_advance(const Job *job, const struct JobSlice *slice);

/*
 * Writes down how far a job has come, unless there was another attempt since, or the
 * job has ended; that it has come farther makes its attempts not in vain.  Returns how
 * many workers are wanted: 0 unless the job is running in this attempt.
 */
extern int jobs_report(const Job *job, const JobReport *report);

/* Returns the same without writing anything. */
extern int jobs_workers_wanted(const Job *job);

/*
 * Sets how many workers are wanted for a job.  If it is running its leader sees to that
 * within about a second; its engine must be one that has run.  Returns false where the
 * job has ended or does not exist.
 */
extern bool jobs_set_workers(int64 id, int workers);

/* Tells listeners of an event that a job has come to, unless its settings say otherwise; error is an SQLSTATE or NULL. */
extern void jobs_notify(const Job *job, const char *event, int64 done, const char *error);

/* Adds to what the engine keeps in a job's plan, a jsonb, unless there was another attempt since or the job has ended. */
extern void jobs_extend_plan(const Job *job, Datum members);

/* Counts a retry and says in the log what it is for. */
extern void jobs_note_retry(Job *job, const char *reason);

/* Keeps an error as the job's last one. */
extern void jobs_note_error(const Job *job, const char *sqlstate, const char *message);

/*
 * Ends a job: sets its state, makes its result, records its run if it is one and
 * wrote anything, and tells listeners.  error is an SQLSTATE or NULL.  The job must
 * have been read, and locked, in this transaction.
 */
extern void jobs_finish(Job *job, JobState state, const char *reason, const char *error);

/* Tells whether the relation that a job works on is still there, under whatever name. */
extern bool jobs_relation_exists(const Job *job);

#endif /* POLLSEED_JOBS_H */
