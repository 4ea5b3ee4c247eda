/*-------------------------------------------------------------------------
 *
 * sql.c
 *		Running SQL as the caller, through SPI, which must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "core/sql.h"

int64
sql_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	int result;

	/* Only the first form takes several statements. */
	if (nargs == 0)
		result = SPI_execute(sql, false, 0);
	else
		result = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	return (int64) SPI_processed;
}

Datum
sql_value(uint64 row, int column, bool *isnull)
{
	Assert(SPI_tuptable != NULL && row < SPI_tuptable->numvals);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

Datum
sql_value_not_null(uint64 row, int column)
{
	bool  isnull;
	Datum value = sql_value(row, column, &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in column %d of a query's result", column);
	return value;
}
