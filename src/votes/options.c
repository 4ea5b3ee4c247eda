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
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/relation.h"
#include "votes/options.h"

/* Runs a statement with parameters that are not NULL, and returns the rows that it processed. */
static int
run(const char *sql, int nargs, Oid *types, Datum *values, int expected)
{
	int result = SPI_execute_with_args(sql, nargs, types, values, NULL, false, 0);

	/* A rule may turn one command into another. */
	if (result < 0 || (expected == SPI_OK_SELECT && result != expected))
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	return (int) SPI_processed;
}

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
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("could not find array type for data type %s", format_type_be(type))));
	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(
		construct_array(options->ids, options->count, type, length, by_value, align));
}

/* Returns SQL for an option's count as a bigint. */
static const char *
votes_expression(const Poll *poll)
{
	if (!poll_has(poll, OPTION_VOTES))
		return "0::pg_catalog.int8";
	return psprintf("COALESCE(o.%s, 0)::pg_catalog.int8", poll->columns[OPTION_VOTES].quoted_name);
}

/* Copies one row of the options from the last query's result. */
static void
copy_option(const Poll *poll, PollOptions *options, int row)
{
	HeapTuple tuple = SPI_tuptable->vals[row];
	TupleDesc desc = SPI_tuptable->tupdesc;
	int16	  length;
	bool	  by_value;
	bool	  isnull;
	Datum	  value;

	value = SPI_getbinval(tuple, desc, 1, &isnull);
	if (isnull)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("column \"%s\" of relation \"%s\" contains null values",
							   poll->columns[OPTION_ID].name,
							   RelationGetRelationName(poll->options))));
	get_typlenbyval(poll->columns[OPTION_ID].type, &length, &by_value);
	options->ids[row] = datumCopy(value, by_value, length);

	value = SPI_getbinval(tuple, desc, 2, &options->label_nulls[row]);
	if (options->label_nulls[row])
		options->label_texts[row] = "";
	else
	{
		get_typlenbyval(poll->columns[OPTION_TEXT].type, &length, &by_value);
		options->labels[row] = datumCopy(value, by_value, length);
		options->label_texts[row] = SPI_getvalue(tuple, desc, 2);
	}

	options->votes[row] = DatumGetInt64(SPI_getbinval(tuple, desc, 3, &isnull));
}

/* Reads the options in the order of their ids, with a locking clause or none. */
static PollOptions *
read_options(Poll *poll, const char *locking)
{
	PollOptions *options = palloc_object(PollOptions);
	const char	*id = poll->columns[OPTION_ID].quoted_name;

	options->count = run(psprintf("SELECT o.%s, o.%s, %s FROM %s AS o ORDER BY o.%s%s", id,
								  poll->columns[OPTION_TEXT].quoted_name, votes_expression(poll),
								  relation_quoted_name(poll->options), id, locking),
						 0, NULL, NULL, SPI_OK_SELECT);
	if (options->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("relation \"%s\" has no options", RelationGetRelationName(poll->options)),
				 errhint("Insert at least one option first.")));

	options->ids = palloc_array(Datum, options->count);
	options->labels = palloc0_array(Datum, options->count);
	options->label_nulls = palloc_array(bool, options->count);
	options->label_texts = palloc_array(char *, options->count);
	options->votes = palloc_array(int64, options->count);
	for (int row = 0; row < options->count; row++)
		copy_option(poll, options, row);
	SPI_freetuptable(SPI_tuptable);
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

/* Returns SQL for the votes of each option, as (id, votes), given the array of their ids as $1. */
static const char *
event_counts(const Poll *poll)
{
	const PollColumn *option_id = &poll->columns[EVENT_OPTION_ID];

	return psprintf(
		"SELECT i.id, COALESCE(c.votes, 0) AS votes"
		" FROM pg_catalog.unnest($1) WITH ORDINALITY AS i(id, place) LEFT JOIN"
		" (SELECT e.%s AS id, pg_catalog.count(*) AS votes FROM %s AS e WHERE %s GROUP BY 1) AS c"
		" ON c.id %s i.id::%s ORDER BY i.place",
		option_id->quoted_name, relation_quoted_name(poll->events),
		event_type_condition(poll, "{" SEED_EVENT_TYPE "," VOTE_EVENT_TYPE "}"),
		equality_operator(option_id->type), qualified_type_name(option_id->type, option_id->typmod));
}

PollOptions *
options_read(Poll *poll)
{
	return read_options(poll, "");
}

PollOptions *
options_lock(Poll *poll)
{
	PollOptions *options = read_options(poll, " FOR NO KEY UPDATE");

	/* A statement of its own: it must see what was committed while we waited for the locks. */
	if (!poll_has(poll, OPTION_VOTES) && poll_has(poll, EVENT_VOTES_AFTER))
	{
		Oid	  type;
		Datum ids = ids_array(poll, options, &type);
		bool  isnull;

		run(event_counts(poll), 1, &type, &ids, SPI_OK_SELECT);
		for (int row = 0; row < options->count; row++)
			options->votes[row] = DatumGetInt64(SPI_getbinval(
				SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &isnull));
		SPI_freetuptable(SPI_tuptable);
	}
	return options;
}

/* Returns SQL that sets updated_at to a parameter unless it is later already, or nothing. */
static const char *
set_updated_at(const Poll *poll, int parameter)
{
	const char *column = poll->columns[OPTION_UPDATED_AT].quoted_name;

	if (!poll_has(poll, OPTION_UPDATED_AT))
		return "";
	return psprintf(", %s = GREATEST(o.%s, $%d)", column, column, parameter);
}

int
options_add_votes(Poll *poll, const PollOptions *options, const VoteShare *shares,
				  TimestampTz updated_at)
{
	const PollColumn *id = &poll->columns[OPTION_ID];
	const PollColumn *votes = &poll->columns[OPTION_VOTES];
	Oid				  types[3] = {InvalidOid, INT8ARRAYOID, InvalidOid};
	Datum			  values[3] = {0};
	int				  nargs = 2;
	int				  expected = 0;
	int				  updated;
	PollOptions		  touched = {0};
	Datum			 *added = palloc_array(Datum, options->count);

	touched.ids = palloc_array(Datum, options->count);
	for (int i = 0; i < options->count; i++)
	{
		if (shares[i].votes == 0)
			continue;
		touched.ids[touched.count] = options->ids[i];
		added[touched.count++] = Int64GetDatum(shares[i].votes);
	}
	if (touched.count == 0 || !poll_has(poll, OPTION_VOTES))
		return 0;

	values[0] = ids_array(poll, &touched, &types[0]);
	values[1] = PointerGetDatum(construct_array(added, touched.count, INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	if (poll_has(poll, OPTION_UPDATED_AT))
	{
		types[nargs] = poll->columns[OPTION_UPDATED_AT].base_type;
		values[nargs++] = poll_column_time(&poll->columns[OPTION_UPDATED_AT], updated_at);
	}
	expected = touched.count;
	updated = run(psprintf("UPDATE %s AS o"
						   " SET %s = COALESCE(o.%s, 0) OPERATOR(pg_catalog.+) d.votes%s"
						   " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
						   " AS d(id, votes) WHERE o.%s %s d.id",
						   relation_quoted_name(poll->options), votes->quoted_name,
						   votes->quoted_name, set_updated_at(poll, 3), id->quoted_name,
						   equality_operator(id->type)),
				  nargs, types, values, SPI_OK_UPDATE);

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
	const PollColumn *id = &poll->columns[OPTION_ID];
	const PollColumn *votes = &poll->columns[OPTION_VOTES];
	Oid				  types[2];
	Datum			  values[2];
	int				  nargs = 1;

	if (!poll_has(poll, OPTION_VOTES))
		return 0;

	values[0] = ids_array(poll, options, &types[0]);
	if (poll_has(poll, OPTION_UPDATED_AT))
	{
		types[nargs] = poll->columns[OPTION_UPDATED_AT].base_type;
		values[nargs++] = poll_column_time(&poll->columns[OPTION_UPDATED_AT],
										   GetCurrentTransactionStartTimestamp());
	}
	return run(psprintf("UPDATE %s AS o SET %s = d.votes%s FROM (%s) AS d WHERE o.%s %s d.id"
						" AND (o.%s IS NULL OR o.%s OPERATOR(pg_catalog.<>) d.votes)",
						relation_quoted_name(poll->options), votes->quoted_name,
						set_updated_at(poll, 2), event_counts(poll), id->quoted_name,
						equality_operator(id->type), votes->quoted_name, votes->quoted_name),
			   nargs, types, values, SPI_OK_UPDATE);
}
