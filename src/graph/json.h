/*-------------------------------------------------------------------------
 *
 * json.h
 *		Objects of plans: read strictly, and written.
 *
 * What is wrong is 22023 and says in which object, by what the object is described as:
 * step "users".
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_GRAPH_JSON_H
#define POLLSEED_GRAPH_JSON_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* An object that is read. */
typedef struct PlanObject
{
	JsonbContainer *container;
	int				length;	   /* of the container, in bytes */
	const char	   *described; /* for messages, as: step "users" */
} PlanObject;

/* Returns a document as an object; raises 22023 where it is something else. */
extern PlanObject *json_root(Jsonb *json, const char *described);

/* Raises 22023 for a member whose name is not in a comma-separated list. */
extern void json_expect_members(const PlanObject *object, const char *members);

/* Returns the names of the members, as char *, in the order in which jsonb keeps them. */
extern List *json_names(const PlanObject *object);

/* Returns a member, or NULL. */
extern JsonbValue *json_member(const PlanObject *object, const char *name);

/* Raises 22023: the member must be something else; NULL as name: the object itself. */
extern void json_refuse(const PlanObject *object, const char *name, const char *must);

/* Raises 22023 where there is no such member. */
extern void json_require(const PlanObject *object, const char *name);

/* Members by type; NULL, NIL or false where there is none, 22023 for a wrong type. */
extern char *json_text(const PlanObject *object, const char *name);
extern List *json_texts(const PlanObject *object, const char *name);
extern bool	 json_integer(const PlanObject *object, const char *name, int64 min, int64 *value);
extern bool	 json_number(const PlanObject *object, const char *name, double min, double max,
						 double *value);
extern bool	 json_flag(const PlanObject *object, const char *name, bool default_value);
extern bool	 json_moment(const PlanObject *object, const char *name, TimestampTz *value);

/* Returns a member as an object, described by itself or as said; NULL where there is none. */
extern PlanObject *json_sub_object(const PlanObject *object, const char *name,
								   const char *described);

/* Returns a member that is an array of objects, as List of PlanObject * described by the text and their number. */
extern List *json_sub_objects(const PlanObject *object, const char *name, const char *described);

/* Returns an object as a document of its own. */
extern Jsonb *json_document(const PlanObject *object);

/* Writing: a key, and members of the object that is open; numbers without a key are elements of an array. */
extern void json_push_key(JsonbParseState **state, const char *key);
extern void json_push_text(JsonbParseState **state, const char *key, const char *text);
extern void json_push_integer(JsonbParseState **state, const char *key, int64 number);
extern void json_push_number(JsonbParseState **state, const char *key, double number);
extern void json_push_flag(JsonbParseState **state, const char *key, bool flag);
extern void json_push_texts(JsonbParseState **state, const char *key, const List *texts);
extern void json_push_moment(JsonbParseState **state, const char *key, TimestampTz moment);

/* Writes a text, an element of the array that is open. */
extern void json_push_element(JsonbParseState **state, const char *text);

/* Writes a document, as a member or, without a key, as an element; and all members of an object into the one that is open. */
extern void json_push_document(JsonbParseState **state, const char *key, const Jsonb *document);
extern void json_push_members(JsonbParseState **state, const Jsonb *object);

#endif /* POLLSEED_GRAPH_JSON_H */
