/*-------------------------------------------------------------------------
 *
 * capture_plan.h
 *		What a trigger that notes changes has to do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_CAPTURE_PLAN_H
#define POLLSEED_CACHE_CAPTURE_PLAN_H

#include "commands/trigger.h"

#include "cache/key.h"

/* A table that results may depend on: that of the trigger, or one that it is a partition or an heir of. */
typedef struct CaptureTable
{
	Oid relid;
	bool
		is_exact; /* it is tracked by the same columns; else any change is one of the whole table */
	AttrNumber tally; /* the tallied column as it is numbered there, or 0 */
	uint32	   table_slot;
	uint32	   all_rows_slot;
	uint32	   shape_slot;
} CaptureTable;

/* What to do.  Columns are numbered as in the trigger's table. */
typedef struct CapturePlan
{
	bool		  has_key;
	AttrNumber	  key_number;
	KeyColumn	  key;
	int			  tally; /* a column, 0 for the number of rows, or NO_TALLY */
	Oid			  tally_type;
	int			  ncompared; /* columns other than these that matter */
	AttrNumber	 *compared;
	int			  nignored; /* those that do not, where a table that is not exact needs them */
	AttrNumber	 *ignored;
	AttrNumber	  last_number; /* of all of these */
	int			  ntables;
	CaptureTable *tables;
} CapturePlan;

/* Returns the plan of a trigger, which is made once a session and when one of the tables has changed. */
extern const CapturePlan *capture_plan_of(const TriggerData *firing);

#endif /* POLLSEED_CACHE_CAPTURE_PLAN_H */
