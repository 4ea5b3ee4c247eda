/*-------------------------------------------------------------------------
 *
 * relation.h
 *		Tables and columns that a caller names, opened and checked as the
 *		executor would.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_RELATION_H
#define POLLSEED_RELATION_H

#include "nodes/parsenodes.h"
#include "utils/relcache.h"

/*
 * Opens and locks a relation given by OID (regclass), until the end of the
 * transaction.  Raises 42P01 where it does not exist.
 */
extern Relation relation_open_by_oid(Oid relid, LOCKMODE lockmode);

/* Opens and locks the relation that a plain name means on the search path; NULL where there is none. */
extern Relation relation_open_by_name(const char *name, LOCKMODE lockmode);

/*
 * Raises 42501 unless the caller may use the relation's schema, as naming the
 * relation in SQL needs, and has a privilege on it or on any of its columns.
 */
extern void relation_check_privilege(Relation rel, AclMode mode);

/* Raises 42501 unless the caller has a privilege on the relation or on this column. */
extern void column_check_privilege(Relation rel, AttrNumber attnum, AclMode mode);

/* Raises 42809 unless rows can be written to the relation with SQL: a table of any kind, or a view. */
extern void relation_check_writable_kind(Relation rel);

/* Returns the relation's schema-qualified name, quoted for SQL. */
extern const char *relation_quoted_name(Relation rel);

#endif /* POLLSEED_RELATION_H */
