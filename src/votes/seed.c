/*-------------------------------------------------------------------------
 *
 * seed.c
 *		SQL function pollseed_seed(): votes into an application's tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/ledger.h"
#include "core/notify.h"
#include "core/progress.h"
#include "core/relation.h"
#include "votes/events.h"
#include "votes/seeding.h"

POLLSEED_FUNCTION(pollseed_seed);

/* Shows other sessions that a run has begun. */
static void
show_progress(const LedgerEntry *entry)
{
	progress_begin(&(ProgressStart){.engine = entry->engine,
									.relation = entry->relation,
									.run = entry->run_id,
									.phase = "locking options",
									.total = -1});
}

/* Tells listeners that a run was completed, unless they are not to know. */
static void
notify_completion(const LedgerEntry *entry)
{
	if (!notify_is_on())
		return;
	notify_event(&(NotifyEvent){.event = "seeding_complete",
								.engine = entry->engine,
								.run = entry->run_id,
								.done = entry->rows_written,
								.total = entry->rows_written,
								.time_ms = entry->time_ms});
}

/*
 * pollseed_seed(vote_count, distribution, time_range, arrival, seed, ends_at,
 * batch_size, weights, options, events, columns)
 */
Datum
pollseed_seed(PG_FUNCTION_ARGS)
{
	Seeding		 seeding = {0};
	LedgerEntry	 entry = {.engine = VOTES_ENGINE, .generator_version = VOTE_GENERATOR_VERSION};
	instr_time	 start;
	Poll		*poll;
	PollOptions *options;
	VoteShare	*shares;
	VoteStream	*stream = NULL;
	WriteFigures figures;
	int			 options_updated;
	Datum		 values[8];

	INSTR_TIME_SET_CURRENT(start);
	PreventCommandIfReadOnly("pollseed_seed()");
	seeding_request(fcinfo, &seeding);

	SPI_connect();
	poll = poll_open(&seeding.request);
	poll_check_counting(poll);
	entry.run_id = ledger_new_run();
	entry.relation = relation_quoted_name(poll->events);
	show_progress(&entry);

	options = options_lock(poll);
	shares = seeding_shares(&seeding.spec, options);
	seeding_check_counts(poll, options, shares);

	progress_phase("writing votes", 0, seeding.spec.vote_count);
	if (seeding.spec.vote_count > 0)
		stream = vote_stream_begin(&seeding.spec, options->count, shares, 1);
	figures =
		events_write(poll, options, shares, stream, seeding.spec.vote_count, seeding.batch_size);
	progress_phase("counting votes", 0, -1);
	options_updated = options_add_votes(poll, options, shares, seeding.spec.ends_at);
	seeding_warn_of_missing_rows(poll, &figures);

	entry.rows_written = figures.rows_sent;
	entry.seed = seeding.spec.seed;
	entry.arguments = seeding_arguments(poll, &seeding);
	entry.lane = figures.lane;
	entry.time_ms = milliseconds_since(start);
	ledger_record(&entry);
	notify_completion(&entry);

	poll_close(poll);
	SPI_finish();
	progress_end();

	values[0] = Int64GetDatum(entry.run_id);
	values[1] = Int64GetDatum(figures.rows_sent);
	values[2] = Int32GetDatum(options_updated);
	values[3] = Int32GetDatum(figures.batches);
	values[4] = Float8GetDatum(milliseconds_since(start));
	values[5] = Int64GetDatum(seeding.spec.seed);
	values[6] = TimestampTzGetDatum(seeding.spec.ends_at);
	values[7] = CStringGetTextDatum(figures.lane);
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}
