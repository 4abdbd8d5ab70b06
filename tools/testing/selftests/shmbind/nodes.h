/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine's NUMA nodes, as sysfs describes them. Everything is read each
 * time: tests change cpusets and fill nodes.
 */
#ifndef SELFTEST_SHMBIND_NODES_H
#define SELFTEST_SHMBIND_NODES_H

#include <sched.h>
#include <stdlib.h>

#include "counters.h"
#include "nodemask.h"

#define NODES_DIR	"/sys/devices/system/node"
#define TIERS_DIR	"/sys/devices/virtual/memory_tiering"
#define TIERS_MAX	64	/* their numbers begin with the fastest */

/* Compact all nodes. This also drains folios that wait for the LRU lists. */
static inline void compact_nodes(void)
{
	write_file("/proc/sys/vm/compact_memory", "1");
}

/* Nodes in @state: "online", "has_memory", "has_normal_memory" or "has_cpu". */
static inline struct nodemask nodes_in(const char *state)
{
	char path[128], line[4096];

	snprintf(path, sizeof(path), NODES_DIR "/%s", state);
	return nodes_parse(read_line(path, line, sizeof(line)));
}

static inline struct nodemask memory_nodes(void)
{
	return nodes_in("has_memory");
}

static inline struct nodemask cpu_nodes(void)
{
	return nodes_in("has_cpu");
}

/* The nodes of the fastest memory tier; all nodes if there are no tiers. */
static inline struct nodemask fast_nodes(void)
{
	struct nodemask memory = memory_nodes(), tier;
	char path[128], line[4096];
	int i;

	for (i = 0; i < TIERS_MAX; i++) {
		snprintf(path, sizeof(path), TIERS_DIR "/memory_tier%d/nodelist",
			 i);
		tier = nodes_parse(read_line(path, line, sizeof(line)));
		if (nodes_weight(&tier))
			return tier;
	}
	return memory;
}

/* ACPI's distance from @from to @to; both are online. */
static inline int node_distance(int from, int to)
{
	struct nodemask online = nodes_in("online");
	char path[128], line[4096], *next = line;
	int node, distance = -1;

	snprintf(path, sizeof(path), NODES_DIR "/node%d/distance", from);
	read_line(path, line, sizeof(line));
	/* one column for each online node */
	for (node = -1; next_node(&node, &online);) {
		distance = strtol(next, &next, 10);
		if (node == to)
			break;
	}
	return distance;
}

/* counter_in() a file of @node, such as vmstat. */
static inline long node_counter(int node, const char *file, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), NODES_DIR "/node%d/%s", node, file);
	return counter_in(path, name);
}

static inline long node_free_pages(int node)
{
	return node_counter(node, "vmstat", "nr_free_pages");
}

/* Store the CPUs of @node in @cpus and return their number. */
static inline int node_cpus(int node, cpu_set_t *cpus)
{
	char path[128], line[4096];
	struct nodemask list;
	int cpu;

	snprintf(path, sizeof(path), NODES_DIR "/node%d/cpulist", node);
	list = nodes_parse(read_line(path, line, sizeof(line)));
	CPU_ZERO(cpus);
	for (cpu = -1; next_node(&cpu, &list);)
		CPU_SET(cpu, cpus);
	return CPU_COUNT(cpus);
}

/* Keep the calling thread on the CPUs of @node. */
static inline int run_on_node(int node)
{
	cpu_set_t cpus;

	if (!node_cpus(node, &cpus))
		return -1;
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* The total memory of @node in KiB. */
static inline size_t node_kib(int node)
{
	char path[128], line[256];
	unsigned long kib;

	snprintf(path, sizeof(path), NODES_DIR "/node%d/meminfo", node);
	if (sscanf(read_line(path, line, sizeof(line)),
		   "Node %*d MemTotal: %lu", &kib) != 1)
		return 0;
	return kib;
}

/* The debugfs file @name of the CMA area of @node. */
static inline void cma_path(char *path, size_t size, int node, const char *name)
{
	snprintf(path, size, "/sys/kernel/debug/cma/numa%d/%s", node, name);
}

/* The node with a CMA area, or -1. */
static inline int cma_node(void)
{
	struct nodemask memory = memory_nodes();
	char path[64];
	int node;

	for (node = -1; next_node(&node, &memory);) {
		cma_path(path, sizeof(path), node, "alloc");
		if (!access(path, F_OK))
			return node;
	}
	return -1;
}

#endif /* SELFTEST_SHMBIND_NODES_H */
