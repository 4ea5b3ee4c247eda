/*-------------------------------------------------------------------------
 *
 * clear.c
 *		SQL functions pollseed_clear_seed_data(), pollseed_recount_votes() and
 *		pollseed_reset_votes().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/ledger.h"
#include "core/progress.h"
#include "core/relation.h"
#include "core/sql.h"
#include "votes/options.h"
#include "votes/request.h"

POLLSEED_FUNCTION(pollseed_clear_seed_data);
POLLSEED_FUNCTION(pollseed_recount_votes);
POLLSEED_FUNCTION(pollseed_reset_votes);

/* Opens the tables that the functions' arguments (options, events, columns) name. */
static Poll *
open_poll(FunctionCallInfo fcinfo, AclMode events_mode)
{
	PollRequest request = {0};
	Poll	   *poll;

	request.options = request_relation(fcinfo, 0);
	request.events = request_relation(fcinfo, 1);
	request.columns = request_jsonb(fcinfo, 2);
	request.options_mode = ACL_SELECT | ACL_UPDATE;
	request.events_mode = events_mode;

	poll = poll_open(&request);
	poll_check_counting(poll);
	if (events_mode & ACL_SELECT)
	{
		poll_check_privilege(poll, EVENT_OPTION_ID, ACL_SELECT);
		poll_check_privilege(poll, EVENT_TYPE, ACL_SELECT);
	}
	return poll;
}

/* Raises 42703 unless the poll has a column that a function cannot do without. */
static void
require_column(const Poll *poll, PollColumnRole role, Relation rel, const char *what)
{
	if (!poll_has(poll, role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" has no column for %s", RelationGetRelationName(rel), what),
				 errhint("Name it with the argument \"columns\".")));
}

/* Shows other sessions that a function works on the poll. */
static void
show_progress(const Poll *poll)
{
	progress_begin(&(ProgressStart){.engine = "votes",
									.relation = relation_quoted_name(poll->events),
									.phase = "locking options",
									.total = -1});
}

/* Deletes the seeded events; returns how many. */
static int64
delete_seed_events(const Poll *poll)
{
	return sql_execute(psprintf("DELETE FROM %s AS e WHERE %s", relation_quoted_name(poll->events),
								event_type_condition(poll, "{" SEED_EVENT_TYPE "}")),
					   0, NULL, NULL, NULL);
}

/* pollseed_clear_seed_data(options, events, columns) */
Datum
pollseed_clear_seed_data(PG_FUNCTION_ARGS)
{
	Poll		*poll;
	PollOptions *options;
	int64		 events_deleted;
	int			 options_updated;
	Datum		 values[2];

	PreventCommandIfReadOnly("pollseed_clear_seed_data()");

	SPI_connect();
	poll = open_poll(fcinfo, ACL_SELECT | ACL_DELETE);
	require_column(poll, EVENT_TYPE, poll->events, "event types");
	show_progress(poll);

	options = options_lock(poll);
	progress_phase("deleting seeded votes", 0, -1);
	events_deleted = delete_seed_events(poll);
	progress_phase("counting votes", 0, -1);
	options_updated = options_recount(poll, options);
	ledger_mark_cleared("votes", relation_quoted_name(poll->events));

	poll_close(poll);
	SPI_finish();
	progress_end();

	values[0] = Int64GetDatum(events_deleted);
	values[1] = Int32GetDatum(options_updated);
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}

/* pollseed_recount_votes(options, events, columns) */
Datum
pollseed_recount_votes(PG_FUNCTION_ARGS)
{
	Poll		*poll;
	PollOptions *options;
	int			 options_updated;

	PreventCommandIfReadOnly("pollseed_recount_votes()");

	SPI_connect();
	poll = open_poll(fcinfo, ACL_SELECT);
	require_column(poll, OPTION_VOTES, poll->options, "votes");
	show_progress(poll);

	options = options_lock(poll);
	progress_phase("counting votes", 0, -1);
	options_updated = options_recount(poll, options);

	poll_close(poll);
	SPI_finish();
	progress_end();
	PG_RETURN_INT32(options_updated);
}

/* pollseed_reset_votes(options, events, columns) */
Datum
pollseed_reset_votes(PG_FUNCTION_ARGS)
{
	Poll *poll;
	Datum values[2];

	PreventCommandIfReadOnly("pollseed_reset_votes()");

	SPI_connect();
	poll = open_poll(fcinfo, ACL_DELETE);
	show_progress(poll);

	options_lock_rows(poll);
	progress_phase("deleting votes", 0, -1);
	values[0] = Int64GetDatum(sql_execute(
		psprintf("DELETE FROM %s", relation_quoted_name(poll->events)), 0, NULL, NULL, NULL));
	progress_phase("resetting counts", 0, -1);
	values[1] = Int32GetDatum(options_reset(poll));
	ledger_mark_cleared("votes", relation_quoted_name(poll->events));

	poll_close(poll);
	SPI_finish();
	progress_end();
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}
