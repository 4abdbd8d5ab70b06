/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Full nodes. main() calls take_most_of_two() once, so each test has little
 * left to fill. The other nodes keep their memory.
 */
#ifndef SELFTEST_SHMBIND_FULL_H
#define SELFTEST_SHMBIND_FULL_H

#include <pthread.h>

#include "ballast.h"
#include "cgroup.h"
#include "expected.h"

#define LEFT	4096	/* pages that take_most_of_two() leaves of a node */
#define SPARE	128	/* pages that a test can free on a full node */
#define TRIES	32
#define TOUCHED	64	/* pages of a segment whose chosen node is full */
#define FEW	16	/* of them that may still fit on that node */

static int victim, second;	/* the nodes that are filled */

static inline long node_file_pages(int node)
{
	return node_counter(node, "vmstat", "nr_inactive_file") +
	       node_counter(node, "vmstat", "nr_active_file");
}

static inline long oom_kills(void)
{
	return event_count("oom_kill");
}

struct full_env {
	struct nodemask memory;
	struct nodemask others;		/* all but the victim */
	struct segment spare, ballast, more;	/* memory taken from nodes */
	struct segment seg;		/* the segment under test */
	struct cgroup cpuset;
	int second;			/* full too, or -1 */
	long taken;			/* pages of the ballast */
	long taken_more;
	long kills;
	long per_node[NODES_MAX];
};

static inline void env_setup(struct __test_metadata *_metadata,
			     struct full_env *env)
{
	struct nodemask cpus = cpu_nodes();

	ASSERT_EQ(0, own_ipc_namespace());
	env->memory = memory_nodes();
	env->others = nodes_andnot(env->memory, nodes_of(victim));
	env->second = -1;
	env->kills = oom_kills();
	/* page tables and the like must not come from the full node */
	ASSERT_EQ(0, run_on_node(first_node(&cpus)));
}

static inline void fill_victim(struct __test_metadata *_metadata,
			       struct full_env *env)
{
	ASSERT_EQ(SPARE, take_pages(&env->spare, victim, SPARE));
	env->taken = fill_node(&env->ballast, victim);
	ASSERT_LT(0, env->taken);
}

static inline void env_teardown(struct __test_metadata *_metadata,
				struct full_env *env)
{
	segment_detach(&env->seg);
	segment_detach(&env->spare);
	segment_detach(&env->more);
	segment_detach(&env->ballast);
	cgroup_remove(&env->cpuset);
	EXPECT_EQ(env->kills, oom_kills());
}

static inline void open_bound(struct __test_metadata *_metadata,
			      struct full_env *env, int pages, int policy,
			      const struct nodemask *mask)
{
	ASSERT_EQ(0, segment_open(&env->seg, pages, policy, mask));
	ASSERT_EQ(0, segment_rmid(&env->seg));
}

/* Touch pages until one gets SIGBUS; returns its number. */
static inline int page_that_fails(struct __test_metadata *_metadata,
				  const struct segment *seg)
{
	int pages = seg->size / page_size();
	int page = try_touch_pages(seg->addr, pages);

	ASSERT_GT(pages, page);
	return page;
}

/*
 * The nodes that a segment uses if it is touched on a CPU that chooses the
 * victim. A few pages that the kernel may reclaim on a full node do not count.
 */
static inline struct nodemask nodes_used(struct __test_metadata *_metadata,
					 struct full_env *env, int strength,
					 const struct nodemask *mask)
{
	int from = node_that_prefers(victim, mask);
	struct nodemask used = {};

	ASSERT_LE(0, from);
	open_bound(_metadata, env, TOUCHED, MEM_FIRSTREF | strength, mask);
	env->taken = top_up(&env->ballast, env->taken);
	env->taken_more = top_up(&env->more, env->taken_more);
	ASSERT_EQ(0, run_on_node(from));
	EXPECT_EQ(TOUCHED, try_touch_pages(env->seg.addr, TOUCHED));
	ASSERT_EQ(TOUCHED, count_placement(env->seg.addr, TOUCHED,
					   env->per_node));
	ASSERT_EQ(0, segment_detach(&env->seg));
	for (int node = 0; node < NODES_MAX; node++) {
		bool full = node == victim || node == env->second;

		if (env->per_node[node] > (full ? FEW : 0))
			node_set(node, &used);
	}
	return used;
}

struct taker {
	pthread_t thread;
	struct segment ballast;
	int node;
};

static inline void *take_most(void *arg)
{
	struct taker *taker = arg;

	take_all_but(&taker->ballast, taker->node, LEFT);
	return NULL;
}

/* Errors are not checked: the tests notice a node that is not nearly full. */
static inline void take_most_of_two(void)
{
	struct nodemask memory = memory_nodes(), rest;
	int count = nodes_weight(&memory) > 2 ? 2 : 1;
	static struct taker takers[2];

	victim = victim_node();
	if (nodes_weight(&memory) < 2)
		return;
	rest = nodes_andnot(memory, nodes_of(victim));
	second = last_node(&rest);
	takers[0].node = victim;
	takers[1].node = second;
	for (int i = 0; i < count; i++)
		pthread_create(&takers[i].thread, NULL, take_most, &takers[i]);
	for (int i = 0; i < count; i++)
		pthread_join(takers[i].thread, NULL);
}

#endif /* SELFTEST_SHMBIND_FULL_H */
