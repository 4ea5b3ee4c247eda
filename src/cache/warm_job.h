/*-------------------------------------------------------------------------
 *
 * warm_job.h
 *		The standing job of a role that runs its warmers.
 *
 * A job's plan says what it is and has done: {"kind": "standing", "figures": {"computed": 3, "failed": 0}}.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_WARM_JOB_H
#define POLLSEED_CACHE_WARM_JOB_H

/* Classes of advisory locks: see standing.h. */
#define CACHE_SCHEDULE_LOCK 28796
#define CACHE_STANDING_LOCK 28797

/*
 * Returns the id of the current user's job, which it makes where there is none yet.  The caller
 * has taken the first of the locks, by the user's OID.
 */
extern int64 warm_job_find_or_submit(void);

/* Makes the engine known to the job layer. */
extern void warm_job_init(void);

#endif /* POLLSEED_CACHE_WARM_JOB_H */
