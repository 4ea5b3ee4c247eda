/*-------------------------------------------------------------------------
 *
 * track.h
 *		Tables whose changes are tracked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_TRACK_H
#define POLLSEED_CACHE_TRACK_H

#include "access/attnum.h"

/* A table has no tally. */
#define NO_TALLY (-1)

/* How a table is tracked; memory of the session, until the table changes. */
typedef struct TrackedTable
{
	const char *problem;  /* why not all of its changes are seen, with a name, or NULL */
	const char *hint;	  /* what to do about it, or NULL */
	AttrNumber	key;	  /* or 0: only whole tables can be depended on */
	Oid			key_type; /* without domains */
	int			tally; /* column that is summed up by key, 0 where rows are counted, or NO_TALLY */
} TrackedTable;

/*
 * Tells how a table is tracked, with all its partitions and heirs, at some moment during the
 * call: so who keeps a result reads the versions of its tags before.  Looked up once a
 * session, and anew when one of them changes.  The result is good until the next call.
 */
extern const TrackedTable *tracked_table(Oid relid);

/*
 * Returns the text that changes of rows with a key are noted by, given some text of the key: '042'
 * of an integer is '42'.  Raises the type's errors where it is none of its values.
 */
extern const char *tracked_key_text(const TrackedTable *table, const char *text);

/*
 * Tells whether this transaction has changed rows of a table, its partitions or heirs, and has not
 * yet noted so: a statement is still at work, whose triggers fire when it ends.
 */
extern bool tracked_changes_are_due(Oid relid);

/*
 * Tracks a table, and all that inherit from it, that has just become a partition or an heir, if
 * it is one of a tracked table; false where that failed, so that the other is not tracked any more.
 */
extern bool track_new_member(Oid relid);

#endif /* POLLSEED_CACHE_TRACK_H */
