/*-------------------------------------------------------------------------
 *
 * updater.h
 *		Filling one column of chosen rows of a live table, a batch at a time.
 *
 * An updater writes to rows whose column is still NULL, and to no others: it
 * never overwrites a value and never waits for a row's lock.  As a writer does,
 * it has two lanes with the same result: "spi", one prepared UPDATE a batch,
 * which works for every table without rules on UPDATE, and "direct", which does
 * to plain heap tables what UPDATE would.  The setting pollseed.write_lane
 * chooses, anew for each batch, since what a table allows may change between
 * two transactions.
 *
 * An updater lives as long as its memory context, over any number of
 * transactions.  An error needs no clean-up but the (sub)transaction's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_UPDATER_H
#define POLLSEED_UPDATER_H

#include "storage/itemptr.h"
#include "utils/relcache.h"

/* A row to fill. */
typedef struct UpdateRow
{
	ItemPointerData tid;
	Datum			value;	/* not NULL */
	bool			filled; /* set by updater_write() */
} UpdateRow;

typedef struct Updater Updater;

/*
 * Makes an updater for a column of a table, which is open and locked
 * RowExclusiveLock.  Values of its type are assigned to the column's as UPDATE
 * does.  Checks the current user's privilege to update the column and that it
 * takes the type, and raises an error that names the reason where
 * pollseed.write_lane asks for "direct" and the table does not qualify.  Needs
 * SPI.  The updater is allocated in the memory context given and freed with it.
 */
extern Updater *updater_make(Relation rel, AttrNumber attnum, Oid value_type, int32 value_typmod,
							 MemoryContext context);

/*
 * Fills those of the rows that are still at their tid, whose column is NULL, and
 * that nobody else has locked or changed; passes over the others.  Returns how
 * many were filled, and sets in each row whether it was.  Raises what UPDATE
 * would raise, and then has filled nothing once the (sub)transaction is undone.
 *
 * The rows are sorted by tid, none twice.  The same table is open again in this
 * transaction and locked RowExclusiveLock; SPI is connected.  The caller has held
 * a snapshot since it read the tids and values: without one, vacuum might give a
 * tid to another row, or take away the toasted part of a value.
 */
extern int64 updater_write(Updater *updater, Relation rel, UpdateRow *rows, int nrows);

/* Returns the lane of the last batch, or before the first that of the next: "spi" or "direct". */
extern const char *updater_lane(const Updater *updater);

/* Frees the updater. */
extern void updater_free(Updater *updater);

#endif /* POLLSEED_UPDATER_H */
