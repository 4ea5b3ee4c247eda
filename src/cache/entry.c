/*-------------------------------------------------------------------------
 *
 * entry.c
 *		Entries as they are made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "cache/entry.h"
#include "core/compat.h"

/* The share of a time to live that chance takes away, so that what was filled together does not expire together. */
#define MAX_JITTER 0.1

/* Adds a part of some bytes to an entry; returns its offset. */
static int
add_part(CacheEntry *entry, Size *end, const void *bytes, Size length)
{
	Size offset = *end;

	memcpy(entry_part(entry, offset), bytes, length);
	*end = MAXALIGN(offset + length);
	return (int) offset;
}

/* Returns the size of an entry. */
static Size
entry_size(const EntryParts *parts)
{
	const Depends *depends = parts->depends;
	Size		   size = MAXALIGN(sizeof(CacheEntry));

	size += MAXALIGN(parts->identity->key.identity_length);
	size += MAXALIGN(parts->request->key_length);
	if (parts->request->params != NULL)
		size += MAXALIGN(VARSIZE(parts->request->params));
	if (parts->query != NULL)
		size += MAXALIGN(parts->query->signature_length) + MAXALIGN(strlen(parts->query->text) + 1);
	if (parts->depends_on != NULL)
		size += MAXALIGN(VARSIZE(parts->depends_on));
	size += MAXALIGN(strlen(depends->names) + 1);
	size += MAXALIGN(depends->ntags * sizeof(TagVersion));
	for (int i = 0; i < depends->ntallies; i++)
		size +=
			tally_state_size(depends->tallies[i]) + MAXALIGN(strlen(depends->tally_names[i]) + 1);
	if (parts->value != NULL)
		size += MAXALIGN(VARSIZE(parts->value));
	return size;
}

/* Adds the states of tallies, and their names right after one another; the value comes next. */
static void
add_tallies(CacheEntry *entry, Size *end, const Depends *depends)
{
	entry->ntallies = depends->ntallies;
	entry->tallies = (int) *end;
	for (int i = 0; i < depends->ntallies; i++)
		(void) add_part(entry, end, depends->tallies[i], tally_state_size(depends->tallies[i]));
	for (int i = 0; i < depends->ntallies; i++)
	{
		Size length = strlen(depends->tally_names[i]) + 1;

		memcpy(entry_part(entry, *end), depends->tally_names[i], length);
		*end += length;
	}
	*end = MAXALIGN(*end);
}

/* Fills in what of an entry is of a fixed size. */
static void
set_header(CacheEntry *entry, const EntryParts *parts)
{
	entry->hash = parts->identity->key.hash;
	entry->role = parts->identity->role;
	entry->filled_at = parts->filled_at;
	entry->ttl = parts->ttl;
	entry->jitter =
		parts->query == NULL ? 1 : 1 - MAX_JITTER * pg_prng_double(&pg_global_prng_state);
	entry->fill_us = parts->fill_us;
	entry->stamp = parts->stamp;
	entry->put_xid = parts->put_xid;
	entry->in_recovery = parts->in_recovery;
}

const char *
entry_publish(const EntryParts *parts)
{
	const CacheRequest *request = parts->request;
	const Depends	   *depends = parts->depends;
	CacheEntry		   *entry = store_allocate(request->cache, entry_size(parts));
	Size				end = MAXALIGN(sizeof(CacheEntry));

	if (entry == NULL)
		return "there is no room for it";
	set_header(entry, parts);
	entry->identity_length = parts->identity->key.identity_length;
	entry->identity = add_part(entry, &end, parts->identity->key.identity, entry->identity_length);
	entry->key_length = request->key_length;
	entry->key = add_part(entry, &end, request->key, request->key_length);
	if (request->params != NULL)
		entry->params = add_part(entry, &end, request->params, VARSIZE(request->params));
	if (parts->query != NULL)
	{
		entry->signature_length = parts->query->signature_length;
		entry->signature = add_part(entry, &end, parts->query->signature, entry->signature_length);
		entry->query = add_part(entry, &end, parts->query->text, strlen(parts->query->text) + 1);
	}
	if (parts->depends_on != NULL)
		entry->depends = add_part(entry, &end, parts->depends_on, VARSIZE(parts->depends_on));
	entry->names = add_part(entry, &end, depends->names, strlen(depends->names) + 1);
	entry->ntags = depends->ntags;
	entry->tags = add_part(entry, &end, depends->tags, depends->ntags * sizeof(TagVersion));
	add_tallies(entry, &end, depends);
	if (parts->value != NULL)
		entry->value = add_part(entry, &end, parts->value, VARSIZE(parts->value));
	return store_insert(request->cache, entry) ? NULL : "the cache is gone";
}
