/*-------------------------------------------------------------------------
 *
 * order.c
 *		In which order tables are to be filled, and which references have to wait.
 *
 * Within a circle references are admitted one after the other wherever they close no circle with
 * those admitted before: first those that can neither be set nor be checked later, of which
 * all must be, then those that can only be checked later, and at last those that can be set
 * later.  What is not admitted waits; each such reference would close a circle with those
 * that do not, so that none waits in vain.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/binaryheap.h"
#include "miscadmin.h"

#include "core/compat.h"
#include "graph/order.h"

/* A graph whose edges are linked lists in the order in which they were added. */
typedef struct Digraph
{
	int	 nnodes;
	int *first; /* by node: its first edge, -1: none */
	int *last;
	int *next;	 /* by edge: the next of the same node */
	int *target; /* by edge */
	int	 nedges;
} Digraph;

/* The state of Tarjan's algorithm. */
typedef struct Tarjan
{
	const Digraph *graph;
	int			   visits; /* nodes seen so far */
	int			  *visit;  /* by node: when it was first seen, from 1 */
	int			  *low;	   /* by node: the earliest node on the stack that it reaches */
	int			  *edge;   /* by node: the next edge to follow */
	int			  *caller; /* by node: where the walk came from */
	int			  *stack;
	int			   depth;
	int			  *component;
	int			   ncomponents;
} Tarjan;

/* Makes a graph without edges, with room for some. */
static Digraph *
digraph_make(int nnodes, int nedges)
{
	Digraph *graph = palloc0_object(Digraph);

	graph->nnodes = nnodes;
	graph->first = palloc_array(int, Max(nnodes, 1));
	graph->last = palloc_array(int, Max(nnodes, 1));
	graph->next = palloc_array(int, Max(nedges, 1));
	graph->target = palloc_array(int, Max(nedges, 1));
	for (int i = 0; i < nnodes; i++)
		graph->first[i] = graph->last[i] = -1;
	return graph;
}

/* Adds an edge. */
static void
digraph_add(Digraph *graph, int from, int to)
{
	int edge = graph->nedges++;

	graph->target[edge] = to;
	graph->next[edge] = -1;
	if (graph->first[from] < 0)
		graph->first[from] = edge;
	else
		graph->next[graph->last[from]] = edge;
	graph->last[from] = edge;
}

/* Begins a node's visit. */
static void
enter_node(Tarjan *tarjan, int node, int caller)
{
	tarjan->visit[node] = tarjan->low[node] = ++tarjan->visits;
	tarjan->edge[node] = tarjan->graph->first[node];
	tarjan->caller[node] = caller;
	tarjan->stack[tarjan->depth++] = node;
}

/* Ends a node's visit: where it reaches nothing earlier, what is above it on the stack is a component. */
static void
leave_node(Tarjan *tarjan, int node)
{
	int caller = tarjan->caller[node];

	if (tarjan->low[node] == tarjan->visit[node])
	{
		int member;

		do
		{
			member = tarjan->stack[--tarjan->depth];
			tarjan->component[member] = tarjan->ncomponents;
		} while (member != node);
		tarjan->ncomponents++;
	}
	if (caller >= 0)
		tarjan->low[caller] = Min(tarjan->low[caller], tarjan->low[node]);
}

/* Finds the strongly connected component of each node; returns how many there are. */
static int
find_components(const Digraph *graph, int *component)
{
	int	   size = Max(graph->nnodes, 1);
	Tarjan tarjan = {
		.graph = graph,
		.visit = palloc0_array(int, size),
		.low = palloc0_array(int, size),
		.edge = palloc0_array(int, size),
		.caller = palloc0_array(int, size),
		.stack = palloc0_array(int, size),
		.component = component,
	};

	for (int i = 0; i < graph->nnodes; i++)
		component[i] = -1;
	for (int start = 0; start < graph->nnodes; start++)
	{
		int node = start;

		if (tarjan.visit[start] != 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		enter_node(&tarjan, start, -1);
		while (node >= 0)
		{
			int edge = tarjan.edge[node];
			int target = edge < 0 ? -1 : graph->target[edge];

			if (edge < 0)
			{
				leave_node(&tarjan, node);
				node = tarjan.caller[node];
				continue;
			}
			tarjan.edge[node] = graph->next[edge];
			if (tarjan.visit[target] == 0)
			{
				enter_node(&tarjan, target, node);
				node = target;
			}
			else if (component[target] < 0)
				tarjan.low[node] = Min(tarjan.low[node], tarjan.visit[target]);
		}
	}
	return tarjan.ncomponents;
}

/* Tells whether one node reaches another; marks, zero at first, and stack have room for all nodes. */
static bool
reaches(const Digraph *graph, int from, int to, int *marks, int mark, int *stack)
{
	int depth = 0;

	stack[depth++] = from;
	marks[from] = mark;
	while (depth > 0)
	{
		int node = stack[--depth];

		if (node == to)
			return true;
		for (int edge = graph->first[node]; edge >= 0; edge = graph->next[edge])
		{
			int target = graph->target[edge];

			if (marks[target] != mark)
			{
				marks[target] = mark;
				stack[depth++] = target;
			}
		}
	}
	return false;
}

/* Returns when a reference is admitted: the less it can wait, the earlier. */
static int
admission_turn(const OrderEdge *edge)
{
	return edge->nullable ? 2 : edge->deferrable ? 1 : 0;
}

/* Decides which references within circles wait, and which circles cannot be opened. */
static void
open_circles(Order *order, int ntables, OrderEdge *edges, int nedges)
{
	Digraph *admitted = digraph_make(ntables, nedges);
	int		*marks = palloc0_array(int, Max(ntables, 1));
	int		*stack = palloc_array(int, Max(ntables, 1));
	bool	*closed = palloc0_array(bool, Max(ntables, 1)); /* by component */
	int		 mark = 0;

	for (int turn = 0; turn <= 2; turn++)
	{
		for (int i = 0; i < nedges; i++)
		{
			OrderEdge *edge = &edges[i];
			int		   component = order->component[edge->child];

			if (edge->child == edge->parent || component != order->component[edge->parent] ||
				closed[component] || admission_turn(edge) != turn)
				continue;
			CHECK_FOR_INTERRUPTS();
			if (!reaches(admitted, edge->child, edge->parent, marks, ++mark, stack))
				digraph_add(admitted, edge->parent, edge->child);
			else if (turn == 0)
				closed[component] = true;
			else
			{
				edge->later = turn == 2;
				edge->deferred = turn == 1;
			}
		}
	}
	for (int i = 0; i < ntables; i++)
		order->in_one[i] = closed[order->component[i]];
}

/* Orders numbers so that the smallest comes first out of a heap, which gives the largest. */
static int
compare_reversed(Datum a, Datum b, void *arg pg_attribute_unused())
{
	return DatumGetInt32(a) < DatumGetInt32(b) ? 1 : DatumGetInt32(a) > DatumGetInt32(b) ? -1 : 0;
}

/* Returns the table that stands for each: itself, or the first of those that must be written in one statement. */
static int *
find_leaders(const Order *order, int ntables)
{
	int *leaders = palloc_array(int, Max(ntables, 1));
	int *first = palloc_array(int, Max(ntables, 1)); /* by component */

	for (int i = 0; i < ntables; i++)
		first[i] = -1;
	for (int i = 0; i < ntables; i++)
	{
		int *leader = &first[order->component[i]];

		if (*leader < 0)
			*leader = i;
		leaders[i] = order->in_one[i] ? *leader : i;
	}
	return leaders;
}

/*
 * Puts the tables in order by the references that do not wait.  Tables that must be written in one
 * statement stand together, so that what any of them refers to comes before all.
 */
static void
sort_tables(Order *order, int ntables, const OrderEdge *edges, int nedges)
{
	int *leaders = find_leaders(order, ntables);
	int *waiting = palloc0_array(int, Max(ntables, 1)); /* by leader: parents that are not placed */
	Digraph	   *graph = digraph_make(ntables, nedges);
	Digraph	   *members = digraph_make(ntables, ntables); /* of each leader */
	binaryheap *ready = binaryheap_allocate(Max(ntables, 1), compare_reversed, NULL);
	int			count = 0;

	for (int i = 0; i < nedges; i++)
	{
		int child = leaders[edges[i].child];
		int parent = leaders[edges[i].parent];

		if (child == parent || edges[i].later || edges[i].deferred)
			continue;
		digraph_add(graph, parent, child);
		waiting[child]++;
	}
	for (int i = 0; i < ntables; i++)
	{
		digraph_add(members, leaders[i], i);
		if (leaders[i] == i && waiting[i] == 0)
			binaryheap_add(ready, Int32GetDatum(i));
	}
	while (!binaryheap_empty(ready))
	{
		int leader = DatumGetInt32(binaryheap_remove_first(ready));

		for (int edge = members->first[leader]; edge >= 0; edge = members->next[edge])
			order->sequence[count++] = members->target[edge];
		for (int edge = graph->first[leader]; edge >= 0; edge = graph->next[edge])
		{
			if (--waiting[graph->target[edge]] == 0)
				binaryheap_add(ready, Int32GetDatum(graph->target[edge]));
		}
	}
	Assert(count == ntables);
}

Order *
order_tables(int ntables, OrderEdge *edges, int nedges)
{
	Order	*order = palloc0_object(Order);
	Digraph *graph = digraph_make(ntables, nedges);

	order->sequence = palloc_array(int, Max(ntables, 1));
	order->component = palloc_array(int, Max(ntables, 1));
	order->in_one = palloc0_array(bool, Max(ntables, 1));
	for (int i = 0; i < nedges; i++)
	{
		edges[i].later = edges[i].deferred = false;
		if (edges[i].child != edges[i].parent)
			digraph_add(graph, edges[i].child, edges[i].parent);
	}
	(void) find_components(graph, order->component);
	open_circles(order, ntables, edges, nedges);
	sort_tables(order, ntables, edges, nedges);
	return order;
}
