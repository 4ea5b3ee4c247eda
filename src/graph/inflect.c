/*-------------------------------------------------------------------------
 *
 * inflect.c
 *		Names of tables and columns as words: their forms, and patterns of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "core/compat.h"
#include "graph/inflect.h"

#define MAX_PATTERN NAMEDATALEN

/* Words whose singular follows no rule, or that have only one form. */
static const char *const irregular[][2] = {
	{"people", "person"},		{"men", "man"},
	{"women", "woman"},			{"children", "child"},
	{"data", "data"},			{"media", "media"},
	{"news", "news"},			{"series", "series"},
	{"species", "species"},		{"statuses", "status"},
	{"aliases", "alias"},		{"buses", "bus"},
	{"movies", "movie"},		{"cookies", "cookie"},
	{"databases", "database"},	{"indices", "index"},
	{"matrices", "matrix"},		{"vertices", "vertex"},
	{"analyses", "analysis"},	{"diagnoses", "diagnosis"},
	{"criteria", "criterion"},	{"leaves", "leaf"},
	{"shelves", "shelf"},		{"halves", "half"},
	{"licenses", "license"},	{"addresses", "address"},
	{"analytics", "analytics"},
};

/* Endings and what stands for them in the singular; the first that fits. */
static const char *const endings[][2] = {
	{"ies", "y"},	{"sses", "ss"},	   {"ches", "ch"}, {"shes", "sh"}, {"xes", "x"},
	{"zzes", "zz"}, {"ouses", "ouse"}, {"uses", "us"}, {"oes", "o"},   {"ss", "ss"},
	{"us", "us"},	{"is", "is"},	   {"s", ""},
};

char *
snake_case(const char *name)
{
	StringInfoData text;

	initStringInfo(&text);
	for (const char *at = name; *at != '\0'; at++)
	{
		bool upper = *at >= 'A' && *at <= 'Z';
		bool after_lower =
			at > name && ((at[-1] >= 'a' && at[-1] <= 'z') || (at[-1] >= '0' && at[-1] <= '9'));

		if (upper && after_lower)
			appendStringInfoChar(&text, '_');
		if (*at == ' ' || *at == '-' || *at == '.')
			appendStringInfoChar(&text, '_');
		else
			appendStringInfoChar(&text, upper ? *at - 'A' + 'a' : *at);
	}
	return text.data;
}

const char *
last_word(const char *name)
{
	const char *underscore = strrchr(name, '_');

	return underscore != NULL && underscore[1] != '\0' ? underscore + 1 : name;
}

/* Tells whether a text ends so, and has something before it. */
static bool
ends_so(const char *text, const char *ending)
{
	size_t length = strlen(text);
	size_t size = strlen(ending);

	return length > size && strcmp(text + length - size, ending) == 0;
}

char *
singular_name(const char *name)
{
	char	   *text = snake_case(name);
	const char *word = last_word(text);
	int			before = (int) (word - text);

	for (size_t i = 0; i < lengthof(irregular); i++)
	{
		if (strcmp(word, irregular[i][0]) == 0)
			return psprintf("%.*s%s", before, text, irregular[i][1]);
	}
	for (size_t i = 0; i < lengthof(endings); i++)
	{
		if (ends_so(word, endings[i][0]))
			return psprintf("%.*s%s", (int) (strlen(text) - strlen(endings[i][0])), text,
							endings[i][1]);
	}
	return text;
}

char *
class_name(const char *table)
{
	const char	  *singular = singular_name(table);
	StringInfoData text;
	bool		   begins = true;

	initStringInfo(&text);
	for (const char *at = singular; *at != '\0'; at++)
	{
		if (*at == '_')
			begins = true;
		else
		{
			appendStringInfoChar(&text, begins && *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
			begins = false;
		}
	}
	return text.data;
}

bool
name_matches(const char *pattern, const char *name)
{
	const char *star = NULL;
	const char *again = NULL;

	while (*name != '\0')
	{
		if (*pattern == '*')
		{
			star = pattern++;
			again = name;
		}
		else if (*pattern == *name)
		{
			pattern++;
			name++;
		}
		else if (star != NULL)
		{
			/* The last * takes one more character. */
			pattern = star + 1;
			name = ++again;
		}
		else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool
name_matches_any(const char *patterns, const char *name)
{
	char pattern[MAX_PATTERN];

	while (*patterns != '\0')
	{
		size_t length = strcspn(patterns, " ");

		Assert(length < sizeof(pattern));
		memcpy(pattern, patterns, length);
		pattern[length] = '\0';
		if (name_matches(pattern, name))
			return true;
		patterns += length;
		patterns += strspn(patterns, " ");
	}
	return false;
}
