/*-------------------------------------------------------------------------
 *
 * sql.c
 *		Building SQL that means the same on any search path, and running it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "executor/spi.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/role.h"
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

SPIPlanPtr
sql_prepare(const char *sql, int nargs, Oid *types)
{
	return sql_prepare_cursor(sql, nargs, types, 0);
}

SPIPlanPtr
sql_prepare_cursor(const char *sql, int nargs, Oid *types, int cursor_options)
{
	SPIPlanPtr plan = SPI_prepare_cursor(sql, nargs, types, cursor_options);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	return plan;
}

void
sql_keep_plan(SPIPlanPtr plan)
{
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep a plan");
}

int64
sql_execute_plan(SPIPlanPtr plan, Datum *values, const char *nulls)
{
	int result = SPI_execute_plan(plan, values, nulls, false, 0);

	if (result < 0)
		elog(ERROR, "could not execute a plan: %s", SPI_result_code_string(result));
	return (int64) SPI_processed;
}

SPIPlanPtr
sql_prepare_kept(const char *sql, int nargs, Oid *types, int cursor_options)
{
	SPIPlanPtr plan = sql_prepare_cursor(sql, nargs, types, cursor_options);

	sql_keep_plan(plan);
	return plan;
}

int64
sql_execute_kept(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types, Datum *values)
{
	if (*plan == NULL)
		*plan = sql_prepare_kept(sql, nargs, types, 0);
	return sql_execute_plan(*plan, values, NULL);
}

int64
sql_execute_own_latest(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types, Datum *values,
					   const char *nulls)
{
	RoleSession session = role_enter(extension_owner());
	Snapshot	snapshot;
	int			result;

	if (*plan == NULL)
		*plan = sql_prepare_kept(sql, nargs, types, 0);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	result = SPI_execute_snapshot(*plan, values, nulls, snapshot, InvalidSnapshot, false, true, 0);
	UnregisterSnapshot(snapshot);
	role_leave(&session);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	return (int64) SPI_processed;
}

/* SPI makes its list of relations in the current context, which may not last. */
EphemeralNamedRelation
sql_register_relation(const char *name, TupleDesc desc, double expected_rows)
{
	EphemeralNamedRelation relation = SPI_palloc(sizeof(*relation));
	MemoryContext		   old_context = MemoryContextSwitchTo(GetMemoryChunkContext(relation));
	int					   result;

	memset(relation, 0, sizeof(*relation));
	relation->md.name = pstrdup(name);
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = expected_rows;

	(void) SPI_unregister_relation(name);
	result = SPI_register_relation(relation);
	if (result != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register relation \"%s\": %s", name, SPI_result_code_string(result));
	MemoryContextSwitchTo(old_context);
	return relation;
}

void
sql_unregister_relation(EphemeralNamedRelation relation)
{
	(void) SPI_unregister_relation(relation->md.name);
	pfree(relation->md.name);
	pfree(relation);
}

int64
sql_execute_as(Oid role, const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	RoleSession session = role_enter(role);
	int64		processed = sql_execute(sql, nargs, types, values, nulls);

	role_leave(&session);
	return processed;
}

int64
sql_execute_own(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	return sql_execute_as(extension_owner(), sql, nargs, types, values, nulls);
}

int
sql_switch_off(const char *const *settings, int count)
{
	int level = NewGUCNestLevel();

	for (int i = 0; i < count; i++)
		(void) set_config_option(settings[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	return level;
}

int
sql_begin_finding_by_index(void)
{
	static const char *const off[] = {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin",
									  "enable_mergejoin"};

	return sql_switch_off(off, lengthof(off));
}

bool
sql_is_select(const char *sql)
{
	List		  *statements = raw_parser(sql, RAW_PARSE_DEFAULT);
	const RawStmt *raw;

	if (list_length(statements) != 1)
		return false;
	raw = linitial_node(RawStmt, statements);

	/* Its length is given where a semicolon ends it. */
	return raw->stmt_len == 0 && IsA(raw->stmt, SelectStmt) &&
		   ((SelectStmt *) raw->stmt)->intoClause == NULL;
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

char *
sql_text(uint64 row, int column)
{
	bool  isnull;
	Datum value = sql_value(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

int64
sql_integer(uint64 row, int column)
{
	bool  isnull;
	Datum value = sql_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

Oid
sql_oid(uint64 row, int column)
{
	bool  isnull;
	Datum value = sql_value(row, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

const char *
operator_name(Oid op)
{
	HeapTuple		 tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(op));
	Form_pg_operator form;
	const char		*name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", op);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}

const char *
equality_operator(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);

	if (!OidIsValid(entry->eq_opr))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("could not identify an equality operator for type %s",
							   format_type_be(type))));
	return operator_name(entry->eq_opr);
}

const char *
qualified_type_name(Oid type, int32 typmod)
{
	return format_type_extended(type, typmod,
								FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

const char *
collate_clause(Oid collation)
{
	HeapTuple		  tuple;
	Form_pg_collation form;
	const char		 *clause;

	if (!OidIsValid(collation))
		return "";
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	clause =
		psprintf(" COLLATE %s", quote_qualified_identifier(get_namespace_name(form->collnamespace),
														   NameStr(form->collname)));
	ReleaseSysCache(tuple);
	return clause;
}
