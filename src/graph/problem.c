/*-------------------------------------------------------------------------
 *
 * problem.c
 *		What cannot work in a plan, collected so that all of it is told at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/compat.h"
#include "graph/problem.h"

List *
problem_add(List *problems, const char *relation, const char *column, const char *problem,
			const char *hint)
{
	Problem *added = palloc0_object(Problem);

	added->relation = relation;
	added->column = column;
	added->problem = problem;
	added->hint = hint;
	return lappend(problems, added);
}

void
problems_raise(const List *problems)
{
	const Problem *first;
	int			   more = list_length(problems) - 1;

	if (problems == NIL)
		return;
	first = linitial(problems);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 first->column != NULL
				 ? errmsg("table %s, column %s: %s", first->relation, first->column, first->problem)
				 : errmsg("table %s: %s", first->relation, first->problem),
			 more > 0 ? errdetail_plural(
							"The plan has %d more problem, which pollseed_plan_check() tells.",
							"The plan has %d more problems, which pollseed_plan_check() tells.",
							more, more)
					  : 0,
			 first->hint != NULL ? errhint("%s", first->hint) : 0));
}
