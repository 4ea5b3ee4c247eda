/*-------------------------------------------------------------------------
 *
 * movie_seed.c
 *		SQL function pollseed_seed_movies(): demonstration data for the movie
 *		tables.
 *
 * Whoever changes what is written, here or in movie_data.c, raises
 * MOVIE_GENERATOR_VERSION.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/ledger.h"
#include "core/relation.h"
#include "core/sql.h"
#include "score/movie_data.h"
#include "score/movies.h"
#include "write/writer.h"

POLLSEED_FUNCTION(pollseed_seed_movies);

#define MOVIE_GENERATOR_VERSION 1
#define BATCH_SIZE 5000

/* There are half as many people as movies, but so many at least. */
#define MIN_PEOPLE 10

/* What is written, and where it has come to. */
typedef struct MovieSeeding
{
	int64		  seed;
	int64		  movies;
	int64		  people;
	Writer		 *writer;  /* of the present table */
	int			  nvalues; /* of a row */
	MemoryContext batch;   /* what the values of its present batch point to */
	int64		  rows;	   /* of it */
	Datum		  no_lists;
	Datum		  one_list;
	Datum		  two_lists;
} MovieSeeding;

/* Returns room for the next row, whose id is set, for values of which none is NULL. */
static Datum *
next_row(MovieSeeding *seeding)
{
	bool  *isnull;
	Datum *values = writer_next_row(seeding->writer, &isnull);

	/* What came before was written when the room was asked for. */
	if (seeding->rows % BATCH_SIZE == 0)
		MemoryContextReset(seeding->batch);
	values[0] = Int64GetDatum(++seeding->rows);
	memset(isnull, false, seeding->nvalues * sizeof(bool));
	return values;
}

/* Returns a text that lasts until its batch is written. */
static Datum
batch_text(MovieSeeding *seeding, const char *string)
{
	MemoryContext old_context = MemoryContextSwitchTo(seeding->batch);
	Datum		  text = CStringGetTextDatum(string);

	MemoryContextSwitchTo(old_context);
	return text;
}

/* Writes the movies. */
static void
write_movies(MovieSeeding *seeding)
{
	for (int64 number = 1; number <= seeding->movies; number++)
	{
		Datum	  *values = next_row(seeding);
		MovieDatum movie;

		movie_datum(seeding->seed, number, &movie);
		values[1] = batch_text(seeding, movie.title);
		values[2] = DateADTGetDatum(movie.release_date);
		values[3] = batch_text(seeding, movie.full ? "full" : "partial");
		values[4] = movie.listed_twice ? seeding->two_lists
					: movie.listed	   ? seeding->one_list
									   : seeding->no_lists;
	}
}

/* Writes what is measured of the movies. */
static void
write_metrics(MovieSeeding *seeding)
{
	for (int64 number = 1; number <= seeding->movies; number++)
	{
		MovieDatum	movie;
		MovieMetric metrics[MOVIE_METRICS];

		movie_datum(seeding->seed, number, &movie);
		movie_metrics(seeding->seed, number, movie.quality, metrics);
		for (int i = 0; i < MOVIE_METRICS; i++)
		{
			Datum *values;

			if (!metrics[i].known)
				continue;
			values = next_row(seeding);
			values[1] = Int64GetDatum(number);
			values[2] = batch_text(seeding, metrics[i].source);
			values[3] = batch_text(seeding, metrics[i].metric_type);
			values[4] = Float8GetDatum(metrics[i].value);
		}
	}
}

/* Writes what the movies were nominated for. */
static void
write_nominations(MovieSeeding *seeding)
{
	for (int64 number = 1; number <= seeding->movies; number++)
	{
		MovieDatum		movie;
		MovieNomination nominations[MAX_MOVIE_NOMINATIONS];
		int				count;

		movie_datum(seeding->seed, number, &movie);
		count = movie_nominations(seeding->seed, number, movie.quality, nominations);
		for (int i = 0; i < count; i++)
		{
			Datum *values = next_row(seeding);

			values[1] = Int64GetDatum(number);
			values[2] = batch_text(seeding, nominations[i].festival);
			values[3] = batch_text(seeding, nominations[i].category);
			values[4] = BoolGetDatum(nominations[i].won);
		}
	}
}

/* Writes the people. */
static void
write_people(MovieSeeding *seeding)
{
	for (int64 number = 1; number <= seeding->people; number++)
	{
		Datum *values = next_row(seeding);
		char   name[64];

		values[2] = Float8GetDatum(movie_person(seeding->seed, number, name));
		values[1] = batch_text(seeding, name);
	}
}

/* Writes who works on the movies. */
static void
write_credits(MovieSeeding *seeding)
{
	static const char *const roles[CREDITS_A_MOVIE] = {"director", "writer", "actor", "actor",
													   "actor"};

	for (int64 number = 1; number <= seeding->movies; number++)
	{
		MovieDatum movie;
		int64	   credits[CREDITS_A_MOVIE];

		movie_datum(seeding->seed, number, &movie);
		movie_people(seeding->seed, number, movie.quality, seeding->people, credits);
		for (int i = 0; i < CREDITS_A_MOVIE; i++)
		{
			Datum *values = next_row(seeding);

			values[1] = Int64GetDatum(number);
			values[2] = Int64GetDatum(credits[i]);
			values[3] = batch_text(seeding, roles[i]);
		}
	}
}

#define ID                                          \
	{                                               \
		.name = "id", .type = INT8OID, .typmod = -1 \
	}
#define MOVIE_ID                                          \
	{                                                     \
		.name = "movie_id", .type = INT8OID, .typmod = -1 \
	}
#define TEXT_COLUMN(column)                             \
	{                                                   \
		.name = (column), .type = TEXTOID, .typmod = -1 \
	}
#define FLOAT_COLUMN(column)                              \
	{                                                     \
		.name = (column), .type = FLOAT8OID, .typmod = -1 \
	}
#define MOMENT "2025-01-01 00:00:00"
#define TIMES                                   \
	{.name = "inserted_at", .literal = MOMENT}, \
	{                                           \
		.name = "updated_at", .literal = MOMENT \
	}

/* The tables in the order in which they are written: those referred to first. */
static const struct SeededTable
{
	const char *name;
	int			nvalues;
	WriteColumn columns[7]; /* the last two are literals */
	void (*write)(MovieSeeding *seeding);
} seeded_tables[] = {
	{"movies",
	 5,
	 {ID,
	  TEXT_COLUMN("title"),
	  {.name = "release_date", .type = DATEOID, .typmod = -1},
	  TEXT_COLUMN("import_status"),
	  {.name = "canonical_sources", .type = JSONBOID, .typmod = -1},
	  TIMES},
	 write_movies},
	{"external_metrics",
	 5,
	 {ID, MOVIE_ID, TEXT_COLUMN("source"), TEXT_COLUMN("metric_type"), FLOAT_COLUMN("value"),
	  TIMES},
	 write_metrics},
	{"festival_nominations",
	 5,
	 {ID,
	  MOVIE_ID,
	  TEXT_COLUMN("festival"),
	  TEXT_COLUMN("category"),
	  {.name = "won", .type = BOOLOID, .typmod = -1},
	  TIMES},
	 write_nominations},
	{"people", 3, {ID, TEXT_COLUMN("name"), FLOAT_COLUMN("quality"), TIMES}, write_people},
	{"movie_credits",
	 4,
	 {ID,
	  MOVIE_ID,
	  {.name = "person_id", .type = INT8OID, .typmod = -1},
	  TEXT_COLUMN("role"),
	  TIMES},
	 write_credits},
};

#define N_SEEDED_TABLES ((int) lengthof(seeded_tables))

/* Raises 55000 unless a table is empty: rows that are there may have the ids that are to be given. */
static void
check_empty(const char *quoted_name)
{
	if (sql_execute(psprintf("SELECT FROM %s LIMIT 1", quoted_name), 0, NULL, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table %s is not empty", quoted_name),
				 errhint("Seed into movie tables of another schema, or drop and create them.")));
}

/* Writes a table's rows, and lets its ids go on after them. */
static WriteFigures
seed_table(MovieSeeding *seeding, const struct SeededTable *table, Oid schema)
{
	Relation rel = relation_open_by_oid(get_relname_relid(table->name, schema), RowExclusiveLock);
	const char	*quoted_name = relation_quoted_name(rel);
	WriteFigures figures;

	seeding->writer = writer_open(rel, table->nvalues + 2, table->columns, BATCH_SIZE);
	seeding->nvalues = table->nvalues;
	seeding->rows = 0;
	table->write(seeding);
	figures = writer_close(seeding->writer);
	table_close(rel, NoLock);

	if (seeding->rows > 0)
		sql_execute(psprintf("SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(%s, 'id'),"
							 " " INT64_FORMAT ")",
							 quote_literal_cstr(quoted_name), seeding->rows),
					0, NULL, NULL, NULL);
	sql_execute(psprintf("ANALYZE %s", quoted_name), 0, NULL, NULL, NULL);
	return figures;
}

/* Records what was written into a table. */
static void
record(const MovieSeeding *seeding, const char *quoted_name, const WriteFigures *figures,
	   instr_time start)
{
	Datum arguments = DirectFunctionCall1(
		jsonb_in, CStringGetDatum(psprintf("{\"movies\": " INT64_FORMAT "}", seeding->movies)));

	ledger_record(&(LedgerEntry){.run_id = ledger_new_run(),
								 .engine = MOVIE_ENGINE,
								 .relation = quoted_name,
								 .rows_written = figures->rows_sent,
								 .seed = seeding->seed,
								 .generator_version = MOVIE_GENERATOR_VERSION,
								 .arguments = arguments,
								 .lane = figures->lane,
								 .time_ms = milliseconds_since(start)});
}

/* Refreshes a score in full, if it is one, and tells the planner of its rows. */
static void
refresh_score(const char *functions, Oid schema, const char *name)
{
	const char *quoted_name = quote_qualified_identifier(get_namespace_name(schema), name);

	if (sql_execute(psprintf("SELECT FROM %s.pollseed_scores AS s"
							 " WHERE s.name OPERATOR(pg_catalog.=) %s",
							 functions, quote_literal_cstr(quoted_name)),
					0, NULL, NULL, NULL) == 0)
		return;
	sql_execute(psprintf("SELECT FROM %s.pollseed_score_refresh(%s, 'full')", functions,
						 quote_literal_cstr(quoted_name)),
				0, NULL, NULL, NULL);
	sql_execute(psprintf("ANALYZE %s", quoted_name), 0, NULL, NULL, NULL);
}

/* Begins a seeding of the arguments. */
static void
begin(FunctionCallInfo fcinfo, MovieSeeding *seeding)
{
	seeding->movies = count_argument(fcinfo, 0, "movies");
	seeding->people = Max(MIN_PEOPLE, seeding->movies / 2);
	seeding->seed = PG_ARGISNULL(1) ? random_seed() : PG_GETARG_INT64(1);
	seeding->batch =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed movies", ALLOCSET_DEFAULT_SIZES);
	seeding->no_lists = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	seeding->one_list = DirectFunctionCall1(jsonb_in, CStringGetDatum("{\"1001_movies\": {}}"));
	seeding->two_lists = DirectFunctionCall1(
		jsonb_in, CStringGetDatum("{\"1001_movies\": {}, \"sight_and_sound\": {}}"));
}

/* pollseed_seed_movies(movies, seed) */
Datum
pollseed_seed_movies(PG_FUNCTION_ARGS)
{
	const char	*functions = functions_schema(fcinfo);
	MovieSeeding seeding = {0};
	Datum		 values[N_SEEDED_TABLES + 3];
	int64		 all_rows = 0;
	instr_time	 start;
	Oid			 schema;
	const char *namespace;

	INSTR_TIME_SET_CURRENT(start);
	PreventCommandIfReadOnly("pollseed_seed_movies()");
	begin(fcinfo, &seeding);
	schema = movie_schema();
	namespace = get_namespace_name(schema);

	SPI_connect();
	for (int i = 0; i < N_SEEDED_TABLES; i++)
		check_empty(quote_qualified_identifier(namespace, seeded_tables[i].name));
	for (int i = 0; i < N_SEEDED_TABLES; i++)
	{
		instr_time	 table_start;
		WriteFigures figures;

		INSTR_TIME_SET_CURRENT(table_start);
		figures = seed_table(&seeding, &seeded_tables[i], schema);
		record(&seeding, quote_qualified_identifier(namespace, seeded_tables[i].name), &figures,
			   table_start);
		values[i] = Int64GetDatum(figures.rows_sent);
		all_rows += figures.rows_sent;
	}
	refresh_score(functions, schema, MOVIE_SCORES);
	refresh_score(functions, schema, MOVIE_PREDICTIONS);
	SPI_finish();

	values[N_SEEDED_TABLES] = Int64GetDatum(all_rows);
	values[N_SEEDED_TABLES + 1] = Float8GetDatum(milliseconds_since(start));
	values[N_SEEDED_TABLES + 2] = Int64GetDatum(seeding.seed);
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}
