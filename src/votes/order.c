/*-------------------------------------------------------------------------
 *
 * order.c
 *		The votes of a seeding in time order, from any vote on.
 *
 * Every vote has a uniformly random moment, a fraction of 64 bits, and the
 * votes are wanted in the order of these.  Instead of drawing them all and
 * sorting, we walk the binary tree of the moments' bits: of an option's n votes
 * below a node, Binomial(n, 1/2) have a zero as their next bit and lie in the
 * left half.  Each node draws from a stream of its own, so any vote is found
 * from the root in O(votes / 32) random words, whatever came before it; a full
 * walk takes a fraction of a word a vote.  A node with few votes is a leaf: its
 * moments are drawn and put in order at once.
 *
 * Moments are exchangeable, so the options come out in a uniformly random
 * arrangement with exactly the asked number of each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "core/random.h"
#include "votes/order.h"

/* The most votes of a leaf. */
#define LEAF_VOTES 64

/* No node is deeper than this; 2^62 moments are far more than MAX_VOTE_COUNT votes. */
#define MAX_DEPTH 62

/* Votes of one option below a node. */
typedef struct OptionVotes
{
	int	  option;
	int64 votes;
} OptionVotes;

/* The votes whose moments begin with the same bits. */
typedef struct OrderNode
{
	uint64		 bits; /* the first depth bits, left-aligned */
	int			 depth;
	int64		 votes;	   /* of all options */
	int			 noptions; /* of those that have votes here */
	int			 capacity;
	OptionVotes *options; /* in the order of the options */
} OrderNode;

/* One vote of the leaf being read. */
typedef struct LeafVote
{
	uint64 moment;
	int	   option;
} LeafVote;

struct VoteOrder
{
	int64		  seed;
	MemoryContext context;
	int64		 *cast;	   /* votes of each option before the next one */
	uint64		  waiting; /* bit d: right[d] is still to be walked */
	OrderNode	  root;
	OrderNode	  left[MAX_DEPTH + 1];
	OrderNode	  right[MAX_DEPTH + 1];
	LeafVote	  leaf[LEAF_VOTES];
	int			  leaf_votes;
	int			  leaf_next;
};

/* Returns a number that no other node of the tree has. */
static inline uint64
node_place(const OrderNode *node)
{
	return node->bits | (UINT64CONST(1) << (63 - node->depth));
}

/* Makes node an empty one, with room for the options of parent. */
static void
clear_node(VoteOrder *order, OrderNode *node, const OrderNode *parent, uint64 bits)
{
	if (node->capacity < parent->noptions)
	{
		if (node->options != NULL)
			pfree(node->options);
		node->options =
			MemoryContextAlloc(order->context, mul_size(sizeof(OptionVotes), parent->noptions));
		node->capacity = parent->noptions;
	}
	node->bits = bits;
	node->depth = parent->depth + 1;
	node->votes = 0;
	node->noptions = 0;
}

/* Adds an option's votes to a node. */
static inline void
add_votes(OrderNode *node, int option, int64 votes)
{
	if (votes > 0)
	{
		node->options[node->noptions].option = option;
		node->options[node->noptions].votes = votes;
		node->noptions++;
		node->votes += votes;
	}
}

/* Deals a node's votes out to its two halves. */
static void
split_node(VoteOrder *order, const OrderNode *node, OrderNode *left, OrderNode *right)
{
	RandomStream stream = random_stream(order->seed, RANDOM_VOTE_ORDER, node_place(node));

	if (node->depth >= MAX_DEPTH)
		elog(ERROR, "too many votes at the same moment");

	clear_node(order, left, node, node->bits);
	clear_node(order, right, node, node->bits | (UINT64CONST(1) << (63 - node->depth)));
	for (int i = 0; i < node->noptions; i++)
	{
		int64 votes = node->options[i].votes;
		int64 votes_left = random_binomial_half(&stream, votes);

		add_votes(left, node->options[i].option, votes_left);
		add_votes(right, node->options[i].option, votes - votes_left);
	}
}

/* Draws the moments of a leaf's votes, in order; equal ones stay in the order of the options. */
static void
fill_leaf(VoteOrder *order, const OrderNode *node)
{
	RandomStream stream = random_stream(order->seed, RANDOM_VOTE_ORDER, node_place(node));

	order->leaf_votes = 0;
	order->leaf_next = 0;
	for (int i = 0; i < node->noptions; i++)
	{
		for (int64 vote = 0; vote < node->options[i].votes; vote++)
		{
			LeafVote drawn;
			int		 place = order->leaf_votes++;

			drawn.moment = node->bits | (random_next(&stream) >> node->depth);
			drawn.option = node->options[i].option;
			for (; place > 0 && order->leaf[place - 1].moment > drawn.moment; place--)
				order->leaf[place] = order->leaf[place - 1];
			order->leaf[place] = drawn;
		}
	}
}

/* Passes over all votes of a node. */
static void
skip_node(VoteOrder *order, const OrderNode *node)
{
	for (int i = 0; i < node->noptions; i++)
		order->cast[node->options[i].option] += node->options[i].votes;
}

/* Walks from a node down to the leaf with the vote that has skip votes of the node before it. */
static void
descend(VoteOrder *order, const OrderNode *node, int64 skip)
{
	Assert(skip < node->votes);

	while (node->votes > LEAF_VOTES)
	{
		int		   depth = node->depth + 1;
		OrderNode *left = &order->left[depth];
		OrderNode *right = &order->right[depth];

		split_node(order, node, left, right);
		if (skip >= left->votes)
		{
			skip_node(order, left);
			skip -= left->votes;
			node = right;
		}
		else
		{
			if (right->votes > 0)
				order->waiting |= UINT64CONST(1) << depth;
			node = left;
		}
	}

	fill_leaf(order, node);
	for (; skip > 0; skip--)
		order->cast[order->leaf[order->leaf_next++].option]++;
}

VoteOrder *
vote_order_begin(int64 seed, int noptions, const VoteShare *shares, int64 first_vote)
{
	VoteOrder *order = palloc0_object(VoteOrder);

	order->seed = seed;
	order->context = CurrentMemoryContext;
	order->cast = palloc0_array(int64, noptions);
	order->root.options = palloc_array(OptionVotes, noptions);
	for (int i = 0; i < noptions; i++)
		add_votes(&order->root, i, shares[i].votes);

	if (first_vote <= order->root.votes)
		descend(order, &order->root, first_vote - 1);
	return order;
}

const int64 *
vote_order_cast(const VoteOrder *order)
{
	return order->cast;
}

OrderedVote
vote_order_next(VoteOrder *order)
{
	OrderedVote vote;
	LeafVote   *drawn;

	if (order->leaf_next == order->leaf_votes)
	{
		int depth = pg_leftmost_one_pos64(order->waiting);

		CHECK_FOR_INTERRUPTS();
		order->waiting &= ~(UINT64CONST(1) << depth);
		descend(order, &order->right[depth], 0);
	}

	drawn = &order->leaf[order->leaf_next++];
	vote.option = drawn->option;
	vote.nth = ++order->cast[drawn->option];
	vote.moment = drawn->moment;
	return vote;
}
