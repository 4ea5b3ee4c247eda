/*-------------------------------------------------------------------------
 *
 * backfill_job.h
 *		A backfill run by background workers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_BACKFILL_JOB_H
#define POLLSEED_BACKFILL_JOB_H

/* Makes the engine known. */
extern void backfill_job_init(void);

#endif /* POLLSEED_BACKFILL_JOB_H */
