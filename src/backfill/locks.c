/*-------------------------------------------------------------------------
 *
 * locks.c
 *		Locks that say who works on a backfill, and on which range of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/advisory.h"
#include "core/compat.h"
#include "core/sql.h"
#include "backfill/locks.h"

/* Returns the process that holds a backfill's lock, or 0. */
static int
runner_pid(int64 backfill)
{
	if (sql_execute(psprintf("SELECT l.pid FROM pg_catalog.pg_locks AS l WHERE %s",
							 advisory_lock_condition(psprintf(INT64_FORMAT, backfill),
													 BACKFILL_RUNNER_LOCK)),
					0, NULL, NULL, NULL) == 0)
		return 0;
	return DatumGetInt32(sql_value_not_null(0, 1));
}

void
lock_runner(const Backfill *backfill, bool session)
{
	if (!advisory_lock(backfill->id, BACKFILL_RUNNER_LOCK, session))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("backfill \"%s\" is being run by process %d", backfill->name,
						runner_pid(backfill->id)),
				 errhint("One process at a time runs a backfill, or one job with its workers.  "
						 "The view pollseed_backfills shows how far it is.")));
}

bool
try_lock_runner(int64 backfill)
{
	return advisory_lock(backfill, BACKFILL_RUNNER_LOCK, true);
}

void
unlock_runner(int64 backfill)
{
	advisory_unlock(backfill, BACKFILL_RUNNER_LOCK);
}

bool
lock_range(int64 range)
{
	return advisory_lock(range, BACKFILL_RANGE_LOCK, true);
}

void
unlock_range(int64 range)
{
	advisory_unlock(range, BACKFILL_RANGE_LOCK);
}
