/*-------------------------------------------------------------------------
 *
 * overrides.h
 *		What a user wants otherwise in the plan that is made of a schema.
 *
 *	{"rows": {"users": 1000, "*": 50}, "scale": 2,
 *	 "tables": {"users": {"rows": 10, "natural_key": ["email"], "refs": […],
 *	                      "columns": {"email": {"generator": "email"}, "note": null}}},
 *	 "exclude": ["audit_*"], "include": ["*"],
 *	 "from_stats": true, "since": "2024-01-01", "as_of": "2026-01-01"}
 *
 * Columns and refs stand in place of those that would be made for the same columns; null leaves
 * a column to its default.  Patterns are of names of tables, with * for any text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_OVERRIDES_H
#define POLLSEED_OVERRIDES_H

#include "graph/json.h"
#include "graph/table.h"

typedef struct Overrides
{
	PlanObject *rows;	 /* or NULL */
	PlanObject *tables;	 /* or NULL */
	List	   *include; /* NIL: all */
	List	   *exclude;
	bool		from_stats;
	bool		has_scale;
	double		scale; /* 1 where nothing is said */
	bool		has_since;
	TimestampTz since;
	bool		has_as_of;
	TimestampTz as_of;
} Overrides;

/* What a user says of one table. */
typedef struct TableOverrides
{
	PlanObject *columns; /* or NULL */
	List	   *refs;	 /* of PlanObject */
	bool		has_natural_key;
	List	   *natural_key; /* of char * */
	bool		has_rows;
	bool		rows_of_table; /* by its own name */
	int64		rows;
} TableOverrides;

/* Reads them; NULL: nothing.  Raises 22023 for what they cannot be. */
extern Overrides *overrides_read(Jsonb *json);

/* Tells whether a table is wanted. */
extern bool overrides_include(const Overrides *overrides, const char *table);

/* Raises 22023 for what is said of tables that are not among those, given by name. */
extern void overrides_check_tables(const Overrides *overrides, const List *tables);

/* Returns what is said of a table; raises 22023 where that names columns that it has not. */
extern TableOverrides *overrides_table(const Overrides *overrides, const char *name,
									   const GraphTable *table);

#endif /* POLLSEED_OVERRIDES_H */
