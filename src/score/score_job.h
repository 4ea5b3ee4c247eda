/*-------------------------------------------------------------------------
 *
 * score_job.h
 *		Scores refreshed by background jobs: pollseed_score_refresh_async() and
 *		pollseed_score_schedule().
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_JOB_H
#define POLLSEED_SCORE_JOB_H

/* Makes the engine known to the job layer. */
extern void score_job_init(void);

#endif /* POLLSEED_SCORE_JOB_H */
