/*-------------------------------------------------------------------------
 *
 * generators_numbers.c
 *		Generators of numbers.
 *
 * Whatever the type, a number is a whole number of units of 10^-scale, and those that can be
 * had are `count` of them, `step` apart from `least` on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/fraction.h"
#include "graph/generators.h"
#include "graph/wording.h"

/* Units fit into 64 bits with this many digits. */
#define MAX_DIGITS 18
#define MAX_UNITS INT64CONST(999999999999999999)
#define MONEY_SCALE 2

/* So many bits of units are never rounded together, whatever the scale. */
#define FLOAT4_BITS 22
#define FLOAT8_BITS 51

#define NO_SCALE (-1)

typedef enum Distribution
{
	UNIFORM,
	SKEWED, /* small ones are more likely */
	NORMAL
} Distribution;

typedef struct NumberKind
{
	GeneratorKind kind;
	double		  min; /* where neither the plan nor the column says more */
	double		  max;
	int			  scale;
	Distribution  distribution;
	bool		  plain; /* means nothing by itself: the column's bounds come first */
	bool		  price; /* ends in 99, 95, 50 or 00 */
} NumberKind;

typedef struct NumberState
{
	int64		 least;
	int64		 step;
	uint64		 count;
	int			 scale;
	int64		 unit; /* 10^scale */
	Distribution distribution;
	Shuffle		 shuffle;
} NumberState;

/* Bounds while they are made up. */
typedef struct Bounds
{
	int64 min;
	int64 max;
} Bounds;

/* Returns a power of ten. */
static int64
ten_to(int exponent)
{
	int64 result = 1;

	Assert(exponent >= 0 && exponent <= MAX_DIGITS);
	while (exponent-- > 0)
		result *= 10;
	return result;
}

/* Returns a numeric in units, rounded up or down, within what units can be. */
static int64
numeric_units(Numeric value, int scale, bool up)
{
	Datum scaled = DirectFunctionCall2(numeric_mul, NumericGetDatum(value),
									   NumericGetDatum(int64_to_numeric(ten_to(scale))));
	Datum limit = NumericGetDatum(int64_to_numeric(MAX_UNITS));

	if (numeric_is_nan(value))
		return MAX_UNITS;
	if (DatumGetBool(DirectFunctionCall2(numeric_gt, scaled, limit)))
		return MAX_UNITS;
	if (DatumGetBool(
			DirectFunctionCall2(numeric_lt, scaled, DirectFunctionCall1(numeric_uminus, limit))))
		return -MAX_UNITS;
	return DatumGetInt64(DirectFunctionCall1(
		numeric_int8, DirectFunctionCall1(up ? numeric_ceil : numeric_floor, scaled)));
}

/* Returns a double in units, rounded up or down unless it is as good as whole. */
static int64
double_units(double value, int scale, bool up)
{
	double scaled = value * (double) ten_to(scale);
	double nearest = rint(scaled);

	if (isnan(scaled) || scaled > (double) MAX_UNITS)
		return MAX_UNITS;
	if (scaled < (double) -MAX_UNITS)
		return -MAX_UNITS;
	if (fabs(scaled - nearest) > 1e-6)
		nearest = up ? ceil(scaled) : floor(scaled);
	return (int64) nearest;
}

/* Returns a bound that a column has in units. */
static int64
space_units(const ValueSpace *space, Datum bound, int scale, bool up)
{
	switch (space->base)
	{
		case INT2OID:
			return numeric_units(int64_to_numeric(DatumGetInt16(bound)), scale, up);
		case INT4OID:
			return numeric_units(int64_to_numeric(DatumGetInt32(bound)), scale, up);
		case INT8OID:
			return numeric_units(int64_to_numeric(DatumGetInt64(bound)), scale, up);
		case NUMERICOID:
			return numeric_units(DatumGetNumeric(bound), scale, up);
		case MONEYOID:
			return numeric_units(int64_div_fast_to_numeric(DatumGetCash(bound), MONEY_SCALE), scale,
								 up);
		case FLOAT4OID:
			return double_units((double) DatumGetFloat4(bound), scale, up);
		case FLOAT8OID:
			return double_units(DatumGetFloat8(bound), scale, up);
		default:
			return up ? -MAX_UNITS : MAX_UNITS;
	}
}

/* Returns the digits and the scale that numeric(p, s) has, or false: any. */
static bool
numeric_modifier(const ValueSpace *space, int *precision, int *scale)
{
	int32 modifier = space->base_typmod - (int32) VARHDRSZ;

	if (space->base != NUMERICOID || space->base_typmod < (int32) VARHDRSZ)
		return false;
	*precision = (modifier >> 16) & 0xffff;

	/* Eleven bits with a sign, as numeric.c has them. */
	*scale = ((modifier & 0x7ff) ^ 1024) - 1024;
	return true;
}

/* Returns what a type allows. */
static Bounds
type_bounds(const ValueSpace *space, int scale)
{
	int64  unit = ten_to(scale);
	Bounds bounds = {-MAX_UNITS, MAX_UNITS};
	int	   precision;
	int	   of_type;

	if (space->base == MONEYOID)
		bounds.min = -(bounds.max = MAX_UNITS / ten_to(MONEY_SCALE - scale));
	else if (space->base == INT2OID)
		bounds = (Bounds){PG_INT16_MIN * unit, PG_INT16_MAX * unit};
	else if (space->base == INT4OID && scale <= 8)
		bounds = (Bounds){PG_INT32_MIN * unit, PG_INT32_MAX * unit};
	else if (space->base == FLOAT4OID)
		bounds = (Bounds){-(INT64CONST(1) << FLOAT4_BITS), INT64CONST(1) << FLOAT4_BITS};
	else if (space->base == FLOAT8OID)
		bounds = (Bounds){-(INT64CONST(1) << FLOAT8_BITS), INT64CONST(1) << FLOAT8_BITS};
	else if (space->kind == VALUE_TEXT && space->max_length >= 0 &&
			 space->max_length <= MAX_DIGITS + 2)
	{
		int digits = Min(space->max_length - (scale > 0 ? 1 : 0), MAX_DIGITS);

		bounds = (Bounds){0, digits > 0 ? ten_to(digits) - 1 : 0};
	}
	else if (numeric_modifier(space, &precision, &of_type) &&
			 precision - of_type + scale <= MAX_DIGITS)
	{
		int digits = precision - of_type + scale;

		bounds.max = digits > 0 ? ten_to(digits) - 1 : 0;
		bounds.min = -bounds.max;
	}
	return bounds;
}

/* Narrows what a type allows to what the column does. */
static Bounds
column_bounds(const ValueSpace *space, int scale)
{
	Bounds bounds = type_bounds(space, scale);

	if (space->has_min)
		bounds.min = Max(bounds.min, space_units(space, space->min, scale, true));
	if (space->has_max)
		bounds.max = Min(bounds.max, space_units(space, space->max, scale, false));
	return bounds;
}

/* Reads a bound that the plan says; false where it says none. */
static bool
read_bound(const GeneratorRequest *request, const char *name, int scale, bool up, int64 *units)
{
	JsonbValue value;

	if (!generator_member(request, name, &value))
		return false;
	if (value.type != jbvNumeric)
	{
		generator_problem(request, psprintf("argument \"%s\" must be a number", name), NULL);
		return false;
	}
	*units = numeric_units(value.val.numeric, scale, up);
	return true;
}

/* Decides between which bounds numbers are: what the plan says, what the column allows, what the kind is like. */
static Bounds
choose_bounds(const NumberKind *kind, const GeneratorRequest *request, int scale)
{
	const ValueSpace *space = request->space;
	Bounds			  allowed = column_bounds(space, scale);
	Bounds bounds = {double_units(kind->min, scale, true), double_units(kind->max, scale, false)};
	int64  width = bounds.max - bounds.min;
	bool   min_said = read_bound(request, "min", scale, true, &bounds.min);
	bool   max_said = read_bound(request, "max", scale, false, &bounds.max);

	if (min_said && !max_said && bounds.max < bounds.min)
		bounds.max = Min(bounds.min + width, MAX_UNITS);
	if (max_said && !min_said && bounds.min > bounds.max)
		bounds.min = Max(bounds.max - width, -MAX_UNITS);
	if (!min_said && !max_said)
	{
		if (kind->plain && space->has_min && (space->has_max || allowed.min > bounds.min))
			bounds.min = allowed.min;
		if (kind->plain && space->has_max && space->has_min)
			bounds.max = allowed.max;
		if (bounds.max < allowed.min)
			bounds = (Bounds){allowed.min,
							  allowed.min > MAX_UNITS - width ? MAX_UNITS : allowed.min + width};
		if (bounds.min > allowed.max)
			bounds = (Bounds){allowed.max < width - MAX_UNITS ? -MAX_UNITS : allowed.max - width,
							  allowed.max};
		if (kind->plain && space->has_min && bounds.max < bounds.min + width && !space->has_max)
			bounds.max = Min(bounds.min + width, MAX_UNITS);
	}
	/* Many may be wanted, but numbers of more digits would not look like any that people have. */
	if (request->distinct && kind->plain && !max_said)
		bounds.max = Max(bounds.max, PG_INT32_MAX * ten_to(Min(scale, MAX_DIGITS / 2)));
	bounds.min = Max(bounds.min, allowed.min);
	bounds.max = Min(bounds.max, allowed.max);
	return bounds;
}

/* Returns the scale of the numbers that a column takes. */
static int
choose_scale(const NumberKind *kind, const GeneratorRequest *request)
{
	const ValueSpace *space = request->space;
	double			  said = generator_number(request, "scale", NO_SCALE);
	int				  scale = kind->scale;
	int				  precision;
	int				  of_type;

	if (said != NO_SCALE && (said < 0 || said > MAX_DIGITS * 0.5))
		generator_problem(request, "argument \"scale\" is out of range",
						  "Give a number from 0 to 9.");
	else if (said != NO_SCALE)
		scale = (int) said;
	if (space->kind == VALUE_INTEGER || space->kind == VALUE_INTERVAL)
		return 0;
	if (space->base == MONEYOID)
		return Min(scale, MONEY_SCALE);
	if (space->kind == VALUE_TEXT && space->max_length >= 0)
		return Max(Min(scale, space->max_length - 2), 0);
	if (numeric_modifier(space, &precision, &of_type))
	{
		/* Where there is no digit before the point, those behind it are all there is. */
		if (precision <= of_type)
			scale = of_type;
		scale = Max(Min(scale, of_type), 0);
	}
	return Min(scale, MAX_DIGITS / 2);
}

/* Returns how far numbers are apart, in units: what the column says they are multiples of. */
static int64
choose_step(const ValueSpace *space, int64 unit)
{
	int64 step = 1;
	int	  precision;
	int	  of_type;

	if (space->multiple_of > 1)
		step = space->multiple_of > MAX_UNITS / unit ? MAX_UNITS : space->multiple_of * unit;
	if (numeric_modifier(space, &precision, &of_type) && of_type < 0)
		step = Max(step, ten_to(Min(-of_type, MAX_DIGITS)));
	return step;
}

/* Returns the least multiple of step that is not below a number. */
static int64
multiple_from(int64 number, int64 step)
{
	int64 rest = number % step;

	if (rest == 0)
		return number;
	return number - rest + (rest > 0 ? step : 0);
}

/* Reads how numbers are distributed. */
static Distribution
read_distribution(const NumberKind *kind, const GeneratorRequest *request)
{
	static const char *const names[] = {
		[UNIFORM] = "uniform", [SKEWED] = "skewed", [NORMAL] = "normal"};
	const char *said = generator_text(request, "distribution", NULL);

	if (said == NULL)
		return kind->distribution;
	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (strcmp(names[i], said) == 0)
			return (Distribution) i;
	}
	generator_problem(request, psprintf("there is no distribution \"%s\"", said),
					  "It is \"uniform\", \"skewed\" or \"normal\".");
	return UNIFORM;
}

/* Makes a generator of numbers of a kind. */
static void
make_as(Generator *generator, const GeneratorRequest *request, const NumberKind *kind)
{
	NumberState *state = palloc0_object(NumberState);
	Bounds		 bounds;

	if (!generator_accepts(
			generator, request,
			KIND_SET(VALUE_INTEGER) | KIND_SET(VALUE_NUMERIC) | KIND_SET(VALUE_FLOAT) |
				KIND_SET(VALUE_TEXT) | KIND_SET(VALUE_JSON) |
				(strcmp(kind->kind.name, "duration") == 0 ? KIND_SET(VALUE_INTERVAL) : 0)))
		return;
	state->scale = choose_scale(kind, request);
	state->unit = ten_to(state->scale);
	state->distribution = read_distribution(kind, request);
	state->step = choose_step(request->space, state->unit);
	bounds = choose_bounds(kind, request, state->scale);
	state->least = multiple_from(bounds.min, state->step);
	generator->state = state;
	if (state->least > bounds.max)
	{
		generator_problem(request,
						  "no number is between the bounds that the plan and the column give",
						  "Look at \"min\" and \"max\", the column's type and its checks.");
		return;
	}
	state->count = (uint64) (bounds.max - state->least) / (uint64) state->step + 1;
	state->shuffle = shuffle_make(state->count);
	generator->capacity = state->count;
}

/* Makes a generator of numbers. */
static void
make_number(Generator *generator, const GeneratorRequest *request)
{
	make_as(generator, request, (const NumberKind *) generator->kind);
}

/* Makes a generator of percentages, which are shares of one where the column has no room for a hundred. */
static void
make_percent(Generator *generator, const GeneratorRequest *request)
{
	NumberKind kind = *(const NumberKind *) generator->kind;

	if (column_bounds(request->space, 0).max < (int64) kind.max)
	{
		kind.max = 1;
		kind.scale = 4;
	}
	make_as(generator, request, &kind);
}

/* Makes a generator of years, up to the plan's. */
static void
make_year(Generator *generator, const GeneratorRequest *request)
{
	NumberKind kind = *(const NumberKind *) generator->kind;
	int		   year;
	int		   month;
	int		   day;

	j2date((int) (request->as_of / USECS_PER_DAY) + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	kind.max = year;
	kind.min = Min(kind.min, year);
	make_as(generator, request, &kind);
}

/* Draws one of so many by a distribution. */
static uint64
draw(RandomStream *random, uint64 count, Distribution distribution)
{
	uint64 first;
	uint64 second;

	if (distribution == UNIFORM)
		return random_below(random, count);
	first = random_next(random);
	second = random_next(random);
	if (distribution == SKEWED)
		return scale_fraction(scale_fraction(count, first), second);

	/* The mean of eight is as good as normal, with a standard deviation of a tenth of the range. */
	{
		uint64 sum = 0;

		for (int bit = 0; bit < 64; bit += 16)
			sum += ((first >> bit) & 0xffff) + ((second >> bit) & 0xffff);
		return scale_fraction(count, sum << 45);
	}
}

/* Makes a price end as prices do, where there is one near that can be had. */
static int64
round_price(const NumberState *state, int64 units, RandomStream *random)
{
	static const int endings[] = {99, 99, 99, 99, 95, 50, 0, 0};
	int64			 hundred = state->scale == 2 ? 100 : 0;
	int64			 price;

	if (hundred == 0 || state->step != 1)
		return units;
	price = units / hundred * hundred + endings[random_below(random, lengthof(endings))];
	if (price < state->least || price > state->least + (int64) (state->count - 1))
		return units;
	return price;
}

/* Makes an interval of so many seconds. */
static Datum
interval_datum(int64 seconds)
{
	Interval *interval = palloc0_object(Interval);

	interval->time = seconds * USECS_PER_SEC;
	return IntervalPGetDatum(interval);
}

/* Makes the text of a number, with zeros before it where the column wants it longer. */
static Datum
number_text(const ValueSpace *space, const NumberState *state, int64 units)
{
	char		buffer[64];
	uint64		magnitude = units < 0 ? -(uint64) units : (uint64) units;
	const char *sign = units < 0 ? "-" : "";
	int			lacking = Min(space->min_length, 40) - (int) strlen(sign);
	int			length;

	if (state->scale == 0)
		length = snprintf(buffer, sizeof(buffer), "%s%0*llu", sign, Max(lacking, 1),
						  (unsigned long long) magnitude);
	else
		length = snprintf(buffer, sizeof(buffer), "%s%0*llu.%0*llu", sign,
						  Max(lacking - 1 - state->scale, 1),
						  (unsigned long long) (magnitude / (uint64) state->unit), state->scale,
						  (unsigned long long) (magnitude % (uint64) state->unit));
	if (space->kind == VALUE_JSON)
		return PointerGetDatum(cstring_to_text_with_len(buffer, length));
	return text_datum(space, buffer, length);
}

/* Makes the Datum of a number. */
static Datum
number_datum(const ValueSpace *space, const NumberState *state, int64 units)
{
	switch (space->base)
	{
		case INT2OID:
			return Int16GetDatum((int16) units);
		case INT4OID:
			return Int32GetDatum((int32) units);
		case INT8OID:
			return Int64GetDatum(units);
		case NUMERICOID:
			return NumericGetDatum(state->scale == 0
									   ? int64_to_numeric(units)
									   : int64_div_fast_to_numeric(units, state->scale));
		case MONEYOID:
			return CashGetDatum(units * ten_to(MONEY_SCALE - state->scale));
		case FLOAT4OID:
			return Float4GetDatum((float4) ((double) units / (double) state->unit));
		case FLOAT8OID:
			return Float8GetDatum((double) units / (double) state->unit);
		case INTERVALOID:
			return interval_datum(units);
		case JSONBOID:
		{
			JsonbValue value = {.type = jbvNumeric};

			value.val.numeric = int64_div_fast_to_numeric(units, state->scale);
			return JsonbPGetDatum(JsonbValueToJsonb(&value));
		}
		default:
			return number_text(space, state, units);
	}
}

/* Returns a number. */
static Datum
number_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const NumberKind  *kind = (const NumberKind *) generator->kind;
	const NumberState *state = generator->state;
	uint64			   place;
	int64			   units;

	*isnull = false;
	place = cell->distinct ? shuffle_at(&state->shuffle, cell->n)
						   : draw(cell->random, state->count, state->distribution);
	units = state->least + (int64) place * state->step;
	if (kind->price && !cell->distinct)
		units = round_price(state, units, cell->random);
	return number_datum(generator->space, state, units);
}

/* Makes a generator of positions: from 1 on, one after the other where no two may be the same. */
static void
make_position(Generator *generator, const GeneratorRequest *request)
{
	NumberState *state;

	make_number(generator, request);
	state = generator->state;
	if (state != NULL && state->count > 0)
		state->shuffle.step = 1;
}

/* Returns a position. */
static Datum
position_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const NumberState *state = generator->state;

	*isnull = false;
	if (cell->distinct)
		return number_datum(generator->space, state, state->least + (int64) cell->n * state->step);
	return number_value(generator, cell, isnull);
}

typedef struct BooleanState
{
	bool   always; /* all are true */
	uint64 threshold;
} BooleanState;

/* Makes a generator of truth values. */
static void
make_boolean(Generator *generator, const GeneratorRequest *request)
{
	BooleanState *state = palloc0_object(BooleanState);
	double		  share = generator_number(request, "true", 0.5);

	(void) generator_accepts(generator, request,
							 KIND_SET(VALUE_BOOLEAN) | KIND_SET(VALUE_INTEGER) |
								 KIND_SET(VALUE_TEXT) | KIND_SET(VALUE_JSON));
	if (!(share >= 0 && share <= 1))
	{
		generator_problem(request, "argument \"true\" must be between 0 and 1", NULL);
		return;
	}
	state->always = share == 1;
	state->threshold = state->always ? 0 : (uint64) (share * 0x1p64);
	generator->state = state;
	generator->capacity = 2;
}

/* Returns a truth value. */
static Datum
boolean_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const BooleanState *state = generator->state;
	const NumberState	number = {.unit = 1};
	JsonbValue			json = {.type = jbvBool};
	bool				value;

	*isnull = false;
	if (cell->distinct)
		value = cell->n == 0;
	else
		value = state->always || random_next(cell->random) < state->threshold;
	json.val.boolean = value;
	if (generator->space->kind == VALUE_BOOLEAN)
		return BoolGetDatum(value);
	if (generator->space->kind == VALUE_INTEGER)
		return number_datum(generator->space, &number, value ? 1 : 0);
	if (generator->space->base == JSONBOID)
		return JsonbPGetDatum(JsonbValueToJsonb(&json));
	if (generator->space->base == JSONOID)
		return CStringGetTextDatum(value ? "true" : "false");
	if (generator->space->max_length >= 0 && generator->space->max_length < (int) strlen("false"))
		return text_datum(generator->space, value ? "t" : "f", 1);
	return text_datum(generator->space, value ? "true" : "false", value ? 4 : 5);
}

#define NUMBER_KIND(name, arguments, gives, type)                     \
	{                                                                 \
		name, arguments, gives, NULL, type, make_number, number_value \
	}

static const NumberKind kinds[] = {
	{NUMBER_KIND("integer", "min, max, distribution",
				 "whole numbers, as likely each, skewed to small ones, or normal", INT4OID),
	 1, 1000, 0, UNIFORM, true, false},
	{NUMBER_KIND("number", "min, max, scale, distribution", "numbers with digits behind the point",
				 NUMERICOID),
	 0, 1000, 2, UNIFORM, true, false},
	{{"boolean", "true", "true or false, true for the share given", NULL, BOOLOID, make_boolean,
	  boolean_value},
	 0,
	 1,
	 0,
	 UNIFORM,
	 false,
	 false},
	{NUMBER_KIND("price", "min, max", "prices, most of them ending in .99, .50 or .00", NUMERICOID),
	 0.99, 499.99, 2, SKEWED, false, true},
	{{"percent", "min, max",
	  "percentages, or shares of one where the column has no room for a hundred", NULL, NUMERICOID,
	  make_percent, number_value},
	 0,
	 100,
	 1,
	 UNIFORM,
	 false,
	 false},
	{NUMBER_KIND("quantity", "min, max", "how many of something, mostly few", INT4OID), 1, 50, 0,
	 SKEWED, false, false},
	{NUMBER_KIND("rating", "min, max", "marks from 1 to 5", NUMERICOID), 1, 5, 1, UNIFORM, false,
	 false},
	{{"year", "min, max", "years up to the plan's", NULL, INT4OID, make_year, number_value},
	 1990,
	 2025,
	 0,
	 UNIFORM,
	 false,
	 false},
	{NUMBER_KIND("age", "min, max", "ages of grown-up people", INT4OID), 18, 90, 0, NORMAL, false,
	 false},
	{{"position", "min, max", "places in an order, from 1 on", NULL, INT4OID, make_position,
	  position_value},
	 1,
	 100,
	 0,
	 UNIFORM,
	 true,
	 false},
	{NUMBER_KIND("latitude", "min, max", "degrees north, where people live", NUMERICOID), -45, 65,
	 6, UNIFORM, false, false},
	{NUMBER_KIND("longitude", "min, max", "degrees east", NUMERICOID), -180, 180, 6, UNIFORM, false,
	 false},
	{NUMBER_KIND("duration", "min, max", "seconds that something took", INT4OID), 1, 7200, 0,
	 SKEWED, false, false},
};

const KindTable number_kinds = KIND_TABLE(kinds);
