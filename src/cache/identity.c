/*-------------------------------------------------------------------------
 *
 * identity.c
 *		Whose an entry is, and of what: what must be the same for it to be an answer.
 *
 * The bytes are compared, so that no two identities are ever taken for one another,
 * whatever their hashes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/gin.h"
#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "tsearch/ts_cache.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/xml.h"

#include "cache/identity.h"
#include "cache/rights.h"
#include "core/compat.h"
#include "core/tags.h"

/* Of utils/pg_locale.h, which cannot be included where the headers of ICU are not installed. */
extern PGDLLIMPORT char *locale_monetary;
extern PGDLLIMPORT char *locale_numeric;
extern PGDLLIMPORT char *locale_time;

/* Settings that shape results and are numbers. */
typedef struct NumberSettings
{
	int date_style;
	int date_order;
	int interval_style;
	int bytea_output;
	int extra_float_digits;
	int row_security;
	int xml_binary;
	int xml_option;
	int standard_strings;
	int null_equals;
	int array_nulls;
	int quote_all;
	int gin_limit;
} NumberSettings;

/* Those that are texts. */
#define TEXT_SETTINGS 7

/* Keys are at most so many bytes long. */
#define MAX_KEY_LENGTH 8192

/* More bytes than these are not kept for the next identity. */
#define LARGE_IDENTITY (64 * 1024)

/* The bytes of an identity begin with this. */
typedef struct IdentityHeader
{
	int64		   uid;
	Oid			   database;
	Oid			   role;
	Oid			   session_role;
	int			   key_length;
	int			   params_length;
	int			   settings_length;
	uint64		   rights;
	NumberSettings numbers;
} IdentityHeader;

/* The text settings of the session, each ended by a zero, as they last were. */
static StringInfoData texts = {0};
static uint64		  texts_hash;

/* Where both buffers are. */
static MemoryContext context = NULL;

/* The bytes that the last call made. */
static StringInfoData bytes = {0};

/* Makes the buffers, which last as long as the session. */
static void
make_buffers(void)
{
	MemoryContext old_context;

	context =
		AllocSetContextCreate(TopMemoryContext, "pollseed cache identity", ALLOCSET_SMALL_SIZES);
	old_context = MemoryContextSwitchTo(context);

	initStringInfo(&texts);
	initStringInfo(&bytes);
	MemoryContextSwitchTo(old_context);
}

/* Gives back what an identity of extraordinary size has left. */
static void
shrink_buffer(void)
{
	MemoryContext old_context = MemoryContextSwitchTo(context);

	pfree(bytes.data);
	initStringInfo(&bytes);
	MemoryContextSwitchTo(old_context);
}

/* Brings the text settings up to date, which rarely change. */
static void
follow_text_settings(void)
{
	const char *now[TEXT_SETTINGS] = {pg_get_timezone_name(session_timezone),
									  namespace_search_path,
									  locale_monetary,
									  locale_numeric,
									  locale_time,
									  TSCurrentConfig,
									  GetConfigOption("timezone_abbreviations", false, false)};
	const char *known = texts.data;
	bool		same = texts.len > 0;

	for (int i = 0; i < TEXT_SETTINGS && same; i++)
	{
		same = strcmp(known, now[i]) == 0;
		known += strlen(known) + 1;
	}
	if (same)
		return;
	resetStringInfo(&texts);
	for (int i = 0; i < TEXT_SETTINGS; i++)
		appendBinaryStringInfo(&texts, now[i], (int) strlen(now[i]) + 1);
	texts_hash = hash_bytes_extended((const unsigned char *) texts.data, texts.len, 0);
}

/* Returns the settings that are numbers. */
static NumberSettings
number_settings(void)
{
	return (NumberSettings){.date_style = DateStyle,
							.date_order = DateOrder,
							.interval_style = IntervalStyle,
							.bytea_output = bytea_output,
							.extra_float_digits = extra_float_digits,
							.row_security = row_security,
							.xml_binary = xmlbinary,
							.xml_option = xmloption,
							.standard_strings = standard_conforming_strings,
							.null_equals = Transform_null_equals,
							.array_nulls = Array_nulls,
							.quote_all = quote_all_identifiers,
							.gin_limit = GinFuzzySearchLimit};
}

uint64
identity_settings(void)
{
	NumberSettings numbers = number_settings();

	if (unlikely(bytes.data == NULL))
		make_buffers();
	follow_text_settings();
	return hash_bytes_extended((const unsigned char *) &numbers, sizeof(numbers), texts_hash);
}

/* Adds a setting.  One that was set until its transaction ended is empty, and not null as one that never was. */
static void
append_setting(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	appendBinaryStringInfo(&bytes, name, (int) strlen(name) + 1);
	appendStringInfoChar(&bytes, value != NULL || GetConfigOptionFlags(name, true) != 0);
	appendStringInfoChar(&bytes, value != NULL);
	if (value != NULL)
		appendBinaryStringInfo(&bytes, value, (int) strlen(value) + 1);
}

/*
 * Tells whether a setting is one that applications and extensions define, such as app.tenant: those
 * with a dot in their name.  Those of a library are none until somebody sets them, as a session may
 * load it at any time; nor are our own, which do not shape results.
 */
static bool
is_custom(const struct config_generic *setting)
{
	return strchr(setting->name, '.') != NULL &&
		   strncmp(setting->name, "pollseed.", strlen("pollseed.")) != 0 &&
		   ((setting->flags & GUC_CUSTOM_PLACEHOLDER) != 0 ||
			setting->source > PGC_S_DYNAMIC_DEFAULT);
}

/* Adds these. */
static void
append_custom_settings(void)
{
	int						count;
	struct config_generic **settings = compat_settings(&count);

	for (int i = 0; i < count; i++)
	{
		if (is_custom(settings[i]))
			append_setting(settings[i]->name);
	}
}

/* Tells whether a setting is among those of these names. */
static bool
is_named(const struct config_generic *setting, const List *names)
{
	ListCell *cell;

	foreach(cell, names)
	{
		if (pg_strcasecmp(setting->name, lfirst(cell)) == 0)
			return true;
	}
	return false;
}

List *
identity_set_settings(bool uses_settings, const List *settings)
{
	int						count;
	struct config_generic **all = compat_settings(&count);
	List				   *names = NIL;

	for (int i = 0; i < count; i++)
	{
		if (all[i]->context == PGC_USERSET && all[i]->source != PGC_S_DEFAULT &&
			((uses_settings && is_custom(all[i])) || is_named(all[i], settings)))
			names = lappend(names, pstrdup(all[i]->name));
	}
	return names;
}

void
request_set_key(CacheRequest *request, const char *key, size_t length)
{
	if (length == 0 || length > MAX_KEY_LENGTH)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("key must have 1 to %d bytes", MAX_KEY_LENGTH),
						errhint("Put what is longer into params.")));
	request->key = key;
	request->key_length = (int) length;
}

void
identity_make(EntryIdentity *identity, const CacheRequest *request)
{
	IdentityHeader header;
	ListCell	  *cell;

	if (unlikely(bytes.data == NULL))
		make_buffers();
	follow_text_settings();
	identity->role = request->cache->shared ? InvalidOid : GetUserId();

	memset(&header, 0, sizeof(header));
	header.uid = request->cache->uid;
	header.database = MyDatabaseId;
	header.role = request->uses_role ? GetUserId() : identity->role;
	header.session_role = request->uses_role ? GetSessionUserId() : InvalidOid;
	header.key_length = request->key_length;
	header.params_length = request->params == NULL ? -1 : (int) VARSIZE(request->params);
	header.settings_length = texts.len;
	header.rights =
		request->uses_role ? rights_of_role(GetUserId()) + rights_of_role(GetSessionUserId()) : 0;
	header.numbers = number_settings();

	if (unlikely(bytes.maxlen > LARGE_IDENTITY))
		shrink_buffer();
	resetStringInfo(&bytes);
	appendBinaryStringInfo(&bytes, (const char *) &header, sizeof(header));
	appendBinaryStringInfo(&bytes, request->key, request->key_length);
	if (request->params != NULL)
		appendBinaryStringInfo(&bytes, (const char *) request->params, header.params_length);
	appendBinaryStringInfo(&bytes, texts.data, texts.len);
	if (request->uses_settings)
		append_custom_settings();
	foreach(cell, request->settings)
		append_setting(lfirst(cell));

	identity->key.identity = bytes.data;
	identity->key.identity_length = bytes.len;
	identity->key.hash = hash_bytes_extended((const unsigned char *) bytes.data, bytes.len, 0);
	identity->key_tag = tags_slot(TAG_CACHE_KEY, (uint64) request->cache->uid,
								  hash_bytes_extended((const unsigned char *) request->key,
													  request->key_length, identity->role));
}

void
identity_keep(EntryIdentity *identity)
{
	identity->key.identity = memcpy(palloc(identity->key.identity_length), identity->key.identity,
									identity->key.identity_length);
}
