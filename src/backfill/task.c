/*-------------------------------------------------------------------------
 *
 * task.c
 *		The steps of a run: each a transaction, with its errors sorted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/subtransaction.h"
#include "job/retry.h"
#include "backfill/outcomes.h"
#include "backfill/run.h"
#include "backfill/settings.h"

/*
 * Keeps an error as the backfill's last one, in a transaction of its own where that is
 * possible.  What is finished stays so when it cannot be handed over.
 */
static void
note_error(BackfillRun *run, const ErrorData *error)
{
	SPI_connect();
	(void) backfill_update(run->backfill,
						   psprintf("state = CASE WHEN b.state OPERATOR(pg_catalog.=) 'finished'"
									" THEN b.state ELSE 'failed' END,"
									" last_error = $3, last_sqlstate = '%s', waiting_for = NULL",
									unpack_sql_state(error->sqlerrcode)),
						   error->message);
	SPI_finish();
	ereport(backfill_log_level,
			(errhidestmt(true), errhidecontext(true), errcode(error->sqlerrcode),
			 errmsg("pollseed backfill \"%s\" failed: %s", run->backfill->name, error->message)));
}

/* Keeps that something is tried again. */
static void
note_retry(BackfillRun *run)
{
	SPI_connect();
	(void) backfill_update(run->backfill, "retries = b.retries OPERATOR(pg_catalog.+) 1", NULL);
	SPI_finish();
}

/* Tells whether an error ends the process's work without being the backfill's fault. */
static bool
is_interruption(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
}

/* What attempt_task() takes. */
typedef struct Attempt
{
	BackfillRun *run;
	RunTask		 task;
	void		*arg;
} Attempt;

/* Does a run's task as the backfill's owner, for to look at the source or an index may call functions; arg: an Attempt. */
static void
attempt_task(void *arg)
{
	const Attempt *attempt = arg;
	BackfillRun	  *run = attempt->run;
	DefinerSession session;

	/* What is allocated from here on is gone with SPI's memory. */
	SPI_connect();
	session = backfill_enter(run->backfill);

	/* Held throughout, so that no place that was read is given to another row by vacuum. */
	PushActiveSnapshot(GetTransactionSnapshot());
	attempt->task(run, attempt->arg);
	PopActiveSnapshot();
	definer_leave(&session);
	SPI_finish();
	run->blocked = throttle_count_blocked();
}

/*
 * Does the task in a subtransaction; returns the error that it raised, or NULL.  What a
 * process did whose run is somebody else's by now would be in no figures, so it is
 * undone.
 */
static ErrorData *
attempt(BackfillRun *run, RunTask task, void *arg)
{
	MemoryContext old_context = MemoryContextSwitchTo(run->context);
	Attempt		  parts = {run, task, arg};
	ErrorData	 *error = subtransaction_try(attempt_task, &parts, &run->lost);

	MemoryContextSwitchTo(old_context);
	return error;
}

/* Deals with an error of a task, in the transaction that it happened in. */
static void
survive(BackfillRun *run, ErrorData *error)
{
	long  delay;
	char *reason;

	/* What is in memory of the range is not what was committed. */
	range_release(run->range);
	run->range = NULL;

	if (error_is_of_a_row(error->sqlerrcode) && !run->careful)
	{
		run->careful = true;
		run->driver->end(run);
		return;
	}
	if (!retry_may_help(error->sqlerrcode) || !run->driver->commits)
	{
		if (run->driver->commits && run->driver->leads && !run->is_early &&
			!is_interruption(error->sqlerrcode))
		{
			note_error(run, error);
			run->driver->end(run);
		}
		ReThrowError(error);
	}

	note_retry(run);
	run->driver->end(run);
	run->failures++;
	delay = retry_delay_ms(run->failures);
	reason = psprintf("tries again after %.1f s: %s", (double) delay / 1000,
					  unpack_sql_state(error->sqlerrcode));
	ereport(
		backfill_log_level,
		(errhidestmt(true), errhidecontext(true), errcode(error->sqlerrcode),
		 errmsg("pollseed backfill \"%s\" %s: %s", run->backfill->name, reason, error->message)));
	run->driver->wait(run, delay, reason);
}

bool
run_task(BackfillRun *run, RunTask task, void *arg)
{
	ErrorData *error;

	CHECK_FOR_INTERRUPTS();
	run->driver->begin(run);
	error = attempt(run, task, arg);
	if (error != NULL)
	{
		survive(run, error);
		return false;
	}
	run->driver->end(run);
	run->failures = 0;
	return true;
}

bool
run_patient_task(BackfillRun *run, RunTask task, void *arg)
{
	ErrorData *error;

	CHECK_FOR_INTERRUPTS();
	run->driver->begin(run);
	error = attempt(run, task, arg);
	if (error != NULL && !retry_may_help(error->sqlerrcode))
	{
		survive(run, error);
		return false;
	}
	run->driver->end(run);
	return error == NULL;
}
