/*-------------------------------------------------------------------------
 *
 * document.h
 *		Reading the JSON documents that the readers' queries make, and writing
 *		those that are shown.
 *
 * What is read has been in a cache, where somebody else might have put it: it raises 22023
 * unless it is as the query makes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_DOCUMENT_H
#define POLLSEED_DOCUMENT_H

#include "utils/jsonb.h"

/* An option as a query gives it. */
typedef struct ShownOption
{
	int64		id;
	const char *text; /* not ended by a zero; NULL where the option has none */
	int			text_length;
	int64		votes;
} ShownOption;

/* Return the member of an object that is an object or an array. */
extern JsonbContainer *document_object(JsonbContainer *object, const char *key);
extern JsonbContainer *document_array(JsonbContainer *object, const char *key);

/* Returns an element of an array that is an object. */
extern JsonbContainer *document_element(JsonbContainer *array, int element);

/* Returns the member of an object that is an integer. */
extern int64 document_integer(JsonbContainer *object, const char *key);

/* Returns an integer that a JSON number is. */
extern int64 document_value_integer(const JsonbValue *value);

/* Reads an option without its votes from an object with the members id and text. */
extern ShownOption document_option(JsonbContainer *object);

/* Returns the text of an option as a value. */
extern Datum document_option_text(const ShownOption *option, bool *isnull);

/* Add a key, a text, a number to a document. */
extern void document_push_key(JsonbParseState **state, const char *key);
extern void document_push_text(JsonbParseState **state, JsonbIteratorToken as, const char *text,
							   int length);
extern void document_push_integer(JsonbParseState **state, JsonbIteratorToken as, int64 number);

/* Begins an object or an array as the value of a key. */
extern void document_push_member(JsonbParseState **state, const char *key,
								 JsonbIteratorToken begin);

/* Adds the options' colours, which stay with their ids. */
extern void document_push_colors(JsonbParseState **state, const ShownOption *options, int count);

#endif /* POLLSEED_DOCUMENT_H */
