/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sets of NUMA nodes, and what sysfs and procfs say about nodes.
 *
 * The preload library uses this, so there is no libnuma, no exit() and no
 * output here.
 */
#ifndef NODES_H
#define NODES_H

#include <stdbool.h>
#include <stddef.h>

#define MAX_NODES	1024	/* the largest that NODES_SHIFT allows */
#define LONG_BITS	(8 * sizeof(long))

/* Room for the longest list of nodes: "0-1,3-4,...,1020-1021" */
#define NODES_TEXT	((MAX_NODES / 3 + 1) * sizeof("1020-1021"))

/* A set of nodes, in the form that shmbind(2) takes; mask_len is MAX_NODES. */
struct nodes {
	unsigned long bits[MAX_NODES / LONG_BITS];
};

bool nodes_has(const struct nodes *set, int node);
void nodes_add(struct nodes *set, int node);
int nodes_count(const struct nodes *set);
bool nodes_empty(const struct nodes *set);
void nodes_and(struct nodes *to, const struct nodes *a, const struct nodes *b);
/* to = a without b */
void nodes_minus(struct nodes *to, const struct nodes *a, const struct nodes *b);

/* Step to the next node; start with -1: for (n = -1; nodes_next(&n, set);) */
bool nodes_next(int *node, const struct nodes *set);

/**
 * nodes_parse() - Parse a list as the kernel writes it: "0-1,3", or "".
 *
 * Return: Whether all of @text is a list of nodes below MAX_NODES.
 */
bool nodes_parse(const char *text, struct nodes *set);

/**
 * nodes_format() - Write a set as the kernel does: "0-1,3".
 * @text: At least NODES_TEXT bytes.
 *
 * Return: @text.
 */
char *nodes_format(char *text, const struct nodes *set);

/* Nodes that this machine can have. */
bool nodes_possible(struct nodes *set);

/* Nodes that are online, that have memory, that this task's cpuset allows. */
bool nodes_online(struct nodes *set);
bool nodes_with_memory(struct nodes *set);
bool nodes_allowed(struct nodes *set);

/* The nodes to which a segment can be bound here: the three of them together. */
bool nodes_usable(struct nodes *set);

/* The CPUs of a node as the kernel lists them ("0-3,8"), in @text. */
bool node_cpus(int node, char *text, size_t size);

/* Bytes of the node's memory. They are -1 if the node has no meminfo. */
long long node_free(int node);
long long node_total(int node);

/* Bytes that reclaim can take back on a node without swap: 0 if unknown. */
long long node_file_cache(int node);

/* The pages on each node that only the kernel may use; @pages has MAX_NODES. */
void nodes_min_free(unsigned long *pages);

/**
 * struct pool - Huge pages of one size on one node, in pages.
 * @total: Pages in the pool, nr_hugepages.
 * @free: Free pages, free_hugepages.
 * @surplus: Pages that the pool may give back, surplus_hugepages.
 */
struct pool {
	long total, free, surplus;
};

/* @kib: The size of the huge pages in KiB. False if the node has none. */
bool node_pool(int node, unsigned long kib, struct pool *pool);

/* Limits of the whole machine for huge pages of a size; -1 if unknown. */
long pool_reserved(unsigned long kib);		/* resv_hugepages */
long pool_overcommit(unsigned long kib);	/* nr_overcommit_hugepages */

/* The default size of huge pages in KiB, or 0 if the kernel has none. */
unsigned long default_huge_kib(void);

#endif /* NODES_H */
