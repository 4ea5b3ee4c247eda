/*-------------------------------------------------------------------------
 *
 * flight.c
 *		One computation for all who want the same result at the same time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/xact.h"
#include "storage/proc.h"
#include "utils/guc.h"

#include "cache/flight.h"
#include "core/advisory.h"
#include "core/definer.h"
#include "core/subtransaction.h"

/* Class of the locks, by the entry's hash; see advisory.h. */
#define FLIGHT_LOCK 28795

/* pollseed.cache_wait, in milliseconds. */
static int cache_wait = 10000;

bool
flight_lead(uint64 hash)
{
	return advisory_lock((int64) hash, FLIGHT_LOCK, false);
}

void
flight_end(uint64 hash)
{
	advisory_release((int64) hash, FLIGHT_LOCK);
}

/* What is waited for. */
typedef struct FlightWait
{
	uint64 hash;
	bool   to_lead;
} FlightWait;

/* Waits, for no longer than the setting and the session's own limit allow. */
static void
await(void *arg)
{
	const FlightWait *wait = arg;
	int				  level = NewGUCNestLevel();

	if (cache_wait > 0 && (LockTimeout == 0 || LockTimeout > cache_wait))
		definer_set("lock_timeout", psprintf("%d", cache_wait));
	if (wait->to_lead)
		advisory_lock_wait((int64) wait->hash, FLIGHT_LOCK);
	else
		advisory_wait((int64) wait->hash, FLIGHT_LOCK);
	AtEOXact_GUC(true, level);
}

/* What has been written holds locks, which the other one may want. */
const char *
flight_wait(uint64 hash, bool to_lead)
{
	FlightWait wait = {.hash = hash, .to_lead = to_lead};
	ErrorData *error;

	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return "another session computes it, and this transaction has written";
	error = subtransaction_try(await, &wait, NULL);
	if (error == NULL)
		return NULL;
	if (error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED)
		return "another session computes it, and waits for this one";
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		return "another session computes it, for longer than pollseed.cache_wait";
	ReThrowError(error);
}

void
flight_init(void)
{
	DefineCustomIntVariable(
		"pollseed.cache_wait", "Waits at most so long for another session that computes a result.",
		"After that the session computes it, too; 0 waits without a limit.", &cache_wait, 10000, 0,
		INT_MAX, PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
}
