/*-------------------------------------------------------------------------
 *
 * rights.h
 *		What a role may do by itself and by the roles that it is a member of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_RIGHTS_H
#define POLLSEED_CACHE_RIGHTS_H

/*
 * Returns a hash of a role's name, the roles that it is a member of, and its attributes: what policies
 * of row security go by.  Kept for the session until roles change.
 */
extern uint64 rights_of_role(Oid role);

#endif /* POLLSEED_CACHE_RIGHTS_H */
