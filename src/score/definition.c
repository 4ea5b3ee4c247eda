/*-------------------------------------------------------------------------
 *
 * definition.c
 *		What a score is: its row in pollseed.scores, its sources.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

#include "core/compat.h"
#include "core/names.h"
#include "core/role.h"
#include "core/sql.h"
#include "score/definition.h"

/* Runs a statement as sql_execute_own() does, by a plan that is kept; see sql_execute_kept(). */
static int64
execute_kept(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types, Datum *values)
{
	RoleSession session = role_enter(extension_owner());
	int64		processed = sql_execute_kept(plan, sql, nargs, types, values);

	role_leave(&session);
	return processed;
}

/* Returns a jsonb of the first row of the last result, or NULL. */
static Jsonb *
jsonb_value(int column)
{
	bool  isnull;
	Datum value = sql_value(0, column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

/* Returns names of a row of the last result as a list, NIL where they are null. */
static List *
names_value(uint64 row, int column)
{
	bool  isnull;
	Datum value = sql_value(row, column, &isnull);

	return isnull ? NIL : names_of_array(value);
}

/* Returns the qualified name that a relation has now, or the one that was kept. */
static const char *
current_name(Oid relid, const char *kept)
{
	if (!OidIsValid(relid) || get_rel_name(relid) == NULL)
		return kept;
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

/*
 * OIDs mean something in the database, of the cluster, that they were kept in.  Elsewhere,
 * after a dump was restored, things are known by their names; so they are where it was
 * restored into that database, whose score's table is another one then.
 */
#define IS_HOME \
	"(s.database_oid OPERATOR(pg_catalog.=) $2" \
	" AND s.system_identifier OPERATOR(pg_catalog.=) $3" \
	" AND EXISTS (SELECT FROM pg_catalog.pg_class AS h" \
	" WHERE h.oid OPERATOR(pg_catalog.=) s.relation_oid))"

/* The OID of a relation. */
#define RELATION_OID(oid, name) \
	"CASE WHEN " IS_HOME " THEN" \
	" (SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) s." oid ")" \
	" ELSE pg_catalog.to_regclass(s." name ")::pg_catalog.oid END"

/* The row of a score, without the condition. */
static const char score_sql[] =
	"SELECT s.score_id, s.name,"
	" (SELECT o.oid FROM pg_catalog.pg_roles AS o"
	"   WHERE CASE WHEN " IS_HOME " THEN o.oid OPERATOR(pg_catalog.=) s.owner_oid"
	"         ELSE o.rolname OPERATOR(pg_catalog.=) s.owner END),"
	" " RELATION_OID("relation_oid", "name") ","
	" " RELATION_OID("queue_oid", "queue") ","
	" " RELATION_OID("definition_oid", "definition") ","
	" " RELATION_OID("fresh_oid", "fresh") ","
	" s.queue, s.fresh, s.definition, s.key_columns, s.settings, s.user_sources,"
	" s.fingerprint, NOT " IS_HOME ", s.paused, s.problem, s.job_id, s.delta_key_ms, s.full_ms,"
	" s.full_is_measured, s.last_mode FROM pollseed.scores AS s WHERE ";

#define IS_RELATION \
	"COALESCE((" RELATION_OID("relation_oid", "name") ") OPERATOR(pg_catalog.=) $1, false)"

#define HAS_LOST_ITS_TABLE \
	"s.name OPERATOR(pg_catalog.=) ANY ($1) AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c" \
	" WHERE " IS_HOME " AND c.oid OPERATOR(pg_catalog.=) s.relation_oid)"

/* clang-format on */

/* Reads the row that a condition on $1 finds. */
static Score *
read_row(SPIPlanPtr *plan, const char *condition, Oid type, Datum value)
{
	Oid	   types[] = {type, OIDOID, INT8OID};
	Datum  values[] = {value, ObjectIdGetDatum(MyDatabaseId),
					   Int64GetDatum((int64) GetSystemIdentifier())};
	Score *score;

	if (execute_kept(plan, psprintf("%s%s", score_sql, condition), lengthof(types), types,
					 values) == 0)
		return NULL;

	score = palloc0_object(Score);
	score->id = DatumGetInt64(sql_value_not_null(0, 1));
	score->owner = sql_oid(0, 3);
	score->owner_exists = OidIsValid(score->owner);
	score->relation = sql_oid(0, 4);
	score->queue = sql_oid(0, 5);
	score->definition = sql_oid(0, 6);
	score->fresh = sql_oid(0, 7);
	score->name = current_name(score->relation, sql_text(0, 2));
	score->queue_name = current_name(score->queue, sql_text(0, 8));
	score->fresh_name = current_name(score->fresh, sql_text(0, 9));
	score->definition_name = current_name(score->definition, sql_text(0, 10));
	score->key_names = names_value(0, 11);
	score->nkeys = list_length(score->key_names);
	score->settings = jsonb_value(12);
	score->user_sources = jsonb_value(13);
	score->fingerprint = sql_text(0, 14);
	score->restored = DatumGetBool(sql_value_not_null(0, 15));
	score->paused = DatumGetBool(sql_value_not_null(0, 16));
	score->problem = sql_text(0, 17);
	score->job = sql_integer(0, 18);
	score->delta_key_ms = DatumGetFloat8(sql_value_not_null(0, 19));
	score->full_ms = DatumGetFloat8(sql_value_not_null(0, 20));
	score->full_is_measured = DatumGetBool(sql_value_not_null(0, 21));
	score->last_mode = sql_text(0, 22);
	return score;
}

/* Returns the qualified names that a name may mean, as text[]. */
static Datum
names_it_may_have(List *names)
{
	ArrayBuildState *state = NULL;
	List			*schemas = NIL;
	ListCell		*cell;

	if (list_length(names) > 1)
		schemas = list_make1(strVal(list_nth(names, list_length(names) - 2)));
	else
	{
		foreach(cell, fetch_search_path(false))
			schemas = lappend(schemas, get_namespace_name(lfirst_oid(cell)));
	}
	foreach(cell, schemas)
	{
		const char *name = quote_qualified_identifier(lfirst(cell), strVal(llast(names)));

		state = accumArrayResult(state, CStringGetTextDatum(name), false, TEXTOID,
								 CurrentMemoryContext);
	}
	return state != NULL ? makeArrayResult(state, CurrentMemoryContext)
						 : PointerGetDatum(construct_empty_array(TEXTOID));
}

Score *
score_find(const char *name)
{
	static SPIPlanPtr by_relation = NULL;
	static SPIPlanPtr by_name = NULL;
	List			 *names = textToQualifiedNameList(cstring_to_text(name));
	Oid				  relid = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);
	Score			 *score = NULL;

	if (OidIsValid(relid))
		score = read_row(&by_relation, IS_RELATION, OIDOID, ObjectIdGetDatum(relid));
	if (score != NULL)
		return score;
	return read_row(&by_name, HAS_LOST_ITS_TABLE, TEXTARRAYOID, names_it_may_have(names));
}

/* Where the owner is gone, only superusers have his privileges. */
void
score_check_privileges(const Score *score)
{
	if (score->owner_exists ? !has_privs_of_role(GetUserId(), score->owner) : !superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for score %s", score->name)));
}

Score *
score_read(const char *name)
{
	Score *score = score_find(name);

	if (score == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("score \"%s\" does not exist", name),
				 errhint("The view pollseed_scores lists the scores; "
						 "pollseed_score_create() makes one.")));
	else
	{
		score_check_privileges(score);
		if (!score->owner_exists)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("the owner of score %s does not exist any more", score->name),
							errhint("Drop the score and create it anew.")));
	}
	return score;
}

Score *
score_read_to_drop(const char *name)
{
	Score *score = score_find(name);

	if (score == NULL)
		ereport(NOTICE, (errcode(ERRCODE_UNDEFINED_OBJECT),
						 errmsg("score \"%s\" does not exist, skipping", name)));
	else
		score_check_privileges(score);
	return score;
}

Score *
score_read_by_id(int64 id)
{
	static SPIPlanPtr plan = NULL;

	return read_row(&plan, "s.score_id OPERATOR(pg_catalog.=) $1", INT8OID, Int64GetDatum(id));
}

List *
score_sources(const Score *score)
{
	static SPIPlanPtr plan = NULL;
	Oid				  types[] = {INT8OID, BOOLOID};
	Datum			  values[] = {Int64GetDatum(score->id), BoolGetDatum(score->restored)};
	int64			  count;
	List			 *sources = NIL;

	count = execute_kept(&plan,
						 "SELECT r.source_no::pg_catalog.int4, r.relation,"
						 " CASE WHEN $2 THEN pg_catalog.to_regclass(r.relation)::pg_catalog.oid"
						 " ELSE r.relation_oid END,"
						 " r.key_columns, r.via, r.columns, r.columns IS NULL"
						 " FROM pollseed.score_sources AS r"
						 " WHERE r.score_id OPERATOR(pg_catalog.=) $1 ORDER BY r.source_no",
						 lengthof(types), types, values);
	for (int64 i = 0; i < count; i++)
	{
		ScoreSource *source = palloc0_object(ScoreSource);

		source->no = DatumGetInt32(sql_value_not_null(i, 1));
		source->relation = sql_oid(i, 3);
		source->relation_name = current_name(source->relation, sql_text(i, 2));
		source->key_columns = names_value(i, 4);
		source->via = sql_text(i, 5);
		source->columns = names_value(i, 6);
		source->found = true;
		sources = lappend(sources, source);
	}
	return sources;
}

void
score_check_usable(const Score *score)
{
	if (!OidIsValid(score->relation) || !OidIsValid(score->queue) || !OidIsValid(score->definition))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("score %s cannot be used any more", score->name),
						!OidIsValid(score->definition)
							? errdetail("The view %s that defines it does not exist.",
										score->definition_name)
							: errdetail("Its table or its queue does not exist."),
						errhint("Drop it with pollseed_score_drop() and create it anew.")));
}

void
score_update(int64 id, const char *set, const char *text)
{
	Oid	  types[] = {INT8OID, TEXTOID};
	Datum values[] = {Int64GetDatum(id), text != NULL ? CStringGetTextDatum(text) : (Datum) 0};

	(void) sql_execute_own(psprintf("UPDATE pollseed.scores AS s SET %s"
									" WHERE s.score_id OPERATOR(pg_catalog.=) $1",
									set),
						   lengthof(types), types, values, text != NULL ? NULL : " n");
}

DefinerSession
score_enter(const Score *score)
{
	DefinerSession session = definer_enter(score->owner, score->settings);

	/* What compiling takes, a few keys do not give back. */
	definer_set("jit", "off");
	definer_limit_lock_waits();
	return session;
}
