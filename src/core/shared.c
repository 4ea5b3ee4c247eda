/*-------------------------------------------------------------------------
 *
 * shared.c
 *		Areas of shared memory, whether the library is preloaded or not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "core/compat.h"
#include "core/shared.h"

static SharedArea			  *areas = NULL;
static bool					   preloaded = false;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/* Asks for the room that all areas take. */
static void
request_areas(void)
{
	if (previous_request_hook != NULL)
		previous_request_hook();
	for (SharedArea *area = areas; area != NULL; area = area->next)
		RequestAddinShmemSpace(MAXALIGN(area->size()));
}

/* Makes the areas when the server starts. */
static void
start_areas(void)
{
	if (previous_startup_hook != NULL)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (SharedArea *area = areas; area != NULL; area = area->next)
	{
		bool found;

		area->address = ShmemInitStruct(area->name, area->size(), &found);
		if (!found)
			area->init(area->address);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
shared_register(SharedArea *area)
{
	if (process_shared_preload_libraries_in_progress && !preloaded)
	{
		previous_request_hook = shmem_request_hook;
		shmem_request_hook = request_areas;
		previous_startup_hook = shmem_startup_hook;
		shmem_startup_hook = start_areas;
		preloaded = true;
	}
	area->next = areas;
	areas = area;
}

/*
 * What is known of an area that is a segment of its own.  It lies in the main shared memory, where the server
 * leaves enough room for it.
 */
typedef struct AreaRecord
{
	bool is_made;
	Size size; /* that it was made with, whatever settings say by now */
} AreaRecord;

/* Returns the record of an area. */
static AreaRecord *
record_of(const SharedArea *area)
{
	bool		found;
	AreaRecord *record;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	record = ShmemInitStruct(psprintf("%s record", area->name), sizeof(AreaRecord), &found);
	if (!found)
		memset(record, 0, sizeof(AreaRecord));
	LWLockRelease(AddinShmemInitLock);
	return record;
}

void *
shared_attach(SharedArea *area)
{
	bool		found;
	AreaRecord *record;
	Size		size;

	if (area->address != NULL)
		return area->address;
	record = record_of(area);
	size = record->is_made ? record->size : area->size();
	area->address = GetNamedDSMSegment(area->name, size, area->init, &found);
	if (!found)
		record->size = size;
	pg_write_barrier();
	record->is_made = true;
	return area->address;
}

bool
shared_is_made(const SharedArea *area)
{
	return area->address != NULL || record_of(area)->is_made;
}
