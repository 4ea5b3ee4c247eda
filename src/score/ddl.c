/*-------------------------------------------------------------------------
 *
 * ddl.c
 *		Event triggers: data definition that concerns a score is noticed when it
 *		is committed, not only at the next refresh.
 *
 * They run as whoever gave the command, whose right it is to change his tables.  So
 * nothing here may make a command fail: what cannot be seen to becomes the
 * score's problem.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "core/sql.h"
#include "score/capture.h"
#include "score/check.h"
#include "score/ddl.h"

POLLSEED_FUNCTION(pollseed_score_after_ddl);
POLLSEED_FUNCTION(pollseed_score_after_drop);

/*
 * Scores that the commands may concern: of a table those that it or one that it inherits from
 * is a source of, or whose triggers it has; any, where it is a view or a function that some
 * view is made of, or something else.  So who makes new ones has nothing to do with scores.
 */
static const char concerned_sql[] =
	"WITH RECURSIVE changed(class, oid, kind) AS ("
	"SELECT DISTINCT c.classid, c.objid, CASE"
	" WHEN c.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass"
	"  OR x.relkind OPERATOR(pg_catalog.=) 'v' THEN 'part'"
	" WHEN x.relkind IS NOT NULL THEN 'table' ELSE 'other' END"
	" FROM pg_catalog.pg_event_trigger_ddl_commands() AS c"
	" LEFT JOIN pg_catalog.pg_class AS x ON x.oid OPERATOR(pg_catalog.=) c.objid"
	" AND c.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
	" WHERE COALESCE(c.schema_name OPERATOR(pg_catalog.<>) 'pg_temp', true)),"
	" tables(oid) AS (SELECT c.oid FROM changed AS c WHERE c.kind OPERATOR(pg_catalog.=) 'table'"
	" UNION SELECT i.inhparent FROM tables AS t JOIN pg_catalog.pg_inherits AS i"
	" ON i.inhrelid OPERATOR(pg_catalog.=) t.oid)"
	" SELECT s.score_id FROM pollseed.scores AS s"
	" WHERE EXISTS (SELECT FROM changed AS c WHERE CASE WHEN c.kind OPERATOR(pg_catalog.=) 'table' THEN false"
	"  WHEN c.kind OPERATOR(pg_catalog.=) 'part' THEN c.oid OPERATOR(pg_catalog.=) s.definition_oid"
	"   OR c.oid OPERATOR(pg_catalog.=) s.fresh_oid"
	"   OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_rewrite AS r"
	"    ON r.oid OPERATOR(pg_catalog.=) d.objid AND r.ev_class OPERATOR(pg_catalog.<>) c.oid"
	"    WHERE d.refclassid OPERATOR(pg_catalog.=) c.class"
	"    AND d.refobjid OPERATOR(pg_catalog.=) c.oid"
	"    AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass)"
	"  ELSE true END)"
	" OR EXISTS (SELECT FROM tables AS t WHERE t.oid OPERATOR(pg_catalog.=) s.relation_oid"
	"  OR t.oid OPERATOR(pg_catalog.=) s.queue_oid"
	"  OR t.oid OPERATOR(pg_catalog.=) ANY (SELECT r.relation_oid FROM pollseed.score_sources AS r"
	"   WHERE r.score_id OPERATOR(pg_catalog.=) s.score_id)"
	"  OR EXISTS (SELECT FROM pg_catalog.pg_trigger AS g"
	"   WHERE g.tgrelid OPERATOR(pg_catalog.=) t.oid"
	"   AND pg_catalog.starts_with(g.tgname::pg_catalog.text,"
	"    pg_catalog.concat('pollseed_score_', s.score_id, '_'))))"
	" ORDER BY s.score_id";

/* Scores that have lost something: their view, their queue, a source or a trigger. */
static const char bereft_sql[] =
	"SELECT s.score_id FROM pollseed.scores AS s WHERE EXISTS (SELECT"
	" FROM pg_catalog.pg_event_trigger_dropped_objects() AS d WHERE"
	" d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
	" AND d.objsubid OPERATOR(pg_catalog.=) 0"
	" AND (d.objid OPERATOR(pg_catalog.=) s.definition_oid"
	"  OR d.objid OPERATOR(pg_catalog.=) s.queue_oid"
	"  OR d.objid OPERATOR(pg_catalog.=) ANY (SELECT r.relation_oid FROM pollseed.score_sources AS r"
	"   WHERE r.score_id OPERATOR(pg_catalog.=) s.score_id))"
	" OR d.object_type OPERATOR(pg_catalog.=) 'trigger'"
	" AND pg_catalog.starts_with(d.address_names[pg_catalog.array_upper(d.address_names, 1)],"
	"  pg_catalog.concat('pollseed_score_', s.score_id, '_')))"
	" ORDER BY s.score_id";

/* All scores, if a policy was dropped. */
static const char unguarded_sql[] =
	"SELECT s.score_id FROM pollseed.scores AS s WHERE EXISTS (SELECT"
	" FROM pg_catalog.pg_event_trigger_dropped_objects() AS d"
	" WHERE d.object_type OPERATOR(pg_catalog.=) 'policy') ORDER BY s.score_id";

/* Scores whose table was dropped are gone; so are restored ones with its name. */
static const char forget_sql[] =
	"WITH gone AS (DELETE FROM pollseed.scores AS s USING"
	" pg_catalog.pg_event_trigger_dropped_objects() AS d WHERE"
	" d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
	" AND d.objsubid OPERATOR(pg_catalog.=) 0"
	" AND CASE WHEN s.database_oid OPERATOR(pg_catalog.=) $1"
	" AND s.system_identifier OPERATOR(pg_catalog.=) $2 THEN d.objid OPERATOR(pg_catalog.=) s.relation_oid"
	" ELSE d.object_identity OPERATOR(pg_catalog.=) s.name END RETURNING s.score_id)"
	" DELETE FROM pollseed.score_sources AS r USING gone AS g"
	" WHERE r.score_id OPERATOR(pg_catalog.=) g.score_id";

/* What goes on is the score engine's own doing. */
static bool own_commands = false;

void
ddl_run_own(void (*task)(void *arg), void *arg)
{
	bool before = own_commands;

	own_commands = true;
	PG_TRY();
	{
		task(arg);
	}
	PG_FINALLY();
	{
		own_commands = before;
	}
	PG_END_TRY();
}

/* Raises an error unless called for an event. */
static void
check_event(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("must be called by an event trigger")));
}

/* Tells whether there are any scores to see to, which is all that most databases are asked. */
static bool
scores_exist(void)
{
	return !own_commands &&
		   sql_execute_own("SELECT FROM pollseed.scores AS s LIMIT 1", 0, NULL, NULL, NULL) > 0;
}

/* Checks the scores that a query finds. */
static void
check_scores(const char *sql, ScoreCheck how)
{
	int64  count = sql_execute_own(sql, 0, NULL, NULL, NULL);
	int64 *ids = palloc_array(int64, Max(count, 1));

	for (int64 i = 0; i < count; i++)
		ids[i] = DatumGetInt64(sql_value_not_null(i, 1));
	for (int64 i = 0; i < count; i++)
	{
		Score *score = score_read_by_id(ids[i]);

		/* One that was just restored is looked at when it is first refreshed: not all of it may be there yet. */
		if (score == NULL || !score->owner_exists)
			continue;
		if (!score->restored)
			(void) score_check(score, how);
		else if (how == CHECK_AFTER_LOSS && OidIsValid(score->queue))
			capture_all(score->queue);
	}
}

/* pollseed.score_after_ddl() */
Datum
pollseed_score_after_ddl(PG_FUNCTION_ARGS)
{
	check_event(fcinfo);
	SPI_connect();
	if (scores_exist())
		check_scores(concerned_sql, CHECK_ALL_TABLES);
	SPI_finish();
	PG_RETURN_NULL();
}

/* pollseed.score_after_drop() */
Datum
pollseed_score_after_drop(PG_FUNCTION_ARGS)
{
	check_event(fcinfo);
	SPI_connect();
	if (scores_exist())
	{
		Oid	  types[] = {OIDOID, INT8OID};
		Datum values[] = {ObjectIdGetDatum(MyDatabaseId),
						  Int64GetDatum((int64) GetSystemIdentifier())};

		(void) sql_execute_own(forget_sql, lengthof(types), types, values, NULL);
		check_scores(bereft_sql, CHECK_AFTER_LOSS);
		check_scores(unguarded_sql, CHECK_WHAT_IS_KNOWN);
	}
	SPI_finish();
	PG_RETURN_NULL();
}
