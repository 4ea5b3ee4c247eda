/*-------------------------------------------------------------------------
 *
 * plan.h
 *		A plan as its JSON says it: which tables get how many rows, and where the
 *		values of their columns come from.  Nothing is looked up here.
 *
 *	{"version": 1, "name": "public",
 *	 "since": "2024-01-01T00:00:00+00:00", "as_of": "2026-01-01T00:00:00+00:00",
 *	 "seed": 0,
 *	 "steps": [
 *	   {"step": "users", "relation": "public.users", "rows": 200, "why": "…",
 *	    "natural_key": ["email"],
 *	    "columns": {"email": {"generator": "email", "why": "its name", "nulls": 0.1, …arguments}},
 *	    "refs": [{"columns": ["org_id"], "relation": "public.orgs", "key": ["id"],
 *	              "fan_out": "even", "nulls": 0, "why": "foreign key users_org_id_fkey"},
 *	             {"columns": ["subject_type", "subject_id"], "polymorphic":
 *	              [{"type": "User", "relation": "public.users", "key": ["id"], "weight": 1}], "why": "…"}]}],
 *	 "notes": ["…"]}
 *
 * Steps stand in any order; columns that are named nowhere get their defaults.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PLAN_H
#define POLLSEED_PLAN_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#define PLAN_VERSION 1

/* Raised when the same plan and seed come to give other data. */
#define GRAPH_GENERATOR_VERSION 1

/* How children are spread over their parents; parents and children are both in the order of their rows. */
typedef enum FanOut
{
	FAN_EVEN, /* each parent has as many, give or take one; children of one are neighbours */
	FAN_SKEWED, /* the first parents have many, the last few or none; children of one are neighbours */
	FAN_RANDOM, /* each child has any parent */
	FAN_ONE		/* each child has a parent of its own */
} FanOut;

typedef struct PlanColumn
{
	const char *name;
	const char *generator; /* of pollseed_generators(), or "default": the server's */
	Jsonb	   *arguments; /* the whole object */
	double		nulls;	   /* the share of NULLs */
} PlanColumn;

/* One of the tables that a polymorphic pair refers to. */
typedef struct PlanTarget
{
	const char *type; /* what stands in the type's column */
	const char *relation;
	List	   *key; /* of char * */
	double		weight;
} PlanTarget;

typedef struct PlanRef
{
	List	   *columns;  /* of char *; of a polymorphic pair first the type's */
	const char *relation; /* as the plan names it; NULL where polymorphic */
	List	   *key;	  /* of char *; NIL: the primary key */
	List	   *targets;  /* of PlanTarget; NIL: not polymorphic */
	FanOut		fan_out;
	double		nulls;
} PlanRef;

typedef struct PlanStep
{
	const char *name;
	const char *relation; /* as the plan names it */
	int64		rows;
	int64		first_row;	 /* not in the JSON: rows of earlier runs, which this one extends */
	List	   *natural_key; /* of char *; NIL: not said */
	List	   *columns;	 /* of PlanColumn */
	List	   *refs;		 /* of PlanRef */
} PlanStep;

typedef struct SeedPlan
{
	const char *name;
	TimestampTz since;
	TimestampTz as_of;
	bool		has_seed;
	int64		seed;
	List	   *steps; /* of PlanStep */
} SeedPlan;

/* Reads a plan; raises 22023 for what is not one, naming the step and the member. */
extern SeedPlan *plan_read(Jsonb *json);

/* Returns the name of a fan-out in a plan, and the fan-out of a name; false where there is none. */
extern const char *fan_out_name(FanOut fan_out);
extern bool		   fan_out_of_name(const char *name, FanOut *fan_out);

#endif /* POLLSEED_PLAN_H */
