/*-------------------------------------------------------------------------
 *
 * exceptions.c
 *		Rows that were there already with other values than planned, where others
 *		refer to them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/hsearch.h"

#include "core/compat.h"
#include "graph/exceptions.h"

/* Which cell. */
typedef struct ExceptionKey
{
	int64 row;
	int64 column;
} ExceptionKey;

typedef struct Exception
{
	ExceptionKey key;
	Datum		 value;
	bool		 isnull;
} Exception;

void
exception_add(GraphStep *step, int64 row, int column, Datum value, bool isnull)
{
	const ValueSpace *space = step->columns[column].table_column->space;
	ExceptionKey	  key = {.row = row, .column = column};
	MemoryContext	  old_context = MemoryContextSwitchTo(step->graph->context);
	Exception		 *exception;

	if (step->exceptions == NULL)
	{
		HASHCTL control = {.keysize = sizeof(ExceptionKey),
						   .entrysize = sizeof(Exception),
						   .hcxt = step->graph->context};

		step->exceptions = hash_create("pollseed rows that were there", 256, &control,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	exception = hash_search(step->exceptions, &key, HASH_ENTER, NULL);
	exception->isnull = isnull;
	exception->value = isnull ? (Datum) 0 : datumCopy(value, space->typbyval, space->typlen);
	MemoryContextSwitchTo(old_context);
}

bool
exception_value(const GraphStep *step, int64 row, int column, Datum *value, bool *isnull)
{
	ExceptionKey	 key = {.row = row, .column = column};
	const Exception *exception = hash_search(step->exceptions, &key, HASH_FIND, NULL);

	if (exception == NULL)
		return false;
	*value = exception->value;
	*isnull = exception->isnull;
	return true;
}
