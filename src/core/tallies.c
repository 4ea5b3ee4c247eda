/*-------------------------------------------------------------------------
 *
 * tallies.c
 *		Sums by key that commits keep up to date in shared memory.
 *
 * One lock guards all of them, so that whoever reads several sees all of a commit's
 * changes or none.  It is held for as long as it takes to copy or add some
 * numbers.  A tally that nobody has asked for has no set, and changes of it are
 * changes of the table's shape.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/fault.h"
#include "core/shared.h"
#include "core/tags.h"
#include "core/tallies.h"

/* Tallies of all databases together; one more takes the place of the one that was asked for longest ago. */
#define TALLY_SETS 64

/* How often a snapshot is tried until no commit comes between. */
#define SNAPSHOT_TRIES 1000
#define SNAPSHOT_SPINS 100
#define SNAPSHOT_SLEEP_US 20

typedef struct TallyCell
{
	int64 key;
	int64 sum; /* of what was added */
} TallyCell;

typedef struct TallySet
{
	Oid				 database; /* InvalidOid: free */
	Oid				 table;
	AttrNumber		 column;
	uint32			 generation; /* goes up when the set is given to another tally */
	uint64			 version;	 /* goes up with each commit that adds something */
	pg_atomic_uint64 asked_for;
	int32			 ncells;
	TallyCell		 cells[TALLY_CELLS];
} TallySet;

typedef struct TallyArea
{
	LWLock			 lock;
	int				 tranche;
	pg_atomic_uint64 clock;
	TallySet		 sets[TALLY_SETS];
} TallyArea;

/* Returns the size of the area. */
static Size
area_size(void)
{
	return sizeof(TallyArea);
}

/* Makes the area. */
static void
init_area(void *address)
{
	TallyArea *area = address;

	memset(area, 0, sizeof(TallyArea));
	area->tranche = LWLockNewTrancheId();
	LWLockInitialize(&area->lock, area->tranche);
	pg_atomic_init_u64(&area->clock, 0);
	for (int i = 0; i < TALLY_SETS; i++)
		pg_atomic_init_u64(&area->sets[i].asked_for, 0);
}

static SharedArea tally_area = {.name = "pollseed_tallies_1", .size = area_size, .init = init_area};
static TallyArea *area = NULL;

void
tallies_init(void)
{
	shared_register(&tally_area);
}

void
tallies_attach(void)
{
	TallyArea *attached;

	if (likely(area != NULL))
		return;
	attached = shared_attach(&tally_area);
	LWLockRegisterTranche(attached->tranche, "PollseedTallies");
	area = attached;
}

/* Returns the set of a tally, or -1; the lock is held. */
static int
find_set(Oid table, AttrNumber column)
{
	for (int i = 0; i < TALLY_SETS; i++)
	{
		const TallySet *set = &area->sets[i];

		if (set->table == table && set->column == column && set->database == MyDatabaseId)
			return i;
	}
	return -1;
}

/* Gives a tally the set that was asked for longest ago; the lock is held. */
static int
make_set(Oid table, AttrNumber column)
{
	int		  oldest = 0;
	TallySet *set;

	for (int i = 1; i < TALLY_SETS; i++)
	{
		if (pg_atomic_read_u64(&area->sets[i].asked_for) <
			pg_atomic_read_u64(&area->sets[oldest].asked_for))
			oldest = i;
	}
	set = &area->sets[oldest];
	set->database = MyDatabaseId;
	set->table = table;
	set->column = column;
	set->generation++;
	set->ncells = 0;
	return oldest;
}

void
tally_open(TallyState *state)
{
	Oid		   table = state->table;
	AttrNumber column = state->column;

	tallies_attach();
	LWLockAcquire(&area->lock, LW_SHARED);
	state->set = find_set(table, column);
	if (state->set < 0)
	{
		LWLockRelease(&area->lock);
		LWLockAcquire(&area->lock, LW_EXCLUSIVE);
		state->set = find_set(table, column);
		if (state->set < 0)
			state->set = make_set(table, column);
	}
	state->generation = area->sets[state->set].generation;
	state->ncells = 0;
	pg_atomic_write_u64(&area->sets[state->set].asked_for,
						pg_atomic_add_fetch_u64(&area->clock, 1));
	LWLockRelease(&area->lock);
}

/* Adds up the versions of tallies; false where one is gone.  The lock is held. */
static bool
sum_versions(TallyState *const *states, int count, uint64 *sum)
{
	*sum = 0;
	for (int i = 0; i < count; i++)
	{
		const TallySet *set = &area->sets[states[i]->set];

		if (set->generation != states[i]->generation)
			return false;
		*sum += set->version;
	}
	return true;
}

/* Copies tallies into their states; the lock is held. */
static void
copy_cells(TallyState **states, int count)
{
	for (int i = 0; i < count; i++)
	{
		const TallySet *set = &area->sets[states[i]->set];

		states[i]->ncells = set->ncells;
		for (int j = 0; j < set->ncells; j++)
			states[i]->cells[j] = set->cells[j].sum;
	}
}

/*
 * The snapshot and the tallies are of the same commits if none added anything between the two
 * looks at the tallies, around the snapshot, and none is in the snapshot that is yet to add.
 */
Snapshot
tallies_snapshot(TallyState **states, int count)
{
	tallies_attach();
	for (int try = 0; try < SNAPSHOT_TRIES; try++)
	{
		uint64	 before;
		uint64	 after;
		Snapshot snapshot;
		bool	 there;

		CHECK_FOR_INTERRUPTS();
		LWLockAcquire(&area->lock, LW_SHARED);
		there = sum_versions(states, count, &before);
		LWLockRelease(&area->lock);
		if (!there)
			return NULL;

		snapshot = GetLatestSnapshot();
		fault_point(FAULT_SNAPSHOT);
		if (tags_all_raised(snapshot))
		{
			LWLockAcquire(&area->lock, LW_SHARED);
			there = sum_versions(states, count, &after);
			if (there && before == after)
				copy_cells(states, count);
			LWLockRelease(&area->lock);
			if (there && before == after)
				return snapshot;
		}
		if (try < SNAPSHOT_SPINS)
			SPIN_DELAY();
		else
			pg_usleep(SNAPSHOT_SLEEP_US);
	}
	return NULL;
}

/* Notes that a tally is used, if that has not been noted of late. */
static void
note_use(TallySet *set)
{
	uint64 now = pg_atomic_read_u64(&area->clock);

	if (now > pg_atomic_read_u64(&set->asked_for))
		pg_atomic_write_u64(&set->asked_for, now);
}

int
tallies_compare(TallyState *const *states, int count, TallyChange *changes, int room,
				uint64 *version)
{
	int found = 0;

	tallies_attach();
	LWLockAcquire(&area->lock, LW_SHARED);
	if (!sum_versions(states, count, version))
		found = -1;
	for (int i = 0; i < count && found >= 0; i++)
	{
		const TallySet *set = &area->sets[states[i]->set];

		note_use(&area->sets[states[i]->set]);
		for (int j = 0; j < set->ncells && found >= 0; j++)
		{
			int64 before = j < states[i]->ncells ? states[i]->cells[j] : 0;
			int64 delta;

			if (set->cells[j].sum == before)
				continue;
			if (found == room || pg_sub_s64_overflow(set->cells[j].sum, before, &delta))
				found = -1;
			else
				changes[found++] =
					(TallyChange){.tally = i, .key = set->cells[j].key, .delta = delta};
		}
	}
	LWLockRelease(&area->lock);
	return found;
}

bool
tallies_are_of(TallyState *const *states, int count, uint64 version)
{
	uint64 now;
	bool   there;

	LWLockAcquire(&area->lock, LW_SHARED);
	there = sum_versions(states, count, &now);
	LWLockRelease(&area->lock);
	return there && now == version;
}

/* Returns the cell of a key, or -1; the lock is held. */
static int
find_cell(const TallySet *set, int64 key)
{
	for (int i = 0; i < set->ncells; i++)
	{
		if (set->cells[i].key == key)
			return i;
	}
	return -1;
}

bool
tally_reserve(TallyDelta *delta)
{
	tallies_attach();
	LWLockAcquire(&area->lock, LW_SHARED);
	delta->set = find_set(delta->table, delta->column);
	delta->cell = delta->set < 0 ? -1 : find_cell(&area->sets[delta->set], delta->key);
	if (delta->set >= 0 && delta->cell < 0)
	{
		TallySet *set;

		LWLockRelease(&area->lock);
		LWLockAcquire(&area->lock, LW_EXCLUSIVE);
		delta->set = find_set(delta->table, delta->column);
		set = &area->sets[Max(delta->set, 0)];
		delta->cell = delta->set < 0 ? -1 : find_cell(set, delta->key);
		if (delta->set >= 0 && delta->cell < 0 && set->ncells < TALLY_CELLS)
		{
			delta->cell = set->ncells++;
			set->cells[delta->cell] = (TallyCell){.key = delta->key};
		}
	}
	if (delta->cell < 0)
		delta->set = -1;
	else
		delta->generation = area->sets[delta->set].generation;
	LWLockRelease(&area->lock);
	return delta->set >= 0;
}

void
tallies_add(TallyDelta *deltas, int count)
{
	if (count == 0)
		return;
	LWLockAcquire(&area->lock, LW_EXCLUSIVE);
	for (int i = 0; i < count; i++)
	{
		TallySet *set = &area->sets[Max(deltas[i].set, 0)];
		int64	  sum;

		if (deltas[i].set < 0)
			continue;
		if (set->generation == deltas[i].generation &&
			!pg_add_s64_overflow(set->cells[deltas[i].cell].sum, deltas[i].delta, &sum))
			set->cells[deltas[i].cell].sum = sum;
		else
		{
			/* Whoever has an older state of it is not to go on. */
			if (set->generation == deltas[i].generation)
			{
				set->generation++;
				set->ncells = 0;
			}
			deltas[i].set = -1;
		}
		set->version++;
	}
	LWLockRelease(&area->lock);
}
