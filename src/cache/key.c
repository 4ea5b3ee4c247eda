/*-------------------------------------------------------------------------
 *
 * key.c
 *		Keys of tracked tables as text, of which there is one for each value.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#include "cache/key.h"
#include "core/compat.h"

bool
key_type_fits(Oid type, Oid collation)
{
	Oid base = getBaseType(type);

	switch (base)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case BOOLOID:
		case NAMEOID:
		case UUIDOID:
		case DATEOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
			return true;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return !OidIsValid(collation) || get_collation_isdeterministic(collation);
		default:
			return type_is_enum(base);
	}
}

bool
key_type_is_integer(Oid type)
{
	Oid base = getBaseType(type);

	return base == INT2OID || base == INT4OID || base == INT8OID;
}

int64
key_integer(Oid type, Datum value)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

void
key_column_init(KeyColumn *column, Oid type)
{
	Oid	 function;
	bool is_varlena;

	column->type = getBaseType(type);
	getTypeOutputInfo(column->type, &function, &is_varlena);
	fmgr_info_cxt(function, &column->output, CurrentMemoryContext);
}

/* Sets the text to a value of variable length; trailing spaces do not count where its type says so. */
static void
set_to_string(Datum value, bool is_padded, KeyText *key)
{
	text *string = DatumGetTextPP(value);

	key->text = VARDATA_ANY(string);
	key->length = VARSIZE_ANY_EXHDR(string);
	if (is_padded)
		key->length = bpchartruelen(VARDATA_ANY(string), (int) key->length);
}

void
key_set(const KeyColumn *column, Datum value, KeyText *key)
{
	key->number = 0;
	switch (column->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			key->number = key_integer(column->type, value);
			key->text = key->buffer;
			key->length = pg_lltoa(key->number, key->buffer);
			return;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			set_to_string(value, column->type == BPCHAROID, key);
			return;
		case DATEOID:
			key->text = JsonEncodeDateTime(key->buffer, value, DATEOID, NULL);
			break;
		default:
			key->text = OutputFunctionCall((FmgrInfo *) &column->output, value);
	}
	key->length = strlen(key->text);
}
