/* SPDX-License-Identifier: GPL-2.0 */
/* Pages that the kernel moves: their content and their nodes. */
#ifndef SELFTEST_SHMBIND_MOVED_H
#define SELFTEST_SHMBIND_MOVED_H

#include "expected.h"

/* Write a different number into each page. */
static inline void write_pages(struct segment *seg)
{
	for (size_t page = 0; page < seg->size / page_size(); page++)
		*(size_t *)(seg->addr + page * page_size()) = ~page;
}

/* How many pages have the number that write_pages() wrote. */
static inline size_t intact_pages(struct segment *seg)
{
	size_t intact = 0, pages = seg->size / page_size();

	for (size_t page = 0; page < pages; page++)
		intact += *(size_t *)(seg->addr + page * page_size()) == ~page;
	return intact;
}

/* How many pages of @seg are on @node, or -1. */
static inline long pages_on(struct segment *seg, int node)
{
	long per_node[NODES_MAX];
	size_t pages = seg->size / page_size();

	/* pages that were moved are mapped again by a fault */
	for (size_t page = 0; page < pages; page++)
		read_page(seg->addr, page);
	if (count_placement(seg->addr, pages, per_node) < 0)
		return -1;
	return per_node[node];
}

#endif /* SELFTEST_SHMBIND_MOVED_H */
