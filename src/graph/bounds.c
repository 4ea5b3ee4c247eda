/*-------------------------------------------------------------------------
 *
 * bounds.c
 *		What the bounds of a partitioned table's partitions allow in its columns.
 *
 * It is looked at level by level.  What all partitions of a level are partitioned by alike
 * gives conditions on single columns, which spaces can take in.  Where that does not say
 * it all, a row must meet the constraint of one of the leaves as well.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/stratnum.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "graph/bounds.h"

/* The tables of a level, and what is known of them together. */
typedef struct Level
{
	Relation root;
	List	*tables;	 /* of Relation: partitioned, and partitioned alike where `alike` */
	bool	 joint;		 /* the conditions of single columns do not say it all */
	List	*conditions; /* so far, of all levels */
} Level;

/* Returns the first column of a table's partition key, as it is numbered in the root; 0: an expression. */
static AttrNumber
key_column(const Level *level, Relation rel, int index)
{
	PartitionKey key = RelationGetPartitionKey(rel);
	AttrNumber	 attnum = key->partattrs[index];
	const char	*name;

	if (attnum == 0 || rel == level->root)
		return attnum;
	name = NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname);
	return get_attnum(RelationGetRelid(level->root), name);
}

/* Makes the Var of a partition key's column. */
static Expr *
key_var(const Level *level, Relation rel, int index)
{
	PartitionKey key = RelationGetPartitionKey(rel);
	Expr		*var = (Expr *) makeVar(1, key_column(level, rel, index), key->parttypid[index],
										key->parttypmod[index], key->parttypcoll[index], 0);

	/* Operators are those of the type that the operator class is for. */
	if (key->partopcintype[index] != key->parttypid[index] &&
		!IsPolymorphicType(key->partopcintype[index]))
		var = (Expr *) makeRelabelType(var, key->partopcintype[index], -1,
									   key->partcollation[index], COERCE_IMPLICIT_CAST);
	return var;
}

/* Makes a constant of a partition key's column. */
static Expr *
key_constant(PartitionKey key, int index, Datum value)
{
	return (Expr *) makeConst(key->parttypid[index], key->parttypmod[index],
							  key->parttypcoll[index], key->parttyplen[index], value, false,
							  key->parttypbyval[index]);
}

/* Returns the operator of a partition key's column that compares by a strategy. */
static Oid
key_operator(PartitionKey key, int index, StrategyNumber strategy)
{
	return get_opfamily_member(key->partopfamily[index], key->partopcintype[index],
							   key->partopcintype[index], strategy);
}

/* Makes a comparison of a partition key's column with a constant. */
static Expr *
compare_key(const Level *level, Relation rel, int index, StrategyNumber strategy, Datum value)
{
	PartitionKey key = RelationGetPartitionKey(rel);

	return make_opclause(key_operator(key, index, strategy), BOOLOID, false,
						 key_var(level, rel, index), key_constant(key, index, value), InvalidOid,
						 key->partcollation[index]);
}

/* Adds that a column is not null. */
static void
require_not_null(Level *level, Relation rel, int index)
{
	NullTest *test = makeNode(NullTest);

	test->arg = key_var(level, rel, index);
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	level->conditions = lappend(level->conditions, test);
}

/* Adds that a level's column has one of the values that its tables' lists have. */
static void
require_listed(Level *level)
{
	List	 *choices = NIL;
	ListCell *cell;
	int		  takes_null = 0;
	int		  size = -1;

	foreach(cell, level->tables)
	{
		Relation		   rel = lfirst(cell);
		PartitionBoundInfo info = RelationGetPartitionDesc(rel, true)->boundinfo;

		/* Where the tables of a level differ, what one allows another may not. */
		if (size >= 0 && size != info->ndatums)
			level->joint = true;
		size = info->ndatums;
		takes_null += partition_bound_accepts_nulls(info) ? 1 : 0;
		for (int i = 0; i < info->ndatums; i++)
			choices = list_append_unique(
				choices, compare_key(level, rel, 0, BTEqualStrategyNumber, info->datums[i][0]));
	}
	if (size != list_length(choices) || (takes_null > 0 && takes_null < list_length(level->tables)))
		level->joint = true;
	if (takes_null == 0)
		require_not_null(level, linitial(level->tables), 0);
	level->conditions =
		lappend(level->conditions, choices == NIL ? makeBoolConst(false, false)
								   : list_length(choices) == 1
									   ? linitial(choices)
									   : (void *) makeBoolExpr(OR_EXPR, choices, -1));
}

/* Finds the run of ranges without a gap that has most partitions: bounds [*first, *last]; false where there is none. */
static bool
longest_run(PartitionBoundInfo info, int *first, int *last)
{
	int best = 0;
	int start = 0;

	/* indexes[i] is the partition below bound i. */
	for (int i = 1; i <= info->ndatums; i++)
	{
		if (i < info->ndatums && info->indexes[i] >= 0)
			continue;
		if (i - 1 - start > best)
		{
			best = i - 1 - start;
			*first = start;
			*last = i - 1;
		}
		start = i;
	}
	return best > 0;
}

/* Returns the condition that a column is within the ranges of a table: in one run of them, and of several columns the first. */
static Node *
in_range(const Level *level, Relation rel)
{
	PartitionBoundInfo info = RelationGetPartitionDesc(rel, true)->boundinfo;
	PartitionKey	   key = RelationGetPartitionKey(rel);
	StrategyNumber upper = key->partnatts == 1 ? BTLessStrategyNumber : BTLessEqualStrategyNumber;
	List		  *bounds = NIL;
	int			   first;
	int			   last;

	if (!longest_run(info, &first, &last))
		return makeBoolConst(false, false);
	if (info->kind[first][0] == PARTITION_RANGE_DATUM_VALUE)
		bounds = lappend(bounds, compare_key(level, rel, 0, BTGreaterEqualStrategyNumber,
											 info->datums[first][0]));
	if (info->kind[last][0] == PARTITION_RANGE_DATUM_VALUE)
		bounds = lappend(bounds, compare_key(level, rel, 0, upper, info->datums[last][0]));
	return bounds == NIL ? makeBoolConst(true, false) : (Node *) make_ands_explicit(bounds);
}

/* Adds that a level's column is within the ranges of its tables. */
static void
require_in_range(Level *level)
{
	Relation	 rel = linitial(level->tables);
	PartitionKey key = RelationGetPartitionKey(rel);
	List		*ranges = NIL;
	ListCell	*cell;

	for (int i = 0; i < key->partnatts; i++)
		require_not_null(level, rel, i);
	foreach(cell, level->tables)
		ranges = list_append_unique(ranges, in_range(level, lfirst(cell)));
	if (list_length(ranges) > 1 || key->partnatts > 1)
		level->joint = true;
	level->conditions =
		lappend(level->conditions,
				list_length(ranges) == 1 ? linitial(ranges) : (void *) make_orclause(ranges));
}

/* Tells whether hash partitions leave out some remainder. */
static bool
lacks_remainders(PartitionBoundInfo info)
{
	for (int i = 0; i < info->nindexes; i++)
	{
		if (info->indexes[i] < 0)
			return true;
	}
	return info->nindexes == 0;
}

/* Tells whether all tables of a level are partitioned by the same columns in the same way, and none by expressions. */
static bool
is_alike(const Level *level)
{
	PartitionKey first = RelationGetPartitionKey(linitial(level->tables));
	ListCell	*cell;

	foreach(cell, level->tables)
	{
		PartitionKey key = RelationGetPartitionKey(lfirst(cell));

		if (key->strategy != first->strategy || key->partnatts != first->partnatts)
			return false;
		for (int i = 0; i < key->partnatts; i++)
		{
			AttrNumber attnum = key_column(level, lfirst(cell), i);

			if (attnum == 0 || attnum != key_column(level, linitial(level->tables), i))
				return false;
		}
	}
	return true;
}

/* Adds what the tables of a level allow, unless some of them has a partition for everything else. */
static void
require_level(Level *level)
{
	ListCell *cell;
	bool	  any_default = false;
	bool	  all_default = true;

	foreach(cell, level->tables)
	{
		PartitionDesc desc = RelationGetPartitionDesc(lfirst(cell), true);
		bool has_default = desc->nparts > 0 && partition_bound_has_default(desc->boundinfo);

		if (desc->nparts == 0)
		{
			level->joint = true;
			return;
		}
		if (desc->boundinfo->strategy == PARTITION_STRATEGY_HASH)
		{
			level->joint |= lacks_remainders(desc->boundinfo);
			has_default = true;
		}
		any_default |= has_default;
		all_default &= has_default;
	}
	if (all_default)
		return;
	if (any_default || !is_alike(level))
		level->joint = true;
	else if (RelationGetPartitionKey(linitial(level->tables))->strategy == PARTITION_STRATEGY_LIST)
		require_listed(level);
	else
		require_in_range(level);
}

/* Opens the partitions of a level's tables that are partitioned themselves, and adds the OIDs of those that are not to *leaves. */
static List *
open_next_level(Level *level, List **leaves)
{
	List	 *next = NIL;
	ListCell *cell;
	bool	  some_leaf = false;

	foreach(cell, level->tables)
	{
		PartitionDesc desc = RelationGetPartitionDesc(lfirst(cell), true);

		for (int i = 0; i < desc->nparts; i++)
		{
			if (desc->is_leaf[i])
			{
				*leaves = lappend_oid(*leaves, desc->oids[i]);
				some_leaf = true;
			}
			else
				next = lappend(next, table_open(desc->oids[i], AccessShareLock));
		}
	}

	/* A leaf takes what the tables beside it that are partitioned may not. */
	if (some_leaf && next != NIL)
		level->joint = true;
	return next;
}

/* Returns the constraint that a partition's rows meet, of the root's columns; NULL: none. */
static Expr *
leaf_constraint(Relation root, Oid relid)
{
	Relation rel = table_open(relid, AccessShareLock);
	List	*quals = RelationGetPartitionQual(rel);

	quals = map_partition_varattnos(quals, 1, root, rel);
	table_close(rel, NoLock);
	return quals == NIL ? NULL : make_ands_explicit(quals);
}

/* Adds that a row is in one of the leaves. */
static void
require_leaf(Level *level, const List *leaves)
{
	List	 *choices = NIL;
	ListCell *cell;

	foreach(cell, leaves)
	{
		Expr *constraint = leaf_constraint(level->root, lfirst_oid(cell));

		if (constraint == NULL)
			return;
		choices = lappend(choices, constraint);
	}
	level->conditions =
		lappend(level->conditions,
				choices == NIL ? makeBoolConst(false, false) : (Node *) make_orclause(choices));
}

List *
partition_conditions(Relation rel)
{
	Level level = {0};
	List *leaves = NIL;
	bool  same = true;

	level.root = rel;
	if (rel->rd_rel->relispartition)
		level.conditions = list_copy(RelationGetPartitionQual(rel));
	if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return level.conditions;
	level.tables = list_make1(rel);
	while (level.tables != NIL)
	{
		List	 *next;
		ListCell *cell;

		/* Below tables that are not all partitioned, a condition would be one on the others too. */
		if (same)
			require_level(&level);
		next = open_next_level(&level, &leaves);
		same = same && leaves == NIL;
		foreach(cell, level.tables)
		{
			if (lfirst(cell) != rel)
				table_close(lfirst(cell), NoLock);
		}
		level.tables = next;
	}
	if (level.joint)
		require_leaf(&level, leaves);
	return level.conditions;
}
