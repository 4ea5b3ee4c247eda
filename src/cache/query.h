/*-------------------------------------------------------------------------
 *
 * query.h
 *		Queries whose results are cached, as this session understands them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_QUERY_H
#define POLLSEED_CACHE_QUERY_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/snapshot.h"

/* A range table, and what privileges on it are checked by. */
typedef struct RelationCheck
{
	List *range_table;
	List *permissions;
} RelationCheck;

/* A query, analyzed for a role and a search path; memory of the session. */
typedef struct CacheQuery
{
	/* What must be the same for an entry to be this query's: search path, tables and text. */
	const char *signature;
	int			signature_length;
	uint64		hash; /* of the signature */
	const char *text;

	bool			  is_volatile;
	bool			  uses_role;
	bool			  uses_settings;
	bool			  uses_clock;	  /* it asks when the transaction has begun */
	bool			  looks_names_up; /* when it runs */
	List			 *settings;		  /* names of others that it asks for */
	const char		 *refusal;		  /* why its results are not kept, or NULL */
	List			 *tables;		  /* OIDs, without views */
	List			 *checks;		  /* RelationCheck *, one a level of the query */
	List			 *functions;	  /* OIDs of those that not everybody may be allowed to call */
	const char		 *unknown;		  /* why not all tables are known, or NULL */
	struct QueryPlan *plan;			  /* what query.c needs besides */
} CacheQuery;

/*
 * Returns a query, analyzed anew where that is needed.  Raises its errors of syntax, and 22023 or
 * 0A000 where it is more than one SELECT.  The result is good until the next call.
 */
extern CacheQuery *query_find(const char *text, const Jsonb *params);

/* Locks what a query reads against changes of its definition, as running it does; but for partitions. */
extern void query_lock(const CacheQuery *query);

/* Has all queries analyzed anew in this session: names may mean something else. */
extern void query_forget_names(void);

/* Tells whether a query still means what it meant when it was analyzed. */
extern bool query_is_valid(const CacheQuery *query);

/* Keeps a query from being forgotten until it is let go, which must follow on an error, too. */
extern void query_hold(CacheQuery *query);
extern void query_let_go(CacheQuery *query);

/* Raises 42501 unless the caller has the privileges that running the query takes. */
extern void query_check_privileges(const CacheQuery *query);

/*
 * Runs a query in a snapshot, or, where that is NULL, in one of its own that shows what the transaction
 * has changed.  The query is held.  Returns the result in the current memory context; NULL for a null.
 */
extern Jsonb *query_run(const CacheQuery *query, const Jsonb *params, Snapshot snapshot);

#endif /* POLLSEED_CACHE_QUERY_H */
