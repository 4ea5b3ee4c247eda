/*-------------------------------------------------------------------------
 *
 * removal_refs.c
 *		Rows to remove that other rows refer to, and so are kept.
 *
 * Looked for before anything is deleted, so that no foreign key raises an error, nor
 * takes rows of others with it, nor changes them.  A table that refers to ours is read as
 * its owner, as the server does when it checks the key: whoever removes may not see
 * all of its rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/names.h"
#include "core/role.h"
#include "core/sql.h"
#include "graph/removal.h"

/* Returns the OIDs of an oid[]. */
static List *
oids_of_array(Datum array)
{
	Datum *elements;
	int	   count;
	List  *oids = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), OIDOID, sizeof(Oid), true, TYPALIGN_INT, &elements,
					  NULL, &count);
	for (int i = 0; i < count; i++)
		oids = lappend_oid(oids, DatumGetObjectId(elements[i]));
	return oids;
}

/* Returns SQL for the names of a relation's columns, given by an array of their numbers. */
static const char *
column_names(const char *relid, const char *numbers)
{
	return psprintf("ARRAY(SELECT a.attname"
					" FROM pg_catalog.unnest(%s) WITH ORDINALITY AS u(number, place)"
					" JOIN pg_catalog.pg_attribute AS a"
					" ON a.attrelid OPERATOR(pg_catalog.=) %s"
					" AND a.attnum OPERATOR(pg_catalog.=) u.number ORDER BY u.place)",
					numbers, relid);
}

List *
incoming_keys(const GraphTable *table)
{
	Oid			  types[] = {OIDOID};
	Datum		  values[] = {ObjectIdGetDatum(table->relid)};
	MemoryContext context = CurrentMemoryContext;
	List		 *keys = NIL;
	uint64		  count;

	/* Of keys that partitions have or are referred to by, only what was defined. */
	count = sql_execute(
		psprintf(
			"SELECT c.conrelid, r.relowner, pg_catalog.format('%%I.%%I', n.nspname, r.relname),"
			" r.relkind OPERATOR(pg_catalog.=) 'p', %s, %s, c.conpfeqop"
			" FROM pg_catalog.pg_constraint AS c"
			" JOIN pg_catalog.pg_class AS r ON r.oid OPERATOR(pg_catalog.=) c.conrelid"
			" JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) r.relnamespace"
			" WHERE c.contype OPERATOR(pg_catalog.=) 'f'"
			" AND c.conparentid OPERATOR(pg_catalog.=) 0"
			" AND (c.confrelid OPERATOR(pg_catalog.=) $1"
			" OR EXISTS (SELECT FROM pg_catalog.pg_partition_tree($1) AS p"
			" WHERE p.relid OPERATOR(pg_catalog.=) c.confrelid)"
			" OR EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors($1) AS p(relid)"
			" WHERE p.relid OPERATOR(pg_catalog.=) c.confrelid))"
			" ORDER BY 3, c.conname",
			column_names("c.conrelid", "c.conkey"), column_names("c.confrelid", "c.confkey")),
		lengthof(types), types, values, NULL);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < count; i++)
	{
		IncomingKey *key = palloc0_object(IncomingKey);

		key->relid = sql_oid(i, 1);
		key->owner = sql_oid(i, 2);
		key->relation = sql_text(i, 3);
		key->partitioned = DatumGetBool(sql_value_not_null(i, 4));
		key->columns = names_of_array(sql_value_not_null(i, 5));
		key->key = names_of_array(sql_value_not_null(i, 6));
		key->operators = oids_of_array(sql_value_not_null(i, 7));
		keys = lappend(keys, key);
	}
	SPI_freetuptable(SPI_tuptable);
	return keys;
}

/* Returns the query for the rows to remove that a key's rows refer to, without those that are to be removed. */
static const char *
referred_query(const Removal *removal, const IncomingKey *key, const List *removals)
{
	StringInfoData sql;
	ListCell	  *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT b.n FROM %s AS b WHERE EXISTS (SELECT FROM %s%s AS r WHERE ",
					 removal->name, key->partitioned ? "" : "ONLY ", key->relation);
	for (int i = 0; i < list_length(key->columns); i++)
		appendStringInfo(&sql, "%sb.k%d %s r.%s", i > 0 ? " AND " : "",
						 removal_key_number(removal, list_nth(key->key, i)),
						 operator_name(list_nth_oid(key->operators, i)),
						 quote_identifier(list_nth(key->columns, i)));
	foreach(cell, removals)
	{
		const Removal *other = lfirst(cell);

		appendStringInfo(&sql,
						 " AND NOT EXISTS (SELECT FROM %s AS o"
						 " WHERE o.place OPERATOR(pg_catalog.=) r.ctid"
						 " AND o.relid OPERATOR(pg_catalog.=) r.tableoid)",
						 other->name);
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* Keeps the rows of a removal that a key's rows refer to; returns whether there are any. */
static bool
keep_referred_by(Removal *removal, const IncomingKey *key, const List *removals)
{
	RoleSession session;
	int64		count;
	int64	   *rows;

	if (removal->nrows == 0)
		return false;
	session = role_enter_for_check(key->owner);
	count = sql_execute(referred_query(removal, key, removals), 0, NULL, NULL, NULL);
	role_leave(&session);
	if (count == 0)
		return false;
	rows = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(int64));
	for (int64 i = 0; i < count; i++)
		rows[i] = sql_integer(i, 1);
	SPI_freetuptable(SPI_tuptable);
	removal_drop_kept(removal, rows, count);
	removal_keep(removal, psprintf("referred to by %s", key->relation), rows, count);
	return true;
}

void
removals_keep_referred(List *removals)
{
	bool again = true;

	/* A row that is kept may be one that refers to another. */
	while (again)
	{
		ListCell *cell;

		again = false;
		foreach(cell, removals)
		{
			Removal	 *removal = lfirst(cell);
			ListCell *key;

			foreach(key, removal->incoming)
				again |= keep_referred_by(removal, lfirst(key), removals);
		}
	}
}
