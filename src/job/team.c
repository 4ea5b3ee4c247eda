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
#include "job/crew.h"
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
	int		members; /* wanted, the leader included */
	int		size;	 /* that there are */
	int64
		pace; /* units of a slice that is ahead, as the member who finished one last found right */
	int64		position;	/* the last committed unit */
	int64		next;		/* the first unit that nobody has claimed */
	uint32		generation; /* goes up when claims become void */
	bool		dissolved;
	bool		nothing_left; /* for another helper to do */
	int64		batches;	  /* committed by members of a team that claims no units */
	TimestampTz notified_at;

	ConditionVariable moved; /* position, generation, members or dissolved changed */
} TeamShare;

struct Team
{
	TeamShare	*share;
	dsm_segment *segment; /* or NULL */

	/* The leader's. */
	TeamShare *own;	 /* where there is no segment */
	Crew	  *crew; /* NULL: this is a helper */
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
	share->size = 1;
	share->position = job->done;
	share->next = job->done + 1;
}

/* Makes a copy of what a team shares, which nobody waits for yet. */
static void
copy_share(TeamShare *copy, TeamShare *share)
{
	SpinLockAcquire(&share->mutex);
	*copy = *share;
	SpinLockRelease(&share->mutex);
	SpinLockInit(&copy->mutex);
	ConditionVariableInit(&copy->moved);
}

Team *
team_make(const Job *job)
{
	Team *team = palloc0_object(Team);

	team->own = team->share = palloc_object(TeamShare);
	team->crew = crew_make();
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
	if (team->crew == NULL || !crew_bury(team->crew))
		return;
	SpinLockAcquire(&team->share->mutex);
	void_claims(team->share);
	SpinLockRelease(&team->share->mutex);
	ConditionVariableBroadcast(&team->share->moved);
}

/* Moves what the team shares to where helpers can reach it; returns whether it is there. */
static bool
share_with_helpers(Team *team)
{
	if (team->segment != NULL)
		return true;
	team->segment = dsm_create(sizeof(TeamShare), DSM_CREATE_NULL_IF_MAXSEGMENTS);
	if (team->segment == NULL)
		return false;
	dsm_pin_mapping(team->segment);
	team->share = dsm_segment_address(team->segment);
	copy_share(team->share, team->own);
	on_dsm_detach(team->segment, dissolve_on_detach, (Datum) 0);
	return true;
}

/* Sets how many members are wanted; returns whether more helpers would have something to do. */
static bool
set_members(Team *team, int members)
{
	TeamShare *share = team->share;
	bool	   shrinks;
	bool	   something_left;

	SpinLockAcquire(&share->mutex);
	shrinks = members < share->members;
	share->members = members;
	something_left = !share->nothing_left;
	SpinLockRelease(&share->mutex);
	if (shrinks)
	{
		crew_excuse(team->crew, members);
		ConditionVariableBroadcast(&share->moved);
	}
	return something_left;
}

void
team_resize(Team *team, const Job *job, int workers)
{
	WorkerTicket ticket = {
		.database = MyDatabaseId, .role = job->owner, .job = job->id, .attempt = job->attempts};

	bury_helpers(team);
	if (set_members(team, workers) && workers > 1 && share_with_helpers(team))
	{
		ticket.team = dsm_segment_handle(team->segment);
		crew_hire(team->crew, &ticket, workers);
	}
	SpinLockAcquire(&team->share->mutex);
	team->share->size = 1 + crew_size(team->crew, workers);
	SpinLockRelease(&team->share->mutex);
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

bool
team_has_passed(const JobSlice *slice)
{
	return slice->team != NULL && (slice->ahead || team_position(slice->team) >= slice->first);
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

int
team_size(Team *team)
{
	int size;

	SpinLockAcquire(&team->share->mutex);
	size = team->share->size;
	SpinLockRelease(&team->share->mutex);
	return size;
}

bool
team_wants(Team *team, int number)
{
	bool wants;

	SpinLockAcquire(&team->share->mutex);
	wants = !team->share->dissolved && number < team->share->members;
	SpinLockRelease(&team->share->mutex);
	return wants;
}

bool
team_sleep(Team *team, int number, long ms)
{
	ConditionVariablePrepareToSleep(&team->share->moved);
	if (team_wants(team, number))
		(void) ConditionVariableTimedSleep(&team->share->moved, ms, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	return team_wants(team, number);
}

void
team_note_nothing_left(Team *team)
{
	SpinLockAcquire(&team->share->mutex);
	team->share->nothing_left = true;
	SpinLockRelease(&team->share->mutex);
}

void
team_count_batches(Team *team, int batches)
{
	SpinLockAcquire(&team->share->mutex);
	team->share->batches += batches;
	SpinLockRelease(&team->share->mutex);
}

int64
team_batches(Team *team)
{
	int64 batches;

	SpinLockAcquire(&team->share->mutex);
	batches = team->share->batches;
	SpinLockRelease(&team->share->mutex);
	return batches;
}

void
team_dissolve(Team *team)
{
	if (team->segment == NULL)
		return;

	/* What the leader still asks of it, it asks itself. */
	copy_share(team->own, team->share);
	team->share = team->own;
	dsm_detach(team->segment);
	team->segment = NULL;
}

void
team_dismiss(Team *team)
{
	team_dissolve(team);
	crew_interrupt(team->crew);
	crew_await(team->crew);
}

void
team_await_helpers(Team *team)
{
	crew_await(team->crew);
}
