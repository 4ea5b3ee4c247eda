/*-------------------------------------------------------------------------
 *
 * pattern_shapes.c
 *		Enumerates texts that a regular expression matches, without giving one twice.
 *
 * A shape is a sequence of sets of characters, to which repeats and alternatives lead that are chosen
 * once and for all.  It gives a text for each choice of its characters, all different.  Two
 * shapes give different texts where their lengths differ or their sets have no character in common
 * somewhere; others are passed over, since an expression may lead to the same text in several
 * ways.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/compat.h"
#include "graph/pattern_shapes.h"
#include "graph/products.h"
#include "graph/spread.h"

/* Shapes looked at, the choices that lead to one, and their characters. */
#define MAX_SHAPES 512
#define MAX_CHOICES 256
#define MAX_SHAPE_LENGTH 1024

/* A shape that gives as many texts will do alone: about as many as there are rows in the largest tables. */
#define MANY_TEXTS (UINT64CONST(1) << 40)

/* Texts are enumerated in an order that does not look like counting. */
#define ORDER_KEY UINT64CONST(0x706174746572)

typedef struct Shape
{
	int					length;
	int64				unevenness; /* squares of the repeats */
	const PatternNode **sets;
	uint64				capacity; /* UINT64_MAX: so many or more */
} Shape;

struct PatternShapes
{
	int	   count;
	Shape *shapes; /* no text is of two of them */
	uint64 capacity;
};

/* The choices that lead to a shape; those that are not made yet are the first, or where so wanted the last. */
typedef struct Chooser
{
	int	 count;
	int	 chosen[MAX_CHOICES];
	int	 options[MAX_CHOICES];
	int	 made;
	bool last;
} Chooser;

/* Multiplies, up to UINT64_MAX. */
static uint64
saturating_product(uint64 a, uint64 b)
{
	uint128 product = (uint128) a * b;

	return product > UINT64_MAX ? UINT64_MAX : (uint64) product;
}

/* Returns which of a number of options is chosen next. */
static int
choose(Chooser *chooser, int options)
{
	int choice = chooser->last ? options - 1 : 0;

	if (options <= 1 || chooser->made == MAX_CHOICES)
		return choice;
	if (chooser->made == chooser->count)
		chooser->chosen[chooser->count++] = choice;
	chooser->options[chooser->made] = options;
	return chooser->chosen[chooser->made++];
}

/* Makes the choices those of the next shape; returns false after the last. */
static bool
choose_next(Chooser *chooser)
{
	while (chooser->count > 0 &&
		   chooser->chosen[chooser->count - 1] + 1 >= chooser->options[chooser->count - 1])
		chooser->count--;
	if (chooser->count > 0)
		chooser->chosen[chooser->count - 1]++;
	chooser->made = 0;
	return chooser->count > 0;
}

/* Adds what a node gives to a shape; returns false where it gets too long. */
static bool
add_to_shape(Shape *shape, const PatternNode *node, Chooser *chooser)
{
	int		  repeats = 1;
	ListCell *cell;

	if (node->kind == PATTERN_CHARACTER)
	{
		if (shape->length == MAX_SHAPE_LENGTH)
			return false;
		shape->sets[shape->length++] = node;
		shape->capacity = saturating_product(shape->capacity, (uint64) node->ncharacters);
		return true;
	}
	if (node->kind == PATTERN_CHOICE)
		return add_to_shape(shape, list_nth(node->parts, choose(chooser, list_length(node->parts))),
							chooser);
	if (node->kind == PATTERN_REPEAT)
	{
		repeats = node->low + choose(chooser, node->high - node->low + 1);
		shape->unevenness += (int64) repeats * repeats;
	}
	for (int i = 0; i < repeats; i++)
	{
		foreach(cell, node->parts)
		{
			if (!add_to_shape(shape, lfirst(cell), chooser))
				return false;
		}
	}
	return true;
}

/* Tells whether two sets have no character in common. */
static bool
sets_disjoint(const PatternNode *a, const PatternNode *b)
{
	if (a == b)
		return false;
	for (int i = 0; i < a->ncharacters; i++)
	{
		for (int j = 0; j < b->ncharacters; j++)
		{
			if (a->characters[i] == b->characters[j])
				return false;
		}
	}
	return true;
}

/* Tells whether no text is of both shapes. */
static bool
shapes_disjoint(const Shape *a, const Shape *b)
{
	if (a->length != b->length)
		return true;
	for (int i = 0; i < a->length; i++)
	{
		if (sets_disjoint(a->sets[i], b->sets[i]))
			return true;
	}
	return false;
}

/* Orders shapes: those that give more texts first. */
static int
compare_shapes(const void *a, const void *b)
{
	const Shape *one = a;
	const Shape *other = b;

	if (one->capacity != other->capacity)
		return one->capacity > other->capacity ? -1 : 1;
	return one->length - other->length;
}

/* Adds the shape that choices lead to, unless it gets too long. */
static void
add_shape(PatternShapes *shapes, const PatternNode *root, Chooser *chooser)
{
	Shape shape = {.capacity = 1, .sets = palloc_array(const PatternNode *, MAX_SHAPE_LENGTH)};

	if (!add_to_shape(&shape, root, chooser))
		return;
	shape.sets = repalloc(shape.sets, sizeof(PatternNode *) * Max(shape.length, 1));
	shapes->shapes[shapes->count++] = shape;
}

PatternShapes *
shapes_find(const PatternNode *root)
{
	PatternShapes *shapes = palloc0_object(PatternShapes);
	Chooser		   chooser = {0};
	Shape		  *all = palloc_array(Shape, MAX_SHAPES + 1);
	Shape		  *enough = NULL;
	int			   count;

	shapes->shapes = all;
	do
	{
		CHECK_FOR_INTERRUPTS();
		add_shape(shapes, root, &chooser);
	} while (choose_next(&chooser) && shapes->count < MAX_SHAPES);
	add_shape(shapes, root, &(Chooser){.last = true});

	for (int i = 0; i < shapes->count; i++)
	{
		if (all[i].capacity >= MANY_TEXTS &&
			(enough == NULL || all[i].length < enough->length ||
			 (all[i].length == enough->length && all[i].unevenness < enough->unevenness)))
			enough = &all[i];
	}
	count = shapes->count;
	if (enough != NULL)
	{
		all[0] = *enough;
		count = 1;
	}
	qsort(all, count, sizeof(Shape), compare_shapes);
	shapes->count = 0;
	for (int i = 0; i < count; i++)
	{
		bool disjoint = true;

		for (int j = 0; j < shapes->count && disjoint; j++)
			disjoint = shapes_disjoint(&all[i], &all[j]);
		if (!disjoint)
			continue;
		shapes->capacity = (uint64) Min((uint128) shapes->capacity + all[i].capacity, UINT64_MAX);
		all[shapes->count++] = all[i];
	}
	return shapes;
}

uint64
shapes_capacity(const PatternShapes *shapes)
{
	return shapes->capacity;
}

/*
 * The digits of n choose the characters, each counted from where those before it say, so that no run of texts
 * ends alike.
 */
int
shapes_nth(const PatternShapes *shapes, uint64 n, pg_wchar **characters)
{
	const Shape *shape = shapes->shapes;
	uint64		 state = ORDER_KEY;

	Assert(n < shapes->capacity);
	n = permute(n, Min(shapes->capacity, MAX_SPACE), ORDER_KEY);
	for (; n >= shape->capacity; shape++)
		n -= shape->capacity;
	*characters = palloc_array(pg_wchar, Max(shape->length, 1));
	for (int i = 0; i < shape->length; i++)
	{
		uint64 size = (uint64) shape->sets[i]->ncharacters;
		uint64 place = (n % size + state % size) % size;

		(*characters)[i] = shape->sets[i]->characters[place];
		n /= size;
		state = random_mix(state + place);
	}
	return shape->length;
}
