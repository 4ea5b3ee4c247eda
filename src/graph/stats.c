/*-------------------------------------------------------------------------
 *
 * stats.c
 *		What the server's statistics say of a column's values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "graph/stats.h"

/* Texts are taken where so much of a column is made of its most common ones: a list, in effect. */
#define LISTED_SHARE 0.9

/* Columns of the query. */
enum
{
	STATS_NULLS = 1,
	STATS_VALUES,
	STATS_WEIGHTS,
	STATS_HISTOGRAM
};

static const char sql_stats[] =
	"SELECT s.null_frac::pg_catalog.numeric::pg_catalog.float8, s.most_common_vals::pg_catalog.text::pg_catalog.text[],"
	" s.most_common_freqs::pg_catalog.numeric[]::pg_catalog.float8[], s.histogram_bounds::pg_catalog.text::pg_catalog.text[]"
	" FROM pg_catalog.pg_stats AS s"
	" WHERE s.schemaname OPERATOR(pg_catalog.=) $1 AND s.tablename OPERATOR(pg_catalog.=) $2"
	" AND s.attname OPERATOR(pg_catalog.=) $3 AND s.inherited OPERATOR(pg_catalog.=) $4";

/* Settings that texts of values depend on, as they are read again whatever they are then. */
static const char *const settings[][2] = {
	{"DateStyle", "ISO"},		 {"IntervalStyle", "iso_8601"}, {"TimeZone", "UTC"},
	{"extra_float_digits", "1"}, {"bytea_output", "hex"},
};

/* Returns an array of the result as a list of texts, or of double * where its elements are float8. */
static List *
read_array(int column, Oid type)
{
	bool   isnull;
	Datum  array = sql_value(0, column, &isnull);
	Datum *elements;
	bool  *nulls;
	int	   count;
	List  *list = NIL;

	if (isnull)
		return NIL;
	if (type == TEXTOID)
		deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements,
						  &nulls, &count);
	else
		deconstruct_array(DatumGetArrayTypeP(array), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
						  TYPALIGN_DOUBLE, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		double *number;

		if (nulls[i])
			return NIL;
		if (type == TEXTOID)
		{
			list = lappend(list, TextDatumGetCString(elements[i]));
			continue;
		}
		number = palloc_object(double);
		*number = DatumGetFloat8(elements[i]);
		list = lappend(list, number);
	}
	return list;
}

/* Returns the sum of a list of double *. */
static double
sum(const List *numbers)
{
	double	  total = 0;
	ListCell *cell;

	foreach(cell, numbers)
		total += *(double *) lfirst(cell);
	return total;
}

/* Tells whether a kind's values can be about somebody when few rows have them. */
static bool
is_free(ValueKind kind)
{
	switch (kind)
	{
		case VALUE_INTEGER:
		case VALUE_NUMERIC:
		case VALUE_FLOAT:
		case VALUE_BOOLEAN:
		case VALUE_DATE:
		case VALUE_TIME:
		case VALUE_TIMESTAMP:
		case VALUE_INTERVAL:
		case VALUE_ENUM:
			return false;
		default:
			return true;
	}
}

/* Runs the query with settings under which values are written so that they can be read under any. */
static int64
find_stats(const GraphTable *table, const TableColumn *column)
{
	Oid	  types[] = {NAMEOID, NAMEOID, NAMEOID, BOOLOID};
	Datum values[lengthof(types)];
	int	  level = NewGUCNestLevel();
	int64 found;

	for (size_t i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	values[0] = DirectFunctionCall1(
		namein, CStringGetDatum(get_namespace_name(get_rel_namespace(table->relid))));
	values[1] = DirectFunctionCall1(namein, CStringGetDatum(get_rel_name(table->relid)));
	values[2] = DirectFunctionCall1(namein, CStringGetDatum(column->name));
	values[3] = BoolGetDatum(table->relkind == RELKIND_PARTITIONED_TABLE);
	found = sql_execute(sql_stats, lengthof(types), types, values, NULL);
	AtEOXact_GUC(true, level);
	return found;
}

ColumnStats *
stats_read(const GraphTable *table, const TableColumn *column)
{
	ColumnStats *stats;

	if (find_stats(table, column) == 0)
		return NULL;
	stats = palloc0_object(ColumnStats);
	stats->nulls = DatumGetFloat8(sql_value_not_null(0, STATS_NULLS));
	stats->values = read_array(STATS_VALUES, TEXTOID);
	stats->weights = read_array(STATS_WEIGHTS, FLOAT8OID);
	if (list_length(stats->values) != list_length(stats->weights))
		stats->values = stats->weights = NIL;
	if (!is_free(column->space->kind))
		stats->histogram = read_array(STATS_HISTOGRAM, TEXTOID);
	else if (sum(stats->weights) < LISTED_SHARE * (1 - stats->nulls))
		stats->values = stats->weights = NIL;
	SPI_freetuptable(SPI_tuptable);
	return stats;
}
