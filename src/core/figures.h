/*-------------------------------------------------------------------------
 *
 * figures.h
 *		Arguments and results that SQL functions have in common: the row of
 *		figures that one returns of what it did, deadlines, durations.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_FIGURES_H
#define POLLSEED_FIGURES_H

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "portability/instr_time.h"

/* Makes the calling function's result row of values in the order of its OUT parameters; nulls is NULL where none is null. */
extern Datum figures_row(FunctionCallInfo fcinfo, Datum *values, const bool *nulls);

/* Returns the milliseconds since a moment. */
extern double milliseconds_since(instr_time start);

/* Returns the name, qualified and quoted, of the table or view that the calling function returns rows of. */
extern const char *result_relation(FunctionCallInfo fcinfo);

/*
 * Returns the row of the view that the calling function returns rows of, found by a column, as the
 * caller may see it in the latest snapshot; in the context that SPI was connected in.
 */
extern Datum result_row(FunctionCallInfo fcinfo, const char *column, Oid type, Datum value);

/* Raises 22004 where an argument that has no default is NULL. */
extern void require_argument(FunctionCallInfo fcinfo, int arg, const char *name);

/* Returns an argument's text; raises 22004 where it is NULL. */
extern char *text_argument(FunctionCallInfo fcinfo, int arg, const char *name);

/* Returns how many an argument asks for; raises 22004 where it is NULL, 22023 where it is negative. */
extern int32 count_argument(FunctionCallInfo fcinfo, int arg, const char *name);

/* Returns an argument, or its default where it is NULL; raises 22023 unless it is between 1 and max. */
extern int32 bounded_argument(FunctionCallInfo fcinfo, int arg, const char *name,
							  int32 default_value, int32 max);

/* Returns the moment that lies an interval ahead, which an argument gives; DT_NOEND where it is NULL. */
extern TimestampTz deadline_argument(FunctionCallInfo fcinfo, int arg);

#endif /* POLLSEED_FIGURES_H */
