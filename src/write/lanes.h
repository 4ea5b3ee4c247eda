/*-------------------------------------------------------------------------
 *
 * lanes.h
 *		What a writer and its lanes know of each other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_LANES_H
#define POLLSEED_LANES_H

#include "access/tupdesc.h"

#include "write/writer.h"

/* A column of the target with what is to be written there. */
typedef struct TargetColumn
{
	AttrNumber	attnum;
	const char *name;
	const char *literal; /* or NULL */
	int			source;	 /* index into a row's values, unless literal */
} TargetColumn;

/* A writer's rows and where they go. */
typedef struct WriteJob
{
	Relation	  rel;
	int			  ncolumns;
	TargetColumn *columns;
	TupleDesc	  source;	  /* a row's values */
	bool		  overriding; /* values of identity columns are written, too */
	int			  batch_size; /* at most so many rows in a batch */
	MemoryContext context;	  /* lives as long as the writer */
	MemoryContext batch;	  /* emptied after each batch */
} WriteJob;

/* Rows to be written, one after the other. */
typedef struct WriteBatch
{
	int	   nrows;
	Datum *values; /* nrows times source->natts */
	bool  *nulls;
} WriteBatch;

typedef struct SpiLane	  SpiLane;
typedef struct DirectLane DirectLane;

/* Tells whether pollseed.write_lane leaves the choice of the direct lane. */
extern bool lane_may_be_direct(void);

/*
 * Tells whether the direct lane is taken, given why it cannot be, or NULL; raises
 * an error that names the reason where the setting asks for that lane.
 */
extern bool lane_is_direct(Relation rel, const char *refusal);

/* Prepares the INSERT that writes a batch. */
extern SpiLane *spi_lane_open(const WriteJob *job);

/* Writes a batch; returns how many rows the server counts as inserted. */
extern int64 spi_lane_write(SpiLane *lane, const WriteBatch *batch);

/* Lets go of what the lane registered with SPI. */
extern void spi_lane_close(SpiLane *lane);

/* Prepares defaults, constraints, indexes and foreign key proofs of a relation that was not refused. */
extern DirectLane *direct_lane_open(const WriteJob *job);

/* Writes a batch. */
extern int64 direct_lane_write(DirectLane *lane, const WriteBatch *batch);

/*
 * Before the first batch: has an empty table filled as load.h says, where that can be, foreign keys to tables of
 * *loaded and to itself proven at the end; adds it to *loaded then, and returns whether it did.
 */
extern bool direct_lane_load(DirectLane *lane, List **loaded);

/* Builds or closes the indexes, proves what is left to be, and frees the executor's state. */
extern void direct_lane_close(DirectLane *lane);

#endif /* POLLSEED_LANES_H */
