/*-------------------------------------------------------------------------
 *
 * trigger.c
 *		Triggers of ours on users' tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/trigger.h"

Oid
trigger_function(const char *name)
{
	Oid schema = get_namespace_oid("pollseed", true);

	if (!OidIsValid(schema))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(NULL, 0)), ObjectIdGetDatum(schema));
}

Oid
trigger_function_required(const char *name)
{
	Oid function = trigger_function(name);

	if (!OidIsValid(function))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("function pollseed.%s() does not exist", name),
						errhint("Install the extension with CREATE EXTENSION pollseed.")));
	return function;
}

List *
trigger_lock_tables(Oid relid, LOCKMODE lockmode, void (*check)(Relation rel, Oid root))
{
	/* Without locks first: who may not have them shall not wait for, nor stop, anybody. */
	LOCKMODE  locks[] = {NoLock, lockmode};
	List	 *tables = NIL;
	ListCell *cell;

	table_close(relation_open_by_oid(relid, AccessShareLock), NoLock);
	for (size_t i = 0; i < lengthof(locks); i++)
	{
		/* The server's order, parents first and then by OID: that of all who lock such trees. */
		if (locks[i] != NoLock)
			LockRelationOid(relid, locks[i]);
		tables = find_all_inheritors(relid, locks[i], NULL);
		foreach(cell, tables)
		{
			Relation rel = relation_open_by_oid(lfirst_oid(cell), AccessShareLock);

			check(rel, relid);
			table_close(rel, NoLock);
		}
	}
	return tables;
}

void
trigger_go_with_extension(Oid trigger)
{
	ObjectAddress object;
	ObjectAddress extension;

	ObjectAddressSet(object, TriggerRelationId, trigger);
	ObjectAddressSet(extension, ExtensionRelationId, get_extension_oid("pollseed", false));
	if (!list_member_oid(getAutoExtensionsOfObject(TriggerRelationId, trigger), extension.objectId))
		recordDependencyOn(&object, &extension, DEPENDENCY_AUTO_EXTENSION);
}

bool
trigger_only_notes_changes(const Trigger *trigger)
{
	return trigger->tgfoid == trigger_function("cache_capture");
}

bool
trigger_notes_changes(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;
	bool		 found = false;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		found |= trigger_only_notes_changes(&triggers->triggers[i]);
	return found;
}
