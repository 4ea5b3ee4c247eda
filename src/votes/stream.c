/*-------------------------------------------------------------------------
 *
 * stream.c
 *		A seeding's votes: shared, put in order and given times.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pgtime.h"

#include "core/compat.h"
#include "votes/bursts.h"
#include "votes/clock.h"
#include "votes/order.h"
#include "votes/stream.h"

static const char *const arrival_names[] = {
	[ARRIVAL_UNIFORM] = "uniform",
	[ARRIVAL_DIURNAL] = "diurnal",
	[ARRIVAL_BURSTY] = "bursty",
};

struct VoteStream
{
	VoteOrder *order;
	Bursts	  *bursts; /* NULL: the order's own moments are the arrivals */
	VoteClock *clock;
};

Arrival
arrival_by_name(const char *name)
{
	for (size_t i = 0; i < lengthof(arrival_names); i++)
	{
		if (strcmp(name, arrival_names[i]) == 0)
			return (Arrival) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unrecognized arrival \"%s\"", name),
			 errhint("Valid arrivals are \"uniform\", \"diurnal\" and \"bursty\".")));
}

const char *
arrival_name(Arrival arrival)
{
	return arrival_names[arrival];
}

VoteStream *
vote_stream_begin(const VoteSpec *spec, int noptions, const VoteShare *shares, int64 first_vote)
{
	VoteStream *stream = palloc0_object(VoteStream);

	stream->order = vote_order_begin(spec->seed, noptions, shares, first_vote);
	if (spec->arrival == ARRIVAL_UNIFORM)
		stream->clock = vote_clock_even(spec->starts_at, spec->ends_at);
	else
		stream->clock = vote_clock_diurnal(spec->starts_at, spec->ends_at, session_timezone);
	if (spec->arrival == ARRIVAL_BURSTY)
		stream->bursts =
			bursts_begin(spec->seed, spec->vote_count, spec->ends_at - spec->starts_at, first_vote);
	return stream;
}

const int64 *
vote_stream_cast(const VoteStream *stream)
{
	return vote_order_cast(stream->order);
}

Vote
vote_stream_next(VoteStream *stream)
{
	OrderedVote ordered = vote_order_next(stream->order);
	uint64		moment = stream->bursts != NULL ? bursts_next(stream->bursts) : ordered.moment;
	Vote		vote;

	vote.option = ordered.option;
	vote.nth = ordered.nth;
	vote.cast_at = vote_clock_time(stream->clock, moment);
	return vote;
}
