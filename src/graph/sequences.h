/*-------------------------------------------------------------------------
 *
 * sequences.h
 *		Values of sequences, taken in blocks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SEQUENCES_H
#define POLLSEED_SEQUENCES_H

/* Returns a sequence's increment. */
extern int64 sequence_increment(Oid sequence);

/*
 * Takes `count` values of a sequence, one after the other, which nobody else gets, and returns the
 * first.  They lie beyond all values of the column that it is for, where the sequence was left
 * behind.  With `take` false only says which they would be.  Checks the caller's
 * privileges as nextval() does.  Needs SPI; raises 2200H where the sequence, or the column's type, has not so many left.
 */
extern int64 sequence_take(Oid sequence, Oid relid, AttrNumber attnum, int64 count, bool take);

/*
 * Has a sequence go on beyond a value that it gave to rows which are written again; it may have been
 * set back since.  Needs SPI; checks the caller's privileges where it changes anything.
 */
extern void sequence_pass(Oid sequence, int64 value);

#endif /* POLLSEED_SEQUENCES_H */
