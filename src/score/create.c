/*-------------------------------------------------------------------------
 *
 * create.c
 *		SQL functions pollseed_score_create() and pollseed_score_drop().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "portability/instr_time.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "core/advisory.h"
#include "core/compat.h"
#include "core/figures.h"
#include "core/names.h"
#include "core/preset.h"
#include "core/relation.h"
#include "core/sql.h"
#include "score/capture.h"
#include "score/check.h"
#include "score/ddl.h"
#include "score/find.h"
#include "score/key.h"
#include "score/refresh.h"
#include "score/sources.h"
#include "score/triggers.h"

POLLSEED_FUNCTION(pollseed_score_create);
POLLSEED_FUNCTION(pollseed_score_drop);

#define DEFAULT_FILLFACTOR 80
#define MIN_FILLFACTOR 10

#define QUEUE_SUFFIX "_queue"
#define FRESH_SUFFIX "_fresh"

/* Arguments of pollseed_score_create(). */
enum
{
	ARG_NAME,
	ARG_DEFINITION,
	ARG_KEY,
	ARG_SOURCES,
	ARG_FILLFACTOR
};

/* A score in the making. */
typedef struct Creation
{
	Score		score;
	const char *schema;
	const char *table;
	Relation	view;
	List	   *sources;
	ScoreShape *shape;
	int			fillfactor;
	double		fill_ms;
} Creation;

/* Returns a name in the score's schema, qualified and quoted; raises 42P07 where there is a relation of that name. */
static const char *
new_name(const Creation *creation, const char *suffix)
{
	const char *name = psprintf("%s%s", creation->table, suffix);

	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("score name \"%s\" is too long", creation->table),
				 errdetail("Its queue's name, too, has at most %d bytes.", NAMEDATALEN - 1)));
	if (OidIsValid(get_relname_relid(name, get_namespace_oid(creation->schema, false))))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE), errmsg("relation \"%s\" already exists", name),
				 errhint("Give the score another name, or drop the one that there is with "
						 "pollseed_score_drop().")));
	return quote_qualified_identifier(creation->schema, name);
}

/* Settles what the score's relations are called. */
static void
resolve_name(FunctionCallInfo fcinfo, Creation *creation)
{
	char *name = text_argument(fcinfo, ARG_NAME, "name");
	List *names = textToQualifiedNameList(cstring_to_text(name));

	if (list_length(names) > 2)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME), errmsg("invalid score name \"%s\"", name)));
	creation->table = strVal(llast(names));
	creation->schema =
		list_length(names) == 2
			? get_namespace_name(LookupExplicitNamespace(strVal(linitial(names)), false))
			: get_namespace_name(preset_schema());
	if (isAnyTempNamespace(get_namespace_oid(creation->schema, false)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a score cannot be temporary"),
				 errdetail("Those who change its sources in other sessions could not write "
						   "to its queue."),
				 errhint("Name a schema, or set \"search_path\" to one.")));
	creation->score.name = new_name(creation, "");
	creation->score.queue_name = new_name(creation, QUEUE_SUFFIX);
	creation->score.fresh_name = new_name(creation, FRESH_SUFFIX);
}

/* Opens the view that defines the score; raises an error unless it is one that can. */
static void
open_view(FunctionCallInfo fcinfo, Creation *creation)
{
	require_argument(fcinfo, ARG_DEFINITION, "definition");
	creation->view = relation_open_by_oid(PG_GETARG_OID(ARG_DEFINITION), AccessShareLock);
	relation_check_privilege(creation->view, ACL_SELECT);
	if (creation->view->rd_rel->relkind != RELKIND_VIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a view", RelationGetRelationName(creation->view)),
				 errhint("Define a view of the rows that the score is to have: CREATE VIEW.")));
	if (creation->view->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("temporary view \"%s\" cannot define a score",
							   RelationGetRelationName(creation->view)),
						errdetail("Other sessions could not refresh it.")));
	if (contain_volatile_functions((Node *) get_view_query(creation->view)))
		ereport(WARNING,
				(errmsg("view \"%s\" calls volatile functions",
						RelationGetRelationName(creation->view)),
				 errdetail("The score's rows change only when the tables under the view do.")));
	creation->score.definition = RelationGetRelid(creation->view);
	creation->score.definition_name = relation_quoted_name(creation->view);
}

/* Settles the key's columns, which must have an equality each. */
static void
resolve_key(FunctionCallInfo fcinfo, Creation *creation)
{
	Score *score = &creation->score;

	score->key_names = key_columns(creation->view, text_argument(fcinfo, ARG_KEY, "key"));
	score->nkeys = list_length(score->key_names);
	creation->shape = score_shape(score, creation->view);
	for (int i = 0; i < score->nkeys; i++)
		(void) equality_operator(creation->shape->keys[i].type);
}

/* Settles the tables that the score is made from. */
static void
resolve_sources(FunctionCallInfo fcinfo, Creation *creation)
{
	Score *score = &creation->score;

	if (!PG_ARGISNULL(ARG_SOURCES))
		score->user_sources = PG_GETARG_JSONB_P_COPY(ARG_SOURCES);
	creation->sources =
		sources_settle(sources_find(creation->view, score->key_names), score->user_sources,
					   creation->view, creation->shape->keys, score->nkeys);
}

/* Returns the OID of a relation of the score that was made. */
static Oid
made(const Creation *creation, const char *suffix)
{
	return get_relname_relid(psprintf("%s%s", creation->table, suffix),
							 get_namespace_oid(creation->schema, false));
}

/* Comments on a relation of the score. */
static void
comment(const char *kind, const char *name, const char *what, const char *of)
{
	sql_execute(psprintf("COMMENT ON %s %s IS %s", kind, name,
						 quote_literal_cstr(psprintf("%s %s", what, of))),
				0, NULL, NULL, NULL);
}

/* Makes the table, filled, its queue, and the view of fresh rows. */
static void
make_relations(Creation *creation)
{
	Score	  *score = &creation->score;
	instr_time start;

	INSTR_TIME_SET_CURRENT(start);
	sql_execute(sql_create_table(creation->shape, creation->fillfactor), 0, NULL, NULL, NULL);
	sql_execute(psprintf("ALTER TABLE %s ADD PRIMARY KEY (%s)", score->name,
						 names_quoted(score->key_names)),
				0, NULL, NULL, NULL);
	creation->fill_ms = milliseconds_since(start);
	sql_execute(psprintf("ANALYZE %s", score->name), 0, NULL, NULL, NULL);
	sql_execute(
		sql_create_queue(creation->shape, queue_key_columns(&creation->score, creation->sources)),
		0, NULL, NULL, NULL);
	sql_execute(sql_fresh(creation->shape, creation->sources), 0, NULL, NULL, NULL);
	comment("TABLE", score->name, "score of view", score->definition_name);
	comment("TABLE", score->queue_name, "keys that were changed since score", score->name);
	comment("VIEW", score->fresh_name, "fresh rows of score", score->name);
	score->relation = made(creation, "");
	score->queue = made(creation, QUEUE_SUFFIX);
	score->fresh = made(creation, FRESH_SUFFIX);
	score_bind_queue(score);
}

/* Keeps the definition, and returns its number. */
static int64
keep_definition(const Creation *creation)
{
	const Score *score = &creation->score;
	Oid			 types[] = {TEXTOID, NAMEOID,  OIDOID,	  OIDOID,	 OIDOID,	   TEXTOID,
							OIDOID,	 TEXTOID,  TEXTOID,	  OIDOID,	 NAMEARRAYOID, JSONBOID,
							TEXTOID, JSONBOID, FLOAT8OID, FLOAT8OID, INT8OID,	   OIDOID};
	char		 nulls[] = "                  ";
	Datum		 values[lengthof(types)];

	values[0] = CStringGetTextDatum(score->name);
	values[1] = DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(GetUserId(), false)));
	values[2] = ObjectIdGetDatum(GetUserId());
	values[3] = ObjectIdGetDatum(MyDatabaseId);
	values[4] = ObjectIdGetDatum(score->relation);
	values[5] = CStringGetTextDatum(score->queue_name);
	values[6] = ObjectIdGetDatum(score->queue);
	values[7] = CStringGetTextDatum(score->fresh_name);
	values[8] = CStringGetTextDatum(score->definition_name);
	values[9] = ObjectIdGetDatum(score->definition);
	values[10] = names_array(score->key_names);
	values[11] = JsonbPGetDatum(score->settings);
	values[12] = CStringGetTextDatum(view_fingerprint(score->definition));
	if (score->user_sources != NULL)
		values[13] = JsonbPGetDatum(score->user_sources);
	else
		nulls[13] = 'n';
	values[14] = Float8GetDatum(score->delta_key_ms);
	values[15] = Float8GetDatum(creation->fill_ms);
	values[16] = Int64GetDatum((int64) GetSystemIdentifier());
	values[17] = ObjectIdGetDatum(score->fresh);
	(void) sql_execute_own(
		"INSERT INTO pollseed.scores (name, owner, owner_oid, database_oid, relation_oid, queue,"
		" queue_oid, fresh, definition, definition_oid, key_columns, settings, fingerprint,"
		" user_sources, delta_key_ms, full_ms, system_identifier, fresh_oid)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
		" RETURNING score_id",
		lengthof(types), types, values, nulls);
	return DatumGetInt64(sql_value_not_null(0, 1));
}

/* Tells whether transactions of others were going on, or nothing is known of that. */
static bool
others_are_writing(void)
{
	Snapshot snapshot = GetLatestSnapshot();

	for (uint32 i = 0; i < snapshot->xcnt; i++)
	{
		if (!TransactionIdIsCurrentTransactionId(snapshot->xip[i]))
			return true;
	}
	return snapshot->suboverflowed;
}

/*
 * Makes the score.  The table is filled before its sources are locked, which would have
 * their writers wait.  So what is written between may be lacking: unless nobody can have
 * written anything, all keys are dirty from the start.
 */
static void
make_score(void *arg)
{
	Creation		 *creation = arg;
	FullTransactionId before;
	bool			  writers;

	/* In this order: whoever begins to write between the two is seen by one of them. */
	(void) GetCurrentTransactionId();
	before = ReadNextFullTransactionId();
	writers = others_are_writing();
	creation->score.settings = DatumGetJsonbPCopy(definer_settings());
	make_relations(creation);
	creation->score.delta_key_ms = refresh_measure_key(creation->shape);
	creation->score.id = keep_definition(creation);
	score_keep_sources(creation->score.id, creation->sources);
	(void) triggers_install(creation->score.id, creation->score.relation, creation->sources);
	if (writers || IsolationUsesXactSnapshot() ||
		!FullTransactionIdEquals(before, ReadNextFullTransactionId()))
		capture_all(creation->score.queue);
}

/*
 * Returns the score that a call has made already, NULL where there is none; raises 42P07
 * where there is another of the name.
 */
static const Score *
same_score(FunctionCallInfo fcinfo, const Creation *creation)
{
	const Score *score = score_find(text_argument(fcinfo, ARG_NAME, "name"));
	bool		 same;

	if (score == NULL)
		return NULL;
	same = score->definition == creation->score.definition &&
		   names_same(score->key_names, creation->score.key_names) &&
		   (score->user_sources == NULL) == PG_ARGISNULL(ARG_SOURCES) &&
		   (score->user_sources == NULL ||
			compareJsonbContainers(&score->user_sources->root,
								   &PG_GETARG_JSONB_P(ARG_SOURCES)->root) == 0);
	score_check_privileges(score);
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("score %s already exists with another definition", score->name),
				 errhint("Drop it with pollseed_score_drop(), or give this one another name.")));
	ereport(NOTICE, (errcode(ERRCODE_DUPLICATE_TABLE),
					 errmsg("score %s already exists, skipping", score->name)));
	return score;
}

/* pollseed_score_create(name, definition, key, sources, fillfactor) */
Datum
pollseed_score_create(PG_FUNCTION_ARGS)
{
	Creation	 creation = {0};
	const Score *existing;
	Datum		 result;

	PreventCommandIfReadOnly("pollseed_score_create()");
	if (InSecurityRestrictedOperation())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("cannot create a score within a security-restricted operation")));
	SPI_connect();
	open_view(fcinfo, &creation);
	resolve_key(fcinfo, &creation);
	existing = same_score(fcinfo, &creation);
	if (existing == NULL)
	{
		resolve_name(fcinfo, &creation);
		resolve_sources(fcinfo, &creation);
		creation.fillfactor =
			PG_ARGISNULL(ARG_FILLFACTOR) ? DEFAULT_FILLFACTOR : PG_GETARG_INT32(ARG_FILLFACTOR);
		if (creation.fillfactor < MIN_FILLFACTOR || creation.fillfactor > 100)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("fillfactor must be between %d and 100", MIN_FILLFACTOR)));
		ddl_run_own(make_score, &creation);
		sources_warn_indexes(creation.sources);
	}
	relation_close(creation.view, NoLock);
	result = result_row(fcinfo, "id", INT8OID,
						Int64GetDatum(existing != NULL ? existing->id : creation.score.id));
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* Drops a relation of a score, if it exists. */
static void
drop_relation(const char *kind, const char *name, Oid relid)
{
	if (OidIsValid(relid))
		sql_execute(psprintf("DROP %s %s", kind, name), 0, NULL, NULL, NULL);
}

/* Drops a score; arg: the score. */
static void
drop_score(void *arg)
{
	const Score *score = arg;
	ListCell	*cell;
	Oid			 type = INT8OID;
	Datum		 value = Int64GetDatum(score->id);

	advisory_lock_wait(score->id, SCORE_REFRESHER_LOCK);
	foreach(cell, score_sources(score))
		triggers_drop(score->id, ((ScoreSource *) lfirst(cell))->relation);
	(void) sql_execute_own("DELETE FROM pollseed.score_sources AS r"
						   " WHERE r.score_id OPERATOR(pg_catalog.=) $1",
						   1, &type, &value, NULL);
	(void) sql_execute_own("DELETE FROM pollseed.scores AS s"
						   " WHERE s.score_id OPERATOR(pg_catalog.=) $1",
						   1, &type, &value, NULL);
	drop_relation("VIEW", score->fresh_name, score->fresh);
	drop_relation("TABLE", score->queue_name, score->queue);
	drop_relation("TABLE", score->name, score->relation);
}

/* pollseed_score_drop(name) */
Datum
pollseed_score_drop(PG_FUNCTION_ARGS)
{
	Score *score;

	PreventCommandIfReadOnly("pollseed_score_drop()");
	SPI_connect();
	score = score_read_to_drop(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (score != NULL)
		ddl_run_own(drop_score, score);
	SPI_finish();
	PG_RETURN_BOOL(score != NULL);
}
