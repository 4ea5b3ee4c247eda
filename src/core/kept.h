/*-------------------------------------------------------------------------
 *
 * kept.h
 *		What is made from the definitions of relations, kept for the session until one of
 *		them changes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_KEPT_H
#define POLLSEED_KEPT_H

#include "nodes/pg_list.h"

/* A table of what is kept, a static variable with its name; the rest is the module's. */
typedef struct KeptTable
{
	const char				 *name;
	struct HTAB				 *entries;
	struct MemoryContextData *context;
	struct KeptTable		 *next;
} KeptTable;

/*
 * Makes what is kept under a key, in the current memory context, and sets the OIDs of the
 * relations that it is made from.  NULL is not kept.
 */
typedef void *(*KeptMaker)(Oid key, List **relations, void *arg);

/*
 * Returns what is kept under a key, made anew where the server has said that one of its relations
 * has changed.  That can be at any time, also while it is made or in use: so it is only marked
 * as old then, and one that was replaced lasts until the transaction ends.
 */
extern void *kept_find(KeptTable *table, Oid key, KeptMaker make, void *arg);

#endif /* POLLSEED_KEPT_H */
