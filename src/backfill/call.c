/*-------------------------------------------------------------------------
 *
 * call.c
 *		Running a backfill by a call: the procedure pollseed_backfill_run(), which
 *		commits each batch, and the function pollseed_backfill_step(), which runs in
 *		the caller's transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/notify.h"
#include "core/progress.h"
#include "core/sql.h"
#include "backfill/call.h"
#include "backfill/locks.h"
#include "backfill/run.h"
#include "backfill/settings.h"

POLLSEED_FUNCTION(pollseed_backfill_run);
POLLSEED_FUNCTION(pollseed_backfill_step);

/* Begins a transaction of a procedure, which the commit before it has started already: as read committed. */
static void
begin_committing(BackfillRun *run pg_attribute_unused())
{
	(void) set_config_option("transaction_isolation", "read committed", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/* Commits a procedure's transaction. */
static void
end_committing(BackfillRun *run pg_attribute_unused())
{
	SPI_commit();
}

/* Goes on until it is interrupted. */
static bool
always_goes_on(BackfillRun *run pg_attribute_unused())
{
	CHECK_FOR_INTERRUPTS();
	return true;
}

/* Waits without a snapshot, so that nothing is held up. */
static void
wait_idle(BackfillRun *run pg_attribute_unused(), long ms, const char *reason)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	progress_waiting(reason);
	for (;;)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

		if (left <= 0)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	progress_waiting(NULL);
}

/* Nothing begins within the caller's transaction. */
static void
begin_within(BackfillRun *run pg_attribute_unused())
{
}

/* Shows what a batch did to the next one. */
static void
end_within(BackfillRun *run pg_attribute_unused())
{
	CommandCounterIncrement();
}

/* Never called: what does not commit does not wait. */
static void
wait_within(BackfillRun *run pg_attribute_unused(), long ms pg_attribute_unused(),
			const char *reason pg_attribute_unused())
{
}

static const BackfillDriver committing_driver = {
	.commits = true,
	.leads = true,
	.shows_progress = true,
	.begin = begin_committing,
	.end = end_committing,
	.goes_on = always_goes_on,
	.wait = wait_idle,
};

static const BackfillDriver within_driver = {
	.commits = false,
	.leads = true,
	.shows_progress = true,
	.begin = begin_within,
	.end = end_within,
	.goes_on = always_goes_on,
	.wait = wait_within,
};

bool
call_may_commit(FunctionCallInfo fcinfo)
{
	return fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		   !((CallContext *) fcinfo->context)->atomic;
}

/* Returns a number with the noun that fits. */
static const char *
counted(int64 n, const char *one, const char *many)
{
	return psprintf(INT64_FORMAT " %s", n, n == 1 ? one : many);
}

/* Says what a call came to. */
static void
notice_result(const BackfillRun *run, RunResult result)
{
	const char *figures =
		psprintf("%s filled, " INT64_FORMAT " without data, " INT64_FORMAT " set aside, in %s",
				 counted(run->done.filled, "row", "rows"), run->done.no_data, run->done.quarantined,
				 counted(run->done.batches, "batch", "batches"));

	if (result == RUN_LOST)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("backfill \"%s\" is run by another session now", run->backfill->name)));
	if (result == RUN_FINISHED && run->done.filled + run->done.no_data + run->done.quarantined == 0)
		ereport(NOTICE, (errmsg("backfill \"%s\": nothing to do", run->backfill->name)));
	else
		ereport(NOTICE, (errmsg("backfill \"%s\" %s: %s", run->backfill->name,
								result == RUN_FINISHED ? "is finished" : "stopped", figures)));
}

/* Does the work with a run, and lets go of everything, whatever happens. */
static void
work_with_run(Backfill *backfill, const BackfillDriver *driver, MemoryContext context,
			  CallWork work, void *arg)
{
	BackfillRun *run = run_make(backfill, driver, NULL, context);

	PG_TRY();
	{
		work(run, arg);
	}
	PG_FINALLY();
	{
		if (run->shows_progress)
			progress_end();
		run_free(run);
	}
	PG_END_TRY();
}

/* Reads a backfill in a transaction of its own, and takes the session's lock on its run if it is not taken yet. */
static Backfill *
read_committing(const char *name, bool lock, MemoryContext context)
{
	Backfill *backfill;

	begin_committing(NULL);
	SPI_connect();
	backfill = backfill_read(name, false, context);
	if (lock)
		lock_runner(backfill, true);
	SPI_finish();
	SPI_commit();
	return backfill;
}

void
call_committing(const char *name, CallWork work, void *arg)
{
	MemoryContext context =
		AllocSetContextCreate(PortalContext, "pollseed backfill call", ALLOCSET_DEFAULT_SIZES);
	int64 id;

	name = MemoryContextStrdup(context, name);

	/* What the call itself has read must not be held against the batches. */
	SPI_commit();
	id = read_committing(name, true, context)->id;
	PG_TRY();
	{
		/* What was read before the lock was taken may be old. */
		work_with_run(read_committing(name, false, context), &committing_driver, context, work,
					  arg);
	}
	PG_FINALLY();
	{
		unlock_runner(id);
	}
	PG_END_TRY();
	MemoryContextDelete(context);
}

void
call_within(const char *name, CallWork work, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	Backfill	 *backfill = backfill_read(name, false, context);

	lock_runner(backfill, false);
	backfill = backfill_read(name, true, context);
	work_with_run(backfill, &within_driver, context, work, arg);
}

/* What a call asks for, and came to. */
typedef struct CallRequest
{
	int64		max_batches; /* 0: no limit */
	TimestampTz until;		 /* DT_NOEND: no limit */
	RunResult	result;
	Datum	   *figures; /* of pollseed_backfill_step(), or NULL */
} CallRequest;

/* Returns how many rows a backfill has still to look at. */
static int64
remaining_rows(const Backfill *backfill)
{
	Oid	  type = INT8OID;
	Datum value = Int64GetDatum(backfill->id);

	(void) sql_execute_own("SELECT s.remaining FROM pollseed.backfill_standing AS s"
						   " WHERE s.backfill_id OPERATOR(pg_catalog.=) $1",
						   1, &type, &value, NULL);
	return DatumGetInt64(sql_value_not_null(0, 1));
}

/* The work of both functions: runs as far as the request goes; arg: the request. */
static void
run_work_of_call(BackfillRun *run, void *arg)
{
	CallRequest *request = arg;

	run->max_batches = request->max_batches;
	run->until = request->until;
	run_begin(run);
	request->result = run_work(run);
	if (request->figures == NULL)
	{
		notice_result(run, request->result);
		return;
	}
	request->figures[0] = Int64GetDatum(run->done.filled);
	request->figures[1] = Int64GetDatum(run->done.no_data);
	request->figures[2] = Int64GetDatum(run->done.quarantined);
	request->figures[3] = Int64GetDatum(run->done.skipped);
	request->figures[4] = Int64GetDatum(remaining_rows(run->backfill));
	request->figures[5] = BoolGetDatum(request->result == RUN_FINISHED);
}

/* pollseed_backfill_run(name, max_batches, max_runtime) */
Datum
pollseed_backfill_run(PG_FUNCTION_ARGS)
{
	CallRequest request = {.max_batches = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1),
						   .until = deadline_argument(fcinfo, 2)};
	const char *name;

	name = text_argument(fcinfo, 0, "name");
	if (!PG_ARGISNULL(1) && request.max_batches < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_batches must be at least 1")));
	PreventCommandIfReadOnly("pollseed_backfill_run()");
	if (call_may_commit(fcinfo))
	{
		SPI_connect_ext(SPI_OPT_NONATOMIC);
		call_committing(name, run_work_of_call, &request);
	}
	else
	{
		SPI_connect();
		request.max_batches = 1;
		call_within(name, run_work_of_call, &request);
		if (request.result != RUN_FINISHED)
			ereport(NOTICE,
					(errmsg("one batch at most was run, because the procedure cannot commit here"),
					 errhint("CALL it outside of a transaction block, function or EXCEPTION block, "
							 "or use pollseed_backfill_async() or pollseed_backfill_step().")));
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* pollseed_backfill_step(name, batches) */
Datum
pollseed_backfill_step(PG_FUNCTION_ARGS)
{
	Datum		values[7];
	CallRequest request = {.until = DT_NOEND,
						   .max_batches = PG_ARGISNULL(1) ? 1 : PG_GETARG_INT32(1),
						   .figures = values};
	instr_time	start;

	require_argument(fcinfo, 0, "name");
	if (request.max_batches < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("batches must be at least 1")));
	PreventCommandIfReadOnly("pollseed_backfill_step()");
	INSTR_TIME_SET_CURRENT(start);
	SPI_connect();
	call_within(text_to_cstring(PG_GETARG_TEXT_PP(0)), run_work_of_call, &request);
	values[6] = Float8GetDatum(milliseconds_since(start));
	SPI_finish();
	PG_RETURN_DATUM(figures_row(fcinfo, values, NULL));
}
