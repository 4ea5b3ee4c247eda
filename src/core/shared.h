/*-------------------------------------------------------------------------
 *
 * shared.h
 *		Areas of shared memory, whether the library is preloaded or not.
 *
 * Preloaded, they lie in the main shared memory, whose size is settled when the
 * server starts.  Else each is a segment of dynamic shared memory that lasts until
 * the server ends, made at the first use.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_SHARED_H
#define POLLSEED_SHARED_H

/*
 * An area, a static variable.  Sessions that loaded an older library go on using it, so
 * a change of what is in it needs another name.
 */
typedef struct SharedArea
{
	const char *name;
	Size (*size)(void);			 /* asked when MaxBackends is known */
	void (*init)(void *address); /* at the first use; must not fail half-way */
	void			  *address;	 /* NULL until it is attached */
	struct SharedArea *next;
} SharedArea;

/* Makes an area known, when the library is loaded. */
extern void shared_register(SharedArea *area);

/* Returns the area's address; may raise errors at its first call in a session. */
extern void *shared_attach(SharedArea *area);

/* Tells whether some session has got hold of an area; if not, none has anything in it. */
extern bool shared_is_made(const SharedArea *area);

#endif /* POLLSEED_SHARED_H */
