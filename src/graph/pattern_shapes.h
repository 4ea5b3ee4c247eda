/*-------------------------------------------------------------------------
 *
 * pattern_shapes.h
 *		Enumerates texts that a regular expression matches, without giving one twice.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PATTERN_SHAPES_H
#define POLLSEED_PATTERN_SHAPES_H

#include "graph/pattern_tree.h"

typedef struct PatternShapes PatternShapes;

/* Finds the shapes that texts are enumerated over: the shortest that gives enough, or all that give different ones. */
extern PatternShapes *shapes_find(const PatternNode *root);

/* How many texts there are; UINT64_MAX: so many or more. */
extern uint64 shapes_capacity(const PatternShapes *shapes);

/* Makes the n-th text, and returns how many characters it has. */
extern int shapes_nth(const PatternShapes *shapes, uint64 n, pg_wchar **characters);

#endif /* POLLSEED_PATTERN_SHAPES_H */
