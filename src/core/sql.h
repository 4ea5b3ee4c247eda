/*-------------------------------------------------------------------------
 *
 * sql.h
 *		Running SQL as the caller, through SPI, which must be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SQL_H
#define POLLSEED_SQL_H

/*
 * Runs one statement, or several without parameters, in a snapshot of its own,
 * and returns how many rows the last one processed or returned.  nulls is NULL
 * where no parameter is null, else as for SPI.
 */
extern int64 sql_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls);

/*
 * Does the same as another role, for statements of ours on tables of the
 * extension's or the server's; an error restores the user with its transaction.
 */
extern int64 sql_execute_as(Oid role, const char *sql, int nargs, Oid *types, Datum *values);

/* Returns a value of the last statement's result, by row from 0 and column from 1; not a copy. */
extern Datum sql_value(uint64 row, int column, bool *isnull);

/* Returns such a value that cannot be null. */
extern Datum sql_value_not_null(uint64 row, int column);

#endif /* POLLSEED_SQL_H */
