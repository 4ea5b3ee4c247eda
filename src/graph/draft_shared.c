/*-------------------------------------------------------------------------
 *
 * draft_shared.c
 *		Columns that references share, such as a tenant's.
 *
 * Two references of a table that have a column in common lead to rows that are the same there.  Where it leads up to a
 * key by the one, and by the other to a column that refers to nothing, that must mean the key, too, though no foreign
 * key says so.  Where both refer to nothing, only chance would make them the same: they are all of one value then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/compat.h"
#include "graph/draft.h"

/* References followed up from a table; longer chains are not looked for. */
#define MAX_LINKS 16

/* A column of a table. */
typedef struct DraftPlace
{
	Draft	  *draft; /* NULL: none that is planned */
	AttrNumber attnum;
} DraftPlace;

/* Returns the column of the table referred to that a column of a reference is to. */
static AttrNumber
key_of(const DraftRef *ref, AttrNumber column)
{
	ListCell *mine;
	ListCell *key;

	forboth(mine, ref->columns, key, ref->key)
	{
		if (lfirst_int(mine) == column)
			return lfirst_int(key);
	}
	return InvalidAttrNumber;
}

/* Returns the column that a column of a reference is of in the end, reference by reference. */
static DraftPlace
follow(const DraftRef *ref, AttrNumber column)
{
	DraftPlace place = {ref->parent, key_of(ref, column)};

	for (int link = 0; link < MAX_LINKS && place.draft != NULL; link++)
	{
		const DraftRef *up = draft_ref_of(place.draft, place.attnum);

		if (place.attnum == InvalidAttrNumber)
			return (DraftPlace){0};
		if (up == NULL)
			return place;
		place = (DraftPlace){up->parent, key_of(up, place.attnum)};
	}
	return (DraftPlace){0};
}

/* Tells whether a column alone is a unique key. */
static bool
is_unique(const DraftPlace *place)
{
	return table_has_key(place->draft->table, list_make1_int(place->attnum));
}

/* Has a column refer to a key. */
static void
refer(const DraftPlace *place, const DraftPlace *key)
{
	(void) draft_add_ref(place->draft, key->draft, key->draft->table->relid,
						 list_make1_int(place->attnum), list_make1_int(key->attnum),
						 "what refers to its rows shares it with a reference to there");
}

/* Has two columns that must be the same where they are referred to together be so; returns whether a reference came of it. */
static bool
share(const DraftPlace *one, const DraftPlace *other)
{
	if (one->draft == NULL || other->draft == NULL || one->draft == other->draft ||
		table_column_number(one->draft->table, one->attnum)->space->base !=
			table_column_number(other->draft->table, other->attnum)->space->base)
		return false;
	if (is_unique(one) && !is_unique(other))
		refer(other, one);
	else if (is_unique(other) && !is_unique(one))
		refer(one, other);
	else if (!is_unique(one) && !is_unique(other))
	{
		one->draft->shared = list_append_unique_int(one->draft->shared, one->attnum);
		other->draft->shared = list_append_unique_int(other->draft->shared, other->attnum);
		return false;
	}
	return !(is_unique(one) && is_unique(other));
}

/* Does so for the columns that two references share. */
static bool
share_columns(const DraftRef *one, const DraftRef *other)
{
	ListCell *cell;
	bool	  added = false;

	foreach(cell, list_intersection_int(one->columns, other->columns))
	{
		DraftPlace top = follow(one, lfirst_int(cell));
		DraftPlace other_top = follow(other, lfirst_int(cell));

		added |= share(&top, &other_top);
	}
	return added;
}

/* Does so for all references of a table. */
static bool
share_in_table(const Draft *draft)
{
	ListCell *first;
	ListCell *second;
	bool	  added = false;

	foreach(first, draft->refs)
	{
		for_each_from(second, draft->refs, foreach_current_index(first) + 1)
			added |= share_columns(lfirst(first), lfirst(second));
	}
	return added;
}

void
draft_share_columns(const List *drafts)
{
	bool added = true;

	/* A reference that came of it may lead from others on. */
	for (int pass = 0; added && pass < MAX_LINKS; pass++)
	{
		ListCell *cell;

		added = false;
		foreach(cell, drafts)
			added |= share_in_table(lfirst(cell));
	}
}
