/*-------------------------------------------------------------------------
 *
 * pollseed.c
 *		Entry point of the module.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "core/compat.h"
#include "write/writer.h"

POLLSEED_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/* Sets up each part when the server loads the module. */
void
_PG_init(void)
{
	writer_init();
	MarkGUCPrefixReserved("pollseed");
}
