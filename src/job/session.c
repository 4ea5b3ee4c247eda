/*-------------------------------------------------------------------------
 *
 * session.c
 *		A background worker's session: its connection, settings and
 *		transactions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "job/session.h"

/* A job waits so long for a lock, unless its owner's lock_timeout says otherwise, and tries again later. */
#define DEFAULT_LOCK_TIMEOUT "5s"

/* Sets a setting for the rest of the session. */
static void
set_setting(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_USERSET, PGC_S_SESSION);
}

const WorkerTicket *
session_connect(void)
{
	const WorkerTicket *ticket = (const WorkerTicket *) MyBgworkerEntry->bgw_extra;

	/* Terminate at the next safe point, as a client's backend does. */
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(ticket->database, ticket->role,
											  COMPAT_BGWORKER_BYPASS_ROLELOGINCHECK);

	set_setting("default_transaction_isolation", "read committed");
	set_setting("default_transaction_read_only", "off");
	set_setting("default_transaction_deferrable", "off");
	set_setting("max_parallel_workers_per_gather", "0");
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
	if (LockTimeout == 0)
		set_setting("lock_timeout", DEFAULT_LOCK_TIMEOUT);
}

void
session_begin(void)
{
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
session_commit(void)
{
	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	(void) pgstat_report_stat(false);
}
