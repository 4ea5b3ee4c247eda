/*-------------------------------------------------------------------------
 *
 * assign.h
 *		Casting values as assignment to a column does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ASSIGN_H
#define POLLSEED_ASSIGN_H

#include "catalog/pg_attribute.h"
#include "nodes/nodes.h"

#include "write/writer.h"

/* Returns an expression cast to a column's type, or NULL where that type cannot be assigned to it. */
extern Node *assignment_cast(Node *value, Oid type, Form_pg_attribute attribute);

/*
 * Casts values that many rows will share, as assignment to a column does, and
 * sets the column's type and typmod to what they are then, so that no row needs
 * the cast.  Leaves all as it is where the cast must be made for each row, or
 * there is none.  New values are allocated in the current memory context.
 */
extern void assign_values(Relation rel, WriteColumn *column, int nvalues, Datum *values,
						  bool *nulls);

#endif /* POLLSEED_ASSIGN_H */
