/*-------------------------------------------------------------------------
 *
 * render.c
 *		Tallies within results.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "cache/render.h"
#include "core/compat.h"

/* Tells whether all members of an object are numbers. */
static bool
has_numbers_only(JsonbContainer *object)
{
	JsonbIterator	  *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue		   value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_VALUE && value.type != jbvNumeric)
			return false;
	}
	return true;
}

/* Raises an error that says what a result must look like. */
static void
refuse_result(const char *name)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("the result does not have the tally \"%s\"", name),
		 errhint(
			 "The query must return a JSON object with a member \"%s\", an object from each key "
			 "to its number: jsonb_build_object('%s', (SELECT jsonb_object_agg(key, number) "
			 "FROM ...)).",
			 name, name)));
}

/* jsonb_object_agg() of no rows is null. */
const char *
tallies_check(const Jsonb *value, const char *const *names, int count)
{
	if (value == NULL && count > 0)
		return "a null has no tallies";
	for (int i = 0; i < count; i++)
	{
		JsonbValue *member = NULL;

		if (JB_ROOT_IS_OBJECT(value))
			member = getKeyJsonValueFromContainer((JsonbContainer *) &value->root, names[i],
												  (int) strlen(names[i]), NULL);
		if (member != NULL && member->type == jbvNull)
			continue;
		if (member == NULL || member->type != jbvBinary ||
			!JsonContainerIsObject(member->val.binary.data))
			refuse_result(names[i]);
		else if (!has_numbers_only(member->val.binary.data))
			return psprintf("the tally \"%s\" has what is not a number", names[i]);
	}
	return NULL;
}

/* Adds to a number. */
static void
add_to_number(JsonbValue *number, int64 delta)
{
	number->val.numeric =
		DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(number->val.numeric),
											NumericGetDatum(int64_to_numeric(delta))));
}

/* Tells whether a member's key is that of a change. */
static bool
is_key_of(const JsonbValue *key, int64 number)
{
	char text[MAXINT8LEN + 1];
	int	 length = pg_lltoa(number, text);

	return key->val.string.len == length && memcmp(key->val.string.val, text, length) == 0;
}

/* Returns the change of a tally's key, or -1. */
static int
find_change(const JsonbValue *key, int tally, const TallyChange *changes, int nchanges)
{
	int at = nchanges - 1;

	while (at >= 0 && (changes[at].tally != tally || !is_key_of(key, changes[at].key)))
		at--;
	return at;
}

/* Pushes the keys that a tally has, with their changes, which are marked as done. */
static void
push_known_keys(JsonbParseState **state, JsonbContainer *container, int tally,
				const TallyChange *changes, int nchanges, bool *done)
{
	JsonbIterator	  *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue		   value;
	int				   at = -1;

	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_END_OBJECT)
	{
		if (token == WJB_KEY)
			at = find_change(&value, tally, changes, nchanges);
		else if (at >= 0)
		{
			add_to_number(&value, changes[at].delta);
			done[at] = true;
		}
		(void) pushJsonbValue(state, token, &value);
	}
}

/* Pushes a key that a tally does not have. */
static void
push_new_key(JsonbParseState **state, const TallyChange *change)
{
	char	  *text = palloc(MAXINT8LEN + 1);
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = text;
	value.val.string.len = pg_lltoa(change->key, text);
	(void) pushJsonbValue(state, WJB_KEY, &value);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(change->delta);
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

/* Pushes a tally with its changes. */
static void
push_tally(JsonbParseState **state, const JsonbValue *member, int tally, const TallyChange *changes,
		   int nchanges)
{
	bool *done = palloc0_array(bool, nchanges + 1);

	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (member->type == jbvBinary)
		push_known_keys(state, member->val.binary.data, tally, changes, nchanges, done);
	for (int i = 0; i < nchanges; i++)
	{
		if (!done[i] && changes[i].tally == tally)
			push_new_key(state, &changes[i]);
	}
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
	pfree(done);
}

Jsonb *
tallies_render(Jsonb *value, const char *const *names, int count, const TallyChange *changes,
			   int nchanges)
{
	JsonbParseState	  *state = NULL;
	JsonbIterator	  *iterator = JsonbIteratorInit(&value->root);
	JsonbIteratorToken token;
	JsonbValue		   member;
	JsonbValue		  *result;
	int				   tally = -1;

	(void) JsonbIteratorNext(&iterator, &member, true);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&iterator, &member, true)) != WJB_END_OBJECT)
	{
		if (token == WJB_KEY)
		{
			for (tally = count - 1; tally >= 0; tally--)
			{
				if ((int) strlen(names[tally]) == member.val.string.len &&
					memcmp(names[tally], member.val.string.val, member.val.string.len) == 0)
					break;
			}
		}
		if (token == WJB_VALUE && tally >= 0)
			push_tally(&state, &member, tally, changes, nchanges);
		else
			(void) pushJsonbValue(&state, token, &member);
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}
