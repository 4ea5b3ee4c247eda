/*-------------------------------------------------------------------------
 *
 * signals.c
 *		Reading how the server and its replicas are doing.
 *
 * Only what was asked for is read.  What only privileged roles may see is read as
 * the extension's owner, all in one statement, and nothing but numbers is made
 * of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "storage/fd.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/pg_lsn.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "backfill/signals.h"
#include "core/compat.h"
#include "core/figures.h"
#include "core/sql.h"

#define MAX_REASON_BYTES 200

/* What the statement reads; each is a subquery of one row with so many columns. */
typedef enum Source
{
	SOURCE_REPLICAS,
	SOURCE_SLOTS,
	SOURCE_SNAPSHOTS,
	SOURCE_COUNT
} Source;

static const int source_columns[SOURCE_COUNT] = {
	[SOURCE_REPLICAS] = 2, /* longest lag, least position replayed */
	[SOURCE_SLOTS] = 3, /* oldest position kept, number about to lose WAL, number that lost some */
	[SOURCE_SNAPSHOTS] = 1 /* start of the oldest transaction */
};

struct SignalReader
{
	const char		   *backfill;
	const ThrottleSpec *spec;
	unsigned			sources; /* bits: those asked for */
	bool				complained;

	/* WAL that some replica has not replayed yet was there at this moment. */
	XLogRecPtr mark;
	instr_time marked_at;

	/* When the replicas had last replayed all. */
	bool	   caught_up;
	instr_time caught_up_at;

	/* Slots that had lost WAL before we began; -1: not known yet. */
	int64 slots_lost;

	/* The tables whose vacuums were counted, and what was dead of our own at the last one. */
	List *relations;
	int64 vacuums;
	int64 own_dead_before;
};

/* Tells whether a signal was asked for. */
static bool
is_on(const SignalReader *reader, SignalId id)
{
	return reader->spec->signals[id].on;
}

SignalReader *
signals_open(const char *backfill, const ThrottleSpec *spec)
{
	SignalReader *reader = palloc0_object(SignalReader);

	reader->backfill = backfill;
	reader->spec = spec;
	reader->slots_lost = -1;
	if (is_on(reader, SIGNAL_REPLICA_LAG) || is_on(reader, SIGNAL_REPLICA_LAG_BYTES))
		reader->sources |= 1 << SOURCE_REPLICAS;
	if (is_on(reader, SIGNAL_SLOT_RETENTION))
		reader->sources |= 1 << SOURCE_SLOTS;
	if (is_on(reader, SIGNAL_OLDEST_SNAPSHOT))
		reader->sources |= 1 << SOURCE_SNAPSHOTS;
	return reader;
}

/*
 * Counts the WAL files that are ready to be archived.  The archiver's statistics
 * would not do: they know nothing before the first file and after a crash, and their
 * last file may be of another timeline.
 */
static double
archiver_backlog(void)
{
	const char	  *path = XLOGDIR "/archive_status";
	DIR			  *dir;
	struct dirent *entry;
	int			   files = 0;

	if (!XLogArchivingActive())
		return 0;
	dir = AllocateDir(path);
	if (dir == NULL)
		return NAN;
	while ((entry = ReadDirExtended(dir, path, DEBUG1)) != NULL)
	{
		const char *ending = strrchr(entry->d_name, '.');

		if (ending != NULL && strcmp(ending, ".ready") == 0)
			files++;
	}
	FreeDir(dir);
	return files;
}

/* Returns the estimated number of a table's rows; statistics may have been reset, or the table not analysed. */
static double
live_tuples(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double	  live = (double) DatumGetInt64(
		   DirectFunctionCall1(pg_stat_get_live_tuples, ObjectIdGetDatum(relid)));

	if (HeapTupleIsValid(tuple))
	{
		live = Max(live, (double) ((Form_pg_class) GETSTRUCT(tuple))->reltuples);
		ReleaseSysCache(tuple);
	}
	return live;
}

/*
 * Returns how many row versions this process made dead since the last vacuum of
 * the tables, whose number of vacuums is given.
 */
static int64
own_dead_since_vacuum(SignalReader *reader, const ThrottleFacts *facts, int64 vacuums)
{
	if (!equal(reader->relations, facts->relations))
	{
		MemoryContext old_context = MemoryContextSwitchTo(GetMemoryChunkContext(reader));

		list_free(reader->relations);
		reader->relations = list_copy(facts->relations);
		MemoryContextSwitchTo(old_context);
		reader->own_dead_before = 0;
	}
	else if (vacuums > reader->vacuums)
		reader->own_dead_before = facts->own_dead;
	reader->vacuums = vacuums;

	/* What we made dead may have been reported meanwhile, and be counted from 0 again. */
	reader->own_dead_before = Min(reader->own_dead_before, facts->own_dead);
	return facts->own_dead - reader->own_dead_before;
}

/* Returns the share of dead rows in the tables that are written. */
static double
dead_share(SignalReader *reader, const ThrottleFacts *facts)
{
	ListCell *cell;
	double	  live = 0;
	double	  dead = 0;
	int64	  vacuums = 0;

	foreach(cell, facts->relations)
	{
		Datum relid = ObjectIdGetDatum(lfirst_oid(cell));

		live += live_tuples(lfirst_oid(cell));
		dead += (double) DatumGetInt64(DirectFunctionCall1(pg_stat_get_dead_tuples, relid));
		vacuums += DatumGetInt64(DirectFunctionCall1(pg_stat_get_vacuum_count, relid)) +
				   DatumGetInt64(DirectFunctionCall1(pg_stat_get_autovacuum_count, relid));
	}
	dead += (double) own_dead_since_vacuum(reader, facts, vacuums);
	return live > 0 ? dead / (live + dead) : NAN;
}

/*
 * Returns the statement that reads some of the sources.  Parameter $1 is how far
 * WAL can be sent at present.
 *
 * A replica that has replayed all has no lag, whatever the last burst left in its
 * column.  A transaction holds vacuum back if it has an ID or a snapshot, unless it
 * is a vacuum's; those of our own processes are short.
 */
static const char *
source_statement(unsigned sources)
{
	StringInfoData sql;
	const char	  *separator = "SELECT * FROM ";

	initStringInfo(&sql);
	if (sources & (1 << SOURCE_REPLICAS))
	{
		appendStringInfo(&sql,
						 "%s(SELECT pg_catalog.max(w.replay_lag)"
						 " FILTER (WHERE w.replay_lsn OPERATOR(pg_catalog.<) $1) AS lag,"
						 " pg_catalog.min(w.replay_lsn) AS replayed"
						 " FROM pg_catalog.pg_stat_get_wal_senders() AS w) AS r",
						 separator);
		separator = ", ";
	}
	if (sources & (1 << SOURCE_SLOTS))
	{
		appendStringInfo(
			&sql,
			"%s(SELECT pg_catalog.min(l.restart_lsn)"
			" FILTER (WHERE l.wal_status OPERATOR(pg_catalog.<>) 'lost') AS kept,"
			" pg_catalog.count(*) FILTER (WHERE l.wal_status OPERATOR(pg_catalog.=) 'unreserved')"
			" AS unreserved,"
			" pg_catalog.count(*) FILTER (WHERE l.wal_status OPERATOR(pg_catalog.=) 'lost') AS lost"
			" FROM pg_catalog.pg_get_replication_slots() AS l) AS s",
			separator);
		separator = ", ";
	}
	if (sources & (1 << SOURCE_SNAPSHOTS))
		appendStringInfo(
			&sql,
			"%s(SELECT LEAST((SELECT pg_catalog.min(a.xact_start)"
			" FROM pg_catalog.pg_stat_get_activity(NULL::pg_catalog.int4) AS a"
			" WHERE a.datid OPERATOR(pg_catalog.=) %u AND a.pid OPERATOR(pg_catalog.<>) %d"
			" AND (a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL)"
			" AND a.backend_type OPERATOR(pg_catalog.!~~) 'pollseed %%'"
			" AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_get_progress_info('VACUUM') AS v"
			" WHERE v.pid OPERATOR(pg_catalog.=) a.pid)),"
			" (SELECT pg_catalog.min(p.prepared) FROM pg_catalog.pg_prepared_xact() AS p"
			" WHERE p.dbid OPERATOR(pg_catalog.=) %u)) AS oldest) AS o",
			separator, MyDatabaseId, MyProcPid, MyDatabaseId);
	return sql.data;
}

/*
 * Returns the milliseconds that the slowest replica lags, given what the replicas
 * say.  They do not count what was there before they connected nor the time in which
 * they do not answer, and after a pause they repeat an old figure: so it is at least
 * the age of WAL that we saw and they have not replayed, and at most the time since
 * they had replayed all.
 */
static double
replica_lag_ms(SignalReader *reader, XLogRecPtr flushed, XLogRecPtr replayed, double said_ms)
{
	double lag_ms = said_ms;

	if (replayed < reader->mark)
		lag_ms = Max(lag_ms, milliseconds_since(reader->marked_at));
	else
	{
		reader->mark = flushed;
		INSTR_TIME_SET_CURRENT(reader->marked_at);
	}
	if (replayed >= flushed)
	{
		reader->caught_up = true;
		INSTR_TIME_SET_CURRENT(reader->caught_up_at);
	}
	return reader->caught_up ? Min(lag_ms, milliseconds_since(reader->caught_up_at)) : lag_ms;
}

/* Makes the replicas' signals of the columns from one on. */
static void
take_replicas(SignalReader *reader, XLogRecPtr flushed, int column, SignalValue *values)
{
	bool	   silent;
	bool	   none;
	Datum	   lag = sql_value(0, column, &silent);
	XLogRecPtr replayed = DatumGetLSN(sql_value(0, column + 1, &none));

	values[SIGNAL_REPLICA_LAG].number = 0;
	values[SIGNAL_REPLICA_LAG_BYTES].number = 0;
	if (none)
	{
		reader->mark = InvalidXLogRecPtr;
		reader->caught_up = false;
		return;
	}
	values[SIGNAL_REPLICA_LAG].number =
		replica_lag_ms(reader, flushed, replayed, silent ? 0 : interval_ms(DatumGetIntervalP(lag)));
	if (flushed > replayed)
		values[SIGNAL_REPLICA_LAG_BYTES].number = (double) (flushed - replayed);
}

/*
 * Makes the slots' signal of the columns from one on.  Slots that lost WAL before we
 * began cannot be helped any more.
 */
static void
take_slots(SignalReader *reader, XLogRecPtr flushed, int column, SignalValue *values)
{
	SignalValue *value = &values[SIGNAL_SLOT_RETENTION];
	bool		 none;
	XLogRecPtr	 kept = DatumGetLSN(sql_value(0, column, &none));
	int64		 unreserved = DatumGetInt64(sql_value_not_null(0, column + 1));
	int64		 lost = DatumGetInt64(sql_value_not_null(0, column + 2));

	value->number = !none && flushed > kept ? (double) (flushed - kept) : 0;
	if (reader->slots_lost < 0 || lost < reader->slots_lost)
		reader->slots_lost = lost;
	if (unreserved > 0 || lost > reader->slots_lost)
	{
		value->number = HUGE_VAL;
		value->text = unreserved > 0 ? "a replication slot is about to lose WAL"
									 : "a replication slot has lost WAL";
	}
}

/* Makes the signal of the oldest transaction of a column. */
static void
take_snapshots(int column, SignalValue *values)
{
	bool  none;
	Datum oldest = sql_value(0, column, &none);

	values[SIGNAL_OLDEST_SNAPSHOT].number =
		none ? 0 : (double) (GetCurrentTimestamp() - DatumGetTimestampTz(oldest)) / 1000;
}

/* Reads some of the sources. */
static void
read_sources(SignalReader *reader, unsigned sources, SignalValue *values)
{
	XLogRecPtr flushed = GetFlushRecPtr(NULL);
	Oid		   type = LSNOID;
	Datum	   parameter = LSNGetDatum(flushed);
	int		   column = 1;

	(void) sql_execute_own(source_statement(sources), 1, &type, &parameter, NULL);
	for (int source = 0; source < SOURCE_COUNT; source++)
	{
		if (!(sources & (1 << source)))
			continue;
		if (source == SOURCE_REPLICAS)
			take_replicas(reader, flushed, column, values);
		else if (source == SOURCE_SLOTS)
			take_slots(reader, flushed, column, values);
		else
			take_snapshots(column, values);
		column += source_columns[source];
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Reads some of the sources; an error of theirs, which it logs once, leaves their values as they were. */
static bool
try_sources(SignalReader *reader, unsigned sources, SignalValue *values)
{
	MemoryContext old_context = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	volatile bool done = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old_context);
	PG_TRY();
	{
		read_sources(reader, sources, values);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(old_context);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (!reader->complained)
			ereport(LOG, (errhidestmt(true), errhidecontext(true), errcode(error->sqlerrcode),
						  errmsg("pollseed backfill \"%s\" goes on without a signal that could not "
								 "be read: %s",
								 reader->backfill, error->message)));
		reader->complained = true;
		done = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	CurrentResourceOwner = old_owner;
	return done;
}

/* Makes a signal of the user's query's only value. */
static SignalValue
query_value(void)
{
	Oid			type = getBaseType(SPI_gettypeid(SPI_tuptable->tupdesc, 1));
	SignalValue value = {0};
	bool		isnull;
	Datum		datum = sql_value(0, 1, &isnull);
	char	   *text;

	if (isnull)
		return value;
	text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (type == BOOLOID)
		value.number = DatumGetBool(datum) ? 1 : 0;
	else if (TypeCategory(type) == TYPCATEGORY_STRING)
		value.number = text[0] != '\0' ? 1 : 0;
	else
		value.number = strtod(text, NULL) != 0 ? 1 : 0;

	text[pg_mbcliplen(text, (int) strlen(text), MAX_REASON_BYTES)] = '\0';
	value.text = type == BOOLOID ? "true" : text;
	return value;
}

/*
 * Runs the user's query, as the current user.  In a read-only transaction the
 * functions that it calls cannot write either; an error ends that with its
 * (sub)transaction.
 */
static SignalValue
read_query(const char *sql)
{
	SignalValue value = {0};
	bool		was_read_only = XactReadOnly;
	int			result;

	PushActiveSnapshot(GetTransactionSnapshot());
	XactReadOnly = true;
	result = SPI_execute(sql, true, 2);
	XactReadOnly = was_read_only;
	PopActiveSnapshot();

	/* It was checked when it was given, but what it refers to may have changed. */
	if (result != SPI_OK_SELECT || SPI_tuptable->tupdesc->natts != 1 ||
		!query_type_fits(SPI_gettypeid(SPI_tuptable->tupdesc, 1)))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("throttle signal \"query\" must return one column of type boolean, "
							   "text, or a numeric type")));
	if (SPI_processed > 1)
		ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION),
						errmsg("throttle signal \"query\" returned more than one row")));
	if (SPI_processed == 1)
		value = query_value();
	SPI_freetuptable(SPI_tuptable);
	return value;
}

void
signals_read(SignalReader *reader, const ThrottleFacts *facts, SignalValue *values)
{
	for (int id = 0; id < SIGNAL_COUNT; id++)
		values[id] = (SignalValue){.number = NAN};

	if (is_on(reader, SIGNAL_ARCHIVER_BACKLOG))
		values[SIGNAL_ARCHIVER_BACKLOG].number = archiver_backlog();
	if (is_on(reader, SIGNAL_DEAD_TUPLES))
		values[SIGNAL_DEAD_TUPLES].number = dead_share(reader, facts);
	if (is_on(reader, SIGNAL_BLOCKED_SESSIONS))
		values[SIGNAL_BLOCKED_SESSIONS].number = facts->blocked_sessions;

	/* Where one of them cannot be read, the others still can. */
	if (reader->sources != 0 && !try_sources(reader, reader->sources, values))
	{
		for (int source = 0; source < SOURCE_COUNT; source++)
		{
			if ((reader->sources & (1 << source)) && reader->sources != 1U << source)
				(void) try_sources(reader, 1 << source, values);
		}
	}
	if (is_on(reader, SIGNAL_QUERY))
		values[SIGNAL_QUERY] = read_query(reader->spec->query);
}

int
throttle_count_blocked(void)
{
	int blocked = 0;

	for (int partition = 0; partition < NUM_LOCK_PARTITIONS; partition++)
	{
		LWLock	 *lwlock = LockHashPartitionLockByIndex(partition);
		PROCLOCK *held = NULL;

		LWLockAcquire(lwlock, LW_SHARED);
		while ((held = compat_next_held_lock(partition, held)) != NULL)
		{
			LOCK	  *lock = held->tag.myLock;
			LockMethod method = GetLocksMethodTable(lock);
			PGPROC	  *waiter = NULL;

			while ((waiter = compat_next_lock_waiter(lock, waiter)) != NULL)
			{
				if (method->conflictTab[waiter->waitLockMode] & held->holdMask)
					blocked++;
			}
		}
		LWLockRelease(lwlock);
	}
	return blocked;
}
