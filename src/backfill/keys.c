/*-------------------------------------------------------------------------
 *
 * keys.c
 *		Keys of rows: as values, as text, and as arrays for the source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "backfill/keys.h"

/* Tells whether the text of a type's values depends on settings, as far as is known. */
static bool
text_depends_on_settings(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case TIDOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
			return false;
		default:
			return true;
	}
}

/*
 * Has the keys' texts be the same whatever the session's settings are, until
 * end_texts(): they are kept, and compared.  Returns 0 where nothing need be done.
 */
static int
begin_texts(const BackfillTable *table)
{
	static const char *const settings[][2] = {
		{"DateStyle", "ISO"}, {"IntervalStyle", "postgres"}, {"extra_float_digits", "1"}};
	bool needed = false;
	int	 level;

	for (int i = 0; i < table->nkeys; i++)
		needed |= text_depends_on_settings(table->keys[i].type);
	if (!needed)
		return 0;
	level = NewGUCNestLevel();
	for (size_t i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* Puts the settings back. */
static void
end_texts(int level)
{
	if (level != 0)
		AtEOXact_GUC(true, level);
}

/* Returns a key column's value as text. */
static char *
column_text(const TableColumn *column, Datum value)
{
	Oid	 output;
	bool is_varlena;

	getTypeOutputInfo(column->type, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

Datum
key_to_array(const BackfillTable *table, const Datum *key)
{
	Datum texts[MAX_KEY_COLUMNS];
	int	  level = begin_texts(table);

	for (int i = 0; i < table->nkeys; i++)
		texts[i] = CStringGetTextDatum(column_text(&table->keys[i], key[i]));
	end_texts(level);
	return PointerGetDatum(construct_array(texts, table->nkeys, TEXTOID, -1, false, TYPALIGN_INT));
}

void
key_from_array(const BackfillTable *table, Datum array, Datum *key)
{
	Datum *texts;
	int	   count;
	int	   level;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &texts, NULL,
					  &count);
	if (count != table->nkeys)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the key of backfill \"%s\" has changed", table->backfill->name),
						errhint("Drop the backfill and create it anew.")));
	level = begin_texts(table);
	for (int i = 0; i < count; i++)
	{
		Oid input;
		Oid parameter;

		getTypeInputInfo(table->keys[i].type, &input, &parameter);
		key[i] = OidInputFunctionCall(input, TextDatumGetCString(texts[i]), parameter,
									  table->keys[i].typmod);
	}
	end_texts(level);
}

char *
key_text(const BackfillTable *table, const Datum *key)
{
	Oid	  output;
	bool  is_varlena;
	int	  level;
	char *text;

	if (table->nkeys == 1)
	{
		level = begin_texts(table);
		text = column_text(&table->keys[0], key[0]);
		end_texts(level);
		return text;
	}
	getTypeOutputInfo(TEXTARRAYOID, &output, &is_varlena);
	return OidOutputFunctionCall(output, key_to_array(table, key));
}

void
key_copy(const BackfillTable *table, const Datum *from, Datum *to)
{
	for (int i = 0; i < table->nkeys; i++)
	{
		int16 length;
		bool  by_value;

		get_typlenbyval(table->keys[i].type, &length, &by_value);
		to[i] = datumCopy(from[i], by_value, length);
	}
}

/* What keys are compared by. */
typedef struct KeyOrder
{
	const BackfillTable *table;
	TypeCacheEntry		*types[MAX_KEY_COLUMNS];
} KeyOrder;

/* Compares two keys. */
static int
compare_keys(const void *left, const void *right, void *arg)
{
	const KeyOrder *order = arg;
	const Datum	   *a = left;
	const Datum	   *b = right;

	for (int i = 0; i < order->table->nkeys; i++)
	{
		int result = DatumGetInt32(FunctionCall2Coll(&order->types[i]->cmp_proc_finfo,
													 order->table->keys[i].collation, a[i], b[i]));

		if (result != 0)
			return result;
	}
	return 0;
}

/* Sorts keys and leaves each once; returns how many there are then. */
static int
remove_duplicates(const BackfillTable *table, int count, Datum *keys)
{
	KeyOrder order = {.table = table};
	Size	 width = sizeof(Datum) * table->nkeys;
	int		 kept = 0;

	for (int i = 0; i < table->nkeys; i++)
		order.types[i] = lookup_type_cache(table->keys[i].type, TYPECACHE_CMP_PROC_FINFO);
	qsort_arg(keys, count, width, compare_keys, &order);
	for (int i = 0; i < count; i++)
	{
		Datum *key = &keys[(Size) i * table->nkeys];

		if (kept > 0 && compare_keys(&keys[(Size) (kept - 1) * table->nkeys], key, &order) == 0)
			continue;
		memmove(&keys[(Size) kept * table->nkeys], key, width);
		kept++;
	}
	return kept;
}

void
key_arrays(const BackfillTable *table, int count, Datum *keys, Datum *arrays)
{
	Datum *column;

	if (!table->unique && count > 1)
	{
		Datum *copy = palloc_array(Datum, (Size) count * table->nkeys);

		memcpy(copy, keys, sizeof(Datum) * count * table->nkeys);
		keys = copy;
		count = remove_duplicates(table, count, keys);
	}
	column = palloc_array(Datum, Max(count, 1));
	for (int i = 0; i < table->nkeys; i++)
	{
		int16 length;
		bool  by_value;
		char  align;

		get_typlenbyvalalign(table->keys[i].type, &length, &by_value, &align);
		for (int row = 0; row < count; row++)
			column[row] = keys[(Size) row * table->nkeys + i];
		arrays[i] = PointerGetDatum(
			construct_array(column, count, table->keys[i].type, length, by_value, align));
	}
}

Datum
tid_array(int count, ItemPointerData *tids)
{
	Datum *elements = palloc_array(Datum, Max(count, 1));

	for (int i = 0; i < count; i++)
		elements[i] = PointerGetDatum(&tids[i]);
	return PointerGetDatum(
		construct_array(elements, count, TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT));
}
