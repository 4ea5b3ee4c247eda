/*-------------------------------------------------------------------------
 *
 * worker.h
 *		The background processes that do jobs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_WORKER_H
#define POLLSEED_WORKER_H

/* The entry points, which the server looks up by name. */
extern PGDLLEXPORT void pollseed_worker_main(Datum arg);
extern PGDLLEXPORT void pollseed_helper_main(Datum arg);

#endif /* POLLSEED_WORKER_H */
