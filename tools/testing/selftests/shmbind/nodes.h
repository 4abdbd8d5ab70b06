/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine's NUMA nodes as sysfs tells them, and what a test needs of them.
 * Everything is read anew each time: tests change cpusets and fill nodes.
 */
#ifndef SELFTEST_SHMBIND_NODES_H
#define SELFTEST_SHMBIND_NODES_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define NODES_MAX	1024	/* no architecture allows more */
#define LONG_BITS	(8 * (int)sizeof(long))
#define NODES_DIR	"/sys/devices/system/node"
#define TIERS_DIR	"/sys/devices/virtual/memory_tiering"
#define TIERS_MAX	64	/* their numbers begin with the fastest */

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

/* The @nth node of @mask, counted from 0, or -1. */
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

/* The first line of a file; an empty string if there is none. */
static inline char *read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "r");

	line[0] = '\0';
	if (!file)
		return line;
	if (fgets(line, size, file))
		line[strcspn(line, "\n")] = '\0';
	fclose(file);
	return line;
}

static inline int write_file(const char *path, const char *text)
{
	ssize_t len = strlen(text);
	int fd = open(path, O_WRONLY);
	int err = -1;

	if (fd < 0)
		return -1;
	if (write(fd, text, len) == len)
		err = 0;
	close(fd);
	return err;
}

/* On all nodes. It also empties the lists on which folios wait for the LRU. */
static inline void compact_nodes(void)
{
	write_file("/proc/sys/vm/compact_memory", "1");
}

/* A node state: "online", "has_memory", "has_normal_memory", "has_cpu". */
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

/* The nodes of the highest tier of memory; all, where there are no tiers. */
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

/* The value after @name in a file of two columns, such as /proc/vmstat; or -1. */
static inline long counter_in(const char *path, const char *name)
{
	long value, found = -1;
	FILE *file = fopen(path, "r");
	char key[128];

	while (file && found < 0 && fscanf(file, "%127s %ld", key, &value) == 2) {
		if (!strcmp(key, name))
			found = value;
	}
	if (file)
		fclose(file);
	return found;
}

/* How often @event has been on the whole machine. */
static inline long event_count(const char *event)
{
	return counter_in("/proc/vmstat", event);
}

/* How often a task has had to reclaim memory itself. */
static inline long direct_reclaims(void)
{
	static const char * const zones[] = {
		"dma", "dma32", "normal", "high", "movable", "device",
	};
	char name[32];
	long count, sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		snprintf(name, sizeof(name), "allocstall_%s", zones[i]);
		count = event_count(name);
		if (count > 0)
			sum += count;
	}
	return sum;
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

/* A line such as "  pages free 123" of one zone of @node; -1 if none. */
static inline long zone_counter(int node, const char *zone, const char *name)
{
	char line[256], this_zone[64];
	size_t len = strlen(name);
	bool here = false;
	long found = -1;
	int this_node;
	FILE *info = fopen("/proc/zoneinfo", "r");

	if (!info)
		return -1;
	while (found < 0 && fgets(line, sizeof(line), info)) {
		char *start = line + strspn(line, " ");

		if (sscanf(line, "Node %d, zone %63s", &this_node,
			   this_zone) == 2)
			here = this_node == node && !strcmp(this_zone, zone);
		else if (here && !strncmp(start, name, len))
			found = atol(start + len);
	}
	fclose(info);
	return found;
}

static inline long zone_free_pages(int node, const char *zone)
{
	return zone_counter(node, zone, "pages free");
}

/* The CPUs of @node; how many there are. */
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

static inline int distinct_distances(int from, const struct nodemask *to)
{
	bool seen[256] = {};
	int node, distance, distinct = 0;

	for (node = -1; next_node(&node, to);) {
		distance = node_distance(from, node);
		if (distance >= 0 && !seen[distance & 255]) {
			seen[distance & 255] = true;
			distinct++;
		}
	}
	return distinct;
}

static inline bool has_distances(void)
{
	struct nodemask memory = memory_nodes(), cpus = cpu_nodes();
	int node;

	for (node = -1; next_node(&node, &cpus);) {
		if (distinct_distances(node, &memory) >= 3)
			return true;
	}
	return false;
}

/* The memory that @node has in all, in KiB. */
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

/* How many nodes have @kib KiB of memory. */
static inline int large_nodes(size_t kib)
{
	struct nodemask memory = memory_nodes();
	int node, count = 0;

	for (node = -1; next_node(&node, &memory);)
		count += node_kib(node) >= kib;
	return count;
}

#define BLOCKS_DIR	"/sys/devices/system/memory"

/* The node of a block of memory, or -1. */
static inline int node_of_block(int block)
{
	struct nodemask online = nodes_in("online");
	char path[128];
	int node;

	for (node = -1; next_node(&node, &online);) {
		snprintf(path, sizeof(path), BLOCKS_DIR "/memory%d/node%d",
			 block, node);
		if (!access(path, F_OK))
			break;
	}
	return node;
}

/* A block of memory that is offline, of a node that has no other; or -1. */
static inline int offline_block(void)
{
	struct nodemask memory = memory_nodes();
	DIR *blocks = opendir(BLOCKS_DIR);
	struct dirent *entry;
	char path[PATH_MAX], state[32];
	int block, node, found = -1;

	while (blocks && found < 0 && (entry = readdir(blocks))) {
		if (sscanf(entry->d_name, "memory%d", &block) != 1)
			continue;
		snprintf(path, sizeof(path), BLOCKS_DIR "/memory%d/state",
			 block);
		if (strcmp(read_line(path, state, sizeof(state)), "offline"))
			continue;
		node = node_of_block(block);
		if (node >= 0 && !node_isset(node, &memory))
			found = block;
	}
	if (blocks)
		closedir(blocks);
	return found;
}

/* Can userfaultfd tell of writes? Not on every architecture. */
static inline bool has_uffd_wp(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	bool has;

	if (fd < 0)
		return false;
	has = !ioctl(fd, UFFDIO_API, &api) &&
	      api.features & UFFD_FEATURE_WP_ASYNC;
	close(fd);
	return has;
}

/* Do large folios go to swap whole? Nothing tells before one does. */
static inline bool has_thp_swap(void)
{
#ifdef __powerpc__
	return false;
#else
	return true;
#endif
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

/* Has the machine @need, one of the features listed at REQUIRE()? */
static inline bool has_feature(const char *need)
{
	struct nodemask memory = memory_nodes(), cpus = cpu_nodes();
	struct nodemask both = nodes_and(memory, cpus), fast = fast_nodes();
	int count;

	if (sscanf(need, "nodes=%d", &count) == 1)
		return nodes_weight(&memory) >= count;
	if (sscanf(need, "cpunodes=%d", &count) == 1)
		return nodes_weight(&both) >= count;
	if (!strcmp(need, "cpuless"))
		return nodes_weight(&memory) > nodes_weight(&both);
	if (!strcmp(need, "memless"))
		return nodes_weight(&cpus) > nodes_weight(&both);
	if (!strcmp(need, "distances"))
		return has_distances();
	if (sscanf(need, "gigantic=%d", &count) == 1)
		return large_nodes(2UL << 20) >= count;
	if (!strcmp(need, "single"))
		return nodes_weight(&memory) == 1;
	if (sscanf(need, "slow=%d", &count) == 1)
		return nodes_weight(&memory) - nodes_weight(&fast) >= count;
	if (!strcmp(need, "cma"))
		return cma_node() >= 0;
	if (!strcmp(need, "offline"))
		return offline_block() >= 0;
	if (!strcmp(need, "uffdwp"))
		return has_uffd_wp();
	if (!strcmp(need, "thpswap"))
		return has_thp_swap();
	if (!strcmp(need, "failslab"))
		return !access("/proc/self/fail-nth", F_OK);

	fprintf(stderr, "# no such feature: %s\n", need);
	abort();
}

static inline bool has_features(const char *needs)
{
	char list[128], *save, *need;

	snprintf(list, sizeof(list), "%s", needs);
	for (need = strtok_r(list, " ", &save); need;
	     need = strtok_r(NULL, " ", &save)) {
		if (!has_feature(need))
			return false;
	}
	return true;
}

/* Leave a test as ASSERT_...() does: not without its teardown. */
static inline void leave(struct __test_metadata *_metadata)
{
	if (_metadata->teardown_fn)
		_metadata->teardown_fn(false, _metadata, _metadata->self,
				       _metadata->variant);
	_exit(_metadata->exit_code);
}

/*
 * Leave the test as skipped unless the machine has every feature in @needs, a
 * list separated by spaces:
 *
 *   nodes=N	at least N nodes with memory
 *   cpunodes=N	at least N nodes with both CPUs and memory
 *   cpuless	a node with memory and no CPU
 *   memless	a node with CPUs and no memory
 *   distances	a node with CPUs has three nodes with memory, itself included,
 *		at distances that all differ
 *   single	exactly one node with memory
 *   slow=N	at least N nodes of slower memory, to which reclaim demotes
 *   gigantic=N	at least N nodes with room for a huge page of 1 GiB
 *   cma	a node with a CMA area
 *   offline	memory of a node that has no other, plugged in but offline
 *   uffdwp	a kernel whose userfaultfd tells of writes
 *   thpswap	a kernel that writes large folios to swap whole
 *   failslab	a kernel whose allocations can be made to fail
 *
 * Who runs the tests knows the machine and reads the reason: a skip for want of
 * something that is there is a failure.
 */
#define REQUIRE(needs)						\
do {								\
	const char *_needs = (needs);				\
								\
	if (!has_features(_needs))				\
		SKIP(leave(_metadata), "needs %s", _needs);	\
} while (0)

#endif /* SELFTEST_SHMBIND_NODES_H */
