/*-------------------------------------------------------------------------
 *
 * validate.c
 *		SQL function pollseed_validate(): what in the tables of a plan breaks a
 *		constraint, an order of times or a planned count.
 *
 * Each check is one query for the rows looked at and those that violate it.  Constraints are
 * spelled as the catalogs have them, whether or not the server has checked old rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"
#include "graph/problem.h"
#include "graph/record.h"
#include "graph/removal.h"
#include "graph/resolve.h"

POLLSEED_FUNCTION(pollseed_validate);

/* Where the results go. */
typedef struct Validation
{
	ReturnSetInfo	  *result;
	const RecordedRun *run; /* or NULL */
} Validation;

/* Returns the table of a step for FROM, its own rows where it has heirs. */
static const char *
from_table(const GraphStep *step)
{
	return psprintf("%s%s", only_clause(step->table), step->table->quoted_name);
}

/* Runs a check: a query that returns the rows looked at and the violations. */
static void
run_check(const Validation *validation, const GraphStep *step, const char *check, const char *sql)
{
	instr_time start;
	Datum	   values[5];
	bool	   nulls[5] = {0};

	CHECK_FOR_INTERRUPTS();
	INSTR_TIME_SET_CURRENT(start);
	sql_execute(sql, 0, NULL, NULL, NULL);
	values[0] = CStringGetTextDatum(check);
	values[1] = CStringGetTextDatum(step->table->quoted_name);
	values[2] = Int64GetDatum(sql_integer(0, 1));
	values[3] = Int64GetDatum(sql_integer(0, 2));
	SPI_freetuptable(SPI_tuptable);
	values[4] = Float8GetDatum(milliseconds_since(start));
	tuplestore_putvalues(validation->result->setResult, validation->result->setDesc, values, nulls);
}

/* Runs a check of single rows: those of the table t for which a condition is true violate it. */
static void
run_row_check(const Validation *validation, const GraphStep *step, const char *check,
			  const char *violated)
{
	run_check(
		validation, step, check,
		psprintf("SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE %s) FROM %s AS t",
				 violated, from_table(step)));
}

/* Returns the condition that a row of t refers, by a reference or a part of one, to the row p. */
static const char *
refers(const GraphStep *step, const GraphRef *ref)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < ref->ncolumns; i++)
	{
		const TableColumn *column = table_column_number(step->table, ref->columns[i]);
		Oid				   key_type = get_atttype(ref->relid, ref->key[i]);
		const char		  *cast = getBaseType(key_type) == column->space->base
									  ? ""
									  : psprintf("::%s", qualified_type_name(getBaseType(key_type), -1));

		appendStringInfo(&sql, "%sp.%s %s t.%s%s", i > 0 ? " AND " : "",
						 quote_identifier(get_attname(ref->relid, ref->key[i], false)),
						 equality_operator(getBaseType(key_type)), quote_identifier(column->name),
						 cast);
	}
	return sql.data;
}

/* Returns the condition that a row of t has a reference at all. */
static const char *
has_reference(const GraphStep *step, const GraphRef *ref)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < ref->ncolumns; i++)
		appendStringInfo(&sql, "%st.%s IS NOT NULL", i > 0 ? " AND " : "",
						 quote_identifier(get_attname(step->table->relid, ref->columns[i], false)));
	return sql.data;
}

/* Looks for rows that refer to nothing. */
static void
check_reference(const Validation *validation, const GraphStep *step, const GraphRef *ref)
{
	StringInfoData violated;
	int			   nparts = Max(ref->ntargets, 1);
	const char	  *type = get_attname(step->table->relid, ref->columns[0], false);

	initStringInfo(&violated);
	appendStringInfo(&violated, "%s", has_reference(step, ref));
	for (int i = 0; i < nparts; i++)
	{
		const GraphRef *part = ref->ntargets > 0 ? &ref->targets[i] : ref;

		appendStringInfo(
			&violated, " AND NOT (%s%sEXISTS (SELECT FROM %s AS p WHERE %s))",
			ref->ntargets > 0 ? psprintf("t.%s::pg_catalog.text OPERATOR(pg_catalog.=) %s",
										 quote_identifier(type), quote_literal_cstr(ref->types[i]))
							  : "",
			ref->ntargets > 0 ? " AND " : "", resolve_quoted_name(part->relid), refers(step, part));
	}
	run_row_check(validation, step,
				  ref->constraint != NULL ? psprintf("foreign key %s", ref->constraint)
										  : psprintf("reference %s", ref->name),
				  violated.data);
}

/* Looks for keys that are there twice. */
static void
check_key(const Validation *validation, const GraphStep *step, const TableKey *key)
{
	Oid			index = get_relname_relid(key->name, get_rel_namespace(step->table->relid));
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(index)};
	const char *sql;

	sql_execute(
		"SELECT pg_catalog.string_agg(d.column, ', ' ORDER BY d.place),"
		" pg_catalog.string_agg(' AND (' OPERATOR(pg_catalog.||) d.column OPERATOR(pg_catalog.||) ') IS NOT NULL', ''),"
		" pg_catalog.pg_get_expr(i.indpred, i.indrelid)"
		" FROM pg_catalog.pg_index AS i"
		" CROSS JOIN LATERAL pg_catalog.generate_series(1, i.indnkeyatts::pg_catalog.int4) AS g (place)"
		" CROSS JOIN LATERAL (SELECT g.place, pg_catalog.pg_get_indexdef(i.indexrelid, g.place, true)) AS d (place, \"column\")"
		" WHERE i.indexrelid OPERATOR(pg_catalog.=) $1 GROUP BY i.indpred, i.indrelid",
		lengthof(types), types, values, NULL);
	sql = psprintf(
		"SELECT COALESCE(pg_catalog.sum(n), 0)::pg_catalog.int8,"
		" COALESCE(pg_catalog.sum(n OPERATOR(pg_catalog.-) 1), 0)::pg_catalog.int8"
		" FROM (SELECT pg_catalog.count(*) AS n FROM %s AS t WHERE %s%s GROUP BY %s(%s)) AS k",
		from_table(step), sql_text(0, 3) == NULL ? "true" : sql_text(0, 3),
		key->nulls_distinct ? sql_text(0, 2) : "",
		/* An expression may be a number, which would be a place. */
		key->expressions == NIL ? "" : "ROW", sql_text(0, 1));
	SPI_freetuptable(SPI_tuptable);
	run_check(validation, step, psprintf("unique %s", key->name), sql);
}

/* Looks for rows that checks of the table do not allow. */
static void
check_checks(const Validation *validation, const GraphStep *step)
{
	Oid			   types[] = {OIDOID};
	Datum		   values[] = {ObjectIdGetDatum(step->table->relid)};
	SPITupleTable *found;
	uint64		   count;

	count = sql_execute(
		"SELECT conname, pg_catalog.pg_get_expr(conbin, conrelid) FROM pg_catalog.pg_constraint"
		" WHERE conrelid OPERATOR(pg_catalog.=) $1 AND contype OPERATOR(pg_catalog.=) 'c'"
		" ORDER BY conname",
		lengthof(types), types, values, NULL);
	found = SPI_tuptable;
	for (uint64 i = 0; i < count; i++)
		run_row_check(validation, step,
					  psprintf("check %s", SPI_getvalue(found->vals[i], found->tupdesc, 1)),
					  psprintf("NOT (%s)", SPI_getvalue(found->vals[i], found->tupdesc, 2)));
	SPI_freetuptable(found);
}

/* Looks for NULLs that are not allowed. */
static void
check_not_null(const Validation *validation, const GraphStep *step)
{
	StringInfoData violated;
	ListCell	  *cell;

	initStringInfo(&violated);
	foreach(cell, step->table->columns)
	{
		const TableColumn *column = lfirst(cell);

		if (column->not_null || column->space->not_null)
			appendStringInfo(&violated, "%st.%s IS NULL", violated.len > 0 ? " OR " : "",
							 quote_identifier(column->name));
	}
	if (violated.len > 0)
		run_row_check(validation, step, "not null", violated.data);
}

/* Tells whether there are as many rows as planned. */
static void
check_count(const Validation *validation, const GraphStep *step)
{
	int64 planned = step->first_row + step->rows;

	run_check(validation, step, "rows",
			  psprintf("SELECT pg_catalog.count(*), GREATEST(" INT64_FORMAT
					   " OPERATOR(pg_catalog.-) pg_catalog.count(*), 0) FROM %s AS t",
					   planned, from_table(step)));
}

/* Tells whether a column has moments of the plan's time. */
static bool
is_moment(const GraphColumn *column)
{
	ValueKind kind = column->table_column->space->kind;

	return column->source == COLUMN_GENERATED && column->generator != NULL &&
		   strcmp(column->generator->kind->name, "moment") == 0 &&
		   (kind == VALUE_TIMESTAMP || kind == VALUE_DATE);
}

/* Returns a text member of what the plan says of a column, or NULL; likewise whether a flag is set. */
static char *
plan_member(const PlanStep *plan, const char *column, const char *member)
{
	ListCell *cell;

	foreach(cell, plan->columns)
	{
		const PlanColumn *planned = lfirst(cell);
		JsonbValue		  buffer;
		JsonbValue		 *value;

		if (strcmp(planned->name, column) != 0)
			continue;
		value = getKeyJsonValueFromContainer(&planned->arguments->root, member, strlen(member),
											 &buffer);
		if (value != NULL && value->type == jbvString)
			return pnstrdup(value->val.string.val, value->val.string.len);
		if (value != NULL && value->type == jbvBool && value->val.boolean)
			return pstrdup("true");
	}
	return NULL;
}

/* Returns the condition that a moment lies after the plan's time, as those of rows that others have written may; a day may be the next. */
static const char *
is_later(const GraphStep *step, const char *moment, bool is_day)
{
	return psprintf("CAST(%s AS pg_catalog.timestamptz) OPERATOR(pg_catalog.>)"
					" (GREATEST(CAST(%s AS pg_catalog.timestamptz), pg_catalog.now())%s)",
					moment, quote_literal_cstr(timestamptz_to_str(step->graph->plan->as_of)),
					is_day ? " OPERATOR(pg_catalog.+) interval '1 day'" : "");
}

/* Returns the condition that a moment lies in the plan's time: rows that others have written, or the schema brought along, need not. */
static const char *
is_planned(const GraphStep *step, const char *moment)
{
	return psprintf("CAST(%s AS pg_catalog.timestamptz) OPERATOR(pg_catalog.>=)"
					" CAST(%s AS pg_catalog.timestamptz)"
					" AND CAST(%s AS pg_catalog.timestamptz) OPERATOR(pg_catalog.<=)"
					" CAST(%s AS pg_catalog.timestamptz)",
					moment, quote_literal_cstr(timestamptz_to_str(step->graph->plan->since)),
					moment, quote_literal_cstr(timestamptz_to_str(step->graph->plan->as_of)));
}

/* Looks for moments out of order within a row, or after what is now. */
static void
check_moments(const Validation *validation, const GraphStep *step, const PlanStep *plan)
{
	for (int i = 0; i < step->ncolumns; i++)
	{
		const GraphColumn *column = &step->columns[i];
		const char		  *name = quote_identifier(column->name);
		const char		  *after = plan_member(plan, column->name, "after");

		if (!is_moment(column))
			continue;
		if (after != NULL)
			run_row_check(validation, step, psprintf("%s after %s", column->name, after),
						  psprintf("t.%s OPERATOR(pg_catalog.<) t.%s AND %s", name,
								   quote_identifier(after),
								   is_planned(step, psprintf("t.%s", quote_identifier(after)))));
		if (plan_member(plan, column->name, "future") == NULL &&
			!column->table_column->space->has_max)
			run_row_check(validation, step, psprintf("%s not in the future", column->name),
						  is_later(step, psprintf("t.%s", name),
								   column->table_column->space->kind == VALUE_DATE));
	}
}

/* Looks for rows that were made before what they refer to. */
static void
check_births(const Validation *validation, const GraphStep *step, const GraphRef *ref)
{
	const GraphStep *parent = ref->parent;
	const char		*moment;

	if (step->moment < 0 || ref->ntargets > 0 || parent == NULL || parent->moment < 0 ||
		parent == step || ref->later || ref->by_deferral || step->in_one ||
		!is_moment(&step->columns[step->moment]) ||
		step->columns[step->moment].table_column->space->base !=
			parent->columns[parent->moment].table_column->space->base)
		return;
	moment = quote_identifier(step->columns[step->moment].name);
	run_row_check(
		validation, step, psprintf("made after %s", ref->name),
		psprintf(
			"EXISTS (SELECT FROM %s AS p WHERE %s AND p.%s OPERATOR(pg_catalog.>) t.%s) AND %s",
			parent->table->quoted_name, refers(step, ref),
			quote_identifier(parent->columns[parent->moment].name), moment,
			is_planned(step, psprintf("t.%s", moment))));
}

/* Returns the plan's step of a name. */
static const PlanStep *
plan_step(const SeedPlan *plan, const char *name)
{
	ListCell *cell;

	foreach(cell, plan->steps)
	{
		if (strcmp(((PlanStep *) lfirst(cell))->name, name) == 0)
			return lfirst(cell);
	}
	elog(ERROR, "step \"%s\" is not in the plan", name);
}

/* Looks at the table of a step. */
static void
check_step(const Validation *validation, const GraphStep *step)
{
	ListCell *cell;

	check_count(validation, step);
	check_not_null(validation, step);
	foreach(cell, step->table->keys)
		check_key(validation, step, lfirst(cell));
	for (int i = 0; i < step->nrefs; i++)
	{
		check_reference(validation, step, &step->refs[i]);
		check_births(validation, step, &step->refs[i]);
	}
	check_checks(validation, step);
	check_moments(validation, step, plan_step(step->graph->plan, step->name));
}

/* pollseed_validate(plan, run_id) */
Datum
pollseed_validate(PG_FUNCTION_ARGS)
{
	Validation validation = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	List	  *problems = NIL;
	Jsonb	  *plan;
	SeedPlan  *read;
	Graph	  *graph;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	if (PG_ARGISNULL(0))
		validation.run = record_read(PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1), false);
	plan = validation.run == NULL ? PG_GETARG_JSONB_P(0) : validation.run->plan;
	read = plan_read(plan);
	if (validation.run != NULL)
		record_begin(validation.run, read);
	graph = graph_make(read, validation.run == NULL ? 0 : validation.run->seed, &problems);

	/* What could not be written any more can still be looked at. */
	if (graph->nsteps < list_length(graph->plan->steps))
		problems_raise(problems);
	if (validation.run != NULL)
		record_apply(validation.run, graph);
	for (int i = 0; i < graph->nsteps; i++)
		check_step(&validation, graph->steps[i]);
	SPI_finish();
	return (Datum) 0;
}
