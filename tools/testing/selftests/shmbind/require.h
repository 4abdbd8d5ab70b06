/* SPDX-License-Identifier: GPL-2.0 */
/* What a test needs of the machine: REQUIRE() skips it elsewhere. */
#ifndef SELFTEST_SHMBIND_REQUIRE_H
#define SELFTEST_SHMBIND_REQUIRE_H

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "hotplug.h"
#include "nodes.h"

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

/* The number of nodes with at least @kib KiB of memory. */
static inline int large_nodes(size_t kib)
{
	struct nodemask memory = memory_nodes();
	int node, count = 0;

	for (node = -1; next_node(&node, &memory);)
		count += node_kib(node) >= kib;
	return count;
}

/* Can userfaultfd track writes? Not all architectures support it. */
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

/* Are large folios swapped out whole? The kernel has no file that says so. */
static inline bool has_thp_swap(void)
{
#ifdef __powerpc__
	return false;
#else
	return true;
#endif
}

/* For what no file of the kernel tells. */
static inline bool linux_is_since(int major, int minor)
{
	struct utsname name;
	int is_major, is_minor;

	return !uname(&name) &&
	       sscanf(name.release, "%d.%d", &is_major, &is_minor) == 2 &&
	       (is_major > major || (is_major == major && is_minor >= minor));
}

/* Does the machine have @need, one of the features listed at REQUIRE()? */
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
	if (!strcmp(need, "thpswapin"))
		return has_thp_swap() && linux_is_since(6, 14);
	if (!strcmp(need, "shmemorders"))
		return linux_is_since(6, 14);
	if (!strcmp(need, "autoweights"))
		return !access("/sys/kernel/mm/mempolicy/weighted_interleave/auto",
			       F_OK);
	if (!strcmp(need, "gigasurplus"))
		return linux_is_since(6, 18);
	if (!strcmp(need, "damonvaddr"))
		return linux_is_since(6, 18);
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

/*
 * Skip the test unless the machine has every feature in @needs, a list
 * separated by spaces. For use in a test or its setup, from which it returns.
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
 *   uffdwp	a kernel whose userfaultfd tracks writes
 *   thpswap	a kernel that writes large folios to swap in one piece
 *   thpswapin	a kernel that reads large folios of shmem from swap in one piece
 *   shmemorders	a kernel whose shmem_enabled makes folios of every order
 *   autoweights	a kernel that computes the weights of weighted interleave
 *   gigasurplus	a kernel that makes surplus pages of 1 GiB
 *   damonvaddr	a kernel whose DAMON moves the memory of a process
 *   failslab	a kernel whose allocations can be made to fail
 *
 * The harness knows the machine and reads the reason of a skip. If the machine
 * has all that the test needs, the skip is a failure.
 */
#define REQUIRE(needs)						\
do {								\
	const char *_needs = (needs);				\
								\
	if (!has_features(_needs))				\
		SKIP(return, "needs %s", _needs);		\
} while (0)

#endif /* SELFTEST_SHMBIND_REQUIRE_H */
