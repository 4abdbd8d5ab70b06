/* SPDX-License-Identifier: GPL-2.0 */
/* The weights of the nodes, one set for the whole machine. */
#ifndef SELFTEST_SHMBIND_WEIGHTS_H
#define SELFTEST_SHMBIND_WEIGHTS_H

#include "expected.h"

#define WEIGHTS_DIR	"/sys/kernel/mm/mempolicy/weighted_interleave"
#define WEIGHT_MAX	255

static inline int set_weight(int node, int weight)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), WEIGHTS_DIR "/node%d", node);
	snprintf(text, sizeof(text), "%d", weight);
	return write_file(path, text);
}

static inline int get_weight(int node)
{
	char path[128], line[16];

	snprintf(path, sizeof(path), WEIGHTS_DIR "/node%d", node);
	return atoi(read_line(path, line, sizeof(line)));
}

/* Use the weights that the kernel computes from bandwidth, if it knows that. */
static inline int weigh_automatically(void)
{
	return write_file(WEIGHTS_DIR "/auto", "true");
}

/* Restore the weights that the machine has started with. */
static inline int reset_weights(const struct nodemask *mask)
{
	int node;

	if (!weigh_automatically())
		return 0;
	for (node = -1; next_node(&node, mask);) {
		if (set_weight(node, 1))
			return -1;
	}
	return 0;
}

/* The weights of all nodes of @mask, and their sum. */
static inline int get_weights(const struct nodemask *mask, int *weights)
{
	int node, sum = 0;

	for (node = -1; next_node(&node, mask);) {
		weights[node] = get_weight(node);
		sum += weights[node];
	}
	return sum;
}

/* Weights that differ from node to node: 1, 4, 2, 5, 3, 1, ... */
static inline int set_different_weights(const struct nodemask *mask)
{
	int node, weight = 1;

	for (node = -1; next_node(&node, mask);) {
		if (set_weight(node, weight))
			return -1;
		weight = (weight + 2) % 5 + 1;
	}
	return 0;
}

/*
 * How far the count of a node is from its share of all @count pages, in units
 * of its weight and rounded up; the maximum over @mask. Whole rounds allow 1.
 */
static inline int weights_off(const int *nodes, int count,
			      const struct nodemask *mask, const int *weights)
{
	int node, sum = 0, off, worst = 0, per_node[NODES_MAX] = {};

	for (int page = 0; page < count; page++) {
		if (nodes[page] >= 0)
			per_node[nodes[page]]++;
	}
	for (node = -1; next_node(&node, mask);)
		sum += weights[node];
	for (node = -1; next_node(&node, mask);) {
		off = abs(per_node[node] * sum - count * weights[node]);
		off = (off + sum * weights[node] - 1) / (sum * weights[node]);
		if (off > worst)
			worst = off;
	}
	return worst;
}

#endif /* SELFTEST_SHMBIND_WEIGHTS_H */
