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
 * @nodes: The mask's nodes that have memory and that the cpuset allows. For huge
 *	pages, only those that have pages of that size or can make them, because
 *	the kernel does not choose others.
 * @supply: Pages that each node has for the segment, for all nodes with memory.
 * @extra: Huge pages of @supply that are not in the pool yet: surplus pages.
 * @surplus: Surplus pages that may be made on all nodes together.
 * @need: Pages that the policy will ask of each node, at most; 0 where only the
 *	sum counts.
 * @rule: The rule that was applied, for people.
 * @short_node: The first node whose supply is below its need, or -1.
 * @short_sum: The sum of the supplies is below @pages where the sum counts.
 * @sum: That sum, in pages.
 * @sum_nodes: The nodes that are summed.
 *
 * The supply of ordinary pages is free memory and the page cache of files, less
 * the reserve that the kernel keeps on each node. Memory that could only be
 * swapped out does not count. The supply of huge pages is the free pages of the
 * pool and the surplus pages that can be made; the sum is without the pages that
 * other segments have reserved.
 */
struct fit {
	unsigned long page_kib, pages;
	struct nodes nodes;
	unsigned long supply[MAX_NODES], need[MAX_NODES];
	unsigned long extra[MAX_NODES], surplus;
	const char *rule;
	int short_node;
	bool short_sum;
	unsigned long sum;
	struct nodes sum_nodes;
};

/**
 * fit_segment() - Compare a segment's need with the nodes' supply.
 * @fit: About 17 KiB; not for the stack of a thread that is not ours.
 * @bytes: Size of the segment.
 * @owned: For each node, pages of the segment that it has already; they are
 *	added to the supply. NULL for a segment that does not exist yet.
 *
 * Rules. STRIPE, HARD: the ceiling of pages/nodes on each node. WEIGHTED, HARD:
 * each node's share by weight, rounded up. FIRSTREF, HARD: the sum over the mask,
 * although any node may be asked for more than it has. MOSTFREE and MASK: the sum
 * over the mask. One node in the mask, HARD or MASK: everything on that node.
 * SOFT: the sum over all nodes that the cpuset allows. A segment of huge pages
 * that does not exist yet also needs the sum over all nodes, less the pages that
 * are reserved, because shmget(2) reserves its pages.
 *
 * Return: Whether it fits. True if nothing is known about the nodes.
 */
bool fit_segment(struct fit *fit, const struct binding *binding,
		 unsigned long long bytes, const unsigned long *owned);

/**
 * fit_message() - Say what is short: node, need and supply in numbers.
 * @text: MESSAGE_TEXT bytes, for one line without a newline.
 *
 * Return: @text.
 */
char *fit_message(char *text, const struct fit *fit);

#endif /* FIT_H */
