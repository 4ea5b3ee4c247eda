/*-------------------------------------------------------------------------
 *
 * query.c
 *		Queries whose results are cached, as this session understands them.
 *
 * A hit does not run the query, so what running it would check is checked here: privileges
 * on tables and functions, at each hit.  And what it would mean here is compared
 * with what it meant for who filled the entry: the search path and the tables that
 * the names stand for, temporary ones among them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "cache/identity.h"
#include "cache/learn.h"
#include "cache/query.h"
#include "cache/rights.h"
#include "core/compat.h"
#include "core/sql.h"
#include "core/tags.h"

/* A session keeps so many queries; one more has all forgotten. */
#define MAX_QUERIES 256

/* How parameters are given. */
typedef enum ParamsKind
{
	PARAMS_NONE,
	PARAMS_ARRAY, /* $1, $2, …: the elements, of the types that the query gives them */
	PARAMS_JSONB  /* $1: all, as jsonb */
} ParamsKind;

typedef struct QueryPlan
{
	CacheQuery		  query;
	MemoryContext	  context;
	int				  in_use;
	bool			  is_forgotten; /* freed when nobody uses it */
	SPIPlanPtr		  plan;
	CachedPlanSource *source;
	ParamsKind		  kind;
	int				  nparams;
	Oid				 *param_types;
	uint64			  rights;			/* of the role, where the query uses them */
	uint64			  names;			/* when it was analyzed, by names_generation */
	bool			  follows_database; /* there is shared memory */
	TagVersion		  database;			/* data definition */
	List			 *relations;		/* OIDs, views among them */
} QueryPlan;

/* How queries are found: constants are folded under the settings of when a plan is made. */
typedef struct QueryKey
{
	uint64 hash;
	uint64 settings;
	Oid	   role;
	int	   kind;
} QueryKey;

typedef struct QuerySlot
{
	QueryKey   key;
	QueryPlan *plan;
} QuerySlot;

/* Goes up when names may mean something else in this session only. */
static uint64 names_generation = 0;

static MemoryContext queries_context = NULL;
static HTAB			*queries = NULL;

/* Refuses what is more than a query. */
static void
check_kind(const Query *query)
{
	if (query->rowMarks != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a cached query cannot lock rows"),
				 errhint("Leave out FOR UPDATE and the like.")));
	if (query->hasModifyingCTE)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a cached query cannot change data"),
						errhint("Run the INSERT, UPDATE or DELETE by itself.")));
}

/* Returns the query that gives the result as one jsonb, and sets the types of its parameters. */
static const char *
wrap(QueryPlan *plan, const char *text)
{
	RawStmt		*raw = linitial_node(RawStmt, raw_parser(text, RAW_PARSE_DEFAULT));
	Query		*query;
	TargetEntry *first = NULL;
	int			 columns = 0;
	ListCell	*cell;

	plan->nparams = plan->kind == PARAMS_JSONB ? 1 : 0;
	plan->param_types = palloc_object(Oid);
	plan->param_types[0] = JSONBOID;
	query = parse_analyze_varparams(raw, text, &plan->param_types, &plan->nparams, NULL);
	check_kind(query);
	foreach(cell, query->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, cell);

		if (target->resjunk)
			continue;
		columns++;
		if (first == NULL)
			first = target;
	}
	if (columns == 1 && exprType((Node *) first->expr) == JSONBOID)
		return psprintf("SELECT q.value FROM (%s\n) AS q(value)", text);
	if (columns == 1 && exprType((Node *) first->expr) == JSONOID)
		return psprintf("SELECT pg_catalog.to_jsonb(q.value) FROM (%s\n) AS q(value)", text);
	return psprintf(
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(q)), '[]'::pg_catalog.jsonb)"
		" FROM (%s\n) AS q",
		text);
}

/* Sets what an entry of the query is known by. */
static void
make_signature(QueryPlan *plan)
{
	StringInfoData buffer;
	ListCell	  *cell;

	initStringInfo(&buffer);
	foreach(cell, fetch_search_path(true))
	{
		/* Of the session's own schema, only its tables are looked up, which are told by their OIDs. */
		if (!isTempNamespace(lfirst_oid(cell)))
			appendBinaryStringInfo(&buffer, (char *) &lfirst_oid(cell), sizeof(Oid));
	}
	appendStringInfoChar(&buffer, '|');
	foreach(cell, plan->query.tables)
		appendBinaryStringInfo(&buffer, (char *) &lfirst_oid(cell), sizeof(Oid));
	appendStringInfoChar(&buffer, '|');
	appendStringInfoString(&buffer, plan->query.text);
	if (plan->query.refusal != NULL)
		appendStringInfo(&buffer, "|%d", MyProcPid);
	plan->query.signature = buffer.data;
	plan->query.signature_length = buffer.len;
	plan->query.hash = hash_bytes_extended((const unsigned char *) buffer.data, buffer.len, 0);
}

/* Has errors point into the query's text, not into the statement that has it fetched. */
static void
point_into_query(void *arg)
{
	int position = geterrposition();

	if (position > 0)
	{
		(void) errposition(0);
		(void) internalerrposition(position);
		(void) internalerrquery(arg);
	}
}

/* Returns the query that gives the result as one jsonb, if it is one that can be cached. */
static const char *
check_and_wrap(QueryPlan *plan)
{
	ErrorContextCallback callback = {.previous = error_context_stack,
									 .callback = point_into_query,
									 .arg = (void *) plan->query.text};
	const char			*wrapped;

	error_context_stack = &callback;
	if (!sql_is_select(plan->query.text))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("query must be one SELECT, without a semicolon"),
			 errhint("Leave out the semicolon; statements that change data cannot be cached.")));
	wrapped = wrap(plan, plan->query.text);
	error_context_stack = callback.previous;
	return wrapped;
}

/* Analyzes a query. */
static QueryPlan *
make_plan(const char *text, ParamsKind kind)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed cached query", ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	QueryPlan	 *plan = palloc0_object(QueryPlan);
	const char	 *wrapped;

	plan->names = names_generation;
	plan->database.slot = tags_slot(TAG_DATABASE, 0, 0);
	plan->follows_database = tags_are_attached();
	if (plan->follows_database)
		tags_read(&plan->database, 1);
	plan->context = context;
	plan->kind = kind;
	plan->query.text = pstrdup(text);
	plan->query.plan = plan;
	wrapped = check_and_wrap(plan);

	/* The plan is kept last: until then it goes with SPI if there is an error. */
	SPI_connect();
	plan->plan =
		sql_prepare_cursor(wrapped, plan->nparams, plan->param_types, CURSOR_OPT_PARALLEL_OK);
	MemoryContextSwitchTo(context);
	plan->source = linitial(SPI_plan_get_plan_sources(plan->plan));
	query_learn(linitial(plan->source->query_list), &plan->query);
	plan->rights = plan->query.uses_role ? rights_of_role(GetUserId()) : 0;
	plan->relations = list_copy(plan->source->relationOids);
	make_signature(plan);
	sql_keep_plan(plan->plan);
	SPI_finish();
	MemoryContextSwitchTo(old_context);
	MemoryContextSetParent(context, queries_context);
	return plan;
}

/* Forgets a query, now or when nobody uses it any more. */
static void
forget(QueryPlan *plan)
{
	plan->is_forgotten = true;
	if (plan->in_use > 0)
		return;
	SPI_freeplan(plan->plan);
	MemoryContextDelete(plan->context);
}

void
query_hold(CacheQuery *query)
{
	query->plan->in_use++;
}

void
query_let_go(CacheQuery *query)
{
	query->plan->in_use--;
	if (query->plan->is_forgotten)
		forget(query->plan);
}

/* Forgets all queries. */
static void
forget_queries(void)
{
	HASH_SEQ_STATUS sequence;
	QuerySlot	   *slot;

	hash_seq_init(&sequence, queries);
	while ((slot = hash_seq_search(&sequence)) != NULL)
	{
		forget(slot->plan);
		(void) hash_search(queries, &slot->key, HASH_REMOVE, NULL);
	}
}

/* Makes the table of queries. */
static void
make_queries(void)
{
	HASHCTL control = {.keysize = sizeof(QueryKey), .entrysize = sizeof(QuerySlot)};

	queries_context =
		AllocSetContextCreate(TopMemoryContext, "pollseed cached queries", ALLOCSET_DEFAULT_SIZES);
	control.hcxt = queries_context;
	queries =
		hash_create("pollseed cached queries", 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

bool
query_is_valid(const CacheQuery *query)
{
	const QueryPlan *plan = query->plan;

	return SPI_plan_is_valid(plan->plan) && compat_search_path_is_that_of(plan->source) &&
		   plan->names == names_generation &&
		   (!plan->follows_database || tags_same_versions(&plan->database, 1)) &&
		   (!query->uses_role || plan->rights == rights_of_role(GetUserId()));
}

void
query_forget_names(void)
{
	names_generation++;
}

void
query_lock(const CacheQuery *query)
{
	ListCell *cell;

	foreach(cell, query->plan->relations)
		LockRelationOid(lfirst_oid(cell), AccessShareLock);
}

/* Returns how parameters are given. */
static ParamsKind
params_kind(const Jsonb *params)
{
	if (params == NULL)
		return PARAMS_NONE;
	return JB_ROOT_IS_ARRAY(params) && !JB_ROOT_IS_SCALAR(params) ? PARAMS_ARRAY : PARAMS_JSONB;
}

/* Keeps a query that has just been analyzed, in place of what is there. */
static void
keep(const QueryKey *key, QueryPlan *plan)
{
	bool	   found;
	QuerySlot *slot;

	if (hash_get_num_entries(queries) >= MAX_QUERIES)
		forget_queries();
	slot = hash_search(queries, key, HASH_ENTER, &found);
	if (found)
		forget(slot->plan);
	slot->plan = plan;
}

CacheQuery *
query_find(const char *text, const Jsonb *params)
{
	QueryKey   key = {0};
	QuerySlot *slot;
	QueryPlan *plan;

	if (unlikely(queries == NULL))
		make_queries();
	key.hash = hash_bytes_extended((const unsigned char *) text, (int) strlen(text), 0);
	key.role = GetUserId();
	key.settings = identity_settings();
	key.kind = params_kind(params);
	slot = hash_search(queries, &key, HASH_FIND, NULL);
	if (likely(slot != NULL && strcmp(slot->plan->query.text, text) == 0 &&
			   query_is_valid(&slot->plan->query)))
		return &slot->plan->query;
	plan = make_plan(text, key.kind);
	keep(&key, plan);
	return &plan->query;
}

void
query_check_privileges(const CacheQuery *query)
{
	ListCell *cell;

	foreach(cell, query->checks)
	{
		const RelationCheck *check = lfirst(cell);

		compat_check_relations(check->range_table, check->permissions);
	}
	foreach(cell, query->functions)
	{
		Oid		  function = lfirst_oid(cell);
		AclResult result = compat_function_execute(function, GetUserId());

		if (result != ACLCHECK_OK)
			aclcheck_error(result, OBJECT_FUNCTION, get_func_name(function));
	}
}

/* Returns the text of an element of an array of parameters; NULL for a null. */
static char *
element_text(const JsonbValue *element)
{
	switch (element->type)
	{
		case jbvNull:
			return NULL;
		case jbvString:
			return pnstrdup(element->val.string.val, element->val.string.len);
		case jbvNumeric:
			return DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(element->val.numeric)));
		case jbvBool:
			return pstrdup(element->val.boolean ? "true" : "false");
		default:
			return JsonbToCString(NULL, element->val.binary.data, element->val.binary.len);
	}
}

/* Sets the values of an array of parameters. */
static void
set_elements(const QueryPlan *plan, const Jsonb *params, Datum *values, char *nulls)
{
	for (int i = 0; i < plan->nparams; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer((JsonbContainer *) &params->root, i);
		char	   *text = element_text(element);
		Oid			input;
		Oid			io_param;

		getTypeInputInfo(plan->param_types[i], &input, &io_param);
		values[i] = OidInputFunctionCall(input, text, io_param, -1);
		nulls[i] = text == NULL ? 'n' : ' ';
	}
}

/* Refuses parameters that are not as many as the query has. */
static void
check_param_count(const QueryPlan *plan, const Jsonb *params)
{
	int given = plan->kind == PARAMS_NONE	 ? 0
				: plan->kind == PARAMS_JSONB ? 1
											 : (int) JB_ROOT_COUNT(params);

	if (given != plan->nparams)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("params must give %d values for this query, not %d", plan->nparams, given),
			 errhint(
				 "The elements of a JSON array are $1, $2 and so on; anything else is $1, as jsonb.")));
}

/* Returns the only row's value of what SPI has just returned, copied into a context. */
static Jsonb *
take_result(MemoryContext context)
{
	MemoryContext old_context;
	Jsonb		 *result = NULL;
	bool		  isnull = true;
	Datum		  value = (Datum) 0;

	if (SPI_processed > 1)
		ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION),
						errmsg("a cached query of one JSON column returned more than one row"),
						errhint("Put the rows together by jsonb_agg().")));
	if (SPI_processed == 1)
		value = sql_value(0, 1, &isnull);
	old_context = MemoryContextSwitchTo(context);
	if (!isnull)
		result = DatumGetJsonbPCopy(value);
	MemoryContextSwitchTo(old_context);
	return result;
}

Jsonb *
query_run(const CacheQuery *query, const Jsonb *params, Snapshot snapshot)
{
	QueryPlan	 *plan = query->plan;
	MemoryContext context = CurrentMemoryContext;
	Datum		 *values = palloc0_array(Datum, plan->nparams + 1);
	char		 *nulls = palloc0(plan->nparams + 1);
	Jsonb		 *result;
	int			  status;

	check_param_count(plan, params);
	if (plan->kind == PARAMS_ARRAY)
		set_elements(plan, params, values, nulls);
	else if (plan->kind == PARAMS_JSONB)
	{
		values[0] = JsonbPGetDatum(params);
		nulls[0] = ' ';
	}

	SPI_connect();
	if (snapshot != NULL)
		status = SPI_execute_snapshot(plan->plan, values, nulls, snapshot, InvalidSnapshot, true,
									  false, 0);
	else
		status = SPI_execute_plan(plan->plan, values, nulls, false, 0);
	if (status != SPI_OK_SELECT)
		elog(ERROR, "could not run a cached query: %s", SPI_result_code_string(status));
	result = take_result(context);
	SPI_finish();
	return result;
}
