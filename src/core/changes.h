/*-------------------------------------------------------------------------
 *
 * changes.h
 *		What the running transaction has changed, and its bracket around the commit.
 *
 * Changes are noted as slots of tags.  They go with their subtransaction when that
 * is rolled back.  When the transaction commits, its slots are marked as pending
 * before it becomes visible, and their versions are raised after; the order, and why it
 * is right, stands in tags.c.  A prepared transaction leaves its slots in
 * shared memory, where whoever looks at them next finds that it has committed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CHANGES_H
#define POLLSEED_CHANGES_H

#include "access/attnum.h"
#include "nodes/pg_list.h"

#include "core/tags.h"

/* Notes that something of a slot was changed. */
extern void changes_note(uint32 slot);

/* Notes that rows of a key were changed; if there are many, that all rows of the table may have been. */
extern void changes_note_rows(Oid table, uint32 rows_slot);

/*
 * Notes that a tally of a table has another sum for a key when the transaction commits; if
 * there are many, or nobody uses the tally, that the table's shape was changed.
 */
extern void changes_note_tally(Oid table, AttrNumber column, int64 key, int64 delta);

/* Notes that anything of a table, and of those that it is a partition or an heir of, may have been changed. */
extern void changes_note_table(Oid table);

/* Returns a table with those that it is a partition or an heir of, nearest first. */
extern List *changes_table_and_ancestors(Oid table);

/* Tells whether the transaction has noted a change of any of the tags. */
extern bool changes_include(const TagVersion *tags, int count);

/* Tells whether it has noted a change of a slot. */
extern bool changes_include_slot(uint32 slot);

/* Sets the callbacks at the ends of transactions, when the library is loaded. */
extern void changes_init(void);

#endif /* POLLSEED_CHANGES_H */
