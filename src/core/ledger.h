/*-------------------------------------------------------------------------
 *
 * ledger.h
 *		The record of what was generated: table pollseed.runs.
 *
 * The functions write as the table's owner, so that callers need no privilege on
 * it and cannot forge it.  Those that record need SPI to be connected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_LEDGER_H
#define POLLSEED_LEDGER_H

/* What the ledger keeps of a run. */
typedef struct LedgerEntry
{
	int64		run_id; /* of ledger_new_run() */
	const char *engine;
	const char *relation; /* schema-qualified and quoted */
	int64		rows_written;
	int64		seed;
	int			generator_version;
	Datum		arguments; /* jsonb */
	const char *lane;
	double		time_ms;
} LedgerEntry;

/* Returns the run_id of a new run, so that it is known while the run goes on; one that fails leaves a gap. */
extern int64 ledger_new_run(void);

/* Records a run of the current user. */
extern void ledger_record(const LedgerEntry *entry);

/* SQL for the lane of two parts of a run together. */
#define LEDGER_LANE(a, b)                                                          \
	"CASE WHEN " a " OPERATOR(pg_catalog.=) 'none' THEN " b " WHEN " b             \
	" OPERATOR(pg_catalog.=) 'none' OR " a " OPERATOR(pg_catalog.=) " b " THEN " a \
	" ELSE 'mixed' END"

/* Records a part of a run of the current user: where a part is recorded already, rows and time are added. */
extern void ledger_add(const LedgerEntry *entry);

/* Notes that the rows of an engine's earlier runs on a relation were removed, unless it is temporary. */
extern void ledger_mark_cleared(const char *engine, const char *relation);

#endif /* POLLSEED_LEDGER_H */
