/*-------------------------------------------------------------------------
 *
 * triggers.c
 *		The triggers that note changes, as the catalogs have them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "cache/key.h"
#include "cache/track.h"
#include "cache/triggers.h"
#include "core/compat.h"
#include "core/trigger.h"

/* The types of the two kinds. */
#define ROW_TYPE \
	(TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)
#define TRUNCATE_TYPE TRIGGER_TYPE_TRUNCATE

/* Returns a trigger's arguments, which are kept one after the other, each ended by a zero byte. */
static List *
read_arguments(HeapTuple tuple, TupleDesc desc)
{
	int			count = ((Form_pg_trigger) GETSTRUCT(tuple))->tgnargs;
	List	   *arguments = NIL;
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_pg_trigger_tgargs, desc, &isnull);
	const char *text;

	if (isnull || count == 0)
		return NIL;
	text = VARDATA_ANY(DatumGetByteaPP(value));
	for (int i = 0; i < count; i++)
	{
		arguments = lappend(arguments, pstrdup(text));
		text += strlen(text) + 1;
	}
	return arguments;
}

/* Returns a trigger of ours. */
static CacheTrigger *
read_trigger(HeapTuple tuple, TupleDesc desc)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	CacheTrigger   *trigger = palloc_object(CacheTrigger);

	trigger->oid = form->oid;
	trigger->name = pstrdup(NameStr(form->tgname));

	/* One that fires for some changes only, or late, does not see to all. */
	trigger->for_rows = form->tgtype == ROW_TYPE && form->tgattr.dim1 == 0 && !form->tgdeferrable &&
						heap_attisnull(tuple, Anum_pg_trigger_tgqual, desc);
	trigger->for_truncate = form->tgtype == TRUNCATE_TYPE;
	trigger->is_clone = OidIsValid(form->tgparentid);
	trigger->is_always = form->tgenabled == TRIGGER_FIRES_ALWAYS;
	trigger->arguments = read_arguments(tuple, desc);
	return trigger;
}

List *
cache_triggers(Oid relid)
{
	Oid			function = trigger_function_required("cache_capture");
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	List	   *triggers = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		if (((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid == function)
			triggers = lappend(triggers, read_trigger(tuple, RelationGetDescr(catalog)));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return triggers;
}

const CacheTrigger *
cache_row_trigger(Oid relid)
{
	ListCell *cell;

	foreach(cell, cache_triggers(relid))
	{
		const CacheTrigger *trigger = lfirst(cell);

		if (trigger->for_rows)
			return trigger;
	}
	return NULL;
}

AttrNumber
cache_column_number(Oid relid, const char *name)
{
	return Max(get_attnum(relid, name), InvalidAttrNumber);
}

bool
cache_column_is_kept(Oid relid, AttrNumber attnum)
{
	HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attnum));
	bool	  is_kept;

	if (!HeapTupleIsValid(tuple))
		return false;
	is_kept = !compat_is_virtual((Form_pg_attribute) GETSTRUCT(tuple));
	ReleaseSysCache(tuple);
	return is_kept;
}

bool
cache_column_fits_key(Oid relid, AttrNumber attnum)
{
	Oid	  type;
	int32 typmod;
	Oid	  collation;

	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	return key_type_fits(type, collation);
}

bool
cache_column_is_integer(Oid relid, AttrNumber attnum)
{
	return key_type_is_integer(get_atttype(relid, attnum));
}

/* Sets the tally, the second argument; false where the column is not what it was. */
static bool
set_tally(CacheColumns *columns, Oid relid, const char *name)
{
	if (name[0] == '\0')
		return true;
	if (strcmp(name, TALLY_OF_ROWS) == 0)
	{
		columns->tally = 0;
		return true;
	}
	columns->tally = cache_column_number(relid, name);
	if (columns->tally == InvalidAttrNumber || !cache_column_is_kept(relid, columns->tally) ||
		!cache_column_is_integer(relid, columns->tally))
		return false;
	columns->tally_type = getBaseType(get_atttype(relid, columns->tally));
	return true;
}

/* Sets the key, the first argument; false where the column is not what it was. */
static bool
set_key(CacheColumns *columns, Oid relid, const char *name)
{
	if (name[0] == '\0')
		return columns->tally == NO_TALLY;
	columns->key = cache_column_number(relid, name);
	if (columns->key == InvalidAttrNumber || !cache_column_is_kept(relid, columns->key) ||
		!cache_column_fits_key(relid, columns->key))
		return false;
	columns->key_type = getBaseType(get_atttype(relid, columns->key));
	return columns->tally == NO_TALLY || key_type_is_integer(columns->key_type);
}

CacheColumns
cache_columns(Oid relid, const List *arguments)
{
	CacheColumns columns = {.tally = NO_TALLY};
	ListCell	*cell;

	if (list_length(arguments) < 2)
		return columns;
	if (!set_tally(&columns, relid, lsecond(arguments)))
		columns.missing = lsecond(arguments);
	else if (!set_key(&columns, relid, linitial(arguments)))
		columns.missing = linitial(arguments);
	for_each_from(cell, arguments, 2)
	{
		AttrNumber number = cache_column_number(relid, lfirst(cell));

		if (number != InvalidAttrNumber)
			columns.ignored = bms_add_member(columns.ignored, number);
	}
	return columns;
}
