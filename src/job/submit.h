/*-------------------------------------------------------------------------
 *
 * submit.h
 *		Making a job of what an engine was asked to do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SUBMIT_H
#define POLLSEED_SUBMIT_H

#include "fmgr.h"

#include "job/jobs.h"

/*
 * Sets the workers, priority and max_attempts of a job from three arguments that
 * follow one another; raises 22023 for one out of range.
 */
extern void job_request(FunctionCallInfo fcinfo, int first_arg, JobEntry *entry);

/* Sets the workers from an argument in the same way, and the others to their defaults. */
extern void job_request_workers(FunctionCallInfo fcinfo, int arg, JobEntry *entry);

/*
 * Raises an error unless the current user can have a job: in a security-restricted
 * operation nobody can (42501), and on servers before 17 only roles that may log
 * in (28000).
 */
extern void job_check_owner(void);

/* Keeps a job, which starts when the current transaction commits, and returns its id.  Needs SPI. */
extern int64 job_submit(const JobEntry *entry);

/*
 * Returns the id of the current user's job that has the engine and the plan of an entry, with a
 * notice if it is paused; makes one where jobs_find() finds none.
 */
extern int64 job_find_or_submit(const JobEntry *entry);

#endif /* POLLSEED_SUBMIT_H */
