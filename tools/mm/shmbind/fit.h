/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a segment needs of each node, and what the nodes have.
 *
 * The preload library uses this, so there is no libnuma, no exit() and no
 * output here.
 */
#ifndef FIT_H
#define FIT_H

#include <stdbool.h>

#include "binding.h"

/**
 * struct fit - The need of a segment against the supply of each node.
 * @page_kib: Size of the pages that everything here is counted in, in KiB.
 * @pages: Pages of the segment.
 * @nodes: The mask's nodes that have memory and that the cpuset allows.
 * @supply: Pages that each node has free, for all nodes with memory.
 * @need: Pages that the policy will ask of each node, at most; 0 where only the
 *	sum counts.
 * @rule: The rule that was applied, for people.
 * @short_node: The first node whose supply is below its need, or -1.
 * @short_sum: The sum of the supplies is below @pages where the sum counts.
 * @sum: That sum, in pages.
 */
struct fit {
	unsigned long page_kib, pages;
	struct nodes nodes;
	unsigned long supply[MAX_NODES], need[MAX_NODES];
	const char *rule;
	int short_node;
	bool short_sum;
	unsigned long sum;
};

/**
 * fit_segment() - Compare a segment's need with the nodes' supply.
 * @bytes: Size of the segment.
 * @owned: For each node, pages of the segment that it has already; they are
 *	added to the supply. NULL for none.
 *
 * Rules. STRIPE, HARD: the ceiling of pages/nodes on each node. WEIGHTED, HARD:
 * each node's share by weight, rounded up. FIRSTREF, HARD: any node may be
 * asked for everything, which only says something if the mask has one node.
 * MOSTFREE and MASK: the sum over the mask. SOFT: the sum over all nodes that
 * the cpuset allows. For huge pages the supply is the free pages of the pool,
 * less those that other segments have reserved, and the surplus pages that may
 * be made.
 *
 * Return: Whether it fits.
 */
bool fit_segment(struct fit *fit, const struct binding *binding,
		 unsigned long long bytes, const unsigned long *owned);

/* One line for people, without a newline: node, need and supply in numbers. */
char *fit_message(char *text, const struct fit *fit);

#endif /* FIT_H */
