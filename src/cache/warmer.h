/*-------------------------------------------------------------------------
 *
 * warmer.h
 *		Queries that are computed before anybody asks: the table
 *		pollseed.cache_warmers.
 *
 * A warmer is its owner's, and runs as he under the settings that it was made under.  The rows
 * are read and written as the table's owner.  Nobody waits for a row here but who defines or drops
 * a warmer: what another is about to write down of it, or has just done, is left to him.
 * All of it needs SPI to be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_WARMER_H
#define POLLSEED_CACHE_WARMER_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"

/* A warmer as it is defined, or read from its row. */
typedef struct Warmer
{
	int64		id;
	Oid			owner;
	const char *cache;
	const char *key;
	const char *query;
	Jsonb	   *params; /* or NULL, as the three that follow */
	Interval   *ttl;
	ArrayType  *depends_on;
	Interval   *every; /* of one that is to be defined */
	Jsonb	   *settings;

	/* What is kept is good enough if it stays so for so long. */
	int64 fresh_for_us;
} Warmer;

/* What came of running a warmer. */
typedef struct WarmerRun
{
	const Warmer *warmer;
	const char	 *outcome; /* as the view shows it */
	bool		  computed;
	ErrorData	 *error;   /* or NULL */
	const char	 *problem; /* the error, or why what was computed is not kept, or NULL */
	double		  time_ms;
} WarmerRun;

/* Keeps a warmer of the current user's, due now if it has a schedule, in place of one of that cache and key; returns its id. */
extern int64 warmer_define(const Warmer *warmer);

/* Drops the current user's warmer of a key; returns whether there was one. */
extern bool warmer_drop(const char *cache, const char *key);

/* Returns the warmers, of a cache or of all, whose owners' privileges the current user has, as a List of Warmer. */
extern List *warmers_of_user(const char *cache);

/* Tells whether the current user has warmers with a schedule, and sets in how many milliseconds the first is due. */
extern bool warmers_look(int64 *wait_ms);

/* Has all of these be due now. */
extern void warmers_hasten(void);

/*
 * Returns one of these that is due, and sets when it is due next, so that it is nobody else's for
 * this time; NULL where there is none.
 */
extern Warmer *warmer_claim(void);

/* Runs a warmer in a subtransaction.  An interruption is raised, any other error is in the result. */
extern WarmerRun *warmer_run(const Warmer *warmer);

/*
 * Writes down what came of a run, and when to try again if it failed; a transaction that is read-only writes nothing.
 * Who has written does not wait for another session that computes the same: so runs come first.
 */
extern void warmer_record(WarmerRun *run);

#endif /* POLLSEED_CACHE_WARMER_H */
