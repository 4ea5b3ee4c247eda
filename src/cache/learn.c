/*-------------------------------------------------------------------------
 *
 * learn.c
 *		What the parts of a query mean for its results: what they read, and what else
 *		they depend on.
 *
 * What is not understood is taken for the worst: the result is not kept, or not shared.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "cache/learn.h"
#include "core/compat.h"

/* Functions whose results belong to the session or the transaction. */
static const Oid session_functions[] = {F_PG_BACKEND_PID,
										F_INET_CLIENT_ADDR,
										F_INET_CLIENT_PORT,
										F_INET_SERVER_ADDR,
										F_INET_SERVER_PORT,
										F_CURRENT_SCHEMAS,
										F_PG_SHOW_ALL_SETTINGS,
										F_CURRENT_QUERY,
										F_PG_MY_TEMP_SCHEMA,
										F_TXID_CURRENT,
										F_TXID_CURRENT_SNAPSHOT,
										F_TXID_CURRENT_IF_ASSIGNED,
										F_PG_CURRENT_XACT_ID,
										F_PG_CURRENT_XACT_ID_IF_ASSIGNED,
										F_PG_CURRENT_SNAPSHOT,
										F_PG_LISTENING_CHANNELS,
										F_PG_CURSOR,
										F_PG_PREPARED_STATEMENT};

/* The server's volatile functions that read nothing; others, such as query_to_xml(), read what the caller may read. */
static const char *const harmless_functions[] = {
	"random",	"clock_timestamp", "timeofday",		 "gen_random_uuid",
	"pg_sleep", "pg_sleep_for",	   "pg_sleep_until",
};

/* Functions that read tables which their arguments name, and are said to be stable. */
static const Oid reading_functions[] = {F_TABLE_TO_XML,	   F_TABLE_TO_XML_AND_XMLSCHEMA,
										F_SCHEMA_TO_XML,   F_SCHEMA_TO_XML_AND_XMLSCHEMA,
										F_DATABASE_TO_XML, F_DATABASE_TO_XML_AND_XMLSCHEMA,
										F_CURSOR_TO_XML};

/* Tells whether a function is in a list. */
static bool
is_one_of(Oid function, const Oid *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		if (list[i] == function)
			return true;
	}
	return false;
}

/* Tells whether one of the server's volatile functions reads nothing. */
static bool
is_harmless(const char *name)
{
	for (size_t i = 0; i < lengthof(harmless_functions); i++)
	{
		if (strcmp(harmless_functions[i], name) == 0)
			return true;
	}
	return false;
}

/* Tells whether one of the server's stable functions reads catalogs, for which there are no tags, or goes by the caller's rights. */
static bool
reads_catalogs(const char *name)
{
	static const char *const beginnings[] = {
		"pg_",			"has_",			 "row_security_",  "to_reg",		"obj_desc",
		"col_desc",		"shobj_desc",	 "system_user",	   "getpgusername", "current_user",
		"session_user", "schema_to_xml", "database_to_xml"};

	for (size_t i = 0; i < lengthof(beginnings); i++)
	{
		if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	}
	return false;
}

/* Notes what one of the server's functions means for results. */
static void
note_built_in(CacheQuery *known, Oid function, Form_pg_proc form)
{
	const char *name = NameStr(form->proname);

	if (is_one_of(function, session_functions, lengthof(session_functions)))
		known->refusal = psprintf("%s() tells of the session", name);
	if (is_one_of(function, reading_functions, lengthof(reading_functions)) ||
		(form->provolatile == PROVOLATILE_VOLATILE && !is_harmless(name)))
		known->refusal = psprintf("%s() reads what is not known", name);
	if (form->provolatile == PROVOLATILE_STABLE && reads_catalogs(name))
	{
		known->uses_role = true;
		known->unknown = psprintf("%s() reads catalogs", name);
	}
	known->uses_clock |= function == F_NOW || function == F_TRANSACTION_TIMESTAMP ||
						 function == F_STATEMENT_TIMESTAMP || function == F_AGE_TIMESTAMP ||
						 function == F_AGE_TIMESTAMPTZ;
}

/* Notes what a function of somebody else means for results: what it reads and goes by is not seen. */
static void
note_foreign(CacheQuery *known, Form_pg_proc form)
{
	known->is_volatile |= form->provolatile == PROVOLATILE_VOLATILE;
	if (form->provolatile == PROVOLATILE_IMMUTABLE)
		return;
	known->uses_settings = true;
	known->uses_role = true;
	known->unknown = psprintf("%s() may read tables that are not seen", NameStr(form->proname));
}

static bool note_function(Oid function, void *arg);

/* Notes the functions that an aggregate is made of, which the catalog has as immutable itself. */
static void
note_aggregate(Oid aggregate, CacheQuery *known)
{
	HeapTuple		  tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	Form_pg_aggregate form;
	Oid				  parts[8];

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggregate);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	parts[0] = form->aggtransfn;
	parts[1] = form->aggfinalfn;
	parts[2] = form->aggcombinefn;
	parts[3] = form->aggserialfn;
	parts[4] = form->aggdeserialfn;
	parts[5] = form->aggmtransfn;
	parts[6] = form->aggminvtransfn;
	parts[7] = form->aggmfinalfn;
	for (size_t i = 0; i < lengthof(parts); i++)
	{
		if (OidIsValid(parts[i]))
			(void) note_function(parts[i], known);
	}
	ReleaseSysCache(tuple);
}

/* Notes which setting a call of current_setting() asks for. */
static void
note_setting(CacheQuery *known, const FuncExpr *call)
{
	const Node *name = linitial(call->args);

	if (IsA(name, Const) && !((const Const *) name)->constisnull)
		known->settings =
			lappend(known->settings, TextDatumGetCString(((const Const *) name)->constvalue));
	else
		known->refusal = "current_setting() asks for a setting that is not a constant";
}

/* Notes what a function that a query calls means for its results. */
static bool
note_function(Oid function, void *arg)
{
	CacheQuery	*known = arg;
	HeapTuple	 tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (function < FirstNormalObjectId)
		note_built_in(known, function, form);
	else if (form->prokind == PROKIND_AGGREGATE)
		note_aggregate(function, known);
	else
		note_foreign(known, form);
	if (function >= FirstNormalObjectId || !heap_attisnull(tuple, Anum_pg_proc_proacl, NULL))
		known->functions = list_append_unique_oid(known->functions, function);
	ReleaseSysCache(tuple);
	return false;
}

/* Tells whether a table, or a partition or an heir of it, is foreign. */
static bool
has_foreign_part(Oid relid)
{
	ListCell *cell;

	foreach(cell, find_all_inheritors(relid, NoLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			return true;
	}
	return false;
}

/* Notes the tables of a range table. */
static void
note_tables(CacheQuery *known, List *range_table)
{
	ListCell *cell;

	foreach(cell, range_table)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, cell);

		if (rte->rtekind != RTE_RELATION || get_rel_relkind(rte->relid) == RELKIND_VIEW)
			continue;
		known->tables = list_append_unique_oid(known->tables, rte->relid);

		/* A foreign table is read as the caller's user on the other server. */
		known->uses_role |= has_foreign_part(rte->relid);
	}
}

/* Tells whether an expression makes an object of a name, or may be given one, when the query runs. */
static bool
looks_name_up(const Node *node)
{
	if (IsA(node, FuncExpr) && ((const FuncExpr *) node)->funcid == F_REGCLASS)
		return true;
	if (!IsA(node, CoerceViaIO) && !IsA(node, Param))
		return false;
	switch (exprType(node))
	{
		case REGCLASSOID:
		case REGTYPEOID:
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
			return true;
		default:
			return false;
	}
}

/* Walks through a query and all that is in it. */
static bool
look_through(Node *node, void *arg)
{
	CacheQuery *known = arg;

	if (node == NULL)
		return false;
	if (IsA(node, SQLValueFunction))
	{
		SQLValueFunctionOp op = ((SQLValueFunction *) node)->op;

		known->uses_role |= op == SVFOP_CURRENT_ROLE || op == SVFOP_CURRENT_USER ||
							op == SVFOP_USER || op == SVFOP_SESSION_USER;
		known->uses_clock |= op <= SVFOP_LOCALTIMESTAMP_N;
	}
	known->looks_names_up |= looks_name_up(node);
	if (IsA(node, FuncExpr) && (((FuncExpr *) node)->funcid == F_CURRENT_SETTING_TEXT ||
								((FuncExpr *) node)->funcid == F_CURRENT_SETTING_TEXT_BOOL))
		note_setting(known, (FuncExpr *) node);
	if (IsA(node, Query))
	{
		Query		  *query = (Query *) node;
		RelationCheck *check = palloc_object(RelationCheck);

		check->range_table = copyObject(query->rtable);
		check->permissions = copyObject(compat_permissions(query));
		known->checks = lappend(known->checks, check);
		note_tables(known, query->rtable);
		known->uses_role |= query->hasRowSecurity;
		known->uses_settings |= query->hasRowSecurity;
		return query_tree_walker(query, look_through, arg, 0);
	}
	(void) check_functions_in_node(node, note_function, arg);
	return expression_tree_walker(node, look_through, arg);
}

/* Tells whether a character may be part of a name that is not quoted. */
static bool
is_identifier_part(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}

/* Tells whether a text has a name in it, as a word, in whatever case. */
static bool
has_word(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = strcasestr(text, name); at != NULL; at = strcasestr(at + 1, name))
	{
		if ((at == text || !is_identifier_part(at[-1])) && !is_identifier_part(at[length]))
			return true;
	}
	return false;
}

/* Returns the schema of the session's temporary objects, if it is on the search path. */
static Oid
temporary_schema(void)
{
	ListCell *cell;

	foreach(cell, fetch_search_path(true))
	{
		if (isTempNamespace(lfirst_oid(cell)))
			return lfirst_oid(cell);
	}
	return InvalidOid;
}

/*
 * Tells whether the text of a query has the name of a type of the session's own: such types are looked up
 * before all others, and other sessions have none, or another.
 */
static bool
uses_temporary_types(const char *text)
{
	Oid			schema = temporary_schema();
	bool		uses = false;
	Relation	types;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!OidIsValid(schema))
		return false;
	types = table_open(TypeRelationId, AccessShareLock);
	scan = systable_beginscan(types, InvalidOid, false, NULL, 0, NULL);
	while (!uses && (tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_type type = (Form_pg_type) GETSTRUCT(tuple);

		uses = type->typnamespace == schema && has_word(text, NameStr(type->typname));
	}
	systable_endscan(scan);
	table_close(types, AccessShareLock);
	return uses;
}

void
query_learn(Query *query, CacheQuery *known)
{
	(void) look_through((Node *) query, known);
	known->is_volatile |= contain_volatile_functions((Node *) query);
	if (uses_temporary_types(known->text))
		known->refusal = "it uses a temporary type";
	if (known->looks_names_up && OidIsValid(temporary_schema()))
		known->refusal = "it looks names up, and the session has temporary objects";
}
