/*-------------------------------------------------------------------------
 *
 * finalize.c
 *		Procedure pollseed_backfill_finalize(): the proof that a column is filled,
 *		and the hand-over to NOT NULL.
 *
 * NOT NULL by itself would read the whole table under a lock that nobody passes.  So
 * a CHECK constraint comes first, not valid, which locks for a moment; then it is
 * validated, beside readers and writers; then NOT NULL takes its word, and it goes.
 * Each is a transaction of its own, and waits for its lock for a short time only, so
 * that nobody queues behind it for long.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_constraint.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/relation.h"
#include "core/sql.h"
#include "backfill/call.h"
#include "backfill/parts.h"
#include "backfill/statements.h"

POLLSEED_FUNCTION(pollseed_backfill_finalize);

/* How long a step that locks the table waits for the lock; then it lets others pass, and tries again. */
#define STEP_LOCK_TIMEOUT "500ms"

/* Rows are counted so many at a time. */
#define ROWS_A_FETCH 1000

/* Begins the name of the constraint that stands in for NOT NULL. */
#define CONSTRAINT_PREFIX "pollseed_not_null_"

/* A step of the hand-over, as a task of a run. */
typedef struct Step
{
	const char *sql;			   /* %1$s: the table, %2$s: the constraint, %3$s: the column */
	bool		before_constraint; /* not needed where the constraint exists */
} Step;

static const Step steps[] = {
	{"ALTER TABLE %1$s ADD CONSTRAINT %2$s CHECK (%3$s IS NOT NULL) NOT VALID", true},
	{"ALTER TABLE %1$s VALIDATE CONSTRAINT %2$s", false},
	{"ALTER TABLE %1$s ALTER COLUMN %3$s SET NOT NULL, DROP CONSTRAINT %2$s", false},
};

/* Returns the name of the constraint of a column. */
static char *
constraint_name(const TableColumn *column)
{
	char *name = psprintf(CONSTRAINT_PREFIX "%s", column->name);

	truncate_identifier(name, (int) strlen(name), false);
	return name;
}

/* Tells whether the constraint is there already; raises 42710 where one of its name is another. */
static bool
constraint_exists(Relation rel, const char *name, const TableColumn *column)
{
	Oid	  constraint = get_relation_constraint_oid(RelationGetRelid(rel), name, true);
	char *wanted = psprintf("CHECK ((%s IS NOT NULL))", quote_identifier(column->name));
	char *found;

	if (!OidIsValid(constraint))
		return false;
	found = TextDatumGetCString(
		DirectFunctionCall1(pg_get_constraintdef, ObjectIdGetDatum(constraint)));
	if (strncmp(found, wanted, strlen(wanted)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("constraint \"%s\" of relation \"%s\" already exists and is another one",
						name, RelationGetRelationName(rel)),
				 errhint("Rename it.")));
	return true;
}

/* The task of one step; arg: the step. */
static void
step_task(BackfillRun *run, void *arg)
{
	const Step	  *step = arg;
	Relation	   rel = relation_open(run->backfill->relation, AccessShareLock);
	BackfillColumn column = run->backfill->column;
	TableColumn	   found;
	char		  *constraint;
	const char	  *table = relation_quoted_name(rel);

	backfill_find_column(run->backfill, rel, &column, &found);
	constraint = constraint_name(&found);
	if (step->before_constraint && constraint_exists(rel, constraint, &found))
	{
		relation_close(rel, NoLock);
		return;
	}
	(void) set_config_option("lock_timeout", STEP_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	relation_close(rel, NoLock);
	(void) sql_execute(
		psprintf(step->sql, table, quote_identifier(constraint), quote_identifier(found.name)), 0,
		NULL, NULL, NULL);
}

/* What the rows without a value come to. */
typedef struct Remainder
{
	int64 without_value;
	int64 settled; /* of these, the ones that the backfill is done with */
	bool  is_not_null;
} Remainder;

/* Counts the rows of a fetch; arg: a Remainder. */
static void
count_rows(const BackfillTable *table pg_attribute_unused(), const BatchRows *rows, int fetched,
		   void *arg)
{
	Remainder *remainder = arg;

	remainder->without_value += fetched;
	remainder->settled += fetched - rows->count;
}

/* Counts one table's rows without a value, in one snapshot, and which of them the backfill is done with. */
static void
count_remainder(BackfillRun *run, Oid relid, Remainder *remainder)
{
	Relation	   rel;
	BackfillTable *table = run_open_table(run, relid, &rel);
	Portal		   portal;

	if (table == NULL)
		return;
	portal = SPI_cursor_open_with_args(NULL, sql_collect(table, false), 0, NULL, NULL, NULL, false,
									   CURSOR_OPT_NO_SCROLL);
	while (batch_look_at_next(table, portal, ROWS_A_FETCH, true, count_rows, remainder) > 0)
		;
	SPI_cursor_close(portal);
	relation_close(rel, NoLock);
}

/* The task that counts what is left; arg: a Remainder. */
static void
remainder_task(BackfillRun *run, void *arg)
{
	Remainder  *remainder = arg;
	Relation	rel;
	TableColumn column;
	ListCell   *cell;

	backfill_check_relation(run->backfill);
	rel = relation_open_by_oid(run->backfill->relation, AccessShareLock);
	*remainder = (Remainder){0};
	backfill_find_column(run->backfill, rel, &run->backfill->column, &column);
	remainder->is_not_null = TupleDescAttr(RelationGetDescr(rel), column.attnum - 1)->attnotnull;
	relation_close(rel, NoLock);
	foreach(cell, backfill_relations(run->backfill->relation))
		count_remainder(run, lfirst_oid(cell), remainder);
}

/* Raises 55000 where rows are left that keep the column from being what it is to be. */
static void
check_remainder(const Backfill *backfill, const Remainder *remainder, bool not_null)
{
	int64 left = remainder->without_value - remainder->settled;

	if (left > 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("backfill \"%s\" is not finished: " INT64_FORMAT
							   " rows have no value and were not asked for",
							   backfill->name, left),
						errhint("Run it again.  If rows without a value keep coming, fill them by "
								"a trigger or a default first.")));
	if (not_null && remainder->without_value > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("column \"%s\" of %s cannot be set NOT NULL: " INT64_FORMAT
						" rows have no value",
						backfill->column.name, backfill->relation_name, remainder->without_value),
				 errdetail("The source has no data for them, or they raised an error: see the "
						   "view pollseed_backfill_failures."),
				 errhint("Give them a value, then finalize again.")));
}

/* The work: proves that the column is filled, and makes it NOT NULL if asked to; arg: whether it is. */
static void
finalize(BackfillRun *run, void *arg)
{
	bool	  set_not_null = *(bool *) arg;
	Remainder remainder;

	while (!run_task(run, remainder_task, &remainder))
		;
	check_remainder(run->backfill, &remainder, set_not_null);
	if (set_not_null && !remainder.is_not_null)
	{
		for (size_t i = 0; i < lengthof(steps); i++)
		{
			while (!run_task(run, step_task, unconstify(Step *, &steps[i])))
				;
		}
	}
	ereport(NOTICE, (errmsg("backfill \"%s\" is complete: no row is left to fill, " INT64_FORMAT
							" without a value%s",
							run->backfill->name, remainder.without_value,
							set_not_null ? ", and the column is NOT NULL" : "")));
}

/* pollseed_backfill_finalize(name, set_not_null) */
Datum
pollseed_backfill_finalize(PG_FUNCTION_ARGS)
{
	bool		set_not_null = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	const char *name;

	name = text_argument(fcinfo, 0, "name");
	PreventCommandIfReadOnly("pollseed_backfill_finalize()");
	if (set_not_null && !call_may_commit(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
						errmsg("pollseed_backfill_finalize() cannot set NOT NULL here, because it "
							   "cannot commit"),
						errdetail("In one transaction the table would be locked while it is read."),
						errhint("CALL it outside of a transaction block, function or EXCEPTION "
								"block.")));
	if (call_may_commit(fcinfo))
	{
		SPI_connect_ext(SPI_OPT_NONATOMIC);
		call_committing(name, finalize, &set_not_null);
	}
	else
	{
		SPI_connect();
		call_within(name, finalize, &set_not_null);
	}
	SPI_finish();
	PG_RETURN_VOID();
}
