/*-------------------------------------------------------------------------
 *
 * writer.h
 *		Batched writing of generated rows into a table, view or foreign table.
 *
 * A writer collects rows and writes them a batch at a time, by one of two
 * lanes with the same result: "spi", one prepared INSERT … SELECT a batch,
 * which works for every relation, and "direct", which inserts into plain heap
 * tables as COPY does and checks each distinct foreign key once.  The setting
 * pollseed.write_lane chooses; "auto" takes direct where nothing would run
 * that the lane does not run itself.
 *
 * The caller keeps SPI connected from writer_open() to writer_close(), and the
 * relation open with RowExclusiveLock.  An error needs no clean-up: the
 * transaction's end releases all.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_WRITER_H
#define POLLSEED_WRITER_H

#include "nodes/pg_list.h"
#include "utils/relcache.h"

#define MIN_BATCH_SIZE 1
#define MAX_BATCH_SIZE 100000

/* A column to write: values that come with each row, or one literal for all rows. */
typedef struct WriteColumn
{
	const char *name;
	Oid			type;	 /* of the values; assigned to the column's type as INSERT does */
	int32		typmod;	 /* of the values */
	const char *literal; /* or NULL; read by the column's input function, and no value is given */
	bool		overriding; /* may be an identity column that is GENERATED ALWAYS */
} WriteColumn;

typedef struct Writer Writer;

/* What a writer did. */
typedef struct WriteFigures
{
	int64		rows_sent;
	int64		rows_inserted; /* fewer where a trigger or rule drops or redirects rows */
	int			batches;
	const char *lane; /* "spi" or "direct" */
} WriteFigures;

/*
 * Makes a writer for some columns of a relation; the others get their defaults.
 * Checks the caller's privilege to insert and that each column takes its type,
 * and raises an error that names the reason where pollseed.write_lane asks for
 * "direct" and the relation does not qualify.
 */
extern Writer *writer_open(Relation rel, int ncolumns, const WriteColumn *columns, int batch_size);

/*
 * Before the first row: fills a table without rows as a restore does, if it may be and can be. Until the end
 * of the transaction nobody else can use it then; its indexes are built, and its foreign keys to tables that
 * were filled in the same way, by their OIDs in *loaded, are proven, in writer_close().  Returns whether so, and adds it to *loaded.
 */
extern bool writer_load(Writer *writer, List **loaded);

/*
 * Returns room for the next row's values, one for each column without a literal,
 * all set to NULL in *isnull.  What they point to must live until the batch is
 * written, which happens within a later call.
 */
extern Datum *writer_next_row(Writer *writer, bool **isnull);

/* Writes the rows that were collected, so that what their values point to need live no longer. */
extern void writer_flush(Writer *writer);

/* Returns how many rows were inserted so far; fewer than were given where a trigger or rule dropped some. */
extern int64 writer_inserted(const Writer *writer);

/* Forgets the rows that were collected, after an error that a subtransaction caught. */
extern void writer_discard(Writer *writer);

/* Writes what is left, frees the writer, and returns what it did. */
extern WriteFigures writer_close(Writer *writer);

/* Defines the settings. */
extern void writer_init(void);

#endif /* POLLSEED_WRITER_H */
