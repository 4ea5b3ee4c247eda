/*-------------------------------------------------------------------------
 *
 * columns.c
 *		Where each column of a step gets its values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "executor/executor.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "graph/allowed.h"
#include "graph/columns.h"
#include "graph/problem.h"
#include "graph/sequences.h"

/* Names of columns that say when a row came to be, the likeliest first. */
static const char *const creation_names[] = {
	"created_at", "inserted_at",  "created_on",	   "created",	   "creation_date", "create_date",
	"createdat",  "date_created", "creation_time", "created_time", "create_time",	"createdAt"};

/* Returns what the plan says of a column, or NULL. */
static const PlanColumn *
planned_column(const PlanStep *plan, const char *name)
{
	ListCell *cell;

	foreach(cell, plan->columns)
	{
		if (strcmp(((PlanColumn *) lfirst(cell))->name, name) == 0)
			return lfirst(cell);
	}
	return NULL;
}

/* Finds the reference that sets a column; false where none does. */
static bool
find_ref(const GraphStep *step, GraphColumn *column)
{
	for (int i = 0; i < step->nrefs; i++)
	{
		for (int j = 0; j < step->refs[i].ncolumns; j++)
		{
			if (step->refs[i].columns[j] != column->attnum)
				continue;
			column->source = COLUMN_REF;
			column->ref = i;
			column->ref_column = j;
			return true;
		}
	}
	return false;
}

/* Tells whether a column is in a unique key or an exclusion constraint. */
static bool
is_in_key(const GraphTable *table, AttrNumber attnum)
{
	ListCell *cell;

	foreach(cell, table->keys)
	{
		if (list_member_int(((TableKey *) lfirst(cell))->columns, attnum))
			return true;
	}
	foreach(cell, table->exclusions)
	{
		if (list_member_int(((TableExclusion *) lfirst(cell))->columns, attnum))
			return true;
	}
	return false;
}

/* Tells whether values of a space must be looked at after they were made. */
static bool
needs_verification(const ValueSpace *space)
{
	return space->checks != NIL || space->patterns != NIL || space->nexcluded > 0 ||
		   space->lower_case || space->upper_case || space->trimmed ||
		   ((space->has_min || space->has_max) && space->kind != VALUE_INTEGER);
}

/* Tells whether a list of allowed values lacks some that the type itself lists. */
static bool
lacks_some(const ValueSpace *space)
{
	if (space->kind != VALUE_ENUM && space->kind != VALUE_BOOLEAN)
		return space->nallowed > 0;
	return space->allowed != NULL &&
		   space->nallowed < (space->kind == VALUE_BOOLEAN
								  ? 2
								  : space_of_type(space->base, -1, InvalidOid)->nallowed);
}

/* Tells whether checks say which values there may be, beyond the type. */
static bool
is_restricted(const ValueSpace *space)
{
	return space->checks != NIL || space->patterns != NIL || space->nexcluded > 0 ||
		   space->has_min || space->has_max || lacks_some(space);
}

/* Makes the generator that the plan asks for. */
static void
make_generator(GraphStep *step, GraphColumn *column, const PlanColumn *planned, List **problems)
{
	const GeneratorKind *kind = generator_kind(planned->generator);
	GeneratorRequest	 request = {.relation = step->table->quoted_name,
									.column = column->name,
									.table_name = get_rel_name(step->table->relid),
									.space = column->table_column->space,
									.arguments = planned->arguments,
									.distinct = is_in_key(step->table, column->attnum),
									.since = step->graph->plan->since,
									.as_of = step->graph->plan->as_of,
									.problems = problems};

	if (kind == NULL)
	{
		*problems = problem_add(
			*problems, request.relation, column->name,
			psprintf("names the generator \"%s\", which does not exist", planned->generator),
			"See pollseed_generators() for those there are.");
		return;
	}
	column->source = COLUMN_GENERATED;
	column->nulls = planned->nulls;
	column->generator = generator_make(kind, &request);
	column->verify = needs_verification(request.space);
	if (column->nulls > 0 && (column->table_column->not_null || request.space->not_null))
		*problems =
			problem_add(*problems, request.relation, column->name,
						"is to be NULL in some rows, but is NOT NULL", "Leave out \"nulls\".");
}

/* Decides for a column that the plan does not name. */
static void
make_unplanned(GraphStep *step, GraphColumn *column, List **problems)
{
	const TableColumn *table_column = column->table_column;

	if (OidIsValid(table_column->sequence))
		column->source = COLUMN_SEQUENCE;
	else
		column->source = COLUMN_DEFAULT;
	if (column->source == COLUMN_DEFAULT && !table_column->has_default &&
		(table_column->not_null || table_column->space->not_null))
		*problems =
			problem_add(*problems, step->table->quoted_name, column->name,
						"is NOT NULL, has no default, and the plan does not say what it gets",
						"Give it a generator, or see what pollseed_plan_schema() suggests.");
}

/* Returns what a default that is constant gives; what it allocates lasts as long as the current context. */
static Datum
constant_default(const GraphTable *table, const GraphColumn *column, bool *isnull)
{
	const TupleConstr *constraints = table->desc->constr;
	EState			  *estate = CreateExecutorState();
	Datum			   value = (Datum) 0;

	*isnull = true;
	for (int i = 0; constraints != NULL && i < constraints->num_defval; i++)
	{
		if (constraints->defval[i].adnum == column->attnum)
			value =
				ExecEvalExpr(ExecPrepareExpr(stringToNode(constraints->defval[i].adbin), estate),
							 GetPerTupleExprContext(estate), isnull);
	}
	if (!*isnull)
		value = datumCopy(value, column->table_column->space->typbyval,
						  column->table_column->space->typlen);
	FreeExecutorState(estate);
	return value;
}

/* Makes a column of a step. */
static void
make_column(GraphStep *step, const PlanStep *plan, GraphColumn *column, List **problems)
{
	const PlanColumn  *planned = planned_column(plan, column->name);
	const TableColumn *table_column = column->table_column;

	column->check_group = -1;
	if (planned == NULL)
	{
		if (find_ref(step, column))
			column->verify = is_restricted(table_column->space);
		else
			make_unplanned(step, column, problems);
	}
	else if (strcmp(planned->generator, "default") == 0)
		column->source = COLUMN_DEFAULT;
	else if (strcmp(planned->generator, "sequence") == 0)
	{
		column->source = COLUMN_SEQUENCE;
		if (!OidIsValid(table_column->sequence))
			*problems = problem_add(*problems, step->table->quoted_name, column->name,
									"has no sequence", "Use the generator \"row\".");
	}
	else
		make_generator(step, column, planned, problems);
	column->default_isnull = true;
	/* What is referred to must be known: a default of the session is the same in all rows. */
	if (column->source == COLUMN_DEFAULT && table_column->has_default &&
		(table_column->default_is_constant ||
		 (!table_column->default_is_volatile && is_in_key(step->table, column->attnum))))
		column->default_value = constant_default(step->table, column, &column->default_isnull);
	if (column->source == COLUMN_SEQUENCE && OidIsValid(table_column->sequence))
		column->increment = sequence_increment(table_column->sequence);
}

/* Finds the column that says when a row came to be. */
static void
find_moment(GraphStep *step)
{
	step->moment = -1;
	for (int name = 0; name < (int) lengthof(creation_names) && step->moment < 0; name++)
	{
		for (int i = 0; i < step->ncolumns; i++)
		{
			const GraphColumn *column = &step->columns[i];
			ValueKind		   kind = column->table_column->space->kind;

			if (strcmp(column->name, creation_names[name]) == 0 &&
				column->source == COLUMN_GENERATED &&
				(kind == VALUE_TIMESTAMP || kind == VALUE_DATE))
				step->moment = i;
		}
	}
}

/* Complains of what the plan says of columns that cannot be written. */
static void
check_names(const GraphStep *step, const PlanStep *plan, List **problems)
{
	ListCell *cell;

	foreach(cell, plan->columns)
	{
		const PlanColumn  *planned = lfirst(cell);
		const TableColumn *column = table_column(step->table, planned->name);

		if (column == NULL)
			*problems = problem_add(*problems, step->table->quoted_name, planned->name,
									"does not exist", "Leave it out of the plan.");
		else if (column->generated)
			*problems = problem_add(*problems, step->table->quoted_name, planned->name,
									"is always generated, and cannot be written",
									"Leave it out of the plan.");
	}
}

void
columns_make(GraphStep *step, const PlanStep *plan, List **problems)
{
	ListCell *cell;

	check_names(step, plan, problems);
	step->columns = palloc0_array(GraphColumn, list_length(step->table->columns));
	foreach(cell, step->table->columns)
	{
		TableColumn *table_column = lfirst(cell);
		GraphColumn *column = &step->columns[step->ncolumns];
		uint64		 name_hash;

		if (table_column->generated)
			continue;
		name_hash = DatumGetUInt64(hash_any_extended((const unsigned char *) table_column->name,
													 strlen(table_column->name), 0));
		column->attnum = table_column->attnum;
		column->name = table_column->name;
		column->table_column = table_column;
		column->place = random_mix(step->hash ^ name_hash);
		make_column(step, plan, column, problems);
		step->ncolumns++;
	}
	for (int i = 0; i < step->nrefs; i++)
		step->refs[i].restricted = allowed_is_restricted(step, &step->refs[i]);
	find_moment(step);
}
