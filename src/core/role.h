/*-------------------------------------------------------------------------
 *
 * role.h
 *		Running statements of ours as another role.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_ROLE_H
#define POLLSEED_ROLE_H

/* What role_leave() is to put back. */
typedef struct RoleSession
{
	Oid user;
	int security_context;
} RoleSession;

/* Returns the owner of the tables that the extension keeps; raises 42P01 where it is not installed. */
extern Oid extension_owner(void);

/*
 * Becomes a role, for statements of ours on tables of the extension's or the server's,
 * until role_leave(); an error puts the user back with its (sub)transaction.
 */
extern RoleSession role_enter(Oid role);

/*
 * Does the same for statements as the server's checks of foreign keys run them: row security
 * does not hold for the role's own tables, even where it is forced.
 */
extern RoleSession role_enter_for_check(Oid role);

/* Puts back the user. */
extern void role_leave(const RoleSession *session);

#endif /* POLLSEED_ROLE_H */
