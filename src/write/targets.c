/*-------------------------------------------------------------------------
 *
 * targets.c
 *		What each column of a table gets from a row of values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "write/assign.h"
#include "write/targets.h"

/*
 * Returns the value of a column that gets nothing: NULL, checked where a domain
 * has it checked, unless the column is generated and computed later.
 */
static Node *
null_value(Form_pg_attribute attribute)
{
	Const *null;

	if (attribute->attisdropped)
		return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), (Datum) 0, true, true);
	null = makeConst(attribute->atttypid, -1, attribute->attcollation, attribute->attlen, (Datum) 0,
					 true, attribute->attbyval);
	if (attribute->attgenerated != '\0')
		return (Node *) null;
	return coerce_to_domain((Node *) null, InvalidOid, -1, attribute->atttypid, COERCION_IMPLICIT,
							COERCE_IMPLICIT_CAST, -1, false);
}

/* Returns the expression that gives a column its value from a row's values or a literal. */
static Node *
given_value(const WriteJob *job, const TargetColumn *column, Form_pg_attribute attribute)
{
	Node *value;
	Oid	  type;

	if (column->literal != NULL)
	{
		type = UNKNOWNOID;
		value = (Node *) makeConst(UNKNOWNOID, -1, InvalidOid, -2, CStringGetDatum(column->literal),
								   false, false);
	}
	else
	{
		Form_pg_attribute source = TupleDescAttr(job->source, column->source);

		type = source->atttypid;
		value = (Node *) makeVar(1, column->source + 1, type, source->atttypmod,
								 source->attcollation, 0);
	}

	value = assignment_cast(value, type, attribute);
	if (value == NULL)
		elog(ERROR, "cannot assign to column \"%s\"", column->name);
	return value;
}

List *
write_targets(const WriteJob *job)
{
	TupleDesc desc = RelationGetDescr(job->rel);
	List	 *targets = NIL;

	for (int attnum = 1; attnum <= desc->natts; attnum++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, attnum - 1);
		Node			 *value = NULL;

		for (int i = 0; i < job->ncolumns && value == NULL; i++)
		{
			if (job->columns[i].attnum == attnum)
				value = given_value(job, &job->columns[i], attribute);
		}
		if (value == NULL && !attribute->attisdropped && attribute->attgenerated == '\0')
			value = build_column_default(job->rel, attnum);
		if (value == NULL)
			value = null_value(attribute);

		targets = lappend(targets,
						  makeTargetEntry(expression_planner((Expr *) value), attnum, NULL, false));
	}
	return targets;
}
