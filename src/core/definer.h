/*-------------------------------------------------------------------------
 *
 * definer.h
 *		Running later what a role has defined: as that role, under the settings
 *		that it was defined under.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_DEFINER_H
#define POLLSEED_DEFINER_H

#include "utils/jsonb.h"

/* What definer_enter() is to put back. */
typedef struct DefinerSession
{
	Oid user;
	int security_context;
	int guc_level;
} DefinerSession;

/*
 * Returns the settings of this session that the meaning of SQL depends on, as jsonb.
 * The search path ends with temporary tables, which else stood before all others:
 * those of whoever runs it are none of the definition's.  Needs SPI.
 */
extern Datum definer_settings(void);

/*
 * Becomes the role that defined something, with the settings of then, until
 * definer_leave(); an error puts all back with its (sub)transaction.
 */
extern DefinerSession definer_enter(Oid owner, Jsonb *settings);

/* Sets another setting until definer_leave(). */
extern void definer_set(const char *name, const char *value);

/* Has nobody wait long for a lock until definer_leave(), unless lock_timeout says otherwise. */
extern void definer_limit_lock_waits(void);

/* Puts back the user and the settings. */
extern void definer_leave(const DefinerSession *session);

#endif /* POLLSEED_DEFINER_H */
