/*-------------------------------------------------------------------------
 *
 * lane_spi.c
 *		Writing a batch with INSERT … SELECT, into anything that takes INSERT.
 *
 * The batch is an ephemeral named relation over a tuplestore, as a trigger's
 * transition table is, so one prepared statement writes every batch.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "core/compat.h"
#include "core/relation.h"
#include "write/lanes.h"

#define BATCH_RELATION "pollseed_batch"

struct SpiLane
{
	const WriteJob			  *job;
	EphemeralNamedRelationData relation;
	Tuplestorestate			  *rows;
	SPIPlanPtr				   plan;
};

/* Builds the statement that inserts a batch. */
static const char *
insert_statement(const WriteJob *job)
{
	StringInfoData sql;
	StringInfoData select;

	initStringInfo(&sql);
	initStringInfo(&select);
	appendStringInfo(&sql, "INSERT INTO %s (", relation_quoted_name(job->rel));
	for (int i = 0; i < job->ncolumns; i++)
	{
		const TargetColumn *column = &job->columns[i];
		const char		   *separator = i > 0 ? ", " : "";

		appendStringInfo(&sql, "%s%s", separator, quote_identifier(column->name));
		if (column->literal != NULL)
			appendStringInfo(&select, "%s%s", separator, quote_literal_cstr(column->literal));
		else
			appendStringInfo(&select, "%sb.v%d", separator, column->source + 1);
	}
	appendStringInfo(&sql, ") SELECT %s FROM " BATCH_RELATION " AS b", select.data);
	return sql.data;
}

SpiLane *
spi_lane_open(const WriteJob *job)
{
	SpiLane *lane = palloc0_object(SpiLane);

	lane->job = job;
	lane->rows = tuplestore_begin_heap(false, false, work_mem);
	lane->relation.md.name = BATCH_RELATION;
	lane->relation.md.tupdesc = job->source;
	lane->relation.md.enrtype = ENR_NAMED_TUPLESTORE;
	lane->relation.md.enrtuples = job->batch_size;
	lane->relation.reldata = lane->rows;
	if (SPI_register_relation(&lane->relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the batch");

	lane->plan = SPI_prepare(insert_statement(job), 0, NULL);
	if (lane->plan == NULL)
		elog(ERROR, "could not prepare the insertion: %s", SPI_result_code_string(SPI_result));
	return lane;
}

int64
spi_lane_write(SpiLane *lane, const WriteBatch *batch)
{
	int natts = lane->job->source->natts;
	int result;

	tuplestore_clear(lane->rows);
	for (int row = 0; row < batch->nrows; row++)
		tuplestore_putvalues(lane->rows, lane->job->source, &batch->values[(Size) row * natts],
							 &batch->nulls[(Size) row * natts]);

	result = SPI_execute_plan(lane->plan, NULL, NULL, false, 0);
	if (result < 0)
		elog(ERROR, "could not insert the batch: %s", SPI_result_code_string(result));
	return SPI_processed;
}

void
spi_lane_close(SpiLane *lane)
{
	SPI_freeplan(lane->plan);
	SPI_unregister_relation(BATCH_RELATION);
	tuplestore_end(lane->rows);
}
