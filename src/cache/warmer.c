/*-------------------------------------------------------------------------
 *
 * warmer.c
 *		Queries that are computed before anybody asks: the table
 *		pollseed.cache_warmers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/definer.h"
#include "core/figures.h"
#include "core/sql.h"
#include "core/subtransaction.h"
#include "job/standing.h"
#include "cache/fetch.h"
#include "cache/identity.h"
#include "cache/query.h"
#include "cache/warmer.h"

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

/*
 * OIDs mean something in the database, of the cluster, that they were kept in.  Elsewhere,
 * after a dump was restored, roles are known by their names.
 */
#define IS_HOME \
	"(w.database_oid OPERATOR(pg_catalog.=) $1 AND w.system_identifier OPERATOR(pg_catalog.=) $2)"

/* A warmer w is that of the role $3, named $4. */
#define IS_MINE \
	"CASE WHEN " IS_HOME " THEN w.owner_oid OPERATOR(pg_catalog.=) $3" \
	" ELSE w.owner OPERATOR(pg_catalog.=) $4 END"

/* What read_warmer() reads. */
#define COLUMNS \
	"w.warmer_id, CASE WHEN " IS_HOME " THEN w.owner_oid END, w.owner, w.cache, w.key, w.query," \
	" w.params, w.ttl, w.depends_on, w.settings, COALESCE(w.last_time_ms, 0)," \
	" COALESCE(w.due_at, '-infinity'), COALESCE(w.last_run, pg_catalog.clock_timestamp())"

/* When the first is due of those that have a schedule. */
static const char first_due_sql[] =
	"SELECT " STANDING_WAIT_MS("w.due_at") " FROM pollseed.cache_warmers AS w"
	" WHERE w.every IS NOT NULL AND " IS_MINE " ORDER BY w.due_at, w.warmer_id LIMIT 1";

/* clang-format on */

/* So many parameters are those of IS_HOME and IS_MINE. */
#define ROLE_PARAMETERS 4
#define MAX_PARAMETERS (ROLE_PARAMETERS + 8)

/* A parameter of a statement, after those of the current user. */
typedef struct Parameter
{
	Datum value;
	Oid	  type;
	bool  isnull;
} Parameter;

/* Runs a statement on the table, whose first parameters are those that IS_MINE needs of the current user. */
static int64
execute(const char *sql, int count, const Parameter *parameters)
{
	Oid	  types[MAX_PARAMETERS] = {OIDOID, INT8OID, OIDOID, NAMEOID};
	Datum values[MAX_PARAMETERS];
	char  nulls[MAX_PARAMETERS + 1] = "    ";
	Name  user = palloc0_object(NameData);

	Assert(ROLE_PARAMETERS + count <= MAX_PARAMETERS);
	namestrcpy(user, GetUserNameFromId(GetUserId(), false));
	values[0] = ObjectIdGetDatum(MyDatabaseId);
	values[1] = Int64GetDatum((int64) GetSystemIdentifier());
	values[2] = ObjectIdGetDatum(GetUserId());
	values[3] = NameGetDatum(user);
	for (int i = 0; i < count; i++)
	{
		types[ROLE_PARAMETERS + i] = parameters[i].type;
		values[ROLE_PARAMETERS + i] = parameters[i].value;
		nulls[ROLE_PARAMETERS + i] = parameters[i].isnull ? 'n' : ' ';
	}
	return sql_execute_own(sql, ROLE_PARAMETERS + count, types, values, nulls);
}

/* Returns a text as a parameter. */
static Parameter
text_parameter(const char *text)
{
	return (Parameter){text != NULL ? CStringGetTextDatum(text) : (Datum) 0, TEXTOID, text == NULL};
}

/* Returns what a pointer points to, or null, as a parameter. */
static Parameter
pointer_parameter(Oid type, const void *pointer)
{
	return (Parameter){PointerGetDatum(pointer), type, pointer == NULL};
}

/*
 * Returns the settings of this session that an entry of a query belongs to, as jsonb: others who ask under
 * the same find it, so the search path is left as it is.
 */
static Jsonb *
current_settings(const Warmer *warmer)
{
	const CacheQuery *query = query_find(warmer->query, warmer->params);
	ArrayBuildState	 *names = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	Oid				  type = TEXTARRAYOID;
	Datum			  array;
	ListCell		 *cell;

	foreach(cell, identity_set_settings(query->uses_settings, query->settings))
		(void) accumArrayResult(names, CStringGetTextDatum(lfirst(cell)), false, TEXTOID,
								CurrentMemoryContext);
	array = makeArrayResult(names, CurrentMemoryContext);
	(void) sql_execute(
		"SELECT pg_catalog.jsonb_object_agg(s.name, pg_catalog.current_setting(s.name))"
		" FROM (SELECT pg_catalog.string_to_table('" IDENTITY_SETTINGS "', ',')"
		" UNION ALL SELECT pg_catalog.unnest($1)) AS s(name)",
		1, &type, &array, NULL);
	return DatumGetJsonbP(sql_value_not_null(0, 1));
}

/* One that a dump has brought along becomes that of the role that bears its owner's name here. */
int64
warmer_define(const Warmer *warmer)
{
	Parameter parameters[] = {
		text_parameter(warmer->cache),
		text_parameter(warmer->key),
		text_parameter(warmer->query),
		pointer_parameter(JSONBOID, warmer->params),
		pointer_parameter(INTERVALOID, warmer->ttl),
		pointer_parameter(TEXTARRAYOID, warmer->depends_on),
		pointer_parameter(INTERVALOID, warmer->every),
		pointer_parameter(JSONBOID, current_settings(warmer)),
	};

	(void) execute("UPDATE pollseed.cache_warmers AS w SET database_oid = $1,"
				   " system_identifier = $2, owner_oid = $3"
				   " WHERE w.cache OPERATOR(pg_catalog.=) $5 AND w.key OPERATOR(pg_catalog.=) $6"
				   " AND NOT " IS_HOME " AND w.owner OPERATOR(pg_catalog.=) $4",
				   2, parameters);
	(void) execute("INSERT INTO pollseed.cache_warmers AS w (database_oid, system_identifier,"
				   " owner_oid, owner, cache, key, query, params, ttl, depends_on, every, settings,"
				   " due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
				   " CASE WHEN $11 IS NOT NULL THEN pg_catalog.clock_timestamp() END)"
				   " ON CONFLICT (cache, key, owner_oid, database_oid, system_identifier)"
				   " DO UPDATE SET owner = EXCLUDED.owner, query = EXCLUDED.query,"
				   " params = EXCLUDED.params, ttl = EXCLUDED.ttl,"
				   " depends_on = EXCLUDED.depends_on, every = EXCLUDED.every,"
				   " settings = EXCLUDED.settings, due_at = EXCLUDED.due_at"
				   " RETURNING w.warmer_id",
				   lengthof(parameters), parameters);
	return DatumGetInt64(sql_value_not_null(0, 1));
}

bool
warmer_drop(const char *cache, const char *key)
{
	Parameter parameters[] = {text_parameter(cache), text_parameter(key)};

	return execute("DELETE FROM pollseed.cache_warmers AS w"
				   " WHERE w.cache OPERATOR(pg_catalog.=) $5 AND w.key OPERATOR(pg_catalog.=) $6"
				   " AND " IS_MINE,
				   lengthof(parameters), parameters) > 0;
}

/* Returns a value of the last result as a pointer to a copy, NULL where it is null. */
static void *
pointer_value(uint64 row, int column)
{
	bool  isnull;
	Datum value = sql_value(row, column, &isnull);

	return isnull ? NULL : PG_DETOAST_DATUM_COPY(value);
}

/* Returns an interval of the last result as a copy, NULL where it is null. */
static Interval *
interval_value(uint64 row, int column)
{
	bool	  isnull;
	Datum	  value = sql_value(row, column, &isnull);
	Interval *copy;

	if (isnull)
		return NULL;
	copy = palloc_object(Interval);
	*copy = *DatumGetIntervalP(value);
	return copy;
}

/* Returns the role that a warmer is of; InvalidOid where it does not exist any more. */
static Oid
find_owner(uint64 row)
{
	Oid owner = sql_oid(row, 2);

	if (!OidIsValid(owner))
		return get_role_oid(NameStr(*DatumGetName(sql_value_not_null(row, 3))), true);
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(owner)) ? owner : InvalidOid;
}

/*
 * Returns for how long what is kept is to stay good: until it is computed the next time.  Where
 * nothing is due, that is expected after as long as the last time is ago.
 */
static int64
fresh_for(double time_ms, TimestampTz due_at, TimestampTz last_run)
{
	TimestampTz now = GetCurrentTimestamp();

	return Max(due_at > now ? due_at - now : now - last_run, 0) + (int64) (time_ms * 1000);
}

/* Returns a warmer of the last result, which has COLUMNS, copied into the current context. */
static Warmer *
read_warmer(uint64 row)
{
	Warmer *warmer = palloc0_object(Warmer);

	warmer->id = DatumGetInt64(sql_value_not_null(row, 1));
	warmer->owner = find_owner(row);
	warmer->cache = sql_text(row, 4);
	warmer->key = sql_text(row, 5);
	warmer->query = sql_text(row, 6);
	warmer->params = pointer_value(row, 7);
	warmer->ttl = interval_value(row, 8);
	warmer->depends_on = pointer_value(row, 9);
	warmer->settings = pointer_value(row, 10);
	warmer->fresh_for_us = fresh_for(DatumGetFloat8(sql_value_not_null(row, 11)),
									 DatumGetTimestampTz(sql_value_not_null(row, 12)),
									 DatumGetTimestampTz(sql_value_not_null(row, 13)));
	return warmer;
}

List *
warmers_of_user(const char *cache)
{
	Parameter parameter = text_parameter(cache);
	List	 *warmers = NIL;
	int64	  count;

	count = execute("SELECT " COLUMNS " FROM pollseed.cache_warmers AS w"
					" WHERE $5 IS NULL OR w.cache OPERATOR(pg_catalog.=) $5 ORDER BY w.warmer_id",
					1, &parameter);
	for (int64 row = 0; row < count; row++)
	{
		Warmer *warmer = read_warmer(row);

		if (OidIsValid(warmer->owner) && has_privs_of_role(GetUserId(), warmer->owner))
			warmers = lappend(warmers, warmer);
	}
	return warmers;
}

bool
warmers_look(int64 *wait_ms)
{
	bool exist = execute(first_due_sql, 0, NULL) > 0;

	if (exist)
		*wait_ms = sql_integer(0, 1);
	return exist;
}

void
warmers_hasten(void)
{
	(void) execute("UPDATE pollseed.cache_warmers AS u SET due_at = pg_catalog.clock_timestamp()"
				   " WHERE u.warmer_id OPERATOR(pg_catalog.=) ANY (ARRAY("
				   "SELECT w.warmer_id FROM pollseed.cache_warmers AS w"
				   " WHERE w.every IS NOT NULL AND w.due_at OPERATOR(pg_catalog.>)"
				   " pg_catalog.clock_timestamp() AND " IS_MINE " FOR NO KEY UPDATE SKIP LOCKED))",
				   0, NULL);
}

Warmer *
warmer_claim(void)
{
	if (execute(
			"UPDATE pollseed.cache_warmers AS w SET due_at = " STANDING_NEXT_DUE(
				"w.every") " WHERE w.warmer_id OPERATOR(pg_catalog.=) ("
						   "SELECT w.warmer_id FROM pollseed.cache_warmers AS w"
						   " WHERE w.every IS NOT NULL AND w.due_at OPERATOR(pg_catalog.<=)"
						   " pg_catalog.clock_timestamp() AND " IS_MINE
						   " ORDER BY w.due_at, w.warmer_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)"
						   " RETURNING " COLUMNS,
			0, NULL) == 0)
		return NULL;
	return read_warmer(0);
}

/* A run, and a context for what is of no use after it: the result may be large. */
typedef struct RunTask
{
	WarmerRun	 *run;
	MemoryContext context;
} RunTask;

/* Has the result kept; arg: a RunTask. */
static void
run_task(void *arg)
{
	RunTask		  *task = arg;
	WarmerRun	  *run = task->run;
	const Warmer  *warmer = run->warmer;
	MemoryContext  old_context = MemoryContextSwitchTo(task->context);
	DefinerSession session = definer_enter(warmer->owner, warmer->settings);
	CacheOutcome   outcome;

	run->computed =
		cache_warm_fetch(warmer->cache, warmer->key, warmer->query, warmer->params, warmer->ttl,
						 warmer->depends_on, warmer->fresh_for_us, &outcome);
	definer_leave(&session);
	MemoryContextSwitchTo(old_context);
	if (!run->computed)
		run->outcome = "fresh";
	else if (outcome == CACHE_MISS)
		run->outcome = "computed";
	else
	{
		run->outcome = cache_outcome_name(outcome);
		run->problem = cache_last_reason();
	}
}

WarmerRun *
warmer_run(const Warmer *warmer)
{
	WarmerRun *run = palloc0_object(WarmerRun);
	RunTask	   task = {.run = run};
	ErrorData *error;
	instr_time start;

	run->warmer = warmer;
	task.context =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed warmer run", ALLOCSET_DEFAULT_SIZES);
	INSTR_TIME_SET_CURRENT(start);
	error = subtransaction_try(run_task, &task, NULL);
	run->time_ms = milliseconds_since(start);
	MemoryContextDelete(task.context);
	if (error == NULL)
		return run;
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	run->outcome = "failed";
	run->computed = false;
	run->error = error;
	run->problem =
		error->detail != NULL ? psprintf("%s: %s", error->message, error->detail) : error->message;
	return run;
}

/* Writes down what came of a run, unless another has the row locked; arg: a WarmerRun. */
static void
record_task(void *arg)
{
	const WarmerRun *run = arg;
	const ErrorData *error = run->error;
	const int		 sqlerrcode = error != NULL ? error->sqlerrcode : 0;

	Parameter parameters[] = {
		{Int64GetDatum(run->warmer->id), INT8OID, false},
		text_parameter(run->outcome),
		{Float8GetDatum(run->time_ms), FLOAT8OID, error == NULL && !run->computed},
		text_parameter(run->problem),
		text_parameter(error != NULL ? unpack_sql_state(sqlerrcode) : NULL),
	};

	(void) execute(psprintf("UPDATE pollseed.cache_warmers AS w SET"
							" runs = w.runs OPERATOR(pg_catalog.+) 1,"
							" last_run = pg_catalog.clock_timestamp(), last_outcome = $6,"
							" last_time_ms = COALESCE($7, w.last_time_ms), last_error = $8,"
							" last_sqlstate = $9, due_at = CASE WHEN $9 IS NULL"
							" OR w.every IS NULL THEN w.due_at ELSE %s END"
							" WHERE w.warmer_id OPERATOR(pg_catalog.=) ("
							"SELECT l.warmer_id FROM pollseed.cache_warmers AS l"
							" WHERE l.warmer_id OPERATOR(pg_catalog.=) $5"
							" FOR NO KEY UPDATE SKIP LOCKED)",
							standing_due_after_error("w.every", sqlerrcode)),
				   lengthof(parameters), parameters);
}

/* A transaction whose snapshot is old cannot write down what another has written down meanwhile, and need not. */
void
warmer_record(WarmerRun *run)
{
	ErrorData *error = NULL;

	if (XactReadOnly)
		return;
	if (IsolationUsesXactSnapshot())
		error = subtransaction_try(record_task, run, NULL);
	else
		record_task(run);
	if (error != NULL && error->sqlerrcode != ERRCODE_T_R_SERIALIZATION_FAILURE)
		ReThrowError(error);
}
