/*-------------------------------------------------------------------------
 *
 * eligibility.h
 *		Whether the direct lane writes to a relation what INSERT would.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ELIGIBILITY_H
#define POLLSEED_ELIGIBILITY_H

#include "write/lanes.h"

/* Returns why the direct lane cannot do a job with the same result as the SPI lane, or NULL. */
extern const char *direct_lane_refusal(const WriteJob *job);

#endif /* POLLSEED_ELIGIBILITY_H */
