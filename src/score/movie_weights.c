/*-------------------------------------------------------------------------
 *
 * movie_weights.c
 *		How much each criterion counts: a stored profile, or weights that a
 *		caller gives.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/builtins.h"

#include "core/sql.h"
#include "score/movie_plans.h"
#include "score/movie_weights.h"

/* Raises 42704: there is no such profile. */
static void
refuse_profile(const char *name)
{
	bool  isnull = true;
	Datum names = (Datum) 0;

	if (movie_plan_execute(MOVIE_PLAN_PROFILES, NULL) == 1)
		names = sql_value(0, 1, &isnull);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("profile \"%s\" does not exist", name),
			 isnull ? errhint("Insert it into \"" MOVIE_PROFILES "\", which is empty.")
					: errhint("Profiles: %s.", TextDatumGetCString(names))));
}

void
movie_profile_weights(Datum profile, Datum weights[N_MOVIE_CRITERIA])
{
	if (movie_plan_execute(MOVIE_PLAN_WEIGHTS, &profile) == 0)
		refuse_profile(TextDatumGetCString(profile));
	for (int i = 0; i < N_MOVIE_CRITERIA; i++)
		weights[i] = sql_value_not_null(0, i + 1);
}

/* Adds a hint that names the criteria. */
static int
hint_criteria(void)
{
	return errhint("Give a number from 0 to %d for each of %s, %s, %s, %s, %s that is to count.",
				   MAX_MOVIE_WEIGHT, movie_criteria[0], movie_criteria[1], movie_criteria[2],
				   movie_criteria[3], movie_criteria[4]);
}

/* Returns the place of a criterion; raises 22023 where there is none of the name. */
static int
criterion_place(const JsonbValue *name)
{
	for (int i = 0; i < N_MOVIE_CRITERIA; i++)
	{
		if ((size_t) name->val.string.len == strlen(movie_criteria[i]) &&
			memcmp(name->val.string.val, movie_criteria[i], name->val.string.len) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized weight \"%.*s\"", name->val.string.len, name->val.string.val),
			 hint_criteria()));
}

/* Returns a weight; raises 22023 where the value is none. */
static double
weight_value(const JsonbValue *value, int criterion)
{
	double weight;

	if (value->type != jbvNumeric)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("weight \"%s\" must be a number", movie_criteria[criterion]),
						hint_criteria()));
	weight = DatumGetFloat8(
		DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(weight >= 0 && weight <= MAX_MOVIE_WEIGHT))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("weight \"%s\" must be between 0 and %d", movie_criteria[criterion],
							   MAX_MOVIE_WEIGHT),
						hint_criteria()));
	return weight;
}

void
movie_given_weights(Jsonb *given, Datum weights[N_MOVIE_CRITERIA])
{
	JsonbIterator	  *iterator;
	JsonbIteratorToken token;
	JsonbValue		   value;
	double			   sum = 0;
	int				   criterion = 0;

	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("weights must be a JSON object"), hint_criteria()));
	for (int i = 0; i < N_MOVIE_CRITERIA; i++)
		weights[i] = Float8GetDatum(0);

	iterator = JsonbIteratorInit(&given->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			criterion = criterion_place(&value);
		else if (token == WJB_VALUE)
		{
			double weight = weight_value(&value, criterion);

			weights[criterion] = Float8GetDatum(weight);
			sum += weight;
		}
	}
	if (sum <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("at least one weight must be greater than 0"), hint_criteria()));
}
