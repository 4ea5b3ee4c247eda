/*-------------------------------------------------------------------------
 *
 * statements.c
 *		The SQL that a score is made and refreshed by.
 *
 * The view is always asked in a subquery behind OFFSET 0.  That keeps the planner
 * from joining the view's tables in an order of its own with ours, and still
 * lets a key, given as a parameter, reach every join and every grouped subquery of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/sql.h"
#include "score/statements.h"

#define AND " AND "

/*
 * Returns a column of the key as it is read from its text in the queue, u.k1 and so on.  A
 * source may have values that the column's type does not allow: no row of the view has
 * them, and they are no errors.  Which values are equal is up to the column's collation.
 */
static const char *
queued_key(Form_pg_attribute attribute, int number)
{
	Oid type = getBaseType(attribute->atttypid);

	if (type == INT2OID || type == INT4OID)
		type = INT8OID;
	return psprintf("CAST(u.k%d AS %s)%s", number, qualified_type_name(type, -1),
					collate_clause(attribute->attcollation));
}

ScoreShape *
score_shape(const Score *score, Relation rel)
{
	ScoreShape	  *shape = palloc0_object(ScoreShape);
	TupleDesc	   desc = RelationGetDescr(rel);
	StringInfoData list;

	shape->score = score;
	shape->columns = palloc0_array(const char *, desc->natts);
	initStringInfo(&list);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		const char		 *name = NameStr(attribute->attname);

		/* A column of the table that the view does not have is its owner's. */
		if (attribute->attisdropped ||
			(OidIsValid(score->definition) && get_attnum(score->definition, name) <= 0))
			continue;
		for (int j = 0; j < score->nkeys; j++)
		{
			if (strcmp(list_nth(score->key_names, j), name) != 0)
				continue;
			shape->keys[j] = (ScoreKey){.name = list_nth(score->key_names, j),
										.quoted_name = quote_identifier(pstrdup(name)),
										.type = attribute->atttypid};
			shape->queued_keys[j] = queued_key(attribute, j + 1);
		}
		shape->columns[shape->ncolumns] = quote_identifier(pstrdup(name));
		appendStringInfo(&list, "%s%s", shape->ncolumns > 0 ? ", " : "",
						 shape->columns[shape->ncolumns]);
		shape->ncolumns++;
	}
	shape->list = list.data;
	for (int j = 0; j < score->nkeys; j++)
	{
		if (shape->keys[j].quoted_name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							(char *) list_nth(score->key_names, j), RelationGetRelationName(rel))));
	}
	return shape;
}

/* Returns count texts made from a format with the number from 1 on as its only argument, if any, with commas between. */
static const char *
numbered(const char *format, int count)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 1; i <= count; i++)
	{
		if (i > 1)
			appendStringInfoString(&text, ", ");
		appendStringInfo(&text, format, i);
	}
	return text.data;
}

/* Returns the columns of a relation of the statement, with commas between. */
static const char *
columns_of(const ScoreShape *shape, const char *alias)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < shape->ncolumns; i++)
		appendStringInfo(&text, "%s%s.%s", i > 0 ? ", " : "", alias, shape->columns[i]);
	return text.data;
}

/* Returns what joins the keys k1, k2 and so on of one relation with the key's columns of another. */
static const char *
keys_match(const ScoreShape *shape, const char *keys_alias, const char *alias)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < shape->score->nkeys; i++)
		appendStringInfo(&text, "%s%s.%s %s %s.k%d", i > 0 ? AND : "", alias,
						 shape->keys[i].quoted_name, equality_operator(shape->keys[i].type),
						 keys_alias, i + 1);
	return text.data;
}

/* Returns the number of a key's column among all columns. */
static int
key_position(const ScoreShape *shape, int key)
{
	for (int i = 0; i < shape->ncolumns; i++)
	{
		if (strcmp(shape->columns[i], shape->keys[key].quoted_name) == 0)
			return i + 1;
	}
	elog(ERROR, "key column %s is not among the columns", shape->keys[key].quoted_name);
}

/* Returns what joins the columns c1, c2 and so on of the view's rows, f, with the table's, t. */
static const char *
rows_match(const ScoreShape *shape)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < shape->score->nkeys; i++)
		appendStringInfo(&text, "%st.%s %s f.c%d", i > 0 ? AND : "", shape->keys[i].quoted_name,
						 equality_operator(shape->keys[i].type), key_position(shape, i));
	return text.data;
}

/*
 * Returns an expression that is true where the view's row f and the table's row t are
 * not the same to the byte; types need no equality for that.  The casts keep the
 * parser from comparing column by column.
 */
static const char *
differs(const ScoreShape *shape)
{
	return psprintf("(ROW(%s)::pg_catalog.record OPERATOR(pg_catalog.*<>)"
					" ROW(%s)::pg_catalog.record)",
					numbered("f.c%d", shape->ncolumns), columns_of(shape, "t"));
}

/* Returns what the statements that compare have in common: whether there is a row, in either, and whether they differ. */
static const char *
comparison(const ScoreShape *shape)
{
	const char *stored = psprintf("t.%s IS NOT NULL", shape->keys[0].quoted_name);

	return psprintf("f.present IS NOT NULL AS in_view, %s AS in_table,"
					" CASE WHEN f.present IS NOT NULL AND %s THEN %s"
					" ELSE f.present IS NOT NULL OR %s END AS differs",
					stored, stored, differs(shape), stored);
}

const char *
sql_create_table(const ScoreShape *shape, int fillfactor)
{
	return psprintf("CREATE TABLE %s (%s) WITH (fillfactor = %d) AS SELECT %s FROM %s AS v",
					shape->score->name, shape->list, fillfactor, columns_of(shape, "v"),
					shape->score->definition_name);
}

int
queue_key_columns(const Score *score, const List *sources)
{
	int		  count = list_length(score->key_names);
	ListCell *cell;

	foreach(cell, sources)
		count = Max(count, list_length(((ScoreSource *) lfirst(cell))->key_columns));
	return count;
}

const char *
sql_create_queue(const ScoreShape *shape, int key_columns)
{
	StringInfoData text;

	/* Chunks of keys are stored as they are: see capture.c. */
	initStringInfo(&text);
	appendStringInfo(&text,
					 "CREATE TABLE %s (source_no pg_catalog.int2 NOT NULL,"
					 " changed_at pg_catalog.timestamptz NOT NULL",
					 shape->score->queue_name);
	for (int i = 1; i <= key_columns; i++)
		appendStringInfo(&text, ", k%d pg_catalog.text[]", i);
	appendStringInfo(&text,
					 ") WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0,"
					 " autovacuum_vacuum_threshold = 1000); ALTER TABLE %s",
					 shape->score->queue_name);
	for (int i = 1; i <= key_columns; i++)
		appendStringInfo(&text, "%s ALTER COLUMN k%d SET STORAGE MAIN", i > 1 ? "," : "", i);

	/* A publication of all tables must not keep rows from being removed. */
	appendStringInfo(&text, "; ALTER TABLE %s REPLICA IDENTITY FULL", shape->score->queue_name);
	return text.data;
}

/* Returns SELECT of distinct keys from texts k1, k2 and so on. */
static const char *
distinct_keys(const ScoreShape *shape, const char *from)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT DISTINCT ");
	for (int i = 0; i < shape->score->nkeys; i++)
		appendStringInfo(&text, "%s%s AS k%d", i > 0 ? ", " : "", shape->queued_keys[i], i + 1);
	appendStringInfo(&text, " FROM %s", from);
	return text.data;
}

/* Returns the view's rows of the keys of a relation, as f (c1, c2, …, present), to be joined after LATERAL. */
static const char *
rows_of_keys(const ScoreShape *shape, const char *keys_alias)
{
	return psprintf("(SELECT %s, true FROM %s AS v WHERE %s OFFSET 0) AS f (%s, present)",
					columns_of(shape, "v"), shape->score->definition_name,
					keys_match(shape, keys_alias, "v"), numbered("c%d", shape->ncolumns));
}

const char *
sql_diff_keys(const ScoreShape *shape)
{
	int nkeys = shape->score->nkeys;

	return psprintf("SELECT %s, %s, %s FROM (%s ORDER BY %s) AS k"
					" LEFT JOIN LATERAL %s ON true LEFT JOIN %s AS t ON %s",
					comparison(shape), numbered("k.k%d", nkeys), numbered("f.c%d", shape->ncolumns),
					distinct_keys(shape, psprintf("ROWS FROM (%s) AS u (%s)",
												  numbered("pg_catalog.unnest($%d)", nkeys),
												  numbered("k%d", nkeys))),
					numbered("%d", nkeys), rows_of_keys(shape, "k"), shape->score->name,
					keys_match(shape, "k", "t"));
}

/* Returns the join of all rows of the view, f, with all of the table, t. */
static const char *
all_rows(const ScoreShape *shape)
{
	return psprintf("(SELECT %s, true FROM %s AS v OFFSET 0) AS f (%s, present)"
					" FULL JOIN %s AS t ON %s",
					columns_of(shape, "v"), shape->score->definition_name,
					numbered("c%d", shape->ncolumns), shape->score->name, rows_match(shape));
}

const char *
sql_diff_all(const ScoreShape *shape)
{
	StringInfoData keys;

	initStringInfo(&keys);
	for (int i = 0; i < shape->score->nkeys; i++)
		appendStringInfo(&keys, "COALESCE(f.c%d, t.%s) AS k%d, ", key_position(shape, i),
						 shape->keys[i].quoted_name, i + 1);
	return psprintf("SELECT %s, %s%s FROM %s", comparison(shape), keys.data,
					numbered("f.c%d", shape->ncolumns), all_rows(shape));
}

const char *
sql_verify(const ScoreShape *shape)
{
	/* A join of so many columns as both have together could be too wide. */
	return psprintf("SELECT pg_catalog.count(*) FILTER (WHERE d.in_view AND NOT d.in_table),"
					" pg_catalog.count(*) FILTER (WHERE NOT d.in_view),"
					" pg_catalog.count(*) FILTER (WHERE d.in_view AND d.in_table AND d.differs)"
					" FROM (SELECT %s FROM %s OFFSET 0) AS d",
					comparison(shape), all_rows(shape));
}

const char *
sql_delete_changes(const ScoreShape *shape)
{
	return psprintf("DELETE FROM %s AS t USING " CHANGES " AS c WHERE NOT c.in_view AND %s",
					shape->score->name, keys_match(shape, "c", "t"));
}

const char *
sql_update_changes(const ScoreShape *shape)
{
	StringInfoData set;

	initStringInfo(&set);
	for (int i = 0; i < shape->ncolumns; i++)
		appendStringInfo(&set, "%s%s = c.c%d", i > 0 ? ", " : "", shape->columns[i], i + 1);
	return psprintf("UPDATE %s AS t SET %s FROM " CHANGES " AS c"
					" WHERE c.in_view AND c.in_table AND %s",
					shape->score->name, set.data, keys_match(shape, "c", "t"));
}

const char *
sql_insert_changes(const ScoreShape *shape)
{
	return psprintf("INSERT INTO %s (%s) SELECT %s FROM " CHANGES " AS c"
					" WHERE c.in_view AND NOT c.in_table",
					shape->score->name, shape->list, numbered("c.c%d", shape->ncolumns));
}

/* A parameter in a text of SQL. */
typedef struct ParameterPlace
{
	int number;
	int location;
} ParameterPlace;

/* Collects the places of parameters, as a list of ParameterPlace; arg: the list. */
static bool
find_parameters(Node *node, List **places)
{
	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
	{
		ParameterPlace *place = palloc_object(ParameterPlace);

		*place = (ParameterPlace){((ParamRef *) node)->number, ((ParamRef *) node)->location};
		*places = lappend(*places, place);
		return false;
	}
	return raw_expression_tree_walker(node, find_parameters, places);
}

/* Orders places by where they are. */
static int
compare_places(const ListCell *a, const ListCell *b)
{
	const ParameterPlace *one = lfirst(a);
	const ParameterPlace *other = lfirst(b);

	return (one->location > other->location) - (one->location < other->location);
}

/* Returns a source's query of keys with its parameters replaced. */
static const char *
via_with(const ScoreSource *source, const char **replacements)
{
	List		  *statements = raw_parser(source->via, RAW_PARSE_DEFAULT);
	List		  *places = NIL;
	ListCell	  *cell;
	StringInfoData text;
	int			   done = 0;

	(void) find_parameters((Node *) linitial_node(RawStmt, statements)->stmt, &places);
	list_sort(places, compare_places);
	initStringInfo(&text);
	foreach(cell, places)
	{
		const ParameterPlace *place = lfirst(cell);

		if (place->number < 1 || place->number > list_length(source->key_columns))
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_PARAMETER),
							errmsg("there is no parameter $%d", place->number)));
		appendBinaryStringInfo(&text, source->via + done, place->location - done);
		appendStringInfoString(&text, replacements[place->number - 1]);
		done = place->location + 1;
		done += (int) strspn(source->via + done, "0123456789");
	}
	appendStringInfoString(&text, source->via + done);

	/* It may end in a comment. */
	appendStringInfoChar(&text, '\n');
	return text.data;
}

/* Returns the type of an array of a source's key column, spelled for SQL. */
static const char *
key_array_type(const ScoreSource *source, int key)
{
	AttrNumber attnum = get_attnum(source->relation, list_nth(source->key_columns, key));
	Oid		   type = attnum > 0 ? get_atttype(source->relation, attnum) : InvalidOid;
	Oid		   array = OidIsValid(type) ? get_array_type(getBaseType(type)) : InvalidOid;

	if (!OidIsValid(array))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation %s does not exist, or there are no "
						"arrays of its type",
						(char *) list_nth(source->key_columns, key), source->relation_name)));
	return qualified_type_name(array, -1);
}

const char *
sql_expand(const ScoreShape *shape, const ScoreSource *source)
{
	const char *arrays[MAX_SCORE_KEYS];

	for (int i = 0; i < list_length(source->key_columns); i++)
		arrays[i] = psprintf("CAST($%d AS %s)", i + 1, key_array_type(source, i));
	return psprintf("SELECT %s FROM (%s) AS x",
					numbered("CAST(x.k%d AS pg_catalog.text)", shape->score->nkeys),
					distinct_keys(shape, psprintf("(%s) AS u (%s)", via_with(source, arrays),
												  numbered("k%d", shape->score->nkeys))));
}

#define QUEUED "pollseed_queued"
#define DIRTY "pollseed_dirty"
#define EVERYTHING "pollseed_everything"

/* Adds a SELECT of the keys that a source's queued changes are of. */
static void
append_dirty_keys(StringInfo text, const ScoreShape *shape, const ScoreSource *source)
{
	int			nkeys = list_length(source->key_columns);
	const char *from =
		psprintf(QUEUED " AS q, ROWS FROM (%s) AS u (%s)"
						" WHERE q.source_no OPERATOR(pg_catalog.=) %d",
				 numbered("pg_catalog.unnest(q.k%d)", nkeys), numbered("k%d", nkeys), source->no);

	if (source->key_columns == NIL)
		return;
	appendStringInfoString(text, text->len > 0 ? " UNION " : "");
	if (source->via == NULL)
		appendStringInfoString(text, distinct_keys(shape, from));
	else
	{
		const char *arrays[MAX_SCORE_KEYS];

		for (int i = 0; i < nkeys; i++)
			arrays[i] = psprintf("CAST((SELECT pg_catalog.array_agg(u.k%d) FROM %s) AS %s)", i + 1,
								 from, key_array_type(source, i));
		appendStringInfoString(
			text, distinct_keys(shape, psprintf("(%s) AS u (%s)", via_with(source, arrays),
												numbered("k%d", shape->score->nkeys))));
	}
}

/* Returns a SELECT of no keys. */
static const char *
no_keys(const ScoreShape *shape)
{
	int nkeys = shape->score->nkeys;

	return distinct_keys(shape, psprintf("(VALUES (%s)) AS u (%s) WHERE false",
										 numbered("CAST(NULL AS pg_catalog.text)", nkeys),
										 numbered("k%d", nkeys)));
}

const char *
sql_fresh(const ScoreShape *shape, const List *sources)
{
	const char	  *is_all = "(SELECT e.yes FROM " EVERYTHING " AS e)";
	StringInfoData dirty;
	ListCell	  *cell;

	initStringInfo(&dirty);
	foreach(cell, sources)
		append_dirty_keys(&dirty, shape, lfirst(cell));
	if (dirty.len == 0)
		appendStringInfoString(&dirty, no_keys(shape));
	return psprintf("CREATE OR REPLACE VIEW %s (%s) AS"
					" WITH " QUEUED " AS MATERIALIZED (SELECT q.* FROM %s AS q),"
					" " EVERYTHING " AS MATERIALIZED"
					" (SELECT EXISTS (SELECT FROM " QUEUED " AS q WHERE q.k1 IS NULL) AS yes),"
					" " DIRTY " AS MATERIALIZED (%s)"
					" SELECT %s FROM %s AS t WHERE NOT %s AND NOT EXISTS (SELECT FROM " DIRTY
					" AS k WHERE %s)"
					" UNION ALL SELECT %s FROM " DIRTY " AS k, LATERAL %s WHERE NOT %s"
					" UNION ALL SELECT %s FROM %s AS v WHERE %s",
					shape->score->fresh_name, shape->list, shape->score->queue_name, dirty.data,
					columns_of(shape, "t"), shape->score->name, is_all, keys_match(shape, "k", "t"),
					numbered("f.c%d", shape->ncolumns), rows_of_keys(shape, "k"), is_all,
					columns_of(shape, "v"), shape->score->definition_name, is_all);
}
