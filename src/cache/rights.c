/*-------------------------------------------------------------------------
 *
 * rights.c
 *		What a role may do by itself and by the roles that it is a member of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "cache/rights.h"
#include "core/compat.h"

/* What is known of a role. */
typedef struct RoleRights
{
	Oid	   role;
	uint64 hash;
} RoleRights;

/* NULL until it is needed, and emptied when roles change. */
static HTAB *known = NULL;
static bool	 is_old = false;

/* Notes that roles have changed. */
static void
note_change(Datum arg pg_attribute_unused(), int cache pg_attribute_unused(),
			uint32 hash pg_attribute_unused())
{
	is_old = true;
}

/* Makes the table of what is known, anew where it is old. */
static void
make_known(void)
{
	static bool is_registered = false;
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(RoleRights)};

	if (!is_registered)
	{
		CacheRegisterSyscacheCallback(AUTHOID, note_change, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, note_change, (Datum) 0);
		is_registered = true;
	}
	if (known != NULL)
		hash_destroy(known);
	known = NULL;
	is_old = false;
	control.hcxt = TopMemoryContext;
	known = hash_create("pollseed rights of roles", 16, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Computes the hash of a role's name and rights; the order of roles in the catalog must not matter. */
static uint64
compute(Oid role)
{
	const char *name = GetUserNameFromId(role, true);
	uint64		hash = superuser_arg(role) | (uint64) has_bypassrls_privilege(role) << 1;
	Relation	roles = table_open(AuthIdRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(roles, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	if (name != NULL)
		hash += hash_bytes_extended((const unsigned char *) name, (int) strlen(name), 0);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Oid other = ((Form_pg_authid) GETSTRUCT(tuple))->oid;

		if (has_privs_of_role(role, other))
			hash += DatumGetUInt64(hash_uint32_extended(other, 1));
		if (is_member_of_role_nosuper(role, other))
			hash += DatumGetUInt64(hash_uint32_extended(other, 2));
	}
	systable_endscan(scan);
	table_close(roles, AccessShareLock);
	return hash;
}

uint64
rights_of_role(Oid role)
{
	RoleRights *rights;
	uint64		hash;
	bool		found;

	if (unlikely(known == NULL || is_old))
		make_known();
	rights = hash_search(known, &role, HASH_FIND, NULL);
	if (rights != NULL)
		return rights->hash;

	/* Reading the catalog may tell that roles have changed: then it is read again next time. */
	hash = compute(role);
	rights = hash_search(known, &role, HASH_ENTER, &found);
	rights->hash = hash;
	return hash;
}
