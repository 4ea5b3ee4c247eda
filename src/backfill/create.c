/*-------------------------------------------------------------------------
 *
 * create.c
 *		SQL functions that make, drop and re-drive a backfill.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/relation.h"
#include "core/sql.h"
#include "write/writer.h"
#include "backfill/locks.h"
#include "backfill/parts.h"
#include "backfill/throttle.h"

POLLSEED_FUNCTION(pollseed_backfill_create);
POLLSEED_FUNCTION(pollseed_backfill_drop);
POLLSEED_FUNCTION(pollseed_backfill_retry);

#define DEFAULT_BATCH_SIZE 100
#define DEFAULT_TARGET_MS 250

/* Arguments of pollseed_backfill_create(). */
enum
{
	ARG_NAME,
	ARG_TARGET,
	ARG_COLUMN,
	ARG_SOURCE,
	ARG_KEY,
	ARG_STRATEGY,
	ARG_BATCH_SIZE,
	ARG_TARGET_TIME,
	ARG_THROTTLE,
	ARG_AFTER
};

/* Adds a column of the table to the key; raises 42703 where there is none, and 42611 where it may be null. */
static void
add_key_column(Backfill *backfill, Relation rel, const char *name)
{
	AttrNumber attnum = get_attnum(RelationGetRelid(rel), name);

	if (attnum <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of relation \"%s\" does not exist", name,
							   RelationGetRelationName(rel))));
	if (backfill->nkeys == MAX_KEY_COLUMNS)
		ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
						errmsg("a backfill's key has at most %d columns", MAX_KEY_COLUMNS)));
	if (!TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attnotnull)
		ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_DEFINITION),
						errmsg("column \"%s\" of relation \"%s\" may be null, so it cannot be a "
							   "backfill's key",
							   name, RelationGetRelationName(rel)),
						errhint("Name a column that is NOT NULL.")));
	column_check_privilege(rel, attnum, ACL_SELECT);
	backfill->keys[backfill->nkeys++] = (BackfillColumn){.name = pstrdup(name), .attnum = attnum};
}

/* Makes the primary key the backfill's key, if there is one. */
static void
use_primary_key(Backfill *backfill, Relation rel)
{
	Oid			  index_oid;
	Relation	  index;
	Form_pg_index form;

	(void) RelationGetIndexList(rel);
	index_oid = rel->rd_pkindex;
	if (!OidIsValid(index_oid))
		return;
	index = relation_open(index_oid, AccessShareLock);
	form = index->rd_index;
	for (int i = 0; i < form->indnkeyatts; i++)
		add_key_column(backfill, rel,
					   get_attname(RelationGetRelid(rel), form->indkey.values[i], false));
	relation_close(index, AccessShareLock);
}

/* Makes the key of what the user named: a column, or several with commas between. */
static void
use_named_key(Backfill *backfill, Relation rel, const char *key)
{
	List	 *names;
	ListCell *cell;

	if (get_attnum(RelationGetRelid(rel), key) > 0)
	{
		add_key_column(backfill, rel, key);
		return;
	}
	if (strlen(key) == NAMEDATALEN - 1)
		ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG), errmsg("key list \"%s\" is too long", key),
						errdetail("It may have been cut off at %d bytes.", NAMEDATALEN - 1)));
	if (!SplitIdentifierString(pstrdup(key), ',', &names) || names == NIL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME), errmsg("invalid key \"%s\"", key),
						errhint("Name a column, or several with commas between them.")));
	foreach(cell, names)
		add_key_column(backfill, rel, lfirst(cell));
}

/* Raises 42P13 unless the source is one SELECT. */
static void
check_source(const char *source)
{
	if (!sql_is_select(source))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("a backfill's source must be one SELECT, without a semicolon"),
				 errhint("Example: SELECT id, lower(email) FROM users WHERE id = ANY ($1)")));
}

/* Raises an error unless the caller may fill the column of the table, which must be one whose rows can all be seen. */
static void
check_target(Relation rel, AttrNumber attnum)
{
	char kind = rel->rd_rel->relkind;

	relation_check_privilege(rel, ACL_UPDATE);
	column_check_privilege(rel, attnum, ACL_UPDATE);
	column_check_privilege(rel, attnum, ACL_SELECT);
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table", RelationGetRelationName(rel)),
						errhint("Backfill the table that the column belongs to.")));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("temporary relation \"%s\" cannot be backfilled",
							   RelationGetRelationName(rel)),
						errdetail("Other sessions could not go on with it.")));
	backfill_check_row_security(rel);
	if (has_partition_attrs(rel, bms_make_singleton(attnum - FirstLowInvalidHeapAttributeNumber),
							NULL))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("column \"%s\" of relation \"%s\" cannot be backfilled",
							   NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname),
							   RelationGetRelationName(rel)),
						errdetail("It is part of the partition key, so its value decides where the "
								  "row is.")));
	if (TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated)
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" is a generated column",
						NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname))));
}

/* Fills in the target column and the key. */
static void
resolve_columns(FunctionCallInfo fcinfo, Backfill *backfill, Relation rel)
{
	const char *column;

	require_argument(fcinfo, ARG_COLUMN, "target_column");
	column = pstrdup(NameStr(*PG_GETARG_NAME(ARG_COLUMN)));
	backfill->column = (BackfillColumn){column, get_attnum(RelationGetRelid(rel), column)};
	if (backfill->column.attnum <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of relation \"%s\" does not exist", column,
							   RelationGetRelationName(rel))));
	check_target(rel, backfill->column.attnum);
	if (PG_ARGISNULL(ARG_KEY))
		use_primary_key(backfill, rel);
	else
		use_named_key(backfill, rel, NameStr(*PG_GETARG_NAME(ARG_KEY)));
}

/* Fills in how the backfill is to be run. */
static void
resolve_manner(FunctionCallInfo fcinfo, Backfill *backfill)
{
	static const char *const strategies[] = {"auto", "index", "block"};
	bool					 known = false;

	backfill->strategy =
		PG_ARGISNULL(ARG_STRATEGY) ? "auto" : text_to_cstring(PG_GETARG_TEXT_PP(ARG_STRATEGY));
	for (size_t i = 0; i < lengthof(strategies); i++)
		known |= strcmp(strategies[i], backfill->strategy) == 0;
	if (!known)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unrecognized strategy \"%s\"", backfill->strategy),
						errhint("Available strategies: auto, index, block.")));
	backfill->batch_size =
		PG_ARGISNULL(ARG_BATCH_SIZE) ? DEFAULT_BATCH_SIZE : PG_GETARG_INT32(ARG_BATCH_SIZE);
	if (backfill->batch_size < MIN_BATCH_SIZE || backfill->batch_size > MAX_BATCH_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size must be between %d and %d", MIN_BATCH_SIZE, MAX_BATCH_SIZE)));
	backfill->target_ms =
		PG_ARGISNULL(ARG_TARGET_TIME)
			? DEFAULT_TARGET_MS
			: DatumGetFloat8(DirectFunctionCall2(interval_part, CStringGetTextDatum("epoch"),
												 PG_GETARG_DATUM(ARG_TARGET_TIME))) *
				  1000;
	if (backfill->target_ms < 1 || backfill->target_ms > 3600000.0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("target_time must be between 1 ms and 1 hour")));
	backfill->throttle = DatumGetJsonbPCopy(
		throttle_normalize(PG_ARGISNULL(ARG_THROTTLE) ? NULL : PG_GETARG_JSONB_P(ARG_THROTTLE)));
	backfill->after =
		PG_ARGISNULL(ARG_AFTER) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_AFTER));
	if (backfill->after != NULL)
		(void) backfill_read(backfill->after, false, CurrentMemoryContext);
}

/*
 * Raises 42501 unless the caller may do to one table what the statements do.  They
 * name rows by their place, which is a column as others are.
 */
static void
check_privileges(const BackfillTable *table, Relation rel)
{
	column_check_privilege(rel, table->column.attnum, ACL_UPDATE);
	column_check_privilege(rel, table->column.attnum, ACL_SELECT);
	column_check_privilege(rel, SelfItemPointerAttributeNumber, ACL_SELECT);
	for (int i = 0; i < table->nkeys; i++)
		column_check_privilege(rel, table->keys[i].attnum, ACL_SELECT);
}

/*
 * Checks all that can be checked before the first row: the source and its types, the
 * index that the strategy needs.
 */
static void
check_statements(Backfill *backfill, Relation rel)
{
	ListCell *cell;

	foreach(cell, backfill_relations(RelationGetRelid(rel)))
	{
		Relation	   part = backfill_table_open(lfirst_oid(cell));
		BackfillTable *table;

		if (part == NULL)
			continue;
		table = backfill_table_make(backfill, part, CurrentMemoryContext);
		check_privileges(table, part);
		(void) choose_strategy(table, part);
		backfill_table_check(table);
		backfill_table_free(table);
		relation_close(part, NoLock);
	}
}

/* Returns the key's columns as arrays of names and numbers. */
static void
key_datums(const Backfill *backfill, Datum *names, Datum *numbers)
{
	Datum name[MAX_KEY_COLUMNS];
	Datum number[MAX_KEY_COLUMNS];

	for (int i = 0; i < backfill->nkeys; i++)
	{
		name[i] = DirectFunctionCall1(namein, CStringGetDatum(backfill->keys[i].name));
		number[i] = Int16GetDatum(backfill->keys[i].attnum);
	}
	*names = PointerGetDatum(
		construct_array(name, backfill->nkeys, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
	*numbers = PointerGetDatum(
		construct_array(number, backfill->nkeys, INT2OID, sizeof(int16), true, TYPALIGN_SHORT));
}

#define DEFINITION_COLUMNS 17

/* Inserts the definition; returns false where there is one of that name. */
static bool
insert_definition(int nargs, Oid *types, Datum *values, const char *nulls)
{
	return sql_execute_own(
			   "INSERT INTO pollseed.backfills (name, owner, owner_oid, database_oid, relation,"
			   " relation_oid, target_column, target_attnum, key_columns, key_attnums, source,"
			   " strategy, batch_size, target_time, throttle, after_backfill, settings)"
			   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
			   " pg_catalog.make_interval(secs => $14), $15, $16, $17)"
			   " ON CONFLICT (name) DO NOTHING",
			   nargs, types, values, nulls) == 1;
}

/*
 * Tells whether the definition of that name is the same; of the settings only the
 * search path counts, for a migration may be run by different clients.  IS NOT
 * DISTINCT FROM would take the caller's operators, and have them run as the tables'
 * owner.
 */
static bool
is_same_definition(int nargs, Oid *types, Datum *values, const char *nulls)
{
	return sql_execute_own(
			   "SELECT FROM pollseed.backfills AS b WHERE b.name OPERATOR(pg_catalog.=) $1"
			   " AND ROW(b.owner, b.owner_oid, b.database_oid, b.relation_oid,"
			   " b.target_column, b.target_attnum, b.key_columns, b.key_attnums, b.source,"
			   " b.strategy, b.batch_size, b.target_time, b.throttle,"
			   " b.settings OPERATOR(pg_catalog.->>) 'search_path')"
			   " OPERATOR(pg_catalog.=) ROW($2, $3, $4, $6, $7, $8, $9, $10, $11, $12, $13,"
			   " pg_catalog.make_interval(secs => $14), $15,"
			   " $17 OPERATOR(pg_catalog.->>) 'search_path')"
			   " AND COALESCE(b.after_backfill OPERATOR(pg_catalog.=) $16,"
			   " b.after_backfill IS NULL AND $16 IS NULL)",
			   nargs, types, values, nulls) == 1;
}

/* Keeps the definition; one of that name must be the same. */
static void
keep_definition(const Backfill *backfill)
{
	Oid	  types[DEFINITION_COLUMNS] = {TEXTOID, NAMEOID, OIDOID,  OIDOID,		TEXTOID,
									   OIDOID,	NAMEOID, INT2OID, NAMEARRAYOID, INT2ARRAYOID,
									   TEXTOID, TEXTOID, INT4OID, FLOAT8OID,	JSONBOID,
									   TEXTOID, JSONBOID};
	Datum values[DEFINITION_COLUMNS];
	char  nulls[DEFINITION_COLUMNS + 1] = "                 ";

	values[0] = CStringGetTextDatum(backfill->name);
	values[1] =
		DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(backfill->owner, false)));
	values[2] = ObjectIdGetDatum(backfill->owner);
	values[3] = ObjectIdGetDatum(MyDatabaseId);
	values[4] = CStringGetTextDatum(backfill->relation_name);
	values[5] = ObjectIdGetDatum(backfill->relation);
	values[6] = DirectFunctionCall1(namein, CStringGetDatum(backfill->column.name));
	values[7] = Int16GetDatum(backfill->column.attnum);
	key_datums(backfill, &values[8], &values[9]);
	values[10] = CStringGetTextDatum(backfill->source);
	values[11] = CStringGetTextDatum(backfill->strategy);
	values[12] = Int32GetDatum(backfill->batch_size);
	values[13] = Float8GetDatum(backfill->target_ms / 1000);
	values[14] = JsonbPGetDatum(backfill->throttle);
	values[15] = backfill->after != NULL ? CStringGetTextDatum(backfill->after) : (Datum) 0;
	nulls[15] = backfill->after == NULL ? 'n' : ' ';
	values[16] = JsonbPGetDatum(backfill->settings);

	if (insert_definition(DEFINITION_COLUMNS, types, values, nulls))
		return;
	if (!is_same_definition(DEFINITION_COLUMNS, types, values, nulls))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("backfill \"%s\" already exists and is another one", backfill->name),
						errhint("Drop it with pollseed_backfill_drop(), or choose another name.")));
	ereport(NOTICE, (errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("backfill \"%s\" already exists, skipping", backfill->name)));
}

/*
 * pollseed_backfill_create(name, target, target_column, source, key, strategy,
 * batch_size, target_time, throttle, after_backfill)
 */
Datum
pollseed_backfill_create(PG_FUNCTION_ARGS)
{
	Backfill	   backfill = {.owner = GetUserId(), .owner_exists = true};
	DefinerSession session;
	Relation	   rel;
	Datum		   row;

	PreventCommandIfReadOnly("pollseed_backfill_create()");
	backfill.name = text_argument(fcinfo, ARG_NAME, "name");
	backfill.source = text_argument(fcinfo, ARG_SOURCE, "source");
	require_argument(fcinfo, ARG_TARGET, "target");
	check_source(backfill.source);

	SPI_connect();
	rel = relation_open_by_oid(PG_GETARG_OID(ARG_TARGET), RowExclusiveLock);
	backfill.relation = RelationGetRelid(rel);
	backfill.relation_name = relation_quoted_name(rel);
	resolve_columns(fcinfo, &backfill, rel);
	resolve_manner(fcinfo, &backfill);
	backfill.settings = DatumGetJsonbPCopy(definer_settings());
	session = backfill_enter(&backfill);
	check_statements(&backfill, rel);
	definer_leave(&session);
	keep_definition(&backfill);
	row = result_row(fcinfo, "name", TEXTOID, CStringGetTextDatum(backfill.name));
	relation_close(rel, NoLock);
	SPI_finish();
	PG_RETURN_DATUM(row);
}

/* Deletes all rows of a backfill from one of its tables. */
static int64
delete_rows(const Backfill *backfill, const char *table, const char *condition)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(backfill->id);

	return sql_execute_own(psprintf("DELETE FROM pollseed.%s AS t"
									" WHERE t.backfill_id OPERATOR(pg_catalog.=) $1%s",
									table, condition),
						   1, &type, &value, NULL);
}

/* pollseed_backfill_drop(name) */
Datum
pollseed_backfill_drop(PG_FUNCTION_ARGS)
{
	static const char *const tables[] = {"backfill_rows", "backfill_ranges", "backfill_parts",
										 "backfills"};
	Backfill				*backfill;

	PreventCommandIfReadOnly("pollseed_backfill_drop()");
	SPI_connect();
	backfill = backfill_read_to_drop(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (backfill != NULL)
	{
		lock_runner(backfill, false);
		for (size_t i = 0; i < lengthof(tables); i++)
			(void) delete_rows(backfill, tables[i], "");
	}
	SPI_finish();
	PG_RETURN_BOOL(backfill != NULL);
}

/* Sets the counters of what a backfill is done with to what its rows say, after some were forgotten. */
static void
recount_settled(const Backfill *backfill)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(backfill->id);

	(void) sql_execute_own("UPDATE pollseed.backfill_ranges AS r SET quarantined = 0, no_data = 0"
						   " WHERE r.backfill_id OPERATOR(pg_catalog.=) $1",
						   1, &type, &value, NULL);
	(void) backfill_update(
		backfill,
		"quarantined = c.quarantined, no_data = c.no_data, finished_at = NULL,"
		" settled_before = LEAST(b.settled_before,"
		" c.quarantined OPERATOR(pg_catalog.+) c.no_data),"
		" state = CASE WHEN b.state OPERATOR(pg_catalog.=) 'finished' THEN 'ready'"
		" ELSE b.state END"
		" FROM (SELECT pg_catalog.count(*) FILTER (WHERE r.outcome OPERATOR(pg_catalog.=)"
		" 'quarantined') AS quarantined, pg_catalog.count(*) FILTER (WHERE r.outcome"
		" OPERATOR(pg_catalog.=) 'no_data') AS no_data FROM pollseed.backfill_rows AS r"
		" WHERE r.backfill_id OPERATOR(pg_catalog.=) $1) AS c",
		NULL);
}

/* pollseed_backfill_retry(name, no_data) */
Datum
pollseed_backfill_retry(PG_FUNCTION_ARGS)
{
	bool	  no_data = PG_GETARG_BOOL(1);
	Backfill *backfill;
	int64	  rows;

	PreventCommandIfReadOnly("pollseed_backfill_retry()");
	SPI_connect();
	backfill = backfill_read(text_to_cstring(PG_GETARG_TEXT_PP(0)), false, CurrentMemoryContext);
	lock_runner(backfill, false);
	backfill = backfill_read(backfill->name, true, CurrentMemoryContext);
	rows = delete_rows(backfill, "backfill_rows",
					   no_data ? "" : " AND t.outcome OPERATOR(pg_catalog.=) 'quarantined'");
	if (rows > 0)
		recount_settled(backfill);
	SPI_finish();
	PG_RETURN_INT64(rows);
}
