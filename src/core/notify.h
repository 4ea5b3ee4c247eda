/*-------------------------------------------------------------------------
 *
 * notify.h
 *		Telling applications what happened: NOTIFY on the channel pollseed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_NOTIFY_H
#define POLLSEED_NOTIFY_H

/* What happened.  Every role can listen, so nothing in it may come from data: an error is its SQLSTATE only. */
typedef struct NotifyEvent
{
	const char *event; /* started, progress, succeeded, failed, cancelled, seeding_complete */
	const char *engine;
	int64		job;   /* 0: null */
	int64		run;   /* 0: null */
	int64		done;  /* -1: null */
	int64		total; /* -1: null */
	double		time_ms;
	const char *error; /* SQLSTATE, or NULL */
} NotifyEvent;

/* Sends the event as JSON when the transaction commits. */
extern void notify_event(const NotifyEvent *event);

/* Tells whether pollseed.notify is on in this session. */
extern bool notify_is_on(void);

/* Defines the setting. */
extern void notify_init(void);

#endif /* POLLSEED_NOTIFY_H */
