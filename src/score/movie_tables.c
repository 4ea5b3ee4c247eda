/*-------------------------------------------------------------------------
 *
 * movie_tables.c
 *		SQL functions pollseed_create_movie_tables() and
 *		pollseed_drop_movie_tables(): the preset's tables, in Ecto's types, and
 *		the two scores made of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/preset.h"
#include "core/sql.h"
#include "score/movies.h"

POLLSEED_FUNCTION(pollseed_create_movie_tables);
POLLSEED_FUNCTION(pollseed_drop_movie_tables);

#define MAKER "pollseed_create_movie_tables()"

const char *const movie_criteria[N_MOVIE_CRITERIA] = {"popular_opinion", "critical_acclaim",
													  "industry_recognition", "cultural_impact",
													  "people_quality"};

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

#define ID " id bigserial PRIMARY KEY,"
#define NAME(column) " " column " varchar(255) NOT NULL,"
#define REFERS(column, table) \
	" " column " bigint NOT NULL REFERENCES %1$s." table " (id) ON DELETE CASCADE,"
#define TIMESTAMPS \
	" inserted_at timestamp(0) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now())," \
	" updated_at timestamp(0) NOT NULL DEFAULT pg_catalog.timezone('UTC', pg_catalog.now())"

#define PLUS(a, b) "(" a " OPERATOR(pg_catalog.+) " b ")"
#define TIMES(a, b) "(" a " OPERATOR(pg_catalog.*) " b ")"
#define DIVIDED(a, b) "(" a " OPERATOR(pg_catalog./) " b ")"
#define EQUAL(a, b) "(" a " OPERATOR(pg_catalog.=) " b ")"
#define BETWEEN(a, low, high) \
	"(" a " OPERATOR(pg_catalog.>=) " low " AND " a " OPERATOR(pg_catalog.<=) " high ")"
#define FLOAT8(a) "CAST(" a " AS pg_catalog.float8)"

#define WEIGHT(criterion) \
	" " criterion " double precision NOT NULL DEFAULT 1 CHECK " \
	BETWEEN(criterion, "0", CppAsString2(MAX_MOVIE_WEIGHT)) ","

/* The tables in the order of their creation. */
static const PresetTable movie_tables[] = {
	{"movies", "canonical_sources",
	 "CREATE TABLE %1$s.movies ("
	 ID NAME("title")
	 " release_date date,"
	 " import_status varchar(255) NOT NULL DEFAULT 'full',"
	 " canonical_sources jsonb DEFAULT '{}'"
	 " CHECK " EQUAL("pg_catalog.jsonb_typeof(canonical_sources)", "'object'") ","
	 TIMESTAMPS ");"
	 "CREATE INDEX idx_movies_2020s_predictions ON %1$s.movies (release_date, import_status)"
	 " WHERE release_date OPERATOR(pg_catalog.>=) '2020-01-01'"
	 " AND import_status OPERATOR(pg_catalog.=) 'full'"
	 " AND (canonical_sources OPERATOR(pg_catalog.->) '1001_movies') IS NULL"},
	{"external_metrics", "metric_type",
	 "CREATE TABLE %1$s.external_metrics ("
	 ID REFERS("movie_id", "movies") NAME("source") NAME("metric_type")
	 " value double precision"
	 " CHECK (value OPERATOR(pg_catalog.>=) 0 AND value OPERATOR(pg_catalog.<) 'Infinity'),"
	 TIMESTAMPS ");"
	 "CREATE UNIQUE INDEX external_metrics_movie_id_source_metric_type_index"
	 " ON %1$s.external_metrics (movie_id, source, metric_type)"},
	{"festival_nominations", "won",
	 "CREATE TABLE %1$s.festival_nominations ("
	 ID REFERS("movie_id", "movies") NAME("festival") NAME("category")
	 " won boolean NOT NULL DEFAULT false,"
	 TIMESTAMPS ");"
	 "CREATE INDEX festival_nominations_movie_id_won_index"
	 " ON %1$s.festival_nominations (movie_id, won)"},
	{"people", "quality",
	 "CREATE TABLE %1$s.people ("
	 ID NAME("name")
	 " quality double precision NOT NULL DEFAULT 0 CHECK " BETWEEN("quality", "0", "100") ","
	 TIMESTAMPS ")"},
	{"movie_credits", "person_id",
	 "CREATE TABLE %1$s.movie_credits ("
	 ID REFERS("movie_id", "movies") REFERS("person_id", "people") NAME("role")
	 TIMESTAMPS ");"
	 "CREATE INDEX movie_credits_movie_id_index ON %1$s.movie_credits (movie_id);"
	 "CREATE INDEX movie_credits_person_id_index ON %1$s.movie_credits (person_id)"},
	{MOVIE_PROFILES, "people_quality",
	 "CREATE TABLE %1$s." MOVIE_PROFILES " ("
	 " name varchar(255) PRIMARY KEY,"
	 " description text,"
	 WEIGHT("popular_opinion") WEIGHT("critical_acclaim") WEIGHT("industry_recognition")
	 WEIGHT("cultural_impact") WEIGHT("people_quality")
	 TIMESTAMPS ","
	 " CHECK (popular_opinion OPERATOR(pg_catalog.>) 0 OR critical_acclaim OPERATOR(pg_catalog.>) 0"
	 " OR industry_recognition OPERATOR(pg_catalog.>) 0 OR cultural_impact OPERATOR(pg_catalog.>) 0"
	 " OR people_quality OPERATOR(pg_catalog.>) 0));"
	 "INSERT INTO %1$s." MOVIE_PROFILES " (name, description, popular_opinion, critical_acclaim,"
	 " industry_recognition, cultural_impact, people_quality) VALUES"
	 " ('balanced', 'A little of everything', 0.25, 0.25, 0.2, 0.15, 0.15),"
	 " ('crowd_pleaser', 'What audiences like and talk about', 0.5, 0.1, 0.05, 0.3, 0.05),"
	 " ('critics_choice', 'What critics praise', 0.1, 0.6, 0.15, 0.05, 0.1),"
	 " ('award_hunter', 'What festivals and academies honour', 0.05, 0.25, 0.5, 0.05, 0.15),"
	 " ('cult_classic', 'What is remembered, whatever critics said', 0.3, 0.05, 0.05, 0.5, 0.1)"},
};

/* A metric of a movie, 0 to 1, at half its weight; and the row that it is in. */
#define HALF_OF(alias, scale) \
	TIMES(DIVIDED("COALESCE(" alias ".value, 0)", scale), FLOAT8("0.5"))
#define METRIC(alias, source, metric_type) \
	" LEFT JOIN %1$s.external_metrics AS " alias " ON " EQUAL(alias ".movie_id", "m.id") \
	" AND " EQUAL(alias ".source", "'" source "'") \
	" AND " EQUAL(alias ".metric_type", "'" metric_type "'")

/*
 * The criteria of each movie.  The mean of people's quality is one of integers, billionths:
 * that of floating-point numbers depends on the order in which they come, and that of
 * numerics takes twice as long.
 */
static const char score_view[] =
	"CREATE VIEW %1$s.movie_score_formula AS"
	" SELECT m.id, m.title, m.release_date,"
	" ARRAY(SELECT k.list"
	" FROM pg_catalog.jsonb_object_keys(COALESCE(m.canonical_sources, '{}')) AS k(list)"
	" ORDER BY k.list COLLATE pg_catalog.\"C\") AS lists,"
	" " PLUS(HALF_OF("t", "10"), HALF_OF("i", "10")) " AS popular_opinion,"
	" " PLUS(HALF_OF("c", "100"), HALF_OF("r", "100")) " AS critical_acclaim,"
	" LEAST(1, " PLUS(TIMES(FLOAT8("COALESCE(f.wins, 0)"), FLOAT8("0.2")),
					  TIMES(FLOAT8("COALESCE(f.nominations, 0)"), FLOAT8("0.05")))
	") AS industry_recognition,"
	" LEAST(1, " PLUS(TIMES("(SELECT " FLOAT8("pg_catalog.count(*)")
	" FROM pg_catalog.jsonb_each(COALESCE(m.canonical_sources, '{}')))", FLOAT8("0.1")),
	"CASE WHEN " EQUAL("COALESCE(p.value, 0)", "0") " THEN 0 ELSE "
	DIVIDED("pg_catalog.ln(" PLUS("p.value", "1") ")", "pg_catalog.ln(" FLOAT8("1001") ")") " END")
	") AS cultural_impact,"
	" " DIVIDED(FLOAT8("COALESCE(q.quality, 0)"), FLOAT8("1e11")) " AS people_quality"
	" FROM %1$s.movies AS m"
	METRIC("t", "tmdb", "rating_average")
	METRIC("i", "imdb", "rating_average")
	METRIC("c", "metacritic", "metascore")
	METRIC("r", "rotten_tomatoes", "tomatometer")
	METRIC("p", "tmdb", "popularity")
	" LEFT JOIN (SELECT n.movie_id, pg_catalog.count(*) FILTER (WHERE n.won) AS wins,"
	" pg_catalog.count(*) AS nominations"
	" FROM %1$s.festival_nominations AS n GROUP BY n.movie_id) AS f"
	" ON " EQUAL("f.movie_id", "m.id")
	" LEFT JOIN (SELECT d.movie_id,"
	" pg_catalog.avg(CAST(" TIMES("e.quality", FLOAT8("1e9")) " AS pg_catalog.int8)) AS quality"
	" FROM %1$s.movie_credits AS d JOIN %1$s.people AS e ON " EQUAL("e.id", "d.person_id")
	" GROUP BY d.movie_id) AS q ON " EQUAL("q.movie_id", "m.id")
	" WHERE " EQUAL("m.import_status", "'full'");

/* The ranking by each profile, %2$s being the score. */
static const char prediction_view[] =
	"CREATE VIEW %1$s.movie_prediction_formula AS"
	" SELECT p.name AS profile, s.id AS movie_id,"
	" " TIMES("CAST(EXTRACT(decade FROM s.release_date) AS pg_catalog.int4)", "10") " AS decade,"
	" %2$s AS score"
	" FROM %1$s." MOVIE_SCORES " AS s CROSS JOIN %1$s." MOVIE_PROFILES " AS p"
	" WHERE pg_catalog.isfinite(s.release_date)"
	" AND " EQUAL("pg_catalog.cardinality(s.lists)", "0");

/* clang-format on */

static const Preset movie_preset = {.maker = MAKER,
									.described = "movie tables",
									.engine = MOVIE_ENGINE,
									.tables = movie_tables,
									.ntables = lengthof(movie_tables)};

char *
movie_score_sql(const char *const *weights)
{
	StringInfoData sum;
	StringInfoData total;

	initStringInfo(&sum);
	initStringInfo(&total);
	for (int i = 0; i < N_MOVIE_CRITERIA; i++)
	{
		const char *plus = i > 0 ? " OPERATOR(pg_catalog.+) " : "";

		appendStringInfo(&sum, "%s(s.%s OPERATOR(pg_catalog.*) %s)", plus, movie_criteria[i],
						 weights[i]);
		appendStringInfo(&total, "%s%s", plus, weights[i]);
	}
	return psprintf("((%s) OPERATOR(pg_catalog./) (%s))", sum.data, total.data);
}

const char *
functions_schema(FunctionCallInfo fcinfo)
{
	return quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)));
}

/* Makes a view unless it is there; sql: the statement, whole. */
static void
create_view(Oid schema, const char *name, const char *sql)
{
	Oid			relid = get_relname_relid(name, schema);
	const char *quoted_name = quote_qualified_identifier(get_namespace_name(schema), name);

	if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_VIEW)
		return;
	if (OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists and is not a view", name),
				 errhint("Create the movie tables in another schema: set \"search_path\".")));
	sql_execute(sql, 0, NULL, NULL, NULL);
	sql_execute(psprintf("COMMENT ON VIEW %s IS 'made by " MAKER "'", quoted_name), 0, NULL, NULL,
				NULL);
}

/* Makes a score, by the SQL function that is there for it, and then its index, unless its table is there. */
static void
create_score(const char *functions, Oid schema, const char *name, const char *view, const char *key,
			 const char *sources, const char *index)
{
	const char *namespace = get_namespace_name(schema);
	const char *quoted_name = quote_qualified_identifier(namespace, name);

	if (OidIsValid(get_relname_relid(name, schema)))
		return;
	sql_execute(psprintf("SELECT FROM %s.pollseed_score_create(%s, %s, %s, %s)", functions,
						 quote_literal_cstr(quoted_name),
						 quote_literal_cstr(quote_qualified_identifier(namespace, view)),
						 quote_literal_cstr(key), sources),
				0, NULL, NULL, NULL);
	sql_execute(psprintf("CREATE INDEX %s ON %s (%s)",
						 quote_identifier(psprintf("%s_page_index", name)), quoted_name, index),
				0, NULL, NULL, NULL);
	sql_execute(psprintf("ANALYZE %s", quoted_name), 0, NULL, NULL, NULL);
}

/* Makes the view of the criteria and the score. */
static void
create_scores(const char *functions, Oid schema)
{
	const char *namespace = quote_identifier(get_namespace_name(schema));
	const char *via = psprintf("SELECT c.movie_id FROM %s.movie_credits AS c"
							   " WHERE c.person_id OPERATOR(pg_catalog.=) ANY ($1)",
							   namespace);

	create_view(schema, "movie_score_formula", psprintf(score_view, namespace));
	create_score(functions, schema, MOVIE_SCORES, "movie_score_formula", "id",
				 psprintf("pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object("
						  "'table', %s, 'key', 'id', 'via', %s))",
						  quote_literal_cstr(psprintf("%s.people", namespace)),
						  quote_literal_cstr(via)),
				 "release_date");
}

/*
 * Makes the view of the ranking and the score.  A profile's change is one of all rows: a
 * query of the keys that it had could not find those of movies that were deleted as well.
 */
static void
create_predictions(const char *functions, Oid schema)
{
	const char *namespace = quote_identifier(get_namespace_name(schema));
	const char *weights[N_MOVIE_CRITERIA];
	const char *via = psprintf("SELECT p.name, i.id FROM pg_catalog.unnest($1) AS i(id),"
							   " %s." MOVIE_PROFILES " AS p",
							   namespace);

	for (int i = 0; i < N_MOVIE_CRITERIA; i++)
		weights[i] = psprintf("p.%s", movie_criteria[i]);
	create_view(schema, "movie_prediction_formula",
				psprintf(prediction_view, namespace, movie_score_sql(weights)));
	create_score(functions, schema, MOVIE_PREDICTIONS, "movie_prediction_formula",
				 "profile, movie_id",
				 psprintf("pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object("
						  "'table', %s, 'key', 'id', 'via', %s),"
						  " pg_catalog.jsonb_build_object('table', %s, 'key', NULL))",
						  quote_literal_cstr(psprintf("%s." MOVIE_SCORES, namespace)),
						  quote_literal_cstr(via),
						  quote_literal_cstr(psprintf("%s." MOVIE_PROFILES, namespace))),
				 "profile, decade, score DESC, movie_id");
}

/* pollseed_create_movie_tables() */
Datum
pollseed_create_movie_tables(PG_FUNCTION_ARGS)
{
	const char *functions = functions_schema(fcinfo);
	Oid			schema;
	int			created;

	PreventCommandIfReadOnly(MAKER);
	schema = preset_schema();

	SPI_connect();
	created = preset_create(&movie_preset, schema);
	create_scores(functions, schema);
	create_predictions(functions, schema);
	SPI_finish();
	PG_RETURN_INT32(created);
}

/* Drops a score of the schema, if it is there. */
static void
drop_score(const char *functions, Oid schema, const char *name)
{
	if (OidIsValid(get_relname_relid(name, schema)))
		sql_execute(psprintf("SELECT %s.pollseed_score_drop(%s)", functions,
							 quote_literal_cstr(
								 quote_qualified_identifier(get_namespace_name(schema), name))),
					0, NULL, NULL, NULL);
}

/* Drops a view, if it is there and made here. */
static void
drop_view(Oid schema, const char *name)
{
	Oid			relid = get_relname_relid(name, schema);
	const char *quoted_name = quote_qualified_identifier(get_namespace_name(schema), name);
	char	   *comment;

	if (!OidIsValid(relid))
		return;
	comment = GetComment(relid, RelationRelationId, 0);
	if (comment == NULL || strcmp(comment, "made by " MAKER) != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("view \"%s\" was not made by " MAKER, name),
						errhint("To drop it all the same, use DROP VIEW %s.", quoted_name)));
	sql_execute(psprintf("DROP VIEW %s", quoted_name), 0, NULL, NULL, NULL);
}

/* pollseed_drop_movie_tables() */
Datum
pollseed_drop_movie_tables(PG_FUNCTION_ARGS)
{
	const char *functions = functions_schema(fcinfo);
	Oid			schema;
	int			dropped;

	PreventCommandIfReadOnly("pollseed_drop_movie_tables()");
	schema = preset_schema();

	SPI_connect();
	drop_score(functions, schema, MOVIE_PREDICTIONS);
	drop_view(schema, "movie_prediction_formula");
	drop_score(functions, schema, MOVIE_SCORES);
	drop_view(schema, "movie_score_formula");
	dropped = preset_drop(&movie_preset, schema);
	SPI_finish();
	PG_RETURN_INT32(dropped);
}

/* Raises an error unless a schema has a table with a column that makes it the preset's. */
static void
check_table(Oid schema, const char *name, const char *needed_column)
{
	Oid relid = get_relname_relid(name, schema);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", get_namespace_name(schema), name),
				 errhint(MAKER " creates what is missing of the movie tables and their scores in "
							   "the current schema.")));
	if (get_attnum(relid, needed_column) == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of relation \"%s.%s\" does not exist", needed_column,
							   get_namespace_name(schema), name),
						errhint("Set \"search_path\" to the schema of the movie tables.")));
}

Oid
movie_schema(void)
{
	ListCell *cell;

	foreach(cell, fetch_search_path(true))
	{
		Oid schema = lfirst_oid(cell);

		if (!OidIsValid(get_relname_relid(MOVIE_SCORES, schema)))
			continue;
		for (size_t i = 0; i < lengthof(movie_tables); i++)
			check_table(schema, movie_tables[i].name, movie_tables[i].needed_column);
		check_table(schema, MOVIE_SCORES, "people_quality");
		check_table(schema, MOVIE_PREDICTIONS, "score");
		return schema;
	}
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
					errmsg("no schema on the search path has the table \"" MOVIE_SCORES "\""),
					errhint("Set \"search_path\" to the schema of the movie tables, or create them "
							"with " MAKER ".")));
}
