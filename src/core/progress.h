/*-------------------------------------------------------------------------
 *
 * progress.h
 *		How far long work has come, shown to other sessions while its
 *		transaction is still open: the view pollseed_progress.
 *
 * A session reports one piece of work at a time, the outermost.  Only
 * progress_begin() can fail; the rest is cheap, never raises an error, and does
 * nothing where no work was begun or pollseed.track_progress is off.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PROGRESS_H
#define POLLSEED_PROGRESS_H

/* What work begins with.  Texts that are too long are clipped. */
typedef struct ProgressStart
{
	const char *engine;
	const char *relation; /* schema-qualified and quoted */
	int64		job;	  /* or 0 */
	int64		run;	  /* or 0 */
	const char *phase;
	int64		done;
	int64		total; /* -1: unknown */

	/*
	 * A job's worker goes on over many transactions, and ends with
	 * progress_end() or with its process.  Any other work also ends with the
	 * (sub)transaction that it began in, so that an error leaves nothing.
	 */
	bool outlives_transaction;
} ProgressStart;

/*
 * Shows the work.  Work within other work, such as a seeding in a trigger, is
 * not shown: until its matching progress_end() all calls but that are ignored.
 */
extern void progress_begin(const ProgressStart *start);

/* Enters a phase, from which on the rate is computed. */
extern void progress_phase(const char *phase, int64 done, int64 total);

/* Says anew how much there is to do in the phase, where that is an estimate. */
extern void progress_total(int64 total);

/* Says how much of the phase is done. */
extern void progress_done(int64 done);

/* Says how much more of the phase is done; meant for each batch. */
extern void progress_advance(int64 n);

/* Says what the work waits for, where the server cannot know it; NULL: for nothing any more. */
extern void progress_waiting(const char *what);

/* Ends the work. */
extern void progress_end(void);

/* Defines the setting and watches the ends of transactions. */
extern void progress_init(void);

#endif /* POLLSEED_PROGRESS_H */
