/*-------------------------------------------------------------------------
 *
 * resolve.h
 *		Relations as a plan names them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_RESOLVE_H
#define POLLSEED_RESOLVE_H

/* Returns the relation that a name means, qualified or on the search path; InvalidOid: none. */
extern Oid resolve_relation(const char *name);

/* Returns a relation's qualified name, quoted for SQL. */
extern const char *resolve_quoted_name(Oid relid);

#endif /* POLLSEED_RESOLVE_H */
