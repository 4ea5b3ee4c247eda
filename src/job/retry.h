/*-------------------------------------------------------------------------
 *
 * retry.h
 *		Which errors may be gone when the work is tried again, and when to try.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_RETRY_H
#define POLLSEED_RETRY_H

/* Tells whether an error comes of what others do at the same time: 40001, 40P01 or 55P03. */
extern bool retry_may_help(int sqlerrcode);

/*
 * Returns the milliseconds to wait before trying again, given the tries in a row
 * that failed: 1 s, doubled for each further one, at most 30 s, of which a random
 * half at most is left out, so that those who failed together do not meet again.
 */
extern long retry_delay_ms(int failures);

#endif /* POLLSEED_RETRY_H */
