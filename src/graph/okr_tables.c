/*-------------------------------------------------------------------------
 *
 * okr_tables.c
 *		SQL functions pollseed_create_okr_tables() and
 *		pollseed_drop_okr_tables(): a tenant of an application for objectives and
 *		key results, in the types of its migrations.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"

#include "core/compat.h"
#include "core/figures.h"
#include "core/preset.h"
#include "graph/okr.h"
#include "graph/record.h"

POLLSEED_FUNCTION(pollseed_create_okr_tables);
POLLSEED_FUNCTION(pollseed_drop_okr_tables);

/* SQL put together from macros is readable only as it was written. */
/* clang-format off */

#define ID " id uuid PRIMARY KEY,"
#define TEXT(column) " " column " text NOT NULL,"
#define REFERS(column, table) \
	" " column " uuid NOT NULL REFERENCES %1$s." table " (id) ON DELETE CASCADE,"
#define MAY_REFER(column, table) \
	" " column " uuid REFERENCES %1$s." table " (id) ON DELETE SET NULL,"
#define ONE_OF(column, values) \
	" " column " text NOT NULL CHECK (" column " OPERATOR(pg_catalog.=) ANY ('{" values "}')),"
#define BETWEEN(column, low, high) \
	" CHECK (" column " OPERATOR(pg_catalog.>=) " low " AND " column " OPERATOR(pg_catalog.<=) " high ")"
#define TENANT REFERS("organization_id", "organizations")
#define TIMESTAMPS \
	" created_at timestamptz NOT NULL DEFAULT pg_catalog.now()," \
	" updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()"
#define INDEX(table, column) \
	"CREATE INDEX " table "_" column "_idx ON %1$s." table " (" column ");"

/* The tables in the order of their creation, each with its statements; %1$s is the quoted schema. */
static const PresetTable okr_tables[] = {
	{"organizations", "slug",
	 "CREATE TABLE %1$s.organizations ("
	 ID TEXT("name") " slug text NOT NULL UNIQUE," TEXT("time_zone") TIMESTAMPS ")"},
	{"workspaces", "organization_id",
	 "CREATE TABLE %1$s.workspaces ("
	 ID TENANT TEXT("name") TEXT("slug") TIMESTAMPS ", UNIQUE (organization_id, slug))"},
	{"teams", "workspace_id",
	 "CREATE TABLE %1$s.teams ("
	 ID TENANT REFERS("workspace_id", "workspaces") MAY_REFER("parent_id", "teams")
	 TEXT("name") TEXT("slug") TIMESTAMPS ", UNIQUE (organization_id, slug));"
	 INDEX("teams", "workspace_id") INDEX("teams", "parent_id")},
	{"users", "team_id",
	 "CREATE TABLE %1$s.users ("
	 ID TENANT MAY_REFER("team_id", "teams") MAY_REFER("manager_id", "users")
	 TEXT("first_name") TEXT("last_name") " email text NOT NULL UNIQUE," TEXT("job_title")
	 ONE_OF("status", "active,invited,suspended") " last_seen_at timestamptz," TIMESTAMPS ");"
	 INDEX("users", "organization_id") INDEX("users", "team_id") INDEX("users", "manager_id")},
	{"cycles", "starts_on",
	 "CREATE TABLE %1$s.cycles ("
	 ID TENANT TEXT("name") " starts_on date NOT NULL, ends_on date NOT NULL,"
	 ONE_OF("status", "planned,active,closed") TIMESTAMPS
	 ", UNIQUE (organization_id, name), CHECK (ends_on OPERATOR(pg_catalog.>) starts_on))"},
	{"strategic_pillars", "description",
	 "CREATE TABLE %1$s.strategic_pillars ("
	 ID TENANT TEXT("name") TEXT("description") " color text NOT NULL CHECK (color OPERATOR(pg_catalog.~) '^#[0-9a-f]{6}$'),"
	 TIMESTAMPS ", UNIQUE (organization_id, name))"},
	{"objectives", "pillar_id",
	 "CREATE TABLE %1$s.objectives ("
	 ID TENANT REFERS("cycle_id", "cycles") MAY_REFER("pillar_id", "strategic_pillars")
	 MAY_REFER("team_id", "teams") MAY_REFER("owner_id", "users") MAY_REFER("parent_id", "objectives")
	 TEXT("code") TEXT("title") " description text,"
	 ONE_OF("status", "draft,on_track,at_risk,off_track,achieved,cancelled")
	 " progress integer NOT NULL" BETWEEN("progress", "0", "100") "," TIMESTAMPS ", UNIQUE (organization_id, code));"
	 INDEX("objectives", "cycle_id") INDEX("objectives", "pillar_id") INDEX("objectives", "team_id")
	 INDEX("objectives", "owner_id") INDEX("objectives", "parent_id")},
	{"key_results", "objective_id",
	 "CREATE TABLE %1$s.key_results ("
	 ID TENANT REFERS("objective_id", "objectives") REFERS("cycle_id", "cycles") MAY_REFER("owner_id", "users")
	 TEXT("code") TEXT("title") ONE_OF("unit", "percent,count,euro,days,score")
	 " start_value numeric(12,2) NOT NULL, target_value numeric(12,2) NOT NULL, current_value numeric(12,2) NOT NULL,"
	 ONE_OF("status", "on_track,at_risk,off_track,achieved") TIMESTAMPS
	 ", UNIQUE (organization_id, code), CHECK (target_value OPERATOR(pg_catalog.<>) start_value));"
	 INDEX("key_results", "objective_id") INDEX("key_results", "cycle_id") INDEX("key_results", "owner_id")},
	{"initiatives", "key_result_id",
	 "CREATE TABLE %1$s.initiatives ("
	 ID TENANT REFERS("objective_id", "objectives") MAY_REFER("key_result_id", "key_results")
	 MAY_REFER("owner_id", "users") TEXT("code") TEXT("title")
	 ONE_OF("status", "not_started,in_progress,blocked,done") " due_on date," TIMESTAMPS
	 ", UNIQUE (organization_id, code));"
	 INDEX("initiatives", "objective_id") INDEX("initiatives", "key_result_id") INDEX("initiatives", "owner_id")},
	{"check_ins", "confidence",
	 "CREATE TABLE %1$s.check_ins ("
	 ID TENANT REFERS("key_result_id", "key_results") MAY_REFER("author_id", "users")
	 " week integer NOT NULL" BETWEEN("week", "1", "13") ", checked_on date NOT NULL, value numeric(12,2) NOT NULL,"
	 " progress integer NOT NULL" BETWEEN("progress", "0", "100") ","
	 " confidence integer NOT NULL" BETWEEN("confidence", "1", "10") ","
	 " comment text," TIMESTAMPS ", UNIQUE (key_result_id, week));"
	 INDEX("check_ins", "organization_id") INDEX("check_ins", "author_id")},
	{"role_assignments", "scope_type",
	 "CREATE TABLE %1$s.role_assignments ("
	 ID TENANT REFERS("user_id", "users")
	 ONE_OF("role", "ORG_ADMIN,WORKSPACE_LEAD,TEAM_LEAD,CONTRIBUTOR,VIEWER")
	 ONE_OF("scope_type", "ORGANIZATION,WORKSPACE,TEAM") " scope_id uuid NOT NULL," TIMESTAMPS
	 ", UNIQUE (user_id, role, scope_type, scope_id)"
	 ", CONSTRAINT role_assignments_organization_check CHECK ((scope_type OPERATOR(pg_catalog.=) 'ORGANIZATION')"
	 " OPERATOR(pg_catalog.=) (scope_id OPERATOR(pg_catalog.=) organization_id))"
	 ", CONSTRAINT role_assignments_scope_check CHECK (scope_type OPERATOR(pg_catalog.=) ANY (CASE"
	 " WHEN role OPERATOR(pg_catalog.=) 'ORG_ADMIN' THEN '{ORGANIZATION}'"
	 " WHEN role OPERATOR(pg_catalog.=) 'WORKSPACE_LEAD' THEN '{WORKSPACE}'"
	 " WHEN role OPERATOR(pg_catalog.=) 'TEAM_LEAD' THEN '{TEAM}'"
	 " WHEN role OPERATOR(pg_catalog.=) 'CONTRIBUTOR' THEN '{WORKSPACE,TEAM}'"
	 " ELSE '{ORGANIZATION,WORKSPACE,TEAM}' END::pg_catalog.text[])));"
	 INDEX("role_assignments", "organization_id") INDEX("role_assignments", "scope_id")},
};

/* clang-format on */

static const Preset okr_preset = {.maker = "pollseed_create_okr_tables()",
								  .described = "OKR tables",
								  .engine = GRAPH_ENGINE,
								  .tables = okr_tables,
								  .ntables = lengthof(okr_tables)};

Oid
okr_create_tables(int *created)
{
	Oid schema = preset_schema();

	*created = preset_create(&okr_preset, schema);
	return schema;
}

/* pollseed_create_okr_tables() */
Datum
pollseed_create_okr_tables(PG_FUNCTION_ARGS)
{
	int created;

	(void) fcinfo;
	PreventCommandIfReadOnly("pollseed_create_okr_tables()");
	SPI_connect();
	(void) okr_create_tables(&created);
	SPI_finish();
	PG_RETURN_INT32(created);
}

/* pollseed_drop_okr_tables() */
Datum
pollseed_drop_okr_tables(PG_FUNCTION_ARGS)
{
	int dropped;

	(void) fcinfo;
	PreventCommandIfReadOnly("pollseed_drop_okr_tables()");
	SPI_connect();
	dropped = preset_drop(&okr_preset, preset_schema());
	SPI_finish();
	PG_RETURN_INT32(dropped);
}
