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
#include "core/sql.h"
#include "write/lanes.h"

#define BATCH_RELATION "pollseed_batch"

struct SpiLane
{
	const WriteJob		  *job;
	EphemeralNamedRelation relation;
	SPIPlanPtr			   plan;
};

/* Builds the statement that inserts a batch. */
static const char *
insert_statement(const WriteJob *job)
{
	StringInfoData sql;
	StringInfoData select;

	initStringInfo(&sql);
	initStringInfo(&select);
	appendStringInfo(&sql, "INSERT INTO %s%s", relation_quoted_name(job->rel),
					 job->ncolumns > 0 ? " (" : "");
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
	appendStringInfo(&sql, "%s%s SELECT %s FROM " BATCH_RELATION " AS b",
					 job->ncolumns > 0 ? ")" : "",
					 job->overriding ? " OVERRIDING SYSTEM VALUE" : "", select.data);
	return sql.data;
}

SpiLane *
spi_lane_open(const WriteJob *job)
{
	SpiLane *lane = palloc0_object(SpiLane);

	lane->job = job;
	lane->relation = sql_register_relation(BATCH_RELATION, job->source, job->batch_size);
	lane->plan = sql_prepare(insert_statement(job), 0, NULL);
	return lane;
}

/*
 * Each batch has a tuplestore of its own: every scan leaves a read pointer behind
 * in its tuplestore, and putting a row looks at all of them.
 */
int64
spi_lane_write(SpiLane *lane, const WriteBatch *batch)
{
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
	int				 natts = lane->job->source->natts;
	int64			 inserted;

	for (int row = 0; row < batch->nrows; row++)
		tuplestore_putvalues(rows, lane->job->source, &batch->values[(Size) row * natts],
							 &batch->nulls[(Size) row * natts]);

	lane->relation->reldata = rows;
	inserted = sql_execute_plan(lane->plan, NULL, NULL);
	tuplestore_end(rows);
	return inserted;
}

void
spi_lane_close(SpiLane *lane)
{
	SPI_freeplan(lane->plan);
	sql_unregister_relation(lane->relation);
}
