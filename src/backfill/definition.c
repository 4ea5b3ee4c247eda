/*-------------------------------------------------------------------------
 *
 * definition.c
 *		What a backfill is: its row in pollseed.backfills.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/sql.h"
#include "backfill/definition.h"

/* What the source and the keys' texts depend on: a backfill is always run under the settings that it was made under. */
#define BACKFILL_SETTINGS \
	"DateStyle,IntervalStyle,TimeZone,bytea_output,extra_float_digits,search_path"

/* A batch waits so long for a lock, such as a table's, unless lock_timeout says otherwise, and is tried again. */
#define DEFAULT_LOCK_TIMEOUT "5s"

static const char *const state_names[] = {
	[BACKFILL_READY] = "ready",
	[BACKFILL_STARTED] = "started",
	[BACKFILL_FAILED] = "failed",
	[BACKFILL_FINISHED] = "finished",
};

int64
backfill_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	Oid	  user;
	int	  security_context;
	int64 processed;

	GetUserIdAndSecContext(&user, &security_context);
	SetUserIdAndSecContext(extension_owner(), security_context | SECURITY_LOCAL_USERID_CHANGE |
												  SECURITY_RESTRICTED_OPERATION);
	processed = sql_execute(sql, nargs, types, values, nulls);
	SetUserIdAndSecContext(user, security_context);
	return processed;
}

/* Returns the state of that name. */
static BackfillState
state_by_name(const char *name)
{
	for (size_t i = 0; i < lengthof(state_names); i++)
	{
		if (strcmp(name, state_names[i]) == 0)
			return (BackfillState) i;
	}
	elog(ERROR, "unrecognized backfill state \"%s\"", name);
}

/* Returns a text column of the first row of the last result, or NULL. */
static char *
text_value(int column)
{
	bool  isnull;
	Datum value = sql_value(0, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* Returns an integer column of the first row of the last result, 0 where it is null. */
static int64
integer_value(int column)
{
	bool  isnull;
	Datum value = sql_value(0, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* Returns an OID column of the first row of the last result, InvalidOid where it is null. */
static Oid
oid_value(int column)
{
	bool  isnull;
	Datum value = sql_value(0, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

/* Reads the key's columns. */
static void
read_keys(Backfill *backfill, int names_column, int numbers_column)
{
	Datum *names;
	Datum *numbers;
	int	   count;

	deconstruct_array(DatumGetArrayTypeP(sql_value_not_null(0, names_column)), NAMEOID, NAMEDATALEN,
					  false, TYPALIGN_CHAR, &names, NULL, &backfill->nkeys);
	deconstruct_array(DatumGetArrayTypeP(sql_value_not_null(0, numbers_column)), INT2OID,
					  sizeof(int16), true, TYPALIGN_SHORT, &numbers, NULL, &count);
	if (count != backfill->nkeys || count > MAX_KEY_COLUMNS)
		elog(ERROR, "backfill \"%s\" has a malformed key", backfill->name);
	for (int i = 0; i < count; i++)
	{
		backfill->keys[i].name = pstrdup(NameStr(*DatumGetName(names[i])));
		backfill->keys[i].attnum = DatumGetInt16(numbers[i]);
	}
}

/*
 * Reads the row that a condition on $1 finds.  The table is known by its OID where
 * it still has its name or this still is the database that it was named in, else
 * by its name: OIDs do not survive a dump.  So it is with the owner.
 */
static Backfill *
read_row(const char *condition, Oid type, Datum value, bool lock, MemoryContext context)
{
	MemoryContext old_context;
	Backfill	 *backfill;

	if (backfill_execute(
			psprintf(
				"SELECT b.backfill_id, b.name,"
				" (SELECT o.oid FROM pg_catalog.pg_roles AS o"
				"   WHERE o.rolname OPERATOR(pg_catalog.=) b.owner"
				"     AND (o.oid OPERATOR(pg_catalog.=) b.owner_oid"
				"          OR b.database_oid OPERATOR(pg_catalog.<>) %u)),"
				" COALESCE((SELECT c.oid FROM pg_catalog.pg_class AS c"
				"            WHERE c.oid OPERATOR(pg_catalog.=) b.relation_oid"
				"              AND b.database_oid OPERATOR(pg_catalog.=) %u),"
				"          pg_catalog.to_regclass(b.relation)::pg_catalog.oid),"
				" b.relation, b.target_column::pg_catalog.text, b.target_attnum::pg_catalog.int8,"
				" b.key_columns, b.key_attnums, b.source, b.strategy,"
				" b.batch_size::pg_catalog.int8,"
				" (pg_catalog.date_part('epoch', b.target_time) OPERATOR(pg_catalog.*) 1000)"
				"::pg_catalog.float8,"
				" b.throttle, b.after_backfill, b.settings, b.state,"
				" b.phase OPERATOR(pg_catalog.=) 'sweep', b.run_no::pg_catalog.int8,"
				" b.batch_size_now::pg_catalog.int8,"
				" (SELECT f.no_data OPERATOR(pg_catalog.+) f.quarantined"
				"   FROM pollseed.backfill_figures AS f"
				"  WHERE f.backfill_id OPERATOR(pg_catalog.=) b.backfill_id),"
				" b.settled_before, b.job_id,"
				" (SELECT f.quarantined FROM pollseed.backfill_figures AS f"
				"   WHERE f.backfill_id OPERATOR(pg_catalog.=) b.backfill_id),"
				" b.relation_oid"
				" FROM pollseed.backfills AS b WHERE %s%s",
				MyDatabaseId, MyDatabaseId, condition, lock ? " FOR NO KEY UPDATE OF b" : ""),
			1, &type, &value, NULL) == 0)
		return NULL;

	old_context = MemoryContextSwitchTo(context);
	backfill = palloc0_object(Backfill);
	backfill->id = integer_value(1);
	backfill->name = text_value(2);
	backfill->owner = oid_value(3);
	backfill->owner_exists = OidIsValid(backfill->owner);
	backfill->relation = oid_value(4);
	backfill->relation_name = text_value(5);
	backfill->column.name = text_value(6);
	backfill->column.attnum = (AttrNumber) integer_value(7);
	read_keys(backfill, 8, 9);
	backfill->source = text_value(10);
	backfill->strategy = text_value(11);
	backfill->batch_size = (int) integer_value(12);
	backfill->target_ms = DatumGetFloat8(sql_value_not_null(0, 13));
	backfill->throttle = DatumGetJsonbPCopy(sql_value_not_null(0, 14));
	backfill->after = text_value(15);
	backfill->settings = DatumGetJsonbPCopy(sql_value_not_null(0, 16));
	backfill->state = state_by_name(text_value(17));
	backfill->sweeping = DatumGetBool(sql_value_not_null(0, 18));
	backfill->run_no = (int) integer_value(19);
	backfill->batch_size_now = (int) integer_value(20);
	backfill->settled = integer_value(21);
	backfill->settled_before = integer_value(22);
	backfill->job = integer_value(23);
	backfill->quarantined = integer_value(24);
	backfill->same_relation = backfill->relation == oid_value(25);
	MemoryContextSwitchTo(old_context);
	return backfill;
}

/* Reads a backfill by its name; NULL where there is none. */
static Backfill *
read_by_name(const char *name, bool lock, MemoryContext context)
{
	return read_row("b.name OPERATOR(pg_catalog.=) $1", TEXTOID, CStringGetTextDatum(name), lock,
					context);
}

/* Tells whether the caller has the privileges of the owner; where he is gone, only superusers have. */
static bool
may_handle(const Backfill *backfill)
{
	return backfill->owner_exists ? has_privs_of_role(GetUserId(), backfill->owner) : superuser();
}

void
backfill_check_privileges(const Backfill *backfill)
{
	if (!may_handle(backfill))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for backfill \"%s\"", backfill->name)));
}

Backfill *
backfill_read(const char *name, bool lock, MemoryContext context)
{
	Backfill *backfill = read_by_name(name, lock, context);

	if (backfill == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("backfill \"%s\" does not exist", name),
				 errhint("The view pollseed_backfills lists the backfills; "
						 "pollseed_backfill_create() makes one.")));
	else
	{
		backfill_check_privileges(backfill);
		if (!backfill->owner_exists)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("the owner of backfill \"%s\" does not exist any more", name),
							errhint("Drop the backfill and create it anew.")));
	}
	return backfill;
}

void
backfill_check_relation(const Backfill *backfill)
{
	if (get_rel_relkind(backfill->relation) == '\0')
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation %s does not exist any more", backfill->relation_name),
						errdetail("Backfill \"%s\" fills its column \"%s\".", backfill->name,
								  backfill->column.name),
						errhint("Drop the backfill with pollseed_backfill_drop().")));
}

Backfill *
backfill_read_to_drop(const char *name)
{
	Backfill *backfill = read_by_name(name, true, CurrentMemoryContext);

	if (backfill == NULL)
		ereport(NOTICE, (errcode(ERRCODE_UNDEFINED_OBJECT),
						 errmsg("backfill \"%s\" does not exist, skipping", name)));
	else
		backfill_check_privileges(backfill);
	return backfill;
}

Backfill *
backfill_read_by_id(int64 id, MemoryContext context)
{
	return read_row("b.backfill_id OPERATOR(pg_catalog.=) $1", INT8OID, Int64GetDatum(id), false,
					context);
}

/* Where a run could not begin, its number was undone in the row, but not here: then the row's is lower. */
bool
backfill_update(const Backfill *backfill, const char *set, const char *text)
{
	Oid	  types[] = {INT8OID, INT4OID, TEXTOID};
	Datum values[] = {Int64GetDatum(backfill->id), Int32GetDatum(backfill->run_no),
					  text != NULL ? CStringGetTextDatum(text) : (Datum) 0};

	return backfill_execute(psprintf("UPDATE pollseed.backfills AS b SET %s"
									 " WHERE b.backfill_id OPERATOR(pg_catalog.=) $1"
									 " AND b.run_no OPERATOR(pg_catalog.<=) $2",
									 set),
							lengthof(types), types, values, text != NULL ? NULL : "  n") == 1;
}

/* Sets a setting until the current nesting level ends. */
static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
}

BackfillSession
backfill_enter(const Backfill *backfill)
{
	BackfillSession	   session;
	JsonbIterator	  *iterator = JsonbIteratorInit(&backfill->settings->root);
	JsonbIteratorToken token;
	JsonbValue		   value;
	char			  *name = NULL;

	GetUserIdAndSecContext(&session.user, &session.security_context);
	if (session.user != backfill->owner)
		SetUserIdAndSecContext(backfill->owner, session.security_context |
													SECURITY_LOCAL_USERID_CHANGE |
													SECURITY_RESTRICTED_OPERATION);
	session.guc_level = NewGUCNestLevel();
	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type == jbvString)
			set_locally(name, pnstrdup(value.val.string.val, value.val.string.len));
	}

	/* The scan's position relies on the order in which one process reads the blocks. */
	set_locally("max_parallel_workers_per_gather", "0");

	/* What compiling takes, a batch does not give back. */
	set_locally("jit", "off");
	if (strcmp(GetConfigOption("lock_timeout", false, false), "0") == 0)
		set_locally("lock_timeout", DEFAULT_LOCK_TIMEOUT);
	return session;
}

void
backfill_leave(const BackfillSession *session)
{
	AtEOXact_GUC(true, session->guc_level);
	SetUserIdAndSecContext(session->user, session->security_context);
}

Datum
backfill_settings(void)
{
	sql_execute("SELECT pg_catalog.jsonb_object_agg(s.name, CASE"
				" WHEN s.name OPERATOR(pg_catalog.<>) 'search_path' THEN v.value"
				" WHEN v.value OPERATOR(pg_catalog.=) '' THEN 'pg_temp'"
				" ELSE v.value OPERATOR(pg_catalog.||) ', pg_temp' END)"
				" FROM pg_catalog.string_to_table('" BACKFILL_SETTINGS "', ',') AS s(name),"
				" LATERAL (SELECT pg_catalog.current_setting(s.name)) AS v(value)",
				0, NULL, NULL, NULL);
	return sql_value_not_null(0, 1);
}

bool
backfill_is_finished(const char *name)
{
	Oid	  type = TEXTOID;
	Datum value = CStringGetTextDatum(name);

	return backfill_execute("SELECT FROM pollseed.backfills AS b"
							" WHERE b.name OPERATOR(pg_catalog.=) $1"
							" AND b.state OPERATOR(pg_catalog.=) 'finished'",
							1, &type, &value, NULL) == 1;
}
