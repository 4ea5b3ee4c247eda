/*-------------------------------------------------------------------------
 *
 * batch_relation.h
 *		Cells of a batch of rows, as a relation that SQL can join with the table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_BATCH_RELATION_H
#define POLLSEED_BATCH_RELATION_H

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/queryenvironment.h"

#include "graph/cursor.h"

/* Which of a step's columns; the relation's are place (int4, the row's in the batch), v1, v2 … */
typedef struct BatchRelation
{
	GraphStep			  *step;
	const char			  *name;
	List				  *columns; /* of int: indexes in the step's columns */
	TupleDesc			   desc;
	EphemeralNamedRelation relation;
} BatchRelation;

/*
 * Makes a relation, which SQL sees under the name until batch_relation_drop().  Plans remember its
 * columns: two of different columns must not have one name within a connection to SPI.
 */
extern BatchRelation *batch_relation_make(GraphStep *step, const char *name, List *columns);

/*
 * Fills it with nrows rows from a first one on, those where skipped (which may be NULL) is not wanted left out;
 * returns how many there are.
 */
extern int batch_relation_fill(BatchRelation *batch, RowCursor *cursor, int64 first, int nrows,
							   const bool *skipped, bool wanted);

/* Empties it. */
extern void batch_relation_clear(BatchRelation *batch);

/* Takes it back from SQL. */
extern void batch_relation_drop(BatchRelation *batch);

/*
 * Appends the conditions that join it, as b, with the step's table, as t, by some of the columns, which
 * are the batch's first.
 */
extern void batch_relation_join(StringInfo sql, const GraphStep *step, const List *columns,
								bool nulls_distinct);

/* Returns a condition that is true where a column of t and a value of b are equal; never NULL unless nulls_distinct. */
extern const char *batch_relation_equal(const GraphStep *step, int column, int value,
										bool nulls_distinct);

#endif /* POLLSEED_BATCH_RELATION_H */
