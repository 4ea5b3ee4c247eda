/*-------------------------------------------------------------------------
 *
 * score_work.h
 *		What the worker of a job does with scores.
 *
 * There are three kinds of job: one refreshes a score, one refreshes all scores of a
 * role that have something to do, and a standing one refreshes those of a role that
 * have a schedule whenever they are due, until none has one any more.  A job's plan
 * says which it is and what it has done:
 *
 *		{"kind": "one", "score_id": 1, "figures": {"refreshed": 1, "keys": 20, ...}}
 *
 * Lock order: the locks below, the score's refresher's, rows of scores, the job's row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_WORK_H
#define POLLSEED_SCORE_WORK_H

#include "job/engine.h"
#include "job/member.h"

/* Kinds of job. */
#define SCORE_JOB_ONE "one"
#define SCORE_JOB_DUE "due"
#define SCORE_JOB_STANDING "standing"

/* Classes of advisory locks: see standing.h. */
#define SCORE_SCHEDULE_LOCK 28792
#define SCORE_STANDING_LOCK 28793

/* The engine's run(). */
extern bool score_work_run(const Job *job, JobMember *member);

#endif /* POLLSEED_SCORE_WORK_H */
