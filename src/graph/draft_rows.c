/*-------------------------------------------------------------------------
 *
 * draft_rows.c
 *		How many rows each table gets.
 *
 * As many as were asked for, but no more than its unique keys have room for.  What a key has
 * depends on how many rows the tables have that it refers to, which may have fewer
 * themselves: numbers fall until none does any more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "graph/draft.h"
#include "graph/generator.h"
#include "graph/inflect.h"
#include "graph/nulls.h"

/* Days that moments of a plan lie in, as a rule. */
#define DAYS_PLANNED 730

#define ANY_NUMBER PG_UINT64_MAX
#define LISTED_ROWS 20
#define LISTED_COLUMNS 10

/* Letters that short texts are made of, at the least. */
#define ALPHABET 26
#define SHORT_LENGTH 6

/* What migration tools and frameworks keep: rows of ours would mislead them. */
#define TOOL_TABLES                                                                                            \
	"schema_migrations schema_migration ar_internal_metadata _prisma_migrations "                              \
	"flyway_schema_history schema_version schema_versions knex_migrations knex_migrations_lock "               \
	"__diesel_schema_migrations goose_db_version alembic_version django_migrations "                           \
	"django_content_type auth_permission databasechangelog databasechangeloglock migrations typeorm_metadata " \
	"sequelizemeta pgmigrations _sqlx_migrations __drizzle_migrations __efmigrationshistory "                  \
	"migration_logs gorp_migrations phinxlog doctrine_migration_versions schema_info "                         \
	"schema_info_* refinery_schema_history spatial_ref_sys migration_version data_migrations "                 \
	"part_config part_config_sub *_schema_migrations migration_versions"

/* Tables that have a row for each of few values. */
#define LISTED_TABLES                                                                             \
	"country state status category role permission language currency type region province genre " \
	"timezone time_zone unit priority level plan locale continent color size gender title kind "  \
	"department license format medium platform severity stage reason method"

/* What is known of tables that the plan has not got. */
typedef struct OutsideRows
{
	Oid	   relid;
	uint64 rows; /* ANY_NUMBER where the caller may not look */
} OutsideRows;

typedef struct RowSettler
{
	List *drafts;
	List *outside; /* of OutsideRows */
	int64 limit;   /* no table gets more, so no more is counted */
	int64 days;	   /* of the plan's time */
} RowSettler;

void
draft_classify(Draft *draft)
{
	ListCell *cell;

	draft->of_tool = name_matches_any(TOOL_TABLES, snake_case(draft->name));
	draft->listed = !draft->of_tool &&
					name_matches_any(LISTED_TABLES, last_word(draft->singular)) &&
					list_length(draft->table->columns) <= LISTED_COLUMNS;
	foreach(cell, draft->table->references)
		draft->listed &= ((TableReference *) lfirst(cell))->relid == draft->table->relid;
	foreach(cell, draft->table->columns)
	{
		const char *name = snake_case(((TableColumn *) lfirst(cell))->name);

		/* Others' keys, whether or not a foreign key says so. */
		draft->listed &= !name_matches("*_id", name) || strcmp(name, "parent_id") == 0 ||
						 strcmp(name, psprintf("%s_id", draft->singular)) == 0;
	}
}

/* Returns the product, or ANY_NUMBER where it is larger than that. */
static uint64
multiply(uint64 a, uint64 b)
{
	uint64 product;

	if (a == ANY_NUMBER || b == ANY_NUMBER || pg_mul_u64_overflow(a, b, &product))
		return ANY_NUMBER;
	return product;
}

/* Counts the rows of a table that is not in the plan, up to the limit. */
static uint64
count_outside(RowSettler *settler, Oid relid)
{
	OutsideRows *outside;
	ListCell	*cell;
	Oid			 schema = get_rel_namespace(relid);

	foreach(cell, settler->outside)
	{
		outside = lfirst(cell);
		if (outside->relid == relid)
			return outside->rows;
	}
	outside = palloc0_object(OutsideRows);
	outside->relid = relid;
	outside->rows = ANY_NUMBER;
	if (compat_schema_usage(schema, GetUserId()) == ACLCHECK_OK &&
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
	{
		const char *name =
			quote_qualified_identifier(get_namespace_name(schema), get_rel_name(relid));

		outside->rows = (uint64) sql_execute(
			psprintf("SELECT FROM %s LIMIT " INT64_FORMAT, name, settler->limit), 0, NULL, NULL,
			NULL);
		SPI_freetuptable(SPI_tuptable);
		if (outside->rows == (uint64) settler->limit && settler->limit > 0)
			outside->rows = ANY_NUMBER;
	}
	settler->outside = lappend(settler->outside, outside);
	return outside->rows;
}

/* Returns how many rows a reference can be to. */
static uint64
ref_capacity(RowSettler *settler, const Draft *draft, const DraftRef *ref)
{
	uint64	  rows = 0;
	ListCell *cell;

	if (ref->given != NULL || ref->relid == draft->table->relid)
		return ANY_NUMBER;
	foreach(cell, ref->targets)
		rows += (uint64) ((Draft *) lfirst(cell))->rows;
	if (ref->targets != NIL)
		return rows;
	if (ref->parent != NULL)
		return (uint64) ref->parent->rows;
	return count_outside(settler, ref->relid);
}

/* Returns how many different values the generator of a column has. */
static uint64
generator_capacity(const Draft *draft, const DraftColumn *column)
{
	JsonbValue			*said = json_member(json_root(column->object, "column"), "generator");
	List				*problems = NIL;
	GeneratorRequest	 request = {.relation = draft->table->quoted_name,
									.column = column->column->name,
									.table_name = "",
									.space = column->column->space,
									.arguments = column->object,
									.distinct = true,
									.as_of = USECS_PER_DAY * DAYS_PLANNED,
									.problems = &problems};
	const GeneratorKind *kind;
	const Generator		*generator;
	const char			*name;

	if (said == NULL || said->type != jbvString)
		return ANY_NUMBER;
	name = pnstrdup(said->val.string.val, said->val.string.len);
	if (strcmp(name, "default") == 0)
		return 1;
	kind = generator_kind(name);
	generator = kind == NULL ? NULL : generator_make(kind, &request);
	return generator == NULL ? ANY_NUMBER : generator->capacity;
}

/* Returns how many different values a column that is in no reference can have. */
static uint64
column_capacity(const RowSettler *settler, const Draft *draft, AttrNumber number)
{
	const ValueSpace *space = table_column_number(draft->table, number)->space;
	uint64			  capacity = space_size(space);
	ListCell		 *cell;

	if (space->kind == VALUE_TEXT && space->nallowed == 0 && space->max_length >= 0 &&
		space->max_length <= SHORT_LENGTH)
	{
		uint64 texts = 1;

		for (int i = 0; i < space->max_length; i++)
			texts *= ALPHABET;
		capacity = Min(capacity, texts);
	}
	if (space->kind == VALUE_DATE)
		capacity = Min(capacity, (uint64) settler->days);
	foreach(cell, draft->columns)
	{
		const DraftColumn *column = lfirst(cell);

		if (column->column->attnum == number)
			capacity = Min(capacity, generator_capacity(draft, column));
	}
	return capacity;
}

/*
 * Returns the reference that a key's column is best seen as a part of: one that is in the key as
 * a whole, with the most columns, else any.
 */
static const DraftRef *
ref_in_key(const Draft *draft, const TableKey *key, AttrNumber column)
{
	const DraftRef *best = NULL;
	bool			best_whole = false;
	ListCell	   *cell;

	foreach(cell, draft->refs)
	{
		const DraftRef *ref = lfirst(cell);
		bool			whole = list_difference_int(ref->columns, key->columns) == NIL;

		if (!list_member_int(ref->columns, column))
			continue;
		if (best == NULL || (whole && !best_whole) ||
			(whole == best_whole && list_length(ref->columns) > list_length(best->columns)))
		{
			best = ref;
			best_whole = whole;
		}
	}
	return best;
}

/* Returns how many rows a key has room for; *only_ref is set where that is so for one reference alone. */
static uint64
key_capacity(RowSettler *settler, const Draft *draft, const TableKey *key,
			 const DraftRef **only_ref)
{
	uint64	  capacity = 1;
	List	 *counted = NIL;
	ListCell *cell;

	*only_ref = NULL;
	foreach(cell, key->columns)
	{
		AttrNumber		number = lfirst_int(cell);
		const DraftRef *ref = number > 0 ? ref_in_key(draft, key, number) : NULL;

		if (number <= 0)
			return ANY_NUMBER;
		if (ref == NULL)
			capacity = multiply(capacity, column_capacity(settler, draft, number));
		else if (!list_member_ptr(counted, ref))
		{
			capacity = multiply(capacity, ref_capacity(settler, draft, ref));
			counted = lappend(counted, unconstify(DraftRef *, ref));
		}
		if (ref != NULL && list_difference_int(key->columns, ref->columns) == NIL)
			*only_ref = ref;
	}
	return capacity;
}

/* Limits a table's rows, and says why. */
static bool
limit_rows(Draft *draft, uint64 capacity, const char *why)
{
	if ((uint64) draft->rows <= capacity)
		return false;
	draft->rows = (int64) capacity;
	draft->why = why;
	return true;
}

/* Returns what a reference is to, for people. */
static const char *
parent_name(const DraftRef *ref)
{
	if (ref->parent != NULL)
		return ref->parent->name;
	if (ref->targets != NIL)
		return "the tables that it refers to";
	return get_rel_name(ref->relid);
}

/* Returns the column that must be true, or must not be as *value says, for a row to be in a partial index; 0: none. */
static AttrNumber
flag_of_predicate(const Node *predicate, bool *value)
{
	const List *parts =
		IsA(predicate, List) ? (const List *) predicate : make_ands_implicit((Expr *) predicate);
	ListCell *cell;

	foreach(cell, parts)
	{
		const Node *part = lfirst(cell);

		*value = true;
		if (IsA(part, BoolExpr) && ((const BoolExpr *) part)->boolop == NOT_EXPR)
		{
			*value = false;
			part = linitial(((const BoolExpr *) part)->args);
		}
		if (IsA(part, Var) && ((const Var *) part)->vartype == BOOLOID)
			return ((const Var *) part)->varattno;
	}
	return 0;
}

/*
 * Keeps rows out of a partial key that has room for few of them, by the flag that it is for: one
 * default, one running.  Tells whether it could.
 */
static bool
avoid_key(Draft *draft, const TableKey *key)
{
	bool	   value = true;
	AttrNumber flag = flag_of_predicate(key->predicate, &value);
	ListCell  *cell;

	if (list_member_ptr(draft->avoided, key))
		return true;
	foreach(cell, draft->columns)
	{
		DraftColumn		*column = lfirst(cell);
		JsonbParseState *state = NULL;

		if (column->column->attnum != flag || column->given)
			continue;
		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		json_push_text(&state, "generator", "constant");
		json_push_flag(&state, "value", !value);
		json_push_text(&state, "why",
					   psprintf("few rows may be in the partial key %s, so none is", key->name));
		column->object = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
		draft->avoided = lappend(draft->avoided, unconstify(TableKey *, key));
		return true;
	}
	return false;
}

/* Limits the rows of a table to what its keys and references allow; tells whether that changed them. */
static bool
limit_by_keys(RowSettler *settler, Draft *draft)
{
	bool	  changed = false;
	ListCell *cell;

	foreach(cell, draft->refs)
	{
		const DraftRef *ref = lfirst(cell);

		if (ref->given == NULL && plausible_nulls(draft->table, ref->columns, 1) == 0 &&
			ref_capacity(settler, draft, ref) == 0)
			changed |=
				limit_rows(draft, 0, psprintf("no rows to refer to in %s", parent_name(ref)));
	}
	foreach(cell, draft->table->keys)
	{
		const TableKey *key = lfirst(cell);
		const DraftRef *only;
		uint64			capacity = key_capacity(settler, draft, key, &only);

		if ((uint64) draft->rows > capacity && key->predicate != NULL && avoid_key(draft, key))
			continue;
		changed |=
			limit_rows(draft, capacity,
					   only != NULL ? psprintf("at most one for each row of %s, by its key %s",
											   parent_name(only), key->name)
									: psprintf("its key %s has no more values", key->name));
	}
	return changed;
}

/* Returns how many rows the statistics say that the largest of the tables has. */
static double
largest(const List *drafts)
{
	double	  rows = 0;
	ListCell *cell;

	foreach(cell, drafts)
		rows = Max(rows, ((Draft *) lfirst(cell))->table->live_rows);
	return rows;
}

/* Settles how many rows a table is to get before its keys are looked at. */
static void
begin_rows(Draft *draft, int64 rows, const Overrides *overrides, double stats_scale)
{
	const TableOverrides *said = draft->said;
	double				  live = draft->table->live_rows;

	draft->rows = rows;
	draft->why = NULL;
	if (said->has_rows && said->rows_of_table)
		draft->rows = said->rows;
	else if (draft->of_tool)
	{
		draft->rows = 0;
		draft->why = "a tool keeps its own rows in it";
	}
	else if (said->has_rows)
		draft->rows = said->rows;
	else if (overrides->from_stats && live >= 0)
	{
		draft->rows = (int64) Min(live * stats_scale, (double) PG_INT32_MAX);
		if (draft->rows == 0 && live > 0)
			draft->rows = 1;
		draft->why = "in proportion to the rows that it has";
	}
	else if (draft->listed && draft->rows > LISTED_ROWS)
	{
		draft->rows = LISTED_ROWS;
		draft->why = "by its name a row for each of few values";
	}
}

/* Tells that a reference that may be NULL is, where there is nothing to refer to. */
static void
settle_nulls(RowSettler *settler, Draft *draft)
{
	ListCell *cell;

	foreach(cell, draft->refs)
	{
		DraftRef *ref = lfirst(cell);

		if (ref->given == NULL && ref_capacity(settler, draft, ref) == 0 &&
			plausible_nulls(draft->table, ref->columns, 1) > 0)
			ref->nulls = 1;
	}
}

/* Returns notes on tables that the plan has not got, and without whose rows there can be none. */
static List *
outside_notes(const RowSettler *settler)
{
	List	 *notes = NIL;
	ListCell *cell;

	foreach(cell, settler->outside)
	{
		const OutsideRows *outside = lfirst(cell);

		if (outside->rows == 0)
			notes =
				lappend(notes, psprintf("%s.%s is not in the plan and has no rows: fill it first",
										get_namespace_name(get_rel_namespace(outside->relid)),
										get_rel_name(outside->relid)));
	}
	return notes;
}

List *
draft_settle_rows(List *drafts, int64 rows, const Overrides *overrides, int64 days)
{
	RowSettler settler = {.drafts = drafts, .days = Max(days, 1)};
	double	   stats_scale = overrides->scale;
	bool	   changed = true;
	ListCell  *cell;

	if (!overrides->from_stats)
		rows = (int64) Min((double) rows * overrides->scale, (double) PG_INT32_MAX);
	else if (!overrides->has_scale && largest(drafts) > 0)
		stats_scale = (double) rows / largest(drafts);
	foreach(cell, drafts)
	{
		begin_rows(lfirst(cell), rows, overrides, stats_scale);
		settler.limit = Max(settler.limit, ((Draft *) lfirst(cell))->rows);
	}
	while (changed)
	{
		changed = false;
		foreach(cell, drafts)
		{
			Draft *draft = lfirst(cell);

			CHECK_FOR_INTERRUPTS();
			if (!draft->said->rows_of_table)
				changed |= limit_by_keys(&settler, draft);
		}
	}
	foreach(cell, drafts)
		settle_nulls(&settler, lfirst(cell));
	return outside_notes(&settler);
}
