/*-------------------------------------------------------------------------
 *
 * team.c
 *		The processes that work on one job, and how they share its units.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/spin.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/figures.h"
#include "job/launch.h"
#include "job/team.h"

/* Listeners hear of a job at most so often. */
#define NOTIFY_INTERVAL_MS 250

/* How long a leader sleeps before it looks whether its helpers still live. */
#define WAIT_MS 200

/*
 * A slice that is ahead of its turn for longer than this is given up: its locks may
 * be what the worker whose turn it is waits for, which no deadlock detector sees.
 */
#define AHEAD_PATIENCE_MS 1000

/* What a team shares; in dynamic shared memory where there are helpers, else the leader's own. */
typedef struct TeamShare
{
	slock_t mutex; /* protects all below but moved */
	int64	total;
	int		members; /* at most, the leader included */
	int64
		pace; /* units of a slice that is ahead, as the member who finished one last found right */
	int64		position;	/* the last committed unit */
	int64		next;		/* the first unit that nobody has claimed */
	uint32		generation; /* goes up when claims become void */
	bool		dissolved;
	TimestampTz notified_at;

	ConditionVariable moved; /* position, generation or dissolved changed */
} TeamShare;

struct Team
{
	TeamShare				*share;
	dsm_segment				*segment; /* or NULL */
	BackgroundWorkerHandle **handles; /* of the leader's helpers; NULL for those that are gone */
	int						 handle_count;
};

/* Fills in what a team shares. */
static void
init_share(TeamShare *share, const Job *job)
{
	memset(share, 0, sizeof(*share));
	SpinLockInit(&share->mutex);
	ConditionVariableInit(&share->moved);
	share->total = job->total;
	share->members = job->workers;
	share->position = job->done;
	share->next = job->done + 1;
}

Team *
team_make(const Job *job)
{
	Team *team = palloc0_object(Team);

	team->share = palloc_object(TeamShare);
	init_share(team->share, job);
	return team;
}

/*
 * Leaves the condition variable before its memory goes: a process that is told to
 * exit while it sleeps would touch it later.
 */
static void
stop_sleeping_on_detach(dsm_segment *segment pg_attribute_unused(), Datum arg pg_attribute_unused())
{
	ConditionVariableCancelSleep();
}

/* Dissolves the team when the leader's segment goes, however its process ends. */
static void
dissolve_on_detach(dsm_segment *segment, Datum arg pg_attribute_unused())
{
	TeamShare *share = dsm_segment_address(segment);

	ConditionVariableCancelSleep();
	SpinLockAcquire(&share->mutex);
	share->dissolved = true;
	SpinLockRelease(&share->mutex);
	ConditionVariableBroadcast(&share->moved);
}

int
team_hire(Team *team, const Job *job)
{
	WorkerTicket ticket = {.database = MyDatabaseId, .role = job->owner, .job = job->id};
	int			 wanted = job->workers - 1;

	if (wanted == 0)
		return 0;

	team->segment = dsm_create(sizeof(TeamShare), 0);
	dsm_pin_mapping(team->segment);
	team->share = dsm_segment_address(team->segment);
	init_share(team->share, job);
	on_dsm_detach(team->segment, dissolve_on_detach, (Datum) 0);

	ticket.team = dsm_segment_handle(team->segment);
	ticket.attempt = job->attempts;
	team->handles = palloc0_array(BackgroundWorkerHandle *, wanted);
	while (team->handle_count < wanted &&
		   launch_worker(&ticket, "pollseed_helper_main", "pollseed helper",
						 &team->handles[team->handle_count]))
		team->handle_count++;
	return team->handle_count;
}

Team *
team_join(uint32 handle)
{
	dsm_segment *segment = dsm_attach(handle);
	Team		*team;

	if (segment == NULL)
		return NULL;
	dsm_pin_mapping(segment);
	on_dsm_detach(segment, stop_sleeping_on_detach, (Datum) 0);
	team = palloc0_object(Team);
	team->segment = segment;
	team->share = dsm_segment_address(segment);
	return team;
}

/* Makes all claims void that are not committed; the mutex is held. */
static void
void_claims(TeamShare *share)
{
	share->generation++;
	share->next = share->position + 1;
}

/*
 * Voids the claims of helpers that are gone, and with them all others.  A leader
 * looks each time that it has waited for long.
 */
static void
bury_helpers(Team *team)
{
	bool any = false;

	for (int i = 0; i < team->handle_count; i++)
	{
		pid_t pid;

		if (team->handles[i] == NULL ||
			GetBackgroundWorkerPid(team->handles[i], &pid) != BGWH_STOPPED)
			continue;
		pfree(team->handles[i]);
		team->handles[i] = NULL;
		any = true;
	}
	if (!any)
		return;
	SpinLockAcquire(&team->share->mutex);
	void_claims(team->share);
	SpinLockRelease(&team->share->mutex);
	ConditionVariableBroadcast(&team->share->moved);
}

/*
 * Returns how many units to claim: of the last ones each member shall get some, in
 * ever smaller slices, so that all are done at about the same time.
 */
static int64
claim_size(const TeamShare *share, int64 units, int64 granule)
{
	int64 left = share->total - share->next + 1;

	if (share->members > 1)
		units = Min(units, Max(left / (2 * share->members) / granule, 1) * granule);
	return Min(units, left);
}

/* Claims units if there are any; *ended tells whether there never will be. */
static bool
try_claim(TeamShare *share, int64 units, int64 granule, JobSlice *slice, bool *ended)
{
	bool claimed = false;

	SpinLockAcquire(&share->mutex);
	*ended = share->dissolved || share->position == share->total;
	if (!*ended && share->next <= share->total)
	{
		slice->first = share->next;
		slice->last = share->next + claim_size(share, units, granule) - 1;
		slice->generation = share->generation;
		share->next = slice->last + 1;
		claimed = true;
	}
	SpinLockRelease(&share->mutex);
	return claimed;
}

bool
team_claim(Team *team, int64 units, int64 granule, JobSlice *slice)
{
	bool claimed;
	bool ended;

	*slice = (JobSlice){0};
	for (;;)
	{
		claimed = try_claim(team->share, units, granule, slice, &ended);
		if (claimed || ended)
			break;
		if (ConditionVariableTimedSleep(&team->share->moved, WAIT_MS, PG_WAIT_EXTENSION))
			bury_helpers(team);
	}
	ConditionVariableCancelSleep();
	if (claimed)
		slice->team = team;
	return claimed;
}

bool
team_await_turn(JobSlice *slice)
{
	Team	  *team = slice->team;
	TeamShare *share = team->share;
	instr_time start;
	bool	   valid;

	INSTR_TIME_SET_CURRENT(start);
	for (;;)
	{
		bool turn;

		/* Units may be claimed twice, when claims become void while one of them is being committed. */
		SpinLockAcquire(&share->mutex);
		valid = !share->dissolved && share->generation == slice->generation &&
				share->position < slice->first;
		turn = share->position == slice->first - 1;
		SpinLockRelease(&share->mutex);
		if (!valid || turn)
			break;
		if (slice->ahead && milliseconds_since(start) > AHEAD_PATIENCE_MS)
		{
			team_give_up(slice);
			valid = false;
			break;
		}
		if (ConditionVariableTimedSleep(&share->moved, WAIT_MS, PG_WAIT_EXTENSION))
			bury_helpers(team);
	}
	ConditionVariableCancelSleep();
	slice->waited_ms += milliseconds_since(start);
	return valid;
}

void
team_advance(const JobSlice *slice)
{
	team_note_position(slice->team, slice->last);
}

void
team_note_position(Team *team, int64 position)
{
	TeamShare *share = team->share;

	SpinLockAcquire(&share->mutex);
	share->position = Max(share->position, position);
	share->next = Max(share->next, share->position + 1);
	SpinLockRelease(&share->mutex);
	ConditionVariableBroadcast(&share->moved);
}

void
team_give_up(const JobSlice *slice)
{
	TeamShare *share = slice->team->share;

	SpinLockAcquire(&share->mutex);
	if (share->generation == slice->generation)
		void_claims(share);
	SpinLockRelease(&share->mutex);
	ConditionVariableBroadcast(&share->moved);
}

int64
team_position(Team *team)
{
	int64 position;

	SpinLockAcquire(&team->share->mutex);
	position = team->share->position;
	SpinLockRelease(&team->share->mutex);
	return position;
}

void
team_set_pace(const JobSlice *slice, int64 units)
{
	TeamShare *share = slice->team->share;

	/* One who was behind the pace must not hold the others back. */
	SpinLockAcquire(&share->mutex);
	if (slice->last - slice->first + 1 >= share->pace || units > share->pace)
		share->pace = units;
	SpinLockRelease(&share->mutex);
}

int64
team_pace(Team *team)
{
	int64 pace;

	SpinLockAcquire(&team->share->mutex);
	pace = team->share->pace;
	SpinLockRelease(&team->share->mutex);
	return pace;
}

bool
team_may_notify(Team *team)
{
	TeamShare  *share = team->share;
	TimestampTz now = GetCurrentTimestamp();
	bool		may;

	SpinLockAcquire(&share->mutex);
	may = TimestampDifferenceExceeds(share->notified_at, now, NOTIFY_INTERVAL_MS);
	if (may)
		share->notified_at = now;
	SpinLockRelease(&share->mutex);
	return may;
}

void
team_dissolve(Team *team)
{
	if (team->segment != NULL)
		dsm_detach(team->segment);
	team->segment = NULL;
}

void
team_await_helpers(Team *team)
{
	for (int i = 0; i < team->handle_count; i++)
	{
		if (team->handles[i] != NULL)
			(void) WaitForBackgroundWorkerShutdown(team->handles[i]);
	}
}
