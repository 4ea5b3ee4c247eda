/*-------------------------------------------------------------------------
 *
 * plan_schema.c
 *		SQL function pollseed_plan_schema(): a plan made from the catalogs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "partitioning/partdesc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/names.h"
#include "core/relation.h"
#include "core/sql.h"
#include "graph/draft.h"
#include "graph/inflect.h"
#include "graph/infer.h"
#include "graph/moment.h"
#include "graph/nulls.h"
#include "graph/resolve.h"

POLLSEED_FUNCTION(pollseed_plan_schema);

#define DEFAULT_ROWS 100
#define DEFAULT_YEARS 2

/* Columns that people know a row by. */
#define NATURAL_NAMES                                                                              \
	"email *_email email_address slug *_slug name *_name code *_code username login sku isbn key " \
	"number *_number title symbol domain handle abbreviation iso* reference"

/* Arguments. */
enum
{
	ARG_SCHEMA,
	ARG_ROWS,
	ARG_OVERRIDES,
	ARG_AS_OF
};

/* A plan of a schema in the making. */
typedef struct Schema
{
	const char *name;
	int64		rows;
	Overrides  *overrides;
	TimestampTz since;
	TimestampTz as_of;
	List	   *drafts;
	List	   *notes; /* of char * */
} Schema;

/* Tables of a schema that hold rows of their own; those of extensions are theirs to fill. */
static const char sql_tables[] =
	"SELECT c.oid, c.relname::pg_catalog.text FROM pg_catalog.pg_class AS c"
	" WHERE c.relnamespace OPERATOR(pg_catalog.=) $1"
	" AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog.\"char\"[])"
	" AND NOT c.relispartition AND c.relpersistence OPERATOR(pg_catalog.<>) 't'"
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d"
	" WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid"
	" AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.objsubid OPERATOR(pg_catalog.=) 0"
	" AND d.deptype OPERATOR(pg_catalog.=) 'e')"
	" ORDER BY c.relname::pg_catalog.text COLLATE pg_catalog.\"C\"";

/* Tells whether the caller may insert rows into a table, or values into some of its columns. */
static bool
may_insert(Oid relid)
{
	return pg_class_aclcheck(relid, GetUserId(), ACL_INSERT) == ACLCHECK_OK ||
		   pg_attribute_aclcheck_all(relid, GetUserId(), ACL_INSERT, ACLMASK_ANY) == ACLCHECK_OK;
}

/* Reads a table, which may have gone in the meantime. */
static void
add_table(Schema *schema, Oid relid, const char *name)
{
	Relation rel;
	Draft	*draft;

	if (!may_insert(relid))
	{
		schema->notes =
			lappend(schema->notes, psprintf("%s is left out: INSERT is not granted", name));
		return;
	}
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		return;
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE &&
		RelationGetPartitionDesc(rel, true)->nparts == 0)
	{
		schema->notes = lappend(
			schema->notes, psprintf("%s is left out: it has no partitions to hold rows", name));
		relation_close(rel, NoLock);
		return;
	}
	draft = palloc0_object(Draft);
	draft->name = name;
	draft->singular = singular_name(name);
	draft->table = table_read(rel);
	draft->said = overrides_table(schema->overrides, name, draft->table);
	draft_classify(draft);
	schema->drafts = lappend(schema->drafts, draft);
	relation_close(rel, NoLock);
}

/* Reads the tables of the schema that are wanted; returns the names of all. */
static List *
add_tables(Schema *schema)
{
	Oid	   type = OIDOID;
	Datum  value = ObjectIdGetDatum(get_namespace_oid(schema->name, false));
	uint64 count = (uint64) sql_execute(sql_tables, 1, &type, &value, NULL);
	Oid	  *relids = palloc_array(Oid, Max(count, 1));
	List  *names = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		relids[i] = sql_oid(i, 1);
		names = lappend(names, sql_text(i, 2));
	}
	SPI_freetuptable(SPI_tuptable);
	for (uint64 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (overrides_include(schema->overrides, list_nth(names, (int) i)))
			add_table(schema, relids[i], list_nth(names, (int) i));
	}
	return names;
}

/* Tells whether the plan has a table already, or another of its name. */
static bool
has_table(const Schema *schema, Oid relid)
{
	ListCell *cell;

	foreach(cell, schema->drafts)
	{
		const Draft *draft = lfirst(cell);

		if (draft->table->relid == relid || strcmp(draft->name, get_rel_name(relid)) == 0)
			return true;
	}
	return false;
}

/* Tells whether a table must refer to one of another schema, which the caller can see to be empty. */
static bool
needs_rows(const Schema *schema, const Draft *draft, const TableReference *reference)
{
	MemoryContext old_context = CurrentMemoryContext;
	ListCell	 *cell;
	int64		  rows;

	foreach(cell, reference->columns)
	{
		if (!table_column_number(draft->table, lfirst_int(cell))->not_null)
			return false;
	}
	if (get_rel_namespace(reference->relid) == get_namespace_oid(schema->name, false) ||
		has_table(schema, reference->relid) ||
		pg_class_aclcheck(reference->relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return false;
	rows = sql_execute(psprintf("SELECT FROM %s LIMIT 1", resolve_quoted_name(reference->relid)), 0,
					   NULL, NULL, NULL);
	MemoryContextSwitchTo(old_context);
	return rows == 0;
}

/*
 * Adds the tables of other schemas that those of this one must have rows in, and what these need in turn, where they are
 * wanted; returns their names after those given.
 */
static List *
add_required(Schema *schema, List *names)
{
	for (int i = 0; i < list_length(schema->drafts); i++)
	{
		const Draft *draft = list_nth(schema->drafts, i);
		ListCell	*cell;

		foreach(cell, draft->table->references)
		{
			const TableReference *reference = lfirst(cell);

			if (!needs_rows(schema, draft, reference))
				continue;
			names = lappend(names, get_rel_name(reference->relid));
			if (!overrides_include(schema->overrides, llast(names)))
				continue;
			schema->notes = lappend(schema->notes,
									psprintf("%s is added: %s refers to it, and it is empty",
											 resolve_quoted_name(reference->relid), draft->name));
			add_table(schema, reference->relid, llast(names));
		}
	}
	return names;
}

/* Tells whether expressions read one column and no other. */
static bool
reads_only(const List *expressions, AttrNumber column)
{
	List	 *vars = pull_var_clause((Node *) expressions, 0);
	ListCell *cell;

	foreach(cell, vars)
	{
		if (lfirst_node(Var, cell)->varattno != column)
			return false;
	}
	return vars != NIL;
}

/* Tells whether a column is a unique key by itself, or what is made of it is: its text in lower case. */
static bool
is_unique(const Draft *draft, AttrNumber column)
{
	ListCell *cell;

	foreach(cell, draft->table->keys)
	{
		const TableKey *key = lfirst(cell);

		if (list_length(key->columns) == 1 &&
			(linitial_int(key->columns) == column || reads_only(key->expressions, column)))
			return true;
	}
	return false;
}

/* Tells whether a reference of any table is to a column. */
static bool
is_referred(const Schema *schema, const Draft *draft, AttrNumber column)
{
	ListCell *cell;
	ListCell *other;

	foreach(cell, schema->drafts)
	{
		foreach(other, ((Draft *) lfirst(cell))->refs)
		{
			const DraftRef *ref = lfirst(other);

			if (ref->relid == draft->table->relid && list_member_int(ref->key, column))
				return true;
		}
	}
	return false;
}

/* Tells whether a unique key is one that people know rows by: of texts that are always there. */
static bool
is_natural(const Draft *draft, const TableKey *key)
{
	ListCell *cell;

	if (key->predicate != NULL || key->expressions != NIL || key->deferrable)
		return false;
	foreach(cell, key->columns)
	{
		const TableColumn *column = table_column_number(draft->table, lfirst_int(cell));

		if (column->space->kind != VALUE_TEXT || column->generated ||
			!(column->not_null || column->space->not_null) ||
			draft_ref_of(draft, column->attnum) != NULL ||
			!name_matches_any(NATURAL_NAMES, snake_case(column->name)))
			return false;
	}
	return true;
}

/* Settles the natural key of a table. */
static void
find_natural_key(Draft *draft)
{
	ListCell *cell;
	ListCell *column;

	if (draft->said->has_natural_key)
	{
		draft->natural_key = draft->said->natural_key;
		return;
	}
	foreach(cell, draft->table->keys)
	{
		const TableKey *key = lfirst(cell);

		if (!is_natural(draft, key))
			continue;
		foreach(column, key->columns)
			draft->natural_key =
				lappend(draft->natural_key,
						pstrdup(table_column_number(draft->table, lfirst_int(column))->name));
		return;
	}
}

/* Tells whether a column is the primary key by itself. */
static bool
is_primary_key(const Draft *draft, const TableColumn *column)
{
	const TableKey *key = draft->table->keys != NIL ? linitial(draft->table->keys) : NULL;

	return key != NULL && key->primary && list_length(key->columns) == 1 &&
		   linitial_int(key->columns) == column->attnum;
}

/* Returns the object of a primary key of UUIDs, which follow from the natural key where there is one. */
static Jsonb *
uuid_key(const Draft *draft)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_text(&state, "generator", "uuid5");
	if (draft->natural_key != NIL)
		json_push_texts(&state, "of", draft->natural_key);
	json_push_text(&state, "why",
				   draft->natural_key != NIL ? "the primary key, from the natural one"
											 : "the primary key");
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Returns the plan of a column that is left NULL. */
static Jsonb *
unset_object(void)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_text(&state, "generator", "default");
	json_push_text(&state, "why", "NULL: nothing says which rows it can be to");
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Returns the plan of a column that references share and no table is for; NULL where no value comes to mind. */
static Jsonb *
shared_object(const TableColumn *column)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_text(&state, "generator", "constant");
	switch (column->space->kind)
	{
		case VALUE_INTEGER:
			json_push_integer(&state, "value", 1);
			break;
		case VALUE_TEXT:
			json_push_text(&state, "value", "main");
			break;
		case VALUE_UUID:
			json_push_text(&state, "value", "00000000-0000-4000-8000-000000000001");
			break;
		default:
			return NULL;
	}
	json_push_text(&state, "why", "references share it, and no table is for it");
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Returns a column's object in the plan, or NULL: it is left to its default. */
static Jsonb *
column_object(const Schema *schema, const Draft *draft, TableColumn *column)
{
	const PlanObject *said = draft->said->columns;
	InferRequest	  request = {.table = draft->table,
								 .column = column,
								 .unique = is_unique(draft, column->attnum),
								 .referred = is_referred(schema, draft, column->attnum),
								 .from_stats = schema->overrides->from_stats};
	Jsonb			 *object = NULL;

	if (said != NULL && json_member(said, column->name) != NULL)
	{
		if (json_member(said, column->name)->type == jbvNull)
			return NULL;
		return json_document(json_sub_object(said, column->name, NULL));
	}
	if (pg_class_aclcheck(draft->table->relid, GetUserId(), ACL_INSERT) != ACLCHECK_OK &&
		pg_attribute_aclcheck(draft->table->relid, column->attnum, GetUserId(), ACL_INSERT) !=
			ACLCHECK_OK)
		return NULL;
	if (list_member_int(draft->unset, column->attnum))
		return unset_object();
	if (list_member_int(draft->shared, column->attnum))
		object = shared_object(column);
	if (object == NULL && is_primary_key(draft, column) && column->space->kind == VALUE_UUID)
		object = uuid_key(draft);
	return object != NULL ? object : JsonbValueToJsonb(infer_column(&request));
}

/* Settles the columns of a table that no reference gives. */
static void
add_columns(const Schema *schema, Draft *draft)
{
	ListCell *cell;

	foreach(cell, draft->table->columns)
	{
		TableColumn *column = lfirst(cell);
		DraftColumn *planned;
		Jsonb		*object;

		if (column->generated || draft_ref_of(draft, column->attnum) != NULL)
			continue;
		object = column_object(schema, draft, column);
		if (object == NULL)
			continue;
		planned = palloc_object(DraftColumn);
		planned->column = column;
		planned->object = object;
		planned->given =
			draft->said->columns != NULL && json_member(draft->said->columns, column->name) != NULL;
		draft->columns = lappend(draft->columns, planned);
	}
}

/* Writes the names of columns of a relation as a member. */
static void
push_columns(JsonbParseState **state, const char *key, Oid relid, const List *columns)
{
	List	 *names = NIL;
	ListCell *cell;

	foreach(cell, columns)
		names = lappend(names, get_attname(relid, (AttrNumber) lfirst_int(cell), false));
	json_push_texts(state, key, names);
}

/* Writes the tables of a polymorphic pair. */
static void
push_targets(JsonbParseState **state, const DraftRef *ref)
{
	ListCell *cell;
	ListCell *type;

	json_push_key(state, "polymorphic");
	(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	forboth(cell, ref->targets, type, ref->types)
	{
		const Draft	   *target = lfirst(cell);
		const TableKey *key = linitial(target->table->keys);

		(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		json_push_text(state, "type", lfirst(type));
		json_push_text(state, "relation", target->table->quoted_name);
		push_columns(state, "key", target->table->relid, key->columns);
		json_push_integer(state, "weight", 1);
		(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* Writes a reference. */
static void
push_ref(JsonbParseState **state, const Draft *draft, const DraftRef *ref)
{
	if (ref->given != NULL)
	{
		json_push_document(state, NULL, ref->given);
		return;
	}
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_columns(state, "columns", draft->table->relid, ref->columns);
	if (ref->targets != NIL)
		push_targets(state, ref);
	else
	{
		json_push_text(state, "relation",
					   quote_qualified_identifier(get_namespace_name(get_rel_namespace(ref->relid)),
												  get_rel_name(ref->relid)));
		push_columns(state, "key", ref->relid, ref->key);
	}
	json_push_text(state, "fan_out", fan_out_name(ref->fan_out));
	if (ref->nulls > 0)
		json_push_number(state, "nulls", ref->nulls);
	json_push_text(state, "why", ref->why);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Writes a step. */
static void
push_step(JsonbParseState **state, const Draft *draft)
{
	ListCell *cell;

	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	json_push_text(state, "step", draft->name);
	json_push_text(state, "relation", draft->table->quoted_name);
	json_push_integer(state, "rows", draft->rows);
	if (draft->why != NULL)
		json_push_text(state, "why", draft->why);
	if (draft->natural_key != NIL)
		json_push_texts(state, "natural_key", draft->natural_key);
	json_push_key(state, "columns");
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, draft->columns)
	{
		const DraftColumn *column = lfirst(cell);

		json_push_document(state, column->column->name, column->object);
	}
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
	json_push_key(state, "refs");
	(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, draft->refs)
		push_ref(state, draft, lfirst(cell));
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Returns the plan as JSON. */
static Jsonb *
write_plan(const Schema *schema)
{
	JsonbParseState *state = NULL;
	ListCell		*cell;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_integer(&state, "version", PLAN_VERSION);
	json_push_text(&state, "name", schema->name);
	json_push_moment(&state, "since", schema->since);
	json_push_moment(&state, "as_of", schema->as_of);
	json_push_key(&state, "steps");
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, schema->drafts)
		push_step(&state, lfirst(cell));
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	json_push_texts(&state, "notes", schema->notes);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Settles the time that the plan is about. */
static void
settle_time(FunctionCallInfo fcinfo, Schema *schema)
{
	const Overrides *overrides = schema->overrides;

	if (!PG_ARGISNULL(ARG_AS_OF) && overrides->has_as_of)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("as_of is given as an argument and in overrides"),
						errhint("Leave one out.")));
	if (!PG_ARGISNULL(ARG_AS_OF))
		schema->as_of = PG_GETARG_TIMESTAMPTZ(ARG_AS_OF);
	else if (overrides->has_as_of)
		schema->as_of = overrides->as_of;
	else
		schema->as_of = moment_day(GetCurrentTransactionStartTimestamp());
	if (TIMESTAMP_NOT_FINITE(schema->as_of))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("as_of must be finite")));
	schema->since =
		overrides->has_since ? overrides->since : moment_years_before(schema->as_of, DEFAULT_YEARS);
	if (schema->since >= schema->as_of)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"since\" of overrides must be before as_of")));
}

/* Raises 22023 for a schema of the server's own. */
static void
check_schema(Oid oid, const char *name)
{
	if (IsCatalogNamespace(oid) || IsToastNamespace(oid) || strcmp(name, "information_schema") == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("schema \"%s\" is the server's own", name),
						errhint("Name a schema of yours, such as \"public\".")));
}

/* Reads the arguments. */
static void
read_arguments(FunctionCallInfo fcinfo, Schema *schema)
{
	require_argument(fcinfo, ARG_SCHEMA, "schema_name");
	schema->name = pstrdup(NameStr(*PG_GETARG_NAME(ARG_SCHEMA)));
	check_schema(LookupExplicitNamespace(schema->name, false), schema->name);
	schema->rows = PG_ARGISNULL(ARG_ROWS) ? DEFAULT_ROWS : count_argument(fcinfo, ARG_ROWS, "rows");
	schema->overrides =
		overrides_read(PG_ARGISNULL(ARG_OVERRIDES) ? NULL : PG_GETARG_JSONB_P(ARG_OVERRIDES));
	settle_time(fcinfo, schema);
}

/* pollseed_plan_schema(schema_name, rows, overrides, as_of) */
Datum
pollseed_plan_schema(PG_FUNCTION_ARGS)
{
	Schema	 *schema = palloc0_object(Schema);
	Jsonb	 *plan;
	Jsonb	 *result;
	ListCell *cell;

	SPI_connect();
	read_arguments(fcinfo, schema);
	overrides_check_tables(schema->overrides, add_required(schema, add_tables(schema)));
	if (schema->drafts == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("schema \"%s\" has no table that can be seeded", schema->name),
				 errhint("Tables of extensions, foreign tables, views, and those that you may not "
						 "insert into are left out.")));
	draft_find_refs(schema->drafts);
	draft_share_columns(schema->drafts);
	foreach(cell, schema->drafts)
	{
		find_natural_key(lfirst(cell));
		add_columns(schema, lfirst(cell));
	}
	schema->notes = list_concat(schema->notes,
								draft_settle_rows(schema->drafts, schema->rows, schema->overrides,
												  (schema->as_of - schema->since) / USECS_PER_DAY));
	plan = write_plan(schema);

	/* What a user gave must be what a plan can have. */
	(void) plan_read(plan);
	result = SPI_palloc(VARSIZE(plan));
	memcpy(result, plan, VARSIZE(plan));
	SPI_finish();
	PG_RETURN_JSONB_P(result);
}
