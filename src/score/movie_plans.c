/*-------------------------------------------------------------------------
 *
 * movie_plans.c
 *		The statements that predictions are made by, prepared once a session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/sql.h"
#include "score/movie_plans.h"
#include "score/movies.h"

#define MAX_PARAMETERS 10

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

#define EQUAL(a, b) "(" a " OPERATOR(pg_catalog.=) " b ")"

/* Whether score and id, a row's, come before or after a place, or are that place. */
#define BEFORE(score, id, place_score, place_id) \
	"(" score " OPERATOR(pg_catalog.>) " place_score " OR (" score " OPERATOR(pg_catalog.=) " place_score \
	" AND " id " OPERATOR(pg_catalog.<=) " place_id "))"
#define AFTER(score, id, place_score, place_id) \
	"(" score " OPERATOR(pg_catalog.<) " place_score " OR (" score " OPERATOR(pg_catalog.=) " place_score \
	" AND " id " OPERATOR(pg_catalog.>) " place_id "))"

#define OF_LIST " FROM %1$s." MOVIE_PREDICTIONS " AS r WHERE " \
	EQUAL("r.profile", "$1") " AND " EQUAL("r.decade", "$2")

/*
 * The columns of the page p.  Each movie is looked up by itself (OFFSET 0), because the plan
 * is made for pages of any size, of which the planner expects large ones.
 */
#define PAGE_COLUMNS \
	" CAST(p.movie_id AS pg_catalog.int8), CAST(s.title AS pg_catalog.text)," \
	" CAST(s.release_date AS pg_catalog.date), p.score, s.popular_opinion, s.critical_acclaim," \
	" s.industry_recognition, s.cultural_impact, s.people_quality"
#define PAGE_MOVIES \
	" AS p, LATERAL (SELECT m.* FROM %1$s." MOVIE_SCORES " AS m" \
	" WHERE " EQUAL("m.id", "p.movie_id") " OFFSET 0) AS s ORDER BY p.score DESC, p.movie_id"

#define NUMBER_OF_DECADE(day) \
	"CAST(EXTRACT(decade FROM " day ") AS pg_catalog.int4) OPERATOR(pg_catalog.*) 10"

/* The statements: %1$s is the quoted schema, %2$s the score of s by weights $1 to $5. */
static const struct MovieStatement
{
	const char *sql;
	int			nparameters;
	Oid			types[MAX_PARAMETERS];
} statements[N_MOVIE_PLANS] = {
	[MOVIE_PLAN_WEIGHTS] = {
		"SELECT p.popular_opinion, p.critical_acclaim, p.industry_recognition, p.cultural_impact,"
		" p.people_quality FROM %1$s." MOVIE_PROFILES " AS p WHERE " EQUAL("p.name", "$1"),
		1, {TEXTOID}},
	[MOVIE_PLAN_PROFILES] = {
		"SELECT pg_catalog.string_agg(p.name, ', ' ORDER BY p.name COLLATE pg_catalog.\"C\")"
		" FROM %1$s." MOVIE_PROFILES " AS p",
		0, {InvalidOid}},
	/* Those of the place's score first, then those below: a range of the index each. */
	[MOVIE_PLAN_STORED_PAGE] = {
		"SELECT" PAGE_COLUMNS " FROM (SELECT u.movie_id, u.score FROM ("
		"(SELECT r.movie_id, r.score" OF_LIST " AND " EQUAL("r.score", "$3")
		" AND r.movie_id OPERATOR(pg_catalog.>) $4 ORDER BY r.movie_id LIMIT $5)"
		" UNION ALL (SELECT r.movie_id, r.score" OF_LIST " AND r.score OPERATOR(pg_catalog.<) $3"
		" ORDER BY r.score DESC, r.movie_id LIMIT $5)) AS u"
		" ORDER BY u.score DESC, u.movie_id LIMIT $5)" PAGE_MOVIES,
		5, {TEXTOID, INT4OID, FLOAT8OID, INT8OID, INT8OID}},
	[MOVIE_PLAN_COMPUTED_PAGE] = {
		"WITH ranked AS MATERIALIZED (SELECT s.id AS movie_id, %2$s AS score"
		" FROM %1$s." MOVIE_SCORES " AS s"
		" WHERE s.release_date OPERATOR(pg_catalog.>=) $6"
		" AND s.release_date OPERATOR(pg_catalog.<) $7"
		" AND " EQUAL("pg_catalog.cardinality(s.lists)", "0") ")"
		" SELECT" PAGE_COLUMNS ", (SELECT pg_catalog.count(*) FROM ranked AS r"
		" WHERE " BEFORE("r.score", "r.movie_id", "$8", "$9") ")"
		" FROM (SELECT r.movie_id, r.score FROM ranked AS r"
		" WHERE " AFTER("r.score", "r.movie_id", "$8", "$9")
		" ORDER BY r.score DESC, r.movie_id LIMIT $10)" PAGE_MOVIES,
		10, {FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, DATEOID, DATEOID, FLOAT8OID,
			 INT8OID, INT8OID}},
	[MOVIE_PLAN_VERSION] = {
		"SELECT s.refreshes, s.xmin FROM pollseed.scores AS s"
		" WHERE " EQUAL("s.relation_oid", "$1") " AND " EQUAL("s.database_oid", "$2")
		" AND " EQUAL("s.system_identifier", "$3"),
		3, {OIDOID, OIDOID, INT8OID}},
	[MOVIE_PLAN_MARKS] = {
		"SELECT n.score, n.movie_id FROM (SELECT r.score, r.movie_id,"
		" pg_catalog.row_number() OVER (ORDER BY r.score DESC, r.movie_id) AS n" OF_LIST ") AS n"
		" WHERE (n.n OPERATOR(pg_catalog.%%) $3) OPERATOR(pg_catalog.=) 0 ORDER BY n.n",
		3, {TEXTOID, INT4OID, INT8OID}},
	[MOVIE_PLAN_COUNT] = {
		"SELECT pg_catalog.count(*) FROM (SELECT r.movie_id" OF_LIST
		" AND r.score OPERATOR(pg_catalog.<=) $3 AND r.score OPERATOR(pg_catalog.>=) $5"
		" AND " AFTER("r.score", "r.movie_id", "$3", "$4")
		" AND " BEFORE("r.score", "r.movie_id", "$5", "$6") " LIMIT $7) AS n",
		7, {TEXTOID, INT4OID, FLOAT8OID, INT8OID, FLOAT8OID, INT8OID, INT8OID}},
	[MOVIE_PLAN_VALIDATE] = {
		"SELECT t.decade, t.listed, t.listed, t.hits,"
		" CAST(t.hits AS pg_catalog.float8) OPERATOR(pg_catalog./)"
		" CASE WHEN t.listed OPERATOR(pg_catalog.>) 0 THEN t.listed END"
		" FROM (SELECT n.decade, pg_catalog.max(n.listed) AS listed,"
		" pg_catalog.count(*) FILTER (WHERE n.on_list"
		" AND n.n OPERATOR(pg_catalog.<=) n.listed) AS hits"
		" FROM (SELECT r.decade, r.on_list,"
		" pg_catalog.count(*) FILTER (WHERE r.on_list) OVER (PARTITION BY r.decade) AS listed,"
		" pg_catalog.row_number() OVER (PARTITION BY r.decade ORDER BY r.score DESC, r.id) AS n"
		" FROM (SELECT s.id, " NUMBER_OF_DECADE("s.release_date") " AS decade,"
		" $6 OPERATOR(pg_catalog.=) ANY (s.lists) AS on_list, %2$s AS score"
		" FROM %1$s." MOVIE_SCORES " AS s WHERE pg_catalog.isfinite(s.release_date)) AS r) AS n"
		" GROUP BY n.decade) AS t ORDER BY t.decade",
		6, {FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, TEXTOID}},
};

/* clang-format on */

/* The tables that the plans are for, as the names meant then. */
typedef struct MovieTables
{
	Oid		 schema;
	Oid		 scores;
	Oid		 predictions;
	Oid		 queue;
	Oid		 profiles;
	NameData schema_name;
} MovieTables;

static MovieTables tables;
static SPIPlanPtr  plans[N_MOVIE_PLANS];

/* Returns what the names mean now. */
static MovieTables
find_tables(void)
{
	MovieTables found;

	memset(&found, 0, sizeof(found));
	found.schema = movie_schema();
	found.scores = get_relname_relid(MOVIE_SCORES, found.schema);
	found.predictions = get_relname_relid(MOVIE_PREDICTIONS, found.schema);
	found.queue = get_relname_relid(MOVIE_PREDICTIONS_QUEUE, found.schema);
	found.profiles = get_relname_relid(MOVIE_PROFILES, found.schema);
	namestrcpy(&found.schema_name, get_namespace_name(found.schema));
	return found;
}

/* The server makes plans anew when a table changes, but not when a name means another. */
void
movie_plans_begin(void)
{
	MovieTables found = find_tables();

	if (memcmp(&found, &tables, sizeof(found)) == 0)
		return;
	for (int i = 0; i < N_MOVIE_PLANS; i++)
	{
		if (plans[i] != NULL)
			SPI_freeplan(plans[i]);
		plans[i] = NULL;
	}
	tables = found;
}

/* Prepares a statement for the rest of the session, for any values: a plan for these would be made at each call. */
static SPIPlanPtr
prepare(const struct MovieStatement *statement)
{
	const char *weights[] = {"$1", "$2", "$3", "$4", "$5"};
	char	   *sql = psprintf(statement->sql, quote_identifier(NameStr(tables.schema_name)),
							   movie_score_sql(weights));

	return sql_prepare_kept(sql, statement->nparameters, unconstify(Oid *, &statement->types[0]),
							CURSOR_OPT_GENERIC_PLAN);
}

int64
movie_plan_execute(MoviePlan plan, Datum *values)
{
	int result;

	if (plans[plan] == NULL)
		plans[plan] = prepare(&statements[plan]);
	result = SPI_execute_plan(plans[plan], values, NULL, true, 0);
	if (result < 0)
		elog(ERROR, "could not execute a plan: %s", SPI_result_code_string(result));
	return (int64) SPI_processed;
}

Oid
movie_predictions_relation(void)
{
	return tables.predictions;
}

/*
 * The queue is looked into without a statement, so that who may read the ranking need
 * not be allowed to read its queue.
 */
bool
movie_predictions_are_clean(void)
{
	Relation		queue;
	TableScanDesc	scan;
	TupleTableSlot *slot;
	bool			clean;

	if (!OidIsValid(tables.queue) || get_rel_relkind(tables.queue) != RELKIND_RELATION)
		return false;
	queue = table_open(tables.queue, AccessShareLock);
	slot = table_slot_create(queue, NULL);
	scan = table_beginscan(queue, GetActiveSnapshot(), 0, NULL);
	clean = !table_scan_getnextslot(scan, ForwardScanDirection, slot);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(queue, AccessShareLock);
	return clean;
}
