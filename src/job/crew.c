/*-------------------------------------------------------------------------
 *
 * crew.c
 *		A leader's helpers as processes: starting them, noticing that they are
 *		gone, interrupting them, waiting for their end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "job/crew.h"
#include "job/jobs.h"

/* A place is filled again at most so often, and workers that there was no room for are asked for. */
#define REHIRE_MS 5000

struct Crew
{
	/* By the helper's number; the first is the leader's and not used. */
	BackgroundWorkerHandle *handles[MAX_JOB_WORKERS]; /* NULL: nobody */
	TimestampTz				hired_at[MAX_JOB_WORKERS];

	TimestampTz	  lacked_room_at; /* 0: there was room */
	MemoryContext context;
};

Crew *
crew_make(void)
{
	Crew *crew = palloc0_object(Crew);

	crew->context = CurrentMemoryContext;
	return crew;
}

/* Says, the first time, that a job has fewer helpers than it should. */
static void
note_lack_of_room(Crew *crew, const WorkerTicket *ticket, TimestampTz now)
{
	if (crew->lacked_room_at == 0)
		ereport(LOG, (errmsg("pollseed job " INT64_FORMAT " runs with fewer workers than asked for",
							 ticket->job),
					  errdetail("No free worker slot (max_worker_processes is %d).",
								max_worker_processes)));
	crew->lacked_room_at = now;
}

/* Starts a helper; returns false where there is no room for it. */
static bool
hire(Crew *crew, const WorkerTicket *ticket, int number)
{
	MemoryContext old_context = MemoryContextSwitchTo(crew->context);
	WorkerTicket  own = *ticket;
	bool		  hired;

	own.number = number;
	hired = launch_worker(&own, "pollseed_helper_main", "pollseed helper", &crew->handles[number]);
	MemoryContextSwitchTo(old_context);
	return hired;
}

void
crew_hire(Crew *crew, const WorkerTicket *ticket, int workers)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!TimestampDifferenceExceeds(crew->lacked_room_at, now, REHIRE_MS))
		return;
	for (int i = 1; i < Min(workers, MAX_JOB_WORKERS); i++)
	{
		if (crew->handles[i] != NULL ||
			!TimestampDifferenceExceeds(crew->hired_at[i], now, REHIRE_MS))
			continue;
		if (!hire(crew, ticket, i))
		{
			note_lack_of_room(crew, ticket, now);
			return;
		}
		crew->hired_at[i] = now;
	}
	crew->lacked_room_at = 0;
}

bool
crew_bury(Crew *crew)
{
	bool any = false;

	for (int i = 1; i < MAX_JOB_WORKERS; i++)
	{
		pid_t pid;

		if (crew->handles[i] == NULL ||
			GetBackgroundWorkerPid(crew->handles[i], &pid) != BGWH_STOPPED)
			continue;
		pfree(crew->handles[i]);
		crew->handles[i] = NULL;
		any = true;
	}
	return any;
}

int
crew_size(const Crew *crew, int workers)
{
	int size = 0;

	for (int i = 1; i < Min(workers, MAX_JOB_WORKERS); i++)
		size += crew->handles[i] != NULL;
	return size;
}

void
crew_excuse(Crew *crew, int workers)
{
	for (int i = workers; i < MAX_JOB_WORKERS; i++)
		crew->hired_at[i] = 0;
}

void
crew_interrupt(const Crew *crew)
{
	for (int i = 1; i < MAX_JOB_WORKERS; i++)
	{
		pid_t pid;

		if (crew->handles[i] != NULL &&
			GetBackgroundWorkerPid(crew->handles[i], &pid) == BGWH_STARTED)
			(void) kill(pid, SIGINT);
	}
}

void
crew_await(Crew *crew)
{
	for (int i = 1; i < MAX_JOB_WORKERS; i++)
	{
		if (crew->handles[i] != NULL)
			(void) WaitForBackgroundWorkerShutdown(crew->handles[i]);
	}
}
