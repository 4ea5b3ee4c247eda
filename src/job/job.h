/*-------------------------------------------------------------------------
 *
 * job.h
 *		The job layer as a whole: its settings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_JOB_H
#define POLLSEED_JOB_H

/* pollseed.max_running_jobs: how many jobs may run at once in a database. */
extern int max_running_jobs;

/* Defines the settings, watches the ends of transactions, and registers the launcher. */
extern void job_init(void);

#endif /* POLLSEED_JOB_H */
