/*-------------------------------------------------------------------------
 *
 * space.c
 *		The values that a column can have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/varbit.h"

#include "core/compat.h"
#include "graph/narrow.h"
#include "graph/space.h"

/* The kinds of the types that the server ships. */
static const struct
{
	Oid		  type;
	ValueKind kind;
} type_kinds[] = {
	{TEXTOID, VALUE_TEXT},
	{VARCHAROID, VALUE_TEXT},
	{BPCHAROID, VALUE_TEXT},
	{NAMEOID, VALUE_TEXT},
	{CHAROID, VALUE_TEXT},
	{INT2OID, VALUE_INTEGER},
	{INT4OID, VALUE_INTEGER},
	{INT8OID, VALUE_INTEGER},
	{NUMERICOID, VALUE_NUMERIC},
	{MONEYOID, VALUE_NUMERIC},
	{FLOAT4OID, VALUE_FLOAT},
	{FLOAT8OID, VALUE_FLOAT},
	{BOOLOID, VALUE_BOOLEAN},
	{UUIDOID, VALUE_UUID},
	{DATEOID, VALUE_DATE},
	{TIMEOID, VALUE_TIME},
	{TIMETZOID, VALUE_TIME},
	{TIMESTAMPOID, VALUE_TIMESTAMP},
	{TIMESTAMPTZOID, VALUE_TIMESTAMP},
	{INTERVALOID, VALUE_INTERVAL},
	{JSONOID, VALUE_JSON},
	{JSONBOID, VALUE_JSON},
	{BYTEAOID, VALUE_BYTEA},
	{INETOID, VALUE_NETWORK},
	{CIDROID, VALUE_NETWORK},
	{MACADDROID, VALUE_NETWORK},
	{MACADDR8OID, VALUE_NETWORK},
	{BITOID, VALUE_BIT},
	{VARBITOID, VALUE_BIT},
	{POINTOID, VALUE_GEOMETRIC},
	{LINEOID, VALUE_GEOMETRIC},
	{LSEGOID, VALUE_GEOMETRIC},
	{BOXOID, VALUE_GEOMETRIC},
	{PATHOID, VALUE_GEOMETRIC},
	{POLYGONOID, VALUE_GEOMETRIC},
	{CIRCLEOID, VALUE_GEOMETRIC},
};

/* Tells whether a type of an extension is text in all but name, as citext is: the server reads it as text. */
static bool
is_text_like(Form_pg_type form)
{
	HeapTuple	 tuple;
	Form_pg_proc input;
	bool		 result;
	bool		 isnull;
	Datum		 source;

	if (form->typlen != -1)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(form->typinput));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", form->typinput);
	input = (Form_pg_proc) GETSTRUCT(tuple);
	source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);
	result = input->prolang == INTERNALlanguageId && !isnull &&
			 strcmp(TextDatumGetCString(source), "textin") == 0;
	ReleaseSysCache(tuple);
	return result;
}

/* Returns the kind of a type that is no domain. */
static ValueKind
kind_of_type(Oid type, Form_pg_type form)
{
	for (size_t i = 0; i < lengthof(type_kinds); i++)
	{
		if (type_kinds[i].type == type)
			return type_kinds[i].kind;
	}
	switch (form->typtype)
	{
		case TYPTYPE_ENUM:
			return VALUE_ENUM;
		case TYPTYPE_RANGE:
			return VALUE_RANGE;
		case TYPTYPE_MULTIRANGE:
			return VALUE_MULTIRANGE;
		case TYPTYPE_COMPOSITE:
			return VALUE_COMPOSITE;
		default:
			break;
	}
	if (OidIsValid(get_element_type(type)))
		return VALUE_ARRAY;
	return is_text_like(form) ? VALUE_TEXT : VALUE_OTHER;
}

/* Allows the values of an enum, in their order. */
static void
allow_enum(ValueSpace *space)
{
	Relation	rel = table_open(EnumRelationId, AccessShareLock);
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int			size = 16;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(space->base));
	space->allowed = palloc_array(Datum, size);
	scan = systable_beginscan_ordered(rel, index, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		if (space->nallowed == size)
		{
			size *= 2;
			space->allowed = repalloc(space->allowed, size * sizeof(Datum));
		}
		space->allowed[space->nallowed++] =
			ObjectIdGetDatum(((Form_pg_enum) GETSTRUCT(tuple))->oid);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
}

/* Sets the lengths that a type and its modifier allow. */
static void
set_lengths(ValueSpace *space)
{
	space->min_length = space->max_length = -1;
	switch (space->base)
	{
		case VARCHAROID:
		case BPCHAROID:
			if (space->base_typmod >= (int32) VARHDRSZ)
				space->max_length = space->base_typmod - VARHDRSZ;
			break;
		case NAMEOID:
			space->max_length = NAMEDATALEN - 1;
			break;
		case CHAROID:
			space->max_length = 1;
			break;
		case BITOID:
			if (space->base_typmod > 0)
				space->min_length = space->max_length = space->base_typmod;
			break;
		case VARBITOID:
			if (space->base_typmod > 0)
				space->max_length = space->base_typmod;
			break;
		default:
			break;
	}
}

/* Makes the space of what a type's values consist of; NULL where they do not. */
static ValueSpace *
space_of_element(const ValueSpace *space)
{
	Oid type = space->base;

	switch (space->kind)
	{
		case VALUE_ARRAY:
			return space_of_type(get_element_type(type), space->base_typmod, space->collation);
		case VALUE_MULTIRANGE:
			type = get_multirange_range(type);
			/* FALLTHROUGH */
		case VALUE_RANGE:
			return space_of_type(get_range_subtype(type), -1, get_range_collation(type));
		default:
			return NULL;
	}
}

/* Tells whether an expression is the value that a domain's check is about. */
static bool
is_domain_value(const Node *node, void *arg)
{
	(void) arg;
	return IsA(node, CoerceToDomainValue);
}

/* Takes in what a domain, and those below it, check: either what offers a choice or what does not. */
static void
take_domain(ValueSpace *space, bool choices, bool backward)
{
	DomainConstraintRef *ref;
	int					 count;

	if (space->type == space->base)
		return;

	/* It lasts as long as the memory context does. */
	ref = palloc0_object(DomainConstraintRef);
	InitDomainConstraintRef(space->type, ref, CurrentMemoryContext, false);
	count = list_length(ref->constraints);
	for (int i = 0; i < count; i++)
	{
		DomainConstraintState *constraint =
			list_nth(ref->constraints, backward ? count - 1 - i : i);

		if (constraint->constrainttype == DOM_CONSTRAINT_NOTNULL)
			space->not_null = true;
		else if (is_orclause(constraint->check_expr) == choices)
			narrow_take(space, pstrdup(constraint->name), (Node *) constraint->check_expr,
						is_domain_value, NULL);
	}
}

ValueSpace *
narrow_begin(Oid type, int32 typmod, Oid collation)
{
	ValueSpace	*space = palloc0_object(ValueSpace);
	HeapTuple	 tuple;
	Form_pg_type form;

	check_stack_depth();
	space->type = type;
	space->typmod = space->base_typmod = typmod;
	space->base = getBaseTypeAndTypmod(type, &space->base_typmod);
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(space->base));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", space->base);
	form = (Form_pg_type) GETSTRUCT(tuple);
	space->collation = OidIsValid(collation) ? collation : form->typcollation;
	space->typlen = form->typlen;
	space->typbyval = form->typbyval;
	space->kind = kind_of_type(space->base, form);
	ReleaseSysCache(tuple);

	set_lengths(space);
	space->element = space_of_element(space);
	if (space->kind == VALUE_ENUM)
		allow_enum(space);
	take_domain(space, false, false);
	return space;
}

void
narrow_choose(ValueSpace *space, bool backward)
{
	take_domain(space, true, backward);
}

ValueSpace *
space_of_type(Oid type, int32 typmod, Oid collation)
{
	ValueSpace *space = narrow_begin(type, typmod, collation);

	narrow_choose(space, false);
	return space;
}

/*
 * Has what the texts of values depend on be the same in every session, where those of a kind depend
 * on anything; the level that is returned is to be given to unpin_settings().
 */
static int
pin_settings(ValueKind kind)
{
	static const char *const settings[][2] = {
		{"DateStyle", "ISO, MDY"}, {"IntervalStyle", "postgres"}, {"TimeZone", "UTC"},
		{"bytea_output", "hex"},   {"extra_float_digits", "1"},	  {"lc_monetary", "C"},
	};
	int level;

	switch (kind)
	{
		case VALUE_TEXT:
		case VALUE_INTEGER:
		case VALUE_BOOLEAN:
		case VALUE_UUID:
		case VALUE_ENUM:
		case VALUE_JSON:
		case VALUE_NETWORK:
		case VALUE_BIT:
			return 0;
		default:
			break;
	}
	level = NewGUCNestLevel();
	for (size_t i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* Puts back what pin_settings() has changed. */
static void
unpin_settings(int level)
{
	if (level != 0)
		AtEOXact_GUC(true, level);
}

Datum
space_input(const ValueSpace *space, const char *text)
{
	int	  level = pin_settings(space->kind);
	Oid	  input;
	Oid	  parameter;
	Datum value;

	getTypeInputInfo(space->base, &input, &parameter);
	value = OidInputFunctionCall(input, unconstify(char *, text), parameter, space->base_typmod);
	unpin_settings(level);
	return value;
}

char *
space_output(const ValueSpace *space, Datum value)
{
	int	  level = pin_settings(space->kind);
	Oid	  output;
	bool  is_varlena;
	char *text;

	getTypeOutputInfo(space->base, &output, &is_varlena);
	text = OidOutputFunctionCall(output, value);
	unpin_settings(level);
	return text;
}

/* Returns how many bytes of a text a space holds. */
static int
text_fit(const ValueSpace *space, const char *text)
{
	int length = strlen(text);

	if (space->max_length >= 0)
		length = pg_mbcharcliplen(text, length, space->max_length);
	if (space->base == NAMEOID)
		length = pg_mbcliplen(text, length, NAMEDATALEN - 1);
	if (space->trimmed)
	{
		while (length > 0 && text[length - 1] == ' ')
			length--;
	}
	return length;
}

Datum
space_text(const ValueSpace *space, const char *text)
{
	int	  length = text_fit(space, text);
	char *padded;
	int	  missing;

	switch (space->base)
	{
		case NAMEOID:
			return DirectFunctionCall1(namein, CStringGetDatum(pnstrdup(text, length)));
		case CHAROID:
			return CharGetDatum(length == 1 ? text[0] : length == 0 ? '\0' : '?');
		case BPCHAROID:
			missing = space->base_typmod >= (int32) VARHDRSZ
						  ? space->base_typmod - VARHDRSZ - pg_mbstrlen_with_len(text, length)
						  : 0;
			padded = psprintf("%.*s%*s", length, text, missing, "");
			return PointerGetDatum(cstring_to_text(padded));
		default:
			return PointerGetDatum(cstring_to_text_with_len(text, length));
	}
}

int
space_compare(const ValueSpace *space, Datum a, Datum b)
{
	TypeCacheEntry *entry;
	Oid				collation = OidIsValid(space->collation) ? C_COLLATION_OID : InvalidOid;

	if (space->base == INT4OID)
		return DatumGetInt32(a) < DatumGetInt32(b) ? -1 : DatumGetInt32(a) > DatumGetInt32(b);
	if (space->base == INT8OID)
		return DatumGetInt64(a) < DatumGetInt64(b) ? -1 : DatumGetInt64(a) > DatumGetInt64(b);
	entry = lookup_type_cache(space->base, TYPECACHE_CMP_PROC_FINFO);
	if (OidIsValid(entry->cmp_proc))
		return DatumGetInt32(FunctionCall2Coll(&entry->cmp_proc_finfo, collation, a, b));
	return strcmp(space_output(space, a), space_output(space, b));
}

/* Returns how many whole numbers or days lie between bounds, where both are known. */
static uint64
discrete_size(const ValueSpace *space)
{
	int64  min;
	int64  max;
	uint64 size;

	if (space->kind == VALUE_DATE && !(space->has_min && space->has_max))
		return PG_UINT64_MAX;
	narrow_discrete_range(space, &min, &max);
	if (min > max)
		return 0;
	if (space->multiple_of > 0)
	{
		/* Multiples of k in [min, max]: floor(max / k) - floor((min - 1) / k), in 128 bits. */
		int128 k = space->multiple_of;
		int128 below = (int128) min - 1;
		int128 high = max >= 0 ? max / k : -((-(int128) max + k - 1) / k);
		int128 low = below >= 0 ? below / k : -((-below + k - 1) / k);

		return (uint64) (high - low);
	}
	if (min < 0 && max >= 0 && (uint64) max + (uint64) - (min + 1) + 1 >= PG_UINT64_MAX)
		return PG_UINT64_MAX;
	size = (uint64) max - (uint64) min + 1;
	for (int i = 0; i < space->nexcluded; i++)
	{
		if ((!space->has_min || space_compare(space, space->excluded[i], space->min) >= 0) &&
			(!space->has_max || space_compare(space, space->excluded[i], space->max) <= 0))
			size--;
	}
	return size;
}

uint64
space_size(const ValueSpace *space)
{
	if (space->allowed != NULL)
		return space->nallowed;
	switch (space->kind)
	{
		case VALUE_BOOLEAN:
			return 2;
		case VALUE_INTEGER:
		case VALUE_DATE:
			return discrete_size(space);
		default:
			return space->max_length == 0 ? 1 : PG_UINT64_MAX;
	}
}

bool
space_is_empty(const ValueSpace *space, const char **reason)
{
	if (space->allowed != NULL && space->nallowed == 0)
		*reason = "its checks leave it no value";
	else if (space->has_min && space->has_max && space_compare(space, space->min, space->max) > 0)
		*reason = psprintf("its checks ask for a value of at least %s and at most %s",
						   space_output(space, space->min), space_output(space, space->max));
	else if (space->min_length >= 0 && space->max_length >= 0 &&
			 space->min_length > space->max_length)
		*reason = psprintf("its checks ask for a length of at least %d and at most %d",
						   space->min_length, space->max_length);
	else if (space_size(space) == 0)
		*reason = "its checks leave it no value";
	else
		return false;
	return true;
}
