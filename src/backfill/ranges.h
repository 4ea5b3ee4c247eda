/*-------------------------------------------------------------------------
 *
 * ranges.h
 *		Ranges of rows: what one process works on at a time, and where it stands.
 *
 * A range is a row of pollseed.backfill_ranges, which a batch moves on in its own
 * transaction, so that its position always is what is committed.  Who works on it
 * holds a session-level lock on it, which goes with the process.  Each run of a
 * backfill has a number that its ranges bear: a process of an earlier run that
 * still lives moves none on, and so commits nothing.  Lock order: the rows of the
 * table, the range's, the part's, the backfill's.
 *
 * All of it needs SPI to be connected, and runs as the backfill's owner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_RANGES_H
#define POLLSEED_RANGES_H

#include "storage/block.h"

#include "backfill/table.h"

/*
 * Visits of each block of a window: at each some of its rows are filled, and
 * committed, so that the next one can use the space of their old versions.
 */
#define BLOCK_VISITS 10

/* Places of rows fall into so many classes, by a hash; a visit takes some of them. */
#define PLACE_CLASSES 32

/* What happened to rows. */
typedef struct BackfillFigures
{
	int64  filled;
	int64  no_data;
	int64  quarantined;
	int64  skipped;
	int64  batches;
	uint64 wal_bytes;

	/* Not figures, but shown with them: how rows are written, and how many the next batch has; NULL and 0: as before. */
	const char *lane;
	int			batch_size;
} BackfillFigures;

typedef struct BackfillRange
{
	int64		  id;
	int			  part_no;
	Oid			  relid;
	MemoryContext context;
	bool		  by_blocks;
	bool		  locked;			/* by this process's session */
	uint64		  table_generation; /* of the table that it was used with, or 0 */

	int batch_size; /* as it last was, or 0 */

	/* By blocks: from first_block up to end_block, excluded. */
	BlockNumber first_block;
	BlockNumber end_block;
	int			visit;
	int			visits;

	/* After the position up to the end key, included. */
	Datum			array;	   /* the position as it was read, or 0 */
	Datum			end_array; /* the end key as it was read, or 0 */
	bool			has_position;
	bool			inclusive; /* there may be more rows with the key of the position */
	bool			ends;
	Datum			position[MAX_KEY_COLUMNS]; /* the last key */
	Datum			end_key[MAX_KEY_COLUMNS];
	ItemPointerData tid; /* by blocks, the last row of this visit */
} BackfillRange;

/* What there was to claim. */
typedef enum ClaimResult
{
	CLAIM_RANGE,  /* a range, */
	CLAIM_AGAIN,  /* nothing yet: to be asked again, in another transaction, */
	CLAIM_OTHERS, /* nothing but what others work on, */
	CLAIM_NOTHING /* nothing any more */
} ClaimResult;

/* How much to claim. */
typedef struct ClaimRequest
{
	int	   batch_size;
	bool   shared;		 /* other processes may work on the backfill, now or later */
	int	   workers;		 /* that do now */
	double rows_a_block; /* without a value, as seen so far; changed by a claim */
} ClaimRequest;

/* Opens the table that a range or part is of; see run_open_table(). */
typedef BackfillTable *(*TableOpener)(void *arg, Oid relid, Relation *rel);

/* Takes over the ranges that earlier runs left. */
extern void ranges_adopt(const Backfill *backfill);

/* Claims a range that is open, or the next one of a part, into a new memory context below the one given. */
extern ClaimResult range_claim(const Backfill *backfill, ClaimRequest *request,
							   TableOpener open_table, void *arg, MemoryContext parent,
							   BackfillRange **range);

/*
 * Makes the position, as it was read, a position of the table's keys.  Returns false
 * where the table was altered since: the range must be read anew then.
 */
extern bool range_use_table(BackfillRange *range, const BackfillTable *table);

/* Keeps the range's position and adds the figures; returns false, and changes nothing, if the run is not ours any more. */
extern bool range_advance(const Backfill *backfill, const BackfillTable *table,
						  const BackfillRange *range, const BackfillFigures *figures);

/* Adds the figures to the backfill's and removes the range; as range_advance() otherwise. */
extern bool range_finish(const Backfill *backfill, const BackfillRange *range,
						 const BackfillFigures *figures);

/* Adds figures to the backfill's own; returns false if the run is not ours any more. */
extern bool figures_add(const Backfill *backfill, const BackfillFigures *figures);

/* Sets the position of a range of keys. */
extern void range_set_position(BackfillRange *range, const BackfillTable *table, const Datum *key);

/* Lets go of a range, wherever it stands. */
extern void range_release(BackfillRange *range);

#endif /* POLLSEED_RANGES_H */
