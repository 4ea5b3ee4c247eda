/*-------------------------------------------------------------------------
 *
 * options.c
 *		Reading, locking and counting a poll's options.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "core/relation.h"
#include "core/sql.h"
#include "votes/options.h"

/* Makes an array parameter of the options' ids. */
static Datum
ids_array(const Poll *poll, const PollOptions *options, Oid *array_type)
{
	Oid	  type = poll->columns[OPTION_ID].type;
	int16 length;
	bool  by_value;
	char  align;

	*array_type = get_array_type(type);
	if (!OidIsValid(*array_type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("could not find array type for data type %s", format_type_be(type))));
	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(
		construct_array(options->ids, options->count, type, length, by_value, align));
}

/* Copies one row of the options, (id, label), from the last query's result. */
static void
copy_option(const Poll *poll, PollOptions *options, int row)
{
	int16 length;
	bool  by_value;
	bool  isnull;
	Datum value;

	value = sql_value(row, 1, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("column \"%s\" of relation \"%s\" contains null values",
						poll->columns[OPTION_ID].name, RelationGetRelationName(poll->options))));
	get_typlenbyval(poll->columns[OPTION_ID].type, &length, &by_value);
	options->ids[row] = datumCopy(value, by_value, length);

	value = sql_value(row, 2, &options->label_nulls[row]);
	if (!options->label_nulls[row])
	{
		get_typlenbyval(poll->columns[OPTION_TEXT].type, &length, &by_value);
		options->labels[row] = datumCopy(value, by_value, length);
		options->label_texts[row] = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2);
	}
}

/* Refuses options of which two have the same id; they are in the order of their ids. */
static void
check_ids_differ(const Poll *poll, const PollOptions *options)
{
	const PollColumn *id = &poll->columns[OPTION_ID];
	TypeCacheEntry	 *type = lookup_type_cache(id->type, TYPECACHE_EQ_OPR_FINFO);

	for (int i = 1; i < options->count; i++)
	{
		if (DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, get_typcollation(id->type),
										   options->ids[i - 1], options->ids[i])))
			ereport(ERROR, (errcode(ERRCODE_UNIQUE_VIOLATION),
							errmsg("column \"%s\" of relation \"%s\" contains duplicate values",
								   id->name, RelationGetRelationName(poll->options)),
							errhint("Each option must have an id of its own.")));
	}
}

/* Reads the options in the order of their ids, with their counts as SQL gives them, and a locking clause or none. */
static PollOptions *
read_options(Poll *poll, const char *votes, const char *locking)
{
	PollOptions *options = palloc0_object(PollOptions);
	const char	*id = poll->columns[OPTION_ID].quoted_name;
	int64		 count;

	count = sql_execute(psprintf("SELECT o.%s, o.%s, %s FROM %s AS o ORDER BY o.%s LIMIT %d%s", id,
								 poll->columns[OPTION_TEXT].quoted_name, votes,
								 relation_quoted_name(poll->options), id, MAX_OPTIONS + 1, locking),
						0, NULL, NULL, NULL);
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("relation \"%s\" has no options", RelationGetRelationName(poll->options)),
				 errhint("Insert at least one option first.")));
	if (count > MAX_OPTIONS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("relation \"%s\" has more than %d options",
							   RelationGetRelationName(poll->options), MAX_OPTIONS)));

	options->count = (int) count;
	options->ids = palloc_array(Datum, count);
	options->labels = palloc0_array(Datum, count);
	options->label_nulls = palloc_array(bool, count);
	options->label_texts = palloc0_array(char *, count);
	options->votes = palloc_array(int64, count);
	for (int row = 0; row < count; row++)
	{
		copy_option(poll, options, row);
		options->votes[row] = DatumGetInt64(sql_value_not_null(row, 3));
	}
	SPI_freetuptable(SPI_tuptable);
	check_ids_differ(poll, options);
	return options;
}

const char *
event_type_condition(const Poll *poll, const char *types)
{
	if (!poll_has(poll, EVENT_TYPE))
		return "true";
	return psprintf("e.%s::pg_catalog.text OPERATOR(pg_catalog.=) ANY (%s::pg_catalog.text[])",
					poll->columns[EVENT_TYPE].quoted_name, quote_literal_cstr(types));
}

/*
 * Returns SQL that compares an event's option id, as c.id, with an option's, as
 * i.id.  Where their types differ, the one that loses nothing is cast.
 */
static const char *
same_option(const Poll *poll)
{
	Oid option_type = poll->columns[OPTION_ID].type;
	Oid event_type = poll->columns[EVENT_OPTION_ID].type;

	if (can_coerce_type(1, &event_type, &option_type, COERCION_IMPLICIT))
		return psprintf("c.id::%s %s i.id", qualified_type_name(option_type, -1),
						equality_operator(option_type));
	return psprintf("c.id %s i.id::%s", equality_operator(event_type),
					qualified_type_name(event_type, -1));
}

/* Returns SQL for the votes of each option, as (id, votes), given the array of their ids as a parameter. */
static const char *
event_counts(const Poll *poll, int parameter)
{
	return psprintf(
		"SELECT i.id, COALESCE(c.votes, 0) AS votes"
		" FROM pg_catalog.unnest($%d) WITH ORDINALITY AS i(id, place) LEFT JOIN"
		" (SELECT e.%s AS id, pg_catalog.count(*) AS votes FROM %s AS e WHERE %s GROUP BY 1) AS c"
		" ON %s ORDER BY i.place",
		parameter, poll->columns[EVENT_OPTION_ID].quoted_name, relation_quoted_name(poll->events),
		event_type_condition(poll, "{" SEED_EVENT_TYPE "," VOTE_EVENT_TYPE "}"), same_option(poll));
}

PollOptions *
options_read(Poll *poll)
{
	return read_options(poll, "0::pg_catalog.int8", "");
}

/* There a statement would not see what was committed meanwhile, and nothing that we lock changes with a vote. */
void
options_check_counting(const char *options)
{
	if (XactIsoLevel == XACT_REPEATABLE_READ)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot continue the numbering of votes in a repeatable read transaction"),
				 errdetail("Relation \"%s\" has no column that counts them.", options),
				 errhint("Use isolation level read committed or serializable, or give the options "
						 "a column for their votes.")));
}

/*
 * Counts the options' votes from their events, in a statement of its own: it must
 * see what was committed while we waited for the locks.
 */
static void
count_votes(Poll *poll, PollOptions *options)
{
	Oid	  type;
	Datum ids = ids_array(poll, options, &type);

	options_check_counting(RelationGetRelationName(poll->options));
	sql_execute(event_counts(poll, 1), 1, &type, &ids, NULL);
	for (int row = 0; row < options->count; row++)
		options->votes[row] = DatumGetInt64(sql_value_not_null(row, 2));
	SPI_freetuptable(SPI_tuptable);
}

const char *
options_set_updated_at(const Poll *poll)
{
	const char *column = poll->columns[OPTION_UPDATED_AT].quoted_name;

	if (!poll_has(poll, OPTION_UPDATED_AT))
		return "";
	return psprintf(", %s = GREATEST(o.%s, $1::%s)", column, column,
					qualified_type_name(poll->columns[OPTION_UPDATED_AT].base_type, -1));
}

Datum
options_updated_at(const Poll *poll, TimestampTz updated_at, Oid *type)
{
	const PollColumn *column = &poll->columns[OPTION_UPDATED_AT];

	*type = poll_has(poll, OPTION_UPDATED_AT) ? column->base_type : TIMESTAMPTZOID;
	return poll_column_time(column, updated_at);
}

/* Makes array parameters of the options that get votes, and of these votes; returns how many. */
static int
added_votes(const Poll *poll, const PollOptions *options, const VoteShare *shares, Oid *types,
			Datum *values)
{
	PollOptions touched = {0};
	Datum	   *votes = palloc_array(Datum, options->count);

	touched.ids = palloc_array(Datum, options->count);
	for (int i = 0; i < options->count; i++)
	{
		if (shares[i].votes == 0)
			continue;
		touched.ids[touched.count] = options->ids[i];
		votes[touched.count++] = Int64GetDatum(shares[i].votes);
	}

	values[0] = ids_array(poll, &touched, &types[0]);
	types[1] = INT8ARRAYOID;
	values[1] = PointerGetDatum(construct_array(votes, touched.count, INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	return touched.count;
}

/* Prepares the UPDATE that adds votes to the counts. */
static SPIPlanPtr
prepare_add_votes(const Poll *poll, const PollOptions *options)
{
	const char *id = poll->columns[OPTION_ID].quoted_name;
	const char *votes = poll->columns[OPTION_VOTES].quoted_name;
	Oid			types[3];

	(void) options_updated_at(poll, 0, &types[0]);
	(void) ids_array(poll, options, &types[1]);
	types[2] = INT8ARRAYOID;
	return sql_prepare(
		psprintf("UPDATE %s AS o SET %s = COALESCE(o.%s, 0) OPERATOR(pg_catalog.+) d.votes%s"
				 " FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS d(id, votes)"
				 " WHERE o.%s %s d.id",
				 relation_quoted_name(poll->options), votes, votes, options_set_updated_at(poll),
				 id, equality_operator(poll->columns[OPTION_ID].type)),
		3, types);
}

/* Returns SQL for what an option's count is, 0 where it keeps none. */
static const char *
kept_count(const Poll *poll)
{
	if (!poll_has(poll, OPTION_VOTES))
		return "0::pg_catalog.int8";
	return psprintf("COALESCE(o.%s, 0)::pg_catalog.int8", poll->columns[OPTION_VOTES].quoted_name);
}

PollOptions *
options_read_counts(Poll *poll)
{
	return read_options(poll, kept_count(poll), "");
}

PollOptions *
options_lock(Poll *poll)
{
	PollOptions *options = read_options(poll, kept_count(poll), " FOR NO KEY UPDATE");

	if (poll_has(poll, OPTION_VOTES))
		options->add_votes = prepare_add_votes(poll, options);
	else if (poll_has(poll, EVENT_VOTES_AFTER))
		count_votes(poll, options);
	return options;
}

int
options_add_votes(Poll *poll, const PollOptions *options, const VoteShare *shares,
				  TimestampTz updated_at)
{
	Oid	  types[3];
	Datum values[3];
	int	  expected;
	int	  updated;

	if (options->add_votes == NULL)
		return 0;

	values[0] = options_updated_at(poll, updated_at, &types[0]);
	expected = added_votes(poll, options, shares, &types[1], &values[1]);
	if (expected == 0)
		return 0;
	updated = (int) sql_execute_plan(options->add_votes, values, NULL);

	/* Rules count in ways of their own; without them each option must have got its votes. */
	if (updated != expected && !poll->options->rd_rel->relhasrules)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("votes of %d of %d options in relation \"%s\" could not be updated",
						expected - updated, expected, RelationGetRelationName(poll->options)),
				 errhint("A trigger or a row-level security policy keeps these options from "
						 "being updated.")));
	return updated;
}

int
options_recount(Poll *poll, const PollOptions *options)
{
	const char *id = poll->columns[OPTION_ID].quoted_name;
	const char *votes = poll->columns[OPTION_VOTES].quoted_name;
	Oid			types[2];
	Datum		values[2];

	if (!poll_has(poll, OPTION_VOTES))
		return 0;

	values[0] = options_updated_at(poll, GetCurrentTransactionStartTimestamp(), &types[0]);
	values[1] = ids_array(poll, options, &types[1]);
	return (int) sql_execute(
		psprintf("UPDATE %s AS o SET %s = d.votes%s FROM (%s) AS d WHERE o.%s %s d.id"
				 " AND (o.%s IS NULL OR o.%s OPERATOR(pg_catalog.<>) d.votes)",
				 relation_quoted_name(poll->options), votes, options_set_updated_at(poll),
				 event_counts(poll, 2), id, equality_operator(poll->columns[OPTION_ID].type), votes,
				 votes),
		2, types, values, NULL);
}

void
options_lock_rows(const Poll *poll)
{
	sql_execute(psprintf("SELECT pg_catalog.count(*) FROM"
						 " (SELECT FROM %s AS o ORDER BY o.%s FOR NO KEY UPDATE) AS l",
						 relation_quoted_name(poll->options), poll->columns[OPTION_ID].quoted_name),
				0, NULL, NULL, NULL);
	SPI_freetuptable(SPI_tuptable);
}

int
options_reset(const Poll *poll)
{
	const char *votes = poll->columns[OPTION_VOTES].quoted_name;
	Oid			type;
	Datum		updated_at = options_updated_at(poll, GetCurrentTransactionStartTimestamp(), &type);

	if (!poll_has(poll, OPTION_VOTES))
		return 0;
	return (int) sql_execute(psprintf("UPDATE %s AS o SET %s = 0%s"
									  " WHERE o.%s IS NULL OR o.%s OPERATOR(pg_catalog.<>) 0",
									  relation_quoted_name(poll->options), votes,
									  options_set_updated_at(poll), votes, votes),
							 1, &type, &updated_at, NULL);
}
