/*-------------------------------------------------------------------------
 *
 * generators_keys.c
 *		Generators of what rows are known by: numbers in a row, UUIDs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "core/compat.h"
#include "graph/generators.h"
#include "graph/uuid5.h"
#include "graph/wording.h"

/* Bits of a UUID that version and variant leave in its last eight bytes. */
#define UUID_LOW_BITS 62

/* Whole numbers up to this one are exact as doubles. */
#define MOST_EXACT 9007199254740992.0

/* The namespace of UUIDs of seeded rows; part of the generated data. */
static const pg_uuid_t seeded_rows = {{0x9f, 0x6b, 0x2c, 0x54, 0x1d, 0x0e, 0x4a, 0x7b, 0x8c, 0x35,
									   0x70, 0x6f, 0x6c, 0x6c, 0x73, 0x64}};

typedef struct RowState
{
	int64 start;
	int64 step;
} RowState;

/* Returns which row a cell is of: of distinct ones the number is what tells them apart. */
static uint64
row_of(const Cell *cell)
{
	return cell->distinct ? cell->n : (uint64) cell->row;
}

/* Reads a whole number. */
static int64
read_whole(const GeneratorRequest *request, const char *name, int64 default_value)
{
	double number = generator_number(request, name, (double) default_value);

	if (number >= -MOST_EXACT && number <= MOST_EXACT && number == (double) (int64) number)
		return (int64) number;
	generator_problem(request, psprintf("argument \"%s\" must be a whole number", name), NULL);
	return default_value;
}

/* Returns how many steps there are from a start up to a limit, that included. */
static uint64
steps_to(const RowState *state, int64 least, int64 most)
{
	if (state->start < least || state->start > most)
		return 0;
	return state->step > 0
			   ? ((uint64) most - (uint64) state->start) / (uint64) state->step + 1
			   : ((uint64) state->start - (uint64) least) / (0 - (uint64) state->step) + 1;
}

/* Sets how many numbers in a row a column can have. */
static void
count_rows(Generator *generator, const GeneratorRequest *request, const RowState *state)
{
	const ValueSpace *space = request->space;
	int64			  least = PG_INT64_MIN;
	int64			  most = PG_INT64_MAX;

	if (space->base == INT2OID)
	{
		least = space->has_min ? DatumGetInt16(space->min) : PG_INT16_MIN;
		most = space->has_max ? DatumGetInt16(space->max) : PG_INT16_MAX;
	}
	else if (space->base == INT4OID)
	{
		least = space->has_min ? DatumGetInt32(space->min) : PG_INT32_MIN;
		most = space->has_max ? DatumGetInt32(space->max) : PG_INT32_MAX;
	}
	else if (space->base == INT8OID)
	{
		least = space->has_min ? DatumGetInt64(space->min) : PG_INT64_MIN;
		most = space->has_max ? DatumGetInt64(space->max) : PG_INT64_MAX;
	}
	else if (space->base == FLOAT4OID)
		most = (INT64CONST(1) << 24) - 1;
	else if (space->base == FLOAT8OID)
		most = (INT64CONST(1) << 53) - 1;
	else if (space->base == NUMERICOID && space->base_typmod >= (int32) VARHDRSZ)
	{
		int32 modifier = space->base_typmod - (int32) VARHDRSZ;
		int	  before_point = ((modifier >> 16) & 0xffff) - (((modifier & 0x7ff) ^ 1024) - 1024);

		for (most = before_point < 19 ? 1 : PG_INT64_MAX; before_point > 0 && before_point < 19;
			 before_point--)
			most *= 10;
		most = most == PG_INT64_MAX ? most : most - 1;
	}
	else if (space->kind == VALUE_TEXT && space->max_length >= 0 && space->max_length < 19)
	{
		most = 1;
		for (int i = 0; i < space->max_length; i++)
			most *= 10;
		most--;
		least = 0;
	}
	generator->capacity = steps_to(state, least, most);
	if (generator->capacity == 0)
		generator_problem(request, "\"start\" is not a value that the column can have", NULL);
}

/* Makes a generator of numbers in a row. */
static void
make_row(Generator *generator, const GeneratorRequest *request)
{
	RowState *state = palloc0_object(RowState);

	state->start = read_whole(request, "start", 1);
	state->step = read_whole(request, "step", 1);
	generator->state = state;
	if (state->step == 0)
		generator_problem(request, "argument \"step\" must not be zero", NULL);
	else if (generator_accepts(generator, request,
							   KIND_SET(VALUE_INTEGER) | KIND_SET(VALUE_NUMERIC) |
								   KIND_SET(VALUE_FLOAT) | KIND_SET(VALUE_TEXT) |
								   KIND_SET(VALUE_UUID)))
		count_rows(generator, request, state);
}

/* Returns a number in a row. */
static Datum
row_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const RowState	 *state = generator->state;
	const ValueSpace *space = generator->space;
	int64	   number = (int64) ((uint64) state->start + row_of(cell) * (uint64) state->step);
	char	   buffer[48];
	pg_uuid_t *uuid;

	*isnull = false;
	switch (space->base)
	{
		case INT2OID:
			return Int16GetDatum((int16) number);
		case INT4OID:
			return Int32GetDatum((int32) number);
		case INT8OID:
			return Int64GetDatum(number);
		case NUMERICOID:
			return NumericGetDatum(int64_to_numeric(number));
		case MONEYOID:
			return Int64GetDatum(number * 100);
		case FLOAT4OID:
			return Float4GetDatum((float4) number);
		case FLOAT8OID:
			return Float8GetDatum((float8) number);
		case UUIDOID:
			uuid = palloc0_object(pg_uuid_t);
			for (int i = 0; i < 8; i++)
				uuid->data[UUID_LEN - 1 - i] = (unsigned char) ((uint64) number >> (8 * i));
			return UUIDPGetDatum(uuid);
		default:
			return text_datum(space, buffer,
							  snprintf(buffer, sizeof(buffer), "%0*lld",
									   Max(Min(space->min_length, (int) sizeof(buffer) - 1), 1),
									   (long long) number));
	}
}

/* Makes a UUID's Datum of a space. */
static Datum
uuid_datum(const ValueSpace *space, const pg_uuid_t *uuid)
{
	static const char digits[] = "0123456789abcdef";
	char			  buffer[2 * UUID_LEN + 4];
	int				  length = 0;

	if (space->kind == VALUE_UUID)
	{
		pg_uuid_t *copy = palloc_object(pg_uuid_t);

		*copy = *uuid;
		return UUIDPGetDatum(copy);
	}
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buffer[length++] = '-';
		buffer[length++] = digits[uuid->data[i] >> 4];
		buffer[length++] = digits[uuid->data[i] & 15];
	}
	return text_datum(space, buffer, length);
}

/* Tells whether the column can have UUIDs, and adds a problem where it cannot. */
static bool
takes_uuids(const Generator *generator, const GeneratorRequest *request)
{
	if (!generator_accepts(generator, request,
						   KIND_SET(VALUE_UUID) | KIND_SET(VALUE_TEXT) | KIND_SET(VALUE_JSON)))
		return false;
	if (request->space->kind != VALUE_TEXT || request->space->max_length < 0 ||
		request->space->max_length >= 2 * UUID_LEN + 4)
		return true;
	generator_problem(request, "the column is too short for a UUID", "A UUID has 36 characters.");
	return false;
}

typedef struct Uuid5State
{
	const char *relation;
	List	   *of;
} Uuid5State;

/* Makes a generator of UUIDs that a row's natural key tells. */
static void
make_uuid5(Generator *generator, const GeneratorRequest *request)
{
	Uuid5State *state = palloc0_object(Uuid5State);

	state->relation = request->relation;
	state->of = generator_columns(generator, request, "of");
	generator->state = state;
	(void) takes_uuids(generator, request);
}

/* Returns the UUID of the row's natural key: of the relation's name and the key's texts, each ended by a zero byte. */
static Datum
uuid5_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const Uuid5State *state = generator->state;
	StringInfoData	  name;
	pg_uuid_t		  uuid;
	ListCell		 *column;

	*isnull = false;
	initStringInfo(&name);
	appendBinaryStringInfo(&name, state->relation, (int) strlen(state->relation) + 1);
	foreach(column, state->of)
	{
		const char *text = cell_column_text(cell, lfirst(column));

		/* A null is another one than any text: it lacks the byte that begins those. */
		if (text != NULL)
			appendStringInfo(&name, "=%s", text);
		appendStringInfoChar(&name, '\0');
	}
	if (state->of == NIL)
		appendStringInfo(&name, UINT64_FORMAT, row_of(cell));
	uuid5_make(&seeded_rows, name.data, (size_t) name.len, &uuid);
	pfree(name.data);
	return uuid_datum(generator->space, &uuid);
}

/* Makes a generator of random UUIDs. */
static void
make_uuid(Generator *generator, const GeneratorRequest *request)
{
	(void) takes_uuids(generator, request);
	generator->capacity = UINT64CONST(1) << UUID_LOW_BITS;
}

/* Returns a UUID of version 4, the n-th one with n in it. */
static Datum
uuid_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	uint64	  low_bits = (UINT64CONST(1) << UUID_LOW_BITS) - 1;
	uint64	  high = random_next(cell->random);
	uint64	  low = random_next(cell->random);
	pg_uuid_t uuid;

	*isnull = false;
	if (cell->distinct)
	{
		/* Invertible within the low bits: an odd factor, and shifts to the right. */
		low = (cell->n * UINT64CONST(0x9e3779b97f4a7c15) + 0x5eed) & low_bits;
		low = ((low ^ (low >> 31)) * UINT64CONST(0xbf58476d1ce4e5b9)) & low_bits;
		low ^= low >> 29;
	}
	high = (high & ~UINT64CONST(0xf000)) | UINT64CONST(0x4000);
	low = (low & low_bits) | (UINT64CONST(2) << UUID_LOW_BITS);
	for (int i = 0; i < 8; i++)
	{
		uuid.data[i] = (unsigned char) (high >> (56 - 8 * i));
		uuid.data[8 + i] = (unsigned char) (low >> (56 - 8 * i));
	}
	return uuid_datum(generator->space, &uuid);
}

static const GeneratorKind kinds[] = {
	{"row", "start, step", "numbers one after the other", NULL, INT8OID, make_row, row_value},
	{"uuid5", "of",
	 "the UUID of the relation and the natural key in the columns of, or of the row's number", NULL,
	 UUIDOID, make_uuid5, uuid5_value},
	{"uuid", "", "UUIDs by chance", NULL, UUIDOID, make_uuid, uuid_value},
};

const KindTable key_kinds = KIND_TABLE(kinds);
