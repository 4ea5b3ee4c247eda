/*-------------------------------------------------------------------------
 *
 * targeting_source.h
 *		The queries that make snapshots, and that tell which are current.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TARGETING_SOURCE_H
#define POLLSEED_TARGETING_SOURCE_H

#include "lib/stringinfo.h"

#include "backfill/targeting.h"

/* The version that the snapshot of row r was made from, NULL where it does not tell. */
#define VERSION_OF_R                                      \
	"((r." SNAPSHOT_COLUMN " OPERATOR(pg_catalog.->) -1)" \
	" OPERATOR(pg_catalog.->>) 'version')"

/*
 * Returns the source query of a table's backfill: it gets populations' ids as $1,
 * or me-files as $1 with their bands as $2, and returns each key's snapshot.
 */
extern char *snapshot_source(Oid schema, SnapshotTable table);

/*
 * Appends WITH and a list in which versions (target_band_id, version) has the
 * present version of each band's definition.
 */
extern void append_version_ctes(StringInfo sql, Oid schema);

#endif /* POLLSEED_TARGETING_SOURCE_H */
