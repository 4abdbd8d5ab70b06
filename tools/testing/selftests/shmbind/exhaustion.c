// SPDX-License-Identifier: GPL-2.0
/* Masks that have full nodes: where HARD fails, and where SOFT goes. */
#include "full.h"

/* A mask of which one node is full. */

FIXTURE(full)
{
	struct scene scene;
};

FIXTURE_SETUP(full)
{
	REQUIRE("nodes=2");
	set_scene(_metadata, &self->scene);
	fill_victim(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(full)
{
	clear_scene(_metadata, &self->scene);
}

TEST_F(full, hard_firstref_fails_there_and_only_there)
{
	struct scene *scene = &self->scene;
	int here = node_that_prefers(victim, &scene->memory);
	int there = node_that_prefers(first_node(&scene->memory),
				      &scene->memory);
	int page;

	if (here < 0 || there < 0)
		REQUIRE("cpunodes=2");
	open_bound(_metadata, scene, SPARE, MEM_FIRSTREF | MEM_HARDBIND,
		   &scene->memory);
	ASSERT_EQ(0, run_on_node(here));
	page = page_that_fails(_metadata, &scene->seg);
	ASSERT_EQ(0, run_on_node(there));
	ASSERT_TRUE(try_touch(scene->seg.addr, page));
	EXPECT_EQ(first_node(&scene->memory), page_node(scene->seg.addr, page));
	ASSERT_EQ(0, run_on_node(here));
	page_that_fails(_metadata, &scene->seg);
}

TEST_F(full, hard_mostfree_passes_it_by)
{
	struct scene *scene = &self->scene;

	open_bound(_metadata, scene, TRIES, MEM_MOSTFREE | MEM_HARDBIND,
		   &scene->memory);
	EXPECT_EQ(TRIES, try_touch_pages(scene->seg.addr, TRIES));
	ASSERT_EQ(TRIES, count_placement(scene->seg.addr, TRIES,
					 scene->per_node));
	EXPECT_EQ(0, scene->per_node[victim]);
}

static struct nodemask soft_nodes(struct __test_metadata *_metadata,
				  struct scene *scene,
				  const struct nodemask *mask)
{
	return nodes_used(_metadata, scene, MEM_SOFTBIND, mask);
}

/* Only nodes of @allowed that are as near to the victim as the nearest. */
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

TEST_F(full, soft_goes_to_another_candidate_before_nearer_strangers)
{
	struct scene *scene = &self->scene;
	struct nodemask other, mask;
	int node;

	REQUIRE("nodes=3 cpunodes=2");
	for (node = -1; next_node(&node, &scene->others);) {
		other = nodes_of(node);
		mask = nodes_of(node);
		node_set(victim, &mask);
		expect_nearest(_metadata, soft_nodes(_metadata, scene, &mask),
			       &other);
	}
}

TEST_F(full, soft_goes_to_the_nearest_of_several_candidates)
{
	struct scene *scene = &self->scene;
	struct nodemask other, mask;
	int a, b;

	REQUIRE("nodes=3 cpunodes=2");
	for (a = -1; next_node(&a, &scene->others);) {
		for (b = a; next_node(&b, &scene->others);) {
			other = nodes_of(a);
			node_set(b, &other);
			mask = other;
			node_set(victim, &mask);
			expect_nearest(_metadata,
				       soft_nodes(_metadata, scene, &mask),
				       &other);
		}
	}
}

TEST_F(full, soft_goes_to_strangers_when_no_candidate_has_room)
{
	struct nodemask mask = nodes_of(victim), used;
	struct scene *scene = &self->scene;

	used = soft_nodes(_metadata, scene, &mask);
	EXPECT_FALSE(node_isset(victim, &used));
}

TEST_F(full, soft_passes_several_full_candidates)
{
	struct nodemask mask = nodes_of(victim), used;
	struct scene *scene = &self->scene;
	int node;

	REQUIRE("nodes=3 cpunodes=2");
	scene->taken_more = fill_node(&scene->more, second);
	ASSERT_LT(0, scene->taken_more);
	scene->second = second;
	node_set(second, &mask);
	used = soft_nodes(_metadata, scene, &mask);
	EXPECT_FALSE(node_isset(victim, &used));
	EXPECT_FALSE(node_isset(second, &used));

	/* a third candidate takes all of it, however far it is */
	for (node = -1; next_node(&node, &scene->others);) {
		if (node == second)
			continue;
		node_set(node, &mask);
		used = soft_nodes(_metadata, scene, &mask);
		node_clear(node, &mask);
		EXPECT_EQ(1, nodes_weight(&used));
		EXPECT_TRUE(node_isset(node, &used));
	}
}

/*
 * The pages of who joins a cpuset are moved into it, by their nodes' numbers
 * and so to its full node too, and the kernel warns that they do not fit. What
 * lies inside already is left where it is.
 */
static int join_with_pages_on(int node, struct scene *scene)
{
	struct nodemask to = nodes_of(node), from;

	from = nodes_andnot(memory_nodes(), to);
	node_clear(victim, &from);
	if (set_mempolicy(MPOL_BIND | MPOL_F_STATIC_NODES, to.bits,
			  NODES_MAX) ||
	    migrate_pages(0, NODES_MAX, from.bits, to.bits) < 0)
		return -1;
	return cgroup_join(&scene->cpuset);
}

TEST_F(full, soft_stays_in_the_cpuset)
{
	struct nodemask mask = nodes_of(victim), inside, used;
	struct scene *scene = &self->scene;
	int node, child;

	REQUIRE("nodes=3");
	ASSERT_EQ(0, cgroup_create(&scene->cpuset, "cpuset"));
	for (node = -1; next_node(&node, &scene->others);) {
		inside = nodes_of(node);
		node_set(victim, &inside);
		ASSERT_EQ(0, cgroup_set_mems(&scene->cpuset, &inside));
		child = fork();
		if (child == 0) {
			ASSERT_EQ(0, join_with_pages_on(node, scene));
			used = soft_nodes(_metadata, scene, &mask);
			_exit(nodes_weight(&used) == 1 &&
			      node_isset(node, &used) ? 0 : 1);
		}
		EXPECT_EQ(0, wait_for(child));
	}
}

TEST_F(full, soft_comes_back_once_it_has_room)
{
	struct nodemask mask = nodes_of(victim), used;
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, give_back(&scene->ballast));
	used = soft_nodes(_metadata, scene, &mask);
	EXPECT_EQ(1, nodes_weight(&used));
	EXPECT_TRUE(node_isset(victim, &used));
}

/* Nodes on the way to being full. */

FIXTURE(filling)
{
	struct scene scene;
};

FIXTURE_SETUP(filling)
{
	REQUIRE("nodes=2");
	set_scene(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(filling)
{
	clear_scene(_metadata, &self->scene);
}

TEST_F(filling, hard_mostfree_levels_its_nodes_and_then_fails)
{
	struct scene *scene = &self->scene;
	struct nodemask mask = nodes_of(victim);
	int pages = node_pages(victim), done;

	REQUIRE("nodes=3");
	node_set(second, &mask);
	ASSERT_EQ(0, catch_sigbus());
	open_bound(_metadata, scene, pages, MEM_MOSTFREE | MEM_HARDBIND, &mask);
	done = page_that_fails(_metadata, &scene->seg);
	ASSERT_EQ(done, count_placement(scene->seg.addr, done,
					scene->per_node));
	EXPECT_EQ(done, scene->per_node[victim] + scene->per_node[second]);
	/* one had no more to give, and the other no more than that */
	EXPECT_GE(SPARE, labs(node_free_pages(victim) -
			      node_free_pages(second)));
	if (take_pages(&scene->spare, victim, SPARE) == SPARE)
		EXPECT_GT(SPARE, take_pages(&scene->more, second, SPARE));
}

int main(int argc, char **argv)
{
	settle_memory();
	take_most_of_two();
	return test_harness_run(argc, argv);
}
