/*-------------------------------------------------------------------------
 *
 * job.c
 *		The job layer as a whole: its settings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "job/job.h"
#include "job/launch.h"
#include "job/launcher.h"

int max_running_jobs = 4;

void
job_init(void)
{
	launcher_init();
	DefineCustomIntVariable("pollseed.max_running_jobs",
							"How many jobs may run at once in a database.",
							"Further jobs wait, those of higher priority less long.",
							&max_running_jobs, 4, 1, 1000, PGC_SUSET, 0, NULL, NULL, NULL);
	launch_init();
}
