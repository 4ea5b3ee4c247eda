/*-------------------------------------------------------------------------
 *
 * tallies.h
 *		Sums by key that commits keep up to date in shared memory.
 *
 * A tally belongs to a table with an integer key: the number of its rows by key
 * (column 0), or the sum of an integer column by key.  It holds what was added by
 * all transactions that committed since somebody first asked for it.  So what a
 * result has of a key, plus what was added since the result's snapshot, is what the
 * result would have now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TALLIES_H
#define POLLSEED_TALLIES_H

#include "access/attnum.h"
#include "utils/snapshot.h"

/* Keys of a tally; a change of another is one of the table's shape. */
#define TALLY_CELLS 256

/* A tally as it was at some moment: what a result that depends on it keeps. */
typedef struct TallyState
{
	Oid		   table;
	AttrNumber key;	   /* the column that sums are kept by */
	AttrNumber column; /* that is summed up; 0: rows are counted */

	int32  set;
	uint32 generation;
	int32  ncells;
	int64  cells[TALLY_CELLS]; /* only so many as there were keys */
} TallyState;

/* Something to be added to what a result has of a key. */
typedef struct TallyChange
{
	int	  tally; /* index of the state that it is of */
	int64 key;
	int64 delta;
} TallyChange;

/* Returns the bytes that a state takes where it is kept. */
static inline Size
tally_state_size(const TallyState *state)
{
	return MAXALIGN(offsetof(TallyState, cells) + state->ncells * sizeof(int64));
}

/* Finds or makes a tally, whose table and columns are set, and sets the state's set and generation. */
extern void tally_open(TallyState *state);

/*
 * Takes a new snapshot, which the caller pushes at once, and sets the states of tallies to what
 * it shows.  Returns NULL where a tally is gone, or where commits came too fast for too long.
 */
extern Snapshot tallies_snapshot(TallyState **states, int count);

/*
 * Compares tallies with what they were: returns how many changes there are, at most room, which
 * are filled in; -1 where that cannot be told.  All are of the same moment, which *version
 * stands for: as long as it is the same, nothing was added.
 */
extern int tallies_compare(TallyState *const *states, int count, TallyChange *changes, int room,
						   uint64 *version);

/* Tells whether nothing was added to tallies since they had a version. */
extern bool tallies_are_of(TallyState *const *states, int count, uint64 version);

/* One of a transaction's changes to a tally, as changes.c hands them over. */
typedef struct TallyDelta
{
	Oid		   table;
	AttrNumber column;
	int64	   key;
	int64	   delta;
	int		   level; /* of the subtransaction */
	int32	   set;	  /* where it goes; -1: nowhere */
	uint32	   generation;
	int32	   cell;
} TallyDelta;

/* Finds where a change goes, before the commit; false where it has no place. */
extern bool tally_reserve(TallyDelta *delta);

/* Adds the changes of a transaction that has committed; cannot fail.  Marks those whose tally is gone with set -1. */
extern void tallies_add(TallyDelta *deltas, int count);

/* Attaches the shared memory; raises errors at its first call in a session. */
extern void tallies_attach(void);

/* Makes the shared memory known, when the library is loaded. */
extern void tallies_init(void);

#endif /* POLLSEED_TALLIES_H */
