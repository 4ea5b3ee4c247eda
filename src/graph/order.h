/*-------------------------------------------------------------------------
 *
 * order.h
 *		In which order tables are to be filled, and which references have to wait.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ORDER_H
#define POLLSEED_ORDER_H

#include "postgres.h"

/* A reference from one table to another, by their numbers. */
typedef struct OrderEdge
{
	int	 child;
	int	 parent;
	bool nullable;	 /* could be set later */
	bool deferrable; /* could be checked later */

	/* Out: set later; held by deferral; neither, where a circle needs all in one statement. */
	bool later;
	bool deferred;
} OrderEdge;

typedef struct Order
{
	int	 *sequence;	 /* the tables' numbers, parents before children */
	int	 *component; /* by table: tables of one number are in one circle */
	bool *in_one;	 /* by table: it is in a circle whose rows must be written in one statement */
} Order;

/*
 * Orders tables: strongly connected components by Tarjan's algorithm ("Depth-first search and linear
 * graph algorithms", SIAM J. Computing 1, 1972), without recursion; within one, as few references
 * wait as it takes, nullable ones before deferrable ones.  References of a table to itself are no
 * matter of order and are passed over.  The order is the same whenever tables and edges are given in
 * the same order, and of tables that could be anywhere the one given first comes first.
 */
extern Order *order_tables(int ntables, OrderEdge *edges, int nedges);

#endif /* POLLSEED_ORDER_H */
