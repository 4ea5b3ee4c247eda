/*-------------------------------------------------------------------------
 *
 * capture_plan.c
 *		What a capture trigger has to do: read from the tables of scores once and
 *		kept for the session.
 *
 * A plan is made anew when its table or its queue has changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/kept.h"
#include "core/names.h"
#include "core/sql.h"
#include "score/capture_plan.h"
#include "score/triggers.h"

static KeptTable plans = {.name = "pollseed capture plans"};

/* The tables are known as OIDs where the score's table is the one that was made, and by their names after a restore. */
#define DEFINITION                                                                                 \
	"SELECT CASE WHEN here.same THEN s.queue_oid"                                                  \
	"            ELSE pg_catalog.to_regclass(s.queue)::pg_catalog.oid END,"                        \
	" r.key_columns, r.columns,"                                                                   \
	" EXISTS (WITH RECURSIVE up (relation) AS ("                                                   \
	"           SELECT $3::pg_catalog.oid"                                                         \
	"           UNION SELECT i.inhparent FROM up, pg_catalog.pg_inherits AS i"                     \
	"                  WHERE i.inhrelid OPERATOR(pg_catalog.=) up.relation)"                       \
	"         SELECT FROM up WHERE up.relation OPERATOR(pg_catalog.=)"                             \
	"           CASE WHEN here.same THEN r.relation_oid"                                           \
	"                ELSE pg_catalog.to_regclass(r.relation)::pg_catalog.oid END),"                \
	" r.via IS NOT NULL"                                                                           \
	" FROM pollseed.scores AS s, pollseed.score_sources AS r,"                                     \
	" LATERAL (SELECT s.database_oid OPERATOR(pg_catalog.=) $4"                                    \
	"   AND s.system_identifier OPERATOR(pg_catalog.=) $5"                                         \
	"   AND EXISTS (SELECT FROM pg_catalog.pg_class AS h"                                          \
	"    WHERE h.oid OPERATOR(pg_catalog.=) s.relation_oid)) AS here(same)"                        \
	" WHERE s.score_id OPERATOR(pg_catalog.=) $1 AND r.score_id OPERATOR(pg_catalog.=) s.score_id" \
	" AND r.source_no OPERATOR(pg_catalog.=) $2::pg_catalog.int2"

/*
 * Reads the row of a source into the result of SPI; tells whether there is one.  A
 * transaction whose snapshot is older than the score fires its triggers all the same: so
 * the snapshot is the latest.
 */
static bool
read_definition(int64 score_id, int16 source_no, Oid relation)
{
	Oid	  types[] = {INT8OID, INT2OID, OIDOID, OIDOID, INT8OID};
	Datum values[] = {Int64GetDatum(score_id), Int16GetDatum(source_no), ObjectIdGetDatum(relation),
					  ObjectIdGetDatum(MyDatabaseId), Int64GetDatum((int64) GetSystemIdentifier())};
	static SPIPlanPtr plan = NULL;

	return sql_execute_own_latest(&plan, DEFINITION, lengthof(types), types, values, NULL) == 1;
}

/* Returns the number of a column by its name, InvalidAttrNumber where there is none with values of its own. */
static AttrNumber
column_number(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL ? InvalidAttrNumber
																		  : attribute->attnum;
	}
	return InvalidAttrNumber;
}

/* Returns the numbers of the columns that an array names; false in found where one was not. */
static AttrNumber *
column_numbers(TupleDesc desc, Datum array, int *count, bool *found)
{
	List	   *names = names_of_array(array);
	AttrNumber *numbers = palloc_array(AttrNumber, Max(list_length(names), 1));
	ListCell   *cell;

	*found = true;
	*count = 0;
	foreach(cell, names)
	{
		AttrNumber number = column_number(desc, lfirst(cell));

		numbers[(*count)++] = number;
		*found &= number != InvalidAttrNumber;
	}
	return numbers;
}

/* Tells whether the texts of a type are the same under all settings. */
static bool
text_is_fixed(Oid type)
{
	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case NUMERICOID:
		case BOOLOID:
		case CHAROID:
		case NAMEOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
		case BITOID:
		case VARBITOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
			return true;
		default:
			return type_is_enum(getBaseType(type));
	}
}

/* Says how the text of a key's column is made. */
static void
set_key(CapturePlan *plan, CaptureKey *key, TupleDesc desc, AttrNumber attnum)
{
	Oid	 type = TupleDescAttr(desc, attnum - 1)->atttypid;
	Oid	 function;
	bool is_varlena;

	key->attnum = attnum;
	switch (getBaseType(type))
	{
		case INT2OID:
			key->form = KEY_INT2;
			break;
		case INT4OID:
			key->form = KEY_INT4;
			break;
		case INT8OID:
			key->form = KEY_INT8;
			break;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			key->form = KEY_TEXT;
			break;
		default:
			key->form = KEY_OUTPUT;
			getTypeOutputInfo(type, &function, &is_varlena);
			fmgr_info_cxt(function, &key->output, CurrentMemoryContext);
	}
	if (!text_is_fixed(type))
		plan->uses_settings = true;
}

/* Makes a plan of the row that was read, in the current context. */
static CapturePlan *
make_plan(TupleDesc desc, Oid queue, int16 source_no)
{
	CapturePlan *plan = palloc0_object(CapturePlan);
	AttrNumber	*numbers;
	Datum		 columns;
	bool		 isnull;
	bool		 found;

	plan->queue = queue;
	plan->source_no = source_no;
	plan->has_via = DatumGetBool(sql_value_not_null(0, 5));
	numbers = column_numbers(desc, sql_value_not_null(0, 2), &plan->nkeys, &found);
	plan->everything = plan->nkeys == 0 || plan->nkeys > MAX_SCORE_KEYS || !found;
	if (plan->everything)
		plan->nkeys = 0;
	for (int i = 0; i < plan->nkeys; i++)
	{
		set_key(plan, &plan->keys[i], desc, numbers[i]);
		plan->last_attnum = Max(plan->last_attnum, numbers[i]);
	}

	columns = sql_value(0, 3, &isnull);
	if (!isnull)
		plan->columns = column_numbers(desc, columns, &plan->ncolumns, &found);
	plan->all_columns = isnull || !found;
	if (plan->all_columns)
		plan->last_attnum = desc->natts;
	else
	{
		for (int i = 0; i < plan->ncolumns; i++)
			plan->last_attnum = Max(plan->last_attnum, plan->columns[i]);
	}
	return plan;
}

/* Makes the plan of a trigger in the current context; NULL where there is nothing to do. */
static void *
build_plan(Oid key pg_attribute_unused(), List **relations, void *arg)
{
	const TriggerData *firing = arg;
	Relation		   rel = firing->tg_relation;
	const Trigger	  *trigger = firing->tg_trigger;
	MemoryContext	   context = CurrentMemoryContext;
	CapturePlan		  *plan = NULL;
	int64			   score_id;
	int16			   source_no;
	bool			   isnull = true;
	bool			   is_source = false;
	Oid				   queue = InvalidOid;

	if (trigger->tgnargs != 2)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("trigger \"%s\" must give the numbers of a score and of a source",
							   trigger->tgname)));
	score_id = pg_strtoint64(trigger->tgargs[0]);
	source_no = pg_strtoint16(trigger->tgargs[1]);

	SPI_connect();
	if (read_definition(score_id, source_no, RelationGetRelid(rel)))
	{
		queue = DatumGetObjectId(sql_value(0, 1, &isnull));
		is_source = DatumGetBool(sql_value_not_null(0, 4));
		if (!isnull && is_source)
		{
			MemoryContext old_context = MemoryContextSwitchTo(context);

			plan = make_plan(RelationGetDescr(rel), queue, source_no);
			*relations = list_make2_oid(RelationGetRelid(rel), queue);
			MemoryContextSwitchTo(old_context);
		}
	}
	SPI_finish();

	/* A partition that was detached keeps the triggers that we made; anything else is a mistake, or worse. */
	if (!is_source && !trigger_is_of_source(trigger->tgname, score_id, source_no))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" is not source %d of score " INT64_FORMAT,
						RelationGetRelationName(rel), source_no, score_id),
				 errhint("Capture triggers are made by pollseed_score_create(); drop trigger "
						 "\"%s\".",
						 trigger->tgname)));
	return plan;
}

/* Where nothing is to be done, that is not kept: nothing would tell when it is over. */
const CapturePlan *
capture_plan(const TriggerData *firing)
{
	return kept_find(&plans, firing->tg_trigger->tgoid, build_plan,
					 unconstify(TriggerData *, firing));
}
