/*-------------------------------------------------------------------------
 *
 * stats.h
 *		What the server's statistics say of a column's values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GRAPH_STATS_H
#define POLLSEED_GRAPH_STATS_H

#include "graph/table.h"

typedef struct ColumnStats
{
	double nulls;	/* the share of NULLs */
	List  *values;	/* the most common ones, as texts that the type's input reads */
	List  *weights; /* of double *: how often each is there, as a share of all rows */
	List *
		histogram; /* bounds of ranges with as many of the other values each, as such texts; or NIL */
} ColumnStats;

/*
 * Reads pg_stats of a column, which shows what the caller may read; NULL where there is nothing.
 * Texts are no more than those that many rows have: other ones could be about somebody.  Needs SPI.
 */
extern ColumnStats *stats_read(const GraphTable *table, const TableColumn *column);

#endif /* POLLSEED_GRAPH_STATS_H */
