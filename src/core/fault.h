/*-------------------------------------------------------------------------
 *
 * fault.h
 *		Waits in the gaps where races would show, for tests.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_FAULT_H
#define POLLSEED_FAULT_H

/* The gaps. */
typedef enum FaultPoint
{
	FAULT_NONE,
	FAULT_PENDING,	/* changes are marked as pending, nothing is committed yet */
	FAULT_VISIBLE,	/* the transaction is visible, versions are not raised */
	FAULT_VERSIONS, /* a filler has read the versions, and has no snapshot yet */
	FAULT_SNAPSHOT, /* it has its snapshot and no result */
	FAULT_PUBLISH,	/* it has the result and has not published it */
} FaultPoint;

/* The setting pollseed.test_wait_at; only superusers change it. */
extern int fault_wait_at;

/* Waits a little at a gap, which interrupts nothing. */
extern void fault_wait(void);

/* Waits at a gap if the setting names it. */
static inline void
fault_point(FaultPoint point)
{
	if (unlikely(fault_wait_at == (int) point))
		fault_wait();
}

/* Defines the setting. */
extern void fault_init(void);

#endif /* POLLSEED_FAULT_H */
