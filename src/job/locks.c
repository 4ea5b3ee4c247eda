/*-------------------------------------------------------------------------
 *
 * locks.c
 *		Session-level locks that say who works: one leader a job, and so many
 *		jobs a database.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "core/advisory.h"
#include "job/locks.h"

/* A leader that was told to stop needs the time of a slice to do so. */
#define LEADER_WAIT_MS 5000
#define LEADER_POLL_MS 20

bool
lock_leadership(int64 job)
{
	for (int waited = 0; !advisory_lock(job, JOB_LEADER_LOCK, true); waited += LEADER_POLL_MS)
	{
		if (waited >= LEADER_WAIT_MS)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LEADER_POLL_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

void
unlock_leadership(int64 job)
{
	advisory_unlock(job, JOB_LEADER_LOCK);
}

int
lock_slot(int slots)
{
	for (int slot = 0; slot < slots; slot++)
	{
		if (advisory_lock(slot, JOB_SLOT_LOCK, true))
			return slot;
	}
	return -1;
}

void
unlock_slot(int slot)
{
	advisory_unlock(slot, JOB_SLOT_LOCK);
}

const char *
has_leader_condition(const char *job)
{
	return psprintf("EXISTS (SELECT FROM pg_catalog.pg_locks AS l WHERE %s)",
					advisory_lock_condition(job, JOB_LEADER_LOCK));
}

const char *
slots_taken_expression(void)
{
	return psprintf("(SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks AS l"
					" WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted"
					" AND l.database OPERATOR(pg_catalog.=) %u"
					" AND l.objsubid OPERATOR(pg_catalog.=) %d)",
					MyDatabaseId, JOB_SLOT_LOCK);
}
