/*-------------------------------------------------------------------------
 *
 * capture_plan.h
 *		What a capture trigger has to do: read from the tables of scores once and
 *		kept for the session.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_CAPTURE_PLAN_H
#define POLLSEED_SCORE_CAPTURE_PLAN_H

#include "commands/trigger.h"
#include "fmgr.h"

#include "score/source.h"

/* How the text of a key's column is made. */
typedef enum KeyForm
{
	KEY_INT2,
	KEY_INT4,
	KEY_INT8,
	KEY_TEXT,  /* the value is the text */
	KEY_OUTPUT /* by the type's output function */
} KeyForm;

typedef struct CaptureKey
{
	AttrNumber attnum;
	KeyForm	   form;
	FmgrInfo   output; /* for KEY_OUTPUT */
} CaptureKey;

/* It does not change once it was made, and lasts at least until the transaction ends. */
typedef struct CapturePlan
{
	Oid			queue;
	int16		source_no;
	bool		everything;	   /* any change is one of all keys */
	bool		uses_settings; /* the texts of keys depend on those of the session */
	bool		has_via;	   /* a query says what keys these are of */
	int			nkeys;
	CaptureKey	keys[MAX_SCORE_KEYS];
	bool		all_columns; /* all matter; else only these */
	int			ncolumns;
	AttrNumber *columns;
	AttrNumber	last_attnum; /* of keys and columns */
} CapturePlan;

/*
 * Returns what a trigger of ours has to do when it fires; NULL: nothing, as the score
 * or its queue is gone or the table is no source of it any more.  Raises 42501 where
 * somebody else has made the trigger on a table that is no source.
 */
extern const CapturePlan *capture_plan(const TriggerData *firing);

#endif /* POLLSEED_SCORE_CAPTURE_PLAN_H */
