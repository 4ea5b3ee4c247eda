/*-------------------------------------------------------------------------
 *
 * generators_any.c
 *		The generator of last resort: what a type has, by its kind or by the text
 *		that its input function reads.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/subtransaction.h"
#include "graph/generators.h"
#include "graph/wording.h"

#define DEFAULT_DIMENSIONS 3

/* Texts of a type that is known by its name alone, in whatever schema an extension has put it. */
typedef struct TypeText
{
	const char *type;
	const char *pattern;  /* a template, where %= makes n-th ones distinct */
	uint64		capacity; /* with %=; 0: any number */
} TypeText;

static const TypeText type_texts[] = {
	/* The server's. */
	{"xml", "<note id=\"%=\"><to>%f</to><about>%n</about></note>", 0},
	{"tsvector", "%a %n %n%=", 0},
	{"tsquery", "%n & %n%=", 0},
	{"jsonpath", "$.%n.%n%=", 0},
	{"pg_lsn", "%=/%x%x%x%x%x%x", 100000000},
	{"oid", "%=", PG_UINT32_MAX},
	{"xid", "%=", PG_UINT32_MAX},
	{"xid8", "%=", 0},
	{"cid", "%=", PG_UINT32_MAX},
	{"tid", "(%=,1)", PG_UINT32_MAX},
	{"refcursor", "%n%=", 0},
	{"pg_snapshot", "10:20:%#11-19;", 0},
	{"txid_snapshot", "10:20:%#11-19;", 0},
	{"int2vector", "%#1-9; %#1-9;", 0},
	{"oidvector", "%#1-9; %#1-9;", 0},
	{"regclass", "pg_catalog.pg_class", 0},
	{"regcollation", "pg_catalog.\"C\"", 0},
	{"regconfig", "pg_catalog.simple", 0},
	{"regdictionary", "pg_catalog.simple", 0},
	{"regnamespace", "pg_catalog", 0},
	{"regoper", "pg_catalog.||/", 0},
	{"regoperator", "pg_catalog.+(integer,integer)", 0},
	{"regproc", "pg_catalog.pg_backend_pid", 0},
	{"regprocedure", "pg_catalog.length(text)", 0},
	{"regrole", "pg_monitor", 0},
	{"regtype", "pg_catalog.int4", 0},
	{"regdatabase", "template1", 0},

	/* Extensions'. */
	{"hstore", "%n=>%a, size=>\"%=\"", 0},
	{"ltree", "%n.%n.%n%=", 0},
	{"lquery", "%n.*.%n%=", 0},
	{"ltxtquery", "%n & %n%=", 0},
	{"cube", "(%#0-99;.%9, %#0-99;.%9, %=)", UINT64CONST(1) << 51},
	{"seg", "%#0-9; .. %#10-99;", 0},
	{"query_int", "%#1-99;&%#1-99;", 0},
	{"geography", "SRID=4326;POINT(%#0-170;.%9%9%9%9 %#0-80;.%9%9%9%9)", 0},
	{"box2d", "BOX(%#0-9; %#0-9;,%#10-99; %#10-99;)", 0},
	{"box3d", "BOX3D(%#0-9; %#0-9; 0,%#10-99; %#10-99; 1)", 0},
	{"ip4", "10.%#0-255;.%#0-255;.%#1-254;", 0},
	{"ip6", "fd00::%x%x%x%x:%x%x%x%x", 0},
	{"ipaddress", "10.%#0-255;.%#0-255;.%#1-254;", 0},
	{"iprange", "10.%#0-255;.%#0-255;.0/24", 0},
	{"ip4r", "10.%#0-255;.%#0-255;.0/24", 0},
	{"prefix_range", "%#100-999;", 0},
	{"semver", "%#0-9;.%#0-30;.%=", PG_INT32_MAX},
	{"debversion", "%#0-9;.%#0-30;.%=", 0},
	{"isbn", "0-306-40615-2", 0},
	{"isbn13", "978-0-306-40615-7", 0},
	{"issn", "0317-8471", 0},
	{"ismn", "M-060-11561-5", 0},
	{"ismn13", "979-0-060-11561-5", 0},

	{"ip6r", "fd00:%x%x%x%x::/64", 0},
	{"ean13", "400-638133393-1", 0},
	{"upc", "036000291452", 0},
};

/* What is tried of a type that nothing is known of. */
static const char *const guesses[] = {
	"%n", "%#1-999;", "%#0-99;.%9%9", "(%#0-9;,%#0-9;)", "[%#0-9;,%#10-99;]", "{%#0-9;,%#0-9;}",
	"",	  "{}"};

/* By the well-known text of PostGIS's types, in their order; from some on they have curves. */
#define FIRST_CURVE 8
static const char *const shapes[] = {
	"POINT(%#0-170;.%9%9 %#0-80;.%9%9)",
	"POINT(%#0-170;.%9%9 %#0-80;.%9%9)",
	"LINESTRING(%#0-80;.%9 %#0-40;.%9, %#81-170;.%9 %#41-80;.%9)",
	"POLYGON((0 0, 0 %#1-80;, %#1-170; %#1-80;, 0 0))",
	"MULTIPOINT((%#0-170;.%9 %#0-80;.%9), (%#0-170;.%9 %#0-80;.%9))",
	"MULTILINESTRING((0 0, %#1-170; %#1-80;))",
	"MULTIPOLYGON(((0 0, 0 %#1-80;, %#1-170; %#1-80;, 0 0)))",
	"GEOMETRYCOLLECTION(POINT(%#0-170; %#0-80;))",
	"CIRCULARSTRING(0 0, %#1-80; %#1-40;, %#81-170; 0)",
	"COMPOUNDCURVE((0 0, %#1-170; %#1-80;))",
	"CURVEPOLYGON((0 0, 0 %#1-80;, %#1-170; %#1-80;, 0 0))",
	"MULTICURVE((0 0, %#1-170; %#1-80;))",
	"MULTISURFACE(((0 0, 0 %#1-80;, %#1-170; %#1-80;, 0 0)))"};

typedef struct AnyState
{
	Generator  *other;	 /* a kind that suits */
	const char *pattern; /* or else texts by this */
} AnyState;

/* Kinds that suit what a space is known to be. */
static const char *const kinds_of[] = {
	[VALUE_TEXT] = "label",			 [VALUE_INTEGER] = "integer",	  [VALUE_NUMERIC] = "number",
	[VALUE_FLOAT] = "number",		 [VALUE_BOOLEAN] = "boolean",	  [VALUE_UUID] = "uuid",
	[VALUE_DATE] = "date",			 [VALUE_TIME] = "time",			  [VALUE_TIMESTAMP] = "moment",
	[VALUE_INTERVAL] = "interval",	 [VALUE_JSON] = "json",			  [VALUE_ENUM] = "allowed",
	[VALUE_BYTEA] = "bytea",		 [VALUE_NETWORK] = "network",	  [VALUE_BIT] = "bit",
	[VALUE_ARRAY] = "array",		 [VALUE_RANGE] = "range",		  [VALUE_MULTIRANGE] = "range",
	[VALUE_COMPOSITE] = "composite", [VALUE_GEOMETRIC] = "geometric", [VALUE_OTHER] = "any",
};

const GeneratorKind *
generator_for_space(const ValueSpace *space)
{
	if (space->nallowed > 0)
		return generator_kind("allowed");
	if (space->kind == VALUE_TEXT && space->patterns != NIL)
		return generator_kind("pattern");
	return generator_kind(kinds_of[space->kind]);
}

/* Returns a vector's text, of pgvector's types. */
static char *
vector_text(int dimensions, bool sparse)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, sparse ? '{' : '[');
	for (int i = 0; i < dimensions; i++)
	{
		if (sparse)
			appendStringInfo(&text, "%s%d:0.%%9%%9%%9", i == 0 ? "" : ",", i + 1);
		else
			appendStringInfo(&text, "%s0.%%9%%9%%9%%9", i == 0 ? "" : ",");
		if (sparse && i == DEFAULT_DIMENSIONS)
			break;
	}
	appendStringInfoChar(&text, sparse ? '}' : ']');
	if (sparse)
		appendStringInfo(&text, "/%d", dimensions);
	return text.data;
}

/* Returns a shape with a height, a measure or both at each of its points; curves must end where they begin in these, too. */
static const char *
with_dimensions(const char *shape, bool is_curve, bool has_height, bool has_measure)
{
	const char	  *number = is_curve ? " 0" : " %#0-100;";
	StringInfoData text;

	initStringInfo(&text);
	for (const char *c = shape; *c != '\0'; c++)
	{
		bool in_name = c > shape && isalpha((unsigned char) c[-1]);

		/* Three numbers are a point with a height, unless its name says otherwise. */
		if (*c == '(' && in_name && has_measure && !has_height)
			appendStringInfoChar(&text, 'M');
		if ((*c == ',' || *c == ')') && c[-1] != ')')
		{
			appendStringInfoString(&text, has_height ? number : "");
			appendStringInfoString(&text, has_measure ? number : "");
		}
		appendStringInfoChar(&text, *c);
	}
	return text.data;
}

/* Returns the text of a geometry of the kind that the type's modifier wants; its bits are PostGIS's. */
static const char *
geometry_text(int32 modifier)
{
	int			shape = modifier >= 0 ? (modifier & 0xfc) >> 2 : 0;
	int			srid = modifier >= 0 ? ((modifier & 0x0fffff00) - (modifier & 0x10000000)) >> 8 : 0;
	const char *text =
		with_dimensions(shapes[shape < (int) lengthof(shapes) ? shape : 0], shape >= FIRST_CURVE,
						modifier >= 0 && (modifier & 2) != 0, modifier >= 0 && (modifier & 1) != 0);

	return srid > 0 ? psprintf("SRID=%d;%s", srid, text) : text;
}

/* Finds a template for a type's texts by its name; NULL where there is none. */
static const char *
find_pattern(const ValueSpace *space, uint64 *capacity)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(space->base));
	const char *name;
	int			dimensions = space->base_typmod > 0 ? space->base_typmod : DEFAULT_DIMENSIONS;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", space->base);
	name = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
	ReleaseSysCache(tuple);
	*capacity = 1;
	if (strcmp(name, "vector") == 0 || strcmp(name, "halfvec") == 0)
		return vector_text(dimensions, false);
	if (strcmp(name, "sparsevec") == 0)
		return vector_text(dimensions, true);
	if (strcmp(name, "geometry") == 0 ||
		(strcmp(name, "geography") == 0 && space->base_typmod >= 0))
		return geometry_text(space->base_typmod);
	if (space->base == ACLITEMOID)
		return psprintf("=r/%s", quote_identifier(GetUserNameFromId(GetUserId(), false)));
	for (size_t i = 0; i < lengthof(type_texts); i++)
	{
		if (strcmp(type_texts[i].type, name) != 0)
			continue;
		if (strstr(type_texts[i].pattern, "%=") != NULL)
			*capacity = type_texts[i].capacity > 0 ? type_texts[i].capacity : PG_UINT64_MAX;
		return type_texts[i].pattern;
	}
	return NULL;
}

/* Returns a text by a template, a number where the template has a place for it. */
static char *
pattern_text(const char *pattern, const Cell *cell)
{
	Wording wording;
	int		mark;
	uint64	number = cell->distinct ? cell->n : random_below(cell->random, 1000);

	memset(&wording, 0, offsetof(Wording, data));
	wording.cell = cell;
	wording.random = cell->random;
	wording.mode = WORDING_DRAWN;
	wording.mark = -1;
	wording_put_template(&wording, pattern);
	wording.data[wording.length] = '\0';
	mark = wording.mark;
	if (mark < 0)
		return pstrdup(wording.data);
	return psprintf("%.*s" UINT64_FORMAT "%s", mark, wording.data, number, wording.data + mark);
}

/* Trying whether a type reads a template's texts. */
typedef struct TryTask
{
	const ValueSpace *space;
	const char		 *pattern;
} TryTask;

/* Has the type read one. */
static void
try_task(void *arg)
{
	TryTask		*task = arg;
	RandomStream random = random_stream(0, RANDOM_GRAPH_CELL, 0);
	Cell		 cell = {.random = &random};

	(void) space_input(task->space, pattern_text(task->pattern, &cell));
}

/* Finds texts that the type reads, and adds a problem where there are none. */
static void
make_texts(const GeneratorRequest *request, AnyState *state, uint64 *capacity)
{
	TryTask	   task = {request->space, find_pattern(request->space, capacity)};
	ErrorData *error = NULL;

	if (task.pattern != NULL)
		error = subtransaction_try(try_task, &task, NULL);
	for (size_t i = 0; (task.pattern == NULL || error != NULL) && i < lengthof(guesses); i++)
	{
		task.pattern = guesses[i];
		error = subtransaction_try(try_task, &task, NULL);
		*capacity = 1;
	}
	state->pattern = task.pattern;
	if (error != NULL)
		generator_problem(
			request,
			psprintf("no values of type %s can be made up", format_type_be(request->space->base)),
			"Give some with the generator \"list\" or \"expression\".");
}

/* Makes a generator of whatever the column can have. */
static void
make_any(Generator *generator, const GeneratorRequest *request)
{
	AnyState			*state = palloc0_object(AnyState);
	const GeneratorKind *kind = generator_for_space(request->space);

	generator->state = state;
	if (kind == generator->kind)
		make_texts(request, state, &generator->capacity);
	else
	{
		state->other = generator_make(kind, request);
		if (state->other != NULL)
		{
			generator->capacity = state->other->capacity;
			generator_reads_as(generator, state->other);
		}
	}
}

/* Returns a value of whatever the column can have. */
static Datum
any_value(const Generator *generator, const Cell *cell, bool *isnull)
{
	const AnyState *state = generator->state;

	if (state->other != NULL)
		return generator_value(state->other, cell, isnull);
	*isnull = false;
	return space_input(generator->space, pattern_text(state->pattern, cell));
}

static const GeneratorKind kinds[] = {
	{"any", "", "what the column's type has, whatever it is", NULL, TSVECTOROID, make_any,
	 any_value},
};

const KindTable any_kinds = KIND_TABLE(kinds);
