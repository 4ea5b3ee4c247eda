/*-------------------------------------------------------------------------
 *
 * pattern_tree.h
 *		What a regular expression is read into.
 *
 *-------------------------------------------------------------------------
 */
#ifndef POLLSEED_PATTERN_TREE_H
#define POLLSEED_PATTERN_TREE_H

#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"

typedef enum PatternKind
{
	PATTERN_CHARACTER, /* any one of the characters */
	PATTERN_SEQUENCE,  /* all parts, one after the other */
	PATTERN_CHOICE,	   /* any one of the parts */
	PATTERN_REPEAT,	   /* the only part, again and again */
	PATTERN_BEGIN,	   /* the beginning of the text */
	PATTERN_END,	   /* its end */
	PATTERN_BOUNDARY   /* a word's beginning or end, which is taken as given */
} PatternKind;

typedef struct PatternNode
{
	PatternKind kind;
	int			ncharacters;
	pg_wchar   *characters;
	List	   *parts; /* of PatternNode */

	/* Of a repetition: how often it may be repeated, -1 without limit, and how often it is. */
	int	 min;
	int	 max;
	int	 low;
	int	 high;
	bool filler; /* what may stand before or after what matches; only to make a text longer */
} PatternNode;

/* Makes a node without parts. */
extern PatternNode *pattern_node(PatternKind kind);

/* Makes a repetition, with a range of repeats that is pleasant to see. */
extern PatternNode *pattern_repeat(PatternNode *part, int min, int max);

/* Makes what may stand before or after what matches. */
extern PatternNode *pattern_filler(void);

/*
 * Reads an advanced regular expression; NULL where it is not understood, and *reason is then a
 * clause.  Anchors are still in it.
 */
extern PatternNode *pattern_parse(const char *expression, bool ignore_case, const char **reason);

#endif /* POLLSEED_PATTERN_TREE_H */
