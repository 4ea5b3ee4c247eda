/*-------------------------------------------------------------------------
 *
 * draft_refs.c
 *		Finds what tables refer to: by foreign keys, and where there is none by
 *		names.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/compat.h"
#include "core/sql.h"
#include "graph/defaults.h"
#include "graph/draft.h"
#include "graph/inflect.h"
#include "graph/nulls.h"
#include "graph/resolve.h"

#define ID_ENDING "_id"
#define TYPE_ENDING "_type"
#define BY_ENDING "_by"

#define PLAIN_NULLS 0.1
#define MAX_TARGETS 4

/* At least so many tables, and one in so many, begin with an application's prefix. */
#define COMMON_TABLES 3
#define COMMON_PART 4

/* Tables that rows belong to: a row without one is rare even where it may be. */
#define OWNERS                                                                                      \
	"user account organization organisation tenant customer company team workspace project client " \
	"member person employee"

/* What a user is to a row. */
#define USER_ROLES                                                                                     \
	"author owner creator updater editor approver reviewer assignee sender recipient inviter invitee " \
	"follower followee requester reporter moderator admin manager uploader submitter creator_user "    \
	"performer actor blocker voter buyer seller created_by updated_by deleted_by last_modified_by"

/* Tables that users are in where there is none of that name. */
#define USER_TABLES "user account_user app_user auth_user person account member profile"

/* Keys of other systems. */
#define FOREIGN_IDS                                                                              \
	"external_* *_external_id stripe_* google_* facebook_* github_* paypal_* trace_* request_* " \
	"session_id correlation_* client_id aws_*"

/* Returns the draft of a table, or NULL. */
static Draft *
find_draft(const List *drafts, Oid relid)
{
	ListCell *cell;

	foreach(cell, drafts)
	{
		Draft *draft = lfirst(cell);

		if (draft->table->relid == relid)
			return draft;
	}
	return NULL;
}

DraftRef *
draft_ref_of(const Draft *draft, AttrNumber column)
{
	ListCell *cell;

	foreach(cell, draft->refs)
	{
		DraftRef *ref = lfirst(cell);

		if (list_member_int(ref->columns, column))
			return ref;
	}
	return NULL;
}

/* Tells whether a user says where a column's values come from. */
static bool
is_given(const Draft *draft, const TableColumn *column)
{
	return draft->said->columns != NULL && json_member(draft->said->columns, column->name) != NULL;
}

/* Tells whether columns of a table can be those of a new reference. */
static bool
can_refer(const Draft *draft, const List *columns)
{
	ListCell *cell;

	foreach(cell, columns)
	{
		const TableColumn *column = table_column_number(draft->table, lfirst_int(cell));

		if (column->generated || is_given(draft, column))
			return false;
	}
	return true;
}

/* Tells whether a table has a unique key of which all columns are among those. */
static bool
is_unique(const GraphTable *table, const List *columns)
{
	ListCell *cell;

	foreach(cell, table->keys)
	{
		const TableKey *key = lfirst(cell);

		if (list_difference_int(key->columns, columns) == NIL)
			return true;
	}
	return false;
}

/*
 * Returns how rows are spread over their parents: one that they belong to has many or few, and its
 * rows are neighbours, which can be so for one reference only.
 */
static FanOut
choose_fan_out(const Draft *draft, const DraftRef *ref, bool nullable)
{
	ListCell *cell;

	if (is_unique(draft->table, ref->columns))
		return FAN_ONE;
	if (ref->relid == draft->table->relid)
		return FAN_EVEN;
	if (nullable || ref->parent == NULL || ref->parent->listed)
		return FAN_RANDOM;
	foreach(cell, draft->refs)
	{
		if (((DraftRef *) lfirst(cell))->fan_out == FAN_SKEWED)
			return FAN_RANDOM;
	}
	return FAN_SKEWED;
}

DraftRef *
draft_add_ref(Draft *draft, Draft *parent, Oid relid, List *columns, List *key, const char *why)
{
	DraftRef *ref = palloc0_object(DraftRef);
	bool	  owner;

	ref->columns = columns;
	ref->relid = relid;
	ref->parent = parent;
	ref->key = key;
	ref->why = why;
	owner =
		parent != NULL && parent != draft &&
		name_matches_any(OWNERS, last_word(parent->singular)) &&
		name_matches(psprintf("%s" ID_ENDING, last_word(parent->singular)),
					 snake_case(table_column_number(draft->table, linitial_int(columns))->name));
	ref->nulls = plausible_nulls(draft->table, columns, owner ? 0 : PLAIN_NULLS);
	ref->fan_out =
		choose_fan_out(draft, ref, plausible_nulls(draft->table, columns, PLAIN_NULLS) > 0);
	draft->refs = lappend(draft->refs, ref);
	if (parent != NULL && parent != draft)
		parent->referrers++;
	return ref;
}

/* Tells whether a table has a reference already, of the same columns to the same, or of a user's. */
static bool
has_ref(const Draft *draft, const List *columns, Oid relid, const List *key)
{
	ListCell *cell;

	foreach(cell, draft->refs)
	{
		const DraftRef *ref = lfirst(cell);

		if (equal(ref->columns, columns) &&
			(ref->given != NULL || (ref->relid == relid && equal(ref->key, key))))
			return true;
	}
	return false;
}

/* Adds the references that a user gives. */
static void
add_given(Draft *draft)
{
	ListCell *cell;
	ListCell *name;

	foreach(cell, draft->said->refs)
	{
		DraftRef *ref = palloc0_object(DraftRef);

		ref->given = json_document(lfirst(cell));
		foreach(name, json_texts(lfirst(cell), "columns"))
			ref->columns =
				lappend_int(ref->columns, table_column(draft->table, lfirst(name))->attnum);
		draft->refs = lappend(draft->refs, ref);
	}
}

/*
 * Tells whether a column's checks list keys of rows that are there: then it has one of these, as the rows that a
 * plan adds have other keys.
 */
static bool
lists_keys(const Draft *draft, const TableReference *reference)
{
	const TableColumn *column = table_column_number(draft->table, linitial_int(reference->columns));
	const ValueSpace  *space = column->space;
	MemoryContext	   old_context = CurrentMemoryContext;
	StringInfoData	   sql;
	int64			   found;

	if (list_length(reference->columns) != 1 || space->nallowed == 0 || space->kind == VALUE_ENUM ||
		space->kind == VALUE_BOOLEAN)
		return false;
	initStringInfo(&sql);
	appendStringInfo(
		&sql,
		"SELECT FROM %s AS t WHERE CAST(t.%s AS pg_catalog.text) OPERATOR(pg_catalog.=) ANY (ARRAY[",
		resolve_quoted_name(reference->relid),
		quote_identifier(get_attname(reference->relid, linitial_int(reference->key), false)));
	for (int i = 0; i < space->nallowed; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 quote_literal_cstr(space_output(space, space->allowed[i])));
	appendStringInfoString(&sql, "]::pg_catalog.text[])");
	found = sql_execute(sql.data, 0, NULL, NULL, NULL);
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(old_context);
	return found == space->nallowed;
}

/*
 * Tells whether a foreign key to the table itself shares a column with its own key, which no other one sets:
 * nothing says then which rows have the same there.
 */
static bool
lacks_source(const Draft *draft, const TableReference *reference)
{
	ListCell *column;
	ListCell *key;
	ListCell *cell;

	if (reference->relid != draft->table->relid)
		return false;
	forboth(column, reference->columns, key, reference->key)
	{
		bool found = lfirst_int(column) != lfirst_int(key);

		foreach(cell, draft->table->references)
		{
			const TableReference *other = lfirst(cell);

			found |= other->relid != reference->relid &&
					 list_member_int(other->columns, lfirst_int(column));
		}
		if (!found)
			return true;
	}
	return false;
}

/* Leaves the columns of a foreign key NULL where all that can be are; returns false where none can. */
static bool
leave_unset(Draft *draft, const TableReference *reference)
{
	List	 *unset = NIL;
	ListCell *cell;

	foreach(cell, reference->columns)
	{
		const TableColumn *column = table_column_number(draft->table, lfirst_int(cell));

		if (!column->not_null && !column->space->not_null && !column->has_default)
			unset = lappend_int(unset, column->attnum);
	}
	draft->unset = list_union_int(draft->unset, unset);
	return unset != NIL;
}

/* Adds the references that foreign keys are. */
static void
add_foreign_keys(List *drafts, Draft *draft)
{
	ListCell *cell;

	foreach(cell, draft->table->references)
	{
		const TableReference *reference = lfirst(cell);

		if (!can_refer(draft, reference->columns) || lists_keys(draft, reference) ||
			has_ref(draft, reference->columns, reference->relid, reference->key))
			continue;
		if (!lacks_source(draft, reference) || !leave_unset(draft, reference))
			(void) draft_add_ref(draft, find_draft(drafts, reference->relid), reference->relid,
								 reference->columns, reference->key,
								 psprintf("foreign key %s", reference->name));
	}
}

/* Returns the only column of a table's primary key, or NULL. */
static const TableColumn *
single_key(const Draft *draft)
{
	const TableKey *key = draft->table->keys != NIL ? linitial(draft->table->keys) : NULL;

	if (key == NULL || !key->primary || list_length(key->columns) != 1)
		return NULL;
	return table_column_number(draft->table, linitial_int(key->columns));
}

/* Tells whether a column could hold the keys of a table. */
static bool
could_hold(const TableColumn *column, const Draft *parent)
{
	const TableColumn *key = single_key(parent);

	if (key != NULL && key->space->kind == VALUE_INTEGER && column->space->kind == VALUE_INTEGER)
		return true;
	return key != NULL && key->space->base == column->space->base &&
		   (key->space->max_length < 0 || column->space->max_length < 0 ||
			key->space->max_length <= column->space->max_length);
}

/* Tells whether a table's key is of its own, so that names of other tables' columns can mean it. */
static bool
has_own_key(const Draft *draft)
{
	const TableColumn *key = single_key(draft);
	const char		  *name = key != NULL ? snake_case(key->name) : "";

	return name_matches_any("id uuid guid uid pk", name) ||
		   strcmp(name, psprintf("%s" ID_ENDING, draft->singular)) == 0;
}

/* Tells whether a table's name begins as those of many do: with a word that says which application it is of. */
static bool
has_common_prefix(const List *drafts, const Draft *draft)
{
	size_t	  length = strcspn(draft->singular, "_") + 1;
	int		  same = 0;
	ListCell *cell;

	foreach(cell, drafts)
		same += strncmp(((Draft *) lfirst(cell))->singular, draft->singular, length) == 0;
	return same >= COMMON_TABLES && same * COMMON_PART >= list_length(drafts);
}

/* Returns the table of a name in the singular that a column could refer to, or the only one whose name ends so. */
static Draft *
find_table(const List *drafts, const TableColumn *column, const char *singular)
{
	Draft	   *found = NULL;
	const char *ending = psprintf("*_%s", singular);
	ListCell   *cell;
	bool		several = false;

	foreach(cell, drafts)
	{
		Draft *draft = lfirst(cell);

		if (draft->of_tool || !has_own_key(draft) || !could_hold(column, draft))
			continue;
		if (strcmp(draft->singular, singular) == 0)
			return draft;
		if (name_matches(ending, draft->singular) && has_common_prefix(drafts, draft))
		{
			several |= found != NULL;
			found = draft;
		}
	}
	return several ? NULL : found;
}

/* Returns the table of users that a column could refer to, or NULL. */
static Draft *
find_users(const List *drafts, const TableColumn *column)
{
	const char *names = USER_TABLES;

	while (*names != '\0')
	{
		size_t		length = strcspn(names, " ");
		const char *name = pnstrdup(names, length);
		ListCell   *cell;

		foreach(cell, drafts)
		{
			Draft *draft = lfirst(cell);

			if (strcmp(draft->singular, name) == 0 && could_hold(column, draft))
				return draft;
		}
		names += length + strspn(names + length, " ");
	}
	return NULL;
}

/* Returns what a name says before its ending, or NULL where it does not end so. */
static const char *
before_ending(const char *name, const char *ending)
{
	size_t length = strlen(name);
	size_t size = strlen(ending);

	if (length <= size || strcmp(name + length - size, ending) != 0)
		return NULL;
	return pnstrdup(name, length - size);
}

/* Tells whether a table has a column that says which table a key is of. */
static bool
has_type(const Draft *draft, const char *what)
{
	const char *name = psprintf("%s" TYPE_ENDING, what);
	ListCell   *cell;

	foreach(cell, draft->table->columns)
	{
		const TableColumn *column = lfirst(cell);

		if (strcmp(snake_case(column->name), name) == 0 &&
			(column->space->kind == VALUE_TEXT || column->space->kind == VALUE_ENUM))
			return true;
	}
	return false;
}

/* Returns the table that a name such as "orderid" is made of, or NULL. */
static Draft *
table_run_together(const List *drafts, const TableColumn *column, const char *name)
{
	const char *what = before_ending(name, "id");
	Draft	   *found = what == NULL ? NULL : find_table(drafts, column, what);

	return found != NULL && strcmp(found->singular, what) == 0 ? found : NULL;
}

/* Returns the table that a column refers to by its name, or NULL. */
static Draft *
table_by_name(const List *drafts, Draft *draft, const TableColumn *column)
{
	const char *name = snake_case(column->name);
	const char *what = before_ending(name, ID_ENDING);
	bool		text = column->space->kind == VALUE_TEXT;
	Draft	   *found;

	if (name_matches_any(FOREIGN_IDS, name) && text)
		return NULL;
	if (what == NULL && name_matches("*" BY_ENDING, name) && !text)
		return find_users(drafts, column);
	if (what == NULL)
		return table_run_together(drafts, column, name);
	if (strcmp(what, "parent") == 0)
		return could_hold(column, draft) ? draft : NULL;
	found = find_table(drafts, column, singular_name(what));
	if (found != NULL || has_type(draft, what))
		return found;
	if (name_matches_any(USER_ROLES, what))
		found = find_users(drafts, column);

	/* billing_address_id refers to addresses where nothing is called billing_address. */
	while (found == NULL && !text && strchr(what, '_') != NULL)
	{
		what = strchr(what, '_') + 1;
		if (*what != '\0')
			found = find_table(drafts, column, singular_name(what));
		if (found == NULL && name_matches_any(USER_ROLES, what))
			found = find_users(drafts, column);
	}
	return found;
}

/* Tells whether a column's values could be keys that no foreign key speaks of. */
static bool
may_be_key(const Draft *draft, const TableColumn *column)
{
	switch (column->space->kind)
	{
		case VALUE_INTEGER:
		case VALUE_UUID:
		case VALUE_TEXT:
			return !column->generated && !OidIsValid(column->sequence) &&
				   !default_of_session(draft->table, column) && column->space->nallowed == 0 &&
				   !is_given(draft, column) && draft_ref_of(draft, column->attnum) == NULL &&
				   !list_member_int(draft->unset, column->attnum);
		default:
			return false;
	}
}

/* Adds the references that columns are by their names. */
static void
add_by_names(const List *drafts, Draft *draft)
{
	ListCell *cell;

	foreach(cell, draft->table->columns)
	{
		const TableColumn *column = lfirst(cell);
		Draft			  *parent;

		if (!may_be_key(draft, column))
			continue;
		parent = table_by_name(drafts, draft, column);
		if (parent == draft && column->not_null &&
			is_unique(draft->table, list_make1_int(column->attnum)))
			continue;
		if (parent != NULL && single_key(parent) != column)
			(void) draft_add_ref(
				draft, parent, parent->table->relid, list_make1_int(column->attnum),
				list_make1_int(single_key(parent)->attnum), "its name; no foreign key says so");
	}
}

/* Orders tables for polymorphic pairs: those that others refer to most first. */
static int
compare_referrers(const ListCell *a, const ListCell *b)
{
	const Draft *one = lfirst(a);
	const Draft *other = lfirst(b);

	if (one->referrers != other->referrers)
		return one->referrers > other->referrers ? -1 : 1;
	return strcmp(one->name, other->name);
}

/* Returns what an allowed value of a type's column calls a table, or NULL: none of them does. */
static const char *
allowed_type(const ValueSpace *space, const Draft *draft)
{
	for (int i = 0; i < space->nallowed; i++)
	{
		const char *text = space_output(space, space->allowed[i]);
		const char *name = snake_case(text);

		if (strcmp(name, draft->singular) == 0 || strcmp(name, draft->name) == 0)
			return text;
	}
	return NULL;
}

/* Returns what stands for a table in a type's column, or NULL where that cannot hold it. */
static const char *
type_of(TableColumn *column, const Draft *draft)
{
	ValueSpace *space = column->space;
	const char *type;

	if (space->nallowed > 0)
		return allowed_type(space, draft);
	type = class_name(draft->name);
	if (space->max_length >= 0 && (int) strlen(type) > space->max_length)
		return NULL;
	return space_has(space, space_text(space, type)) ? type : NULL;
}

/* Adds a polymorphic pair, if there are tables that it could refer to. */
static void
add_pair(List *by_referrers, Draft *draft, TableColumn *type, const TableColumn *id)
{
	DraftRef *ref = palloc0_object(DraftRef);
	ListCell *cell;

	foreach(cell, by_referrers)
	{
		Draft	   *target = lfirst(cell);
		const char *name;

		if (target == draft || target->listed || target->of_tool || !has_own_key(target) ||
			!could_hold(id, target) || list_length(ref->targets) >= MAX_TARGETS)
			continue;
		name = type_of(type, target);
		if (name == NULL)
			continue;
		ref->targets = lappend(ref->targets, target);
		ref->types = lappend(ref->types, unconstify(char *, name));
	}
	if (ref->targets == NIL)
		return;
	ref->columns = list_make2_int(type->attnum, id->attnum);
	ref->nulls = plausible_nulls(draft->table, ref->columns, PLAIN_NULLS);
	ref->fan_out = FAN_RANDOM;
	ref->why = type->space->nallowed > 0
				   ? "its names: a table's and a key of it"
				   : "its names: a table's class and a key of it; the tables are a guess";
	draft->refs = lappend(draft->refs, ref);
}

/* Tells whether a unique key has a column without another: then the column's values differ by themselves. */
static bool
is_unique_without(const Draft *draft, AttrNumber column, AttrNumber other)
{
	ListCell *cell;

	foreach(cell, draft->table->keys)
	{
		const TableKey *key = lfirst(cell);

		if (list_member_int(key->columns, column) && !list_member_int(key->columns, other))
			return true;
	}
	return false;
}

/* Adds the polymorphic pairs of a table. */
static void
add_pairs(List *by_referrers, Draft *draft)
{
	ListCell *cell;
	ListCell *other;

	foreach(cell, draft->table->columns)
	{
		TableColumn *type = lfirst(cell);
		const char	*what = before_ending(snake_case(type->name), TYPE_ENDING);

		if (what == NULL || type->generated || is_given(draft, type) ||
			draft_ref_of(draft, type->attnum) != NULL ||
			(type->space->kind != VALUE_TEXT && type->space->kind != VALUE_ENUM))
			continue;
		foreach(other, draft->table->columns)
		{
			const TableColumn *id = lfirst(other);

			if (may_be_key(draft, id) && !is_unique_without(draft, id->attnum, type->attnum) &&
				strcmp(snake_case(id->name), psprintf("%s" ID_ENDING, what)) == 0)
				add_pair(by_referrers, draft, type, id);
		}
	}
}

/* Returns the reference of a table that a column is of, by itself or with others, to another; NULL: there is none. */
static DraftRef *
other_ref_of(const Draft *draft, AttrNumber column)
{
	DraftRef *ref = draft_ref_of(draft, column);

	return ref != NULL && ref->relid != draft->table->relid && ref->given == NULL ? ref : NULL;
}

/*
 * Has rows that are referred to differ in what the rows that refer to them must differ in: the unique
 * key of these is a part of the reference.
 */
static void
spread_partial_keys(const List *drafts, const Draft *draft)
{
	ListCell *cell;

	foreach(cell, draft->refs)
	{
		const DraftRef *ref = lfirst(cell);
		const Draft	   *parent = find_draft(drafts, ref->relid);
		ListCell	   *column;
		ListCell	   *key;

		if (ref->fan_out != FAN_ONE || ref->given != NULL || parent == NULL || parent == draft)
			continue;
		forboth(column, ref->columns, key, ref->key)
		{
			DraftRef *up = other_ref_of(parent, (AttrNumber) lfirst_int(key));

			if (up == NULL || list_length(ref->columns) == 1 ||
				!is_unique(draft->table, list_make1_int(lfirst_int(column))))
				continue;
			up->fan_out = FAN_ONE;
			up->nulls = 0;
		}
	}
}

void
draft_find_refs(List *drafts)
{
	List	 *by_referrers;
	ListCell *cell;

	foreach(cell, drafts)
		add_given(lfirst(cell));
	foreach(cell, drafts)
		add_foreign_keys(drafts, lfirst(cell));
	foreach(cell, drafts)
		add_by_names(drafts, lfirst(cell));
	by_referrers = list_copy(drafts);
	list_sort(by_referrers, compare_referrers);
	foreach(cell, drafts)
		add_pairs(by_referrers, lfirst(cell));
	foreach(cell, drafts)
		spread_partial_keys(drafts, lfirst(cell));
}
