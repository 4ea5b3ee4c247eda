/*-------------------------------------------------------------------------
 *
 * request.c
 *		The arguments that the votes functions share, checked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/int.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "core/random.h"
#include "votes/clock.h"
#include "votes/request.h"

int64
request_vote_count(FunctionCallInfo fcinfo, int arg, int64 default_count)
{
	int64 vote_count = PG_ARGISNULL(arg) ? default_count : PG_GETARG_INT64(arg);

	if (vote_count < 0 || vote_count > MAX_VOTE_COUNT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("vote_count must be between 0 and " INT64_FORMAT, MAX_VOTE_COUNT)));
	return vote_count;
}

int64
request_seed(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? random_seed() : PG_GETARG_INT64(arg);
}

Distribution
request_distribution(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return DISTRIBUTION_REALISTIC;
	return distribution_by_name(text_to_cstring(PG_GETARG_TEXT_PP(arg)));
}

Arrival
request_arrival(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return ARRIVAL_UNIFORM;
	return arrival_by_name(text_to_cstring(PG_GETARG_TEXT_PP(arg)));
}

Jsonb *
request_jsonb(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : PG_GETARG_JSONB_P(arg);
}

Oid
request_relation(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? InvalidOid : PG_GETARG_OID(arg);
}

void
request_time_range(FunctionCallInfo fcinfo, int range_arg, int end_arg, VoteSpec *spec)
{
	Interval *range = &spec->time_range;
	int64	  range_us;

	spec->time_range = (Interval){.time = USECS_PER_DAY};
	if (!PG_ARGISNULL(range_arg))
		spec->time_range = *PG_GETARG_INTERVAL_P(range_arg);
	spec->ends_at = PG_ARGISNULL(end_arg) ? GetCurrentTransactionStartTimestamp()
										  : PG_GETARG_TIMESTAMPTZ(end_arg);
	if (TIMESTAMP_NOT_FINITE(spec->ends_at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("ends_at must be finite")));
	if (INTERVAL_NOT_FINITE(range))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("time_range must be finite")));

	spec->starts_at = DatumGetTimestampTz(DirectFunctionCall2(
		timestamptz_mi_interval, TimestampTzGetDatum(spec->ends_at), IntervalPGetDatum(range)));
	if (spec->starts_at >= spec->ends_at)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("time_range must be greater than zero"),
						errhint("Give an interval such as '24 hours'.")));
	if (pg_sub_s64_overflow(spec->ends_at, spec->starts_at, &range_us) ||
		range_us > MAX_TIME_RANGE_US)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("time_range must be at most 1000 years")));
}
