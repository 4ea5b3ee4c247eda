/*-------------------------------------------------------------------------
 *
 * eligibility.h
 *		Whether a direct lane writes to a relation what INSERT or UPDATE would.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ELIGIBILITY_H
#define POLLSEED_ELIGIBILITY_H

#include "write/lanes.h"
#include "write/update_lanes.h"

/* Returns why the direct lane cannot do a job with the same result as the SPI lane, or NULL. */
extern const char *direct_lane_refusal(const WriteJob *job);

/* Returns why the direct lane cannot fill a column with the same result as the SPI lane, or NULL. */
extern const char *direct_update_refusal(const UpdateJob *job);

#endif /* POLLSEED_ELIGIBILITY_H */
