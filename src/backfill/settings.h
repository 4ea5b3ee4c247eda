/*-------------------------------------------------------------------------
 *
 * settings.h
 *		The settings of backfills.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_BACKFILL_SETTINGS_H
#define POLLSEED_BACKFILL_SETTINGS_H

/* pollseed.backfill_log_level: at which level a backfill's steps are logged. */
extern int backfill_log_level;

/* pollseed.backfill_min_batch_size, pollseed.backfill_max_batch_size: bounds of a batch that adapts. */
extern int backfill_min_batch_size;
extern int backfill_max_batch_size;

/* pollseed.backfill_max_failures: how many rows a run sets aside before it gives up. */
extern int backfill_max_failures;

/* Defines the settings. */
extern void backfill_init(void);

#endif /* POLLSEED_BACKFILL_SETTINGS_H */
