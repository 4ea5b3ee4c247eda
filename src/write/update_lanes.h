/*-------------------------------------------------------------------------
 *
 * update_lanes.h
 *		What an updater and its lanes know of each other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_UPDATE_LANES_H
#define POLLSEED_UPDATE_LANES_H

#include "access/tupdesc.h"
#include "nodes/bitmapset.h"
#include "nodes/primnodes.h"

#include "write/updater.h"

/* The columns of UpdateJob.source. */
#define SOURCE_TID 1
#define SOURCE_VALUE 2

/* What an updater fills; what depends on the table is as of the batch at hand. */
typedef struct UpdateJob
{
	Relation   rel;
	AttrNumber attnum;
	TupleDesc  source; /* a row's tid and value */
	Bitmapset
		*changed;	  /* the column and those generated from it, as the executor numbers columns */
	bool changes_key; /* whether one of them is in a key that foreign keys may refer to */
	const char *routing; /* why an extension that routes rows excludes the direct lane, or NULL */
} UpdateJob;

typedef struct SpiUpdate SpiUpdate;

/* Returns the expression that assigns a Var of the source to the column; raises 42804 where there is none. */
extern Expr *update_assignment(const UpdateJob *job);

/* Makes the SPI lane; its plan is freed with the current memory context. */
extern SpiUpdate *spi_update_make(const UpdateJob *job);

/* Fills rows with UPDATE. */
extern int64 spi_update_write(SpiUpdate *lane, UpdateRow *rows, int nrows);

/* Fills rows of a table that was not refused. */
extern int64 direct_update_write(const UpdateJob *job, UpdateRow *rows, int nrows);

#endif /* POLLSEED_UPDATE_LANES_H */
