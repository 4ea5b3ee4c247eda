/*-------------------------------------------------------------------------
 *
 * targeting.h
 *		The targeting preset: whom advertisements are for, and snapshots of it.
 *
 * A me-file holds traits; a target band asks for traits in groups; populations,
 * offers and events each belong to a me-file and a band, and their snapshot says
 * which of the band's traits the me-file held.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TARGETING_H
#define POLLSEED_TARGETING_H

#define TARGETING_ENGINE "targeting"
#define SNAPSHOT_COLUMN "matching_tags_snapshot"

/* The tables with snapshots, in the order in which these are filled. */
typedef enum SnapshotTable
{
	SNAPSHOTS_OF_POPULATIONS,
	SNAPSHOTS_OF_OFFERS,
	SNAPSHOTS_OF_EVENTS
} SnapshotTable;

#define N_SNAPSHOT_TABLES 3

/*
 * Returns the first schema on the search path that has the targeting tables;
 * raises 42P01 where there is none, 42703 where a column is missing.
 */
extern Oid targeting_schema(void);

/* Returns the name of a table with snapshots. */
extern const char *snapshot_table_name(SnapshotTable table);

/* Tells whether a table's rows without a snapshot have the preset's partial index, ready for use. */
extern bool snapshot_index_is_there(Oid schema, SnapshotTable table);

#endif /* POLLSEED_TARGETING_H */
