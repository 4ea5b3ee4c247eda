/*-------------------------------------------------------------------------
 *
 * launcher.c
 *		The process that looks after all databases' jobs, where the library is in
 *		shared_preload_libraries.
 *
 * When the server has started, and then every pollseed.launcher_naptime, it sends
 * a short-lived worker to each database in turn, as autovacuum does, which does
 * what pollseed_run_jobs() does.  It holds no state: a crash loses nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "job/launch.h"
#include "job/launcher.h"

#define RESTART_SECONDS 5

static int launcher_naptime = 60;

void
launcher_init(void)
{
	BackgroundWorker worker = {0};

	DefineCustomIntVariable(
		"pollseed.launcher_naptime", "Time between the launcher's visits to each database.",
		"Only used where pollseed is in shared_preload_libraries.", &launcher_naptime, 60, 1, 86400,
		PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);

	if (!process_shared_preload_libraries_in_progress)
		return;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART_SECONDS;
	strlcpy(worker.bgw_library_name, "pollseed", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "pollseed_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "pollseed launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "pollseed launcher", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}

/* Returns the OIDs of the databases that one can connect to and that are no templates. */
static List *
list_databases(MemoryContext context)
{
	List		 *databases = NIL;
	Relation	  rel;
	TableScanDesc scan;
	HeapTuple	  tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext	 old_context;

		if (!database->datallowconn || database->datistemplate ||
			database->datconnlimit == DATCONNLIMIT_INVALID_DB)
			continue;
		old_context = MemoryContextSwitchTo(context);
		databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(old_context);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	return databases;
}

/* Sends a worker to a database and waits until it is back; without room for it, the next visit will do. */
static void
visit(Oid database)
{
	WorkerTicket			ticket = {.database = database};
	BackgroundWorkerHandle *handle;

	if (launch_worker(&ticket, "pollseed_tick_main", "pollseed tick", &handle))
		(void) WaitForBackgroundWorkerShutdown(handle);
}

/* Background worker: visits all databases, sleeps, and begins anew, until the server stops. */
void
pollseed_launcher_main(Datum arg pg_attribute_unused())
{
	MemoryContext context;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	context = AllocSetContextCreate(TopMemoryContext, "pollseed launcher", ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		ListCell *cell;

		MemoryContextSwitchTo(context);
		foreach(cell, list_databases(context))
			visit(lfirst_oid(cell));
		MemoryContextReset(context);

		/* Waiting for a visit's end may have taken the latch of a reload. */
		if (!ConfigReloadPending)
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 launcher_naptime * 1000L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}
