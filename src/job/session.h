/*-------------------------------------------------------------------------
 *
 * session.h
 *		A background worker's session: its connection, settings and
 *		transactions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SESSION_H
#define POLLSEED_SESSION_H

#include "job/jobs.h"
#include "job/launch.h"

/*
 * Connects the calling worker to its ticket's database as its ticket's role.
 * Work is done as read committed and read write, whatever the role's defaults.
 */
extern const WorkerTicket *session_connect(void);

/* Takes on the settings of the session that made a job, in a transaction. */
extern void session_apply_settings(const Job *job);

/* Tells whether this process was ever interrupted by a signal, so that a cancelled query may be due to that. */
extern bool session_was_interrupted(void);

/* Begins a transaction with SPI connected and a snapshot, in which the extension is not dropped. */
extern void session_begin(void);

/*
 * Begins one that waits for locks only as long as the owner's lock_timeout allows, or a few seconds where it is
 * not set: for a team's slices, since those before a slice that waits for its turn must not wait for ever for
 * somebody who waits for this one.  Other transactions, which touch nothing but the job's row, wait until they can go on.
 */
extern void session_begin_limited(void);

/* Commits it, and returns to the memory context that it was begun in. */
extern void session_commit(void);

#endif /* POLLSEED_SESSION_H */
