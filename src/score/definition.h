/*-------------------------------------------------------------------------
 *
 * definition.h
 *		What a score is: its row in pollseed.scores, its sources.
 *
 * The rows are read and written as the table's owner, so that nobody needs a
 * privilege on it and nobody can forge a score.  A score's view is asked as the
 * role that made the score, whoever calls.  All of it needs SPI to be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_DEFINITION_H
#define POLLSEED_SCORE_DEFINITION_H

#include "core/definer.h"
#include "score/source.h"

/* A score as read from its row. */
typedef struct Score
{
	int64		id;
	const char *name; /* of its table, qualified and quoted, as it is now where that exists */
	Oid			owner;
	bool		owner_exists;
	Oid			relation; /* InvalidOid: it is gone, as the next three */
	Oid			queue;
	Oid			fresh;
	Oid			definition;
	const char *queue_name; /* qualified and quoted, as the others */
	const char *fresh_name;
	const char *definition_name;
	int			nkeys;
	List	   *key_names; /* of its columns */
	Jsonb	   *settings;
	Jsonb	   *user_sources; /* or NULL */
	const char *fingerprint;
	bool		restored; /* from another database, and not looked at since */
	bool		paused;
	const char *problem; /* or NULL */
	int64		job;	 /* or 0 */

	/* What refreshes cost: the milliseconds a key, and of a full one. */
	double		delta_key_ms;
	double		full_ms;
	bool		full_is_measured; /* else it is what filling the table took */
	const char *last_mode;		  /* or NULL */
} Score;

/*
 * Reads the score that a name means: that of a table on the search path, or
 * qualified, or the name that a score has kept.  Raises 42704 where there is none, and
 * 42501 unless the caller has the privileges of its owner.
 */
extern Score *score_read(const char *name);

/* Does the same without a check; NULL where there is none. */
extern Score *score_find(const char *name);

/* Raises 42501 unless the caller has the privileges of a score's owner. */
extern void score_check_privileges(const Score *score);

/* Does the same for one that is to be dropped, also without an owner; NULL, with a notice, where there is none. */
extern Score *score_read_to_drop(const char *name);

/* Reads a score by its id, without a check; NULL where there is none. */
extern Score *score_read_by_id(int64 id);

/* Reads a score's sources, in the order of their numbers. */
extern List *score_sources(const Score *score);

/* Raises 55000 where a score has a problem, or 42P01 where something of it is gone. */
extern void score_check_usable(const Score *score);

/* Runs an UPDATE of a score's row.  The SET clause may use a text, which may be NULL, as $2. */
extern void score_update(int64 id, const char *set, const char *text);

/* Becomes a score's owner with the settings that it was made under, until definer_leave(). */
extern DefinerSession score_enter(const Score *score);

#endif /* POLLSEED_SCORE_DEFINITION_H */
