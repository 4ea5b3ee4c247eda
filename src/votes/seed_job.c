/*-------------------------------------------------------------------------
 *
 * seed_job.c
 *		A seeding done by background workers: pollseed_seed_async().
 *
 * What gets how many votes is settled when the job is made, and kept in its plan.
 * A slice is a run of votes in time order.  Votes of an option are numbered on
 * from what it has when the slice's turn comes, so that votes which people cast
 * between slices get numbers between theirs, and the counts always agree with the
 * events that are committed.
 *
 * So that nobody waits for long, neither voters for the options' locks nor a worker
 * for its turn, a slice is written ahead: with the numbers that will be right if
 * nobody else votes meanwhile.  The options are locked when its turn has come, to
 * see whether that is so.  If not, the slice is void, and the next ones are short
 * and written under the locks from the beginning; the more often that happens the
 * more of them.  Lock order: the options by their ids, then the job's row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/sql.h"
#include "core/trigger.h"
#include "job/engine.h"
#include "job/submit.h"
#include "job/team.h"
#include "votes/events.h"
#include "votes/seed_job.h"
#include "votes/seeding.h"

/* After votes of others came between, so many slices are not written ahead; twice as many each further time. */
#define MIN_PENALTY 16
#define MAX_PENALTY 1024

/* Each slice locks and reads all options: it has at least so many votes for each. */
#define VOTES_PER_OPTION 10

/* Where options keep no count each slice counts the events, so there are only so many slices. */
#define SLICES_THAT_COUNT 16

POLLSEED_FUNCTION(pollseed_seed_async);

/* A process's work on a seeding. */
typedef struct SeedJob
{
	Seeding		  seeding;
	int			  noptions;
	char		**ids;	  /* in the order of the options' ids */
	VoteShare	 *shares; /* of the whole seeding */
	MemoryContext stream_context;
	VoteStream	 *stream;
	int64		  next; /* the vote that the stream gives next */
	int64		 *base; /* of each option: its count less its votes of this seeding, as last seen */
	bool		  base_known;
	bool		  counted; /* by the options */
	bool		  may_be_ahead;
	int			  not_ahead; /* slices until that may be tried */
	int			  penalty;	 /* what not_ahead will be when it fails again */
} SeedJob;

/* Returns the ids of options as text. */
static char **
id_texts(const Poll *poll, const PollOptions *options)
{
	char **texts = palloc_array(char *, options->count);
	Oid	   output;
	bool   is_varlena;

	getTypeOutputInfo(poll->columns[OPTION_ID].type, &output, &is_varlena);
	for (int i = 0; i < options->count; i++)
		texts[i] = OidOutputFunctionCall(output, options->ids[i]);
	return texts;
}

/* Raises 0A000 for a table that other sessions cannot see. */
static void
check_not_temporary(Relation rel)
{
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a background job cannot use temporary relation \"%s\"",
							   RelationGetRelationName(rel)),
						errhint("Use pollseed_seed(), or a table that is not temporary.")));
}

/*
 * Returns all that a worker needs, as jsonb: the arguments, the tables' OIDs, and
 * the options by their ids with their votes.
 */
static Datum
make_plan(const Poll *poll, const Seeding *seeding, const PollOptions *options,
		  const VoteShare *shares, Datum arguments)
{
	Oid types[] = {JSONBOID, OIDOID, OIDOID, INT8OID, INT8OID, INT8OID, TEXTARRAYOID, INT8ARRAYOID};
	Datum  values[lengthof(types)];
	char **texts = id_texts(poll, options);
	Datum *ids = palloc_array(Datum, options->count);
	Datum *votes = palloc_array(Datum, options->count);

	for (int i = 0; i < options->count; i++)
	{
		ids[i] = CStringGetTextDatum(texts[i]);
		votes[i] = Int64GetDatum(shares[i].votes);
	}
	values[0] = arguments;
	values[1] = ObjectIdGetDatum(RelationGetRelid(poll->options));
	values[2] = ObjectIdGetDatum(RelationGetRelid(poll->events));
	values[3] = Int64GetDatum(seeding->spec.seed);
	values[4] = Int64GetDatum(seeding->spec.starts_at);
	values[5] = Int64GetDatum(seeding->spec.ends_at);
	values[6] =
		PointerGetDatum(construct_array(ids, options->count, TEXTOID, -1, false, TYPALIGN_INT));
	values[7] = PointerGetDatum(construct_array(votes, options->count, INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	sql_execute("SELECT $1 OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object("
				"'options_oid', $2, 'events_oid', $3, 'seed', $4, 'starts_at_us', $5,"
				" 'ends_at_us', $6, 'option_ids', $7, 'option_votes', $8)",
				lengthof(types), types, values, NULL);
	return sql_value_not_null(0, 1);
}

/*
 * pollseed_seed_async(vote_count, distribution, time_range, arrival, seed, ends_at,
 * batch_size, weights, options, events, columns, workers, priority, max_attempts)
 */
Datum
pollseed_seed_async(PG_FUNCTION_ARGS)
{
	Seeding		 seeding = {0};
	JobEntry	 entry = {.engine = VOTES_ENGINE, .is_run = true};
	Poll		*poll;
	PollOptions *options;
	VoteShare	*shares;
	int64		 id;

	PreventCommandIfReadOnly("pollseed_seed_async()");
	seeding_request(fcinfo, &seeding);
	job_request(fcinfo, SEEDING_ARGS, &entry);

	SPI_connect();
	poll = poll_open(&seeding.request);
	poll_check_counting(poll);
	check_not_temporary(poll->options);
	check_not_temporary(poll->events);
	job_check_owner();

	options = options_read_counts(poll);
	shares = seeding_shares(&seeding.spec, options);
	seeding_check_counts(poll, options, shares);
	entry.lane = events_write(poll, options, shares, NULL, 0, seeding.batch_size).lane;

	entry.relation = relation_quoted_name(poll->events);
	entry.relation_oid = RelationGetRelid(poll->events);
	entry.arguments = seeding_arguments(poll, &seeding);
	entry.plan = make_plan(poll, &seeding, options, shares, entry.arguments);
	entry.total = seeding.spec.vote_count;
	entry.seed = seeding.spec.seed;
	entry.generator_version = VOTE_GENERATOR_VERSION;
	id = job_submit(&entry);

	poll_close(poll);
	SPI_finish();
	PG_RETURN_INT64(id);
}

/* Returns the elements of an array column of the last result's first row, none of which is NULL. */
static Datum *
array_value(int column, Oid type, int *count)
{
	Datum *elements;
	int16  length;
	bool   by_value;
	char   align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(sql_value_not_null(0, column)), type, length, by_value,
					  align, &elements, NULL, count);
	return elements;
}

/* Reads the plan into the given memory context. */
static void
read_plan(SeedJob *job, const Jsonb *plan, MemoryContext context)
{
	Oid			 types[] = {JSONBOID};
	Datum		 values[] = {JsonbPGetDatum(plan)};
	VoteSpec	*spec = &job->seeding.spec;
	PollRequest *request = &job->seeding.request;
	bool		 isnull;
	Datum		 columns;
	Datum		*ids;
	Datum		*votes;

	sql_execute("SELECT p.vote_count, p.arrival, p.batch_size, p.columns, p.options_oid,"
				" p.events_oid, p.seed, p.starts_at_us, p.ends_at_us, p.option_ids,"
				" p.option_votes"
				" FROM pg_catalog.jsonb_to_record($1) AS p(vote_count pg_catalog.int8,"
				" arrival pg_catalog.text, batch_size pg_catalog.int4, columns pg_catalog.jsonb,"
				" options_oid pg_catalog.oid, events_oid pg_catalog.oid, seed pg_catalog.int8,"
				" starts_at_us pg_catalog.int8, ends_at_us pg_catalog.int8,"
				" option_ids pg_catalog.text[], option_votes pg_catalog.int8[])",
				lengthof(types), types, values, NULL);

	/* SPI left us in its own. */
	MemoryContextSwitchTo(context);
	spec->vote_count = DatumGetInt64(sql_value_not_null(0, 1));
	spec->arrival = arrival_by_name(TextDatumGetCString(sql_value_not_null(0, 2)));
	job->seeding.batch_size = DatumGetInt32(sql_value_not_null(0, 3));
	columns = sql_value(0, 4, &isnull);
	request->columns = isnull ? NULL : DatumGetJsonbPCopy(columns);
	request->options = DatumGetObjectId(sql_value_not_null(0, 5));
	request->events = DatumGetObjectId(sql_value_not_null(0, 6));
	request->options_mode = ACL_SELECT | ACL_UPDATE;
	request->events_mode = ACL_INSERT;
	spec->seed = DatumGetInt64(sql_value_not_null(0, 7));
	spec->starts_at = DatumGetInt64(sql_value_not_null(0, 8));
	spec->ends_at = DatumGetInt64(sql_value_not_null(0, 9));

	ids = array_value(10, TEXTOID, &job->noptions);
	votes = array_value(11, INT8OID, &job->noptions);
	job->ids = palloc_array(char *, job->noptions);
	job->shares = palloc0_array(VoteShare, job->noptions);
	job->base = palloc0_array(int64, job->noptions);
	for (int i = 0; i < job->noptions; i++)
	{
		job->ids[i] = TextDatumGetCString(ids[i]);
		job->shares[i].votes = DatumGetInt64(votes[i]);
	}
}

/* Tells whether a relation has an index by which two rows cannot have the same value in a column, whatever else it covers. */
static bool
has_unique_index_on(Relation rel, AttrNumber attnum)
{
	bool	  found = false;
	ListCell *cell;

	foreach(cell, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		for (int i = 0; i < index->rd_index->indnkeyatts; i++)
			found |= (index->rd_index->indisunique || index->rd_index->indisexclusion) &&
					 (index->rd_index->indkey.values[i] == attnum ||
					  index->rd_index->indkey.values[i] == InvalidAttrNumber);
		index_close(index, AccessShareLock);
	}
	return found;
}

/* Tells whether something of the user's runs when rows are inserted, and may lock what others wait for. */
static bool
runs_more_than_inserts(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rules != NULL ||
		rel->rd_rel->relrowsecurity)
		return true;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!trigger->tgisinternal && TRIGGER_FOR_INSERT(trigger->tgtype) &&
			!trigger_only_notes_changes(trigger))
			return true;
	}
	return false;
}

/*
 * Tells whether slices may be written ahead.  They may not be where the numbers
 * must be unique: one that is taken ahead of its turn, and by a voter too, would
 * make the voter wait for us, and us for the voter.  Nor where triggers may take
 * locks that a worker before us in turn waits for, nor where counting the events
 * would count our own.
 */
static bool
may_be_ahead(const Poll *poll)
{
	if (runs_more_than_inserts(poll->events))
		return false;
	return !poll_has(poll, EVENT_VOTES_AFTER) ||
		   (poll_has(poll, OPTION_VOTES) &&
			!has_unique_index_on(poll->events, poll->columns[EVENT_VOTES_AFTER].attnum));
}

/* Decides how the votes are to be sliced, and whether slices may be written ahead. */
static int64
plan_slices(SeedJob *job)
{
	Poll *poll = poll_open(&job->seeding.request);
	int64 votes = Max(job->seeding.batch_size, (int64) VOTES_PER_OPTION * job->noptions);

	if (!poll_has(poll, OPTION_VOTES) && poll_has(poll, EVENT_VOTES_AFTER))
		votes = Max(votes, job->seeding.spec.vote_count / SLICES_THAT_COUNT);

	job->may_be_ahead = may_be_ahead(poll);
	job->counted = poll_has(poll, OPTION_VOTES);
	poll_close(poll);
	return (votes + job->seeding.batch_size - 1) / job->seeding.batch_size *
		   job->seeding.batch_size;
}

/* The engine's open(): reads the plan. */
static void *
seed_job_open(const Job *job, MemoryContext context, int64 *granule)
{
	MemoryContext old_context = MemoryContextSwitchTo(context);
	SeedJob		 *seed_job = palloc0_object(SeedJob);

	read_plan(seed_job, job->plan, context);
	seed_job->penalty = MIN_PENALTY;
	seed_job->stream_context =
		AllocSetContextCreate(context, "pollseed vote stream", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old_context);
	*granule = plan_slices(seed_job);
	return seed_job;
}

/* Has the stream stand before a vote.  Votes of other workers' slices are passed over. */
static void
seek(SeedJob *job, int64 vote)
{
	if (job->stream == NULL || job->next > vote)
	{
		MemoryContext old_context;

		MemoryContextReset(job->stream_context);
		job->stream = NULL;
		old_context = MemoryContextSwitchTo(job->stream_context);
		job->stream = vote_stream_begin(&job->seeding.spec, job->noptions, job->shares, vote);
		MemoryContextSwitchTo(old_context);
		job->next = vote;
	}
	for (; job->next < vote; job->next++)
		(void) vote_stream_next(job->stream);
}

/*
 * Leaves only those options that the plan names, in its order, which is that of
 * the ids; raises 55000 if one is gone.  Options that came later get no votes.
 */
static void
keep_planned(const SeedJob *job, const Poll *poll, PollOptions *options)
{
	char **texts = id_texts(poll, options);
	int	   kept = 0;

	for (int i = 0; i < options->count && kept < job->noptions; i++)
	{
		if (strcmp(texts[i], job->ids[kept]) != 0)
			continue;
		options->ids[kept] = options->ids[i];
		options->labels[kept] = options->labels[i];
		options->label_nulls[kept] = options->label_nulls[i];
		options->label_texts[kept] = options->label_texts[i];
		options->votes[kept] = options->votes[i];
		kept++;
	}
	if (kept < job->noptions)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("option with id %s of relation \"%s\" is gone", job->ids[kept],
							   RelationGetRelationName(poll->options)),
						errdetail("The job was to give it " INT64_FORMAT " votes.",
								  job->shares[kept].votes)));
	options->count = kept;
}

/* Locks the options and reads their counts. */
static PollOptions *
lock_options(const SeedJob *job, Poll *poll)
{
	PollOptions *options = options_lock(poll);

	keep_planned(job, poll, options);
	return options;
}

/* Reads the options with the counts that they will have when all before the stream is committed, if nobody else votes. */
static PollOptions *
foresee_options(const SeedJob *job, Poll *poll)
{
	PollOptions *options = options_read(poll);
	const int64 *cast = vote_stream_cast(job->stream);

	keep_planned(job, poll, options);
	for (int i = 0; i < options->count; i++)
		options->votes[i] = job->base[i] + cast[i];
	return options;
}

/* Tells whether the options have the counts that were foreseen, where they get votes. */
static bool
foreseen(const PollOptions *foreseen, const PollOptions *actual, const VoteShare *votes)
{
	for (int i = 0; i < actual->count; i++)
	{
		if (votes[i].votes > 0 && foreseen->votes[i] != actual->votes[i])
			return false;
	}
	return true;
}

/* Adds the slice's votes to the counts, now that all before it is committed and the options are locked. */
static void
count_slice(SeedJob *job, Poll *poll, const PollOptions *options, const VoteShare *votes,
			JobSlice *slice)
{
	const int64 *cast = vote_stream_cast(job->stream);

	(void) options_add_votes(poll, options, votes, job->seeding.spec.ends_at);
	for (int i = 0; i < options->count; i++)
	{
		job->base[i] = options->votes[i] + votes[i].votes - cast[i];
		slice->updated += job->counted && cast[i] > 0;
	}
	job->base_known = true;
}

/* Writes the slice's events, numbered on from the options' counts, and tells the votes that each option got. */
static VoteShare *
write_slice(SeedJob *job, const Poll *poll, const PollOptions *options, JobSlice *slice)
{
	const int64 *cast = vote_stream_cast(job->stream);
	VoteShare	*votes = palloc0_array(VoteShare, job->noptions);
	WriteFigures figures;

	for (int i = 0; i < job->noptions; i++)
		votes[i].votes = -cast[i];
	figures = events_write(poll, options, job->shares, job->stream, slice->last - slice->first + 1,
						   job->seeding.batch_size);
	job->next = slice->last + 1;
	for (int i = 0; i < job->noptions; i++)
		votes[i].votes += cast[i];

	seeding_check_counts(poll, options, votes);
	seeding_warn_of_missing_rows(poll, &figures);
	slice->batches = figures.batches;
	slice->lane = figures.lane;
	return votes;
}

/* Waits for the turn of a slice that was written ahead, and tells whether its numbers are right. */
static bool
settle(SeedJob *job, Poll *poll, JobSlice *slice, const PollOptions *expected,
	   const VoteShare *votes, PollOptions **options)
{
	if (!team_await_turn(slice))
		return false;
	*options = lock_options(job, poll);
	return !job->counted || foreseen(expected, *options, votes);
}

/* The engine's work(): writes a slice of votes. */
static bool
seed_job_work(void *state, JobSlice *slice)
{
	SeedJob		*job = state;
	Poll		*poll = poll_open(&job->seeding.request);
	PollOptions *options;
	VoteShare	*votes;

	poll_check_counting(poll);
	seek(job, slice->first);

	if (job->not_ahead > 0)
		job->not_ahead--;
	slice->ahead = job->may_be_ahead && job->base_known && job->not_ahead == 0;
	if (slice->ahead)
	{
		PollOptions *expected = foresee_options(job, poll);

		votes = write_slice(job, poll, expected, slice);
		if (!settle(job, poll, slice, expected, votes, &options))
		{
			job->not_ahead = job->penalty;
			job->penalty = Min(job->penalty * 2, MAX_PENALTY);
			return false;
		}
		job->penalty = MIN_PENALTY;
	}
	else
	{
		if (!team_await_turn(slice))
			return false;
		options = lock_options(job, poll);
		votes = write_slice(job, poll, options, slice);
	}
	count_slice(job, poll, options, votes, slice);
	poll_close(poll);
	return true;
}

static const JobEngine seed_engine = {
	.name = VOTES_ENGINE,
	.phase = "writing votes",
	.result = "pg_catalog.jsonb_build_object('run_id', j.run_id, 'votes_seeded', j.done,"
			  " 'options_updated', j.updated,"
			  " 'batches', j.batches, 'time_ms', pg_catalog.date_part('epoch', j.finished_at"
			  " OPERATOR(pg_catalog.-) j.started_at) OPERATOR(pg_catalog.*) 1000,"
			  " 'seed', j.seed, 'ends_at', j.arguments OPERATOR(pg_catalog.->) 'ends_at',"
			  " 'lane', j.lane)",
	.open = seed_job_open,
	.work = seed_job_work,
};

void
seed_job_init(void)
{
	job_engine_register(&seed_engine);
}
