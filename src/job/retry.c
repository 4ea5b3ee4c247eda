/*-------------------------------------------------------------------------
 *
 * retry.c
 *		Which errors may be gone when the work is tried again, and when to try.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "job/retry.h"

#define FIRST_DELAY_MS 1000.0
#define MAX_DELAY_MS 30000.0

bool
retry_may_help(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		   sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED || sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

long
retry_delay_ms(int failures)
{
	double delay = FIRST_DELAY_MS;

	for (int i = 1; i < failures && delay < MAX_DELAY_MS; i++)
		delay *= 2;
	delay = Min(delay, MAX_DELAY_MS);
	return (long) (delay * (0.5 + pg_prng_double(&pg_global_prng_state) / 2));
}
