/*-------------------------------------------------------------------------
 *
 * learn.h
 *		What the parts of a query mean for its results.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_CACHE_LEARN_H
#define POLLSEED_CACHE_LEARN_H

#include "nodes/parsenodes.h"

#include "cache/query.h"

/* Fills in what is known of a query, but for its text and signature, from its analyzed and rewritten tree. */
extern void query_learn(Query *query, CacheQuery *known);

#endif /* POLLSEED_CACHE_LEARN_H */
