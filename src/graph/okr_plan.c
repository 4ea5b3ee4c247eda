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

#define N_CYCLES 8
#define USERS_PER_WORKSPACE 40
#define USERS_PER_TEAM 10
#define KEY_RESULTS_PER_OBJECTIVE 3
#define INITIATIVES_PER_OBJECTIVE 2
#define CHECK_INS_PER_KEY_RESULT 4

/*
 * The steps: name and table, how many rows, and the rest as JSON, in which @S is the quoted schema, @N the
 * organisation's name as JSON, @D the day of as_of, @Q that on which the first cycle begins, @F the one a year before;
 * and numbers of rows: @W workspaces, @M teams, @U users, @A role assignments, @O objectives, but not 0.  Small
 * letters stand for lists of words.
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

/* JSON put together from macros is readable only as it was written. */
/* clang-format off */

#define ID_OF(columns) "\"id\": {\"generator\": \"uuid5\", \"of\": [" columns "]}"
#define TIMESTAMPS(created) \
	"\"created_at\": " created "," \
	"\"updated_at\": {\"generator\": \"moment\", \"after\": \"created_at\", \"within\": \"60 days\"}"
#define REF(column, table, fan_out, nulls) \
	"{\"columns\": [\"" column "\"], \"relation\": \"@S." table "\", \"key\": [\"id\"]," \
	" \"fan_out\": \"" fan_out "\", \"nulls\": " nulls "}"
#define TENANT REF("organization_id", "organizations", "even", "0")
#define REF_IN_TENANT(column, table) \
	"{\"columns\": [\"" column "\", \"organization_id\"], \"relation\": \"@S." table "\", \"key\": [\"id\", \"organization_id\"]," \
	" \"fan_out\": \"even\"}"
#define OPTIONAL(sql, nulls) "{\"generator\": \"expression\", \"nulls\": " nulls ", \"sql\": \"" sql "\"}"
#define EXPRESSION(sql) "{\"generator\": \"expression\", \"sql\": \"" sql "\"}"
#define ROW "\\\"row\\\""
#define NUMBER "(" ROW " + 1)::text"
#define CODE(prefix) EXPRESSION("'" prefix "-' || lpad(" NUMBER ", GREATEST(length(" NUMBER "), 5), '0')")

/* The number of the user whom the role assignment of a number is for: some users have two, one after the other. */
#define USER_OF(number) "(" number " * @U / @A)"

/* A number from 0 to 10006 that looks like chance. */
#define CHANCE(number, salt) "((" number " % 10007 + " salt ") * (" number " % 10007 + " salt ") * 37 % 10007)"

/* Moments: in the office hours of a day, and in those of so many days, in the order of the numbers of things. */
#define UTC(timestamp) "(" timestamp ") AT TIME ZONE 'UTC'"
#define OFFICE_HOURS(day, number) \
	EXPRESSION(UTC(day " + make_interval(mins => 480 + (" CHANCE(number, "11") " % 540)::int)"))
#define IN_ORDER(day, number, count, days) \
	EXPRESSION(UTC(day " + make_interval(days => (" number " * " days " / " count ")::int," \
				   " mins => 480 + (" number " * " days " % " count " * 540 / " count ")::int)"))
#define FOUNDED(days) "(timestamp '@F' + interval '" days " days')"

/*
 * What follows from numbers, by the even fan-out of the references: a key result's objective, an
 * objective's cycle, and within a cycle its pillar.
 */
#define OBJECTIVE_OF(key_result) "(" key_result " / " CppAsString2(KEY_RESULTS_PER_OBJECTIVE) ")"
#define KEY_RESULT_OF(check_in) "(" check_in " / " CppAsString2(CHECK_INS_PER_KEY_RESULT) ")"
#define CYCLE_OF(objective) "(" objective " * " CppAsString2(N_CYCLES) " / @O)"
#define FIRST_OF(cycle) "((" cycle " * @O + " CppAsString2(N_CYCLES) " - 1) / " CppAsString2(N_CYCLES) ")"
#define PLACE_OF(objective) "(" objective " - " FIRST_OF(CYCLE_OF(objective)) ")"
#define NEIGHBOURS_OF(objective) \
	"(" FIRST_OF("(" CYCLE_OF(objective) " + 1)") " - " FIRST_OF(CYCLE_OF(objective)) ")"
#define START_OF(cycle) "(timestamp '@Q' + make_interval(months => (" cycle " * 3)::int))"
#define CYCLE_START(key_result) START_OF(CYCLE_OF(OBJECTIVE_OF(key_result)))

/* Words go with one another by where they stand in their lists. */
#define WORD(list, number) "(" list ")[(" number ")::int + 1]"
#define PILLAR_OF(objective) "(" PLACE_OF(objective) " * " CppAsString2(OKR_PILLARS) " / " NEIGHBOURS_OF(objective) ")"
#define TITLE_OF(objective) \
	"(" PILLAR_OF(objective) " * " CppAsString2(OKR_OBJECTIVES_PER_PILLAR) " + " objective " % " CppAsString2(OKR_OBJECTIVES_PER_PILLAR) ")"
#define MEASURE_OF(key_result) \
	"(" TITLE_OF(OBJECTIVE_OF(key_result)) " / " CppAsString2(OKR_OBJECTIVES_PER_THEME) " * " CppAsString2(OKR_MEASURES_PER_THEME) \
	" + (" OBJECTIVE_OF(key_result) " * 2 + " key_result " % " CppAsString2(KEY_RESULTS_PER_OBJECTIVE) ") % " CppAsString2(OKR_MEASURES_PER_THEME) ")"

/*
 * How a key result goes: at which pace, and what it has reached of its way in percent in a week of its
 * cycle.  Of the last cycle there are only the first weeks.
 */
#define LAST_WEEKS(key_result, closed, running) \
	"(CASE WHEN " CYCLE_OF(OBJECTIVE_OF(key_result)) " < " CppAsString2(N_CYCLES) " - 1 THEN " closed " ELSE " running " END)"
#define LAST_WEEK(key_result) LAST_WEEKS(key_result, "12", "4")
#define PACE(key_result) "(45 + " CHANCE(key_result, "3") " % 76)"
#define REACHED(key_result, week) "LEAST(" PACE(key_result) " * " week " / 12, 100)"
#define SCALED(list, key_result) \
	"round(" WORD(list, MEASURE_OF(key_result)) "::numeric * (80 + " CHANCE(key_result, "5") " % 41) / 100, " DIGITS(key_result) ")"
#define START_VALUE(key_result) SCALED("@b", key_result)
#define TARGET_VALUE(key_result) SCALED("@e", key_result)
#define VALUE(key_result, week) \
	"round(" START_VALUE(key_result) " + (" TARGET_VALUE(key_result) " - " START_VALUE(key_result) ") * " \
	REACHED(key_result, week) " / 100, " DIGITS(key_result) ")"
#define UNIT_OF(key_result) WORD("@u", MEASURE_OF(key_result))
#define DIGITS(key_result) "(CASE WHEN " UNIT_OF(key_result) " = ANY ('{count,euro}') THEN 0 ELSE 1 END)"

/* What is said of it: of five comments for each mood another one each week. */
#define COMMENT(key_result) \
	"format(" WORD("@c", "(CASE WHEN " PACE(key_result) " >= 80 THEN 0 WHEN " PACE(key_result) " >= 60 THEN 5 ELSE 10 END + (" \
				   key_result " + week) % 5)") ", " WORD("@m", MEASURE_OF(key_result)) ", trim_scale(value) ||" \
	" CASE WHEN " UNIT_OF(key_result) " = 'percent' THEN '%' WHEN " UNIT_OF(key_result) " = 'euro' THEN ' euro'" \
	" WHEN " UNIT_OF(key_result) " = 'days' THEN ' days' ELSE '' END)"

/* How an objective goes: as its key results do on average. */
#define FIRST_RESULT(objective) "(" objective " * " CppAsString2(KEY_RESULTS_PER_OBJECTIVE) ")"
#define REACHED_BY_NOW(key_result) REACHED(key_result, LAST_WEEK(key_result))
#define AVERAGE_REACHED(objective) \
	"(" REACHED_BY_NOW(FIRST_RESULT(objective)) " + " REACHED_BY_NOW("(" FIRST_RESULT(objective) " + 1)") " + " \
	REACHED_BY_NOW("(" FIRST_RESULT(objective) " + 2)") ") / " CppAsString2(KEY_RESULTS_PER_OBJECTIVE)
#define RESULT_OF_INITIATIVE(initiative) \
	"(" initiative " * " CppAsString2(KEY_RESULTS_PER_OBJECTIVE) " / " CppAsString2(INITIATIVES_PER_OBJECTIVE) ")"

/* The day from Monday to Friday, by a number, of the seven days from one on. */
#define WORKDAY(day, number) "(" day " + ((" number " % 5 + 8 - extract(isodow FROM " day ")::int) % 7)::int)"

/* The state that a pace leads to, in percent of what it takes. */
#define STATE(pace, achieved) \
	"CASE WHEN " achieved " THEN 'achieved' WHEN " pace " >= 80 THEN 'on_track' WHEN " pace " >= 60 THEN 'at_risk' ELSE 'off_track' END"
#define IS_CLOSED(key_result) LAST_WEEKS(key_result, "true", "false")

static const OkrStep okr_steps[] = {
	{"organizations", ROWS_ONE,
	 "\"natural_key\": [\"slug\"], \"columns\": {" ID_OF("\"slug\"") ","
	 "\"name\": {\"generator\": \"constant\", \"value\": @N},"
	 "\"slug\": {\"generator\": \"slug\", \"of\": [\"name\"]},"
	 "\"time_zone\": {\"generator\": \"time_zone\"}," TIMESTAMPS(OFFICE_HOURS(FOUNDED("0"), ROW)) "}"},
	{"workspaces", ROWS_WORKSPACES,
	 "\"natural_key\": [\"organization_id\", \"slug\"], \"refs\": [" TENANT "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"slug\"") ","
	 "\"name\": {\"generator\": \"department\"}, \"slug\": {\"generator\": \"slug\", \"of\": [\"name\"]},"
	 TIMESTAMPS(IN_ORDER(FOUNDED("1"), ROW, "@W", "1")) "}"},
	{"teams", ROWS_TEAMS,
	 "\"natural_key\": [\"organization_id\", \"slug\"], \"refs\": [" TENANT ","
	 REF("workspace_id", "workspaces", "even", "0") "," REF("parent_id", "teams", "even", "0.7") "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"slug\"") ","
	 "\"name\": {\"generator\": \"name\", \"noun\": \"Team\"}, \"slug\": {\"generator\": \"slug\", \"of\": [\"name\"]},"
	 TIMESTAMPS(IN_ORDER(FOUNDED("2"), ROW, "@M", "5")) "}"},
	{"users", ROWS_USERS,
	 "\"natural_key\": [\"email\"], \"refs\": [" TENANT "," REF("team_id", "teams", "even", "0") ","
	 REF("manager_id", "users", "even", "0") "],"
	 "\"columns\": {" ID_OF("\"email\"") ","
	 "\"first_name\": {\"generator\": \"first_name\"}, \"last_name\": {\"generator\": \"last_name\"},"
	 "\"email\": {\"generator\": \"email\", \"of\": [\"first_name\", \"last_name\"]},"
	 "\"job_title\": {\"generator\": \"job_title\"},"
	 "\"status\": " EXPRESSION("CASE WHEN " ROW " % 16 = 5 THEN 'invited' WHEN " ROW " % 50 = 21 THEN 'suspended' ELSE 'active' END") ","
	 "\"last_seen_at\": {\"generator\": \"moment\", \"after\": \"created_at\", \"nulls\": 0.1},"
	 TIMESTAMPS(IN_ORDER(FOUNDED("30"), ROW, "@U", "300")) "}"},
	{"cycles", ROWS_CYCLES,
	 "\"natural_key\": [\"organization_id\", \"name\"], \"refs\": [" TENANT "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"name\"") ","
	 "\"name\": " EXPRESSION("to_char(" START_OF(ROW) ", 'YYYY \\\"Q\\\"Q')") ","
	 "\"starts_on\": " EXPRESSION(START_OF(ROW) "::date") ","
	 "\"ends_on\": " EXPRESSION("(starts_on + interval '3 months')::date - 1") ","
	 "\"status\": " EXPRESSION("CASE WHEN ends_on < date '@D' THEN 'closed' ELSE 'active' END") ","
	 TIMESTAMPS(OFFICE_HOURS("(starts_on - 21)", ROW)) "}"},
	{"strategic_pillars", ROWS_PILLARS,
	 "\"natural_key\": [\"organization_id\", \"name\"], \"refs\": [" TENANT "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"name\"") ","
	 "\"name\": " EXPRESSION(WORD("@p", ROW)) ",\"description\": " EXPRESSION(WORD("@d", ROW)) ", \"color\": {\"generator\": \"color\"},"
	 TIMESTAMPS(OFFICE_HOURS(FOUNDED("8"), ROW)) "}"},
	{"objectives", ROWS_OBJECTIVES,
	 "\"natural_key\": [\"organization_id\", \"code\"], \"refs\": [" TENANT "," REF_IN_TENANT("cycle_id", "cycles") ","
	 REF_IN_TENANT("pillar_id", "strategic_pillars") "," REF("team_id", "teams", "random", "0.1") ","
	 REF("owner_id", "users", "random", "0.02") "," REF("parent_id", "objectives", "even", "0.6") "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"code\"") ", \"code\": " CODE("O") ","
	 "\"title\": " EXPRESSION(WORD("@o", TITLE_OF(ROW))) ",\"description\": " OPTIONAL(WORD("@w", TITLE_OF(ROW)), "0.2") ","
	 "\"progress\": " EXPRESSION("(" AVERAGE_REACHED(ROW) ")::int") ","
	 "\"status\": " EXPRESSION(STATE("progress * 12 / " LAST_WEEK(FIRST_RESULT(ROW)), "progress >= 90 AND " IS_CLOSED(FIRST_RESULT(ROW)))) ","
	 TIMESTAMPS(IN_ORDER("(" START_OF(CYCLE_OF(ROW)) " - interval '14 days')", PLACE_OF(ROW), NEIGHBOURS_OF(ROW), "6")) "}"},
	{"key_results", ROWS_KEY_RESULTS,
	 "\"natural_key\": [\"organization_id\", \"code\"], \"refs\": [" TENANT ","
	 "{\"columns\": [\"objective_id\", \"cycle_id\"], \"relation\": \"@S.objectives\", \"key\": [\"id\", \"cycle_id\"], \"fan_out\": \"even\","
	 " \"why\": \"a key result is of the same cycle as its objective\"},"
	 REF("owner_id", "users", "random", "0.02") "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"code\"") ", \"code\": " CODE("KR") ","
	 "\"title\": " EXPRESSION(WORD("@k", MEASURE_OF(ROW))) ",\"unit\": " EXPRESSION(UNIT_OF(ROW)) ","
	 "\"start_value\": " EXPRESSION(START_VALUE(ROW)) ",\"target_value\": " EXPRESSION(TARGET_VALUE(ROW)) ","
	 "\"current_value\": " EXPRESSION(VALUE(ROW, LAST_WEEK(ROW))) ","
	 "\"status\": " EXPRESSION(STATE(PACE(ROW), PACE(ROW) " >= 100 AND " IS_CLOSED(ROW))) ","
	 TIMESTAMPS(OFFICE_HOURS("(" CYCLE_START(ROW) " - interval '6 days' + make_interval(days => (" ROW " % 5)::int))", ROW)) "}"},
	{"initiatives", ROWS_INITIATIVES,
	 "\"natural_key\": [\"organization_id\", \"code\"], \"refs\": [" TENANT ","
	 "{\"columns\": [\"key_result_id\", \"objective_id\"], \"relation\": \"@S.key_results\", \"key\": [\"id\", \"objective_id\"],"
	 " \"fan_out\": \"even\", \"why\": \"an initiative is for the objective of its key result\"},"
	 REF("owner_id", "users", "random", "0.05") "],"
	 "\"columns\": {" ID_OF("\"organization_id\", \"code\"") ", \"code\": " CODE("I") ","
	 "\"title\": " EXPRESSION(WORD("@i", MEASURE_OF(RESULT_OF_INITIATIVE(ROW)))) ","
	 "\"status\": " EXPRESSION("CASE WHEN " CHANCE(ROW, "2") " % 12 = 0 THEN 'blocked' WHEN " CHANCE(ROW, "2") " % 12 <= "
	 LAST_WEEKS(RESULT_OF_INITIATIVE(ROW), "8", "2") " THEN 'done' WHEN " CHANCE(ROW, "2") " % 12 <= "
	 LAST_WEEKS(RESULT_OF_INITIATIVE(ROW), "9", "8") " THEN 'in_progress' ELSE 'not_started' END") ","
	 "\"due_on\": " OPTIONAL(CYCLE_START(RESULT_OF_INITIATIVE(ROW)) "::date + 30 + (" CHANCE(ROW, "4") " % 58)::int", "0.15") ","
	 TIMESTAMPS(OFFICE_HOURS("(" CYCLE_START(RESULT_OF_INITIATIVE(ROW)) " + make_interval(days => (" ROW " % 5)::int))", ROW)) "}"},
	{"check_ins", ROWS_CHECK_INS,
	 "\"natural_key\": [\"key_result_id\", \"week\"], \"refs\": [" TENANT "," REF("key_result_id", "key_results", "even", "0") ","
	 REF("author_id", "users", "random", "0.02") "],"
	 "\"columns\": {" ID_OF("\"key_result_id\", \"week\"") ","
	 "\"week\": " EXPRESSION(LAST_WEEKS(KEY_RESULT_OF(ROW), "9", "1") " + " ROW " % " CppAsString2(CHECK_INS_PER_KEY_RESULT)) ","
	 "\"checked_on\": " EXPRESSION(WORKDAY("(" CYCLE_START(KEY_RESULT_OF(ROW)) "::date + 7 * (week - 1))", KEY_RESULT_OF(ROW))) ","
	 "\"value\": " EXPRESSION(VALUE(KEY_RESULT_OF(ROW), "week")) ",\"progress\": " EXPRESSION(REACHED(KEY_RESULT_OF(ROW), "week")) ","
	 "\"confidence\": " EXPRESSION("GREATEST(1, LEAST(10, " PACE(KEY_RESULT_OF(ROW)) " / 11 - 2 + " CHANCE(ROW, "6") " % 4))") ","
	 "\"comment\": " OPTIONAL(COMMENT(KEY_RESULT_OF(ROW)), "0.3") ","
	 TIMESTAMPS(OFFICE_HOURS("checked_on", ROW)) "}"},
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
	 " ELSE 'CONTRIBUTOR' END") ","
	 TIMESTAMPS("{\"generator\": \"moment\", \"within\": \"600 days\"}") "}"},
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
	const char *today;
	int			quarter; /* the first cycle's, counted from that of the year 0 */
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
			return OKR_PILLARS;
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

/* Appends a text as it stands between the quotes of JSON. */
static void
append_inside(StringInfo json, const char *text)
{
	StringInfoData quoted;

	initStringInfo(&quoted);
	escape_json(&quoted, text);
	appendBinaryStringInfo(json, quoted.data + 1, quoted.len - 2);
}

/* Appends a list of words where SQL stands within JSON. */
static void
append_words(StringInfo json, char letter)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (!okr_append_words(&sql, letter))
		elog(ERROR, "unrecognized part of a plan: %c", letter);
	append_inside(json, sql.data);
}

/* Returns the first day of a quarter, counted from that of the year 0. */
static const char *
first_day(int quarter)
{
	return psprintf("%04d-%02d-01", quarter / 4, quarter % 4 * 3 + 1);
}

/* Appends what a letter behind an @ stands for. */
static void
append_part(StringInfo json, char part, const OkrRequest *request)
{
	switch (part)
	{
		case 'S':
			append_inside(json, request->schema);
			break;
		case 'N':
			escape_json(json, request->organisation);
			break;
		case 'D':
			appendStringInfoString(json, request->today);
			break;
		case 'Q':
			appendStringInfoString(json, first_day(request->quarter));
			break;
		case 'F':
			appendStringInfoString(json, first_day(request->quarter - 4));
			break;
		case 'W':
			appendStringInfo(json, INT64_FORMAT, rows_of(request, ROWS_WORKSPACES));
			break;
		case 'M':
			appendStringInfo(json, INT64_FORMAT, rows_of(request, ROWS_TEAMS));
			break;
		case 'U':
			appendStringInfo(json, INT64_FORMAT, rows_of(request, ROWS_USERS));
			break;
		case 'A':
			appendStringInfo(json, INT64_FORMAT, rows_of(request, ROWS_ROLES));
			break;
		case 'O':
			appendStringInfo(json, INT64_FORMAT, Max(rows_of(request, ROWS_OBJECTIVES), 1));
			break;
		default:
			append_words(json, part);
	}
}

/* Appends JSON with what stands for the request's parts in it. */
static void
append_filled(StringInfo json, const char *text, const OkrRequest *request)
{
	const char *place;

	while ((place = strchr(text, '@')) != NULL)
	{
		appendBinaryStringInfo(json, text, place - text);
		append_part(json, place[1], request);
		text = place + 2;
	}
	appendStringInfoString(json, text);
}

/* Makes the plan. */
static Datum
make_plan(const OkrRequest *request)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(
		&json,
		"{\"version\": 1, \"name\": \"okr\", \"since\": \"%s\", \"as_of\": \"%s\", \"steps\": [",
		first_day(request->quarter - 4), moment_write(request->as_of));
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

/* Decides which quarters the cycles are: up to the one that as_of is four weeks into, so that each has room for check-ins. */
static void
set_quarters(OkrRequest *request)
{
	struct pg_tm today;
	struct pg_tm last;
	fsec_t		 fsec;

	if (timestamp2tm(request->as_of, NULL, &today, &fsec, NULL, NULL) != 0 ||
		timestamp2tm(request->as_of - 28 * USECS_PER_DAY, NULL, &last, &fsec, NULL, NULL) != 0 ||
		today.tm_year < 4 || today.tm_year > 9999)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("as_of must be in the years 4 to 9999")));
	request->today = psprintf("%04d-%02d-%02d", today.tm_year, today.tm_mon, today.tm_mday);
	request->quarter = last.tm_year * 4 + (last.tm_mon - 1) / 3 - (N_CYCLES - 1);
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
	set_quarters(&request);
	SPI_connect();
	schema = okr_create_tables(&created);
	SPI_finish();
	request.schema = quote_identifier(get_namespace_name(schema));
	PG_RETURN_DATUM(make_plan(&request));
}
