/*-------------------------------------------------------------------------
 *
 * movie_rank.c
 *		Where on a stored ranking a place is.
 *
 * Counting from the top takes the longer the deeper the page.  So a session keeps
 * where each 256th movie of a ranking is, and counts from the last of these before the place.
 * They hold as long as the score is in the same state.  Whoever refreshes it updates its row in
 * pollseed.scores in the same transaction, so that the row, as the snapshot sees it, tells.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/role.h"
#include "core/sql.h"
#include "score/movie_plans.h"
#include "score/movie_rank.h"

#define MARK_DISTANCE 256

/* So few movies are counted without marks. */
#define NEAR_THE_TOP 512

/* A session keeps the marks of so many rankings. */
#define MAX_RANKINGS 100

typedef struct MovieMark
{
	double score;
	int64  id;
} MovieMark;

/* The marks of a profile's ranking of a decade. */
typedef struct MovieRanking
{
	char	  *profile;
	int32	   decade;
	int64	   count;
	MovieMark *marks; /* of the movies of rank 256, 512 and so on */
} MovieRanking;

/* A state of the score; no two have the same. */
typedef struct ScoreVersion
{
	Oid			  relation;
	int64		  refreshes;
	TransactionId xmin; /* (sub)transactions that were rolled back may have counted the same */
} ScoreVersion;

static ScoreVersion	 kept_version;
static MemoryContext kept_context;
static MovieRanking	 kept[MAX_RANKINGS];
static int			 nkept;

/* Reads the state of the score; false where it is none, or was restored from a dump and not looked at since. */
static bool
read_version(ScoreVersion *version)
{
	Datum		values[] = {ObjectIdGetDatum(movie_predictions_relation()),
							ObjectIdGetDatum(MyDatabaseId), Int64GetDatum((int64) GetSystemIdentifier())};
	RoleSession session = role_enter(extension_owner());
	bool		found;

	found = movie_plan_execute(MOVIE_PLAN_VERSION, values) == 1;
	role_leave(&session);
	if (!found)
		return false;
	version->relation = DatumGetObjectId(values[0]);
	version->refreshes = DatumGetInt64(sql_value_not_null(0, 1));
	version->xmin = DatumGetTransactionId(sql_value_not_null(0, 2));
	return true;
}

/* Forgets all marks. */
static void
forget(void)
{
	nkept = 0;
	if (kept_context == NULL)
		kept_context = AllocSetContextCreate(TopMemoryContext, "pollseed movie rankings",
											 ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(kept_context);
}

/* Reads the marks of a ranking, and keeps them. */
static const MovieRanking *
read_ranking(Datum profile, int32 decade)
{
	Datum		  values[] = {profile, Int32GetDatum(decade), Int64GetDatum(MARK_DISTANCE)};
	int64		  count = movie_plan_execute(MOVIE_PLAN_MARKS, values);
	MemoryContext old_context = MemoryContextSwitchTo(kept_context);
	MovieRanking *ranking = &kept[nkept];

	ranking->profile = TextDatumGetCString(profile);
	ranking->decade = decade;
	ranking->count = count;
	ranking->marks = palloc_array(MovieMark, Max(count, 1));
	MemoryContextSwitchTo(old_context);
	for (int64 i = 0; i < count; i++)
	{
		ranking->marks[i].score = DatumGetFloat8(sql_value_not_null(i, 1));
		ranking->marks[i].id = DatumGetInt64(sql_value_not_null(i, 2));
	}
	nkept++;
	return ranking;
}

/* Returns the marks of a ranking that are kept and hold; NULL where there are none. */
static const MovieRanking *
find_ranking(Datum profile, int32 decade, const ScoreVersion *version)
{
	const char *name = TextDatumGetCString(profile);

	if (kept_context == NULL || nkept == MAX_RANKINGS ||
		version->relation != kept_version.relation ||
		version->refreshes != kept_version.refreshes ||
		!TransactionIdEquals(version->xmin, kept_version.xmin))
	{
		forget();
		kept_version = *version;
	}
	for (int i = 0; i < nkept; i++)
	{
		if (kept[i].decade == decade && strcmp(kept[i].profile, name) == 0)
			return &kept[i];
	}
	return NULL;
}

/* Returns how many of the marks come before a place or are there. */
static int64
marks_before(const MovieRanking *ranking, double score, int64 id)
{
	int64 low = 0;
	int64 high = ranking->count;

	while (low < high)
	{
		int64			 middle = low + (high - low) / 2;
		const MovieMark *mark = &ranking->marks[middle];

		if (float8_gt(mark->score, score) || (float8_eq(mark->score, score) && mark->id <= id))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Returns how many movies come after a place, up to and with another; but limit at most. */
static int64
count_between(Datum profile, int32 decade, MovieMark from, MovieMark to, int64 limit)
{
	Datum values[] = {profile,
					  Int32GetDatum(decade),
					  Float8GetDatum(from.score),
					  Int64GetDatum(from.id),
					  Float8GetDatum(to.score),
					  Int64GetDatum(to.id),
					  Int64GetDatum(limit)};

	(void) movie_plan_execute(MOVIE_PLAN_COUNT, values);
	return DatumGetInt64(sql_value_not_null(0, 1));
}

/* Marks are read for a place that is not near the top: there, pages are looked at most. */
int64
movie_rank(Datum profile, int32 decade, double score, int64 id)
{
	MovieMark			top = {get_float8_infinity(), 0};
	MovieMark			place = {score, id};
	const MovieRanking *ranking;
	ScoreVersion		version;
	int64				marks;

	if (!read_version(&version))
		return count_between(profile, decade, top, place, PG_INT64_MAX);
	ranking = find_ranking(profile, decade, &version);
	if (ranking == NULL)
	{
		int64 count = count_between(profile, decade, top, place, NEAR_THE_TOP);

		if (count < NEAR_THE_TOP)
			return count;
		ranking = read_ranking(profile, decade);
	}
	marks = marks_before(ranking, score, id);
	if (marks > 0)
		top = ranking->marks[marks - 1];
	return marks * MARK_DISTANCE + count_between(profile, decade, top, place, PG_INT64_MAX);
}
