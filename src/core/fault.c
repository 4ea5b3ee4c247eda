/*-------------------------------------------------------------------------
 *
 * fault.c
 *		Waits in the gaps where races would show, for tests.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "core/fault.h"

/* Long enough for others to come in between. */
#define FAULT_WAIT_US 2000

static const struct config_enum_entry fault_points[] = {{"none", FAULT_NONE, false},
														{"pending", FAULT_PENDING, false},
														{"visible", FAULT_VISIBLE, false},
														{"versions", FAULT_VERSIONS, false},
														{"snapshot", FAULT_SNAPSHOT, false},
														{"publish", FAULT_PUBLISH, false},
														{NULL, 0, false}};

int fault_wait_at = FAULT_NONE;

void
fault_wait(void)
{
	pg_usleep(FAULT_WAIT_US);
}

void
fault_init(void)
{
	DefineCustomEnumVariable("pollseed.test_wait_at",
							 "Waits two milliseconds in a gap where a race would show.",
							 "For pollseed's own tests.", &fault_wait_at, FAULT_NONE, fault_points,
							 PGC_SUSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}
