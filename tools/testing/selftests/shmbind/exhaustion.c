// SPDX-License-Identifier: GPL-2.0
/* Masks with full nodes: when HARD fails, and which nodes SOFT takes. */
#include "full.h"

/* One node of the mask is full. */

FIXTURE(full)
{
	struct full_env env;
};

FIXTURE_SETUP(full)
{
	REQUIRE("nodes=2");
	env_setup(_metadata, &self->env);
	fill_victim(_metadata, &self->env);
}

FIXTURE_TEARDOWN(full)
{
	env_teardown(_metadata, &self->env);
}

/* HARD | FIRSTREF fails from CPUs near the full node, and nowhere else. */
TEST_F(full, hard_firstref_fails_on_full_node_only)
{
	struct full_env *env = &self->env;
	int here = node_that_prefers(victim, &env->memory);
	int there = node_that_prefers(first_node(&env->memory),
				      &env->memory);
	int page;

	if (here < 0 || there < 0)
		REQUIRE("cpunodes=2");
	open_bound(_metadata, env, SPARE, MEM_FIRSTREF | MEM_HARDBIND,
		   &env->memory);
	ASSERT_EQ(0, run_on_node(here));
	page = page_that_fails(_metadata, &env->seg);
	ASSERT_EQ(0, run_on_node(there));
	ASSERT_TRUE(try_touch(env->seg.addr, page));
	EXPECT_EQ(first_node(&env->memory), page_node(env->seg.addr, page));
	ASSERT_EQ(0, run_on_node(here));
	page_that_fails(_metadata, &env->seg);
}

/* HARD | MOSTFREE never chooses the full node. */
TEST_F(full, hard_mostfree_avoids_the_full_node)
{
	struct full_env *env = &self->env;

	open_bound(_metadata, env, TRIES, MEM_MOSTFREE | MEM_HARDBIND,
		   &env->memory);
	EXPECT_EQ(TRIES, try_touch_pages(env->seg.addr, TRIES));
	ASSERT_EQ(TRIES, count_placement(env->seg.addr, TRIES,
					 env->per_node));
	EXPECT_EQ(0, env->per_node[victim]);
}

static struct nodemask soft_nodes(struct __test_metadata *_metadata,
				  struct full_env *env,
				  const struct nodemask *mask)
{
	return nodes_used(_metadata, env, MEM_SOFTBIND, mask);
}

/* All @used nodes are the nearest of @allowed to the victim, or as near. */
static void expect_nearest(struct __test_metadata *_metadata,
			   struct nodemask used,
			   const struct nodemask *allowed)
{
	int node, nearest = nearest_node(victim, allowed);

	for (node = -1; next_node(&node, &used);) {
		EXPECT_TRUE(node_isset(node, allowed));
		EXPECT_EQ(distance_between(victim, nearest),
			  distance_between(victim, node));
	}
}

/* SOFT falls back to a candidate, even if nodes outside the mask are nearer. */
TEST_F(full, soft_prefers_candidates_to_near_nodes)
{
	struct full_env *env = &self->env;
	struct nodemask other, mask;
	int node;

	REQUIRE("nodes=3 cpunodes=2");
	for (node = -1; next_node(&node, &env->others);) {
		other = nodes_of(node);
		mask = nodes_of(node);
		node_set(victim, &mask);
		expect_nearest(_metadata, soft_nodes(_metadata, env, &mask),
			       &other);
	}
}

/* Of several candidates, SOFT falls back to the nearest. */
TEST_F(full, soft_takes_the_nearest_candidate)
{
	struct full_env *env = &self->env;
	struct nodemask other, mask;
	int a, b;

	REQUIRE("nodes=3 cpunodes=2");
	for (a = -1; next_node(&a, &env->others);) {
		for (b = a; next_node(&b, &env->others);) {
			other = nodes_of(a);
			node_set(b, &other);
			mask = other;
			node_set(victim, &mask);
			expect_nearest(_metadata,
				       soft_nodes(_metadata, env, &mask),
				       &other);
		}
	}
}

/* SOFT takes nodes outside the mask when no candidate has room. */
TEST_F(full, soft_leaves_a_full_mask)
{
	struct nodemask mask = nodes_of(victim), used;
	struct full_env *env = &self->env;

	used = soft_nodes(_metadata, env, &mask);
	EXPECT_FALSE(node_isset(victim, &used));
}

/*
 * SOFT takes the one candidate with room, wherever it is, and leaves the mask
 * if there is none.
 */
TEST_F(full, soft_passes_several_full_candidates)
{
	struct nodemask mask = nodes_of(victim), used;
	struct full_env *env = &self->env;
	int node;

	REQUIRE("nodes=3 cpunodes=2");
	env->taken_more = fill_node(&env->more, second);
	ASSERT_LT(0, env->taken_more);
	env->second = second;
	node_set(second, &mask);
	used = soft_nodes(_metadata, env, &mask);
	EXPECT_FALSE(node_isset(victim, &used));
	EXPECT_FALSE(node_isset(second, &used));

	/* a third candidate takes all pages, whatever its distance */
	for (node = -1; next_node(&node, &env->others);) {
		if (node == second)
			continue;
		node_set(node, &mask);
		used = soft_nodes(_metadata, env, &mask);
		node_clear(node, &mask);
		EXPECT_EQ(1, nodes_weight(&used));
		EXPECT_TRUE(node_isset(node, &used));
	}
}

/*
 * A process that joins a cpuset has its pages moved there, by the numbers of
 * their nodes. Some would go to the full node, and the kernel would warn. Pages
 * on nodes of the cpuset stay, so move them to @node first.
 */
static int join_with_pages_on(int node, struct full_env *env)
{
	struct nodemask to = nodes_of(node), from;

	from = nodes_andnot(memory_nodes(), to);
	node_clear(victim, &from);
	if (set_mempolicy(MPOL_BIND | MPOL_F_STATIC_NODES, to.bits,
			  NODES_MAX) ||
	    migrate_pages(0, NODES_MAX, from.bits, to.bits) < 0)
		return -1;
	return cgroup_join(&env->cpuset);
}

/* SOFT falls back to nodes of the task's cpuset only. */
TEST_F(full, soft_stays_in_the_cpuset)
{
	struct nodemask mask = nodes_of(victim), inside, used;
	struct full_env *env = &self->env;
	int node, child;

	REQUIRE("nodes=3");
	ASSERT_EQ(0, cgroup_create(&env->cpuset, "cpuset"));
	for (node = -1; next_node(&node, &env->others);) {
		inside = nodes_of(node);
		node_set(victim, &inside);
		ASSERT_EQ(0, cgroup_set_mems(&env->cpuset, &inside));
		child = fork();
		if (child == 0) {
			ASSERT_EQ(0, join_with_pages_on(node, env));
			used = soft_nodes(_metadata, env, &mask);
			_exit(nodes_weight(&used) == 1 &&
			      node_isset(node, &used) ? 0 : 1);
		}
		EXPECT_EQ(0, wait_for(child));
	}
}

/* SOFT uses the chosen node again as soon as it has room. */
TEST_F(full, soft_returns_once_its_node_has_room)
{
	struct nodemask mask = nodes_of(victim), used;
	struct full_env *env = &self->env;

	ASSERT_EQ(0, give_back(&env->ballast));
	used = soft_nodes(_metadata, env, &mask);
	EXPECT_EQ(1, nodes_weight(&used));
	EXPECT_TRUE(node_isset(victim, &used));
}

/* Nodes that a segment fills. */

FIXTURE(filling)
{
	struct full_env env;
};

FIXTURE_SETUP(filling)
{
	REQUIRE("nodes=2");
	env_setup(_metadata, &self->env);
}

FIXTURE_TEARDOWN(filling)
{
	env_teardown(_metadata, &self->env);
}

/* HARD | MOSTFREE uses up all nodes of the mask evenly before it fails. */
TEST_F(filling, hard_mostfree_levels_nodes_then_fails)
{
	struct full_env *env = &self->env;
	struct nodemask mask = nodes_of(victim);
	int pages = node_pages(victim), done;

	REQUIRE("nodes=3");
	node_set(second, &mask);
	ASSERT_EQ(0, catch_sigbus());
	open_bound(_metadata, env, pages, MEM_MOSTFREE | MEM_HARDBIND, &mask);
	done = page_that_fails(_metadata, &env->seg);
	ASSERT_EQ(done, count_placement(env->seg.addr, done,
					env->per_node));
	EXPECT_EQ(done, env->per_node[victim] + env->per_node[second]);
	/* one node has no page left, the other only its reserve */
	EXPECT_GE(SPARE, labs(node_free_pages(victim) -
			      node_free_pages(second)));
	if (take_pages(&env->spare, victim, SPARE) == SPARE)
		EXPECT_GT(SPARE, take_pages(&env->more, second, SPARE));
}

int main(int argc, char **argv)
{
	settle_memory();
	take_most_of_two();
	return test_harness_run(argc, argv);
}
