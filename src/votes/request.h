/*-------------------------------------------------------------------------
 *
 * request.h
 *		The arguments that the votes functions share, checked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_REQUEST_H
#define POLLSEED_REQUEST_H

#include "fmgr.h"
#include "utils/timestamp.h"

#include "votes/stream.h"

/* Returns an argument's vote count, default_count where it is NULL; raises 22023 outside the range. */
extern int64 request_vote_count(FunctionCallInfo fcinfo, int arg, int64 default_count);

/* Returns an argument's seed, or a fresh one where it is NULL. */
extern int64 request_seed(FunctionCallInfo fcinfo, int arg);

/* Returns an argument's distribution, "realistic" where it is NULL. */
extern Distribution request_distribution(FunctionCallInfo fcinfo, int arg);

/* Returns an argument's arrival, "uniform" where it is NULL. */
extern Arrival request_arrival(FunctionCallInfo fcinfo, int arg);

/* Returns a jsonb argument, or NULL. */
extern Jsonb *request_jsonb(FunctionCallInfo fcinfo, int arg);

/* Returns a regclass argument, InvalidOid where it is NULL. */
extern Oid request_relation(FunctionCallInfo fcinfo, int arg);

/*
 * Sets the time range of a spec: from an interval (24 hours where NULL) before
 * its end to the end (the transaction's start where NULL), in the session's
 * time zone.  Raises 22023 unless the range is finite, positive and at most
 * MAX_TIME_RANGE_US.
 */
extern void request_time_range(FunctionCallInfo fcinfo, int range_arg, int end_arg, VoteSpec *spec);

#endif /* POLLSEED_REQUEST_H */
