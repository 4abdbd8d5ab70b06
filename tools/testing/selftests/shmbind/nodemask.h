/* SPDX-License-Identifier: GPL-2.0 */
/* Sets of nodes, without libnuma, and lists as the kernel prints them. */
#ifndef SELFTEST_SHMBIND_NODEMASK_H
#define SELFTEST_SHMBIND_NODEMASK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"

#define NODES_MAX	1024	/* no architecture allows more */
#define LONG_BITS	(8 * (int)sizeof(long))

struct nodemask {
	unsigned long bits[NODES_MAX / LONG_BITS];
};

static inline void node_set(int node, struct nodemask *mask)
{
	mask->bits[node / LONG_BITS] |= 1UL << (node % LONG_BITS);
}

static inline void node_clear(int node, struct nodemask *mask)
{
	mask->bits[node / LONG_BITS] &= ~(1UL << (node % LONG_BITS));
}

static inline bool node_isset(int node, const struct nodemask *mask)
{
	return mask->bits[node / LONG_BITS] >> (node % LONG_BITS) & 1;
}

/*
 * Step @node to the next node of @mask: from -1 to the first, and from the last
 * back to -1 and out of the loop:
 *
 *	for (node = -1; next_node(&node, mask);)
 */
static inline bool next_node(int *node, const struct nodemask *mask)
{
	while (++*node < NODES_MAX) {
		if (node_isset(*node, mask))
			return true;
	}
	*node = -1;
	return false;
}

static inline int first_node(const struct nodemask *mask)
{
	int node = -1;

	next_node(&node, mask);
	return node;
}

static inline int last_node(const struct nodemask *mask)
{
	int node, last = -1;

	for (node = -1; next_node(&node, mask);)
		last = node;
	return last;
}

/* The @nth node of @mask, from 0 on, or -1. */
static inline int nth_node(int nth, const struct nodemask *mask)
{
	int node;

	for (node = -1; next_node(&node, mask);) {
		if (!nth--)
			break;
	}
	return node;
}

static inline int nodes_weight(const struct nodemask *mask)
{
	int node, weight = 0;

	for (node = -1; next_node(&node, mask);)
		weight++;
	return weight;
}

static inline bool nodes_equal(const struct nodemask *a,
			       const struct nodemask *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline struct nodemask nodes_and(struct nodemask a, struct nodemask b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a.bits); i++)
		a.bits[i] &= b.bits[i];
	return a;
}

static inline struct nodemask nodes_andnot(struct nodemask a, struct nodemask b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a.bits); i++)
		a.bits[i] &= ~b.bits[i];
	return a;
}

static inline struct nodemask nodes_of(int node)
{
	struct nodemask mask = {};

	node_set(node, &mask);
	return mask;
}

/* Parse a list as the kernel prints it: "0-3,5". */
static inline struct nodemask nodes_parse(const char *list)
{
	struct nodemask mask = {};
	int first, last, len;

	while (sscanf(list, "%d%n", &first, &len) == 1) {
		list += len;
		last = first;
		if (sscanf(list, "-%d%n", &last, &len) == 1)
			list += len;
		for (int node = first; node <= last && node < NODES_MAX; node++)
			node_set(node, &mask);
		if (*list++ != ',')
			break;
	}
	return mask;
}

/* Print @mask as the kernel does; @size is that of @list. */
static inline char *nodes_print(const struct nodemask *mask, char *list,
				size_t size)
{
	int node, last;
	size_t len = 0;

	list[0] = '\0';
	for (node = -1; next_node(&node, mask);) {
		for (last = node; last + 1 < NODES_MAX; last++) {
			if (!node_isset(last + 1, mask))
				break;
		}
		len += snprintf(list + len, size - len, "%s%d",
				len ? "," : "", node);
		if (last > node)
			len += snprintf(list + len, size - len, "-%d", last);
		node = last;
	}
	return list;
}

#endif /* SELFTEST_SHMBIND_NODEMASK_H */
