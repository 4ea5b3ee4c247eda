/*-------------------------------------------------------------------------
 *
 * keys.c
 *		Unique keys and checks over several columns of a step.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "core/compat.h"
#include "graph/allowed.h"
#include "graph/candidates.h"
#include "graph/keys.h"
#include "graph/problem.h"
#include "graph/spread.h"

/* Items of a step: its references first, then its columns. */
typedef struct Items
{
	GraphStep  *step;
	SpreadItem *items;
	int			nitems;
} Items;

/* A key to be solved, and whether rows may be kept out of it instead. */
typedef struct SolvedKey
{
	SpreadKey		key;
	const List	   *columns;   /* of int */
	const TableKey *table_key; /* NULL: an exclusion constraint */
} SolvedKey;

/* What helps where a key has too few values. */
#define FEWER_ROWS "Plan fewer rows for it, or more for the tables that it refers to."

/* Describes a reference as an item. */
static void
describe_ref(GraphStep *step, GraphRef *ref, SpreadItem *item)
{
	int64 first;

	item->name = ref->name;
	item->narrowed_by = ref->narrowed_by;
	for (int target = 0; target < ref->ntargets; target++)
		item->capacity += parent_rows(&ref->targets[target], &first);
	if (ref->parent == step)
		item->capacity = ref->fan_out == FAN_ONE && ref->nullable ? step->rows : 1;
	else if (ref->ntargets == 0 && ref->narrowed_by >= 0)
		item->capacity = candidates_at_least(step, ref);
	else if (ref->ntargets == 0)
	{
		int64 parents = parent_rows(ref, &first);

		item->capacity = allowed_count(step, ref, first, parents);
	}
	item->natural = ref->fan_out == FAN_ONE && item->capacity >= (uint64) step->rows;
	item->in_order = ref->followed;
}

/* Tells whether a generator's values differ from row to row by themselves. */
static bool
is_natural(const Generator *generator)
{
	return strcmp(generator->kind->name, "uuid5") == 0 ||
		   strcmp(generator->kind->name, "uuid") == 0 || strcmp(generator->kind->name, "row") == 0;
}

/* Describes a column as an item. */
static void
describe_column(const GraphStep *step, const GraphColumn *column, SpreadItem *item)
{
	item->name = column->name;
	item->narrowed_by = -1;
	item->capacity = 1;
	if (column->source == COLUMN_SEQUENCE)
		item->natural = true;
	else if (column->source == COLUMN_DEFAULT)
		item->natural =
			!column->table_column->has_default || column->table_column->default_is_volatile;
	else if (column->generator != NULL)
	{
		item->capacity = column->generator->capacity;
		item->taken = step->first_row;
		item->natural = is_natural(column->generator);
		item->wants_distinct = column->table_column->space->kind == VALUE_TEXT ||
							   column->table_column->space->kind == VALUE_RANGE;
	}
}

/* Describes all that keys can be made of. */
static Items
describe_items(GraphStep *step)
{
	Items items = {.step = step, .nitems = step->nrefs + step->ncolumns};

	items.items = palloc0_array(SpreadItem, items.nitems);
	for (int i = 0; i < step->nrefs; i++)
		describe_ref(step, &step->refs[i], &items.items[i]);
	for (int i = 0; i < step->ncolumns; i++)
		describe_column(step, &step->columns[i], &items.items[step->nrefs + i]);
	return items;
}

/* Tells whether a column always is NULL, since there is nothing that it could refer to. */
static bool
is_always_null(const GraphStep *step, AttrNumber attnum)
{
	int column = graph_column(step, attnum);

	return column >= 0 && step->columns[column].source == COLUMN_REF &&
		   step->refs[step->columns[column].ref].nulls >= 1;
}

/* Adds the item of a column to a key, once; nothing for a generated column. */
static void
add_item(const GraphStep *step, SpreadKey *key, AttrNumber attnum)
{
	int column = graph_column(step, attnum);
	int item;

	if (column < 0 || is_always_null(step, attnum))
		return;
	item = step->columns[column].source == COLUMN_REF ? step->columns[column].ref
													  : step->nrefs + column;
	for (int i = 0; i < key->nitems; i++)
	{
		if (key->items[i] == item)
			return;
	}
	key->items[key->nitems++] = item;
}

/* Tells whether a reference can be to different rows that have the same in all of its columns that are in a key. */
static bool
is_partial(const GraphRef *ref, const List *columns)
{
	List *key = NIL;

	if (ref->ncolumns == 1 || ref->parent == NULL || ref->ntargets > 0)
		return false;
	for (int i = 0; i < ref->ncolumns; i++)
	{
		if (list_member_int(columns, ref->columns[i]))
			key = lappend_int(key, ref->key[i]);
	}
	return list_length(key) < ref->ncolumns && !table_has_key(ref->parent->table, key);
}

/* Leaves out of a key the references of which it has a part only, if the others have enough values. */
static SpreadKey
without_partial(const Items *items, const SolvedKey *key)
{
	SpreadKey whole = {.name = key->key.name, .items = palloc_array(int, key->key.nitems)};
	uint128	  count = 1;

	for (int i = 0; i < key->key.nitems; i++)
	{
		int item = key->key.items[i];

		if (item < items->step->nrefs && is_partial(&items->step->refs[item], key->columns))
			continue;
		whole.items[whole.nitems++] = item;
		count = Min(count * items->items[item].capacity, PG_UINT64_MAX);
		if (items->items[item].natural)
			count = PG_UINT64_MAX;
	}
	return whole.nitems > 0 && count >= (uint64) items->step->rows ? whole : key->key;
}

/* Has no NULL in a key that takes NULLs for equal. */
static void
forbid_nulls(GraphStep *step, const SpreadKey *key)
{
	for (int i = 0; i < key->nitems; i++)
	{
		if (key->items[i] < step->nrefs)
			step->refs[key->items[i]].nulls = 0;
		else
			step->columns[key->items[i] - step->nrefs].nulls = 0;
	}
}

/* Returns the columns that a key is of, those within its expressions, too. */
static List *
key_columns(const List *columns, const List *expressions)
{
	List	 *all = NIL;
	ListCell *cell;

	foreach(cell, columns)
	{
		if (lfirst_int(cell) != 0)
			all = lappend_int(all, lfirst_int(cell));
	}
	foreach(cell, expressions)
	{
		List	 *vars = pull_var_clause(lfirst(cell), 0);
		ListCell *var;

		foreach(var, vars)
			all = list_append_unique_int(all, lfirst_node(Var, var)->varattno);
	}
	return all;
}

/* Adds a key to those to be solved. */
static void
add_key(GraphStep *step, SolvedKey *keys, int *nkeys, const char *name, const List *columns,
		const TableKey *table_key)
{
	SolvedKey *key = &keys[*nkeys];
	ListCell  *cell;

	key->key.name = name;
	key->key.items = palloc_array(int, list_length(columns));
	key->columns = columns;
	key->table_key = table_key;
	foreach(cell, columns)
	{
		/* A NULL differs from all others, but where it is made something of. */
		if (table_key != NULL && table_key->nulls_distinct && table_key->expressions == NIL &&
			is_always_null(step, lfirst_int(cell)))
			return;
		add_item(step, &key->key, lfirst_int(cell));
	}
	if (key->key.nitems == 0)
		return;
	if (table_key != NULL && !table_key->nulls_distinct)
		forbid_nulls(step, &key->key);
	(*nkeys)++;
}

/* Keeps the rows out of a partial index by a condition of a kind that people use: a boolean column, or whether a column is NULL. */
static bool
avoid_condition(GraphStep *step, const Node *predicate)
{
	bool		is_null = IsA(predicate, NullTest);
	bool		negated = is_notclause(predicate);
	const Node *operand = predicate;
	int			column;

	if (is_null)
		operand = (const Node *) castNode(NullTest, unconstify(Node *, predicate))->arg;
	else if (negated)
		operand = (const Node *) get_notclausearg(unconstify(Node *, predicate));
	if (!IsA(operand, Var))
		return false;
	column = graph_column(step, castNode(Var, unconstify(Node *, operand))->varattno);
	if (column < 0 || step->columns[column].source != COLUMN_GENERATED)
		return false;
	if (is_null)
	{
		bool wants_null =
			castNode(NullTest, unconstify(Node *, predicate))->nulltesttype == IS_NOT_NULL;

		if (wants_null && step->columns[column].table_column->not_null)
			return false;
		step->columns[column].nulls = wants_null ? 1 : 0;
		return true;
	}
	if (step->columns[column].table_column->space->kind != VALUE_BOOLEAN)
		return false;
	if (strcmp(step->columns[column].generator->kind->name, "constant") == 0)
		return true;
	step->columns[column].table_column->space->nallowed = 1;
	step->columns[column].table_column->space->allowed = palloc_object(Datum);
	step->columns[column].table_column->space->allowed[0] = BoolGetDatum(negated);
	step->columns[column].nulls = 0;
	step->columns[column].verify = true;
	return true;
}

/* Keeps the rows out of a partial index, by one of the conditions of its predicate. */
static bool
avoid_predicate(GraphStep *step, Node *predicate)
{
	List *conditions =
		IsA(predicate, List) ? (List *) predicate : make_ands_implicit((Expr *) predicate);
	ListCell *cell;

	foreach(cell, conditions)
	{
		if (avoid_condition(step, lfirst(cell)))
			return true;
	}
	return false;
}

/* Tells whether what an expression reads is the same in all rows: nothing, or only what is NULL. */
static bool
are_constant(const GraphStep *step, const List *columns)
{
	ListCell *cell;

	foreach(cell, columns)
	{
		if (!is_always_null(step, lfirst_int(cell)))
			return false;
	}
	return true;
}

/* Collects the keys of a table that are to be solved. */
static SolvedKey *
collect_keys(GraphStep *step, int *nkeys, List **problems)
{
	const GraphTable *table = step->table;
	SolvedKey		 *keys =
		palloc0_array(SolvedKey, list_length(table->keys) + list_length(table->exclusions) + 1);
	ListCell *cell;

	*nkeys = 0;
	foreach(cell, table->keys)
	{
		const TableKey *key = lfirst(cell);
		List		   *columns = key_columns(key->columns, key->expressions);

		if (key->expressions == NIL || !are_constant(step, columns))
			add_key(step, keys, nkeys, key->name, columns, key);
		else if (step->rows > 1 &&
				 (key->predicate == NULL || !avoid_predicate(step, key->predicate)))
			*problems = problem_add(*problems, step->table->quoted_name, NULL,
									psprintf("unique key \"%s\" has only one value", key->name),
									FEWER_ROWS);
	}
	foreach(cell, table->exclusions)
	{
		const TableExclusion *exclusion = lfirst(cell);

		add_key(step, keys, nkeys, exclusion->name, key_columns(exclusion->columns, NIL), NULL);
	}
	return keys;
}

/* Gives columns and references the spreads that were found. */
static void
take_spreads(const Items *items)
{
	GraphStep *step = items->step;

	for (int i = 0; i < step->nrefs; i++)
		step->refs[i].spread = items->items[i].spread;
	for (int i = 0; i < step->ncolumns; i++)
	{
		GraphColumn *column = &step->columns[i];

		column->spread = items->items[step->nrefs + i].spread;
		if (items->items[step->nrefs + i].natural)
			column->spread.distinct = false;
	}
}

/* Removes a key from those to be solved, by the name of its constraint. */
static int
remove_key(SolvedKey *keys, int nkeys, const char *name)
{
	int kept = 0;

	for (int i = 0; i < nkeys; i++)
	{
		if (strcmp(keys[i].key.name, name) != 0)
			keys[kept++] = keys[i];
	}
	return kept;
}

/* Returns the key of a name. */
static const SolvedKey *
find_key(const SolvedKey *keys, int nkeys, const char *name)
{
	for (int i = 0; i < nkeys; i++)
	{
		if (strcmp(keys[i].key.name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

void
keys_solve(GraphStep *step, List **problems)
{
	int		   nkeys;
	SolvedKey *keys = collect_keys(step, &nkeys, problems);

	step->space = Max(step->rows, 1);
	while (step->rows > 0 && nkeys > 0)
	{
		Items			 items = describe_items(step);
		SpreadKey		*plain = palloc_array(SpreadKey, nkeys);
		const SpreadKey *failed;
		const SolvedKey *key;
		const char		*reason = NULL;

		for (int i = 0; i < nkeys; i++)
			plain[i] = without_partial(&items, &keys[i]);
		failed = spread_solve(step->rows, items.items, items.nitems, plain, nkeys, &step->space,
							  &reason);
		if (failed == NULL)
		{
			take_spreads(&items);
			return;
		}
		key = find_key(keys, nkeys, failed->name);
		if (key->table_key == NULL || key->table_key->predicate == NULL ||
			!avoid_predicate(step, key->table_key->predicate))
			*problems =
				problem_add(*problems, step->table->quoted_name, items.items[failed->items[0]].name,
							psprintf("unique key \"%s\" %s", failed->name, reason), FEWER_ROWS);
		nkeys = remove_key(keys, nkeys, failed->name);
	}
}

/* Returns the indexes of the columns that a check reads; NIL where one of them is not ours to choose. */
static List *
check_columns(const GraphStep *step, const TableCheck *check)
{
	List *columns = NIL;
	int	  attnum = -1;

	while ((attnum = bms_next_member(check->columns, attnum)) >= 0)
	{
		int column = graph_column(step, attnum);

		if (column < 0 || (step->columns[column].source == COLUMN_DEFAULT &&
						   step->columns[column].table_column->has_default &&
						   !step->columns[column].table_column->default_is_constant))
			return NIL;
		columns = lappend_int(columns, column);
	}
	return columns;
}

/* Adds a check to a group, and what another group has where they share a column. */
static void
join_groups(GraphStep *step, int group, List *columns)
{
	ListCell *cell;

	foreach(cell, columns)
	{
		int other = step->columns[lfirst_int(cell)].check_group;

		if (other == group)
			continue;
		if (other >= 0)
		{
			CheckGroup *from = &step->groups[other];
			List	   *moved = from->columns;

			step->groups[group].checks = list_concat(step->groups[group].checks, from->checks);
			from->columns = NIL;
			from->checks = NIL;
			join_groups(step, group, moved);
		}
		step->columns[lfirst_int(cell)].check_group = group;
		step->groups[group].columns =
			list_append_unique_int(step->groups[group].columns, lfirst_int(cell));
	}
}

/* Tells whether what a column gets is a part of a place that it shares with others. */
static bool
shares_place(const GraphStep *step, int column)
{
	const Spread *spread = step->columns[column].source == COLUMN_REF
							   ? &step->refs[step->columns[column].ref].spread
							   : &step->columns[column].spread;

	return spread->distinct && (spread->permuted || spread->modulus > 0);
}

/* Has the columns that share a place drawn together where one of a group is among them: the row takes another place then. */
static void
group_places(GraphStep *step)
{
	List *sharing = NIL;
	int	  group = -1;

	for (int i = 0; i < step->ncolumns; i++)
	{
		if (!shares_place(step, i))
			continue;
		sharing = lappend_int(sharing, i);
		group = Max(group, step->columns[i].check_group);
	}
	if (group >= 0)
		join_groups(step, group, sharing);
}

void
keys_group_checks(GraphStep *step, List **problems)
{
	ListCell *cell;

	step->groups = palloc0_array(CheckGroup, list_length(step->table->checks));
	foreach(cell, step->table->checks)
	{
		TableCheck *check = lfirst(cell);
		List	   *columns = check_columns(step, check);

		if (bms_is_empty(check->columns) && step->rows > 0)
			*problems = problem_add(*problems, step->table->quoted_name, NULL,
									psprintf("no row satisfies \"%s\"", check->name),
									"Plan no rows for it.");
		if (columns == NIL)
			continue;
		step->groups[step->ngroups].checks = list_make1(check);
		join_groups(step, step->ngroups, columns);
		step->ngroups++;
	}
	group_places(step);
}

/* Returns the indexes of a key's columns, in a list; NIL where rows cannot be recognised by it. */
static List *
recognisable(const GraphStep *step, const TableKey *key)
{
	List	 *columns = NIL;
	ListCell *cell;

	if (key->predicate != NULL || key->expressions != NIL)
		return NIL;
	foreach(cell, key->columns)
	{
		int column = graph_column(step, lfirst_int(cell));

		if (column < 0 || step->columns[column].source == COLUMN_DEFAULT ||
			step->columns[column].nulls > 0 ||
			(step->columns[column].source == COLUMN_REF &&
			 (step->refs[step->columns[column].ref].nulls > 0 ||
			  step->refs[step->columns[column].ref].later)))
			return NIL;
		columns = lappend_int(columns, column);
	}
	return columns;
}

/* Returns the columns of the plan's natural key; NIL, with a problem, where one does not exist. */
static List *
natural_key(const GraphStep *step, const PlanStep *plan, List **problems)
{
	List	 *columns = NIL;
	ListCell *cell;

	foreach(cell, plan->natural_key)
	{
		const TableColumn *named = table_column(step->table, lfirst(cell));
		int				   column = named == NULL ? -1 : graph_column(step, named->attnum);

		if (column < 0 || step->columns[column].source == COLUMN_DEFAULT)
		{
			*problems = problem_add(*problems, step->table->quoted_name, lfirst(cell),
									"is in the natural key, but the plan does not say what it gets",
									"Give it a generator, or leave it out of the natural key.");
			return NIL;
		}
		columns = lappend_int(columns, column);
	}
	return columns;
}

void
keys_find_identity(GraphStep *step, const PlanStep *plan, List **problems)
{
	ListCell *cell;

	step->identity = natural_key(step, plan, problems);
	foreach(cell, step->table->keys)
	{
		if (step->identity == NIL)
			step->identity = recognisable(step, lfirst(cell));
	}
}
