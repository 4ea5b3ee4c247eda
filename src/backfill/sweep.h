/*-------------------------------------------------------------------------
 *
 * sweep.h
 *		The end of a run: the rows that the scan left, and the proof that none is
 *		left.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SWEEP_H
#define POLLSEED_SWEEP_H

#include "backfill/run.h"

/*
 * Fills what the scan skipped, waiting for rows that others have locked, until one
 * snapshot of each table shows nothing that the run is not done with.  Returns
 * false if it was told to stop, or may not wait.
 */
extern bool run_sweep(BackfillRun *run);

#endif /* POLLSEED_SWEEP_H */
