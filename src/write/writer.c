/*-------------------------------------------------------------------------
 *
 * writer.c
 *		Batched writing of generated rows into a table, view or foreign table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/relation.h"
#include "write/eligibility.h"

/* Values of pollseed.write_lane. */
typedef enum LaneChoice
{
	LANE_AUTO,
	LANE_SPI,
	LANE_DIRECT
} LaneChoice;

static const struct config_enum_entry lane_choices[] = {
	{"auto", LANE_AUTO, false},
	{"spi", LANE_SPI, false},
	{"direct", LANE_DIRECT, false},
	{NULL, 0, false},
};

static int	write_lane = LANE_AUTO;
static bool load_empty_tables = true;

struct Writer
{
	WriteJob	 job;
	WriteBatch	 batch;
	SpiLane		*spi;	 /* one of the two lanes, */
	DirectLane	*direct; /* the other is NULL */
	WriteFigures figures;
};

void
writer_init(void)
{
	DefineCustomBoolVariable("pollseed.load_empty_tables",
							 "Fills large tables that are empty as a restore does.",
							 "Nobody else can use them until the transaction ends; their "
							 "indexes are built when the rows are there.",
							 &load_empty_tables, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("pollseed.write_lane", "How pollseed writes rows.",
							 "\"spi\" uses INSERT and works for every relation, \"direct\" "
							 "inserts into plain tables as COPY does, \"auto\" takes direct "
							 "where it can.",
							 &write_lane, LANE_AUTO, lane_choices, PGC_USERSET, 0, NULL, NULL,
							 NULL);
}

/* Finds a column of the relation that INSERT would let us write. */
static Form_pg_attribute
find_target(Relation rel, const WriteColumn *column)
{
	TupleDesc desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || namestrcmp(&attribute->attname, column->name) != 0)
			continue;
		if (attribute->attgenerated != '\0' ||
			(attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS && !column->overriding))
			ereport(ERROR,
					(errcode(ERRCODE_GENERATED_ALWAYS),
					 errmsg("cannot insert a non-DEFAULT value into column \"%s\"", column->name),
					 errdetail("Column \"%s\" of relation \"%s\" is always generated.",
							   column->name, RelationGetRelationName(rel)),
					 errhint("Write to another column, or leave this one out.")));
		return attribute;
	}
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("column \"%s\" of relation \"%s\" does not exist", column->name,
						   RelationGetRelationName(rel))));
}

/* Refuses a type that cannot be assigned to the column's. */
static void
check_assignment(Relation rel, const WriteColumn *column, Form_pg_attribute attribute)
{
	Oid source = column->type;
	Oid target = attribute->atttypid;

	if (column->literal == NULL && !can_coerce_type(1, &source, &target, COERCION_ASSIGNMENT))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" of relation \"%s\" is of type %s but values are of "
							   "type %s",
							   column->name, RelationGetRelationName(rel), format_type_be(target),
							   format_type_be(source)),
						errhint("Write to a column of a type that %s can be assigned to.",
								format_type_be(source))));
}

/* Resolves the columns to write, and describes the rows of values. */
static void
resolve_columns(WriteJob *job, int ncolumns, const WriteColumn *columns)
{
	Bitmapset *seen = NULL;
	int		   nvalues = 0;

	for (int i = 0; i < ncolumns; i++)
		nvalues += columns[i].literal == NULL;

	job->ncolumns = ncolumns;
	job->columns = palloc0_array(TargetColumn, ncolumns);
	job->source = CreateTemplateTupleDesc(nvalues);
	nvalues = 0;
	for (int i = 0; i < ncolumns; i++)
	{
		Form_pg_attribute attribute = find_target(job->rel, &columns[i]);
		TargetColumn	 *target = &job->columns[i];

		column_check_privilege(job->rel, attribute->attnum, ACL_INSERT);
		check_assignment(job->rel, &columns[i], attribute);
		if (bms_is_member(attribute->attnum, seen))
			ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN),
							errmsg("column \"%s\" specified more than once", columns[i].name)));
		seen = bms_add_member(seen, attribute->attnum);

		job->overriding |= columns[i].overriding;
		target->attnum = attribute->attnum;
		target->name = pstrdup(columns[i].name);
		if (columns[i].literal != NULL)
			target->literal = pstrdup(columns[i].literal);
		else
		{
			target->source = nvalues++;
			TupleDescInitEntry(job->source, nvalues, psprintf("v%d", nvalues), columns[i].type,
							   columns[i].typmod, 0);
		}
	}
}

bool
lane_may_be_direct(void)
{
	return write_lane != LANE_SPI;
}

bool
lane_is_direct(Relation rel, const char *refusal)
{
	Assert(lane_may_be_direct());
	if (refusal != NULL && write_lane == LANE_DIRECT)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot write directly to relation \"%s\"", RelationGetRelationName(rel)),
				 errdetail("%s", refusal),
				 errhint("Set \"pollseed.write_lane\" to \"auto\" or \"spi\".")));
	if (refusal != NULL)
		ereport(DEBUG1, (errmsg_internal("pollseed writes to relation \"%s\" by SQL: %s",
										 RelationGetRelationName(rel), refusal)));
	return refusal == NULL;
}

/* Opens the lane that pollseed.write_lane asks for, or the best that the relation allows. */
static void
open_lane(Writer *writer)
{
	if (lane_may_be_direct() && lane_is_direct(writer->job.rel, direct_lane_refusal(&writer->job)))
	{
		writer->direct = direct_lane_open(&writer->job);
		writer->figures.lane = "direct";
	}
	else
	{
		writer->spi = spi_lane_open(&writer->job);
		writer->figures.lane = "spi";
	}
}

Writer *
writer_open(Relation rel, int ncolumns, const WriteColumn *columns, int batch_size)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "pollseed writer", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Writer		 *writer = palloc0_object(Writer);
	Size		  cells;

	Assert(batch_size >= MIN_BATCH_SIZE && batch_size <= MAX_BATCH_SIZE);

	writer->job.rel = rel;
	writer->job.batch_size = batch_size;
	writer->job.context = context;
	writer->job.batch =
		AllocSetContextCreate(context, "pollseed writer batch", ALLOCSET_DEFAULT_SIZES);
	resolve_columns(&writer->job, ncolumns, columns);

	cells = mul_size(batch_size, writer->job.source->natts);
	writer->batch.values = palloc_array(Datum, cells);
	writer->batch.nulls = palloc_array(bool, cells);

	open_lane(writer);
	MemoryContextSwitchTo(old_context);
	return writer;
}

bool
writer_load(Writer *writer, List **loaded)
{
	return load_empty_tables && writer->direct != NULL && direct_lane_load(writer->direct, loaded);
}

/*
 * Has the WAL writer write out what a batch left in the WAL buffers, as an
 * asynchronous commit does.  Otherwise we write it ourselves whenever they are
 * full, while another processor could.
 */
static void
wake_wal_writer(Relation rel)
{
	if (RelationNeedsWAL(rel) && !XLogRecPtrIsInvalid(XactLastRecEnd))
		XLogSetAsyncXactLSN(XactLastRecEnd);
}

void
writer_flush(Writer *writer)
{
	MemoryContext old_context;

	if (writer->batch.nrows == 0)
		return;

	CHECK_FOR_INTERRUPTS();
	old_context = MemoryContextSwitchTo(writer->job.batch);
	if (writer->direct != NULL)
		writer->figures.rows_inserted += direct_lane_write(writer->direct, &writer->batch);
	else
		writer->figures.rows_inserted += spi_lane_write(writer->spi, &writer->batch);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(writer->job.batch);
	wake_wal_writer(writer->job.rel);

	writer->figures.rows_sent += writer->batch.nrows;
	writer->figures.batches++;
	writer->batch.nrows = 0;
}

int64
writer_inserted(const Writer *writer)
{
	return writer->figures.rows_inserted;
}

void
writer_discard(Writer *writer)
{
	MemoryContextReset(writer->job.batch);
	writer->batch.nrows = 0;
}

Datum *
writer_next_row(Writer *writer, bool **isnull)
{
	int	 ncells = writer->job.source->natts;
	Size first;

	if (writer->batch.nrows == writer->job.batch_size)
		writer_flush(writer);

	first = (Size) writer->batch.nrows++ * ncells;
	*isnull = &writer->batch.nulls[first];
	memset(*isnull, true, ncells * sizeof(bool));
	return &writer->batch.values[first];
}

WriteFigures
writer_close(Writer *writer)
{
	WriteFigures figures;

	writer_flush(writer);
	if (writer->direct != NULL)
		direct_lane_close(writer->direct);
	else
		spi_lane_close(writer->spi);

	figures = writer->figures;
	MemoryContextDelete(writer->job.context);
	return figures;
}
