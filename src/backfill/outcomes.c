/*-------------------------------------------------------------------------
 *
 * outcomes.c
 *		Rows that a backfill is done with although they have no value: the source
 *		knows nothing of them, or they raise an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "core/sql.h"
#include "backfill/outcomes.h"

/*
 * Classes of errors that say something of the statement, the session or the server
 * rather than of a row.
 */
static const int other_classes[] = {
	MAKE_SQLSTATE('0', '8', '0', '0', '0'), /* connection */
	MAKE_SQLSTATE('0', 'A', '0', '0', '0'), /* feature not supported */
	MAKE_SQLSTATE('2', '5', '0', '0', '0'), /* transaction state */
	MAKE_SQLSTATE('2', '8', '0', '0', '0'), /* authorization */
	MAKE_SQLSTATE('2', 'D', '0', '0', '0'), /* transaction termination */
	MAKE_SQLSTATE('3', 'B', '0', '0', '0'), /* savepoint */
	MAKE_SQLSTATE('3', 'D', '0', '0', '0'), /* catalog name */
	MAKE_SQLSTATE('3', 'F', '0', '0', '0'), /* schema name */
	MAKE_SQLSTATE('4', '0', '0', '0', '0'), /* transaction rollback */
	MAKE_SQLSTATE('4', '2', '0', '0', '0'), /* syntax or access rule */
	MAKE_SQLSTATE('5', '3', '0', '0', '0'), /* resources */
	MAKE_SQLSTATE('5', '5', '0', '0', '0'), /* object state */
	MAKE_SQLSTATE('5', '7', '0', '0', '0'), /* operator intervention */
	MAKE_SQLSTATE('5', '8', '0', '0', '0'), /* system */
	MAKE_SQLSTATE('F', '0', '0', '0', '0'), /* configuration file */
	MAKE_SQLSTATE('H', 'V', '0', '0', '0'), /* foreign data wrapper */
	MAKE_SQLSTATE('X', 'X', '0', '0', '0'), /* internal */
};

bool
error_is_of_a_row(int sqlerrcode)
{
	for (size_t i = 0; i < lengthof(other_classes); i++)
	{
		if (ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TO_CATEGORY(other_classes[i]))
			return false;
	}
	return true;
}

/* Returns texts as text[]. */
static Datum
text_array(int count, char **texts)
{
	Datum *elements = palloc_array(Datum, Max(count, 1));

	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(texts[i]);
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

void
outcomes_no_data(const BackfillTable *table, int count, char **keys)
{
	Oid	  types[] = {INT8OID, OIDOID, TEXTARRAYOID};
	Datum values[] = {Int64GetDatum(table->backfill->id), ObjectIdGetDatum(table->relid),
					  text_array(count, keys)};

	if (count > 0)
		sql_execute_own("INSERT INTO pollseed.backfill_rows"
						" (backfill_id, relation_oid, key, outcome)"
						" SELECT $1, $2, k.key, 'no_data' FROM pg_catalog.unnest($3) AS k(key)"
						" ON CONFLICT DO NOTHING",
						lengthof(types), types, values, NULL);
}

void
outcomes_quarantine(const BackfillTable *table, const char *key, const ErrorData *error)
{
	Oid	  types[] = {INT8OID, OIDOID, TEXTOID, TEXTOID, TEXTOID};
	Datum values[] = {Int64GetDatum(table->backfill->id), ObjectIdGetDatum(table->relid),
					  CStringGetTextDatum(key),
					  CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)),
					  CStringGetTextDatum(error->message)};

	sql_execute_own("INSERT INTO pollseed.backfill_rows AS r"
					" (backfill_id, relation_oid, key, outcome, sqlstate, message)"
					" VALUES ($1, $2, $3, 'quarantined', $4, $5)"
					" ON CONFLICT (backfill_id, relation_oid, key) DO UPDATE"
					" SET outcome = EXCLUDED.outcome, sqlstate = EXCLUDED.sqlstate,"
					" message = EXCLUDED.message, settled_at = EXCLUDED.settled_at",
					lengthof(types), types, values, NULL);
}

bool *
outcomes_settled(const BackfillTable *table, int count, char **keys)
{
	Oid	  types[] = {INT8OID, OIDOID, TEXTARRAYOID};
	Datum values[] = {Int64GetDatum(table->backfill->id), ObjectIdGetDatum(table->relid),
					  text_array(count, keys)};
	bool *settled = palloc0_array(bool, Max(count, 1));
	int64 found;

	/* OFFSET 0 has each key looked up by itself: a join may read all rows each time. */
	found = sql_execute_own("SELECT k.n FROM pg_catalog.unnest($3) WITH ORDINALITY AS k(key, n),"
							" LATERAL (SELECT FROM pollseed.backfill_rows AS r"
							" WHERE r.key OPERATOR(pg_catalog.=) k.key"
							" AND r.backfill_id OPERATOR(pg_catalog.=) $1"
							" AND r.relation_oid OPERATOR(pg_catalog.=) $2 OFFSET 0) AS s",
							lengthof(types), types, values, NULL);
	for (int64 i = 0; i < found; i++)
		settled[DatumGetInt64(sql_value_not_null(i, 1)) - 1] = true;
	SPI_freetuptable(SPI_tuptable);
	return settled;
}
