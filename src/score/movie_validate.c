/*-------------------------------------------------------------------------
 *
 * movie_validate.c
 *		SQL function pollseed_validate_predictions(): how well a profile finds
 *		the movies of a list.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/sql.h"
#include "score/movie_plans.h"
#include "score/movie_weights.h"

POLLSEED_FUNCTION(pollseed_validate_predictions);

#define RESULT_COLUMNS 5

/* pollseed_validate_predictions(profile, list) */
Datum
pollseed_validate_predictions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		   values[N_MOVIE_CRITERIA + 1];
	Datum		   profile = PG_ARGISNULL(0) ? CStringGetTextDatum("balanced") : PG_GETARG_DATUM(0);
	int64		   count;

	values[N_MOVIE_CRITERIA] =
		PG_ARGISNULL(1) ? CStringGetTextDatum("1001_movies") : PG_GETARG_DATUM(1);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SPI_connect();
	movie_plans_begin();
	movie_profile_weights(profile, values);
	count = movie_plan_execute(MOVIE_PLAN_VALIDATE, values);
	for (int64 row = 0; row < count; row++)
	{
		Datum row_values[RESULT_COLUMNS];
		bool  nulls[RESULT_COLUMNS];

		for (int column = 0; column < RESULT_COLUMNS; column++)
			row_values[column] = sql_value(row, column + 1, &nulls[column]);
		tuplestore_putvalues(result->setResult, result->setDesc, row_values, nulls);
	}
	SPI_finish();
	PG_RETURN_VOID();
}
