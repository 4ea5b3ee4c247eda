/*-------------------------------------------------------------------------
 *
 * infer.h
 *		Which generator suits a column, by its name, type, comment and checks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_INFER_H
#define POLLSEED_INFER_H

#include "graph/plan.h"
#include "graph/table.h"

/* What is known about the column's place. */
typedef struct InferRequest
{
	const GraphTable  *table;
	const TableColumn *column;
	bool			   unique;	   /* alone in a unique key */
	bool			   referred;   /* others refer to it, and had better find a value */
	bool			   from_stats; /* follow pg_stats where it has something */
} InferRequest;

/*
 * Returns the column's object for the plan: {"generator": …, "why": …, arguments}.  There is always
 * one that gives values of the column's space, as far as can be known.
 */
extern JsonbValue *infer_column(const InferRequest *request);

#endif /* POLLSEED_INFER_H */
