/*-------------------------------------------------------------------------
 *
 * resolve.c
 *		Relations as a plan names them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "graph/resolve.h"

Oid
resolve_relation(const char *name)
{
	return RangeVarGetRelid(makeRangeVarFromNameList(compat_name_list(name)), NoLock, true);
}

const char *
resolve_quoted_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}
