/*-------------------------------------------------------------------------
 *
 * check.c
 *		Whether a score still follows its view: that view, the tables, what
 *		captures their changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/names.h"
#include "core/relation.h"
#include "core/sql.h"
#include "core/subtransaction.h"
#include "job/retry.h"
#include "score/capture.h"
#include "score/check.h"
#include "score/ddl.h"
#include "score/find.h"
#include "score/queue_writer.h"
#include "score/sources.h"
#include "score/statements.h"
#include "score/triggers.h"

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

/*
 * What a rule p, of a view, depends on in a catalog.  The fence has the server use an
 * index, whatever it believes of the number of rules.
 */
#define DEPENDS_ON(catalog) \
	" CROSS JOIN LATERAL (SELECT d.refobjid FROM pg_catalog.pg_depend AS d" \
	" WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass" \
	" AND d.objid OPERATOR(pg_catalog.=) p.rule" \
	" AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog." catalog "'::pg_catalog.regclass" \
	" OFFSET 0) AS d"

/*
 * The rules of the view $1 and those of all views under it with the names of their columns,
 * their owners and options, the functions that any of them calls, but for the server's own, the
 * policies of tables with row security, and what columns are generated from.
 */
static const char fingerprint_sql[] =
	"WITH RECURSIVE parts(rule) AS ("
	"SELECT r.oid FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class OPERATOR(pg_catalog.=) $1"
	" UNION SELECT r.oid FROM parts AS p" DEPENDS_ON("pg_class")
	" CROSS JOIN LATERAL (SELECT r.oid FROM pg_catalog.pg_class AS c"
	" JOIN pg_catalog.pg_rewrite AS r ON r.ev_class OPERATOR(pg_catalog.=) c.oid"
	" WHERE c.oid OPERATOR(pg_catalog.=) d.refobjid"
	" AND c.relkind OPERATOR(pg_catalog.=) 'v' OFFSET 0) AS r)"
	" SELECT pg_catalog.md5(pg_catalog.string_agg(t.said, ' ' ORDER BY t.kind, t.id)) FROM ("
	"SELECT 1, r.oid, pg_catalog.md5(pg_catalog.concat(r.ev_action::pg_catalog.text, ' ',"
	" ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute AS a"
	" WHERE a.attrelid OPERATOR(pg_catalog.=) r.ev_class AND a.attnum OPERATOR(pg_catalog.>) 0"
	" ORDER BY a.attnum),"
	" (SELECT pg_catalog.concat(x.relowner, ' ', x.reloptions) FROM pg_catalog.pg_class AS x"
	" WHERE x.oid OPERATOR(pg_catalog.=) r.ev_class))) FROM parts AS p"
	" CROSS JOIN LATERAL (SELECT r.* FROM pg_catalog.pg_rewrite AS r"
	" WHERE r.oid OPERATOR(pg_catalog.=) p.rule OFFSET 0) AS r"
	" UNION SELECT 2, f.oid, pg_catalog.md5(pg_catalog.concat(f.prosrc, ' ', f.probin, ' ',"
	" f.proconfig, ' ', f.prosqlbody)) FROM parts AS p" DEPENDS_ON("pg_proc")
	" CROSS JOIN LATERAL (SELECT f.* FROM pg_catalog.pg_proc AS f"
	" WHERE f.oid OPERATOR(pg_catalog.=) d.refobjid OFFSET 0) AS f"
	" UNION SELECT 3, c.oid, pg_catalog.md5(pg_catalog.concat(c.relforcerowsecurity, ' ',"
	" (SELECT pg_catalog.string_agg(pg_catalog.concat(y.polcmd, ' ', y.polpermissive, ' ',"
	" y.polroles, ' ', y.polqual), ' ' ORDER BY y.oid) FROM pg_catalog.pg_policy AS y"
	" WHERE y.polrelid OPERATOR(pg_catalog.=) c.oid))) FROM parts AS p" DEPENDS_ON("pg_class")
	" CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_class AS c"
	" WHERE c.oid OPERATOR(pg_catalog.=) d.refobjid AND c.relrowsecurity OFFSET 0) AS c"
	" UNION SELECT 4, e.oid, pg_catalog.md5(e.adbin::pg_catalog.text) FROM parts AS p"
	DEPENDS_ON("pg_class")
	" CROSS JOIN LATERAL (SELECT e.* FROM pg_catalog.pg_attrdef AS e"
	" JOIN pg_catalog.pg_attribute AS g ON g.attrelid OPERATOR(pg_catalog.=) e.adrelid"
	" AND g.attnum OPERATOR(pg_catalog.=) e.adnum"
	" AND g.attgenerated OPERATOR(pg_catalog.<>) ''"
	" WHERE e.adrelid OPERATOR(pg_catalog.=) d.refobjid OFFSET 0) AS e"
	") AS t(kind, id, said)";

/* clang-format on */

const char *
view_fingerprint(Oid view)
{
	static SPIPlanPtr plan = NULL;
	Oid				  type = OIDOID;
	Datum			  value = ObjectIdGetDatum(view);
	bool			  isnull;

	sql_execute_kept(&plan, fingerprint_sql, 1, &type, &value);
	value = sql_value(0, 1, &isnull);
	return isnull ? "" : TextDatumGetCString(value);
}

void
score_keep_sources(int64 score_id, const List *sources)
{
	Oid		  types[] = {INT8OID, INT2OID, TEXTOID, OIDOID, NAMEARRAYOID, TEXTOID, NAMEARRAYOID};
	Datum	  values[lengthof(types)] = {Int64GetDatum(score_id)};
	ListCell *cell;

	(void) sql_execute_own("DELETE FROM pollseed.score_sources AS r"
						   " WHERE r.score_id OPERATOR(pg_catalog.=) $1",
						   1, types, values, NULL);
	foreach(cell, sources)
	{
		const ScoreSource *source = lfirst(cell);
		char			   nulls[] = "       ";

		values[1] = Int16GetDatum((int16) source->no);
		values[2] = CStringGetTextDatum(source->relation_name);
		values[3] = ObjectIdGetDatum(source->relation);
		values[4] = names_array(source->key_columns);
		if (source->via != NULL)
			values[5] = CStringGetTextDatum(source->via);
		else
			nulls[5] = 'n';
		values[6] = names_array(source->columns);
		if (source->columns == NIL)
			nulls[6] = 'n';
		(void) sql_execute_own("INSERT INTO pollseed.score_sources (score_id, source_no, relation,"
							   " relation_oid, key_columns, via, columns)"
							   " VALUES ($1, $2, $3, $4, $5, $6, $7)",
							   lengthof(types), types, values, nulls);
	}
}

void
score_bind_queue(const Score *score)
{
	ObjectAddress table;
	ObjectAddress queue;

	ObjectAddressSet(table, RelationRelationId, score->relation);
	ObjectAddressSet(queue, RelationRelationId, score->queue);
	recordDependencyOn(&queue, &table, DEPENDENCY_AUTO);
}

/* Makes the row of a score that was restored one of this database. */
static void
adopt(const Score *score)
{
	Oid	  types[] = {INT8OID, OIDOID, OIDOID, OIDOID, OIDOID, OIDOID, TEXTOID, INT8OID, OIDOID};
	Datum values[] = {Int64GetDatum(score->id),
					  ObjectIdGetDatum(MyDatabaseId),
					  ObjectIdGetDatum(score->owner),
					  ObjectIdGetDatum(score->relation),
					  ObjectIdGetDatum(score->queue),
					  ObjectIdGetDatum(score->definition),
					  CStringGetTextDatum(view_fingerprint(score->definition)),
					  Int64GetDatum((int64) GetSystemIdentifier()),
					  ObjectIdGetDatum(score->fresh)};

	(void) sql_execute_own(
		"UPDATE pollseed.scores AS s SET fresh_oid = $9, database_oid = $2, owner_oid = $3,"
		" relation_oid = $4, queue_oid = $5, definition_oid = $6,"
		" fingerprint = $7, system_identifier = $8 WHERE s.score_id OPERATOR(pg_catalog.=) $1",
		lengthof(types), types, values, NULL);
	score_keep_sources(score->id, score_sources(score));
	score_bind_queue(score);
}

/* Tells whether all columns of a source that are kept by name exist. */
static bool
columns_exist(const ScoreSource *source)
{
	ListCell *cell;

	foreach(cell, source->key_columns)
	{
		if (get_attnum(source->relation, lfirst(cell)) <= 0)
			return false;
	}
	foreach(cell, source->columns)
	{
		if (get_attnum(source->relation, lfirst(cell)) <= 0)
			return false;
	}
	return true;
}

/* Tells whether the sources are tables that exist, with the columns that they had. */
static bool
sources_exist(const List *sources)
{
	ListCell *cell;

	foreach(cell, sources)
	{
		const ScoreSource *source = lfirst(cell);

		if (!OidIsValid(source->relation) || get_rel_relkind(source->relation) == '\0' ||
			!columns_exist(source))
			return false;
	}
	return true;
}

/* Gives the table the columns that the view has got, and remakes the view of fresh rows. */
static void
follow_columns(const Score *score, Relation view, const List *sources)
{
	TupleDesc	desc = RelationGetDescr(view);
	ScoreShape *shape;
	Relation	rel;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (get_attnum(score->relation, NameStr(attribute->attname)) > 0)
			continue;
		sql_execute(psprintf("ALTER TABLE %s ADD COLUMN %s %s", score->name,
							 quote_identifier(NameStr(attribute->attname)),
							 qualified_type_name(attribute->atttypid, attribute->atttypmod)),
					0, NULL, NULL, NULL);
	}
	rel = relation_open_by_oid(score->relation, AccessShareLock);
	shape = score_shape(score, rel);
	sql_execute(sql_fresh(shape, sources), 0, NULL, NULL, NULL);
	relation_close(rel, NoLock);
}

/* A check that may fail. */
typedef struct CheckAttempt
{
	const Score *score;
	bool		 all_tables;
	bool		 redefined; /* the view or the columns of its tables are others */
	bool		 adopted;	/* it was restored */
	const char	*problem;	/* that is left, or NULL */
	bool		 all;		/* keys are dirty */
} CheckAttempt;

/* Finds the sources anew. */
static List *
find_sources(const Score *score, Relation view)
{
	ScoreShape *shape = score_shape(score, view);

	return sources_settle(sources_find(view, score->key_names), score->user_sources, view,
						  shape->keys, score->nkeys);
}

/* Gives sources the numbers that the same tables had before, so that their triggers can stay. */
static List *
renumbered(List *sources, const List *before)
{
	Bitmapset *taken = NULL;
	int		   last = 0;
	ListCell  *cell;
	ListCell  *other;

	foreach(cell, sources)
		((ScoreSource *) lfirst(cell))->no = 0;
	foreach(other, before)
	{
		const ScoreSource *old = lfirst(other);

		last = Max(last, old->no);
		foreach(cell, sources)
		{
			ScoreSource *source = lfirst(cell);

			if (source->no == 0 && source->relation == old->relation &&
				!bms_is_member(old->no, taken))
			{
				source->no = old->no;
				taken = bms_add_member(taken, old->no);
			}
		}
	}
	foreach(cell, sources)
	{
		ScoreSource *source = lfirst(cell);

		if (source->no == 0)
			source->no = ++last;
	}
	return sources;
}

/* Tells whether the same is captured of two lists of sources. */
static bool
same_sources(const List *a, const List *b)
{
	ListCell *cell;
	ListCell *other;

	if (list_length(a) != list_length(b))
		return false;
	forboth(cell, a, other, b)
	{
		const ScoreSource *one = lfirst(cell);
		const ScoreSource *two = lfirst(other);

		if (one->no != two->no || one->relation != two->relation ||
			!names_same(one->key_columns, two->key_columns) ||
			!names_same(one->columns, two->columns))
			return false;
	}
	return true;
}

/* Has the sources found anew, and kept; returns them, and sets *others where something else is to be captured than before. */
static List *
redefine(const Score *score, List *before, bool *others)
{
	Relation view = relation_open_by_oid(score->definition, AccessShareLock);
	List	*sources = renumbered(find_sources(score, view), before);

	*others |= !same_sources(sources, before);
	score_keep_sources(score->id, sources);
	CacheInvalidateRelcacheByRelid(score->queue);
	follow_columns(score, view, sources);
	relation_close(view, NoLock);
	return sources;
}

/* Sees to a score, as its owner; arg: a CheckAttempt.  What it raises is the score's problem. */
static void
check_task(void *arg)
{
	CheckAttempt  *attempt = arg;
	const Score	  *score = attempt->score;
	List		  *sources;
	DefinerSession session;
	bool		   others = attempt->adopted;
	bool		   only_disabled;
	MemoryContext  context = CurrentMemoryContext;

	SPI_connect();
	sources = score_sources(score);
	session = score_enter(score);
	if (attempt->redefined || !sources_exist(sources))
	{
		sources = redefine(score, sources, &others);
		attempt->all = true;
	}

	/*
	 * This waits for those who write by what was captured before, so that their changes are
	 * among all keys; nobody waits where nothing is to be done.
	 */
	if (others || (triggers_problem(score->id, sources, &only_disabled) != NULL && !only_disabled))
		attempt->all |= triggers_install(score->id, score->relation, sources) > 0;
	if (attempt->all_tables || attempt->redefined)
		attempt->all |= triggers_drop_strays(score->id, sources) > 0;
	definer_leave(&session);
	attempt->problem = triggers_problem(score->id, sources, NULL);
	if (attempt->problem != NULL)
		attempt->problem = MemoryContextStrdup(context, attempt->problem);
	SPI_finish();
}

/* Returns what of a score is gone, or may go without notice, or NULL. */
static const char *
missing_part(const Score *score)
{
	if (!OidIsValid(score->definition))
		return psprintf("view %s, which defines it, does not exist any more",
						score->definition_name);
	if (!OidIsValid(score->relation))
		return psprintf("table %s does not exist any more", score->name);
	if (!OidIsValid(score->queue))
		return psprintf("its queue, table %s, does not exist any more", score->queue_name);
	if (get_rel_persistence(score->relation) != RELPERSISTENCE_PERMANENT)
		return psprintf("table %s is unlogged and may lose its rows", score->name);
	if (get_rel_persistence(score->queue) != RELPERSISTENCE_PERMANENT)
		return psprintf("its queue, table %s, is unlogged and may lose its rows",
						score->queue_name);
	if (!queue_holds(score->queue, queue_key_columns(score, score_sources(score))))
		return psprintf("its queue, table %s, has not the columns any more that it was made with",
						score->queue_name);
	return NULL;
}

/* Does the task of a check; arg: a CheckAttempt. */
static void
check_own_commands(void *arg)
{
	ddl_run_own(check_task, arg);
}

/* Returns what an error says. */
static const char *
error_text(const ErrorData *error)
{
	return error->detail != NULL ? psprintf("%s: %s", error->message, error->detail)
								 : error->message;
}

/*
 * Does an attempt, and leaves what is the matter in it.  Who refreshes may try again where
 * a lock was not to be had; somebody's command shall not fail by that.
 */
static void
mend(CheckAttempt *attempt)
{
	ErrorData *error = subtransaction_try(check_own_commands, attempt, NULL);

	if (error == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		(!attempt->all_tables && retry_may_help(error->sqlerrcode)))
		ReThrowError(error);
	attempt->problem = retry_may_help(error->sqlerrcode)
						   ? psprintf("%s; the next refresh tries again", error_text(error))
						   : error_text(error);
}

/* Keeps what the score's relations are called now. */
static void
keep_names(const Score *score)
{
	Oid		  types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum	  values[] = {Int64GetDatum(score->id), CStringGetTextDatum(score->name),
						  CStringGetTextDatum(score->queue_name),
						  CStringGetTextDatum(score->definition_name),
						  CStringGetTextDatum(score->fresh_name)};
	Oid		  source_types[] = {INT8OID, INT4OID, TEXTOID};
	ListCell *cell;

	(void) sql_execute_own(
		"UPDATE pollseed.scores AS s SET name = $2, queue = $3, definition = $4, fresh = $5"
		" WHERE s.score_id OPERATOR(pg_catalog.=) $1 AND (s.name OPERATOR(pg_catalog.<>) $2"
		" OR s.queue OPERATOR(pg_catalog.<>) $3 OR s.definition OPERATOR(pg_catalog.<>) $4"
		" OR s.fresh OPERATOR(pg_catalog.<>) $5)",
		lengthof(types), types, values, NULL);
	foreach(cell, score_sources(score))
	{
		const ScoreSource *source = lfirst(cell);
		Datum			   source_values[] = {Int64GetDatum(score->id), Int32GetDatum(source->no),
											  CStringGetTextDatum(source->relation_name)};

		(void) sql_execute_own("UPDATE pollseed.score_sources AS r SET relation = $3"
							   " WHERE r.score_id OPERATOR(pg_catalog.=) $1"
							   " AND r.source_no OPERATOR(pg_catalog.=) $2"
							   " AND r.relation OPERATOR(pg_catalog.<>) $3",
							   lengthof(source_types), source_types, source_values, NULL);
	}
}

/* Tells whether a score is as it was left, as far as is to be looked at. */
static bool
is_unchanged(const Score *score, ScoreCheck how)
{
	List *sources = score_sources(score);

	return score->problem == NULL && sources_exist(sources) &&
		   triggers_problem(score->id, sources, NULL) == NULL &&
		   (how == CHECK_WHAT_IS_KNOWN || !triggers_have_strays(score->id, sources));
}

/* Keeps what was found, where it is something else: who refreshes has the row locked until he commits. */
static void
keep_findings(const Score *score, const char *fingerprint, const char *problem)
{
	if (problem == NULL && strcmp(fingerprint, score->fingerprint) != 0)
		score_update(score->id, "fingerprint = $2", fingerprint);
	if (problem == NULL ? score->problem != NULL
						: score->problem == NULL || strcmp(problem, score->problem) != 0)
		score_update(score->id, "problem = $2", problem);
}

Score *
score_check(Score *score, ScoreCheck how)
{
	CheckAttempt attempt = {.problem = missing_part(score),
							.all_tables = how != CHECK_WHAT_IS_KNOWN,
							.adopted = score->restored,
							.all = how == CHECK_AFTER_LOSS};
	const char	*fingerprint = score->fingerprint;

	if (attempt.problem == NULL)
	{
		if (score->restored)
		{
			adopt(score);
			score = score_read_by_id(score->id);
		}
		fingerprint = view_fingerprint(score->definition);
		attempt.redefined = strcmp(fingerprint, score->fingerprint) != 0;
		if (how != CHECK_WHAT_IS_KNOWN || attempt.redefined || score->problem != NULL)
			keep_names(score);
		if (how != CHECK_AFTER_LOSS && !attempt.adopted && !attempt.redefined &&
			is_unchanged(score, how))
			return score;

		attempt.score = score;
		mend(&attempt);
	}

	/* What was not captured while there was a problem, is to be recomputed as well. */
	if (OidIsValid(score->queue) &&
		(attempt.all || (attempt.problem == NULL) != (score->problem == NULL)))
		capture_all(score->queue);
	keep_findings(score, fingerprint, attempt.problem);
	return score_read_by_id(score->id);
}
