/*-------------------------------------------------------------------------
 *
 * definition.h
 *		What a backfill is: its row in pollseed.backfills.
 *
 * The rows are read and written as the table's owner, so that nobody needs a
 * privilege on it and nobody can forge a backfill.  A backfill's source runs as
 * the role that made it, whoever calls.  All of it needs SPI to be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_DEFINITION_H
#define POLLSEED_DEFINITION_H

#include "access/attnum.h"
#include "utils/jsonb.h"

#include "core/definer.h"

/* A backfill's key has at most so many columns. */
#define MAX_KEY_COLUMNS 8

typedef enum BackfillState
{
	BACKFILL_READY,
	BACKFILL_STARTED, /* and not finished, whether or not anybody works on it now */
	BACKFILL_FAILED,
	BACKFILL_FINISHED
} BackfillState;

/* Columns by name; a column that was renamed is found by its number. */
typedef struct BackfillColumn
{
	const char *name;
	AttrNumber	attnum;
} BackfillColumn;

/* A backfill as read from its row. */
typedef struct Backfill
{
	int64		   id;
	const char	  *name;
	Oid			   owner;
	bool		   owner_exists;
	Oid			   relation;	  /* InvalidOid: it is gone */
	bool		   same_relation; /* as in earlier runs, if there were any */
	const char	  *relation_name;
	BackfillColumn column;
	int			   nkeys; /* 0: rows are known by their ctid */
	BackfillColumn keys[MAX_KEY_COLUMNS];
	const char	  *source;
	const char	  *strategy;
	int			   batch_size;
	double		   target_ms;
	Jsonb		  *throttle;
	const char	  *after; /* or NULL */
	Jsonb		  *settings;

	BackfillState state;
	bool		  sweeping;
	int			  run_no;
	int			  batch_size_now; /* 0: none yet */
	int64		  settled;		  /* rows without a value that it is done with */
	int64		  settled_before; /* of these, the ones from before the run */
	int64		  quarantined; /* rows set aside, at the last commit that this process knows of */
	int64		  job;		   /* or 0 */
} Backfill;

/*
 * Reads a backfill, locking its row if asked to, into a memory context; raises
 * 42704 where there is none, and 42501 unless the caller has the privileges of its
 * owner.
 */
extern Backfill *backfill_read(const char *name, bool lock, MemoryContext context);

/* Raises 42P01 where the table of a backfill is gone. */
extern void backfill_check_relation(const Backfill *backfill);

/* Reads a backfill that is to be dropped, also one without an owner; NULL, with a notice, where there is none. */
extern Backfill *backfill_read_to_drop(const char *name);

/* Raises 42501 unless the caller has the privileges of a backfill's owner. */
extern void backfill_check_privileges(const Backfill *backfill);

/* Reads a backfill by its id, without a check; NULL where there is none. */
extern Backfill *backfill_read_by_id(int64 id, MemoryContext context);

/*
 * Runs an UPDATE of a backfill's row, if the run is still the same (run_no), and
 * returns whether it was.  The SET clause may use a text as $3.
 */
extern bool backfill_update(const Backfill *backfill, const char *set, const char *text);

/*
 * Becomes a backfill's owner with the settings that it was made under, until
 * definer_leave(); an error puts all back with its (sub)transaction.
 */
extern DefinerSession backfill_enter(const Backfill *backfill);

/* Tells whether a backfill with this name is finished; false where there is none. */
extern bool backfill_is_finished(const char *name);

#endif /* POLLSEED_DEFINITION_H */
