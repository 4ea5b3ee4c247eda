/*-------------------------------------------------------------------------
 *
 * targeting_seed.c
 *		SQL function pollseed_seed_targeting(): demonstration data for the
 *		targeting tables.
 *
 * Every value comes from the row's number and the seed by integer arithmetic and
 * a hash that is the same on every machine, so that the same seed gives the same
 * data everywhere.  Whoever changes a statement so that it gives other data
 * raises TARGETING_GENERATOR_VERSION.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/ledger.h"
#include "core/random.h"
#include "core/sql.h"
#include "backfill/targeting.h"

POLLSEED_FUNCTION(pollseed_seed_targeting);

#define TARGETING_GENERATOR_VERSION 1

/* How many of each there are, whatever the size; the last band has no trait groups. */
#define BANDS "20"
#define GROUPS "60"
#define TRAITS "400"

/* The statements' parameters: the seed, and how many rows of each there are. */
#define SEED "$1"
#define ME_FILES "$2"
#define POPULATIONS "$3"
#define OFFERS "$4"
#define EVENTS "$5"
#define N_PARAMETERS 5

/* A me-file is in ten populations, of as many bands. */
#define POPULATIONS_A_ME_FILE 10

#define PLUS(a, b) "(" a " OPERATOR(pg_catalog.+) " b ")"
#define MINUS(a, b) "(" a " OPERATOR(pg_catalog.-) " b ")"
#define TIMES(a, b) "(" a " OPERATOR(pg_catalog.*) " b ")"
#define DIVIDED(a, b) "(" a " OPERATOR(pg_catalog./) " b ")"
#define MODULO(a, b) "(" a " OPERATOR(pg_catalog.%) " b ")"
#define EQUAL(a, b) "(" a " OPERATOR(pg_catalog.=) " b ")"

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

/* A number from 0 up to limit, drawn for a number and one of 16 purposes. */
#define DRAW(number, purpose, limit) \
	MODULO("(pg_catalog.hashint8extended(" PLUS(TIMES(number, "16"), purpose) ", " SEED ")" \
		   " OPERATOR(pg_catalog.&) 9223372036854775807)", limit)

/* The numbers from one to another, as column n of the alias. */
#define NUMBERS(first, last, alias) \
	"pg_catalog.generate_series(" first "::pg_catalog.int8, " last "::pg_catalog.int8)" \
	" AS " alias "(n)"

/* The me-file and the band of the population of a number from 0. */
#define POPULATION_ME_FILE(number) PLUS(MODULO(number, ME_FILES), "1")
#define POPULATION_BAND(number) \
	PLUS(MODULO(PLUS(DRAW(MODULO(number, ME_FILES), "1", BANDS), \
					 DIVIDED(number, ME_FILES)), BANDS), "1")

/* The me-file and the band of an offer's number, as columns of p: some population's, but for one in twenty any. */
#define PAIR_OF_OFFER(number) \
	" LATERAL (SELECT " EQUAL(DRAW(number, "2", "20"), "0") " AS any_pair," \
	" " DRAW(number, "3", "GREATEST(" POPULATIONS ", 1)") " AS population OFFSET 0) AS r," \
	" LATERAL (SELECT CASE WHEN r.any_pair THEN " PLUS(DRAW(number, "4", ME_FILES), "1") \
	" ELSE " POPULATION_ME_FILE("r.population") " END," \
	" CASE WHEN r.any_pair THEN " PLUS(DRAW(number, "5", BANDS), "1") \
	" ELSE " POPULATION_BAND("r.population") " END) AS p(me_file_id, target_band_id)"

/* So many rows with a name. */
#define NAMED_ROWS(name, count) \
	"SELECT n.n, pg_catalog.concat('" name " ', n.n) FROM " NUMBERS("1", count, "n")

/* Links each of the left numbers to some of the right ones: as many draws, each counted once. */
#define LINKS(left_count, draws, purpose, right_count) \
	"SELECT pg_catalog.row_number() OVER (ORDER BY l.l, l.r), l.l, l.r" \
	" FROM (SELECT DISTINCT n.n," \
	" " PLUS(DRAW(PLUS(TIMES("n.n", "64"), "d.n"), purpose, right_count), "1") \
	" FROM " NUMBERS("1", left_count, "n") ", " NUMBERS("1", draws, "d") ") AS l(l, r)"

/* What is written into each table, in this order: its columns and a query for them, with the id first. */
static const struct SeededTable
{
	const char *name;
	const char *columns;
	const char *query;
} seeded_tables[] = {
	{"me_files", "name", NAMED_ROWS("Me-file", ME_FILES)},
	{"traits", "name", NAMED_ROWS("Trait", TRAITS)},
	{"trait_groups", "name", NAMED_ROWS("Group", GROUPS)},
	{"target_bands", "name", NAMED_ROWS("Band", BANDS)},
	{"trait_group_traits", "trait_group_id, trait_id",
	 LINKS(GROUPS, PLUS("4", DRAW("n.n", "6", "9")), "7", TRAITS)},
	{"target_band_trait_groups", "target_band_id, trait_group_id",
	 LINKS(MINUS(BANDS, "1"), PLUS("3", DRAW("n.n", "8", "4")), "9", GROUPS)},
	{"me_file_tags", "me_file_id, trait_id",
	 LINKS(ME_FILES, DRAW("n.n", "10", "61"), "11", TRAITS)},
	{"target_populations", "me_file_id, target_band_id",
	 "SELECT " PLUS("n.n", "1") ", " POPULATION_ME_FILE("n.n") ", " POPULATION_BAND("n.n")
	 " FROM " NUMBERS("0", MINUS(POPULATIONS, "1"), "n")},
	{"offers", "me_file_id, target_band_id, amount, status",
	 "SELECT n.n, p.me_file_id, p.target_band_id,"
	 " " DIVIDED(PLUS(DRAW("n.n", "12", "500"), "5") "::pg_catalog.numeric", "100") ","
	 " (ARRAY['open', 'accepted', 'expired'])[" PLUS(DRAW("n.n", "13", "3"), "1") "]"
	 " FROM " NUMBERS("1", OFFERS, "n") "," PAIR_OF_OFFER("n.n")},
	{"ad_events", "offer_id, me_file_id, target_band_id, event_kind",
	 "SELECT n.n, CASE WHEN o.offer OPERATOR(pg_catalog.<=) " OFFERS " THEN o.offer END,"
	 " p.me_file_id, p.target_band_id,"
	 " (ARRAY['impression', 'impression', 'impression', 'click', 'dismissal'])"
	 "[" PLUS(DRAW("n.n", "14", "5"), "1") "]"
	 " FROM " NUMBERS("1", EVENTS, "n") ","
	 " LATERAL (SELECT " PLUS(DRAW("n.n", "15", "GREATEST(" OFFERS ", 1)"), "1")
	 " OFFSET 0) AS o(offer)," PAIR_OF_OFFER("o.offer")},
};

/* clang-format on */

/* Raises 55000 unless a table is empty: rows that are there may have the ids that are to be given. */
static void
check_empty(const char *quoted_name)
{
	if (sql_execute(psprintf("SELECT FROM %s LIMIT 1", quoted_name), 0, NULL, NULL, NULL) != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("table %s is not empty", quoted_name),
						errhint("Seed into targeting tables of another schema, or drop and create "
								"them.")));
}

/* Writes a table's rows, lets its ids go on after them, and returns how many they are. */
static int64
seed_table(const struct SeededTable *table, const char *quoted_name, Datum *values)
{
	Oid	  types[N_PARAMETERS] = {INT8OID, INT8OID, INT8OID, INT8OID, INT8OID};
	int64 rows;

	rows = sql_execute(
		psprintf("INSERT INTO %s (id, %s, inserted_at, updated_at) OVERRIDING SYSTEM VALUE"
				 " SELECT d.*, m.moment, m.moment FROM (%s) AS d(id),"
				 " LATERAL (SELECT timestamp '2025-01-01 00:00:00' OPERATOR(pg_catalog.+)"
				 " pg_catalog.make_interval(secs => d.id)) AS m(moment)",
				 quoted_name, table->columns, table->query),
		N_PARAMETERS, types, values, NULL);
	if (rows > 0)
		sql_execute(psprintf("SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(%s, 'id'),"
							 " " INT64_FORMAT ")",
							 quote_literal_cstr(quoted_name), rows),
					0, NULL, NULL, NULL);
	sql_execute(psprintf("ANALYZE %s", quoted_name), 0, NULL, NULL, NULL);
	return rows;
}

/* Returns the arguments as the ledger keeps them. */
static Datum
seed_arguments(Datum *values)
{
	return DirectFunctionCall1(
		jsonb_in,
		CStringGetDatum(psprintf("{\"populations\": " INT64_FORMAT ", \"offers\": " INT64_FORMAT
								 ", \"events\": " INT64_FORMAT "}",
								 DatumGetInt64(values[2]), DatumGetInt64(values[3]),
								 DatumGetInt64(values[4]))));
}

/* Records what was written into a table. */
static void
record(const char *quoted_name, int64 rows, Datum *values, instr_time start)
{
	ledger_record(&(LedgerEntry){.run_id = ledger_new_run(),
								 .engine = TARGETING_ENGINE,
								 .relation = quoted_name,
								 .rows_written = rows,
								 .seed = DatumGetInt64(values[0]),
								 .generator_version = TARGETING_GENERATOR_VERSION,
								 .arguments = seed_arguments(values),
								 .lane = "spi",
								 .time_ms = milliseconds_since(start)});
}

/* pollseed_seed_targeting(populations, offers, events, seed) */
Datum
pollseed_seed_targeting(PG_FUNCTION_ARGS)
{
	int64 populations = count_argument(fcinfo, 0, "populations");
	int64 me_files = Max(10, (populations + POPULATIONS_A_ME_FILE - 1) / POPULATIONS_A_ME_FILE);
	Datum values[N_PARAMETERS];
	Datum figures[7];
	int64 all_rows = 0;
	const char *namespace;
	instr_time start;

	INSTR_TIME_SET_CURRENT(start);
	PreventCommandIfReadOnly("pollseed_seed_targeting()");
	values[0] = Int64GetDatum(PG_ARGISNULL(3) ? random_seed() : PG_GETARG_INT64(3));
	values[1] = Int64GetDatum(me_files);
	values[2] = Int64GetDatum(populations);
	values[3] = Int64GetDatum(count_argument(fcinfo, 1, "offers"));
	values[4] = Int64GetDatum(count_argument(fcinfo, 2, "events"));
	namespace = get_namespace_name(targeting_schema());

	SPI_connect();
	for (size_t i = 0; i < lengthof(seeded_tables); i++)
		check_empty(quote_qualified_identifier(namespace, seeded_tables[i].name));
	for (size_t i = 0; i < lengthof(seeded_tables); i++)
	{
		const char *quoted_name = quote_qualified_identifier(namespace, seeded_tables[i].name);
		instr_time	table_start;
		int64		rows;

		INSTR_TIME_SET_CURRENT(table_start);
		rows = seed_table(&seeded_tables[i], quoted_name, values);
		record(quoted_name, rows, values, table_start);
		all_rows += rows;
	}
	SPI_finish();

	figures[0] = values[1];
	figures[1] = values[2];
	figures[2] = values[3];
	figures[3] = values[4];
	figures[4] = Int64GetDatum(all_rows);
	figures[5] = Float8GetDatum(milliseconds_since(start));
	figures[6] = values[0];
	PG_RETURN_DATUM(figures_row(fcinfo, figures, NULL));
}
