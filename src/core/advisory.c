/*-------------------------------------------------------------------------
 *
 * advisory.c
 *		Locks that say which process is at something: a job, a backfill.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/resowner.h"

#include "core/advisory.h"

/* Returns the lock tag of a number. */
static LOCKTAG
lock_tag(int64 number, uint16 class)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (number >> 32), (uint32) number, class);
	return tag;
}

/* A lock of a transaction may be taken within a subtransaction, and let go of after it: so it is not the portal's. */
static LockAcquireResult
acquire(const LOCKTAG *tag, LOCKMODE mode, bool session, bool may_wait)
{
	ResourceOwner	  owner = CurrentResourceOwner;
	LockAcquireResult result;

	if (!session)
		CurrentResourceOwner = CurTransactionResourceOwner;
	result = LockAcquire(tag, mode, session, !may_wait);
	CurrentResourceOwner = owner;
	return result;
}

/* Lets go of a lock of the transaction. */
static void
release(const LOCKTAG *tag, LOCKMODE mode)
{
	ResourceOwner owner = CurrentResourceOwner;

	CurrentResourceOwner = CurTransactionResourceOwner;
	LockRelease(tag, mode, false);
	CurrentResourceOwner = owner;
}

bool
advisory_lock(int64 number, uint16 class, bool session)
{
	LOCKTAG tag = lock_tag(number, class);

	return acquire(&tag, ExclusiveLock, session, false) != LOCKACQUIRE_NOT_AVAIL;
}

void
advisory_lock_wait(int64 number, uint16 class)
{
	LOCKTAG tag = lock_tag(number, class);

	(void) acquire(&tag, ExclusiveLock, false, true);
}

void
advisory_wait(int64 number, uint16 class)
{
	LOCKTAG tag = lock_tag(number, class);

	(void) acquire(&tag, ShareLock, false, true);
	release(&tag, ShareLock);
}

void
advisory_release(int64 number, uint16 class)
{
	LOCKTAG tag = lock_tag(number, class);

	release(&tag, ExclusiveLock);
}

void
advisory_unlock(int64 number, uint16 class)
{
	LOCKTAG tag = lock_tag(number, class);

	LockRelease(&tag, ExclusiveLock, true);
}

const char *
advisory_lock_condition(const char *number, uint16 class)
{
	return psprintf("l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted"
					" AND l.database OPERATOR(pg_catalog.=) %u"
					" AND l.objsubid OPERATOR(pg_catalog.=) %d"
					" AND ((l.classid::pg_catalog.int8 OPERATOR(pg_catalog.<<) 32)"
					" OPERATOR(pg_catalog.|) l.objid::pg_catalog.int8)"
					" OPERATOR(pg_catalog.=) %s",
					MyDatabaseId, class, number);
}
