/*-------------------------------------------------------------------------
 *
 * progress.c
 *		How far long work has come, shown to other sessions while its
 *		transaction is still open: the view pollseed_progress.
 *
 * Each process that can run SQL has a slot in shared memory, found by its index
 * among the server's processes, so that none need be allocated or freed.  A slot
 * is written by its own process only.  Its spinlock guards all but the count of
 * what is done, which is written often and is atomic by itself.  Nothing that
 * can fail happens under the spinlock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/spin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/progress.h"

/*
 * Sessions that loaded an older library go on using it, so a change of the slot
 * needs a segment of another name.
 */
#define SEGMENT_NAME "pollseed_progress_1"

/* Estimates beyond this many seconds, some hundred years, are none. */
#define MAX_ETA 3.0e9

POLLSEED_FUNCTION(pollseed_progress_slots);

/* What a slot shows but for the count of what is done. */
typedef struct ProgressShown
{
	int			pid; /* 0: nothing to show */
	Oid			database;
	Oid			user;
	int64		job;
	int64		run;
	int64		total;
	int64		done_before; /* what was done when the phase began */
	TimestampTz started_at;
	TimestampTz phase_started_at;
	char		engine[16];
	char relation[4 * NAMEDATALEN + 8]; /* two names, even if each letter is a doubled quote */
	char phase[64];
	char waiting[128]; /* or empty */
} ProgressShown;

typedef struct ProgressSlot
{
	slock_t			 mutex;
	pg_atomic_uint64 done;
	ProgressShown	 shown;
} ProgressSlot;

static bool track_progress = true;

static ProgressSlot *slots = NULL; /* MaxBackends of them; NULL until they are needed */
static ProgressSlot *mine = NULL;  /* this process's slot while it shows work, else NULL */

/* The transaction nesting level that each piece of work began at, outermost first; 0: it outlives transactions. */
static List *levels = NIL;

/* Makes the slots ready, at the first call of all sessions. */
static void
init_slots(void *segment)
{
	ProgressSlot *slot = segment;

	memset(slot, 0, MaxBackends * sizeof(ProgressSlot));
	for (int i = 0; i < MaxBackends; i++)
	{
		SpinLockInit(&slot[i].mutex);
		pg_atomic_init_u64(&slot[i].done, 0);
	}
}

/* Stops showing this process's work. */
static void
hide(void)
{
	if (mine == NULL)
		return;
	SpinLockAcquire(&mine->mutex);
	mine->shown.pid = 0;
	SpinLockRelease(&mine->mutex);
	mine = NULL;
}

/* Stops showing the work of a process that ends, while the slots are still mapped. */
static void
hide_at_exit(int code pg_attribute_unused(), Datum arg pg_attribute_unused())
{
	hide();
}

/* Maps the slots unless that was done.  Auxiliary processes and prepared transactions come after MaxBackends. */
static void
attach(bool to_write)
{
	static bool hides_at_exit = false;
	bool		found;

	if (slots == NULL)
		slots = GetNamedDSMSegment(SEGMENT_NAME, mul_size(MaxBackends, sizeof(ProgressSlot)),
								   init_slots, &found);
	if (to_write && !hides_at_exit)
	{
		before_shmem_exit(hide_at_exit, 0);
		hides_at_exit = true;
	}
}

/* Copies as many whole characters of a text as there is room for; NULL is as empty. */
static void
copy_text(char *to, size_t room, const char *text)
{
	if (text == NULL)
		text = "";
	strlcpy(to, text, pg_mbcliplen(text, (int) strlen(text), (int) room - 1) + 1);
}

/* Tells whether the outermost work is the one that reports, and is shown. */
static inline bool
reporting(void)
{
	return mine != NULL && list_length(levels) == 1;
}

void
progress_begin(const ProgressStart *start)
{
	int			  level = start->outlives_transaction ? 0 : GetCurrentTransactionNestLevel();
	bool		  outermost = levels == NIL;
	MemoryContext old_context;
	ProgressSlot *slot;
	ProgressShown shown = {0};

	if (outermost && track_progress)
		attach(true);
	old_context = MemoryContextSwitchTo(TopMemoryContext);
	levels = lappend_int(levels, level);
	MemoryContextSwitchTo(old_context);
	if (!outermost || !track_progress)
		return;

	shown.pid = MyProcPid;
	shown.database = MyDatabaseId;
	shown.user = GetUserId();
	shown.job = start->job;
	shown.run = start->run;
	shown.total = start->total;
	shown.done_before = start->done;
	shown.started_at = shown.phase_started_at = GetCurrentTimestamp();
	copy_text(shown.engine, sizeof(shown.engine), start->engine);
	copy_text(shown.relation, sizeof(shown.relation), start->relation);
	copy_text(shown.phase, sizeof(shown.phase), start->phase);

	slot = &slots[compat_my_proc_number()];
	SpinLockAcquire(&slot->mutex);
	slot->shown = shown;
	pg_atomic_write_u64(&slot->done, start->done);
	SpinLockRelease(&slot->mutex);
	mine = slot;
}

void
progress_phase(const char *phase, int64 done, int64 total)
{
	char		text[sizeof(mine->shown.phase)];
	TimestampTz now;

	if (!reporting())
		return;

	copy_text(text, sizeof(text), phase);
	now = GetCurrentTimestamp();
	SpinLockAcquire(&mine->mutex);
	memcpy(mine->shown.phase, text, sizeof(text));
	mine->shown.total = total;
	mine->shown.done_before = done;
	mine->shown.phase_started_at = now;
	pg_atomic_write_u64(&mine->done, done);
	SpinLockRelease(&mine->mutex);
}

void
progress_total(int64 total)
{
	if (!reporting())
		return;
	SpinLockAcquire(&mine->mutex);
	mine->shown.total = total;
	SpinLockRelease(&mine->mutex);
}

void
progress_done(int64 done)
{
	if (reporting())
		pg_atomic_write_u64(&mine->done, done);
}

/* Nobody else writes the count, so it need not be added to at one go. */
void
progress_advance(int64 n)
{
	if (reporting())
		pg_atomic_write_u64(&mine->done, pg_atomic_read_u64(&mine->done) + n);
}

void
progress_waiting(const char *what)
{
	char text[sizeof(mine->shown.waiting)];

	if (!reporting())
		return;

	copy_text(text, sizeof(text), what);
	SpinLockAcquire(&mine->mutex);
	memcpy(mine->shown.waiting, text, sizeof(text));
	SpinLockRelease(&mine->mutex);
}

/* Forgets the innermost work, and with the outermost shows nothing any more. */
static void
end_innermost(void)
{
	levels = list_delete_last(levels);
	if (levels == NIL)
		hide();
}

void
progress_end(void)
{
	if (levels != NIL)
		end_innermost();
}

/* Ends the work that began at a nesting level or within it. */
static void
end_from_level(int level)
{
	while (levels != NIL && llast_int(levels) >= level)
		end_innermost();
}

/* Ends with a transaction the work that does not outlive it. */
static void
at_transaction_end(XactEvent event, void *arg pg_attribute_unused())
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		end_from_level(1);
}

/* Ends the work of a subtransaction that failed; that of one that did not is its parent's. */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId id pg_attribute_unused(),
					  SubTransactionId parent pg_attribute_unused(),
					  void *arg				  pg_attribute_unused())
{
	int		  level = GetCurrentTransactionNestLevel();
	ListCell *cell;

	if (event == SUBXACT_EVENT_ABORT_SUB)
		end_from_level(level);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		foreach(cell, levels)
			lfirst_int(cell) = Min(lfirst_int(cell), level - 1);
}

void
progress_init(void)
{
	DefineCustomBoolVariable("pollseed.track_progress", "Shows the progress of long work.",
							 "Other sessions see it in the view pollseed_progress.",
							 &track_progress, true, PGC_USERSET, 0, NULL, NULL, NULL);
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}

/* Returns what a process waits for, and for a lock the processes that it waits for; NULL: nothing. */
static const char *
wait_event(int pid, uint32 info)
{
	const char	  *type = pgstat_get_wait_event_type(info);
	StringInfoData what;
	ArrayType	  *blockers;
	int			   nblockers;

	if (type == NULL)
		return NULL;
	initStringInfo(&what);
	appendStringInfo(&what, "%s: %s", type, pgstat_get_wait_event(info));

	/* To ask who blocks stops the lock manager for a moment, so only do where somebody can. */
	if (strcmp(type, "Lock") != 0)
		return what.data;
	blockers = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(pid)));
	nblockers = ArrayGetNItems(ARR_NDIM(blockers), ARR_DIMS(blockers));
	for (int i = 0; i < nblockers; i++)
		appendStringInfo(&what, "%s%d", i == 0 ? ", blocked by " : ", ",
						 ((int32 *) ARR_DATA_PTR(blockers))[i]);
	return what.data;
}

/* Rounds a rate to three digits; more would be noise. */
static double
round_rate(double rate)
{
	int	   digits = rate > 0 ? (int) floor(log10(rate)) - 2 : 0;
	double unit = pow(10, abs(digits));

	return digits < 0 ? rint(rate * unit) / unit : rint(rate / unit) * unit;
}

/* Returns a per cent value with one decimal, rounded down so that 100.0 means all. */
static Datum
percent_done(int64 done, int64 total)
{
	int64 tenths = total == 0 ? 1000 : (int64) ((int128) done * 1000 / total);

	return NumericGetDatum(int64_div_fast_to_numeric(tenths, 1));
}

/* Returns an interval of so many seconds, rounded up so that none means all is done. */
static Datum
interval_of_seconds(double seconds)
{
	Interval *interval = palloc0_object(Interval);

	interval->time = (TimeOffset) ceil(seconds) * USECS_PER_SEC;
	return IntervalPGetDatum(interval);
}

/* Fills in what the count of what is done tells: done, total, percent, rate, eta. */
static void
fill_figures(const ProgressShown *shown, int64 done, TimestampTz now, Datum *values, bool *nulls)
{
	double seconds = (double) (now - shown->phase_started_at) / USECS_PER_SEC;
	double rate = seconds > 0 ? (double) (done - shown->done_before) / seconds : 0;
	double eta = rate > 0 ? (double) Max(shown->total - done, 0) / rate : MAX_ETA;
	bool   total_known = shown->total >= 0;

	values[0] = Int64GetDatum(done);
	values[1] = Int64GetDatum(shown->total);
	values[2] = total_known ? percent_done(done, shown->total) : (Datum) 0;
	values[3] = Float8GetDatum(round_rate(rate));
	values[4] = eta < MAX_ETA ? interval_of_seconds(eta) : (Datum) 0;
	nulls[1] = nulls[2] = !total_known;
	nulls[3] = seconds <= 0;
	nulls[4] = !total_known || eta >= MAX_ETA;
}

/* Puts a slot's row into the result. */
static void
put_row(ReturnSetInfo *result, const ProgressShown *shown, int64 done, TimestampTz now,
		uint32 wait_event_info)
{
	Datum		values[13];
	bool		nulls[lengthof(values)] = {0};
	const char *waiting_for = shown->waiting;

	if (*waiting_for == '\0')
		waiting_for = wait_event(shown->pid, wait_event_info);

	values[0] = Int32GetDatum(shown->pid);
	values[1] = Int64GetDatum(shown->job);
	nulls[1] = shown->job == 0;
	values[2] = Int64GetDatum(shown->run);
	nulls[2] = shown->run == 0;
	values[3] = CStringGetTextDatum(shown->engine);
	values[4] = CStringGetTextDatum(shown->relation);
	values[5] = CStringGetTextDatum(shown->phase);
	fill_figures(shown, done, now, &values[6], &nulls[6]);
	nulls[11] = waiting_for == NULL;
	values[11] = nulls[11] ? (Datum) 0 : CStringGetTextDatum(waiting_for);
	values[12] = TimestampTzGetDatum(shown->started_at);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * progress_slots()
 *
 * What the view pollseed_progress shows: the work in this database of roles
 * whose privileges the caller has, or all for members of pg_read_all_stats.  The
 * wait events are read as pg_stat_activity reads them, without its snapshot,
 * which would last until the transaction's end.
 */
Datum
pollseed_progress_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		   sees_all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);

	InitMaterializedSRF(fcinfo, 0);
	attach(false);
	for (int i = 0; i < MaxBackends; i++)
	{
		ProgressSlot	*slot = &slots[i];
		volatile PGPROC *process = GetPGProcByNumber(i);
		ProgressShown	 shown;
		int64			 done;

		SpinLockAcquire(&slot->mutex);
		shown = slot->shown;
		done = (int64) pg_atomic_read_u64(&slot->done);
		SpinLockRelease(&slot->mutex);

		if (shown.pid != 0 && shown.pid == process->pid && shown.database == MyDatabaseId &&
			(sees_all || has_privs_of_role(GetUserId(), shown.user)))
			put_row(result, &shown, done, GetCurrentTimestamp(), process->wait_event_info);
	}
	return (Datum) 0;
}
