/*-------------------------------------------------------------------------
 *
 * batch.h
 *		One batch of rows: found, given their values, and written.
 *
 * A batch runs in the current transaction, as the backfill's owner, with SPI
 * connected.  At most four
 * statements make it: the keys, their values, the UPDATE (none where the rows are
 * written directly), and the new position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_BATCH_H
#define POLLSEED_BATCH_H

#include "utils/portal.h"

#include "backfill/ranges.h"
#include "backfill/table.h"

/* Rows of a table, by their place where it is known, else by their key. */
typedef struct BatchRows
{
	int				 count;
	ItemPointerData *tids; /* or NULL */
	Datum			*keys; /* nkeys for each */
} BatchRows;

/*
 * Gives rows their values.  Those that somebody else has locked or changed are
 * skipped.  With care, a row that raises an error is set aside and the others go
 * on; else the error is raised.
 */
extern void batch_fill(BackfillTable *table, Relation rel, const BatchRows *rows, bool careful,
					   BackfillFigures *figures);

/*
 * Returns, as int4[], which classes of places a visit to a block takes.  The old
 * versions that the last visit leaves are the ones whose space nobody uses, so the last
 * ones take few.
 */
extern Datum visit_classes(int visit);

/* Sets the key of the first row aside, because of an error; raises an error once there are too many. */
extern void batch_set_aside(const BackfillTable *table, const BatchRows *rows,
							const ErrorData *error, BackfillFigures *figures);

/* Takes out the rows that the backfill is done with. */
extern void batch_remove_settled(const BackfillTable *table, BatchRows *rows);

/* Looks at rows without a value, those left out that the backfill is done with. */
typedef void (*BatchLook)(const BackfillTable *table, const BatchRows *rows, int fetched,
						  void *arg);

/*
 * Has the next rows of a cursor looked at, which are gone after that; returns how many
 * there were.  Not settled: the backfill is done with none yet.
 */
extern int batch_look_at_next(const BackfillTable *table, Portal portal, int limit, bool settled,
							  BatchLook look, void *arg);

/*
 * Works on the next rows of a range, up to a limit, and moves its position in
 * memory.  Returns true when nothing is left of the range.
 */
extern bool batch_run(BackfillTable *table, Relation rel, BackfillRange *range, int limit,
					  bool careful, BackfillFigures *figures);

/* Returns the plan's result as rows: keys from a column on, and tids from the first one if asked for. */
extern BatchRows batch_rows_of_result(const BackfillTable *table, bool with_tids);

#endif /* POLLSEED_BATCH_H */
