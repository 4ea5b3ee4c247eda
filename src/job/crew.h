/*-------------------------------------------------------------------------
 *
 * crew.h
 *		A leader's helpers as processes: starting them, noticing that they are
 *		gone, interrupting them, waiting for their end.
 *
 * Each has a number, from 1, which also is its place here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CREW_H
#define POLLSEED_CREW_H

#include "job/launch.h"

typedef struct Crew Crew;

/* Makes a crew of nobody, in the current memory context. */
extern Crew *crew_make(void);

/*
 * Starts helpers for the empty places below a number, as far as there is room for
 * them.  One that ended a moment ago is not started again yet.
 */
extern void crew_hire(Crew *crew, const WorkerTicket *ticket, int workers);

/* Notes which helpers are gone, and tells whether any is that was there the last time. */
extern bool crew_bury(Crew *crew);

/* Tells how many helpers there are below a number. */
extern int crew_size(const Crew *crew, int workers);

/* Lets the places from a number on be filled again at once: their helpers leave because they are told to. */
extern void crew_excuse(Crew *crew, int workers);

/* Interrupts what the helpers do, as pg_cancel_backend() does. */
extern void crew_interrupt(const Crew *crew);

/* Waits until they are gone, so that their worker slots are free. */
extern void crew_await(Crew *crew);

#endif /* POLLSEED_CREW_H */
