/*-------------------------------------------------------------------------
 *
 * settings.c
 *		The settings of backfills.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "backfill/settings.h"
#include "write/writer.h"

int backfill_log_level = LOG;
int backfill_max_batch_size = 50000;
int backfill_max_failures = 1000;
int backfill_min_batch_size = 10;

static const struct config_enum_entry log_levels[] = {
	{"debug5", DEBUG5, false}, {"debug4", DEBUG4, false}, {"debug3", DEBUG3, false},
	{"debug2", DEBUG2, false}, {"debug1", DEBUG1, false}, {"debug", DEBUG2, true},
	{"info", INFO, false},	   {"notice", NOTICE, false}, {"log", LOG, false},
	{NULL, 0, false},
};

void
backfill_init(void)
{
	DefineCustomEnumVariable("pollseed.backfill_log_level",
							 "Level at which the steps of backfills are logged.", NULL,
							 &backfill_log_level, LOG, log_levels, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pollseed.backfill_max_batch_size",
							"The most rows that a backfill's batch grows to.", NULL,
							&backfill_max_batch_size, 50000, MIN_BATCH_SIZE, MAX_BATCH_SIZE,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pollseed.backfill_max_failures",
							"How many rows a run of a backfill sets aside before it fails.", NULL,
							&backfill_max_failures, 1000, 0, 1000000, PGC_USERSET, 0, NULL, NULL,
							NULL);
	DefineCustomIntVariable("pollseed.backfill_min_batch_size",
							"The fewest rows that a backfill's batch shrinks to.", NULL,
							&backfill_min_batch_size, 10, MIN_BATCH_SIZE, MAX_BATCH_SIZE,
							PGC_USERSET, 0, NULL, NULL, NULL);
}
