/*-------------------------------------------------------------------------
 *
 * compat.c
 *		What older servers lack and is too long for a header.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/dsm.h"
#include "storage/lwlock.h"

#include "core/compat.h"

#ifdef COMPAT_LACKS_DSM_REGISTRY

/*
 * Only a handle lies in the main shared memory, whose size is fixed at server
 * start: the slack that the server keeps there is enough for it, so that the
 * library need not be preloaded.  Both are made anew after a crash.  The handle
 * is set when all else has been done: an error on the way leaves no trace.
 */
void *
GetNamedDSMSegment(const char *name, size_t size, void (*init_callback)(void *ptr), bool *found)
{
	bool		 control_found;
	dsm_handle	*handle;
	dsm_segment *segment;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	handle = ShmemInitStruct(name, sizeof(dsm_handle), &control_found);
	if (!control_found)
		*handle = DSM_HANDLE_INVALID;

	*found = *handle != DSM_HANDLE_INVALID;
	if (*found)
	{
		segment = dsm_attach(*handle);
		if (segment == NULL)
			elog(ERROR, "could not map dynamic shared memory segment \"%s\"", name);
	}
	else
	{
		segment = dsm_create(size, 0);
		init_callback(dsm_segment_address(segment));
		dsm_pin_segment(segment);
		*handle = dsm_segment_handle(segment);
	}
	dsm_pin_mapping(segment);
	LWLockRelease(AddinShmemInitLock);
	return dsm_segment_address(segment);
}

#endif
