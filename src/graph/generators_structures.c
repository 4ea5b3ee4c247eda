/*-------------------------------------------------------------------------
 *
 * generators_structures.c
 *		Generators of values that have parts, or bits, or are in the plane.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/geo_decls.h"
#include "utils/lsyscache.h"
#include "utils/multirangetypes.h"
#include "utils/typcache.h"
#include "utils/varbit.h"

#include "core/compat.h"
#include "graph/generators.h"

#define MAX_ELEMENTS 100
#define DEFAULT_ELEMENTS 3
#define DEFAULT_BYTES 16
#define MAX_BYTES 1048576
#define DEFAULT_BITS 8

/* Returns a cell for a part of a cell's value; of distinct values only one part is distinct. */
static Cell
part_cell(const Cell *cell, bool distinct)
{
	Cell part = *cell;

	part.distinct = cell->distinct && distinct;
	return part;
}

typedef struct ArrayState
{
	Generator *element;
	Oid		   type; /* the elements', a domain perhaps */
	int16	   typlen;
	bool	   typbyval;
	char	   typalign;
	int		   min;
	int		   max;
	int		   lower_bound;
} ArrayState;

/* Makes a generator of arrays. */
static void
make_array(Generator *generator, const GeneratorRequest *request)
{
	ArrayState *state = palloc0_object(ArrayState);
	ValueSpace *space = request->space;
	JsonbValue	element;
	bool		said = generator_member(request, "element", &element);
	double		min = generator_number(request, "min", -1);
	double		max = generator_number(request, "max", -1);

	generator->state = state;
	if (!generator_accepts(generator, request, KIND_SET(VALUE_ARRAY)))
		return;
	if (min > MAX_ELEMENTS || max > MAX_ELEMENTS || (max >= 0 && max < min))
	{
		generator_problem(request, "arguments \"min\" and \"max\" are out of range",
						  "An array has up to 100 elements.");
		return;
	}
	state->min = min >= 0 ? (int) min : Max(space->min_length, 1);
	state->max = max >= 0 ? (int) max : Max(state->min, DEFAULT_ELEMENTS);
	if (space->max_length >= 0)
		state->max = Min(state->max, space->max_length);
	state->min = Min(Max(state->min, space->min_length), state->max);
	state->type = get_element_type(space->base);
	get_typlenbyvalalign(state->type, &state->typlen, &state->typbyval, &state->typalign);
	state->lower_bound = space->base == INT2VECTOROID || space->base == OIDVECTOROID ? 0 : 1;
	state->element = generator_part(generator, request, said ? &element : NULL,
									said ? NULL : generator_for_space(space->element)->name,
									space->element, request->distinct);

	/* Arrays whose first elements differ do. */
	if (state->element != NULL)
		generator->capacity = state->max > 0 ? state->element->capacity : 1;
}

/* Returns an array. */
static Datum
array_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const ArrayState *state = generator->state;
	int				  least = cell->distinct ? Min(Max(state->min, 1), state->max) : state->min;
	int	   count = least + (int) random_below(cell->random, (uint64) state->max - least + 1);
	Datum *values = palloc0_array(Datum, count + 1);
	bool  *nulls = palloc0_array(bool, count + 1);

	*isnull = false;
	if (count == 0)
		return PointerGetDatum(construct_empty_array(state->type));
	for (int i = 0; i < count; i++)
	{
		Cell part = part_cell(cell, i == 0);

		values[i] = generator_value(state->element, &part, &nulls[i]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count,
											  unconstify(int *, &state->lower_bound), state->type,
											  state->typlen, state->typbyval, state->typalign));
}

typedef struct RangeState
{
	Generator	   *bound;
	TypeCacheEntry *type; /* the range's */
	Oid				multirange;
} RangeState;

/* Makes a generator of ranges and multiranges. */
static void
make_range_generator(Generator *generator, const GeneratorRequest *request)
{
	RangeState		*state = palloc0_object(RangeState);
	ValueSpace		*space = request->space;
	GeneratorRequest bound = *request;

	generator->state = state;
	if (!generator_accepts(generator, request, KIND_SET(VALUE_RANGE) | KIND_SET(VALUE_MULTIRANGE)))
		return;
	if (space->kind == VALUE_MULTIRANGE)
	{
		state->multirange = space->base;
		state->type = lookup_type_cache(space->base, TYPECACHE_MULTIRANGE_INFO)->rngtype;
	}
	else
		state->type = lookup_type_cache(space->base, TYPECACHE_RANGE_INFO);

	/* "min" and "max" are its bounds'. */
	bound.space = space->element;
	state->bound = generator_make(generator_for_space(space->element), &bound);
	if (state->bound != NULL)
		generator->capacity = state->bound->capacity;
}

/* Returns a range: of distinct ones of one value each, so that no two of them overlap. */
static Datum
range_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const RangeState *state = generator->state;
	RangeBound		  lower = {0};
	RangeBound		  upper = {0};
	RangeType		 *range;
	int				  order;

	lower.lower = true;
	lower.inclusive = true;
	lower.val = generator_value(state->bound, cell, isnull);
	if (*isnull)
		return (Datum) 0;
	upper.val = cell->distinct ? lower.val : generator_value(state->bound, cell, isnull);
	order = DatumGetInt32(FunctionCall2Coll(&state->type->rng_cmp_proc_finfo,
											state->type->rng_collation, lower.val, upper.val));
	if (order > 0)
	{
		Datum value = lower.val;

		lower.val = upper.val;
		upper.val = value;
	}
	upper.inclusive = order == 0;
	range = compat_make_range(state->type, &lower, &upper);
	if (!OidIsValid(state->multirange))
		return RangeTypePGetDatum(range);
	return MultirangeTypePGetDatum(make_multirange(state->multirange, state->type, 1, &range));
}

typedef struct CompositeState
{
	TupleDesc	desc;
	Generator **fields;	  /* NULL: dropped */
	int			distinct; /* the field that tells n-th ones apart */
} CompositeState;

/* Makes a generator of records of a composite type. */
static void
make_composite(Generator *generator, const GeneratorRequest *request)
{
	CompositeState *state = palloc0_object(CompositeState);

	generator->state = state;
	if (!generator_accepts(generator, request, KIND_SET(VALUE_COMPOSITE)))
		return;
	check_stack_depth();
	state->desc = lookup_rowtype_tupdesc_copy(request->space->base, request->space->base_typmod);
	state->fields = palloc0_array(Generator *, state->desc->natts);
	generator->capacity = 0;
	for (int i = 0; i < state->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(state->desc, i);
		ValueSpace		 *space;

		if (attribute->attisdropped)
			continue;
		space = space_of_type(attribute->atttypid, attribute->atttypmod, attribute->attcollation);
		state->fields[i] = generator_part(
			generator, request, NULL, generator_for_space(space)->name, space, request->distinct);
		if (state->fields[i] != NULL && state->fields[i]->capacity > generator->capacity)
		{
			generator->capacity = state->fields[i]->capacity;
			state->distinct = i;
		}
	}
	generator->capacity = Max(generator->capacity, 1);
}

/* Returns a record. */
static Datum
composite_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const CompositeState *state = generator->state;
	Datum				 *values = palloc0_array(Datum, state->desc->natts + 1);
	bool				 *nulls = palloc0_array(bool, state->desc->natts + 1);

	*isnull = false;
	for (int i = 0; i < state->desc->natts; i++)
	{
		Cell part = part_cell(cell, i == state->distinct);

		nulls[i] = true;
		if (state->fields[i] != NULL)
			values[i] = generator_value(state->fields[i], &part, &nulls[i]);
	}
	return HeapTupleGetDatum(heap_form_tuple(state->desc, values, nulls));
}

typedef struct BitsState
{
	int		length; /* bytes or bits */
	Shuffle shuffle;
} BitsState;

/* Sets how many strings of so many bits there are, as far as 63 of them tell apart. */
static void
count_bits(Generator *generator, BitsState *state, int bits)
{
	generator->state = state;
	state->shuffle = shuffle_make(UINT64CONST(1) << Min(bits, 63));
	generator->capacity = state->shuffle.size;
}

/* Fills bytes by chance, but the first of n-th ones with what tells them apart. */
static void
fill_bits(const Generator *generator, const Cell *cell, unsigned char *bytes, int bits)
{
	const BitsState *state = generator->state;
	int				 first = 0;

	if (cell->distinct)
	{
		uint64 number = shuffle_at(&state->shuffle, cell->n) << (64 - Min(bits, 63));

		for (; first < Min(8, (bits + 7) / 8); first++)
			bytes[first] = (unsigned char) (number >> (56 - 8 * first));
	}
	for (uint64 random = 0; first < (bits + 7) / 8; first++)
	{
		random = first % 8 == 0 ? random_next(cell->random) : random >> 8;
		bytes[first] = (unsigned char) random;
	}
	if (bits % 8 != 0)
		bytes[bits / 8] &= (unsigned char) (0xff << (8 - bits % 8));
}

/* Makes a generator of bytes. */
static void
make_bytea(Generator *generator, const GeneratorRequest *request)
{
	BitsState *state = palloc0_object(BitsState);
	double	   length = generator_number(request, "length", DEFAULT_BYTES);

	if (!generator_accepts(generator, request, KIND_SET(VALUE_BYTEA)))
		return;
	if (!(length >= 1 && length <= MAX_BYTES))
	{
		generator_problem(request, "argument \"length\" is out of range", NULL);
		return;
	}
	state->length = Max((int) length, request->space->min_length);
	if (request->space->max_length >= 0)
		state->length = Min(state->length, request->space->max_length);
	count_bits(generator, state, Min(state->length, 8) * 8);
}

/* Returns bytes. */
static Datum
bytea_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const BitsState *state = generator->state;
	bytea			*bytes = palloc(VARHDRSZ + (Size) state->length);

	*isnull = false;
	SET_VARSIZE(bytes, VARHDRSZ + state->length);
	fill_bits(generator, cell, (unsigned char *) VARDATA(bytes), state->length * 8);
	return PointerGetDatum(bytes);
}

/* Makes a generator of strings of bits. */
static void
make_bit(Generator *generator, const GeneratorRequest *request)
{
	BitsState *state = palloc0_object(BitsState);

	if (!generator_accepts(generator, request, KIND_SET(VALUE_BIT)))
		return;
	state->length = request->space->base_typmod > 0 ? request->space->base_typmod : DEFAULT_BITS;
	if (request->space->base == VARBITOID)
	{
		state->length = Max(state->length, request->space->min_length);
		if (request->space->max_length >= 0)
			state->length = Min(state->length, request->space->max_length);
	}
	count_bits(generator, state, state->length);
}

/* Returns a string of bits. */
static Datum
bit_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const BitsState *state = generator->state;
	VarBit			*bits = palloc0(VARBITTOTALLEN(state->length));

	*isnull = false;
	SET_VARSIZE(bits, VARBITTOTALLEN(state->length));
	VARBITLEN(bits) = state->length;
	fill_bits(generator, cell, VARBITS(bits), state->length);
	return VarBitPGetDatum(bits);
}

/* Makes a generator of geometric values. */
static void
make_geometric(Generator *generator, const GeneratorRequest *request)
{
	(void) generator_accepts(generator, request, KIND_SET(VALUE_GEOMETRIC));
	generator->capacity = PG_UINT32_MAX;
}

/* Returns a coordinate of so many hundredths. */
static double
hundredths(uint64 count)
{
	return (double) count / 100;
}

/* Makes a path or a polygon of the corners of a rectangle. */
static Datum
corners_datum(Oid type, const Point *corners)
{
	Size	 size = type == PATHOID ? offsetof(PATH, p) + 4 * sizeof(Point)
									: offsetof(POLYGON, p) + 4 * sizeof(Point);
	PATH	*path;
	POLYGON *polygon;

	if (type == PATHOID)
	{
		path = palloc0(size);
		SET_VARSIZE(path, size);
		path->npts = 4;
		path->closed = true;
		memcpy(path->p, corners, 4 * sizeof(Point));
		return PathPGetDatum(path);
	}
	polygon = palloc0(size);
	SET_VARSIZE(polygon, size);
	polygon->npts = 4;
	polygon->boundbox.high = corners[2];
	polygon->boundbox.low = corners[0];
	memcpy(polygon->p, corners, 4 * sizeof(Point));
	return PolygonPGetDatum(polygon);
}

/* Returns a geometric value. */
static Datum
geometric_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	uint64	place = cell->distinct ? cell->n : random_below(cell->random, UINT64CONST(10000000000));
	uint64	east = place % 100000; /* the n-th place of a grid */
	uint64	north = place / 100000;
	uint64	size = 1 + random_below(cell->random, 1000);
	Point	at = {hundredths(east), hundredths(north)};
	Point	across = {hundredths(east + size), hundredths(north + size)};
	Point	corners[4] = {at, {at.x, across.y}, across, {across.x, at.y}};
	LSEG   *segment;
	BOX	   *box;
	LINE   *line;
	CIRCLE *circle;
	Point  *point;

	*isnull = false;
	switch (generator->space->base)
	{
		case POINTOID:
			point = palloc_object(Point);
			*point = at;
			return PointPGetDatum(point);
		case LSEGOID:
			segment = palloc_object(LSEG);
			*segment = (LSEG){{at, across}};
			return LsegPGetDatum(segment);
		case BOXOID:
			box = palloc_object(BOX);
			*box = (BOX){across, at};
			return BoxPGetDatum(box);
		case LINEOID:
			line = palloc_object(LINE);
			*line = (LINE){at.x + 1, -1, at.y};
			return LinePGetDatum(line);
		case CIRCLEOID:
			circle = palloc_object(CIRCLE);
			*circle = (CIRCLE){at, hundredths(size)};
			return CirclePGetDatum(circle);
		default:
			return corners_datum(generator->space->base, corners);
	}
}

static const GeneratorKind kinds[] = {
	{"array", "min, max, element", "arrays of min to max elements, each as the object element says",
	 NULL, TEXTARRAYOID, make_array, array_value},
	{"range", "min, max", "ranges between min and max", NULL, INT4RANGEOID, make_range_generator,
	 range_value},
	{"composite", "", "records, each field as its type suggests", "{}", InvalidOid, make_composite,
	 composite_value},
	{"bytea", "length", "bytes", NULL, BYTEAOID, make_bytea, bytea_value},
	{"bit", "", "strings of bits", NULL, BITOID, make_bit, bit_value},
	{"geometric", "", "points, boxes and other figures", NULL, POINTOID, make_geometric,
	 geometric_value},
};

const KindTable structure_kinds = KIND_TABLE(kinds);
