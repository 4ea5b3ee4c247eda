/*-------------------------------------------------------------------------
 *
 * vote_plans.c
 *		The statements that cast a vote, prepared once a session for each poll.
 *
 * Statements are for two tables and a mapping of columns.  Whatever could change what the
 * mapping means, such as a column that is renamed or added, has the server hold the plans for
 * invalid, and takes a lock that ours on the tables exclude.  So plans that are valid once the
 * tables are locked are what would be prepared now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/sql.h"
#include "votes/options.h"
#include "votes/vote_plans.h"

/* The name of the column that tells one event from another, where it is an integer. */
#define EVENT_ID_COLUMN "id"

/* Polls that statements are kept for. */
#define MAX_KEPT_POLLS 16

/* What is kept, the poll last voted in first. */
static dlist_head kept = DLIST_STATIC_INIT(kept);
static int		  n_kept = 0;

/* Tells whether a type is an integer, which the server compares with any other. */
static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Returns the column of the events that an insert can return: 0 where there is none that the caller may read. */
static AttrNumber
find_event_id(Oid events)
{
	AttrNumber attnum = get_attnum(events, EVENT_ID_COLUMN);

	if (attnum <= 0 || !is_integer(getBaseType(get_atttype(events, attnum))))
		return InvalidAttrNumber;
	if (pg_class_aclcheck(events, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck(events, attnum, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return InvalidAttrNumber;
	return attnum;
}

/* Returns SQL that compares a column with the option's number, $2. */
static const char *
is_option(const PollColumn *column, const char *alias)
{
	Oid number_type = INT8OID;

	if (is_integer(column->base_type))
		return psprintf("%s.%s OPERATOR(pg_catalog.=) $2", alias, column->quoted_name);
	if (!can_coerce_type(1, &number_type, &column->base_type, COERCION_EXPLICIT))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" is of type %s but must be a number", column->name,
							   format_type_be(column->type)),
						errhint("Votes are cast for options by number.")));
	return psprintf("%s.%s %s CAST($2 AS %s)", alias, column->quoted_name,
					equality_operator(column->type), qualified_type_name(column->type, -1));
}

/* Returns the statement that adds a vote, or locks the option. */
static const char *
count_sql(const Poll *poll)
{
	const char *table = relation_quoted_name(poll->options);
	const char *id = poll->columns[OPTION_ID].quoted_name;
	const char *text = poll->columns[OPTION_TEXT].quoted_name;
	const char *votes = poll->columns[OPTION_VOTES].quoted_name;
	const char *condition = is_option(&poll->columns[OPTION_ID], "o");

	if (!poll_has(poll, OPTION_VOTES))
		return psprintf("SELECT o.%s, o.%s, 0::pg_catalog.int8 FROM %s AS o WHERE %s"
						" FOR NO KEY UPDATE",
						id, text, table, condition);
	return psprintf("UPDATE %s AS o SET %s = COALESCE(o.%s, 0) OPERATOR(pg_catalog.+) 1%s WHERE %s"
					" RETURNING o.%s, o.%s, o.%s::pg_catalog.int8",
					table, votes, votes, options_set_updated_at(poll), condition, id, text, votes);
}

/* Returns the statement that counts the votes of an option which keeps no count. */
static const char *
number_sql(const Poll *poll)
{
	return psprintf("SELECT pg_catalog.count(*) FROM %s AS e WHERE %s AND %s",
					relation_quoted_name(poll->events),
					is_option(&poll->columns[EVENT_OPTION_ID], "e"),
					event_type_condition(poll, "{" SEED_EVENT_TYPE "," VOTE_EVENT_TYPE "}"));
}

/* Returns SQL for the value of a column of the event; a text goes into a type of another kind as a literal would. */
static const char *
event_value(const PollColumn *column, VoteEventParameter parameter)
{
	Oid text_type = TEXTOID;

	if (parameter == VOTE_TYPE &&
		!can_coerce_type(1, &text_type, &column->base_type, COERCION_ASSIGNMENT))
		return psprintf("$%d::%s", parameter + 1,
						qualified_type_name(column->type, column->typmod));
	return psprintf("$%d", parameter + 1);
}

/* Returns the statement that writes an event. */
static const char *
insert_sql(const Poll *poll, AttrNumber event_id)
{
	static const PollColumnRole roles[NUM_VOTE_PARAMETERS] = {
		[VOTE_OPTION_ID] = EVENT_OPTION_ID,		[VOTE_LABEL] = EVENT_LANGUAGE,
		[VOTE_VOTES] = EVENT_VOTES_AFTER,		[VOTE_TYPE] = EVENT_TYPE,
		[VOTE_INSERTED_AT] = EVENT_INSERTED_AT, [VOTE_UPDATED_AT] = EVENT_UPDATED_AT};
	StringInfoData names;
	StringInfoData values;
	const char	  *separator = "";

	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 0; i < NUM_VOTE_PARAMETERS; i++)
	{
		const PollColumn *column = &poll->columns[roles[i]];

		if (!poll_has(poll, roles[i]))
			continue;
		appendStringInfo(&names, "%s%s", separator, column->quoted_name);
		appendStringInfo(&values, "%s%s", separator, event_value(column, i));
		separator = ", ";
	}
	return psprintf(
		"INSERT INTO %s AS e (%s) VALUES (%s)%s", relation_quoted_name(poll->events), names.data,
		values.data,
		event_id != InvalidAttrNumber ? " RETURNING e." EVENT_ID_COLUMN "::pg_catalog.int8" : "");
}

/* Returns the type of the parameter for a time column. */
static Oid
time_type(const Poll *poll, PollColumnRole role)
{
	return poll_has(poll, role) ? poll->columns[role].base_type : TIMESTAMPTZOID;
}

/* Prepares a statement for the rest of the session, for any values. */
static SPIPlanPtr
prepare(const char *sql, int nargs, Oid *types)
{
	return sql_prepare_kept(sql, nargs, types, CURSOR_OPT_GENERIC_PLAN);
}

/* Frees statements, whichever of them were made. */
static void
free_plans(VotePlans *plans)
{
	SPIPlanPtr all[] = {plans->count, plans->number, plans->find, plans->insert};

	for (size_t i = 0; i < lengthof(all); i++)
	{
		if (all[i] != NULL)
			SPI_freeplan(all[i]);
	}
	MemoryContextDelete(plans->context);
}

/* Prepares the statements of a poll. */
static void
prepare_statements(VotePlans *plans, const Poll *poll)
{
	Oid option_types[] = {time_type(poll, OPTION_UPDATED_AT), INT8OID};
	Oid event_types[] = {
		[VOTE_OPTION_ID] = poll->columns[OPTION_ID].type,
		[VOTE_LABEL] = poll->columns[OPTION_TEXT].type,
		[VOTE_VOTES] = INT8OID,
		[VOTE_TYPE] = TEXTOID,
		[VOTE_INSERTED_AT] = time_type(poll, EVENT_INSERTED_AT),
		[VOTE_UPDATED_AT] = time_type(poll, EVENT_UPDATED_AT),
	};
	const char *found = is_option(&poll->columns[OPTION_ID], "o");

	plans->count = prepare(count_sql(poll), lengthof(option_types), option_types);
	if (!poll_has(poll, OPTION_VOTES))
		plans->number = prepare(number_sql(poll), lengthof(option_types), option_types);
	plans->find = prepare(
		psprintf("SELECT FROM %s AS o WHERE %s", relation_quoted_name(poll->options), found),
		lengthof(option_types), option_types);
	plans->insert = prepare(insert_sql(poll, plans->event_id), lengthof(event_types), event_types);
}

/* Opens a poll, having checked all that the caller may and may not do. */
static Poll *
open_poll(const PollRequest *request)
{
	Poll *poll = poll_open(request);

	poll_check_counting(poll);
	if (!poll_has(poll, OPTION_VOTES))
		relation_check_privilege(poll->events, ACL_SELECT);
	return poll;
}

/* Makes what is to be kept of a poll, without its statements. */
static VotePlans *
make_plans(const PollRequest *request, const Poll *poll, AttrNumber event_id)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "pollseed vote plans", ALLOCSET_SMALL_SIZES);
	VotePlans *plans = MemoryContextAllocZero(context, sizeof(VotePlans));

	plans->context = context;
	plans->options = RelationGetRelid(poll->options);
	plans->events = RelationGetRelid(poll->events);
	plans->event_id = event_id;
	memcpy(plans->columns, poll->columns, sizeof(plans->columns));
	if (request->columns != NULL)
	{
		plans->mapping = MemoryContextAlloc(context, VARSIZE(request->columns));
		memcpy(plans->mapping, request->columns, VARSIZE(request->columns));
	}
	return plans;
}

/* Forgets statements, and frees them unless they are running. */
static void
forget_plans(VotePlans *plans)
{
	dlist_delete(&plans->node);
	plans->is_kept = false;
	n_kept--;
	if (plans->uses == 0)
		free_plans(plans);
}

/* Prepares the statements of a poll and keeps them, in place of those not used for longest where there are many. */
static VotePlans *
keep_plans(const PollRequest *request, AttrNumber event_id)
{
	Poll	  *poll = open_poll(request);
	VotePlans *plans = make_plans(request, poll, event_id);

	PG_TRY();
	{
		prepare_statements(plans, poll);
	}
	PG_CATCH();
	{
		free_plans(plans);
		PG_RE_THROW();
	}
	PG_END_TRY();

	poll_close(poll);
	if (n_kept == MAX_KEPT_POLLS)
		forget_plans(dlist_container(VotePlans, node, dlist_tail_node(&kept)));
	dlist_push_head(&kept, &plans->node);
	plans->is_kept = true;
	n_kept++;
	return plans;
}

/* Tells whether a mapping of columns is that of a request. */
static bool
same_mapping(const Jsonb *mapping, const Jsonb *columns)
{
	if (mapping == NULL || columns == NULL)
		return mapping == columns;
	return VARSIZE(mapping) == VARSIZE(columns) && memcmp(mapping, columns, VARSIZE(mapping)) == 0;
}

/* Tells whether nothing has changed that the statements were made of. */
static bool
plans_are_valid(const VotePlans *plans)
{
	return SPI_plan_is_valid(plans->count) && SPI_plan_is_valid(plans->find) &&
		   SPI_plan_is_valid(plans->insert) &&
		   (plans->number == NULL || SPI_plan_is_valid(plans->number));
}

/* Finds statements that are kept, whether they are valid or not; NULL where there are none. */
static VotePlans *
find_plans(const PollRequest *request)
{
	dlist_iter iter;

	dlist_foreach(iter, &kept)
	{
		VotePlans *plans = dlist_container(VotePlans, node, iter.cur);

		if (plans->options == request->options && plans->events == request->events &&
			same_mapping(plans->mapping, request->columns))
			return plans;
	}
	return NULL;
}

VotePlans *
vote_plans_begin(const PollRequest *request)
{
	PollRequest resolved = *request;
	AttrNumber	event_id;
	VotePlans  *plans;

	poll_lock(request, &resolved.options, &resolved.events);
	event_id = find_event_id(resolved.events);
	plans = find_plans(&resolved);
	if (plans != NULL && (plans->event_id != event_id || !plans_are_valid(plans)))
	{
		forget_plans(plans);
		plans = NULL;
	}
	if (plans == NULL)
		plans = keep_plans(&resolved, event_id);
	else
		dlist_move_head(&kept, &plans->node);
	plans->uses++;
	return plans;
}

void
vote_plans_end(VotePlans *plans)
{
	plans->uses--;
	if (!plans->is_kept && plans->uses == 0)
		free_plans(plans);
}
