// SPDX-License-Identifier: GPL-2.0
/*
 * The candidates for a huge page of SHM_HUGETLB: nodes that have one, free or
 * in use, or whose pool can get one at a fault.
 */
#include "huge.h"

static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };

FIXTURE(candidates)
{
	struct huge_env env;
};

FIXTURE_VARIANT(candidates)
{
	int strength;
};

FIXTURE_VARIANT_ADD(candidates, hard)	{ .strength = MEM_HARDBIND };
FIXTURE_VARIANT_ADD(candidates, soft)	{ .strength = MEM_SOFTBIND };

/* The victim's pool is empty; all others have SHARE pages. */
FIXTURE_SETUP(candidates)
{
	struct huge_env *env = &self->env;

	REQUIRE("nodes=2");
	env_setup(_metadata, env);
	ASSERT_EQ(0, pool_set(HUGE, env->victim, "nr_hugepages", 0));
}

FIXTURE_TEARDOWN(candidates)
{
	env_teardown(_metadata, &self->env);
}

/* A node whose pool is empty is never chosen. */
TEST_F(candidates, node_without_huge_pages_is_not_chosen)
{
	struct huge_env *env = &self->env;
	int count = SHARE * nodes_weight(&env->others), nodes[count], touched;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0,
				       policies[i] | variant->strength,
				       &env->memory));
		touched = policies[i] == MEM_FIRSTREF ? SHARE : count;
		ASSERT_EQ(touched, touch_all(env->seg.addr, touched, nodes));
		EXPECT_EQ(0, strays(nodes, touched, &env->others));
		segment_remove(&env->seg);
	}
}

/* A stripe is even on the nodes whose pools have pages. */
TEST_F(candidates, stripe_is_even_on_nodes_with_pages)
{
	struct huge_env *env = &self->env;
	int count = SHARE * nodes_weight(&env->others), nodes[count];

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0,
			       MEM_STRIPE | variant->strength, &env->memory));
	for (int i = 0; i < count; i++) {
		ASSERT_TRUE(try_touch(env->seg.addr, nth(i)));
		nodes[i] = huge_node(env->seg.addr, i);
		ASSERT_GE(1, spread(nodes, i + 1, &env->others));
	}
	EXPECT_EQ(0, strays(nodes, count, &env->others));
}

/* FIRSTREF takes the nearest node whose pool has pages. */
TEST_F(candidates, firstref_takes_nearest_node_with_pages)
{
	struct huge_env *env = &self->env;
	int node;

	for (node = -1; next_node(&node, &env->cpus);) {
		ASSERT_EQ(0, huge_open(&env->seg, HUGE, 1, 0,
				       variant->strength, &env->memory));
		ASSERT_EQ(0, run_on_node(node));
		ASSERT_TRUE(try_touch(env->seg.addr, 0));
		EXPECT_EQ(firstref_node(node, &env->others),
			  huge_node(env->seg.addr, 0));
		segment_remove(&env->seg);
	}
}

/* A node becomes a candidate with its first page, and does not catch up. */
TEST_F(candidates, node_joins_with_its_first_page)
{
	struct huge_env *env = &self->env;
	int width = nodes_weight(&env->memory), nodes[NODES_MAX] = {}, done;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, 2 * width - 1, 0,
			       MEM_STRIPE | variant->strength, &env->memory));
	for (done = 0; done < width - 1; done++)
		ASSERT_TRUE(try_touch(env->seg.addr, nth(done)));
	ASSERT_EQ(0, pool_set(HUGE, env->victim, "nr_hugepages", 1));
	for (int i = 0; i < width; i++) {
		ASSERT_TRUE(try_touch(env->seg.addr, nth(done + i)));
		nodes[i] = huge_node(env->seg.addr, done + i);
	}
	/* the node does not catch up */
	EXPECT_EQ(0, spread(nodes, width, &env->memory));
}

/* A node is a candidate although all pages of its pool are in use. */
TEST_F(candidates, node_with_pages_in_use_is_a_candidate)
{
	struct nodemask mask = nodes_of(self->env.victim);
	struct huge_env *env = &self->env;
	int width = nodes_weight(&env->memory), count = 2 * width;
	bool hard = variant->strength == MEM_HARDBIND;
	int nodes[count], done;

	ASSERT_EQ(0, pool_set(HUGE, env->victim, "nr_hugepages", 1));
	ASSERT_EQ(0, huge_open(&env->more, HUGE, 1, 0, MEM_HARDBIND, &mask));
	ASSERT_TRUE(try_touch(env->more.addr, 0));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, SHM_NORESERVE,
			       MEM_STRIPE | variant->strength, &env->memory));
	done = touch_all(env->seg.addr, count, nodes);
	if (!hard) {
		/* fallbacks to other nodes until their pools are empty, too */
		EXPECT_EQ(SHARE * (width - 1) < count ? SHARE * (width - 1) :
			  count, done);
	} else {
		EXPECT_GT(width, done);
		segment_remove(&env->more);
		ASSERT_TRUE(try_touch(env->seg.addr, nth(done)));
		EXPECT_EQ(env->victim, huge_node(env->seg.addr, done));
	}
}

/* A node without pages is a candidate if surplus pages are allowed. */
TEST_F(candidates, node_that_may_add_surplus_is_candidate)
{
	struct huge_env *env = &self->env;
	int width = nodes_weight(&env->memory), count = 2 * width;
	bool hard = variant->strength == MEM_HARDBIND;
	int nodes[count];

	ASSERT_EQ(0, pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages", 2));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, SHM_NORESERVE,
			       MEM_STRIPE | variant->strength, &env->memory));
	ASSERT_EQ(count, touch_all(env->seg.addr, count, nodes));
	if (hard)
		EXPECT_EQ(0, spread(nodes, count, &env->memory));
	/* SOFT takes the pages of other pools first */
	EXPECT_EQ(hard || count > SHARE * (width - 1),
		  !!pool_count(HUGE, env->victim, "surplus_hugepages"));
}

/* A node is not a candidate if the last surplus page is in use elsewhere. */
TEST_F(candidates, node_at_surplus_limit_is_no_candidate)
{
	struct huge_env *env = &self->env;
	int taken = first_node(&env->others), count, nodes[SHARE + 1];
	struct nodemask taken_mask = nodes_of(taken), rest;

	REQUIRE("nodes=3");
	rest = nodes_andnot(env->others, taken_mask);
	count = SHARE * nodes_weight(&rest);
	ASSERT_EQ(0, pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages", 1));
	ASSERT_EQ(0, huge_open(&env->more, HUGE, SHARE + 1, SHM_NORESERVE,
			       MEM_HARDBIND, &taken_mask));
	ASSERT_EQ(SHARE + 1, touch_all(env->more.addr, SHARE + 1, nodes));
	ASSERT_EQ(1, pool_count(HUGE, taken, "surplus_hugepages"));

	node_set(env->victim, &rest);
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0,
			       MEM_STRIPE | variant->strength, &rest));
	for (int i = 0; i < count; i++) {
		ASSERT_TRUE(try_touch(env->seg.addr, nth(i)));
		EXPECT_NE(env->victim, huge_node(env->seg.addr, i));
	}
	EXPECT_EQ(1, pool_count(HUGE, EVERYWHERE, "surplus_hugepages"));
}

/* A candidate has pages and belongs to the task's cpuset. */
TEST_F(candidates, pools_and_cpuset_limit_together)
{
	struct huge_env *env = &self->env;
	int node = first_node(&env->others);
	struct nodemask want = nodes_of(node), inside = want;
	pid_t pid;

	node_set(env->victim, &inside);
	ASSERT_EQ(0, cgroup_create(&env->cgroup, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&env->cgroup, &inside));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, SHARE, 0,
			       MEM_STRIPE | variant->strength, &env->memory));
	pid = fork();
	if (!pid) {
		int nodes[SHARE];

		if (cgroup_join(&env->cgroup) ||
		    touch_all(env->seg.addr, SHARE, nodes) != SHARE)
			_exit(1);
		_exit(strays(nodes, SHARE, &want) ? 2 : 0);
	}
	EXPECT_EQ(0, wait_for(pid));
}

/* Without a candidate, HARD fails and SOFT takes another node. */
TEST_F(candidates, no_candidate_fails_hard_but_not_soft)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	bool soft = variant->strength == MEM_SOFTBIND;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, huge_open(&env->seg, HUGE, 1, 0,
				       policies[i] | variant->strength, &mask));
		EXPECT_EQ(soft, try_touch(env->seg.addr, 0));
		if (soft)
			EXPECT_NE(env->victim, huge_node(env->seg.addr, 0));
		segment_remove(&env->seg);
	}
}

TEST_HARNESS_MAIN
