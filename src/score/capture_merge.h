/*-------------------------------------------------------------------------
 *
 * capture_merge.h
 *		Noticing that MERGE may have moved rows to other partitions, which no
 *		transition table of its update shows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_CAPTURE_MERGE_H
#define POLLSEED_SCORE_CAPTURE_MERGE_H

#include "utils/relcache.h"

/* Begins to look at the statements of the session; for _PG_init(). */
extern void capture_merge_init(void);

/* Tells whether the statement that fires triggers now is a MERGE that may have moved rows of a partitioned table. */
extern bool merge_may_have_moved(Relation rel);

#endif /* POLLSEED_SCORE_CAPTURE_MERGE_H */
