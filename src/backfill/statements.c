/*-------------------------------------------------------------------------
 *
 * statements.c
 *		The SQL that finds a table's rows without a value, and their values.
 *
 * The table is always t, and ONLY: partitions are backfilled one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_operator.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "backfill/ranges.h"
#include "backfill/statements.h"

/* Appends the table, as t. */
static void
append_table(StringInfo sql, const BackfillTable *table)
{
	appendStringInfo(sql, "ONLY %s AS t", quote_qualified_identifier(table->schema, table->name));
}

/* Appends the condition that a row has no value; a composite value of nulls IS NULL, but it is one. */
static void
append_no_value(StringInfo sql, const BackfillTable *table)
{
	appendStringInfo(sql, "t.%s IS NOT DISTINCT FROM NULL", quote_identifier(table->column.name));
}

/* Appends the key's columns with a separator and something before each. */
static void
append_keys(StringInfo sql, const BackfillTable *table, const char *after_each)
{
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(sql, "%st.%s%s", i > 0 ? ", " : "", quote_identifier(table->keys[i].name),
						 after_each);
}

/* Returns the B-tree operator by which a type's values are compared. */
static Oid
comparison_operator(Oid type, int strategy)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
	Oid				op = InvalidOid;

	if (OidIsValid(entry->btree_opf))
		op = get_opfamily_member(entry->btree_opf, entry->btree_opintype, entry->btree_opintype,
								 (int16) strategy);
	if (!OidIsValid(op))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("could not identify an ordering operator for type %s",
							   format_type_be(type)),
						errdetail("A backfill reads rows in the order of their keys.")));
	return op;
}

/*
 * Appends a comparison of the key with parameters from a number on.  The columns of
 * a row are compared by one spelling, so types whose operators lie in different
 * schemas cannot be a key together.
 */
static void
append_bound(StringInfo sql, const BackfillTable *table, int strategy, int first_parameter)
{
	const char *op = operator_name(comparison_operator(table->keys[0].type, strategy));

	for (int i = 1; i < table->nkeys; i++)
	{
		if (strcmp(operator_name(comparison_operator(table->keys[i].type, strategy)), op) != 0)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("types %s and %s cannot be a backfill's key together",
								   format_type_be(table->keys[0].type),
								   format_type_be(table->keys[i].type)),
							errdetail("Their comparison operators lie in different schemas.")));
	}
	appendStringInfoString(sql, table->nkeys > 1 ? "ROW(" : "");
	append_keys(sql, table, "");
	appendStringInfo(sql, "%s %s %s", table->nkeys > 1 ? ")" : "", op,
					 table->nkeys > 1 ? "ROW(" : "");
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(sql, "%s$%d", i > 0 ? ", " : "", first_parameter + i);
	appendStringInfoString(sql, table->nkeys > 1 ? ")" : "");
}

/* Appends the bounds of a range of keys; returns the number of the next parameter. */
static int
append_range(StringInfo sql, const BackfillTable *table, LowerBound lower, bool ends)
{
	int parameter = 1;

	if (lower != LOWER_NONE)
	{
		appendStringInfoString(sql, " AND ");
		append_bound(sql, table,
					 lower == LOWER_FROM ? BTGreaterEqualStrategyNumber : BTGreaterStrategyNumber,
					 parameter);
		parameter += table->nkeys;
	}
	if (ends)
	{
		appendStringInfoString(sql, " AND ");
		append_bound(sql, table, BTLessEqualStrategyNumber, parameter);
		parameter += table->nkeys;
	}
	return parameter;
}

/* Begins a statement that selects something of rows without a value. */
static void
begin_select(StringInfo sql, const BackfillTable *table, bool with_tid, bool with_keys)
{
	initStringInfo(sql);
	appendStringInfoString(sql, with_tid ? "SELECT t.ctid" : "SELECT ");
	if (with_keys)
	{
		appendStringInfoString(sql, with_tid ? ", " : "");
		append_keys(sql, table, "");
	}
	appendStringInfoString(sql, " FROM ");
	append_table(sql, table);
	appendStringInfoString(sql, " WHERE ");
	append_no_value(sql, table);
}

char *
sql_pick_blocks(const BackfillTable *table, bool visit)
{
	StringInfoData sql;

	begin_select(&sql, table, true, true);
	appendStringInfoString(&sql, " AND t.ctid OPERATOR(pg_catalog.>) $1"
								 " AND t.ctid OPERATOR(pg_catalog.<) $2");
	if (visit)
		appendStringInfo(&sql,
						 " AND (pg_catalog.hashtid(t.ctid) OPERATOR(pg_catalog.&) %d)"
						 " OPERATOR(pg_catalog.=) ANY ($4)",
						 PLACE_CLASSES - 1);
	appendStringInfoString(&sql, " LIMIT $3");
	return sql.data;
}

char *
sql_pick_keys(const BackfillTable *table, LowerBound lower, bool ends)
{
	StringInfoData sql;
	int			   next;

	begin_select(&sql, table, !table->keys_only, true);
	next = append_range(&sql, table, lower, ends);
	appendStringInfoString(&sql, " ORDER BY ");
	append_keys(&sql, table, "");
	appendStringInfo(&sql, " LIMIT $%d", next);
	return sql.data;
}

/*
 * Begins a statement that finds keys, their values, and whether the source knows them.
 * The source is asked once, whatever the server thinks that it costs.  It stands on
 * lines of its own, in case that it ends in a comment.
 */
static void
begin_resolve(StringInfo sql, const BackfillTable *table)
{
	initStringInfo(sql);
	appendStringInfoString(sql, "WITH q(");
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(sql, "k%d, ", i + 1);
	appendStringInfo(sql, "value) AS MATERIALIZED (\n%s\n) SELECT t.ctid, ",
					 table->backfill->source);
	append_keys(sql, table, "");
	appendStringInfoString(sql, ", s.value, s.known FROM ");
	append_table(sql, table);
	appendStringInfoString(sql, " LEFT JOIN (SELECT ");
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(sql, "q.k%d::%s AS k%d, ", i + 1,
						 qualified_type_name(table->keys[i].type, -1), i + 1);
	appendStringInfoString(sql, "q.value, true AS known FROM q) AS s ON ");
	for (int i = 0; i < table->nkeys; i++)
	{
		appendStringInfo(sql, "%ss.k%d", i > 0 ? " AND " : "", i + 1);
		appendStringInfoString(sql, collate_clause(table->keys[i].collation));
		appendStringInfo(sql, " %s t.%s", equality_operator(table->keys[i].type),
						 quote_identifier(table->keys[i].name));
	}
}

char *
sql_resolve_tids(const BackfillTable *table)
{
	StringInfoData sql;

	begin_resolve(&sql, table);
	appendStringInfo(&sql, " WHERE t.ctid OPERATOR(pg_catalog.=) ANY ($%d) AND ", table->nkeys + 1);
	append_no_value(&sql, table);
	return sql.data;
}

char *
sql_resolve_keys(const BackfillTable *table)
{
	StringInfoData sql;

	begin_resolve(&sql, table);
	appendStringInfo(&sql, " WHERE t.%s %s ANY ($1) AND ", quote_identifier(table->keys[0].name),
					 equality_operator(table->keys[0].type));
	append_no_value(&sql, table);
	return sql.data;
}

/* Begins a statement that counts rows without a value. */
static void
begin_count(StringInfo sql, const BackfillTable *table)
{
	initStringInfo(sql);
	appendStringInfoString(sql, "SELECT pg_catalog.count(*) FROM ");
	append_table(sql, table);
	appendStringInfoString(sql, " WHERE ");
	append_no_value(sql, table);
}

char *
sql_count_blocks(const BackfillTable *table)
{
	StringInfoData sql;

	begin_count(&sql, table);
	appendStringInfoString(&sql, " AND t.ctid OPERATOR(pg_catalog.>=) $1"
								 " AND t.ctid OPERATOR(pg_catalog.<) $2");
	return sql.data;
}

char *
sql_count(const BackfillTable *table)
{
	StringInfoData sql;

	begin_count(&sql, table);
	return sql.data;
}

char *
sql_end_of_range(const BackfillTable *table, LowerBound lower, bool ends)
{
	StringInfoData sql;
	int			   next;

	begin_select(&sql, table, false, true);
	next = append_range(&sql, table, lower, ends);
	appendStringInfoString(&sql, " ORDER BY ");
	append_keys(&sql, table, "");
	appendStringInfo(&sql, " OFFSET $%d LIMIT 1", next);
	return sql.data;
}

char *
sql_last_key(const BackfillTable *table)
{
	StringInfoData sql;

	begin_select(&sql, table, false, true);
	appendStringInfoString(&sql, " ORDER BY ");
	append_keys(&sql, table, " DESC");
	appendStringInfoString(&sql, " LIMIT 1");
	return sql.data;
}

char *
sql_collect(const BackfillTable *table, bool ends)
{
	StringInfoData sql;

	begin_select(&sql, table, true, true);
	(void) append_range(&sql, table, LOWER_NONE, ends);
	return sql.data;
}

char *
sql_is_there_any(const BackfillTable *table)
{
	StringInfoData sql;

	begin_select(&sql, table, false, false);
	appendStringInfoString(&sql, " LIMIT 1");
	return sql.data;
}

char *
sql_lock_row(const BackfillTable *table)
{
	StringInfoData sql;

	begin_select(&sql, table, true, true);
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(&sql, " AND t.%s %s $%d", quote_identifier(table->keys[i].name),
						 equality_operator(table->keys[i].type), i + 1);
	appendStringInfoString(&sql, " LIMIT 1 FOR UPDATE");
	return sql.data;
}
