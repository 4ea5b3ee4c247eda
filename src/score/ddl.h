/*-------------------------------------------------------------------------
 *
 * ddl.h
 *		Event triggers: data definition that concerns a score is noticed when it
 *		is committed, not only at the next refresh.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SCORE_DDL_H
#define POLLSEED_SCORE_DDL_H

/* Does something whose commands the event triggers are to pass over. */
extern void ddl_run_own(void (*task)(void *arg), void *arg);

#endif /* POLLSEED_SCORE_DDL_H */
