/*-------------------------------------------------------------------------
 *
 * depends.c
 *		What a result depends on: depends_on and the query's tables, as tags.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "catalog/objectaddress.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/varlena.h"

#include "cache/depends.h"
#include "cache/track.h"
#include "core/changes.h"
#include "core/compat.h"

/* What an element of depends_on names, and how. */
typedef struct TagName
{
	const char *text;
	Oid			table;
	char		kind;	/* ':' a key, '#' a tally, or 0 */
	const char *detail; /* what follows that */
} TagName;

/* A tag is at most so many slots. */
#define SLOTS_PER_TAG 2

/* Adds a tag. */
static void
add_tag(Depends *depends, uint32 slot, bool any_version)
{
	depends->tags[depends->ntags++] = (TagVersion){.slot = slot, .any_version = any_version};
}

/*
 * Raises 42501 unless the caller may read something of a table, or the query reads it, if only through a
 * view: whether a result is old tells whether rows were changed.
 */
static void
check_may_name(Oid relid, const CacheQuery *query)
{
	AclResult result;

	if (query != NULL && list_member_oid(query->tables, relid))
		return;
	result = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (result != ACLCHECK_OK)
		result = pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
}

/* Finds the table and the rest of a tag. */
static TagName
parse_tag(const char *text)
{
	TagName		name = {.text = text};
	bool		quoted = false;
	const char *end = text;

	while (*end != '\0' && (quoted || (*end != ':' && *end != '#')))
	{
		if (*end == '"')
			quoted = !quoted;
		end++;
	}
	if (*end != '\0')
	{
		name.kind = *end;
		name.detail = end + 1;
	}
	name.table = RangeVarGetRelid(
		makeRangeVarFromNameList(compat_name_list(pnstrdup(text, end - text))), NoLock, false);
	return name;
}

/* Adds the rows of a key. */
static void
add_rows(Depends *depends, const TagName *name, const TrackedTable *tracked)
{
	const char *key;

	if (tracked->key == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tag \"%s\" names a key, and the table is not tracked by one", name->text),
				 errhint("Name its column: SELECT pollseed_cache_track('%s', key => '...').",
						 get_rel_name(name->table))));
	key = tracked_key_text(tracked, name->detail);
	add_tag(depends, tags_rows_slot(name->table, key, strlen(key)), false);
	add_tag(depends, tags_slot(TAG_ALL_ROWS, name->table, 0), false);
}

bool
tally_may_be_read(const TallyState *state)
{
	AttrNumber columns[] = {state->key, state->column == 0 ? state->key : state->column};

	if (pg_class_aclcheck(state->table, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
	{
		for (size_t i = 0; i < lengthof(columns); i++)
		{
			AclResult result =
				pg_attribute_aclcheck(state->table, columns[i], GetUserId(), ACL_SELECT);

			if (result != ACLCHECK_OK)
				aclcheck_error(result, OBJECT_TABLE, get_rel_name(state->table));
		}
	}
	return check_enable_rls(state->table, InvalidOid, true) != RLS_ENABLED;
}

/* Adds a table but for its tally. */
static void
add_tally(Depends *depends, const TagName *name, const TrackedTable *tracked)
{
	bool		is_that = false;
	TallyState *state;

	if (tracked->tally == 0)
		is_that = strcmp(name->detail, "*") == 0;
	else if (tracked->tally > 0)
		is_that = get_attnum(name->table, name->detail) == tracked->tally;
	if (!is_that)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("tag \"%s\" names a tally that the table does not have", name->text),
						errhint("Name it: SELECT pollseed_cache_track('%s', key => '...', tally => "
								"'%s').",
								get_rel_name(name->table), name->detail)));
	if (depends->ntallies == TALLIES_PER_ENTRY)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a result can depend on %d tallies at most", TALLIES_PER_ENTRY)));
	state = palloc_object(TallyState);
	state->table = name->table;
	state->key = tracked->key;
	state->column = (AttrNumber) tracked->tally;
	if (!tally_may_be_read(state))
	{
		depends->refusal = psprintf("row security applies to the tally \"%s\"", name->text);
		return;
	}
	tally_open(state);
	depends->tally_names[depends->ntallies] = name->text;
	depends->tallies[depends->ntallies++] = state;
	add_tag(depends, tags_slot(TAG_SHAPE, name->table, 0), false);
	add_tag(depends, tags_slot(TAG_TABLE, name->table, 0), true);
}

/* Returns why changes of a table are not seen, and what to do about it. */
static const char *
explain(const TagName *name, const TrackedTable *tracked)
{
	if (get_rel_relkind(name->table) == RELKIND_VIEW)
		return psprintf("\"%s\" is a view: name the tables under it", name->text);
	if (tracked->hint == NULL)
		return pstrdup(tracked->problem);
	if (name->kind == ':')
		return psprintf("%s: see pollseed_cache_track(), and its argument key", tracked->problem);
	if (name->kind == '#')
		return psprintf("%s: see pollseed_cache_track(), and its arguments key and tally",
						tracked->problem);
	return psprintf("%s: %s", tracked->problem, tracked->hint);
}

/* Adds what a tag names, or says why that is not tracked. */
static void
add_named(Depends *depends, const TagName *name)
{
	const TrackedTable *tracked = tracked_table(name->table);

	if (tracked->problem != NULL)
		depends->refusal = explain(name, tracked);
	else if (name->kind == ':')
		add_rows(depends, name, tracked);
	else if (name->kind == '#')
		add_tally(depends, name, tracked);
	else
		add_tag(depends, tags_slot(TAG_TABLE, name->table, 0), false);
}

/* Makes room for so many tags, and adds the base ones. */
static Depends *
begin(int64 uid, uint32 key_tag, int count)
{
	Depends *depends = palloc0_object(Depends);

	depends->tags = palloc_array(TagVersion, BASE_TAGS + SLOTS_PER_TAG * count);
	depends->tallies = palloc_array(TallyState *, count + 1);
	depends->tally_names = palloc_array(const char *, count + 1);
	add_tag(depends, tags_slot(TAG_DATABASE, 0, 0), false);
	add_tag(depends, tags_slot(TAG_CACHE, (uint64) uid, 0), false);
	add_tag(depends, key_tag, false);
	return depends;
}

/* Resolves tags that are named. */
static Depends *
resolve_named(int64 uid, uint32 key_tag, const ArrayType *depends_on, const CacheQuery *query)
{
	Datum		  *elements;
	bool		  *nulls;
	int			   count;
	Depends		  *depends;
	StringInfoData names;

	deconstruct_array((ArrayType *) depends_on, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
					  &count);
	depends = begin(uid, key_tag, count);
	initStringInfo(&names);
	for (int i = 0; i < count; i++)
	{
		TagName name;

		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("depends_on must not contain nulls")));
		name = parse_tag(TextDatumGetCString(elements[i]));
		check_may_name(name.table, query);
		appendStringInfo(&names, "%s\n", name.text);
		add_named(depends, &name);
	}
	depends->names = names.data;
	return depends;
}

/* Resolves the tables that a query reads. */
static Depends *
resolve_tables(int64 uid, uint32 key_tag, const CacheQuery *query)
{
	Depends		  *depends = begin(uid, key_tag, list_length(query->tables));
	StringInfoData names;
	ListCell	  *cell;

	initStringInfo(&names);
	foreach(cell, query->tables)
	{
		TagName name = {.table = lfirst_oid(cell)};

		name.text = quote_qualified_identifier(get_namespace_name(get_rel_namespace(name.table)),
											   get_rel_name(name.table));
		appendStringInfo(&names, "%s\n", name.text);
		add_named(depends, &name);
	}
	if (query->unknown != NULL)
		depends->refusal = psprintf("%s: name them in depends_on", query->unknown);
	depends->names = names.data;
	return depends;
}

/* Sets what is watched while a query runs. */
static void
set_watched(Depends *depends, const CacheQuery *query)
{
	ListCell *cell;

	depends->watched = palloc_array(TagVersion, list_length(query->tables) + 1);
	depends->watched[depends->nwatched++] = (TagVersion){.slot = tags_slot(TAG_DATABASE, 0, 0)};
	foreach(cell, query->tables)
		depends->watched[depends->nwatched++] =
			(TagVersion){.slot = tags_slot(TAG_REWRITTEN, lfirst_oid(cell), 0)};
}

Depends *
depends_resolve(int64 uid, uint32 key_tag, const ArrayType *depends_on, const CacheQuery *query)
{
	Depends *depends;

	if (depends_on != NULL)
		depends = resolve_named(uid, key_tag, depends_on, query);
	else if (query != NULL)
		depends = resolve_tables(uid, key_tag, query);
	else
	{
		depends = begin(uid, key_tag, 0);
		depends->names = "";
	}
	if (query != NULL)
		set_watched(depends, query);
	if (query != NULL && query->refusal != NULL)
		depends->refusal = query->refusal;
	return depends;
}

bool
depends_same(const Depends *a, const Depends *b)
{
	if (a->ntags != b->ntags || a->ntallies != b->ntallies || b->refusal != NULL)
		return false;
	for (int i = 0; i < a->ntags; i++)
	{
		if (a->tags[i].slot != b->tags[i].slot)
			return false;
	}
	return true;
}
