/*-------------------------------------------------------------------------
 *
 * capture_keys.c
 *		The keys that a statement changed, each once, on their way to the queue.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "score/capture_keys.h"
#include "score/queue_writer.h"

/* Keys that are held at most. */
#define HELD_KEYS 100000

typedef KeyText *KeyTextPointer;

/* The longest one for an integer. */
typedef union NumberText
{
	KeyText text;
	char	room[sizeof(KeyText) + VARHDRSZ + MAXINT8LEN + 1 + MAXIMUM_ALIGNOF];
} NumberText;

/* Orders texts of keys, the short ones first: so integers are in order among those of one length. */
static inline int
compare_texts(const KeyText *a, const KeyText *b)
{
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return memcmp(a->data, b->data, a->size);
}

#define ST_SORT sort_numbers
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_texts
#define ST_ELEMENT_TYPE KeyTextPointer
#define ST_COMPARE(a, b) compare_texts(*(a), *(b))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Makes the context for the texts of keys. */
static MemoryContext
texts_context(const CapturedKeys *keys)
{
	return AllocSetContextCreate(keys->context, "pollseed captured keys", ALLOCSET_DEFAULT_SIZES);
}

void
captured_keys_init(CapturedKeys *keys, const CapturePlan *plan)
{
	memset(keys, 0, sizeof(*keys));
	keys->plan = plan;
	keys->context = CurrentMemoryContext;
	keys->numeric = plan->nkeys == 1 && plan->keys[0].form <= KEY_INT8;
	if (!keys->numeric)
		keys->texts_in = texts_context(keys);
}

/* Puts the keys in order and drops copies. */
static void
make_unique(CapturedKeys *keys)
{
	int count = 0;

	if (keys->count <= 1)
		return;
	if (keys->numeric)
		sort_numbers(keys->numbers, keys->count);
	else
		sort_texts(keys->texts, keys->count);
	for (int i = 0; i < keys->count; i++)
	{
		if (count > 0 &&
			(keys->numeric ? keys->numbers[i] == keys->numbers[count - 1]
						   : compare_texts(keys->texts[i], keys->texts[count - 1]) == 0))
			continue;
		if (keys->numeric)
			keys->numbers[count] = keys->numbers[i];
		else
			keys->texts[count] = keys->texts[i];
		count++;
	}
	keys->count = count;
}

/* Moves texts to a new context, so that those of the copies are freed. */
static void
move_texts(CapturedKeys *keys)
{
	MemoryContext old_context = keys->texts_in;

	keys->texts_in = texts_context(keys);
	for (int i = 0; i < keys->count; i++)
	{
		Size	 size = offsetof(KeyText, data) + keys->texts[i]->size;
		KeyText *copy = MemoryContextAlloc(keys->texts_in, size);

		memcpy(copy, keys->texts[i], size);
		keys->texts[i] = copy;
	}
	MemoryContextDelete(old_context);
}

/* Makes room for one more key: in a larger array, by dropping copies, or by writing all. */
static void
make_room(CapturedKeys *keys)
{
	if (keys->count >= HELD_KEYS)
	{
		make_unique(keys);
		if (keys->count > HELD_KEYS / 2)
			captured_keys_write(keys);
		if (!keys->numeric)
			move_texts(keys);
		return;
	}
	if (keys->count < keys->room)
		return;
	keys->room = keys->room == 0 ? 16 : Min(keys->room * 4, HELD_KEYS);
	if (keys->numeric)
		keys->numbers = keys->numbers == NULL
							? MemoryContextAlloc(keys->context, keys->room * sizeof(int64))
							: repalloc(keys->numbers, keys->room * sizeof(int64));
	else
		keys->texts = keys->texts == NULL
						  ? MemoryContextAlloc(keys->context, keys->room * sizeof(KeyText *))
						  : repalloc(keys->texts, keys->room * sizeof(KeyText *));
}

/* Returns a value as an integer. */
static int64
integer_of(const CaptureKey *key, Datum value)
{
	switch (key->form)
	{
		case KEY_INT2:
			return DatumGetInt16(value);
		case KEY_INT4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/* Makes the text of an integer, padded as an element of an array. */
static uint32
put_integer(char *data, int64 value)
{
	int	   length = pg_lltoa(value, data + VARHDRSZ);
	uint32 size = INTALIGN(VARHDRSZ + length);

	SET_VARSIZE(data, VARHDRSZ + length);
	memset(data + VARHDRSZ + length, 0, size - VARHDRSZ - length);
	return size;
}

/* Returns the text of a value, and its length. */
static const char *
text_of(CaptureKey *key, Datum value, int *length)
{
	const char *text;

	if (key->form == KEY_TEXT)
	{
		struct varlena *packed = PG_DETOAST_DATUM_PACKED(value);

		*length = (int) VARSIZE_ANY_EXHDR(packed);
		return VARDATA_ANY(packed);
	}
	if (key->form == KEY_OUTPUT)
		text = OutputFunctionCall(&key->output, value);
	else
	{
		char *digits = palloc(MAXINT8LEN + 1);

		(void) pg_lltoa(integer_of(key, value), digits);
		text = digits;
	}
	*length = (int) strlen(text);
	return text;
}

/* Adds a key as texts. */
static void
add_texts(CapturedKeys *keys, TupleTableSlot *slot)
{
	const CapturePlan *plan = keys->plan;
	int				   nkeys = plan->nkeys;
	const char		  *texts[MAX_SCORE_KEYS];
	int				   lengths[MAX_SCORE_KEYS];
	Size			   size = 0;
	KeyText			  *text;
	char			  *data;

	for (int i = 0; i < nkeys; i++)
	{
		CaptureKey *key = unconstify(CaptureKey *, &plan->keys[i]);

		texts[i] = text_of(key, slot->tts_values[key->attnum - 1], &lengths[i]);
		size += INTALIGN(VARHDRSZ + lengths[i]);
	}

	text = MemoryContextAllocZero(keys->texts_in, offsetof(KeyText, data) + size);
	text->size = (uint32) size;
	data = text->data;
	for (int i = 0; i < nkeys; i++)
	{
		SET_VARSIZE(data, VARHDRSZ + lengths[i]);
		memcpy(data + VARHDRSZ, texts[i], lengths[i]);
		data += INTALIGN(VARHDRSZ + lengths[i]);
	}
	if (keys->count > 0 && compare_texts(text, keys->texts[keys->count - 1]) == 0)
		pfree(text);
	else
		keys->texts[keys->count++] = text;
}

void
captured_keys_add(CapturedKeys *keys, TupleTableSlot *slot)
{
	const CapturePlan *plan = keys->plan;

	for (int i = 0; i < plan->nkeys; i++)
	{
		if (slot->tts_isnull[plan->keys[i].attnum - 1])
			return;
	}
	if (keys->count >= keys->room || keys->count >= HELD_KEYS)
		make_room(keys);
	if (!keys->numeric)
		add_texts(keys, slot);
	else
	{
		int64 number = integer_of(&plan->keys[0], slot->tts_values[plan->keys[0].attnum - 1]);

		if (keys->count == 0 || number != keys->numbers[keys->count - 1])
			keys->numbers[keys->count++] = number;
	}
}

void
captured_keys_write(CapturedKeys *keys)
{
	QueueWriter	  writer;
	MemoryContext old_context;

	if (keys->count == 0)
		return;
	make_unique(keys);
	old_context = MemoryContextSwitchTo(keys->context);
	if (!queue_writer_open(&writer, keys->plan->queue, keys->plan->source_no, keys->plan->nkeys,
						   keys->count > 1))
	{
		MemoryContextSwitchTo(old_context);
		keys->count = 0;
		return;
	}
	for (int i = 0; i < keys->count; i++)
	{
		NumberText number;

		CHECK_FOR_INTERRUPTS();
		if (keys->numeric)
			number.text.size = put_integer(number.text.data, keys->numbers[i]);
		queue_writer_put(&writer, keys->numeric ? &number.text : keys->texts[i]);
	}
	queue_writer_close(&writer);
	MemoryContextSwitchTo(old_context);
	keys->count = 0;
}
