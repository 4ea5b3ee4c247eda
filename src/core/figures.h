/*-------------------------------------------------------------------------
 *
 * figures.h
 *		The row of figures that a function returns of what it did.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_FIGURES_H
#define POLLSEED_FIGURES_H

#include "fmgr.h"
#include "portability/instr_time.h"

/* Makes the calling function's result row of values in the order of its OUT parameters, none NULL. */
extern Datum figures_row(FunctionCallInfo fcinfo, Datum *values);

/* Returns the milliseconds since a moment. */
extern double milliseconds_since(instr_time start);

#endif /* POLLSEED_FIGURES_H */
