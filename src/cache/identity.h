/*-------------------------------------------------------------------------
 *
 * identity.h
 *		Whose an entry is, and of what: what must be the same for it to be an answer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_IDENTITY_H
#define POLLSEED_CACHE_IDENTITY_H

#include "nodes/pg_list.h"

#include "cache/store.h"

/* The settings that shape results, as identity_make() takes them in. */
#define IDENTITY_SETTINGS                                                                                          \
	"DateStyle,IntervalStyle,TimeZone,array_nulls,bytea_output,default_text_search_config,"                        \
	"extra_float_digits,gin_fuzzy_search_limit,lc_monetary,lc_numeric,lc_time,quote_all_identifiers,row_security," \
	"search_path,standard_conforming_strings,timezone_abbreviations,transform_null_equals,xmlbinary,xmloption"

/* What is asked for. */
typedef struct CacheRequest
{
	CacheDefinition *cache;
	const char		*key;
	int				 key_length;
	const Jsonb		*params;		/* or NULL */
	bool			 uses_role;		/* the result depends on who asks, also of a shared cache */
	bool			 uses_settings; /* it depends on settings that applications define */
	const List		*settings;		/* names of others that it depends on */
} CacheRequest;

/* Whose an entry is. */
typedef struct EntryIdentity
{
	EntryKey key;
	Oid		 role;	  /* or InvalidOid: shared */
	uint32	 key_tag; /* slot of TAG_CACHE_KEY */
} EntryIdentity;

/*
 * Makes the identity of a request in this session: the cache, the key, the parameters; the role unless the
 * cache is shared; and the settings that shape results.  Its bytes are good until the next call,
 * unless they are kept by identity_keep().
 */
extern void identity_make(EntryIdentity *identity, const CacheRequest *request);

/* Sets the key that is asked for; raises 22023 where it is empty or too long. */
extern void request_set_key(CacheRequest *request, const char *key, size_t length);

/* Returns a hash of the settings that shape results, which a plan has been made under. */
extern uint64 identity_settings(void);

/*
 * Returns the names of the other settings that shape a query's results, as far as the session has
 * set them and anybody may.
 */
extern List *identity_set_settings(bool uses_settings, const List *settings);

/* Copies the bytes of an identity into the current memory context. */
extern void identity_keep(EntryIdentity *identity);

#endif /* POLLSEED_CACHE_IDENTITY_H */
