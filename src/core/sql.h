/*-------------------------------------------------------------------------
 *
 * sql.h
 *		Building SQL that means the same on any search path, and running it.
 *
 * What runs SQL needs SPI to be connected.
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

/* Does the same as another role, for statements of ours on tables of the extension's or the server's. */
extern int64 sql_execute_as(Oid role, const char *sql, int nargs, Oid *types, Datum *values,
							const char *nulls);

/*
 * Does the same on the tables that the extension keeps, as their owner: nobody needs a
 * privilege on them, and nobody can forge what is in them.
 */
extern int64 sql_execute_own(const char *sql, int nargs, Oid *types, Datum *values,
							 const char *nulls);

/* Prepares a statement, which finds most of what is wrong with it; the plan lasts until SPI_finish(). */
extern struct _SPI_plan *sql_prepare(const char *sql, int nargs, Oid *types);

/* Runs a prepared statement; as sql_execute() otherwise. */
extern int64 sql_execute_plan(struct _SPI_plan *plan, Datum *values, const char *nulls);

/* Prepares a statement as sql_prepare() does, with SPI's cursor options. */
extern struct _SPI_plan *sql_prepare_cursor(const char *sql, int nargs, Oid *types,
											int cursor_options);

/* Has a plan last until SPI_freeplan(). */
extern void sql_keep_plan(struct _SPI_plan *plan);

/* Prepares a statement whose plan lasts until SPI_freeplan(), with SPI's cursor options. */
extern struct _SPI_plan *sql_prepare_kept(const char *sql, int nargs, Oid *types,
										  int cursor_options);

/*
 * Runs a statement whose plan is kept for the rest of the session, in *plan, which is NULL
 * at first; as sql_execute() otherwise.  For statements of ours that are run often.
 */
extern int64 sql_execute_kept(struct _SPI_plan **plan, const char *sql, int nargs, Oid *types,
							  Datum *values);

/*
 * Runs a statement on the tables that the extension keeps as their owner, in the latest snapshot
 * whatever the transaction's is, with a plan that is kept as by sql_execute_kept().
 */
extern int64 sql_execute_own_latest(struct _SPI_plan **plan, const char *sql, int nargs, Oid *types,
									Datum *values, const char *nulls);

/*
 * Lets SQL read a relation under a name, in place of one that an error left there;
 * its rows are a tuplestore that the caller sets as its reldata.  What is allocated
 * lasts as long as the SPI connection, which goes on looking at it.
 */
extern struct EphemeralNamedRelationData *
sql_register_relation(const char *name, struct TupleDescData *desc, double expected_rows);

/* Takes a relation back. */
extern void sql_unregister_relation(struct EphemeralNamedRelationData *relation);

/*
 * Switches off settings of the planner that are named, for this session; AtEOXact_GUC() of
 * the level returned, or the end of the (sub)transaction, puts them back.
 */
extern int sql_switch_off(const char *const *settings, int count);

/*
 * In the same way, has rows found by an index, whatever the planner believes of the table: it has
 * no statistics yet, or grows by a million rows while a plan is kept.
 */
extern int sql_begin_finding_by_index(void);

/* Tells whether a text is one SELECT, without a semicolon, that only returns rows; raises its errors of syntax. */
extern bool sql_is_select(const char *sql);

/* Returns a value of the last statement's result, by row from 0 and column from 1; not a copy. */
extern Datum sql_value(uint64 row, int column, bool *isnull);

/* Returns such a value that cannot be null. */
extern Datum sql_value_not_null(uint64 row, int column);

/* Returns such a value as a copy, NULL, 0 or InvalidOid where it is null: a text, an int8, an oid. */
extern char *sql_text(uint64 row, int column);
extern int64 sql_integer(uint64 row, int column);
extern Oid	 sql_oid(uint64 row, int column);

/* Returns an operator, spelled so that no search path matters: OPERATOR(schema.=). */
extern const char *operator_name(Oid op);

/* Returns a type's equality operator, spelled so that no search path matters: OPERATOR(schema.=). */
extern const char *equality_operator(Oid type);

/* Returns a type's name, qualified and quoted for SQL where it needs to be. */
extern const char *qualified_type_name(Oid type, int32 typmod);

/* Returns what gives an expression a collation, a space before it; nothing where there is none. */
extern const char *collate_clause(Oid collation);

#endif /* POLLSEED_SQL_H */
