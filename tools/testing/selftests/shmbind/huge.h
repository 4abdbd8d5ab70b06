/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the tests of SHM_HUGETLB: pools of huge pages of 2 MiB on all nodes, and
 * accesses to huge pages.
 */
#ifndef SELFTEST_SHMBIND_HUGE_H
#define SELFTEST_SHMBIND_HUGE_H

#include <pthread.h>

#include "cgroup.h"
#include "expected.h"
#include "pool.h"

#define HUGE	(2UL << 20)	/* bytes */
#define SHARE	3		/* huge pages in the pool of each node */

struct huge_env {
	struct nodemask memory, cpus;
	struct nodemask others;		/* all but the victim */
	int victim;			/* the node whose pool is used up */
	struct segment seg, more;
	struct cgroup cgroup;
	long reserved;			/* huge pages, before the test */
};

static inline void env_setup(struct __test_metadata *_metadata,
			     struct huge_env *env)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	env->memory = memory_nodes();
	env->cpus = cpu_nodes();
	env->victim = last_node(&env->memory);
	env->others = nodes_andnot(env->memory, nodes_of(env->victim));
	env->seg.id = -1;
	env->more.id = -1;
	ASSERT_EQ(0, pools_fill(HUGE, &env->memory, SHARE));
	env->reserved = pool_count(HUGE, EVERYWHERE, "resv_hugepages");
}

static inline void env_teardown(struct __test_metadata *_metadata,
				struct huge_env *env)
{
	int node;

	segment_remove(&env->seg);
	segment_remove(&env->more);
	cgroup_remove(&env->cgroup);
	EXPECT_EQ(env->reserved,
		  pool_count(HUGE, EVERYWHERE, "resv_hugepages"));
	EXPECT_EQ(0, pool_count(HUGE, EVERYWHERE, "surplus_hugepages"));
	pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages", 0);
	for (node = -1; next_node(&node, &env->memory);)
		EXPECT_EQ(pool_count(HUGE, node, "nr_hugepages"),
			  pool_count(HUGE, node, "free_hugepages"));
	EXPECT_EQ(0, pools_fill(HUGE, &env->memory, 0));
}

/* The number of the first base page of a huge page. */
static inline size_t nth(size_t huge)
{
	return huge * (HUGE / page_size());
}

static inline int huge_node(char *addr, size_t huge)
{
	return page_node(addr, nth(huge));
}

static inline int touch_and_look(char *addr, size_t huge)
{
	touch_page(addr, nth(huge));
	return huge_node(addr, huge);
}

/*
 * Touch huge pages in order until the first SIGBUS. Returns how many were
 * touched, with their nodes in @nodes.
 */
static inline int touch_all(char *addr, int count, int *nodes)
{
	int huge = 0;

	while (huge < count && try_touch(addr, nth(huge))) {
		nodes[huge] = huge_node(addr, huge);
		huge++;
	}
	return huge;
}

/* Touch a huge page in another process, which attaches; returns the node. */
static inline int touch_elsewhere(int shmid, size_t huge, int node)
{
	pid_t pid = fork();
	char *addr;

	if (!pid) {
		addr = shmat(shmid, NULL, 0);
		if (addr == (char *)-1 || run_on_node(node))
			_exit(255);
		_exit(touch_and_look(addr, huge));
	}
	return wait_for(pid);
}

struct huge_toucher {
	pthread_t thread;
	char *addr;
	int node, first, step, count;
};

static inline void *work(void *arg)
{
	struct huge_toucher *worker = arg;

	run_on_node(worker->node);
	for (int i = worker->first; i < worker->count; i += worker->step)
		touch_page(worker->addr, nth(i));
	return NULL;
}

/* Have threads touch @count pages, each its share, and wait for them. */
static inline void touch_by_threads(struct __test_metadata *_metadata,
				    struct huge_env *env,
				    struct huge_toucher *workers, int threads,
				    int count)
{
	for (int i = 0; i < threads; i++) {
		workers[i] = (struct huge_toucher) {
			.addr = env->seg.addr,
			.node = nth_node(i % nodes_weight(&env->cpus),
					 &env->cpus),
			.first = i, .step = threads, .count = count,
		};
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work,
					    &workers[i]));
	}
	for (int i = 0; i < threads; i++)
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
}

#endif /* SELFTEST_SHMBIND_HUGE_H */
