/*-------------------------------------------------------------------------
 *
 * graph_job.h
 *		Seeding a schema as a background job.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GRAPH_JOB_H
#define POLLSEED_GRAPH_JOB_H

/* Makes the engine known to the job layer. */
extern void graph_job_init(void);

#endif /* POLLSEED_GRAPH_JOB_H */
