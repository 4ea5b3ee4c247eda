/*-------------------------------------------------------------------------
 *
 * volatility.h
 *		Whether an expression must be evaluated row by row, between the rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_VOLATILITY_H
#define POLLSEED_VOLATILITY_H

#include "nodes/nodes.h"

/* Tells whether an expression calls a volatile function that could see the rows written before. */
extern bool expression_may_look(Node *node);

/* Tells whether an expression calls a function that could read tables: neither the server's own nor immutable. */
extern bool expression_may_read(Node *node);

#endif /* POLLSEED_VOLATILITY_H */
