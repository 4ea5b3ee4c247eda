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
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/sql.h"
#include "backfill/definition.h"

static const char *const state_names[] = {
	[BACKFILL_READY] = "ready",
	[BACKFILL_STARTED] = "started",
	[BACKFILL_FAILED] = "failed",
	[BACKFILL_FINISHED] = "finished",
};

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
 * The row of a backfill in the database %1$u, with the condition and the lock to come.  The
 * table is known by its OID where it still has its name or this still is the database that it
 * was named in, else by its name: OIDs do not survive a dump.  So it is with the owner.
 */
static const char row_sql[] =
	"SELECT b.backfill_id, b.name,"
	" (SELECT o.oid FROM pg_catalog.pg_roles AS o"
	"   WHERE o.rolname OPERATOR(pg_catalog.=) b.owner"
	"     AND (o.oid OPERATOR(pg_catalog.=) b.owner_oid"
	"          OR b.database_oid OPERATOR(pg_catalog.<>) %1$u)),"
	" COALESCE((SELECT c.oid FROM pg_catalog.pg_class AS c"
	"            WHERE c.oid OPERATOR(pg_catalog.=) b.relation_oid"
	"              AND b.database_oid OPERATOR(pg_catalog.=) %1$u),"
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
	" FROM pollseed.backfills AS b WHERE %2$s%3$s";

/* Reads the row that a condition on $1 finds. */
static Backfill *
read_row(const char *condition, Oid type, Datum value, bool lock, MemoryContext context)
{
	MemoryContext old_context;
	Backfill	 *backfill;
	const char	 *sql =
		psprintf(row_sql, MyDatabaseId, condition, lock ? " FOR NO KEY UPDATE OF b" : "");

	if (sql_execute_own(sql, 1, &type, &value, NULL) == 0)
		return NULL;

	old_context = MemoryContextSwitchTo(context);
	backfill = palloc0_object(Backfill);
	backfill->id = sql_integer(0, 1);
	backfill->name = sql_text(0, 2);
	backfill->owner = sql_oid(0, 3);
	backfill->owner_exists = OidIsValid(backfill->owner);
	backfill->relation = sql_oid(0, 4);
	backfill->relation_name = sql_text(0, 5);
	backfill->column.name = sql_text(0, 6);
	backfill->column.attnum = (AttrNumber) sql_integer(0, 7);
	read_keys(backfill, 8, 9);
	backfill->source = sql_text(0, 10);
	backfill->strategy = sql_text(0, 11);
	backfill->batch_size = (int) sql_integer(0, 12);
	backfill->target_ms = DatumGetFloat8(sql_value_not_null(0, 13));
	backfill->throttle = DatumGetJsonbPCopy(sql_value_not_null(0, 14));
	backfill->after = sql_text(0, 15);
	backfill->settings = DatumGetJsonbPCopy(sql_value_not_null(0, 16));
	backfill->state = state_by_name(sql_text(0, 17));
	backfill->sweeping = DatumGetBool(sql_value_not_null(0, 18));
	backfill->run_no = (int) sql_integer(0, 19);
	backfill->batch_size_now = (int) sql_integer(0, 20);
	backfill->settled = sql_integer(0, 21);
	backfill->settled_before = sql_integer(0, 22);
	backfill->job = sql_integer(0, 23);
	backfill->quarantined = sql_integer(0, 24);
	backfill->same_relation = backfill->relation == sql_oid(0, 25);
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

	return sql_execute_own(psprintf("UPDATE pollseed.backfills AS b SET %s"
									" WHERE b.backfill_id OPERATOR(pg_catalog.=) $1"
									" AND b.run_no OPERATOR(pg_catalog.<=) $2",
									set),
						   lengthof(types), types, values, text != NULL ? NULL : "  n") == 1;
}

DefinerSession
backfill_enter(const Backfill *backfill)
{
	DefinerSession session = definer_enter(backfill->owner, backfill->settings);

	/* The scan's position relies on the order in which one process reads the blocks. */
	definer_set("max_parallel_workers_per_gather", "0");

	/* What compiling takes, a batch does not give back. */
	definer_set("jit", "off");
	definer_limit_lock_waits();
	return session;
}

bool
backfill_is_finished(const char *name)
{
	Oid	  type = TEXTOID;
	Datum value = CStringGetTextDatum(name);

	return sql_execute_own("SELECT FROM pollseed.backfills AS b"
						   " WHERE b.name OPERATOR(pg_catalog.=) $1"
						   " AND b.state OPERATOR(pg_catalog.=) 'finished'",
						   1, &type, &value, NULL) == 1;
}
