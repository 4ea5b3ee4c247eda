/*-------------------------------------------------------------------------
 *
 * role.c
 *		Running statements of ours as another role.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/role.h"

Oid
extension_owner(void)
{
	Oid		  relid = get_relname_relid("runs", get_namespace_oid("pollseed", false));
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid		  owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation \"pollseed.runs\" does not exist"),
						errhint("Install the extension with CREATE EXTENSION pollseed.")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

RoleSession
role_enter(Oid role)
{
	RoleSession session;

	GetUserIdAndSecContext(&session.user, &session.security_context);
	SetUserIdAndSecContext(role, session.security_context | SECURITY_LOCAL_USERID_CHANGE |
									 SECURITY_RESTRICTED_OPERATION);
	return session;
}

RoleSession
role_enter_for_check(Oid role)
{
	RoleSession session = role_enter(role);

	SetUserIdAndSecContext(role, session.security_context | SECURITY_LOCAL_USERID_CHANGE |
									 SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	return session;
}

void
role_leave(const RoleSession *session)
{
	SetUserIdAndSecContext(session->user, session->security_context);
}
