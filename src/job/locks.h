/*-------------------------------------------------------------------------
 *
 * locks.h
 *		Session-level locks that say who works: one leader a job, and so many
 *		jobs a database.
 *
 * They are advisory locks: see core/advisory.h.  A trigger that lets go of them in a
 * worker may have a second one take the job up; then the first one's attempt is over.
 * pg_locks shows them with objsubid JOB_LEADER_LOCK and JOB_SLOT_LOCK.  Lock order: the
 * job's, then a slot's, both before any row; nobody waits for a slot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_LOCKS_H
#define POLLSEED_LOCKS_H

/* Classes of advisory locks. */
#define JOB_LEADER_LOCK 28787
#define JOB_SLOT_LOCK 28788

/* Takes the lock of a job's leader, waiting a while for one that is about to leave; false if it stays. */
extern bool lock_leadership(int64 job);

/* Lets go of it. */
extern void unlock_leadership(int64 job);

/* Takes one of the slots for running jobs in this database, and returns its number; -1 if none is free. */
extern int lock_slot(int slots);

/* Lets go of it. */
extern void unlock_slot(int slot);

/* Returns SQL that is true if a job, given as an expression of type int8, has a leader. */
extern const char *has_leader_condition(const char *job);

/* Returns SQL for the number of slots that are taken. */
extern const char *slots_taken_expression(void);

#endif /* POLLSEED_LOCKS_H */
