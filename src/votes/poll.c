/*-------------------------------------------------------------------------
 *
 * poll.c
 *		The two tables of a poll, its options and its vote events, under
 *		whatever names an application gives them and their columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/relation.h"
#include "votes/poll.h"

/* What a column must be able to hold. */
typedef enum ColumnUse
{
	USE_ANY,
	USE_COUNT,
	USE_TIME
} ColumnUse;

/*
 * The roles, each with the key that names it in "columns", which is its column's
 * name by default.  A key may be qualified by its table ("options.updated_at");
 * plain, it means the role in both tables.
 */
static const struct
{
	const char *table;
	const char *key;
	bool		required;
	ColumnUse	use;
} roles[NUM_POLL_COLUMNS] = {
	[OPTION_ID] = {"options", "id", true, USE_ANY},
	[OPTION_TEXT] = {"options", "text", true, USE_ANY},
	[OPTION_VOTES] = {"options", "votes", false, USE_COUNT},
	[OPTION_UPDATED_AT] = {"options", "updated_at", false, USE_TIME},
	[EVENT_OPTION_ID] = {"events", "option_id", true, USE_ANY},
	[EVENT_LANGUAGE] = {"events", "language", false, USE_ANY},
	[EVENT_VOTES_AFTER] = {"events", "votes_after", false, USE_COUNT},
	[EVENT_TYPE] = {"events", "event_type", false, USE_ANY},
	[EVENT_INSERTED_AT] = {"events", "inserted_at", true, USE_TIME},
	[EVENT_UPDATED_AT] = {"events", "updated_at", false, USE_TIME},
};

/* Tells whether a key of "columns" names a role. */
static bool
key_names_role(const char *key, PollColumnRole role)
{
	return strcmp(key, roles[role].key) == 0 ||
		   strcmp(key, psprintf("%s.%s", roles[role].table, roles[role].key)) == 0;
}

/* Refuses "columns" unless each key names a role and each value is a string or null. */
static void
check_columns(Jsonb *columns)
{
	JsonbIterator	  *it;
	JsonbIteratorToken token;
	JsonbValue		   value;
	char			  *key = NULL;

	if (!JB_ROOT_IS_OBJECT(columns))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("columns must be a JSON object"),
			 errhint(
				 "Give each role its column, such as '{\"option_id\": \"choice_id\", \"language\": null}'.")));

	it = JsonbIteratorInit(&columns->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		bool known = false;

		if (token == WJB_KEY)
		{
			key = pnstrdup(value.val.string.val, value.val.string.len);
			for (int role = 0; role < NUM_POLL_COLUMNS && !known; role++)
				known = key_names_role(key, role);
			if (!known)
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("columns name the unknown role \"%s\"", key),
								errhint("Roles are id, text, votes and updated_at of \"options\", "
										"and option_id, language, votes_after, event_type, "
										"inserted_at and updated_at of \"events\".")));
		}
		else if (token == WJB_VALUE && value.type != jbvString && value.type != jbvNull)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("columns must give a column name or null for \"%s\"", key)));
	}
}

/* Finds what "columns" says of a role; the qualified key goes before the plain one. */
static JsonbValue *
find_mapping(Jsonb *columns, PollColumnRole role)
{
	const char *key = psprintf("%s.%s", roles[role].table, roles[role].key);
	JsonbValue *found;

	if (columns == NULL)
		return NULL;
	found = getKeyJsonValueFromContainer(&columns->root, key, strlen(key), NULL);
	if (found == NULL)
		found = getKeyJsonValueFromContainer(&columns->root, roles[role].key,
											 strlen(roles[role].key), NULL);
	return found;
}

/* Refuses a column whose type cannot serve its role. */
static void
check_column_type(Relation rel, const PollColumn *column, PollColumnRole role)
{
	bool		fits = true;
	const char *wanted = "";

	switch (roles[role].use)
	{
		case USE_ANY:
			break;
		case USE_COUNT:
			fits = column->base_type == INT2OID || column->base_type == INT4OID ||
				   column->base_type == INT8OID || column->base_type == NUMERICOID;
			wanted = "smallint, integer, bigint or numeric";
			break;
		case USE_TIME:
			fits = column->base_type == TIMESTAMPOID || column->base_type == TIMESTAMPTZOID ||
				   column->base_type == DATEOID;
			wanted = "timestamp, timestamp with time zone or date";
			break;
	}
	if (!fits)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" of relation \"%s\" is of type %s but must be %s",
							   column->name, RelationGetRelationName(rel),
							   format_type_be(column->type), wanted),
						errhint("Name another column with \"columns\", or null to leave it out.")));
}

/* Finds the column of a role in its table. */
static void
find_column(Relation rel, Jsonb *columns, PollColumnRole role, PollColumn *column)
{
	JsonbValue		 *mapping = find_mapping(columns, role);
	HeapTuple		  tuple;
	Form_pg_attribute attribute;

	column->attnum = InvalidAttrNumber;
	if (mapping != NULL && mapping->type == jbvNull)
	{
		if (roles[role].required)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("column \"%s\" cannot be left out", roles[role].key),
							errhint("Name the column that serves as \"%s\".", roles[role].key)));
		return;
	}

	column->name = mapping == NULL ? roles[role].key
								   : pnstrdup(mapping->val.string.val, mapping->val.string.len);
	tuple = SearchSysCacheAttName(RelationGetRelid(rel), column->name);
	if (!HeapTupleIsValid(tuple))
	{
		if (mapping == NULL && !roles[role].required)
			return;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", column->name,
						RelationGetRelationName(rel)),
				 errhint("Name your own with columns => '{\"%s\": \"name\"}'.", roles[role].key)));
	}

	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	column->attnum = attribute->attnum;
	column->type = attribute->atttypid;
	column->typmod = attribute->atttypmod;
	column->base_typmod = column->typmod;
	column->base_type = getBaseTypeAndTypmod(column->type, &column->base_typmod);
	column->quoted_name = quote_identifier(column->name);
	ReleaseSysCache(tuple);

	if (column->attnum < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
						errmsg("cannot use system column \"%s\"", column->name)));
	check_column_type(rel, column, role);
}

/* Opens one of the tables, by OID or by its name in the preset. */
static Relation
open_table(Oid relid, const char *name, const char *argument, AclMode mode)
{
	LOCKMODE lockmode = mode == ACL_SELECT ? AccessShareLock : RowExclusiveLock;
	Relation rel;

	if (OidIsValid(relid))
		rel = relation_open_by_oid(relid, lockmode);
	else
		rel = relation_open_by_name(name, lockmode);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation \"%s\" does not exist", name),
				 errhint("Create the poll tables with SELECT * FROM pollseed_create_poll_tables(), "
						 "or name a table of your own with %s => 'table'.",
						 argument)));

	for (AclMode bit = 1; bit <= mode; bit <<= 1)
	{
		if (mode & bit)
			relation_check_privilege(rel, bit);
	}
	relation_check_writable_kind(rel);
	return rel;
}

/* Opens the table of options. */
static Relation
open_options(const PollRequest *request)
{
	return open_table(request->options, "options", "options", request->options_mode);
}

/* Opens the table of events. */
static Relation
open_events(const PollRequest *request)
{
	return open_table(request->events, "vote_events", "events", request->events_mode);
}

void
poll_lock(const PollRequest *request, Oid *options, Oid *events)
{
	Relation rel = open_options(request);

	*options = RelationGetRelid(rel);
	relation_close(rel, NoLock);
	rel = open_events(request);
	*events = RelationGetRelid(rel);
	relation_close(rel, NoLock);
}

Poll *
poll_open(const PollRequest *request)
{
	Poll *poll = palloc0_object(Poll);

	poll->options = open_options(request);
	if (request->events_mode != 0)
		poll->events = open_events(request);

	if (request->columns != NULL)
		check_columns(request->columns);
	for (int role = 0; role < NUM_POLL_COLUMNS; role++)
	{
		Relation rel = role < EVENT_OPTION_ID ? poll->options : poll->events;

		if (rel != NULL)
			find_column(rel, request->columns, role, &poll->columns[role]);
	}
	return poll;
}

void
poll_close(Poll *poll)
{
	if (poll->events != NULL)
		relation_close(poll->events, NoLock);
	relation_close(poll->options, NoLock);
}

void
poll_check_privilege(const Poll *poll, PollColumnRole role, AclMode mode)
{
	Relation rel = role < EVENT_OPTION_ID ? poll->options : poll->events;

	if (poll_has(poll, role))
		column_check_privilege(rel, poll->columns[role].attnum, mode);
}

void
poll_check_counting(const Poll *poll)
{
	static const PollColumnRole roles_counted[] = {OPTION_VOTES, OPTION_UPDATED_AT};

	for (size_t i = 0; i < lengthof(roles_counted); i++)
	{
		poll_check_privilege(poll, roles_counted[i], ACL_SELECT);
		poll_check_privilege(poll, roles_counted[i], ACL_UPDATE);
	}
}

/* Returns the largest integer of a numeric type with a precision and scale. */
static int64
numeric_max(int32 typmod)
{
	int	  digits;
	int64 max = 1;

	if (typmod < (int32) VARHDRSZ)
		return PG_INT64_MAX;

	/* As numeric.c packs them: precision above, scale as 11 bits with sign below. */
	digits = ((typmod - VARHDRSZ) >> 16 & 0xffff) - ((((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024);
	if (digits > 18)
		return PG_INT64_MAX;
	for (; digits > 0; digits--)
		max *= 10;
	return max - 1;
}

int64
poll_column_max(const PollColumn *column)
{
	switch (column->base_type)
	{
		case INT2OID:
			return PG_INT16_MAX;
		case INT4OID:
			return PG_INT32_MAX;
		case NUMERICOID:
			return numeric_max(column->base_typmod);
		default:
			return PG_INT64_MAX;
	}
}

Datum
poll_column_time(const PollColumn *column, TimestampTz time)
{
	if (column->base_type == DATEOID)
		return DateADTGetDatum((DateADT) (time / USECS_PER_DAY - (time % USECS_PER_DAY < 0)));

	/* A timestamp is in UTC what a timestamp with time zone is. */
	return TimestampTzGetDatum(time);
}
