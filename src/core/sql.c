/*-------------------------------------------------------------------------
 *
 * sql.c
 *		Running SQL as the caller, through SPI, which must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"

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

int64
sql_execute_as(Oid role, const char *sql, int nargs, Oid *types, Datum *values)
{
	Oid	  user;
	int	  security_context;
	int64 processed;

	GetUserIdAndSecContext(&user, &security_context);
	SetUserIdAndSecContext(role, security_context | SECURITY_LOCAL_USERID_CHANGE |
									 SECURITY_RESTRICTED_OPERATION);
	processed = sql_execute(sql, nargs, types, values, NULL);
	SetUserIdAndSecContext(user, security_context);
	return processed;
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
