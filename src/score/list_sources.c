/*-------------------------------------------------------------------------
 *
 * list_sources.c
 *		SQL function that lists the sources of a view, and the indexes that they
 *		lack.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/names.h"
#include "core/relation.h"
#include "score/find.h"
#include "score/key.h"
#include "score/sources.h"

POLLSEED_FUNCTION(pollseed_score_sources);

/* Tells whether an index begins with some columns, in any order. */
static bool
begins_with(Relation index, const List *attnums)
{
	Form_pg_index form = index->rd_index;
	int			  count = list_length(attnums);

	if (!form->indisvalid || index->rd_rel->relam != BTREE_AM_OID ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) ||
		form->indnkeyatts < count)
		return false;
	for (int i = 0; i < count; i++)
	{
		if (!list_member_int(attnums, form->indkey.values[i]))
			return false;
	}
	return true;
}

const char *
source_missing_index(const ScoreSource *source)
{
	Relation  rel;
	List	 *attnums = NIL;
	ListCell *cell;
	bool	  indexed = false;

	if (source->key_columns == NIL)
		return NULL;
	rel = relation_open(source->relation, AccessShareLock);
	foreach(cell, source->key_columns)
		attnums = list_append_unique_int(attnums, get_attnum(source->relation, lfirst(cell)));
	foreach(cell, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		indexed |= begins_with(index, attnums);
		index_close(index, AccessShareLock);
	}
	relation_close(rel, NoLock);
	return indexed ? NULL
				   : psprintf("CREATE INDEX ON %s (%s)", source->relation_name,
							  names_quoted(source->key_columns));
}

void
sources_warn_indexes(List *sources)
{
	ListCell *cell;

	foreach(cell, sources)
	{
		const ScoreSource *source = lfirst(cell);
		const char		  *ddl = source_missing_index(source);

		if (ddl != NULL)
			ereport(
				WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("no index of %s begins with the columns of its key", source->relation_name),
				 errdetail("Each refresh may read the whole table."), errhint("%s;", ddl)));
	}
}

/* Returns a source as a row of the result. */
static void
put_source(ReturnSetInfo *result, const ScoreSource *source)
{
	const char *ddl = source->found ? source_missing_index(source) : NULL;
	Datum		values[5] = {ObjectIdGetDatum(source->relation)};
	bool		nulls[5] = {false, !source->found, source->columns == NIL, false, ddl == NULL};

	if (!nulls[1])
		values[1] = names_array(source->key_columns);
	if (!nulls[2])
		values[2] = names_array(source->columns);
	values[3] = CStringGetTextDatum(source->reason);
	if (!nulls[4])
		values[4] = CStringGetTextDatum(ddl);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* pollseed_score_sources(definition, key) */
Datum
pollseed_score_sources(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	   view = relation_open_by_oid(PG_GETARG_OID(0), AccessShareLock);
	ListCell	  *cell;

	relation_check_privilege(view, ACL_SELECT);
	if (view->rd_rel->relkind != RELKIND_VIEW)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a view", RelationGetRelationName(view)),
						errhint("A score is made from a view.")));
	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, sources_find(view, key_columns(view, text_to_cstring(PG_GETARG_TEXT_PP(1)))))
		put_source(result, lfirst(cell));
	relation_close(view, NoLock);
	PG_RETURN_VOID();
}
