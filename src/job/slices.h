/*-------------------------------------------------------------------------
 *
 * slices.h
 *		One process's share of a job: claiming slices, working on each in a
 *		transaction, committing it with the job's new position.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SLICES_H
#define POLLSEED_SLICES_H

#include "job/member.h"

/*
 * Works on slices until all are committed; returns false at the first one that
 * came to nothing, whose transaction it rolls back.
 */
extern bool slices_work(JobMember *member);

/* Gives up the slice that an error ended, and returns it; where none is claimed it has no team. */
extern JobSlice slices_give_up(void);

#endif /* POLLSEED_SLICES_H */
