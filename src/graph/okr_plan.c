/*-------------------------------------------------------------------------
 *
 * okr_plan.c
 *		SQL function pollseed_plan_okr(): a plan for one tenant of the OKR preset.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/figures.h"
#include "graph/moment.h"
#include "graph/okr.h"

POLLSEED_FUNCTION(pollseed_plan_okr);

#define DEFAULT_USERS 200
#define DEFAULT_OBJECTIVES 260
#define MAX_USERS 10000000

#define USERS_PER_WORKSPACE 40
#define USERS_PER_TEAM 10
#define KEY_RESULTS_PER_OBJECTIVE 3
#define INITIATIVES_PER_OBJECTIVE 2
#define CHECK_INS_PER_KEY_RESULT 4

/*
 * The steps: name and table, how many rows, and the rest as JSON, in which @S is the quoted schema, @N the
 * organisation's name as JSON, @U how many users and @A how many role assignments there are, @Y the year
 * of as_of, @P the year before, and @D its day.
 */
typedef enum OkrRows
{
	ROWS_ONE,
	ROWS_WORKSPACES,
	ROWS_TEAMS,
	ROWS_USERS,
	ROWS_CYCLES,
	ROWS_PILLARS,
	ROWS_OBJECTIVES,
	ROWS_KEY_RESULTS,
	ROWS_INITIATIVES,
	ROWS_CHECK_INS,
	ROWS_ROLES
} OkrRows;

typedef struct OkrStep
{
	const char *table;
	OkrRows		rows;
	const char *rest;
} OkrStep;

#define N_CYCLES 8
#define N_PILLARS 5

/* JSON put together from macros is readable only as it was written. */
/* clang-format off */

#define ID_OF(columns) "\"id\": {\"generator\": \"uuid5\", \"of\": [" columns "]}"
#define TIMESTAMPS \
	"\"created_at\": {\"generator\": \"moment\"}," \
	"\"updated_at\": {\"generator\": \"moment\", \"after\": \"created_at\", \"within\": \"60 days\"}"
#define REF(column, table, fan_out, nulls) \
	"{\"columns\": [\"" column "\"], \"relation\": \"@S." table "\", \"key\": [\"id\"]," \
	" \"fan_out\": \"" fan_out "\", \"nulls\": " nulls "}"
#define TENANT REF("organization_id", "organizations", "even", "0")
#define LIST(values) "{\"generator\": \"list\", \"values\": [" values "]}"
#define WEIGHTED(values, weights) \
	"{\"generator\": \"list\", \"values\": [" values "], \"weights\": [" weights "]}"
#define EXPRESSION(sql) "{\"generator\": \"expression\", \"sql\": \"" sql "\"}"
#define ROW "\\\"row\\\""
#define NUMBER "(" ROW " + 1)::text"
#define CODE(prefix) EXPRESSION("'" prefix "-' || lpad(" NUMBER ", GREATEST(length(" NUMBER "), 5), '0')")

/* The number of the user whom the role assignment of a number is for: some users have two, one after the other. */
#define USER_OF(number) "(" number " * @U / @A)"

#define QUARTER_START "make_date(substr(name, 1, 4)::int, substr(name, 7)::int * 3 - 2, 1)"

static const OkrStep okr_steps[] = {
	{"organizations", ROWS_ONE,
	 "\"natural_key\": [\"slug\"], \"columns\": {" ID_OF("\"slug\"") ","
	 "\"name\": {\"generator\": \"constant\", \"value\": @N},"
	 "\"slug\": {\"generator\": \"slug\", \"of\": [\"name\"]},"
	 "\"time_zone\": {\"generator\": \"time_zone\"}," TIMESTAMPS "}"},
	{"workspaces", ROWS_WORKSPACES,
	 "\"natural_key\": [\"organization_id\", \"slug\"], \"refs\": [" TENANT "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"slug\"") ","
	 "\"name\": {\"generator\": \"department\"}, \"slug\": {\"generator\": \"slug\", \"of\": [\"name\"]}," TIMESTAMPS "}"},
	{"teams", ROWS_TEAMS,
	 "\"natural_key\": [\"organization_id\", \"slug\"], \"refs\": [" TENANT ","
	 REF("workspace_id", "workspaces", "even", "0") "," REF("parent_id", "teams", "even", "0.7") "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"slug\"") ","
	 "\"name\": {\"generator\": \"name\", \"noun\": \"Team\"}, \"slug\": {\"generator\": \"slug\", \"of\": [\"name\"]},"
	 TIMESTAMPS "}"},
	{"users", ROWS_USERS,
	 "\"natural_key\": [\"email\"], \"refs\": [" TENANT "," REF("team_id", "teams", "even", "0") ","
	 REF("manager_id", "users", "even", "0") "],"
	 "\"columns\": {" ID_OF("\"email\"") ","
	 "\"first_name\": {\"generator\": \"first_name\"}, \"last_name\": {\"generator\": \"last_name\"},"
	 "\"email\": {\"generator\": \"email\", \"of\": [\"first_name\", \"last_name\"]},"
	 "\"job_title\": {\"generator\": \"job_title\"},"
	 "\"status\": " EXPRESSION("CASE WHEN " ROW " % 16 = 5 THEN 'invited' WHEN " ROW " % 50 = 21 THEN 'suspended' ELSE 'active' END") ","
	 "\"last_seen_at\": {\"generator\": \"moment\", \"after\": \"created_at\", \"nulls\": 0.1}," TIMESTAMPS "}"},
	{"cycles", ROWS_CYCLES,
	 "\"natural_key\": [\"organization_id\", \"name\"], \"refs\": [" TENANT "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"name\"") ","
	 "\"name\": " LIST("\"@P Q1\", \"@P Q2\", \"@P Q3\", \"@P Q4\", \"@Y Q1\", \"@Y Q2\", \"@Y Q3\", \"@Y Q4\"") ","
	 "\"starts_on\": " EXPRESSION(QUARTER_START) ","
	 "\"ends_on\": " EXPRESSION("(" QUARTER_START " + interval '3 months')::date - 1") ","
	 "\"status\": " EXPRESSION("CASE WHEN ends_on < date '@D' THEN 'closed' WHEN starts_on > date '@D' THEN 'planned'"
							   " ELSE 'active' END") "," TIMESTAMPS "}"},
	{"strategic_pillars", ROWS_PILLARS,
	 "\"natural_key\": [\"organization_id\", \"name\"], \"refs\": [" TENANT "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"name\"") ","
	 "\"name\": " LIST("\"Delight customers\", \"Grow sustainably\", \"Run a reliable platform\","
					   " \"Build a great place to work\", \"Win new markets\"") ","
	 "\"description\": {\"generator\": \"sentence\"}, \"color\": {\"generator\": \"color\"}," TIMESTAMPS "}"},
	{"objectives", ROWS_OBJECTIVES,
	 "\"natural_key\": [\"organization_id\", \"code\"], \"refs\": [" TENANT "," REF("cycle_id", "cycles", "random", "0") ","
	 REF("pillar_id", "strategic_pillars", "random", "0.05") "," REF("team_id", "teams", "random", "0.1") ","
	 REF("owner_id", "users", "random", "0.02") "," REF("parent_id", "objectives", "even", "0.6") "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"code\"") ", \"code\": " CODE("O") ","
	 "\"title\": " LIST(
	 "\"Make onboarding effortless\", \"Become the most trusted vendor in our market\", \"Double the number of weekly active teams\","
	 "\"Ship faster without breaking things\", \"Cut the cost of serving a customer\", \"Turn support into a reason to buy\","
	 "\"Give every team its own numbers\", \"Make the mobile app as good as the web\", \"Open the German market\","
	 "\"Keep the customers we have\", \"Build a pipeline that predicts itself\", \"Be ready for an audit on any day\","
	 "\"Hire people who raise the bar\", \"Make managers better managers\", \"Retire the old billing system\","
	 "\"Earn five stars from reviewers\", \"Move from projects to products\", \"Make data easy to trust\","
	 "\"Bring sales and product together\", \"Reach profitability in the core business\", \"Grow through partners\","
	 "\"Make security invisible to users\", \"Answer every question within a day\", \"Publish a roadmap that customers believe\","
	 "\"Turn free users into paying ones\", \"Learn what customers do, not what they say\", \"Reduce toil in operations\","
	 "\"Launch self-service for large accounts\", \"Make accessibility a habit\", \"Celebrate what we finish\"") ","
	 "\"description\": {\"generator\": \"paragraph\", \"nulls\": 0.2},"
	 "\"status\": " WEIGHTED("\"draft\", \"on_track\", \"at_risk\", \"off_track\", \"achieved\", \"cancelled\"", "8, 42, 20, 8, 18, 4") ","
	 "\"progress\": {\"generator\": \"integer\", \"min\": 0, \"max\": 100, \"distribution\": \"normal\"}," TIMESTAMPS "}"},
	{"key_results", ROWS_KEY_RESULTS,
	 "\"natural_key\": [\"organization_id\", \"code\"], \"refs\": [" TENANT ","
	 "{\"columns\": [\"objective_id\", \"cycle_id\"], \"relation\": \"@S.objectives\", \"key\": [\"id\", \"cycle_id\"], \"fan_out\": \"even\","
	 " \"why\": \"a key result is of the same cycle as its objective\"},"
	 REF("owner_id", "users", "random", "0.02") "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"code\"") ", \"code\": " CODE("KR") ","
	 "\"title\": " LIST(
	 "\"Raise activation from first visit to first value\", \"Bring the time to first value down\", \"Lift the net promoter score\","
	 "\"Reduce monthly churn\", \"Win new logos in the segment\", \"Increase revenue per account\", \"Cut the lead time of changes\","
	 "\"Halve the change failure rate\", \"Restore service within the hour\", \"Answer tickets within four hours\","
	 "\"Grow the share of self-service\", \"Fill open positions in time\", \"Keep regretted attrition low\","
	 "\"Train every manager\", \"Close audit findings\", \"Move tenants to the new billing\", \"Lower infrastructure cost per request\","
	 "\"Publish case studies\", \"Grow partner revenue\", \"Raise test coverage of the core\", \"Get reviews on comparison sites\","
	 "\"Increase weekly active users\", \"Convert trials to paid\", \"Reduce page load time\"") ","
	 "\"unit\": " WEIGHTED("\"percent\", \"count\", \"euro\", \"days\", \"score\"", "45, 30, 10, 10, 5") ","
	 "\"start_value\": {\"generator\": \"number\", \"min\": 0, \"max\": 40, \"scale\": 0},"
	 "\"target_value\": {\"generator\": \"number\", \"min\": 50, \"max\": 100, \"scale\": 0},"
	 "\"current_value\": {\"generator\": \"number\", \"min\": 0, \"max\": 100, \"scale\": 0, \"distribution\": \"normal\"},"
	 "\"status\": " WEIGHTED("\"on_track\", \"at_risk\", \"off_track\", \"achieved\"", "50, 25, 10, 15") "," TIMESTAMPS "}"},
	{"initiatives", ROWS_INITIATIVES,
	 "\"natural_key\": [\"organization_id\", \"code\"], \"refs\": [" TENANT ","
	 "{\"columns\": [\"key_result_id\", \"objective_id\"], \"relation\": \"@S.key_results\", \"key\": [\"id\", \"objective_id\"],"
	 " \"fan_out\": \"even\", \"why\": \"an initiative is for the objective of its key result\"},"
	 REF("owner_id", "users", "random", "0.05") "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"code\"") ", \"code\": " CODE("I") ","
	 "\"title\": " LIST(
	 "\"Interview twenty customers\", \"Rewrite the welcome e-mails\", \"Build a guided tour\", \"Automate the release notes\","
	 "\"Introduce feature flags\", \"Move reports to the warehouse\", \"Run a pricing experiment\", \"Set up a customer council\","
	 "\"Migrate the last legacy service\", \"Launch the referral programme\", \"Write runbooks for on-call\", \"Hold a bug bash\","
	 "\"Localise the help centre\", \"Redesign the settings page\", \"Add single sign-on\", \"Start a mentoring programme\","
	 "\"Measure what support costs\", \"Publish the status page\", \"Prepare the security audit\", \"Test with screen readers\"") ","
	 "\"status\": " WEIGHTED("\"not_started\", \"in_progress\", \"blocked\", \"done\"", "20, 45, 8, 27") ","
	 "\"due_on\": {\"generator\": \"date\", \"nulls\": 0.15}," TIMESTAMPS "}"},
	{"check_ins", ROWS_CHECK_INS,
	 "\"natural_key\": [\"key_result_id\", \"week\"], \"refs\": [" TENANT "," REF("key_result_id", "key_results", "even", "0") ","
	 REF("author_id", "users", "random", "0.02") "],"
	 "\"columns\": {" ID_OF("\"key_result_id\", \"week\"") ","
	 "\"week\": {\"generator\": \"integer\", \"min\": 1, \"max\": 13},"
	 "\"progress\": " EXPRESSION("least(100, week * 6 + (\\\"row\\\" * 7 % 23)::int)") ","
	 "\"confidence\": {\"generator\": \"integer\", \"min\": 1, \"max\": 10, \"distribution\": \"normal\"},"
	 "\"comment\": {\"generator\": \"sentence\", \"nulls\": 0.3}," TIMESTAMPS "}"},
	{"role_assignments", ROWS_ROLES,
	 "\"natural_key\": [\"user_id\", \"role\", \"scope_type\", \"scope_id\"], \"refs\": [" TENANT ","
	 REF("user_id", "users", "even", "0") ","
	 "{\"columns\": [\"scope_type\", \"scope_id\"], \"polymorphic\": ["
	 "{\"type\": \"ORGANIZATION\", \"relation\": \"@S.organizations\", \"key\": [\"id\"], \"weight\": 1},"
	 "{\"type\": \"WORKSPACE\", \"relation\": \"@S.workspaces\", \"key\": [\"id\"], \"weight\": 1},"
	 "{\"type\": \"TEAM\", \"relation\": \"@S.teams\", \"key\": [\"id\"], \"weight\": 2}]}],"
	 "\"columns\": {" ID_OF("\"user_id\", \"role\", \"scope_type\", \"scope_id\"") ","
	 "\"role\": " EXPRESSION(
	 "CASE WHEN " ROW " > 0 AND " USER_OF(ROW) " = " USER_OF("(" ROW " - 1)") " THEN 'VIEWER'"
	 " WHEN " ROW " % 50 = 0 THEN 'ORG_ADMIN' WHEN " ROW " % 40 = 7 THEN 'WORKSPACE_LEAD' WHEN " ROW " % 10 = 3 THEN 'TEAM_LEAD'"
	 " ELSE 'CONTRIBUTOR' END") "," TIMESTAMPS "}"},
};

/* clang-format on */

/* What the plan is made for. */
typedef struct OkrRequest
{
	int64		users;
	int64		objectives;
	const char *organisation;
	const char *schema;
	TimestampTz as_of;
} OkrRequest;

/* Returns how many rows a step has. */
static int64
rows_of(const OkrRequest *request, OkrRows rows)
{
	switch (rows)
	{
		case ROWS_ONE:
			return 1;
		case ROWS_WORKSPACES:
			return Max(request->users / USERS_PER_WORKSPACE, 1);
		case ROWS_TEAMS:
			return Max(request->users / USERS_PER_TEAM, 1);
		case ROWS_USERS:
			return request->users;
		case ROWS_CYCLES:
			return N_CYCLES;
		case ROWS_PILLARS:
			return N_PILLARS;
		case ROWS_OBJECTIVES:
			return request->objectives;
		case ROWS_KEY_RESULTS:
			return request->objectives * KEY_RESULTS_PER_OBJECTIVE;
		case ROWS_INITIATIVES:
			return request->objectives * INITIATIVES_PER_OBJECTIVE;
		case ROWS_CHECK_INS:
			return request->objectives * KEY_RESULTS_PER_OBJECTIVE * CHECK_INS_PER_KEY_RESULT;
		case ROWS_ROLES:
			return request->users + request->users / 5;
	}
	elog(ERROR, "unrecognized rows: %d", (int) rows);
}

/* Appends JSON with what stands for the request's parts in it. */
static void
append_filled(StringInfo json, const char *text, const OkrRequest *request)
{
	struct pg_tm tm;
	fsec_t		 fsec;
	const char	*place;

	if (timestamp2tm(request->as_of, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	while ((place = strchr(text, '@')) != NULL)
	{
		char part = place[1];

		appendBinaryStringInfo(json, text, place - text);
		text = place + 2;
		if (part == 'S')
		{
			StringInfoData quoted;

			initStringInfo(&quoted);
			escape_json(&quoted, request->schema);
			appendBinaryStringInfo(json, quoted.data + 1, quoted.len - 2);
		}
		else if (part == 'N')
			escape_json(json, request->organisation);
		else if (part == 'U')
			appendStringInfo(json, INT64_FORMAT, rows_of(request, ROWS_USERS));
		else if (part == 'A')
			appendStringInfo(json, INT64_FORMAT, rows_of(request, ROWS_ROLES));
		else if (part == 'D')
			appendStringInfo(json, "%04d-%02d-%02d", tm.tm_year, tm.tm_mon, tm.tm_mday);
		else
			appendStringInfo(json, "%04d", part == 'Y' ? tm.tm_year : tm.tm_year - 1);
	}
	appendStringInfoString(json, text);
}

/* Makes the plan. */
static Datum
make_plan(const OkrRequest *request)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"version\": 1, \"name\": \"okr\", \"as_of\": \"%s\", \"steps\": [",
					 moment_write(request->as_of));
	for (int i = 0; i < (int) lengthof(okr_steps); i++)
	{
		const OkrStep *step = &okr_steps[i];

		appendStringInfo(&json, "%s{\"step\": \"%s\", \"rows\": " INT64_FORMAT ", ",
						 i > 0 ? ", " : "", step->table, rows_of(request, step->rows));
		append_filled(&json, psprintf("\"relation\": \"@S.%s\", ", step->table), request);
		append_filled(&json, step->rest, request);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoString(&json, "]}");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* pollseed_plan_okr(users, objectives, organisation, as_of) */
Datum
pollseed_plan_okr(PG_FUNCTION_ARGS)
{
	OkrRequest request = {
		.users = DEFAULT_USERS, .objectives = DEFAULT_OBJECTIVES, .organisation = "Acme"};
	int created;
	Oid schema;

	PreventCommandIfReadOnly("pollseed_plan_okr()");
	request.users = bounded_argument(fcinfo, 0, "users", DEFAULT_USERS, MAX_USERS);
	if (!PG_ARGISNULL(1))
		request.objectives = count_argument(fcinfo, 1, "objectives");
	if (!PG_ARGISNULL(2))
		request.organisation = text_to_cstring(PG_GETARG_TEXT_PP(2));
	request.as_of = PG_ARGISNULL(3) ? moment_day(GetCurrentTransactionStartTimestamp())
									: PG_GETARG_TIMESTAMPTZ(3);
	if (TIMESTAMP_NOT_FINITE(request.as_of))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("as_of must be finite")));
	SPI_connect();
	schema = okr_create_tables(&created);
	SPI_finish();
	request.schema = quote_identifier(get_namespace_name(schema));
	PG_RETURN_DATUM(make_plan(&request));
}
