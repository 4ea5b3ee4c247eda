/*-------------------------------------------------------------------------
 *
 * seed_job.h
 *		A seeding done by background workers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SEED_JOB_H
#define POLLSEED_SEED_JOB_H

/* Makes the engine known to the job layer. */
extern void seed_job_init(void);

#endif /* POLLSEED_SEED_JOB_H */
