/*-------------------------------------------------------------------------
 *
 * derivation.c
 *		Whether the values of each row can be made one after another: no value may
 *		be made of itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "core/compat.h"
#include "graph/derivation.h"
#include "graph/problem.h"

/* How far a column has been looked at. */
typedef enum Visit
{
	VISIT_NOT_YET,
	VISIT_BEGUN,
	VISIT_DONE
} Visit;

typedef struct Derivation
{
	const GraphStep *step;
	Visit			*visits; /* by column */
	int				*way;	 /* columns, each made of the next */
	int				 length;
} Derivation;

/* Returns the columns of the same row that a column's value is made of, as a list of indexes. */
static List *
made_of(const GraphStep *step, const GraphColumn *column)
{
	List	 *columns = NIL;
	ListCell *cell;

	if (column->source == COLUMN_GENERATED && column->generator != NULL)
	{
		foreach(cell, column->generator->reads)
		{
			const TableColumn *read = table_column(step->table, lfirst(cell));

			if (read != NULL)
				columns = lappend_int(columns, graph_column(step, read->attnum));
		}
	}
	else if (column->source == COLUMN_REF)
	{
		const GraphRef *ref = &step->refs[column->ref];

		/* The first rows of a table whose rows must refer to one of them refer to themselves. */
		if (ref->parent == step && ref->ntargets == 0 && !ref->nullable)
			columns = lappend_int(columns, graph_column(step, ref->key[column->ref_column]));
	}
	return columns;
}

/* Describes the way from a column to itself. */
static const char *
describe_loop(const Derivation *derivation, int column)
{
	StringInfoData text;
	int			   from = 0;

	while (derivation->way[from] != column)
		from++;
	initStringInfo(&text);
	appendStringInfoString(&text, "is made of itself");
	for (int i = from + 1; i < derivation->length; i++)
		appendStringInfo(&text, "%s\"%s\"", i == from + 1 ? ", by " : " and ",
						 derivation->step->columns[derivation->way[i]].name);
	return text.data;
}

/* Looks at a column and all that it is made of. */
static void
visit(Derivation *derivation, int column, List **problems)
{
	const GraphStep *step = derivation->step;
	ListCell		*cell;

	if (column < 0 || derivation->visits[column] == VISIT_DONE)
		return;
	if (derivation->visits[column] == VISIT_BEGUN)
	{
		*problems =
			problem_add(*problems, step->table->quoted_name, step->columns[column].name,
						describe_loop(derivation, column),
						"Give one of these columns a generator that reads none of the others.");
		return;
	}
	derivation->visits[column] = VISIT_BEGUN;
	derivation->way[derivation->length++] = column;
	foreach(cell, made_of(step, &step->columns[column]))
		visit(derivation, lfirst_int(cell), problems);
	derivation->length--;
	derivation->visits[column] = VISIT_DONE;
}

void
derivation_check(const GraphStep *step, List **problems)
{
	Derivation derivation = {.step = step,
							 .visits = palloc0_array(Visit, step->ncolumns + 1),
							 .way = palloc_array(int, step->ncolumns + 1)};

	for (int i = 0; i < step->ncolumns; i++)
		visit(&derivation, i, problems);
}
