/*-------------------------------------------------------------------------
 *
 * plan.c
 *		Reads a plan, strictly: what is not understood is refused, not passed over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/compat.h"
#include "core/names.h"
#include "graph/json.h"
#include "graph/moment.h"
#include "graph/plan.h"

#define DEFAULT_NAME "plan"
#define DEFAULT_FAN_OUT FAN_RANDOM

/* Targets of a polymorphic pair are drawn by weights that must add up. */
#define MAX_WEIGHT 1e9

/* Plans without a beginning are about so many years. */
#define DEFAULT_YEARS 2

static const char *const fan_outs[] = {
	[FAN_EVEN] = "even", [FAN_SKEWED] = "skewed", [FAN_RANDOM] = "random", [FAN_ONE] = "one"};

const char *
fan_out_name(FanOut fan_out)
{
	return fan_outs[fan_out];
}

bool
fan_out_of_name(const char *name, FanOut *fan_out)
{
	for (size_t i = 0; i < lengthof(fan_outs); i++)
	{
		if (strcmp(fan_outs[i], name) == 0)
		{
			*fan_out = (FanOut) i;
			return true;
		}
	}
	return false;
}

/* Tells whether a list of texts has one. */
static bool
has_text(const List *texts, const char *text)
{
	ListCell *cell;

	foreach(cell, texts)
	{
		if (strcmp(lfirst(cell), text) == 0)
			return true;
	}
	return false;
}

/* Reads names of columns, each of which can stand there once; NIL where there is no such member. */
static List *
read_columns(const PlanObject *object, const char *name)
{
	List	 *columns = json_texts(object, name);
	List	 *seen = NIL;
	ListCell *cell;

	if (columns == NIL && json_member(object, name) != NULL)
		json_refuse(object, name, "name at least one column");
	foreach(cell, columns)
	{
		if (has_text(seen, lfirst(cell)))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("\"%s\" of %s names column \"%s\" twice", name,
								   object->described, (char *) lfirst(cell))));
		seen = lappend(seen, lfirst(cell));
	}
	return columns;
}

/* Reads the name of a relation as the plan has it, which must be one that SQL can read. */
static char *
read_relation(const PlanObject *object)
{
	char *relation = json_text(object, "relation");

	if (relation != NULL && list_length(compat_name_list(relation)) > 2)
		json_refuse(object, "relation", "be a table's name, such as \"public.users\"");
	return relation;
}

/* Reads why something is as it is, which only people need. */
static void
check_why(const PlanObject *object)
{
	const JsonbValue *why = json_member(object, "why");

	if (why != NULL && why->type != jbvString)
		json_refuse(object, "why", "be a text");
}

/* Reads a column: its generator, and the rest as that generator's arguments. */
static PlanColumn *
read_column(const PlanObject *object, const char *name)
{
	PlanColumn *column = palloc0_object(PlanColumn);

	json_require(object, "generator");
	column->name = name;
	column->generator = json_text(object, "generator");
	column->arguments = json_document(object);
	(void) json_number(object, "nulls", 0, 1, &column->nulls);
	check_why(object);
	return column;
}

/* Reads one of the tables that a polymorphic pair refers to. */
static PlanTarget *
read_target(const PlanObject *object)
{
	PlanTarget *target = palloc0_object(PlanTarget);

	json_expect_members(object, "type, relation, key, weight");
	json_require(object, "type");
	json_require(object, "relation");
	target->type = json_text(object, "type");
	target->relation = read_relation(object);
	target->key = read_columns(object, "key");
	target->weight = 1;
	(void) json_number(object, "weight", 0, MAX_WEIGHT, &target->weight);
	return target;
}

/* Reads the tables that a polymorphic pair refers to. */
static void
read_targets(const PlanObject *object, PlanRef *ref)
{
	double	  weight = 0;
	ListCell *cell;

	if (ref->relation != NULL || json_member(object, "key") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has \"polymorphic\" beside \"relation\" or \"key\"", object->described),
				 errhint("Each of the tables in \"polymorphic\" has its own.")));
	foreach(cell, json_sub_objects(object, "polymorphic", "target"))
	{
		PlanTarget *target = read_target(lfirst(cell));

		if (target->key != NIL && list_length(target->key) != list_length(ref->columns) - 1)
			json_refuse(lfirst(cell), "key",
						"name as many columns as \"columns\" does after the type's");
		ref->targets = lappend(ref->targets, target);
		weight += target->weight;
	}
	if (ref->targets == NIL || weight <= 0)
		json_refuse(object, "polymorphic", "name at least one table whose weight is not 0");
	if (list_length(ref->columns) < 2)
		json_refuse(object, "columns", "name the type's column and then those of the key");
}

/* Reads a reference. */
static PlanRef *
read_ref(const PlanObject *object)
{
	PlanRef	   *ref = palloc0_object(PlanRef);
	const char *fan_out;

	json_expect_members(object, "columns, relation, key, polymorphic, fan_out, nulls, why");
	json_require(object, "columns");
	ref->columns = read_columns(object, "columns");
	ref->relation = read_relation(object);
	if (json_member(object, "polymorphic") != NULL)
		read_targets(object, ref);
	else
	{
		json_require(object, "relation");
		ref->key = read_columns(object, "key");
		if (ref->key != NIL && list_length(ref->key) != list_length(ref->columns))
			json_refuse(object, "key", "name as many columns as \"columns\" does");
	}
	ref->fan_out = DEFAULT_FAN_OUT;
	fan_out = json_text(object, "fan_out");
	if (fan_out != NULL && !fan_out_of_name(fan_out, &ref->fan_out))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized \"fan_out\" of %s: \"%s\"", object->described, fan_out),
				 errhint("It is even, skewed, random or one.")));
	(void) json_number(object, "nulls", 0, 1, &ref->nulls);
	check_why(object);
	return ref;
}

/* Raises 22023 where a column has a generator and a reference, or where a reference stands there twice. */
static void
check_refs(const PlanObject *object, const PlanStep *step)
{
	ListCell *cell;
	ListCell *other;
	ListCell *column;

	foreach(cell, step->refs)
	{
		const PlanRef *ref = lfirst(cell);

		foreach(column, step->columns)
		{
			const char *name = ((PlanColumn *) lfirst(column))->name;

			if (has_text(ref->columns, name))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("column \"%s\" of %s is in \"columns\" and in \"refs\"", name,
								object->described),
						 errhint("A reference gives the values of its columns: leave one out.")));
		}
		for_each_cell(other, step->refs, lnext(step->refs, cell))
		{
			const PlanRef *twin = lfirst(other);

			if (names_same(ref->columns, twin->columns) && ref->relation != NULL &&
				twin->relation != NULL && strcmp(ref->relation, twin->relation) == 0 &&
				names_same(ref->key, twin->key))
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("\"refs\" of %s has (%s) to %s twice", object->described,
									   names_quoted(ref->columns), ref->relation)));
		}
	}
}

/* Reads a step, which the object describes by its number as long as its name is not known. */
static PlanStep *
read_step(PlanObject *object)
{
	PlanStep   *step = palloc0_object(PlanStep);
	PlanObject *columns;
	ListCell   *cell;

	json_require(object, "step");
	step->name = json_text(object, "step");
	object->described = psprintf("step \"%s\"", step->name);
	json_expect_members(object, "step, relation, rows, natural_key, columns, refs, why");
	json_require(object, "relation");
	json_require(object, "rows");
	step->relation = read_relation(object);
	(void) json_integer(object, "rows", 0, &step->rows);
	step->natural_key = read_columns(object, "natural_key");
	check_why(object);

	columns = json_sub_object(object, "columns", NULL);
	foreach(cell, columns != NULL ? json_names(columns) : NIL)
	{
		const char *name = lfirst(cell);
		PlanObject *column = json_sub_object(
			columns, name, psprintf("column \"%s\" of %s", name, object->described));

		if (name[0] == '\0')
			json_refuse(object, "columns", "have no member without a name");
		step->columns = lappend(step->columns, read_column(column, name));
	}
	foreach(cell, json_sub_objects(object, "refs", "reference"))
		step->refs = lappend(step->refs, read_ref(lfirst(cell)));
	check_refs(object, step);
	return step;
}

/* Raises 22023 where two steps have one name or one relation. */
static void
check_steps(const SeedPlan *plan)
{
	List *seen = NIL; /* the steps before */
	List *names =
		NIL; /* of their relations, in parts: as far as two are spelled out, the same means one */
	ListCell *cell;
	ListCell *other;
	ListCell *name;

	foreach(cell, plan->steps)
	{
		const PlanStep *twin = lfirst(cell);
		List		   *relation = compat_name_list(twin->relation);

		forboth(other, seen, name, names)
		{
			const PlanStep *step = lfirst(other);

			if (strcmp(step->name, twin->name) == 0)
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("the plan has two steps \"%s\"", step->name)));
			if (equal(relation, lfirst(name)))
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("steps \"%s\" and \"%s\" are both of relation %s",
									   step->name, twin->name, twin->relation),
								errhint("Give the one step all the rows.")));
		}
		seen = lappend(seen, lfirst(cell));
		names = lappend(names, relation);
	}
}

/* Reads what a plan says beside its steps. */
static void
read_head(const PlanObject *object, SeedPlan *plan)
{
	int64 version;

	json_expect_members(object, "version, name, since, as_of, seed, steps, notes");
	json_require(object, "version");
	(void) json_integer(object, "version", PG_INT64_MIN, &version);
	if (version != PLAN_VERSION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the plan is of version " INT64_FORMAT, version),
						errhint("This release of pollseed reads version %d.", PLAN_VERSION)));
	plan->name = json_text(object, "name");
	if (plan->name == NULL)
		plan->name = DEFAULT_NAME;
	json_require(object, "as_of");
	(void) json_moment(object, "as_of", &plan->as_of);
	if (!json_moment(object, "since", &plan->since))
		plan->since = moment_years_before(plan->as_of, DEFAULT_YEARS);
	if (plan->since >= plan->as_of)
		json_refuse(object, "since", "be before \"as_of\"");
	plan->has_seed = json_integer(object, "seed", PG_INT64_MIN, &plan->seed);
	(void) json_texts(object, "notes");
}

SeedPlan *
plan_read(Jsonb *json)
{
	SeedPlan   *plan = palloc0_object(SeedPlan);
	PlanObject *object = json_root(json, "the plan");
	ListCell   *cell;

	read_head(object, plan);
	json_require(object, "steps");
	foreach(cell, json_sub_objects(object, "steps", "step"))
		plan->steps = lappend(plan->steps, read_step(lfirst(cell)));
	if (plan->steps == NIL)
		json_refuse(object, "steps", "have at least one step");
	check_steps(plan);
	return plan;
}
