/*-------------------------------------------------------------------------
 *
 * poll.h
 *		The two tables of a poll, its options and its vote events, under
 *		whatever names an application gives them and their columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_POLL_H
#define POLLSEED_POLL_H

#include "datatype/timestamp.h"
#include "nodes/parsenodes.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"

/* What event_type says of seeded events, and of votes cast by people. */
#define SEED_EVENT_TYPE "seed"
#define VOTE_EVENT_TYPE "vote"

/* The columns that pollseed reads or writes. */
typedef enum PollColumnRole
{
	OPTION_ID,
	OPTION_TEXT,
	OPTION_VOTES,
	OPTION_UPDATED_AT,
	EVENT_OPTION_ID,
	EVENT_LANGUAGE,
	EVENT_VOTES_AFTER,
	EVENT_TYPE,
	EVENT_INSERTED_AT,
	EVENT_UPDATED_AT,
	NUM_POLL_COLUMNS
} PollColumnRole;

/* A column as it stands in its table; attnum is 0 where it is left out. */
typedef struct PollColumn
{
	AttrNumber	attnum;
	Oid			type;	   /* as declared */
	Oid			base_type; /* the same, or what a domain is over */
	int32		base_typmod;
	int32		typmod;
	const char *name;
	const char *quoted_name;
} PollColumn;

typedef struct Poll
{
	Relation   options;
	Relation   events; /* NULL where only the options were opened */
	PollColumn columns[NUM_POLL_COLUMNS];
} Poll;

/* What a caller names the tables by, and what it is going to do to them. */
typedef struct PollRequest
{
	Oid		options; /* or InvalidOid: "options" on the search path */
	Oid		events;	 /* or InvalidOid: "vote_events" on the search path */
	Jsonb  *columns; /* role to column name or null; or NULL */
	AclMode options_mode;
	AclMode events_mode; /* or 0: the events are not needed */
} PollRequest;

/*
 * Opens a poll's tables, locks them until the end of the transaction, checks
 * the caller's privileges and finds the columns.  Raises 42P01, 42501, 42809,
 * 42703, 42804 or 22023 for whatever is not as it should be.
 */
extern Poll *poll_open(const PollRequest *request);

/* Does the same but for the columns, closes the tables, and says which they are. */
extern void poll_lock(const PollRequest *request, Oid *options, Oid *events);

/* Closes the tables; the locks stay. */
extern void poll_close(Poll *poll);

/* Raises 42501 unless the caller has a privilege on a column; none is needed on one left out. */
extern void poll_check_privilege(const Poll *poll, PollColumnRole role, AclMode mode);

/* Raises 42501 unless the caller may change the options' counts. */
extern void poll_check_counting(const Poll *poll);

/* Tells whether a column is there. */
static inline bool
poll_has(const Poll *poll, PollColumnRole role)
{
	return poll->columns[role].attnum != InvalidAttrNumber;
}

/* Returns the largest count that a column can hold. */
extern int64 poll_column_max(const PollColumn *column);

/* Returns a time as a value of a time column's base type; without a time zone, that is UTC. */
extern Datum poll_column_time(const PollColumn *column, TimestampTz time);

#endif /* POLLSEED_POLL_H */
