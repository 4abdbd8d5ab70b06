/* SPDX-License-Identifier: GPL-2.0 */
/* The nodes on which the pages of a bound segment should be. */
#ifndef SELFTEST_SHMBIND_EXPECTED_H
#define SELFTEST_SHMBIND_EXPECTED_H

#include "nodes.h"

/* node_distance(), which does not change and is slow to read. */
static inline int distance_between(int from, int to)
{
	static short known[NODES_MAX][NODES_MAX];

	if (!known[from][to])
		known[from][to] = node_distance(from, to);
	return known[from][to];
}

/* The node of @mask nearest to @from, the lowest of equals, or -1. */
static inline int nearest_node(int from, const struct nodemask *mask)
{
	int node, distance, shortest = 0, nearest = -1;

	for (node = -1; next_node(&node, mask);) {
		distance = distance_between(from, node);
		if (nearest < 0 || distance < shortest) {
			shortest = distance;
			nearest = node;
		}
	}
	return nearest;
}

/* Where MEM_FIRSTREF puts a page that a CPU of @node touches first. */
static inline int firstref_node(int node, const struct nodemask *mask)
{
	struct nodemask memory = memory_nodes();

	/* a node without memory is replaced by the nearest that has some */
	return nearest_node(nearest_node(node, &memory), mask);
}

/* A node on whose CPUs MEM_FIRSTREF chooses @wanted of @mask, or -1. */
static inline int node_that_prefers(int wanted, const struct nodemask *mask)
{
	struct nodemask cpus = cpu_nodes();
	int node;

	for (node = -1; next_node(&node, &cpus);) {
		if (firstref_node(node, mask) == wanted)
			break;
	}
	return node;
}

/* The node of @mask that has the most free pages now. */
static inline int freest_of(const struct nodemask *mask)
{
	long free_pages, most = -1;
	int node, freest = -1;

	for (node = -1; next_node(&node, mask);) {
		free_pages = node_free_pages(node);
		if (free_pages > most) {
			most = free_pages;
			freest = node;
		}
	}
	return freest;
}

/* How many pages the most used node of @mask has more than the least used. */
static inline int spread(const int *nodes, int count,
			 const struct nodemask *mask)
{
	int per_node[NODES_MAX] = {}, most = 0, least = count;
	int node;

	for (int page = 0; page < count; page++) {
		if (nodes[page] >= 0)
			per_node[nodes[page]]++;
	}
	for (node = -1; next_node(&node, mask);) {
		if (per_node[node] > most)
			most = per_node[node];
		if (per_node[node] < least)
			least = per_node[node];
	}
	return most - least;
}

/* The number of pages that are on no node of @mask. */
static inline int strays(const int *nodes, int count,
			 const struct nodemask *mask)
{
	int stray = 0;

	for (int page = 0; page < count; page++) {
		if (nodes[page] < 0 || !node_isset(nodes[page], mask))
			stray++;
	}
	return stray;
}

#endif /* SELFTEST_SHMBIND_EXPECTED_H */
