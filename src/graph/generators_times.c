/*-------------------------------------------------------------------------
 *
 * generators_times.c
 *		Generators of moments, days, times of day and intervals.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "graph/generators.h"
#include "graph/moment.h"
#include "graph/week_clock.h"
#include "graph/wording.h"

#define DAYS_A_YEAR 365
#define MAX_PRECISION 6
#define UNIX_EPOCH (INT64CONST(946684800)) /* seconds from 1970 to 2000 */

typedef enum TimeShape
{
	SHAPE_MOMENT,
	SHAPE_DATE,
	SHAPE_BIRTH,
	SHAPE_TIME,
	SHAPE_INTERVAL
} TimeShape;

/* Characters that texts of the shapes have at most. */
static const int text_lengths[] = {[SHAPE_MOMENT] = 20,
								   [SHAPE_DATE] = 10,
								   [SHAPE_BIRTH] = 10,
								   [SHAPE_TIME] = 8,
								   [SHAPE_INTERVAL] = 12};

typedef struct TimeKind
{
	GeneratorKind kind;
	TimeShape	  shape;
} TimeKind;

typedef struct TimeState
{
	/* Moments. */
	const char *after; /* a column, or NULL */
	Oid			after_type;
	int64		within; /* microseconds; 0: no limit */
	bool		future;
	int64		since;
	int64		as_of;
	int64		grain; /* microseconds that moments are multiples of */
	bool		fine;  /* n-th ones differ in microseconds, not in whole grains */
	WeekClock	clock;

	/* All of them: numbers of days, or microseconds. */
	int64	least;
	int64	most;
	int64	unit; /* that they are multiples of */
	Shuffle shuffle;
} TimeState;

/* Tells whether a number is as far from zero as a limit at most. */
static bool
is_within(int64 number, int64 limit)
{
	return number >= -limit && number <= limit;
}

bool
interval_read(const char *text, int64 *microseconds)
{
	char			 buffer[256];
	char			*fields[MAXDATEFIELDS];
	int				 types[MAXDATEFIELDS];
	int				 nfields;
	int				 type;
	struct pg_itm_in itm;

	if (ParseDateTime(text, buffer, sizeof(buffer), fields, types, MAXDATEFIELDS, &nfields) != 0 ||
		DecodeInterval(fields, types, nfields, INTERVAL_FULL_RANGE, &type, &itm) != 0 ||
		type != DTK_DELTA)
		return false;
	if (!is_within(itm.tm_year, 10000) || !is_within(itm.tm_mon, 120000) ||
		!is_within(itm.tm_mday, 4000000) || !is_within(itm.tm_usec, PG_INT64_MAX / 4))
		return false;
	*microseconds = itm.tm_usec + ((int64) itm.tm_year * DAYS_A_YEAR +
								   (int64) itm.tm_mon * DAYS_PER_MONTH + itm.tm_mday) *
									  USECS_PER_DAY;
	return true;
}

/* Reads an interval that the plan says; the default where it says none. */
static int64
read_interval(const GeneratorRequest *request, const char *name, int64 default_value)
{
	const char *text = generator_text(request, name, NULL);
	int64		microseconds;

	if (text == NULL)
		return default_value;
	if (interval_read(text, &microseconds) && microseconds >= 0)
		return microseconds;
	generator_problem(request, psprintf("argument \"%s\" is not an interval", name),
					  "Give a text such as \"30 days\".");
	return default_value;
}

/* Reads a day as ISO 8601 has it, whatever DateStyle says; the default where the plan says none. */
static int64
read_day(const GeneratorRequest *request, const char *name, int64 default_value)
{
	const char *text = generator_text(request, name, NULL);
	TimestampTz moment;

	if (text == NULL)
		return default_value;
	if (strlen(text) == strlen("2025-12-31") && moment_read(text, &moment))
		return moment / USECS_PER_DAY - (moment % USECS_PER_DAY < 0 ? 1 : 0);
	generator_problem(request, psprintf("argument \"%s\" is not a date", name),
					  "Give a text such as \"2025-12-31\".");
	return default_value;
}

/* Reads a time of day as microseconds; the default where the plan says none. */
static int64
read_time_of_day(const GeneratorRequest *request, const char *name, int64 default_value)
{
	const char *text = generator_text(request, name, NULL);
	TimestampTz moment;

	if (text == NULL)
		return default_value;
	if (moment_read(psprintf("2000-01-01T%s", text), &moment) && moment >= 0 &&
		moment < USECS_PER_DAY)
		return moment;
	generator_problem(request, psprintf("argument \"%s\" is not a time of day", name),
					  "Give a text such as \"17:30\".");
	return default_value;
}

/* Returns a day's number from microseconds, rounded down. */
static int64
day_of(int64 moment)
{
	return moment / USECS_PER_DAY - (moment % USECS_PER_DAY < 0 ? 1 : 0);
}

/* Returns how many digits behind the second a space's times have; -1: nothing is said. */
static int
precision_of(const ValueSpace *space)
{
	switch (space->kind)
	{
		case VALUE_TIMESTAMP:
		case VALUE_TIME:
			return space->base_typmod > MAX_PRECISION ? MAX_PRECISION : space->base_typmod;
		default:
			return -1;
	}
}

/* Reads a bound of the space as microseconds, or days of a date. */
static int64
bound_of(const ValueSpace *space, Datum bound)
{
	switch (space->base)
	{
		case DATEOID:
			return DatumGetDateADT(bound);
		case TIMEOID:
			return DatumGetTimeADT(bound);
		case TIMETZOID:
			return DatumGetTimeTzADTP(bound)->time;
		case INTERVALOID:
		{
			const Interval *interval = DatumGetIntervalP(bound);

			return interval->time +
				   ((int64) interval->month * DAYS_PER_MONTH + interval->day) * USECS_PER_DAY;
		}
		default:
			return DatumGetTimestampTz(bound);
	}
}

/* Narrows a state's bounds to the column's, which comes first where they do not meet. */
static void
narrow(TimeState *state, const ValueSpace *space)
{
	int64 width = state->most - state->least;

	if (space->has_min && bound_of(space, space->min) > state->least)
	{
		state->least = bound_of(space, space->min);
		if (state->most < state->least)
			state->most = state->least + width;
	}
	if (space->has_max && bound_of(space, space->max) < state->most)
	{
		state->most = bound_of(space, space->max);
		if (state->least > state->most)
			state->least = space->has_min ? bound_of(space, space->min) : state->most - width;
	}
}

/* Does the same for moments that become days. */
static void
narrow_days(TimeState *state, const ValueSpace *space)
{
	state->least = day_of(state->least);
	state->most = day_of(state->most);
	narrow(state, space);
	state->least *= USECS_PER_DAY;
	state->most *= USECS_PER_DAY;
}

/* Sets how many multiples of the unit are between the bounds. */
static void
count_units(Generator *generator, TimeState *state, const GeneratorRequest *request)
{
	int64 first = state->least + remainder_of(-state->least, state->unit);

	if (first > state->most)
	{
		/* Too narrow for whole units. */
		state->unit = 1;
		first = state->least;
	}
	if (first > state->most)
	{
		generator_problem(request,
						  "no time is between the bounds that the plan and the column give",
						  "Look at \"min\", \"max\" and the column's checks.");
		return;
	}
	state->least = first;
	state->shuffle = shuffle_make((uint64) (state->most - first) / (uint64) state->unit + 1);
	generator->capacity = state->shuffle.size;
}

/* Looks up the column that moments come after. */
static void
read_after(Generator *generator, const GeneratorRequest *request, TimeState *state)
{
	generator_reads(generator, list_make1(unconstify(char *, state->after)));
	state->after_type = generator_column_type(request, state->after);
	if (OidIsValid(state->after_type) && state->after_type != TIMESTAMPTZOID &&
		state->after_type != TIMESTAMPOID && state->after_type != DATEOID)
		generator_problem(request,
						  psprintf("column \"%s\" is neither a date nor a timestamp", state->after),
						  "Name one that is in \"after\".");
}

/* Reads what a generator of moments is told. */
static void
make_moment(Generator *generator, const GeneratorRequest *request, TimeState *state)
{
	const ValueSpace *space = request->space;
	int				  precision = precision_of(space);

	(void) generator_accepts(generator, request,
							 KIND_SET(VALUE_TIMESTAMP) | KIND_SET(VALUE_DATE) |
								 KIND_SET(VALUE_TIME) | KIND_SET(VALUE_TEXT) |
								 KIND_SET(VALUE_INTEGER) | KIND_SET(VALUE_NUMERIC) |
								 KIND_SET(VALUE_FLOAT));
	state->after = generator_text(request, "after", NULL);
	state->within = read_interval(request, "within", 0);
	state->future = generator_flag(request, "future", false);
	if (state->after != NULL)
		read_after(generator, request, state);
	state->since = request->since;
	state->as_of = request->as_of;
	state->grain = USECS_PER_SEC;
	for (int digit = 0; digit < precision; digit++)
		state->grain /= 10;
	if (space->kind == VALUE_DATE ||
		(space->kind == VALUE_TEXT && ((const TimeKind *) generator->kind)->shape == SHAPE_DATE))
		state->grain = USECS_PER_DAY;
	week_clock_make(&state->clock);

	/* Distinct ones differ below the second where there is room, and keep their order with others so. */
	state->least = state->since;
	state->most = Max(state->as_of, state->since);
	state->unit = Max(state->grain, 1);
	if (space->kind == VALUE_DATE)
		narrow_days(state, space);
	else if (space->kind == VALUE_TIMESTAMP)
		narrow(state, space);
	count_units(generator, state, request);
	if (space->kind == VALUE_TIMESTAMP && (precision < 0 || precision == MAX_PRECISION))
	{
		state->fine = true;
		generator->capacity = USECS_PER_SEC;
	}
	else if (state->after != NULL || state->future || space->kind == VALUE_TIME)
		generator->capacity = 1;
}

/* Makes a generator of times of any shape. */
static void
make_times(Generator *generator, const GeneratorRequest *request)
{
	const TimeKind	 *kind = (const TimeKind *) generator->kind;
	const ValueSpace *space = request->space;
	TimeState		 *state = palloc0_object(TimeState);
	int64			  today = day_of(request->as_of);

	generator->state = state;
	state->unit = 1;
	if (space->kind == VALUE_TEXT && space->max_length >= 0 &&
		space->max_length < text_lengths[kind->shape])
	{
		generator_problem(request, "the column is too short for times", NULL);
		return;
	}
	switch (kind->shape)
	{
		case SHAPE_MOMENT:
			make_moment(generator, request, state);
			return;
		case SHAPE_DATE:
		case SHAPE_BIRTH:
			if (!generator_accepts(generator, request,
								   KIND_SET(VALUE_DATE) | KIND_SET(VALUE_TIMESTAMP) |
									   KIND_SET(VALUE_TEXT)))
				return;
			if (kind->shape == SHAPE_DATE && (generator_text(request, "after", NULL) != NULL ||
											  generator_text(request, "within", NULL) != NULL))
			{
				make_moment(generator, request, state);
				return;
			}
			state->least = read_day(request, "min",
									kind->shape == SHAPE_BIRTH ? today - 80 * DAYS_A_YEAR
															   : day_of(request->since));
			state->most =
				read_day(request, "max",
						 kind->shape == SHAPE_BIRTH ? today - 18 * DAYS_A_YEAR - 5 : today - 1);
			if (space->kind == VALUE_TIMESTAMP)
			{
				state->least *= USECS_PER_DAY;
				state->most *= USECS_PER_DAY;
				state->unit = USECS_PER_DAY;
			}
			break;
		case SHAPE_TIME:
			if (!generator_accepts(generator, request, KIND_SET(VALUE_TIME) | KIND_SET(VALUE_TEXT)))
				return;
			state->least = read_time_of_day(request, "min", 7 * USECS_PER_HOUR);
			state->most = read_time_of_day(request, "max", 21 * USECS_PER_HOUR);
			state->unit = request->distinct ? USECS_PER_SEC : 5 * USECS_PER_MINUTE;
			break;
		case SHAPE_INTERVAL:
			if (!generator_accepts(generator, request,
								   KIND_SET(VALUE_INTERVAL) | KIND_SET(VALUE_TEXT)))
				return;
			state->least = read_interval(request, "min", USECS_PER_MINUTE);
			state->most = read_interval(request, "max", Max(state->least, 8 * USECS_PER_HOUR));
			state->unit = request->distinct ? USECS_PER_SEC : USECS_PER_MINUTE;
			break;
	}
	if (space->kind != VALUE_TEXT)
		narrow(state, space);
	count_units(generator, state, request);

	/* Fields that the type does not keep cannot tell intervals apart. */
	if (space->kind == VALUE_INTERVAL && space->base_typmod >= 0)
		generator->capacity = 1;
}

/* Returns the moment that the row's column has; false where it has none. */
static bool
moment_before(const TimeState *state, const Cell *cell, int64 *moment)
{
	bool  isnull;
	Datum value;

	if (state->after == NULL)
		return false;
	value = cell_column(cell, state->after, &isnull);
	if (isnull)
		return false;
	if (state->after_type == DATEOID)
	{
		if (DATE_NOT_FINITE(DatumGetDateADT(value)))
			return false;
		*moment = (int64) DatumGetDateADT(value) * USECS_PER_DAY;
		return true;
	}
	*moment = DatumGetTimestampTz(value);
	return !TIMESTAMP_NOT_FINITE(*moment);
}

/* Leaves room for days that must differ: none but those after another is the last day, and such a one may be the next. */
static void
leave_day(bool after, int64 least, int64 *most)
{
	if (!after)
		*most = Max(*most - USECS_PER_DAY, least);
	else if (day_of(*most) <= day_of(least))
		*most = least + USECS_PER_DAY;
}

/* Decides between which moments a cell's is. */
static void
choose_moments(const Generator *generator, const Cell *cell, int64 *least, int64 *most)
{
	const TimeState	 *state = generator->state;
	const ValueSpace *space = generator->space;
	int64			  year = DAYS_A_YEAR * USECS_PER_DAY;
	bool			  after = moment_before(state, cell, least);

	if (!after)
		*least = cell->cursor != NULL ? cell_earliest(cell) : state->since;
	*most = state->as_of;
	if (state->future)
	{
		if (!after)
			*least = Max(*least, state->as_of);
		*most = *least + (state->within > 0 ? state->within : year);
	}
	else if (state->within > 0 && after)
		*most = Min(*most, *least + state->within);
	else if (state->within > 0)
		*least = Max(*least, *most - state->within);
	if (state->grain == USECS_PER_DAY && !state->future)
		leave_day(after, *least, most);

	if (space->kind == VALUE_TIMESTAMP || space->kind == VALUE_DATE)
	{
		int64 unit = space->kind == VALUE_DATE ? USECS_PER_DAY : 1;

		if (space->has_min && bound_of(space, space->min) * unit > *least)
		{
			*least = bound_of(space, space->min) * unit;
			if (*most < *least)
				*most = *least + year;
		}
		if (space->has_max)
			*most = Min(*most, bound_of(space, space->max) * unit);

		/* What the column allows lies before all that the plan would have: partitions of years ago. */
		if (*most < *least && space->has_max)
			*least = space->has_min ? bound_of(space, space->min) * unit : *most - year;
	}
	if (*most < *least)
		*most = *least;
}

/* Draws a moment for a cell. */
static int64
draw_moment(const Generator *generator, const Cell *cell)
{
	const TimeState *state = generator->state;
	int64			 least;
	int64			 most;
	int64			 first;
	int64			 last;
	int64			 moment;

	choose_moments(generator, cell, &least, &most);
	first = (least + remainder_of(-least, USECS_PER_SEC)) / USECS_PER_SEC;
	last = (most - remainder_of(most, USECS_PER_SEC)) / USECS_PER_SEC;
	if (cell->distinct && last > first)
		last--;
	if (first > last)
	{
		if (!cell->distinct)
			return least;
		last = first;
	}
	moment = week_clock_second(
		&state->clock,
		week_clock_at(&state->clock, first) +
			(int64) random_below(cell->random, (uint64) (week_clock_at(&state->clock, last) -
														 week_clock_at(&state->clock, first) + 1)));
	moment = Min(Max(moment, first), last) * USECS_PER_SEC;
	if (cell->distinct)
		return moment + (int64) cell->n;
	if (state->grain < USECS_PER_SEC)
		moment += (int64) random_below(cell->random, (uint64) (USECS_PER_SEC / state->grain)) *
				  state->grain;
	if (state->grain == USECS_PER_DAY && moment - remainder_of(moment, USECS_PER_DAY) < least &&
		moment - remainder_of(moment, USECS_PER_DAY) + USECS_PER_DAY <= most)
		moment += USECS_PER_DAY;
	return moment <= most ? moment : moment - remainder_of(moment, USECS_PER_SEC);
}

/* Writes a day, and the time of day unless only days are meant. */
static Datum
moment_text(const ValueSpace *space, int64 moment, bool day_only)
{
	char  buffer[40];
	int	  year;
	int	  month;
	int	  day;
	int64 second = remainder_of(moment, USECS_PER_DAY) / USECS_PER_SEC;
	int	  length;

	j2date((int) day_of(moment) + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	length = snprintf(buffer, sizeof(buffer), "%04d-%02d-%02d", year, month, day);
	if (!day_only)
		length += snprintf(buffer + length, sizeof(buffer) - length, "T%02d:%02d:%02dZ",
						   (int) (second / SECS_PER_HOUR),
						   (int) (second / SECS_PER_MINUTE % MINS_PER_HOUR),
						   (int) (second % SECS_PER_MINUTE));
	return text_datum(space, buffer, length);
}

/* Makes a time of day's Datum. */
static Datum
time_of_day_datum(const ValueSpace *space, int64 microseconds)
{
	char buffer[16];
	int	 seconds = (int) (microseconds / USECS_PER_SEC);

	if (space->base == TIMEOID)
		return TimeADTGetDatum(microseconds);
	if (space->base == TIMETZOID)
	{
		TimeTzADT *time = palloc0_object(TimeTzADT);

		time->time = microseconds;
		return TimeTzADTPGetDatum(time);
	}
	snprintf(buffer, sizeof(buffer), "%02d:%02d:%02d", seconds / SECS_PER_HOUR,
			 seconds / SECS_PER_MINUTE % MINS_PER_HOUR, seconds % SECS_PER_MINUTE);
	return text_datum(space, buffer, (int) strlen(buffer));
}

/* Makes an interval's Datum. */
static Datum
interval_datum(const ValueSpace *space, int64 microseconds)
{
	Interval *interval;
	char	  buffer[32];
	int64	  seconds = microseconds / USECS_PER_SEC;

	if (space->kind == VALUE_INTERVAL)
	{
		interval = palloc0_object(Interval);
		interval->day = (int32) (microseconds / USECS_PER_DAY);
		interval->time = microseconds % USECS_PER_DAY;
		if (space->base_typmod < 0)
			return IntervalPGetDatum(interval);
		return DirectFunctionCall2(interval_scale, IntervalPGetDatum(interval),
								   Int32GetDatum(space->base_typmod));
	}
	snprintf(buffer, sizeof(buffer), INT64_FORMAT ":%02d:%02d", seconds / SECS_PER_HOUR,
			 (int) (seconds / SECS_PER_MINUTE % MINS_PER_HOUR), (int) (seconds % SECS_PER_MINUTE));
	return text_datum(space, buffer, (int) strlen(buffer));
}

/* Makes a moment's Datum, of a number the seconds since 1970. */
static Datum
moment_datum(const ValueSpace *space, int64 moment)
{
	int64 seconds = (moment - remainder_of(moment, USECS_PER_SEC)) / USECS_PER_SEC + UNIX_EPOCH;

	switch (space->base)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			return TimestampTzGetDatum(moment);
		case DATEOID:
			return DateADTGetDatum((DateADT) day_of(moment));
		case INT8OID:
			return Int64GetDatum(seconds);
		case INT2OID:
		case INT4OID:
			return Int32GetDatum((int32) seconds);
		case NUMERICOID:
			return NumericGetDatum(int64_to_numeric(seconds));
		case FLOAT4OID:
			return Float4GetDatum((float4) seconds);
		case FLOAT8OID:
			return Float8GetDatum((float8) seconds);
		default:
			if (space->kind == VALUE_TIME)
				return time_of_day_datum(space, remainder_of(moment, USECS_PER_DAY));
			return moment_text(space, moment, false);
	}
}

/* Returns a time of any shape. */
static Datum
times_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const TimeKind	 *kind = (const TimeKind *) generator->kind;
	const TimeState	 *state = generator->state;
	const ValueSpace *space = generator->space;
	bool			  moment = state->grain != 0;
	int64			  value;

	*isnull = false;
	if (moment && (!cell->distinct || state->fine))
		value = draw_moment(generator, cell);
	else
		value = state->least +
				state->unit * (int64) (cell->distinct
										   ? shuffle_at(&state->shuffle, cell->n)
										   : random_below(cell->random, state->shuffle.size));
	if (kind->shape == SHAPE_TIME)
		return time_of_day_datum(space, value);
	if (kind->shape == SHAPE_INTERVAL)
		return interval_datum(space, value);
	if (moment && kind->shape == SHAPE_MOMENT)
		return moment_datum(space, value);
	if (space->kind == VALUE_TEXT)
		return moment_text(space, moment ? value : value * USECS_PER_DAY, true);
	if (space->kind == VALUE_DATE)
		return DateADTGetDatum((DateADT) (moment ? day_of(value) : value));
	return TimestampTzGetDatum(value);
}

#define TIME_KIND(name, arguments, gives, type, shape)                       \
	{                                                                        \
		{name, arguments, gives, NULL, type, make_times, times_value}, shape \
	}

static const TimeKind kinds[] = {
	TIME_KIND(
		"moment", "after, within, future",
		"moments in the plan's time, mostly on working days, after what the row refers to or the column after",
		TIMESTAMPTZOID, SHAPE_MOMENT),
	TIME_KIND("date", "min, max, after, within", "days", DATEOID, SHAPE_DATE),
	TIME_KIND("birth_date", "min, max", "days on which grown-up people were born", DATEOID,
			  SHAPE_BIRTH),
	TIME_KIND("time", "min, max", "times of the day", TIMEOID, SHAPE_TIME),
	TIME_KIND("interval", "min, max", "lengths of time", INTERVALOID, SHAPE_INTERVAL),
};

const KindTable time_kinds = KIND_TABLE(kinds);
