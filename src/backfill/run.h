/*-------------------------------------------------------------------------
 *
 * run.h
 *		A process at work on a backfill, whichever way it was started.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_RUN_H
#define POLLSEED_RUN_H

#include "datatype/timestamp.h"

#include "backfill/batch.h"
#include "backfill/ranges.h"
#include "backfill/throttle.h"

struct BackfillRun;

/*
 * What carries a run: a procedure, a function, or a worker of a job.  Transactions
 * are its own: begin() and end() stand around each of them.
 */
typedef struct BackfillDriver
{
	/* Each batch is committed; else all is one transaction, which must not be held up. */
	bool commits;

	/* Begins the run and ends it; helpers only work on ranges. */
	bool leads;

	/* Its progress is not shown by somebody else, nor its end told. */
	bool shows_progress;

	void (*begin)(struct BackfillRun *run);
	void (*end)(struct BackfillRun *run);

	/* Tells, outside of any transaction, whether to go on. */
	bool (*goes_on)(struct BackfillRun *run);

	/* The server's statistics hear of each transaction when it has ended. */
	bool reports_statistics;

	/* Waits outside of any transaction, for a reason that is shown (NULL: none); not called where nothing commits. */
	void (*wait)(struct BackfillRun *run, long ms, const char *reason);
} BackfillDriver;

typedef struct BackfillRun
{
	Backfill			 *backfill;
	const BackfillDriver *driver;
	void				 *arg;	   /* the driver's */
	MemoryContext		  context; /* lasts as long as the run */
	BackfillTable		 *table;   /* the one that was used last, or NULL */
	BackfillRange		 *range;   /* the one that it works on, or NULL */
	ClaimRequest		  claim;
	Throttle			 *throttle;
	const char			 *holds; /* why the throttle holds, as the backfill's row says, or NULL */

	bool shows_progress; /* which is to be ended */

	double batch_size;
	int	   logged_size; /* as last logged */
	bool   careful;		/* the last batch raised an error of a row */
	bool   lost;		/* somebody else runs it now */
	bool   is_early;	/* another backfill is to be finished first */
	int	   failures;	/* retryable errors in a row */
	int	   blocked;		/* sessions that waited for our locks, at the last commit */
	int64  unreported;	/* dead rows that the server's statistics do not know of yet */

	int64		reported_batches; /* of those that are done, the ones that the job has heard of */
	TimestampTz began_at;
	TimestampTz asked_at;	 /* when the throttle was last asked */
	int64		max_batches; /* 0: no limit */
	TimestampTz until;		 /* DT_NOEND: no limit */
	BackfillFigures done;	 /* what this process has committed in this run */
} BackfillRun;

/* How a call ended. */
typedef enum RunResult
{
	RUN_FINISHED,
	RUN_STOPPED, /* by the driver, or a limit */
	RUN_LOST	 /* somebody else runs it now */
} RunResult;

/* Makes a run of a backfill, in a memory context of its own below the one given. */
extern BackfillRun *run_make(Backfill *backfill, const BackfillDriver *driver, void *arg,
							 MemoryContext parent);

/* Begins or resumes the run, as its leader. */
extern void run_begin(BackfillRun *run);

/* Works until all is done or the driver says stop. */
extern RunResult run_work(BackfillRun *run);

/* Lets go of everything, also after an error. */
extern void run_free(BackfillRun *run);

/*
 * For the parts of a run: does something in a transaction of its own, within a
 * subtransaction, as the backfill's owner, with SPI connected and a snapshot held.
 * Errors that may pass are tried again after a wait; one of a row makes the next
 * attempt careful; others are raised, and kept as the backfill's last error.  Returns
 * false if it has to be done again.
 */
typedef void (*RunTask)(BackfillRun *run, void *arg);
extern bool run_task(BackfillRun *run, RunTask task, void *arg);

/* Does the same, but where an error may pass it just returns false, at once. */
extern bool run_patient_task(BackfillRun *run, RunTask task, void *arg);

/* Opens a table of the run, with its statements; NULL where it is gone. */
extern BackfillTable *run_open_table(BackfillRun *run, Oid relid, Relation *rel);

/* Notes a batch that was committed: its size for the next one, and the pause that its WAL asks for. */
extern void run_note_batch(BackfillRun *run, const BackfillFigures *figures, double ms);

/* Returns the microseconds to rest after each GENTLE_ROWS rows that are written, while there is a budget of WAL. */
extern long run_rest_us(const BackfillRun *run);

/* Returns how many rows the next batch may have. */
extern int run_batch_limit(const BackfillRun *run);

/* Tells whether to go on with another batch, having held back as long as the throttle asks for. */
extern bool run_goes_on(BackfillRun *run);

#endif /* POLLSEED_RUN_H */
