/*-------------------------------------------------------------------------
 *
 * session.c
 *		A background worker's session: its connection, settings and
 *		transactions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "job/session.h"

/* A slice waits so long for a lock, unless its owner's lock_timeout says otherwise, and is tried again later. */
#define DEFAULT_LOCK_TIMEOUT_MS 5000

static int lock_timeout_ms;

/* Where the current transaction was begun. */
static MemoryContext outer_context;

static volatile sig_atomic_t interrupted;

/* Sets a setting for the rest of the session. */
static void
set_setting(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_USERSET, PGC_S_SESSION);
}

/* Signal handler: cancels what runs, as for a client's backend, and remembers it. */
static void
interrupt(SIGNAL_ARGS)
{
	interrupted = true;
	StatementCancelHandler(postgres_signal_arg);
}

bool
session_was_interrupted(void)
{
	return interrupted;
}

const WorkerTicket *
session_connect(void)
{
	const WorkerTicket *ticket = (const WorkerTicket *) MyBgworkerEntry->bgw_extra;

	/* Terminate at the next safe point, as a client's backend does. */
	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, interrupt);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(ticket->database, ticket->role,
											  COMPAT_BGWORKER_BYPASS_ROLELOGINCHECK);

	lock_timeout_ms = LockTimeout > 0 ? LockTimeout : DEFAULT_LOCK_TIMEOUT_MS;
	set_setting("lock_timeout", "0");
	set_setting("default_transaction_isolation", "read committed");
	set_setting("default_transaction_read_only", "off");
	set_setting("default_transaction_deferrable", "off");
	set_setting("max_parallel_workers_per_gather", "0");

	/* A slice may wait, for a lock or its turn; this setting came with 17. */
	if (GetConfigOption("transaction_timeout", true, false) != NULL)
		set_setting("transaction_timeout", "0");
	return ticket;
}

void
session_apply_settings(const Job *job)
{
	JsonbIterator	  *iterator = JsonbIteratorInit(&job->settings->root);
	JsonbValue		   value;
	JsonbIteratorToken token;
	char			  *name = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type == jbvString)
			set_setting(name, pnstrdup(value.val.string.val, value.val.string.len));
	}
}

/*
 * Has the current transaction wait for locks only as long as the owner's
 * lock_timeout allows, or a few seconds where it is not set.
 */
static void
limit_lock_waits(void)
{
	(void) set_config_option("lock_timeout", psprintf("%d", lock_timeout_ms), PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/*
 * Keeps the extension from being dropped until the transaction ends.  DROP EXTENSION
 * locks the extension first, and then what belongs to it in an order that a worker
 * cannot follow: without this the two would deadlock.
 */
static void
hold_extension(void)
{
	Oid extension = get_extension_oid("pollseed", true);

	if (OidIsValid(extension))
		LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
}

/* Begins a transaction, whose waits for locks are limited or not. */
static void
begin(bool limited)
{
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	outer_context = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (limited)
		limit_lock_waits();
	hold_extension();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
session_begin(void)
{
	begin(false);
}

void
session_begin_limited(void)
{
	begin(true);
}

void
session_commit(void)
{
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	(void) pgstat_report_stat(false);
	MemoryContextSwitchTo(outer_context);
}
