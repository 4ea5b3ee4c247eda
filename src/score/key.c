/*-------------------------------------------------------------------------
 *
 * key.c
 *		A score's key as users give it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "core/names.h"
#include "score/key.h"
#include "score/source.h"

List *
key_columns(Relation view, const char *text)
{
	Oid		  relid = RelationGetRelid(view);
	List	 *names;
	List	 *distinct = NIL;
	ListCell *cell;

	if (get_attnum(relid, text) > 0)
		return list_make1(pstrdup(text));
	if (!SplitIdentifierString(pstrdup(text), ',', &names) || names == NIL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME), errmsg("invalid key \"%s\"", text),
						errhint("Name a column of the view, or several with commas between.")));
	if (list_length(names) > MAX_SCORE_KEYS)
		ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
						errmsg("a score's key has at most %d columns", MAX_SCORE_KEYS)));
	foreach(cell, names)
	{
		if (get_attnum(relid, lfirst(cell)) <= 0)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("column \"%s\" of relation \"%s\" does not exist",
								   (char *) lfirst(cell), RelationGetRelationName(view))));
		distinct = names_union(distinct, list_make1(lfirst(cell)));
		if (list_length(distinct) <= foreach_current_index(cell))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" is in the key more than once", (char *) lfirst(cell))));
	}
	return names;
}
