/*-------------------------------------------------------------------------
 *
 * definer.c
 *		Running later what a role has defined: as that role, under the settings
 *		that it was defined under.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "core/definer.h"
#include "core/sql.h"

/* What the meaning of SQL, and the texts of values, depend on. */
#define SETTINGS "DateStyle,IntervalStyle,TimeZone,bytea_output,extra_float_digits,search_path"

/* Work waits so long for a lock, such as a table's, unless lock_timeout says otherwise. */
#define DEFAULT_LOCK_TIMEOUT "5s"

Datum
definer_settings(void)
{
	sql_execute("SELECT pg_catalog.jsonb_object_agg(s.name, CASE"
				" WHEN s.name OPERATOR(pg_catalog.<>) 'search_path' THEN v.value"
				" WHEN v.value OPERATOR(pg_catalog.=) '' THEN 'pg_temp'"
				" ELSE v.value OPERATOR(pg_catalog.||) ', pg_temp' END)"
				" FROM pg_catalog.string_to_table('" SETTINGS "', ',') AS s(name),"
				" LATERAL (SELECT pg_catalog.current_setting(s.name)) AS v(value)",
				0, NULL, NULL, NULL);
	return sql_value_not_null(0, 1);
}

void
definer_set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
}

void
definer_limit_lock_waits(void)
{
	if (strcmp(GetConfigOption("lock_timeout", false, false), "0") == 0)
		definer_set("lock_timeout", DEFAULT_LOCK_TIMEOUT);
}

DefinerSession
definer_enter(Oid owner, Jsonb *settings)
{
	DefinerSession	   session;
	JsonbIterator	  *iterator = JsonbIteratorInit(&settings->root);
	JsonbIteratorToken token;
	JsonbValue		   value;
	char			  *name = NULL;

	GetUserIdAndSecContext(&session.user, &session.security_context);
	if (session.user != owner)
		SetUserIdAndSecContext(owner, session.security_context | SECURITY_LOCAL_USERID_CHANGE |
										  SECURITY_RESTRICTED_OPERATION);
	session.guc_level = NewGUCNestLevel();
	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type == jbvString)
			definer_set(name, pnstrdup(value.val.string.val, value.val.string.len));
	}
	return session;
}

void
definer_leave(const DefinerSession *session)
{
	/* What the definer's code has set for its session must not stay in the caller's. */
	AtEOXact_GUC(false, session->guc_level);
	SetUserIdAndSecContext(session->user, session->security_context);
}
