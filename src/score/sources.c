/*-------------------------------------------------------------------------
 *
 * sources.c
 *		The sources of a score, as its view and its user say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "core/compat.h"
#include "core/names.h"
#include "core/relation.h"
#include "core/sql.h"
#include "score/find.h"
#include "score/sources.h"

/* What the user says of a table. */
typedef struct SourceEntry
{
	const char *table;
	Oid			relation; /* the root, where it is a partition */
	bool		has_key;
	List	   *key; /* NIL: null */
	const char *via;
	bool		has_columns;
	List	   *columns; /* NIL: all */
	bool		track;
} SourceEntry;

#define FIELDS_HINT \
	"Give an array of objects with \"table\", \"key\", \"via\", \"columns\" and \"track\"."

/* Raises the error that a field of an entry is not what it can be. */
static void
bad_field(const char *field, const char *wanted)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid \"%s\" in sources", field), errhint("Give %s.", wanted)));
}

/* Returns a text of JSON. */
static char *
json_text(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* Reads a field that is a name or an array of names. */
static List *
read_names(const char *field, const JsonbValue *value)
{
	static const char *const wanted = "the name of a column, or an array of names, or null";
	List					*names = NIL;
	JsonbContainer			*array;

	if (value->type == jbvNull)
		return NIL;
	if (value->type == jbvString)
		return list_make1(json_text(value));
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) == 0)
		bad_field(field, wanted);
	array = value->val.binary.data;
	for (uint32 i = 0; i < JsonContainerSize(array); i++)
	{
		JsonbValue *item = getIthJsonbValueFromContainer(array, i);

		if (item->type != jbvString)
			bad_field(field, wanted);
		names = names_union(names, list_make1(json_text(item)));
		if (list_length(names) != (int) i + 1)
			bad_field(field, "each column once");
	}
	return names;
}

/* Reads a field of an entry. */
static void
read_field(SourceEntry *entry, const char *field, const JsonbValue *value)
{
	if (strcmp(field, "table") == 0)
	{
		if (value->type != jbvString)
			bad_field(field, "the name of a table");
		entry->table = json_text(value);
	}
	else if (strcmp(field, "key") == 0)
	{
		entry->has_key = true;
		entry->key = read_names(field, value);
	}
	else if (strcmp(field, "via") == 0)
	{
		if (value->type != jbvString && value->type != jbvNull)
			bad_field(field, "the text of a SELECT");
		entry->via = value->type == jbvString ? json_text(value) : NULL;
	}
	else if (strcmp(field, "columns") == 0)
	{
		entry->has_columns = true;
		entry->columns = read_names(field, value);
	}
	else if (strcmp(field, "track") == 0)
	{
		if (value->type != jbvBool)
			bad_field(field, "true or false");
		entry->track = value->val.boolean;
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized field \"%s\" in sources", field), errhint(FIELDS_HINT)));
}

/* Reads an entry and finds its table. */
static SourceEntry *
read_entry(const JsonbValue *value)
{
	SourceEntry		  *entry = palloc0_object(SourceEntry);
	JsonbIterator	  *iterator;
	JsonbIteratorToken token;
	JsonbValue		   item;
	const char		  *field = "";
	List			  *names;

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("sources must be an array of objects"), errhint(FIELDS_HINT)));
	entry->track = true;
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			field = json_text(&item);
		else if (token == WJB_VALUE)
			read_field(entry, field, &item);
	}
	if (entry->table == NULL)
		bad_field("table", "the name of a table");
	if (entry->via != NULL && entry->key == NIL)
		bad_field("via", "\"key\" with it, the columns that $1 and so on are arrays of");
	names = textToQualifiedNameList(cstring_to_text(entry->table));
	entry->relation =
		source_root(RangeVarGetRelid(makeRangeVarFromNameList(names), AccessShareLock, false));
	return entry;
}

/* Reads what the user says. */
static List *
read_entries(Jsonb *user)
{
	List *entries = NIL;

	if (user == NULL)
		return NIL;
	if (!JB_ROOT_IS_ARRAY(user) || JB_ROOT_IS_SCALAR(user))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("sources must be an array of objects"), errhint(FIELDS_HINT)));
	for (uint32 i = 0; i < JB_ROOT_COUNT(user); i++)
		entries = lappend(entries, read_entry(getIthJsonbValueFromContainer(&user->root, i)));
	return entries;
}

/* Returns what was found of a table. */
static List *
found_of(List *found, Oid relation)
{
	List	 *sources = NIL;
	ListCell *cell;

	foreach(cell, found)
	{
		ScoreSource *source = lfirst(cell);

		if (source->relation == relation)
			sources = lappend(sources, source);
	}
	return sources;
}

/* Returns the columns of a table that matter as far as was found; NIL: all. */
static List *
columns_of(const List *sources)
{
	List	 *columns = NIL;
	ListCell *cell;

	foreach(cell, sources)
	{
		const ScoreSource *source = lfirst(cell);

		if (source->columns == NIL)
			return NIL;
		columns = names_union(columns, source->columns);
	}
	return columns;
}

/* Adds the sources that an entry says there are. */
static List *
apply_entry(List *sources, const SourceEntry *entry, List *found)
{
	List		*of_table = found_of(found, entry->relation);
	List		*columns = entry->has_columns ? entry->columns : columns_of(of_table);
	ScoreSource *source;
	ListCell	*cell;

	if (!entry->track)
		return sources;
	if (!entry->has_key)
	{
		if (of_table == NIL)
			bad_field(
				"key",
				psprintf("the columns of table \"%s\" that say which keys a row is of, or null: "
						 "its changes are of all keys",
						 entry->table));
		foreach(cell, of_table)
		{
			source = lfirst(cell);
			if (entry->has_columns)
				source->columns =
					columns != NIL ? names_union(list_copy(columns), source->key_columns) : NIL;
			sources = lappend(sources, source);
		}
		return sources;
	}
	source = palloc0_object(ScoreSource);
	source->relation = entry->relation;
	source->relation_name = quote_qualified_identifier(
		get_namespace_name(get_rel_namespace(entry->relation)), get_rel_name(entry->relation));
	source->key_columns = entry->key;
	source->via = entry->via;
	source->columns = columns != NIL ? names_union(list_copy(columns), entry->key) : NIL;
	source->found = true;
	source->reason = "the user says so";
	return lappend(sources, source);
}

/* Merges what the user says into what was found. */
static List *
merge_entries(List *found, List *entries)
{
	List	 *sources = NIL;
	ListCell *cell;
	ListCell *other;

	foreach(cell, found)
	{
		ScoreSource *source = lfirst(cell);
		bool		 replaced = false;

		foreach(other, entries)
			replaced |= ((SourceEntry *) lfirst(other))->relation == source->relation;
		if (!replaced)
			sources = lappend(sources, source);
	}
	foreach(cell, entries)
		sources = apply_entry(sources, lfirst(cell), found);
	return sources;
}

/* Appends what a user could say of a table whose key is unknown. */
static void
append_example(StringInfo json, const ScoreSource *source)
{
	Relation rel = relation_open(source->relation, AccessShareLock);
	bool	 capturable = source_obstacle(rel) == NULL;

	appendStringInfoString(json, json->len > 0 ? ", {\"table\": " : "{\"table\": ");
	escape_json(json, source->relation_name);
	if (!capturable)
		appendStringInfoString(json, ", \"track\": false}");
	else if (source->via != NULL)
	{
		appendStringInfoString(json, ", \"key\": ");
		escape_json(json, linitial(source->key_columns));
		appendStringInfoString(json, ", \"via\": ");
		escape_json(json, source->via);
		appendStringInfoChar(json, '}');
	}
	else
		appendStringInfoString(json, ", \"key\": \"…\", \"via\": \"SELECT … WHERE … = ANY ($1)\"}");
	relation_close(rel, NoLock);
}

/* Raises 55000 where the key of a source is unknown, with all that are. */
static void
check_found(const List *sources, Relation view)
{
	StringInfoData missing;
	StringInfoData json;
	ListCell	  *cell;

	initStringInfo(&missing);
	initStringInfo(&json);
	foreach(cell, sources)
	{
		const ScoreSource *source = lfirst(cell);

		if (source->found)
			continue;
		appendStringInfo(&missing, "%s%s: %s.", missing.len > 0 ? "\n" : "", source->relation_name,
						 source->reason);
		append_example(&json, source);
	}
	if (missing.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot tell which keys of view \"%s\" changes of some tables are of",
						RelationGetRelationName(view)),
				 errdetail("%s", missing.data),
				 errhint("Say so: sources => %s.  A \"key\" of null makes each change one of "
						 "all keys, \"track\" of false leaves a table out.",
						 quote_literal_cstr(psprintf("[%s]", json.data)))));
}

/* Returns the number of a column of a table; raises 42703 where there is none that capture can read. */
static AttrNumber
column_number(Relation rel, const char *name)
{
	AttrNumber attnum = get_attnum(RelationGetRelid(rel), name);

	if (attnum <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of relation \"%s\" does not exist", name,
							   RelationGetRelationName(rel))));
	if (compat_is_virtual(TupleDescAttr(RelationGetDescr(rel), attnum - 1)))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("column \"%s\" of relation \"%s\" is a virtual generated column",
							   name, RelationGetRelationName(rel)),
						errdetail("Changes of it cannot be captured."),
						errhint("Name the columns that it is computed from.")));
	return attnum;
}

/* Raises 42P13 unless a source's query is one SELECT. */
static void
check_select(const ScoreSource *source)
{
	if (!sql_is_select(source->via))
		ereport(ERROR, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
						errmsg("\"via\" of source %s must be one SELECT, without a semicolon",
							   source->relation_name),
						errhint("Example: SELECT movie_id FROM movie_credits WHERE person_id = ANY "
								"($1)")));
}

/* Returns the type of arrays of a source's key column, as its query gets it. */
static Oid
key_array_type(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	Oid				  type = get_array_type(getBaseType(attribute->atttypid));

	if (!OidIsValid(type))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("could not find array type for data type %s",
							   format_type_be(attribute->atttypid)),
						errdetail("Column \"%s\" of relation \"%s\" cannot be a source's key.",
								  NameStr(attribute->attname), RelationGetRelationName(rel))));
	return type;
}

/* Raises 42P13 or 42804 unless a source's query returns the score's key. */
static void
check_via(const ScoreSource *source, Relation rel, const ScoreKey *keys, int nkeys)
{
	Oid		   types[MAX_SCORE_KEYS];
	int		   ntypes = 0;
	ListCell  *cell;
	SPIPlanPtr plan;
	TupleDesc  desc = NULL;

	check_select(source);
	foreach(cell, source->key_columns)
		types[ntypes++] = key_array_type(rel, column_number(rel, lfirst(cell)));
	plan = sql_prepare(source->via, ntypes, types);
	if (list_length(SPI_plan_get_plan_sources(plan)) == 1)
		desc = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->resultDesc;
	if (desc == NULL || desc->natts != nkeys)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg_plural("\"via\" of source %s must return %d column: the score's key",
							   "\"via\" of source %s must return %d columns: the score's key",
							   nkeys, source->relation_name, nkeys),
				 desc != NULL ? errdetail("It returns %d.", desc->natts) : 0));
	for (int i = 0; i < nkeys; i++)
	{
		Oid type = TupleDescAttr(desc, i)->atttypid;

		if (!can_coerce_type(1, &type, &keys[i].type, COERCION_ASSIGNMENT))
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("column %d of \"via\" of source %s has type %s, but the key "
								   "\"%s\" has type %s",
								   i + 1, source->relation_name, format_type_be(type), keys[i].name,
								   format_type_be(keys[i].type))));
	}
	SPI_freeplan(plan);
}

/*
 * Tells whether the text of a value means that value also in the key's type.  Blanks at the
 * end of characters, digits that float4 has no room for, and time zones would be lost or added.
 */
static bool
text_means_same(Oid type, Oid key_type)
{
	char category;
	char key_category;
	bool preferred;

	type = getBaseType(type);
	key_type = getBaseType(key_type);
	if (type == key_type)
		return true;
	get_type_category_preferred(type, &category, &preferred);
	get_type_category_preferred(key_type, &key_category, &preferred);
	if (category != key_category)
		return false;
	switch (type)
	{
		case BPCHAROID:
		case FLOAT4OID:
		case FLOAT8OID:
		case TIMESTAMPTZOID:
			return false;
		case NUMERICOID:
			return key_type == FLOAT4OID || key_type == FLOAT8OID;
		default:
			return true;
	}
}

/* Raises 42804 or 22023 unless a source's key columns can hold the score's key. */
static void
check_key(const ScoreSource *source, Relation rel, const ScoreKey *keys, int nkeys)
{
	if (list_length(source->key_columns) != nkeys)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"key\" of source %s must have as many columns as the score's key",
							   source->relation_name),
						errdetail("It has %d, and the score's has %d.",
								  list_length(source->key_columns), nkeys),
						errhint("Give \"via\" with it, a SELECT of the score's keys.")));
	for (int i = 0; i < nkeys; i++)
	{
		const char *name = list_nth(source->key_columns, i);
		Oid type = TupleDescAttr(RelationGetDescr(rel), column_number(rel, name) - 1)->atttypid;

		if (!text_means_same(type, keys[i].type))
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("column \"%s\" of source %s has type %s, but the key \"%s\" has "
								   "type %s",
								   name, source->relation_name, format_type_be(type), keys[i].name,
								   format_type_be(keys[i].type)),
							errhint("Give \"via\" with it, a SELECT of the score's keys.")));
	}
}

/* Raises an error unless the caller can have the changes of a source captured. */
static void
check_source(const ScoreSource *source, const ScoreKey *keys, int nkeys)
{
	Relation	rel = relation_open_by_oid(source->relation, AccessShareLock);
	const char *obstacle = source_obstacle(rel);
	ListCell   *cell;

	relation_check_privilege(rel, ACL_TRIGGER);
	if (obstacle != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be a source of a score", RelationGetRelationName(rel)),
				 errdetail("The reason: %s.", obstacle),
				 errhint("With \"track\" of false its changes are left out.")));
	if (list_length(source->key_columns) > MAX_SCORE_KEYS)
		ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
						errmsg("a source's key has at most %d columns", MAX_SCORE_KEYS)));
	foreach(cell, source->columns)
	{
		if (get_attnum(source->relation, lfirst(cell)) <= 0)
			(void) column_number(rel, lfirst(cell));
	}
	foreach(cell, source->key_columns)
		column_check_privilege(rel, column_number(rel, lfirst(cell)), ACL_SELECT);
	if (source->via != NULL)
		check_via(source, rel, keys, nkeys);
	else if (source->key_columns != NIL)
		check_key(source, rel, keys, nkeys);
	relation_close(rel, NoLock);
}

List *
sources_settle(List *found, Jsonb *user, Relation view, const ScoreKey *keys, int nkeys)
{
	List	 *sources = merge_entries(found, read_entries(user));
	ListCell *cell;
	int		  no = 0;

	check_found(sources, view);
	if (list_length(sources) > PG_INT16_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a score has at most %d sources", PG_INT16_MAX)));
	foreach(cell, sources)
	{
		ScoreSource *source = lfirst(cell);

		check_source(source, keys, nkeys);
		source->no = ++no;
	}
	return sources;
}
