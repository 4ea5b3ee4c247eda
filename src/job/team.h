/*-------------------------------------------------------------------------
 *
 * team.h
 *		The processes that work on one job, and how they share its units.
 *
 * A leader, and helpers if the job asks for more workers.  Where the engine commits by
 * itself they share no more than who is to be there.  Else each claims the next slice
 * of units, works on it in a transaction of its own, waits until all slices before it
 * are committed (its turn), and commits.  The job's row decides what is committed; the
 * team's shared memory only says when to look.
 *
 * When a slice is given up, all claims are void: a new generation claims on
 * from the last committed unit.  Helpers only make it faster: what they fail at
 * the leader does, and reports.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_TEAM_H
#define POLLSEED_TEAM_H

#include "job/engine.h"

typedef struct Team Team;

/* Makes a team of a leader alone, in the current memory context. */
extern Team *team_make(const Job *job);

/*
 * Has so many processes work on the job, the leader included.  Starts helpers, as
 * far as there is room for them, unless one has found nothing left to do; one that
 * ended otherwise is started again after a few seconds.  Or lets those with the highest
 * numbers go, when they next ask.
 */
extern void team_resize(Team *team, const Job *job, int workers);

/* Returns how many processes there are, the leader included, as the leader knows. */
extern int team_size(Team *team);

/* Tells whether the helper of a number is to stay. */
extern bool team_wants(Team *team, int number);

/* Has the helper of a number sleep for so long, or until something happens in the team; returns whether it is to stay. */
extern bool team_sleep(Team *team, int number, long ms);

/* Says that a helper found nothing left to do, so that no more are needed. */
extern void team_note_nothing_left(Team *team);

/* Counts batches that a member committed by itself, and returns how many all members have. */
extern void	 team_count_batches(Team *team, int batches);
extern int64 team_batches(Team *team);

/* Joins the team that a ticket names; NULL if it has been dissolved. */
extern Team *team_join(uint32 handle);

/*
 * Claims the next units, up to so many, a multiple of the granule.  Where all are
 * claimed it waits, for a claim may become void.  Returns false when all units are
 * committed, or the team is dissolved.
 */
extern bool team_claim(Team *team, int64 units, int64 granule, JobSlice *slice);

/*
 * Waits until all units before the slice are committed; returns false if the claim
 * became void.  A slice that is ahead waits for a second at most.
 */
extern bool team_await_turn(JobSlice *slice);

/* Says that the slice is committed. */
extern void team_advance(const JobSlice *slice);

/* Makes all claims of the slice's generation void. */
extern void team_give_up(const JobSlice *slice);

/* Says what the job's row says of the last committed unit, in case that somebody ended before he could. */
extern void team_note_position(Team *team, int64 position);

/*
 * Tells whether an error in a slice that was given up proves nothing: it was worked on ahead of its turn, or
 * somebody else has committed its units meanwhile.  False for one without a team.
 */
extern bool team_has_passed(const JobSlice *slice);

/* Returns the last unit that is known to be committed. */
extern int64 team_position(Team *team);

/*
 * Sets, after a slice that was ahead, and returns how many units one should have.
 * Members that work ahead go by one pace: they commit in order, so one who took a
 * shorter slice than the one before him would have to wait.
 */
extern void	 team_set_pace(const JobSlice *slice, int64 units);
extern int64 team_pace(Team *team);

/* Tells whether it is time for a listener to hear of progress again; then it counts as told. */
extern bool team_may_notify(Team *team);

/* Has the helpers stop when they next ask, and leaves the leader alone. */
extern void team_dissolve(Team *team);

/* Has the helpers stop at once, and waits until they have: to be called outside of any transaction. */
extern void team_dismiss(Team *team);

/* Waits until a dissolved team's helpers are gone, so that their worker slots are free. */
extern void team_await_helpers(Team *team);

#endif /* POLLSEED_TEAM_H */
