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
#include "storage/lock.h"
#include "utils/wait_event.h"

#include "job/locks.h"

/* A leader that was told to stop needs the time of a slice to do so. */
#define LEADER_WAIT_MS 5000
#define LEADER_POLL_MS 20

/* Returns the lock tag of a number. */
static LOCKTAG
lock_tag(int64 number, uint16 class)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (number >> 32), (uint32) number, class);
	return tag;
}

/* Takes a lock if it is free. */
static bool
try_lock(int64 number, uint16 class)
{
	LOCKTAG tag = lock_tag(number, class);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

bool
lock_leadership(int64 job)
{
	for (int waited = 0; !try_lock(job, JOB_LEADER_LOCK); waited += LEADER_POLL_MS)
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
	LOCKTAG tag = lock_tag(job, JOB_LEADER_LOCK);

	LockRelease(&tag, ExclusiveLock, true);
}

int
lock_slot(int slots)
{
	for (int slot = 0; slot < slots; slot++)
	{
		if (try_lock(slot, JOB_SLOT_LOCK))
			return slot;
	}
	return -1;
}

void
unlock_slot(int slot)
{
	LOCKTAG tag = lock_tag(slot, JOB_SLOT_LOCK);

	LockRelease(&tag, ExclusiveLock, true);
}

const char *
has_leader_condition(const char *job)
{
	return psprintf("EXISTS (SELECT FROM pg_catalog.pg_locks AS l"
					" WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted"
					" AND l.database OPERATOR(pg_catalog.=) %u"
					" AND l.objsubid OPERATOR(pg_catalog.=) %d"
					" AND ((l.classid::pg_catalog.int8 OPERATOR(pg_catalog.<<) 32)"
					" OPERATOR(pg_catalog.|) l.objid::pg_catalog.int8)"
					" OPERATOR(pg_catalog.=) %s)",
					MyDatabaseId, JOB_LEADER_LOCK, job);
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
