/*-------------------------------------------------------------------------
 *
 * names.c
 *		Lists of names, most of them of columns, as List of char *.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "core/names.h"

bool
names_same(const List *a, const List *b)
{
	ListCell *one;
	ListCell *other;

	if (list_length(a) != list_length(b))
		return false;
	forboth(one, a, other, b)
	{
		if (strcmp(lfirst(one), lfirst(other)) != 0)
			return false;
	}
	return true;
}

List *
names_union(List *names, const List *more)
{
	ListCell *cell;
	ListCell *other;

	foreach(cell, more)
	{
		bool known = false;

		foreach(other, names)
			known |= strcmp(lfirst(other), lfirst(cell)) == 0;
		if (!known)
			names = lappend(names, lfirst(cell));
	}
	return names;
}

const char *
names_quoted(const List *names)
{
	StringInfoData text;
	ListCell	  *cell;

	initStringInfo(&text);
	foreach(cell, names)
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", quote_identifier(lfirst(cell)));
	return text.data;
}

Datum
names_array(const List *names)
{
	Datum	 *elements = palloc_array(Datum, Max(list_length(names), 1));
	int		  count = 0;
	ListCell *cell;

	foreach(cell, names)
		elements[count++] = DirectFunctionCall1(namein, CStringGetDatum(lfirst(cell)));
	return PointerGetDatum(
		construct_array(elements, count, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}

List *
names_of_array(Datum array)
{
	List  *names = NIL;
	Datum *elements;
	int	   count;

	deconstruct_array(DatumGetArrayTypeP(array), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR,
					  &elements, NULL, &count);
	for (int i = 0; i < count; i++)
		names = lappend(names, pstrdup(NameStr(*DatumGetName(elements[i]))));
	return names;
}
