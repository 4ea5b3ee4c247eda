/*-------------------------------------------------------------------------
 *
 * targeting_source.c
 *		The queries that make snapshots, and that tell which are current.
 *
 * A snapshot is a jsonb array: the band's trait groups in the order of their ids,
 * each with those of its traits that the me-file holds, in the order of theirs,
 * and last the version of the band's definition:
 *
 *		[{"id": 3, "name": "Age", "traits": [{"id": 17, "name": "18 to 24"}]},
 *		 {"version": "0f343b0931126a20f133d67c2b018a3b"}]
 *
 * A group of which the me-file holds nothing is left out, so that one without any
 * match has the version alone.  The version is a hash of the ids and names of the
 * band's groups and of their traits: not of what the me-file holds.
 *
 * Everything that belongs to a band is built once a batch, as text, because text
 * is put together faster than jsonb; each snapshot is then parsed once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "backfill/targeting_source.h"

/*
 * Added to NULLs for all columns: no rows, which the planner takes for a
 * thousand.  It cannot know how many keys a batch has, and takes an array for ten,
 * and those that are left of them for one: then it would walk through all that
 * belongs to the bands once for each key.  Of a thousand it makes hash joins,
 * whose time grows with the number of keys and no faster.
 */
#define AS_IF_MANY " FROM pg_catalog.generate_subscripts('{}'::pg_catalog.int8[], 1)"

/* The columns that tell a batch's keys apart, of its relation k and of the elements e of their snapshots. */
typedef struct KeyColumns
{
	const char *of_k;
	const char *of_e;
} KeyColumns;

static const KeyColumns population_key = {"k.id", "e.id"};
static const KeyColumns pair_key = {"k.me_file_id, k.target_band_id",
									"e.me_file_id, e.target_band_id"};

/*
 * Appends, for the bands in bands, parts: a row for each trait of each of their
 * groups, one for a group without traits, and one for a band without groups; and
 * versions: a row a band.
 */
static void
append_versions(StringInfo sql, const char *schema)
{
	appendStringInfo(
		sql,
		" parts AS MATERIALIZED (SELECT b.target_band_id, g.id AS group_id, t.id AS trait_id,"
		" CASE WHEN g.id IS NOT NULL THEN"
		" pg_catalog.concat('{\"id\": ', pg_catalog.to_json(g.id), ', \"name\": ',"
		" COALESCE(pg_catalog.to_json(g.name), 'null'), ', \"traits\": [') END AS group_text,"
		" CASE WHEN t.id IS NOT NULL THEN"
		" pg_catalog.concat('{\"id\": ', pg_catalog.to_json(t.id), ', \"name\": ',"
		" COALESCE(pg_catalog.to_json(t.name), 'null'), '}') END AS trait_text"
		" FROM bands AS b LEFT JOIN (%1$s.target_band_trait_groups AS l"
		" JOIN %1$s.trait_groups AS g ON g.id OPERATOR(pg_catalog.=) l.trait_group_id)"
		" ON l.target_band_id OPERATOR(pg_catalog.=) b.target_band_id"
		" LEFT JOIN (%1$s.trait_group_traits AS m"
		" JOIN %1$s.traits AS t ON t.id OPERATOR(pg_catalog.=) m.trait_id)"
		" ON m.trait_group_id OPERATOR(pg_catalog.=) g.id"
		" UNION ALL SELECT NULL, NULL, NULL, NULL, NULL" AS_IF_MANY "),"
		" versions AS MATERIALIZED (SELECT p.target_band_id,"
		" pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to("
		"pg_catalog.string_agg(pg_catalog.concat(p.group_text, p.trait_text), ','"
		" ORDER BY p.group_id, p.trait_id), 'UTF8')), 'hex'), 32) AS version"
		" FROM parts AS p GROUP BY p.target_band_id)",
		schema);
}

/*
 * Appends a query for the snapshots of keys, or of missing.  A snapshot's elements
 * come in the order of group_id, with the version last, whose is NULL.
 */
static void
append_snapshots(StringInfo sql, const char *schema, const char *keys, const KeyColumns *key)
{
	appendStringInfo(sql,
					 " SELECT %s, pg_catalog.concat('[', pg_catalog.string_agg(e.element, ', '"
					 " ORDER BY e.group_id), ']')::pg_catalog.jsonb FROM ("
					 "SELECT %s, p.group_id, pg_catalog.concat(p.group_text,"
					 " pg_catalog.string_agg(p.trait_text, ', ' ORDER BY p.trait_id), ']}')"
					 " AS element FROM %s AS k,"
					 " LATERAL (SELECT t.trait_id FROM %s.me_file_tags AS t"
					 " WHERE t.me_file_id OPERATOR(pg_catalog.=) k.me_file_id OFFSET 0) AS h,"
					 " parts AS p WHERE p.target_band_id OPERATOR(pg_catalog.=) k.target_band_id"
					 " AND p.trait_id OPERATOR(pg_catalog.=) h.trait_id"
					 " GROUP BY %s, p.group_id, p.group_text",
					 key->of_e, key->of_k, keys, schema, key->of_k);
	appendStringInfo(sql,
					 " UNION ALL"
					 " SELECT %s, NULL, pg_catalog.concat('{\"version\": \"', v.version, '\"}')"
					 " FROM %s AS k, versions AS v"
					 " WHERE v.target_band_id OPERATOR(pg_catalog.=) k.target_band_id) AS e"
					 " GROUP BY %s",
					 key->of_k, keys, key->of_e);
}

/* Appends the bands of keys and what belongs to them. */
static void
append_bands_of_keys(StringInfo sql, const char *schema)
{
	appendStringInfoString(sql, " bands AS MATERIALIZED (SELECT DISTINCT k.target_band_id"
								" FROM keys AS k),");
	append_versions(sql, schema);
}

/* Appends the query for populations' snapshots. */
static void
append_population_source(StringInfo sql, const char *schema)
{
	appendStringInfo(sql,
					 "WITH keys AS MATERIALIZED (SELECT r.id, r.me_file_id, r.target_band_id"
					 " FROM %s.target_populations AS r WHERE r.id OPERATOR(pg_catalog.=) ANY ($1)"
					 " UNION ALL SELECT NULL, NULL, NULL" AS_IF_MANY "),",
					 schema);
	append_bands_of_keys(sql, schema);
	append_snapshots(sql, schema, "keys", &population_key);
}

/*
 * Appends the query for the snapshots of offers and events.  A population's
 * snapshot serves them too, unless the band was changed since; one that does not
 * tell its version was put there by the application, and serves.  There is one
 * population of a pair, and each pair is asked for once.  Each is looked up by itself
 * (OFFSET 0): statistics of before the backfill say that hardly any has a snapshot, which
 * would make a join read all of them for each pair.
 */
static void
append_pair_source(StringInfo sql, const char *schema)
{
	appendStringInfoString(sql, "WITH keys AS MATERIALIZED ("
								"SELECT u.me_file_id, u.target_band_id"
								" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
								" AS u(me_file_id, target_band_id)"
								" UNION ALL SELECT NULL, NULL" AS_IF_MANY "),");
	append_bands_of_keys(sql, schema);
	appendStringInfo(sql,
					 ", found AS MATERIALIZED (SELECT k.me_file_id, k.target_band_id,"
					 " r." SNAPSHOT_COLUMN " AS snapshot"
					 " FROM keys AS k JOIN versions AS v"
					 " ON v.target_band_id OPERATOR(pg_catalog.=) k.target_band_id"
					 " LEFT JOIN LATERAL (SELECT p." SNAPSHOT_COLUMN
					 " FROM %s.target_populations AS p"
					 " WHERE p.me_file_id OPERATOR(pg_catalog.=) k.me_file_id"
					 " AND p.target_band_id OPERATOR(pg_catalog.=) k.target_band_id OFFSET 0) AS r"
					 " ON r." SNAPSHOT_COLUMN " IS NOT NULL"
					 " AND COALESCE(" VERSION_OF_R " OPERATOR(pg_catalog.=) v.version, true))",
					 schema);
	appendStringInfoString(sql, ", missing AS MATERIALIZED (SELECT f.me_file_id, f.target_band_id"
								" FROM found AS f WHERE f.snapshot IS NULL"
								" UNION ALL SELECT NULL, NULL" AS_IF_MANY ")"
								" SELECT f.me_file_id, f.target_band_id, f.snapshot FROM found AS f"
								" WHERE f.snapshot IS NOT NULL UNION ALL");
	append_snapshots(sql, schema, "missing", &pair_key);
}

char *
snapshot_source(Oid schema, SnapshotTable table)
{
	const char	  *quoted_schema = quote_identifier(get_namespace_name(schema));
	StringInfoData sql;

	initStringInfo(&sql);
	if (table == SNAPSHOTS_OF_POPULATIONS)
		append_population_source(&sql, quoted_schema);
	else
		append_pair_source(&sql, quoted_schema);
	return sql.data;
}

void
append_version_ctes(StringInfo sql, Oid schema)
{
	const char *quoted_schema = quote_identifier(get_namespace_name(schema));

	appendStringInfo(sql,
					 "WITH bands AS MATERIALIZED (SELECT b.id AS target_band_id"
					 " FROM %s.target_bands AS b),",
					 quoted_schema);
	append_versions(sql, quoted_schema);
}
