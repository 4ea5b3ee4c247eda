/*-------------------------------------------------------------------------
 *
 * launcher.h
 *		The process that looks after all databases' jobs, where the library is in
 *		shared_preload_libraries.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_LAUNCHER_H
#define POLLSEED_LAUNCHER_H

#include "fmgr.h"

/* Defines the setting, and has the server start the launcher if it is starting itself. */
extern void launcher_init(void);

/* Entry point of the launcher. */
extern PGDLLEXPORT void pollseed_launcher_main(Datum arg);

#endif /* POLLSEED_LAUNCHER_H */
