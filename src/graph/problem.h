/*-------------------------------------------------------------------------
 *
 * problem.h
 *		What cannot work in a plan, collected so that all of it is told at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PROBLEM_H
#define POLLSEED_PROBLEM_H

#include "nodes/pg_list.h"

typedef struct Problem
{
	const char *relation; /* qualified and quoted, as the plan names it */
	const char *column;	  /* or NULL: the table as a whole */
	const char
		*problem;	  /* a sentence's beginning in lower case, without a full stop, as errmsg() */
	const char *hint; /* a full sentence; or NULL */
} Problem;

/* Adds a problem to a list of them.  The texts are kept, not copied. */
extern List *problem_add(List *problems, const char *relation, const char *column,
						 const char *problem, const char *hint);

/* Raises 22023 with the first problem, and says how many there are; returns where there is none. */
extern void problems_raise(const List *problems);

#endif /* POLLSEED_PROBLEM_H */
