/*-------------------------------------------------------------------------
 *
 * trials.c
 *		Rows that triggers of the user's refuse, drawn again.
 *
 * What a trigger wants stands in no catalog, so a batch for a table that has some is tried in a
 * subtransaction first, which is undone.  Where it fails, its rows are tried one
 * after the other, each until it is taken.  Then the batch is written as if nothing had
 * been: xmin tells the rows of a run, so they are not left to subtransactions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/compat.h"
#include "core/subtransaction.h"
#include "graph/exceptions.h"
#include "graph/trials.h"

/* How often a row is drawn before its last error is raised. */
#define MAX_TRIALS 50

/* Trying a batch. */
typedef struct Trial
{
	const RowSink  *sink;
	ExistingFinder *finder;
	int64			first;
	int				nrows;
	bool		   *found;
	int				redraws;
} Trial;

void
row_sink_put(const RowSink *sink)
{
	bool  *nulls;
	Datum *values = writer_next_row(sink->writer, &nulls);

	for (int i = 0; i < sink->ncolumns; i++)
		values[i] = cursor_value(sink->cursor, sink->indexes[i], &nulls[i]);
}

/* Writes the rows of a batch. */
static void
write_batch(void *arg)
{
	const Trial *trial = arg;

	for (int row = 0; row < trial->nrows; row++)
	{
		if (trial->found[row])
			continue;
		cursor_move(trial->sink->cursor, trial->first + row);
		row_sink_put(trial->sink);
	}
	writer_flush(trial->sink->writer);
}

/* Writes the row that the cursor is at. */
static void
write_row(void *arg)
{
	const Trial *trial = arg;

	row_sink_put(trial->sink);
	writer_flush(trial->sink->writer);
}

/* Errors that have to do with more than a row, by their class: triggers raise what they like. */
static const int not_of_a_row[] = {
	ERRCODE_TRANSACTION_ROLLBACK,	ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION,
	ERRCODE_INSUFFICIENT_RESOURCES, ERRCODE_OPERATOR_INTERVENTION,
	ERRCODE_SYSTEM_ERROR,			ERRCODE_INTERNAL_ERROR};

/* Tells whether another row might not meet an error. */
static bool
is_refusal(const ErrorData *error)
{
	for (size_t i = 0; i < lengthof(not_of_a_row); i++)
	{
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TO_CATEGORY(not_of_a_row[i]))
			return false;
	}
	return true;
}

/* Notes the cells of the row that the cursor is at, so that it has them wherever it is asked for. */
static void
note_row(const Trial *trial, int64 row)
{
	GraphStep *step = cursor_step(trial->sink->cursor);

	for (int i = 0; i < step->ncolumns; i++)
	{
		bool  isnull;
		Datum value;

		if (step->columns[i].source == COLUMN_DEFAULT)
			continue;
		value = cursor_value(trial->sink->cursor, i, &isnull);
		exception_add(step, row, i, value, isnull);
	}
}

/* Draws a row until it is taken. */
static void
settle_row(Trial *trial, int place)
{
	RowCursor *cursor = trial->sink->cursor;
	int64	   row = trial->first + place;

	for (int redraw = 0;; redraw++)
	{
		ErrorData *error;

		cursor_redraw(cursor, row, redraw);
		if (redraw > 0 && trial->finder != NULL)
		{
			existing_find(trial->finder, cursor, row, 1, &trial->found[place]);
			cursor_redraw(cursor, row, redraw);
		}
		error = trial->found[place] ? NULL : subtransaction_try(write_row, trial, NULL);
		if (error == NULL)
		{
			if (redraw > 0)
				note_row(trial, row);
			cursor_forget(cursor);
			return;
		}
		writer_discard(trial->sink->writer);
		if (redraw + 1 == MAX_TRIALS || !is_refusal(error))
			ThrowErrorData(error);
		FreeErrorData(error);
		trial->redraws++;
	}
}

/* Draws the rows of a batch, one after the other, until they are taken. */
static void
settle_rows(void *arg)
{
	Trial *trial = arg;

	for (int row = 0; row < trial->nrows; row++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!trial->found[row])
			settle_row(trial, row);
	}
}

int
trials_settle(const RowSink *sink, ExistingFinder *finder, int64 first, int nrows, bool *found)
{
	Trial trial = {.sink = sink, .finder = finder, .first = first, .nrows = nrows, .found = found};
	bool  undo = true;
	ErrorData *error = subtransaction_try(write_batch, &trial, &undo);

	cursor_forget(sink->cursor);
	if (error == NULL)
		return 0;
	writer_discard(sink->writer);
	if (!is_refusal(error))
		ThrowErrorData(error);
	FreeErrorData(error);
	error = subtransaction_try(settle_rows, &trial, &undo);
	if (error != NULL)
		ThrowErrorData(error);
	return trial.redraws;
}
