// SPDX-License-Identifier: GPL-2.0
/*
 * The nodes that can be chosen for a huge page of SHM_HUGETLB: those that have
 * one, free or in use, or whose pool can get one at a fault.
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

/* The victim's pool has no page, all others have SHARE. */
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

TEST_F(candidates, a_node_without_huge_pages_is_never_chosen)
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

TEST_F(candidates, a_stripe_is_even_on_the_nodes_that_have_huge_pages)
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

TEST_F(candidates, firstref_takes_the_nearest_node_that_has_huge_pages)
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

TEST_F(candidates, a_node_becomes_one_with_its_first_huge_page)
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
	/* what it missed is not made up for */
	EXPECT_EQ(0, spread(nodes, width, &env->memory));
}

TEST_F(candidates, a_node_whose_huge_pages_are_all_in_use_is_one)
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
		/* fallbacks to nodes that have pages left, as far as they go */
		EXPECT_EQ(SHARE * (width - 1) < count ? SHARE * (width - 1) :
			  count, done);
	} else {
		EXPECT_GT(width, done);
		segment_remove(&env->more);
		ASSERT_TRUE(try_touch(env->seg.addr, nth(done)));
		EXPECT_EQ(env->victim, huge_node(env->seg.addr, done));
	}
}

TEST_F(candidates, a_node_that_may_make_surplus_pages_is_one)
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
	/* SOFT takes what other pools have before */
	EXPECT_EQ(hard || count > SHARE * (width - 1),
		  !!pool_count(HUGE, env->victim, "surplus_hugepages"));
}

/* The one surplus page that may be made is in use elsewhere. */
TEST_F(candidates, at_the_limit_of_surplus_pages_it_is_not)
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

TEST_F(candidates, pools_and_cpuset_narrow_them_together)
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

TEST_F(candidates, without_any_hard_fails_and_soft_goes_elsewhere)
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
