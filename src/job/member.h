/*-------------------------------------------------------------------------
 *
 * member.h
 *		A process at work on a job, the leader or a helper, and what an engine
 *		that commits by itself asks of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_MEMBER_H
#define POLLSEED_MEMBER_H

#include "portability/instr_time.h"

#include "job/engine.h"
#include "job/team.h"

/* Engines use the functions only. */
typedef struct JobMember
{
	Job				*job;
	const JobEngine *engine;
	Team			*team;
	int				 number;  /* 0: the leader */
	MemoryContext	 context; /* lasts as long as this */
	MemoryContext
		share_context; /* until the share of the work is done, or an error ends it; or NULL */

	/* For an engine that works on slices. */
	void *state; /* the engine's; NULL: to be opened */
	int64 granule;
	int64 units; /* of the next slice, unless that goes by the team's pace, */
	bool  ahead; /* because the last one was ahead */

	/* For an engine that commits by itself, in the leader. */
	int64		done; /* as it said last */
	int64		total;
	int64		batches;   /* of all members, that are reported */
	const char *reason;	   /* what it waits for, or NULL */
	bool		to_report; /* whatever the figures are */
	instr_time	reported_at;
} JobMember;

/* Tells whether this process leads the job. */
extern bool member_is_leader(const JobMember *member);

/* Returns the member's number: 0 is the leader's, and helpers have those from 1 on. */
extern int member_number(const JobMember *member);

/* Returns how many members there are now, this one included. */
extern int member_workers(const JobMember *member);

/*
 * Tells whether to go on; to be called between transactions, at least once for each, and
 * again with the last figures before the leader's run returns true.  Most calls do
 * next to nothing.  In the leader it now and then writes done and total, which may
 * be an estimate, to the job's row, sees whether the job is still its own, and hires or
 * dismisses helpers; from a helper the figures are not used.
 */
extern bool member_goes_on(JobMember *member, int64 done, int64 total);

/* Says that batches were committed, so that the job's attempt is not in vain. */
extern void member_committed(JobMember *member, int batches);

/* Waits, outside of any transaction, and does meanwhile what member_goes_on() does; returns false at once when it says stop. */
extern bool member_wait(JobMember *member, long ms);

/* Shows what the leader waits for until it says otherwise; NULL: nothing. */
extern void member_waiting(JobMember *member, const char *reason);

/* Writes to the job's row, if the engine commits by itself, how far it had come when the leader last said so. */
extern void member_report(JobMember *member);

/*
 * Does this process's share of the job: returns true when there is nothing left to do,
 * and false where it is to be seen first whether the job is still to be worked on.  An
 * error leaves the transaction to be aborted; the member is to be reset after it.
 */
extern bool member_work(JobMember *member);

/*
 * Lets go of the engine's state, which an error may have left in any condition,
 * and of the slice that is claimed, which it returns: see team_has_passed().
 */
extern JobSlice member_reset(JobMember *member);

#endif /* POLLSEED_MEMBER_H */
