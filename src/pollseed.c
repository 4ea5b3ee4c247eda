/*-------------------------------------------------------------------------
 *
 * pollseed.c
 *		Entry point of the module.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "backfill/backfill_job.h"
#include "backfill/settings.h"
#include "cache/flight.h"
#include "cache/memory.h"
#include "core/changes.h"
#include "cache/warm_job.h"
#include "core/compat.h"
#include "core/fault.h"
#include "core/notify.h"
#include "core/progress.h"
#include "core/tags.h"
#include "core/tallies.h"
#include "graph/graph_job.h"
#include "job/job.h"
#include "score/capture_merge.h"
#include "score/score_job.h"
#include "votes/seed_job.h"
#include "write/writer.h"

POLLSEED_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/* Sets up each part when the server loads the module. */
void
_PG_init(void)
{
	notify_init();
	progress_init();
	fault_init();
	tags_init();
	tallies_init();
	changes_init();
	memory_init();
	flight_init();
	job_init();
	writer_init();
	seed_job_init();
	backfill_init();
	backfill_job_init();
	capture_merge_init();
	score_job_init();
	warm_job_init();
	graph_job_init();
	MarkGUCPrefixReserved("pollseed");
}
