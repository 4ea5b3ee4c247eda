/*-------------------------------------------------------------------------
 *
 * movie_predict.c
 *		SQL functions pollseed_predict() and pollseed_predict_with(): pages of
 *		the movies that are likely to come on a list.
 *
 * A profile's pages come from the stored ranking as long as that is clean.  While it is
 * not, because a profile or a movie's criteria were changed, they are computed from the
 * profile as it is, so that nobody sees half of a change.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/float.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "score/movie_plans.h"
#include "score/movie_rank.h"
#include "score/movie_weights.h"

POLLSEED_FUNCTION(pollseed_predict);
POLLSEED_FUNCTION(pollseed_predict_with);

#define DEFAULT_DECADE 2020
#define MIN_DECADE 10
#define MAX_DECADE 9990
#define DEFAULT_PAGE_SIZE 25
#define MAX_PAGE_SIZE 1000

/* Arguments of both functions; the first differs. */
enum
{
	ARG_BY,
	ARG_DECADE,
	ARG_PAGE_SIZE,
	ARG_AFTER_SCORE,
	ARG_AFTER_ID
};

/* Columns of a page in a statement's result, from 1; in the function's they come after the rank. */
#define PAGE_COLUMNS 9
#define COLUMN_BEFORE (PAGE_COLUMNS + 1)

/* The page that is asked for. */
typedef struct PageRequest
{
	int32  decade;
	int64  page_size;
	bool   is_first;
	double after_score;
	int64  after_id;
} PageRequest;

/* Reads the arguments of a page. */
static PageRequest
page_request(FunctionCallInfo fcinfo)
{
	PageRequest request = {.decade = DEFAULT_DECADE,
						   .page_size = DEFAULT_PAGE_SIZE,
						   .is_first = true,
						   .after_score = get_float8_infinity()};

	if (!PG_ARGISNULL(ARG_DECADE))
		request.decade = PG_GETARG_INT32(ARG_DECADE);
	if (request.decade % 10 != 0 || request.decade < MIN_DECADE || request.decade > MAX_DECADE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("decade must be a multiple of 10 between %d and %d", MIN_DECADE,
							   MAX_DECADE),
						errhint("2020 is the decade from 2020 to 2029.")));
	if (!PG_ARGISNULL(ARG_PAGE_SIZE))
		request.page_size = PG_GETARG_INT32(ARG_PAGE_SIZE);
	if (request.page_size < 1 || request.page_size > MAX_PAGE_SIZE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("page_size must be between 1 and %d", MAX_PAGE_SIZE)));
	if (PG_ARGISNULL(ARG_AFTER_SCORE) != PG_ARGISNULL(ARG_AFTER_ID))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("after_score and after_id must be given together"),
						errhint("Give score and movie_id of the last row of the page before.")));
	if (!PG_ARGISNULL(ARG_AFTER_SCORE))
	{
		request.is_first = false;
		request.after_score = PG_GETARG_FLOAT8(ARG_AFTER_SCORE);
		request.after_id = PG_GETARG_INT64(ARG_AFTER_ID);
	}
	return request;
}

/* Puts the rows of the last statement into the function's result, ranked from after before on. */
static void
return_page(FunctionCallInfo fcinfo, int64 count, int64 before)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	for (int64 row = 0; row < count; row++)
	{
		Datum values[PAGE_COLUMNS + 1];
		bool  nulls[PAGE_COLUMNS + 1] = {false};

		values[0] = Int64GetDatum(before + row + 1);
		for (int column = 1; column <= PAGE_COLUMNS; column++)
			values[column] = sql_value(row, column, &nulls[column]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* Returns a page of the stored ranking. */
static void
stored_page(FunctionCallInfo fcinfo, const PageRequest *request, Datum profile)
{
	int64 before = request->is_first ? 0
									 : movie_rank(profile, request->decade, request->after_score,
												  request->after_id);
	Datum values[] = {profile, Int32GetDatum(request->decade), Float8GetDatum(request->after_score),
					  Int64GetDatum(request->after_id), Int64GetDatum(request->page_size)};

	return_page(fcinfo, movie_plan_execute(MOVIE_PLAN_STORED_PAGE, values), before);
}

/* Returns the first day of a year. */
static Datum
first_day(int year)
{
	return DateADTGetDatum(date2j(year, 1, 1) - POSTGRES_EPOCH_JDATE);
}

/* Returns a page that is computed by weights. */
static void
computed_page(FunctionCallInfo fcinfo, const PageRequest *request, const Datum *weights)
{
	Datum values[N_MOVIE_CRITERIA + 5];
	int64 count;

	memcpy(values, weights, N_MOVIE_CRITERIA * sizeof(Datum));
	values[N_MOVIE_CRITERIA] = first_day(request->decade);
	values[N_MOVIE_CRITERIA + 1] = first_day(request->decade + 10);
	values[N_MOVIE_CRITERIA + 2] = Float8GetDatum(request->after_score);
	values[N_MOVIE_CRITERIA + 3] = Int64GetDatum(request->after_id);
	values[N_MOVIE_CRITERIA + 4] = Int64GetDatum(request->page_size);
	count = movie_plan_execute(MOVIE_PLAN_COMPUTED_PAGE, values);
	if (count > 0)
		return_page(fcinfo, count, DatumGetInt64(sql_value_not_null(0, COLUMN_BEFORE)));
}

/* pollseed_predict(profile, decade, page_size, after_score, after_id) */
Datum
pollseed_predict(PG_FUNCTION_ARGS)
{
	PageRequest request = page_request(fcinfo);
	Datum		profile =
		  PG_ARGISNULL(ARG_BY) ? CStringGetTextDatum("balanced") : PG_GETARG_DATUM(ARG_BY);
	Datum weights[N_MOVIE_CRITERIA];

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SPI_connect();
	movie_plans_begin();
	movie_profile_weights(profile, weights);
	if (movie_predictions_are_clean())
		stored_page(fcinfo, &request, profile);
	else
		computed_page(fcinfo, &request, weights);
	SPI_finish();
	PG_RETURN_VOID();
}

/* pollseed_predict_with(weights, decade, page_size, after_score, after_id) */
Datum
pollseed_predict_with(PG_FUNCTION_ARGS)
{
	PageRequest request = page_request(fcinfo);
	Datum		weights[N_MOVIE_CRITERIA];

	require_argument(fcinfo, ARG_BY, "weights");
	movie_given_weights(PG_GETARG_JSONB_P(ARG_BY), weights);

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SPI_connect();
	movie_plans_begin();
	computed_page(fcinfo, &request, weights);
	SPI_finish();
	PG_RETURN_VOID();
}
