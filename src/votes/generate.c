/*-------------------------------------------------------------------------
 *
 * generate.c
 *		SQL functions pollseed_vote_shares() and pollseed_generate_votes(),
 *		which write nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/figures.h"
#include "votes/options.h"
#include "votes/request.h"

POLLSEED_FUNCTION(pollseed_vote_shares);
POLLSEED_FUNCTION(pollseed_generate_votes);

/* The arguments of pollseed_vote_shares(), in their order. */
enum
{
	SHARES_VOTE_COUNT,
	SHARES_DISTRIBUTION,
	SHARES_WEIGHTS,
	SHARES_SEED,
	SHARES_OPTIONS,
	SHARES_COLUMNS
};

/* The arguments of pollseed_generate_votes(), in their order. */
enum
{
	VOTES_VOTE_COUNT,
	VOTES_DISTRIBUTION,
	VOTES_TIME_RANGE,
	VOTES_ARRIVAL,
	VOTES_SEED,
	VOTES_ENDS_AT,
	VOTES_LABELS,
	VOTES_WEIGHTS,
	VOTES_FIRST_VOTE,
	VOTES_LAST_VOTE
};

/* A call of pollseed_generate_votes() in progress. */
typedef struct VoteCall
{
	VoteStream *stream;
	Datum	   *labels; /* text */
	int64		next_vote;
	int64		last_vote;
} VoteCall;

/* pollseed_vote_shares(vote_count, distribution, weights, seed, options, columns) */
Datum
pollseed_vote_shares(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	PollRequest	   request = {.options_mode = ACL_SELECT};
	Distribution   distribution;
	int64		   vote_count;
	Poll		  *poll;
	PollOptions	  *options;
	VoteShare	  *shares;
	Oid			   id_output;
	bool		   is_varlena;

	require_argument(fcinfo, SHARES_VOTE_COUNT, "vote_count");
	vote_count = request_vote_count(fcinfo, SHARES_VOTE_COUNT, 0);
	distribution = request_distribution(fcinfo, SHARES_DISTRIBUTION);
	request.options = request_relation(fcinfo, SHARES_OPTIONS);
	request.columns = request_jsonb(fcinfo, SHARES_COLUMNS);
	InitMaterializedSRF(fcinfo, 0);

	SPI_connect();
	poll = poll_open(&request);
	options = options_read(poll);
	shares = share_votes(distribution, options->count, options->label_texts,
						 request_jsonb(fcinfo, SHARES_WEIGHTS), request_seed(fcinfo, SHARES_SEED),
						 vote_count);

	getTypeOutputInfo(poll->columns[OPTION_ID].type, &id_output, &is_varlena);
	for (int i = 0; i < options->count; i++)
	{
		Datum values[4];
		bool  nulls[4] = {false, options->label_nulls[i], false, false};

		values[0] = CStringGetTextDatum(OidOutputFunctionCall(id_output, options->ids[i]));
		if (!nulls[1])
			values[1] = CStringGetTextDatum(options->label_texts[i]);
		values[2] = Float8GetDatum(shares[i].weight);
		values[3] = Int64GetDatum(shares[i].votes);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	poll_close(poll);
	SPI_finish();
	return (Datum) 0;
}

/* Returns the labels of the argument, or those of the preset. */
static char **
request_labels(FunctionCallInfo fcinfo, int *count)
{
	char **labels;
	Datum *elements;
	bool  *nulls;

	if (PG_ARGISNULL(VOTES_LABELS))
		return realistic_labels(count);

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(VOTES_LABELS), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, count);
	if (*count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("labels must not be empty"),
				 errhint("Leave it out to use the fifteen of the preset.")));
	if (*count > MAX_OPTIONS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many labels"),
						errdetail("There may be at most %d.", MAX_OPTIONS)));
	labels = palloc_array(char *, *count);
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("labels must not contain nulls")));
		labels[i] = TextDatumGetCString(elements[i]);
	}
	return labels;
}

/* Sets the slice of the votes that a call asks for. */
static void
request_slice(FunctionCallInfo fcinfo, int64 vote_count, VoteCall *call)
{
	call->next_vote = PG_ARGISNULL(VOTES_FIRST_VOTE) ? 1 : PG_GETARG_INT64(VOTES_FIRST_VOTE);
	call->last_vote = PG_ARGISNULL(VOTES_LAST_VOTE) ? vote_count : PG_GETARG_INT64(VOTES_LAST_VOTE);

	if (call->next_vote < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("first_vote must be at least 1"),
				 errhint("Votes are numbered from 1 to vote_count.")));
	if (call->last_vote > vote_count)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("last_vote must be at most vote_count"),
						errhint("Votes are numbered from 1 to vote_count.")));
}

/* Begins a call of pollseed_generate_votes(). */
static VoteCall *
begin_votes(FunctionCallInfo fcinfo)
{
	VoteCall  *call = palloc0_object(VoteCall);
	VoteSpec   spec = {0};
	char	 **labels;
	int		   nlabels;
	VoteShare *shares;

	require_argument(fcinfo, VOTES_VOTE_COUNT, "vote_count");
	spec.vote_count = request_vote_count(fcinfo, VOTES_VOTE_COUNT, 0);
	spec.distribution = request_distribution(fcinfo, VOTES_DISTRIBUTION);
	spec.arrival = request_arrival(fcinfo, VOTES_ARRIVAL);
	spec.seed = request_seed(fcinfo, VOTES_SEED);
	spec.weights = request_jsonb(fcinfo, VOTES_WEIGHTS);
	request_time_range(fcinfo, VOTES_TIME_RANGE, VOTES_ENDS_AT, &spec);
	request_slice(fcinfo, spec.vote_count, call);

	labels = request_labels(fcinfo, &nlabels);
	shares =
		share_votes(spec.distribution, nlabels, labels, spec.weights, spec.seed, spec.vote_count);
	call->labels = palloc_array(Datum, nlabels);
	for (int i = 0; i < nlabels; i++)
		call->labels[i] = CStringGetTextDatum(labels[i]);
	if (call->next_vote <= call->last_vote)
		call->stream = vote_stream_begin(&spec, nlabels, shares, call->next_vote);
	return call;
}

/*
 * pollseed_generate_votes(vote_count, distribution, time_range, arrival, seed,
 * ends_at, labels, weights, first_vote, last_vote)
 *
 * A vote a call, so that a LIMIT over the select list stops the generation.
 */
Datum
pollseed_generate_votes(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	VoteCall		*call;
	Vote			 vote;
	Datum			 values[5];
	bool			 nulls[5] = {false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old_context;
		TupleDesc	  desc;

		funcctx = SRF_FIRSTCALL_INIT();
		old_context = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		funcctx->tuple_desc = BlessTupleDesc(desc);
		funcctx->user_fctx = begin_votes(fcinfo);
		MemoryContextSwitchTo(old_context);
	}

	funcctx = SRF_PERCALL_SETUP();
	call = funcctx->user_fctx;
	if (call->next_vote > call->last_vote)
		SRF_RETURN_DONE(funcctx);

	/* The stream's nodes live in the context that it was begun in. */
	vote = vote_stream_next(call->stream);
	values[0] = Int64GetDatum(call->next_vote++);
	values[1] = Int32GetDatum(vote.option + 1);
	values[2] = call->labels[vote.option];
	values[3] = Int64GetDatum(vote.nth);
	values[4] = TimestampTzGetDatum(vote.cast_at);
	SRF_RETURN_NEXT(funcctx,
					HeapTupleGetDatum(heap_form_tuple(funcctx->tuple_desc, values, nulls)));
}
