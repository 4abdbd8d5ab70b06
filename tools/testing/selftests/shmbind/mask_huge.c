// SPDX-License-Identifier: GPL-2.0
/*
 * MEM_MASKBIND on SHM_HUGETLB: the pools of the mask in order of distance, then
 * surplus pages, and no node outside the mask.
 */
#include "huge.h"

#define STARTS	12	/* of a stripe, each at another node */

FIXTURE(pool)
{
	struct huge_env env;
};

FIXTURE_SETUP(pool)
{
	REQUIRE("nodes=3");
	env_setup(_metadata, &self->env);
}

FIXTURE_TEARDOWN(pool)
{
	env_teardown(_metadata, &self->env);
}

static void open_mask(struct __test_metadata *_metadata, struct huge_env *env,
		      int pages, int policy, const struct nodemask *mask)
{
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, pages, 0,
			       policy | MEM_MASKBIND, mask));
}

/* Give the first two nodes one more page than the others; returns the sum. */
static int fill_unevenly(struct __test_metadata *_metadata,
			 struct huge_env *env)
{
	int count = 0, node;

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pool_set(HUGE, nth_node(i, &env->memory),
				      "nr_hugepages", SHARE + 1));
	for (node = -1; next_node(&node, &env->memory);)
		count += pool_count(HUGE, node, "free_hugepages");
	return count;
}

/* The pools of the mask are used up in order of distance. */
TEST_F(pool, nearest_pools_come_first)
{
	struct huge_env *env = &self->env;
	int count = SHARE * nodes_weight(&env->memory), nodes[count];
	int from = first_node(&env->cpus), node, last = 0;
	int chosen = firstref_node(from, &env->memory);

	open_mask(_metadata, env, count, MEM_FIRSTREF, &env->memory);
	ASSERT_EQ(0, run_on_node(from));
	ASSERT_EQ(count, touch_all(env->seg.addr, count, nodes));
	for (int i = 0; i < count; i++) {
		node = distance_between(chosen, nodes[i]);
		EXPECT_LE(last, node);
		last = node;
	}
	for (node = -1; next_node(&node, &env->memory);)
		EXPECT_EQ(0, pool_count(HUGE, node, "free_hugepages"));
}

/*
 * With the pools of the mask used up, an access gets SIGBUS. One page more in
 * the mask is enough for it.
 */
TEST_F(pool, pool_outside_the_mask_is_not_used)
{
	struct huge_env *env = &self->env;
	int count = SHARE * nodes_weight(&env->others), nodes[count + 1];
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		open_mask(_metadata, env, count + 1, policies[i],
			  &env->others);
		EXPECT_EQ(count, touch_all(env->seg.addr, count + 1, nodes));
		EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
		EXPECT_EQ(0, strays(nodes, count, &env->others));
		EXPECT_EQ(SHARE, pool_count(HUGE, env->victim,
					    "free_hugepages"));

		/* with one page more in the mask, the same access succeeds */
		ASSERT_EQ(0, pool_set(HUGE, first_node(&env->others),
				      "nr_hugepages", SHARE + 1));
		EXPECT_TRUE(try_touch(env->seg.addr, nth(count)));
		segment_remove(&env->seg);
		ASSERT_EQ(0, pool_set(HUGE, first_node(&env->others),
				      "nr_hugepages", SHARE));
	}
}

/* A stripe uses up pools that have exactly enough pages, wherever it begins. */
TEST_F(pool, stripe_uses_up_exact_pools)
{
	struct huge_env *env = &self->env;
	int count = fill_unevenly(_metadata, env), nodes[count];

	for (int start = 0; start < STARTS; start++) {
		open_mask(_metadata, env, count, MEM_STRIPE, &env->memory);
		EXPECT_EQ(count, touch_all(env->seg.addr, count, nodes));
		segment_remove(&env->seg);
	}
}

/* Threads use up pools that have exactly enough pages. */
TEST_F(pool, threads_use_up_exact_pools)
{
	struct huge_env *env = &self->env;
	int count = fill_unevenly(_metadata, env), nodes[nth(count)];
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct huge_toucher workers[8];

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		open_mask(_metadata, env, count, policies[i], &env->memory);
		touch_by_threads(_metadata, env, workers, ARRAY_SIZE(workers),
				 count);
		ASSERT_EQ(0, placement(env->seg.addr, nth(count), nodes));
		EXPECT_EQ(0, strays(nodes, nth(count), &env->memory));
		segment_remove(&env->seg);
	}
}

/*
 * A pool that was empty, since its pages were in use, gets one turn of each
 * round again, and no more.
 */
TEST_F(pool, refilled_pool_does_not_catch_up)
{
	struct huge_env *env = &self->env;
	int width = nodes_weight(&env->memory), nodes[NODES_MAX], done;
	struct nodemask victim = nodes_of(env->victim);

	/* pages in use by another segment keep the node a candidate */
	ASSERT_EQ(0, huge_open(&env->more, HUGE, SHARE, 0, MEM_HARDBIND,
			       &victim));
	for (int i = 0; i < SHARE; i++)
		ASSERT_TRUE(try_touch(env->more.addr, nth(i)));
	ASSERT_EQ(0, pools_fill(HUGE, &env->others, 2 * SHARE));

	open_mask(_metadata, env, 3 * width, MEM_STRIPE, &env->memory);
	for (done = 0; done < 2 * width; done++) {
		ASSERT_TRUE(try_touch(env->seg.addr, nth(done)));
		ASSERT_NE(env->victim, huge_node(env->seg.addr, done));
	}
	segment_remove(&env->more);
	for (int i = 0; i < width; i++) {
		ASSERT_TRUE(try_touch(env->seg.addr, nth(done + i)));
		nodes[i] = huge_node(env->seg.addr, done + i);
	}
	done = 0;
	for (int i = 0; i < width; i++)
		done += nodes[i] == env->victim;
	EXPECT_EQ(1, done);
	segment_remove(&env->seg);
	ASSERT_EQ(0, pools_fill(HUGE, &env->others, 0));
}

/* Surplus pages come after the pools of the mask, and only on its nodes. */
TEST_F(pool, surplus_pages_come_last_in_the_mask)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int a = first_node(&env->others), nodes[2 * SHARE + 2];
	int node, count = 2 * SHARE + 2;

	node_set(a, &mask);
	ASSERT_EQ(0, pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages", 2));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, SHM_NORESERVE,
			       MEM_STRIPE | MEM_MASKBIND, &mask));
	EXPECT_EQ(2 * SHARE, touch_all(env->seg.addr, 2 * SHARE, nodes));
	EXPECT_EQ(0, pool_count(HUGE, EVERYWHERE, "surplus_hugepages"));
	for (int huge = 2 * SHARE; huge < count; huge++) {
		ASSERT_TRUE(try_touch(env->seg.addr, nth(huge)));
		EXPECT_TRUE(node_isset(huge_node(env->seg.addr, huge), &mask));
	}
	EXPECT_EQ(2, pool_count(HUGE, EVERYWHERE, "surplus_hugepages"));
	for (node = -1; next_node(&node, &env->memory);) {
		if (!node_isset(node, &mask))
			EXPECT_EQ(0, pool_count(HUGE, node,
						"surplus_hugepages"));
	}
	segment_remove(&env->seg);
}

TEST_HARNESS_MAIN
