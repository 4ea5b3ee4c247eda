/*-------------------------------------------------------------------------
 *
 * events.c
 *		Writing a seeding's votes into the events table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/progress.h"
#include "votes/events.h"
#include "write/assign.h"

/* The columns of an event that are written. */
#define MAX_EVENT_COLUMNS 6

/* What an event takes from its option, for each option that gets votes. */
typedef struct OptionValues
{
	Datum *ids;
	bool  *id_nulls;
	Datum *labels;
	bool  *label_nulls;
} OptionValues;

/* The columns to write, and what goes into them. */
typedef struct EventLayout
{
	WriteColumn	   columns[MAX_EVENT_COLUMNS];
	PollColumnRole roles[MAX_EVENT_COLUMNS];
	int			   ncolumns;
	int			   nvalues; /* of the columns, those that are not a literal: all but the last */
	OptionValues   values;
	Oid			   count_type; /* of votes_after as we give it */
} EventLayout;

/* Adds a column to the layout if the table has it; returns it, or NULL. */
static WriteColumn *
add_column(EventLayout *layout, const Poll *poll, PollColumnRole role)
{
	WriteColumn *column = &layout->columns[layout->ncolumns];

	if (!poll_has(poll, role))
		return NULL;
	*column = (WriteColumn){.name = poll->columns[role].name, .typmod = -1};
	layout->roles[layout->ncolumns++] = role;
	return column;
}

/*
 * Adds a column that takes a value from the option.  The values of the options
 * that get votes are cast here once, not for each vote.
 */
static void
add_option_column(EventLayout *layout, const Poll *poll, PollColumnRole role, PollColumnRole source,
				  const VoteShare *shares, int noptions, Datum *values, bool *nulls)
{
	WriteColumn *column = add_column(layout, poll, role);
	Datum		*used_values = palloc_array(Datum, noptions);
	bool		*used_nulls = palloc_array(bool, noptions);
	int			 used = 0;

	if (column == NULL)
		return;
	column->type = poll->columns[source].type;
	column->typmod = poll->columns[source].typmod;

	for (int i = 0; i < noptions; i++)
	{
		if (shares[i].votes == 0)
			continue;
		used_values[used] = values[i];
		used_nulls[used++] = nulls[i];
	}
	assign_values(poll->events, column, used, used_values, used_nulls);
	used = 0;
	for (int i = 0; i < noptions; i++)
	{
		if (shares[i].votes == 0)
			continue;
		values[i] = used_values[used];
		nulls[i] = used_nulls[used++];
	}
}

/* Adds a column for a vote's time, which needs no cast unless it rounds or has checks. */
static void
add_time_column(EventLayout *layout, const Poll *poll, PollColumnRole role)
{
	const PollColumn *target = &poll->columns[role];
	WriteColumn		 *column = add_column(layout, poll, role);

	if (column == NULL)
		return;
	column->type = target->base_type;
	if (target->type == target->base_type && target->typmod >= MAX_TIMESTAMP_PRECISION)
		column->typmod = target->typmod;
}

/* Adds the column for the option's count, in its own type where that is an integer. */
static void
add_count_column(EventLayout *layout, const Poll *poll)
{
	const PollColumn *target = &poll->columns[EVENT_VOTES_AFTER];
	WriteColumn		 *column = add_column(layout, poll, EVENT_VOTES_AFTER);

	layout->count_type =
		target->type == INT2OID || target->type == INT4OID ? target->type : INT8OID;
	if (column != NULL)
		column->type = layout->count_type;
}

/* Lays out the columns that the events table has. */
static EventLayout *
make_layout(const Poll *poll, const PollOptions *options, const VoteShare *shares)
{
	EventLayout	 *layout = palloc0_object(EventLayout);
	OptionValues *values = &layout->values;
	int			  n = options->count;
	WriteColumn	 *column;

	values->ids = palloc_array(Datum, n);
	values->id_nulls = palloc0_array(bool, n);
	values->labels = palloc_array(Datum, n);
	values->label_nulls = palloc_array(bool, n);
	memcpy(values->ids, options->ids, n * sizeof(Datum));
	memcpy(values->labels, options->labels, n * sizeof(Datum));
	memcpy(values->label_nulls, options->label_nulls, n * sizeof(bool));

	add_option_column(layout, poll, EVENT_OPTION_ID, OPTION_ID, shares, n, values->ids,
					  values->id_nulls);
	add_option_column(layout, poll, EVENT_LANGUAGE, OPTION_TEXT, shares, n, values->labels,
					  values->label_nulls);
	add_count_column(layout, poll);
	add_time_column(layout, poll, EVENT_INSERTED_AT);
	add_time_column(layout, poll, EVENT_UPDATED_AT);
	layout->nvalues = layout->ncolumns;
	column = add_column(layout, poll, EVENT_TYPE);
	if (column != NULL)
		column->literal = SEED_EVENT_TYPE;
	return layout;
}

/* Returns a count as a value of an integer type. */
static inline Datum
count_datum(Oid type, int64 count)
{
	if (type == INT2OID)
		return Int16GetDatum((int16) count);
	if (type == INT4OID)
		return Int32GetDatum((int32) count);
	return Int64GetDatum(count);
}

/* Gives the writer one vote. */
static void
write_vote(Writer *writer, const EventLayout *layout, const Poll *poll, const PollOptions *options,
		   const int64 *before, const Vote *vote)
{
	bool  *isnull;
	Datum *values = writer_next_row(writer, &isnull);
	int	   option = vote->option;

	for (int i = 0; i < layout->nvalues; i++)
	{
		PollColumnRole role = layout->roles[i];

		isnull[i] = false;
		switch (role)
		{
			case EVENT_OPTION_ID:
				values[i] = layout->values.ids[option];
				isnull[i] = layout->values.id_nulls[option];
				break;
			case EVENT_LANGUAGE:
				values[i] = layout->values.labels[option];
				isnull[i] = layout->values.label_nulls[option];
				break;
			case EVENT_VOTES_AFTER:
				values[i] = count_datum(layout->count_type,
										options->votes[option] + vote->nth - before[option]);
				break;
			case EVENT_INSERTED_AT:
			case EVENT_UPDATED_AT:
				values[i] = poll_column_time(&poll->columns[role], vote->cast_at);
				break;
			default:
				elog(ERROR, "no value for column \"%s\"", layout->columns[i].name);
		}
	}
}

WriteFigures
events_write(const Poll *poll, const PollOptions *options, const VoteShare *shares,
			 VoteStream *stream, int64 vote_count, int batch_size)
{
	EventLayout *layout = make_layout(poll, options, shares);
	Writer		*writer = writer_open(poll->events, layout->ncolumns, layout->columns, batch_size);
	int64		*before = palloc_array(int64, options->count);
	int64		 written = 0;
	WriteFigures figures;

	if (stream != NULL)
		memcpy(before, vote_stream_cast(stream), options->count * sizeof(int64));
	for (int64 i = 0; i < vote_count; i++)
	{
		Vote vote = vote_stream_next(stream);

		write_vote(writer, layout, poll, options, before, &vote);

		/* A full batch is written when the next vote comes. */
		if (i == written + batch_size)
		{
			progress_advance(batch_size);
			written = i;
		}
	}
	figures = writer_close(writer);
	progress_advance(vote_count - written);
	return figures;
}
