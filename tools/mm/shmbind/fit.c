// SPDX-License-Identifier: GPL-2.0
/* What a segment needs of each node, and what the nodes have. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fit.h"
#include "shmbind.h"

#define WEIGHT_FILE	"/sys/kernel/mm/mempolicy/weighted_interleave/node%d"

static unsigned long min_ul(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

static unsigned long page_kib_of(const struct binding *binding)
{
	if (!binding->huge)
		return sysconf(_SC_PAGESIZE) / 1024;
	return binding->huge_kib ? binding->huge_kib : default_huge_kib();
}

/*
 * Supply.
 */

static unsigned long pages_in(const struct fit *fit, long long bytes)
{
	return bytes > 0 ? bytes / 1024 / fit->page_kib : 0;
}

static void supply_memory(struct fit *fit, const struct nodes *memory)
{
	unsigned long *reserve = calloc(MAX_NODES, sizeof(*reserve));
	long long bytes;
	int node;

	if (reserve)
		nodes_min_free(reserve);
	for (node = -1; nodes_next(&node, memory);) {
		bytes = node_free(node) + node_file_cache(node);
		if (reserve)
			bytes -= 1024LL * fit->page_kib * reserve[node];
		fit->supply[node] = pages_in(fit, bytes);
	}
	free(reserve);
}

/* The surplus pages that the pools of the machine may still make. */
static unsigned long surplus_left(const struct fit *fit,
				  const struct nodes *memory)
{
	long left = pool_overcommit(fit->page_kib);
	struct pool pool;
	int node;

	for (node = -1; nodes_next(&node, memory);) {
		if (node_pool(node, fit->page_kib, &pool))
			left -= pool.surplus;
	}
	return left > 0 ? left : 0;
}

/* Returns false for a node from which the kernel takes no huge page. */
static bool supply_pool(struct fit *fit, int node, unsigned long surplus)
{
	struct pool pool;

	if (!node_pool(node, fit->page_kib, &pool))
		return false;
	fit->extra[node] = min_ul(surplus, pages_in(fit, node_free(node)));
	fit->supply[node] = pool.free + fit->extra[node];
	return pool.total || surplus;
}

static void supply_pools(struct fit *fit, const struct nodes *memory)
{
	unsigned long surplus = surplus_left(fit, memory);
	struct nodes pools = {};
	int node;

	for (node = -1; nodes_next(&node, memory);) {
		if (supply_pool(fit, node, surplus))
			nodes_add(&pools, node);
	}
	fit->surplus = surplus;
	nodes_and(&pools, &pools, &fit->nodes);
	if (!nodes_empty(&pools))
		fit->nodes = pools;
}

/*
 * Need.
 */

static void need_node(struct fit *fit, int node, unsigned long pages)
{
	fit->need[node] = pages;
	if (fit->short_node < 0 && fit->supply[node] < pages)
		fit->short_node = node;
}

static unsigned long equal_weight(int node)
{
	(void)node;
	return 1;
}

static unsigned long weight_of(int node)
{
	unsigned long weight = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), WEIGHT_FILE, node);
	file = fopen(path, "re");
	if (!file)
		return 1;
	if (fscanf(file, "%lu", &weight) != 1 || !weight)
		weight = 1;
	fclose(file);
	return weight;
}

static void need_shares(struct fit *fit, unsigned long (*weight)(int node))
{
	unsigned long long sum = 0;
	int node;

	for (node = -1; nodes_next(&node, &fit->nodes);)
		sum += weight(node);
	for (node = -1; nodes_next(&node, &fit->nodes);)
		need_node(fit, node,
			  ((unsigned long long)fit->pages * weight(node) +
			   sum - 1) / sum);
}

static void need_sum(struct fit *fit, const struct nodes *nodes,
		     unsigned long reserved)
{
	unsigned long sum = 0, extra = 0;
	int node;

	for (node = -1; nodes_next(&node, nodes);) {
		sum += fit->supply[node] - fit->extra[node];
		extra += fit->extra[node];
	}
	sum += min_ul(extra, fit->surplus);
	fit->sum = sum - min_ul(sum, reserved);
	fit->sum_nodes = *nodes;
	fit->short_sum = fit->sum < fit->pages;
}

static void apply_rule(struct fit *fit, const struct binding *binding,
		       const struct nodes *usable)
{
	if (binding->strength == MEM_SOFTBIND) {
		fit->rule = "soft: the nodes of the cpuset must have room together";
		need_sum(fit, usable, 0);
	} else if (nodes_count(&fit->nodes) == 1) {
		fit->rule = "one node: it must have room for all pages";
		need_shares(fit, equal_weight);
	} else if (binding->strength == MEM_MASKBIND) {
		fit->rule = "mask: the nodes of the mask must have room together";
		need_sum(fit, &fit->nodes, 0);
	} else if (binding->policy == MEM_STRIPE) {
		fit->rule = "stripe, hard: each node must have room for pages / nodes, rounded up";
		need_shares(fit, equal_weight);
	} else if (binding->policy == MEM_WEIGHTED) {
		fit->rule = "weighted, hard: each node must have room for its share by weight";
		need_shares(fit, weight_of);
	} else if (binding->policy == MEM_MOSTFREE) {
		fit->rule = "mostfree, hard: the nodes of the mask must have room together";
		need_sum(fit, &fit->nodes, 0);
	} else {
		fit->rule = "firstref, hard: the nodes need room together, and each for its CPUs";
		need_sum(fit, &fit->nodes, 0);
	}
}

bool fit_segment(struct fit *fit, const struct binding *binding,
		 unsigned long long bytes, const unsigned long *owned)
{
	struct nodes memory, usable;
	long reserved;
	int node;

	memset(fit, 0, sizeof(*fit));
	fit->short_node = -1;
	fit->rule = "nothing is known about the nodes of this machine";
	fit->page_kib = page_kib_of(binding);
	if (!fit->page_kib || !nodes_with_memory(&memory) ||
	    !nodes_usable(&usable))
		return true;

	fit->pages = (bytes + 1024ULL * fit->page_kib - 1) /
		(1024ULL * fit->page_kib);
	nodes_and(&fit->nodes, &binding->nodes, &usable);
	if (binding->huge)
		supply_pools(fit, &memory);
	else
		supply_memory(fit, &memory);
	for (node = 0; owned && node < MAX_NODES; node++)
		fit->supply[node] += owned[node];

	apply_rule(fit, binding, &usable);
	/* shmget(2) reserves for the segment, from the pools of all nodes */
	if (binding->huge && !owned && !fit->short_sum) {
		reserved = pool_reserved(fit->page_kib);
		need_sum(fit, &memory, reserved > 0 ? reserved : 0);
	}
	return fit->short_node < 0 && !fit->short_sum;
}

/*
 * Words.
 */

/* "33273 pages of 4K (129.9M)" */
static void amount(char *text, size_t size, const struct fit *fit,
		   unsigned long pages)
{
	char page[SIZE_TEXT], all[SIZE_TEXT];

	size_format(page, 1024ULL * fit->page_kib);
	size_format(all, 1024ULL * fit->page_kib * pages);
	snprintf(text, size, "%lu pages of %s (%s)", pages, page, all);
}

char *fit_message(char *text, const struct fit *fit)
{
	char need[80], have[80], list[NODES_TEXT];
	int node = fit->short_node;

	if (node >= 0) {
		amount(need, sizeof(need), fit, fit->need[node]);
		amount(have, sizeof(have), fit, fit->supply[node]);
		snprintf(text, MESSAGE_TEXT, "node %d needs %s and has %s", node,
			 need, have);
		return text;
	}
	amount(need, sizeof(need), fit, fit->pages);
	if (!fit->short_sum) {
		snprintf(text, MESSAGE_TEXT, "%s fit", need);
		return text;
	}
	amount(have, sizeof(have), fit, fit->sum);
	nodes_format(list, &fit->sum_nodes);
	snprintf(text, MESSAGE_TEXT, "the segment needs %s and %s %.200s %s %s",
		 need, strpbrk(list, ",-") ? "nodes" : "node", list,
		 strpbrk(list, ",-") ? "have" : "has", have);
	return text;
}
