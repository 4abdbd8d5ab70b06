// SPDX-License-Identifier: GPL-2.0
/*
 * Surplus huge pages. If a reservation exceeds the pools, shmget(2) allocates
 * them near its caller, as the segment is not bound yet. A fault on a bound
 * segment exchanges them for pages of the node that it chooses.
 */
#include "ballast.h"
#include "huge.h"

#define PAGES	4		/* huge pages, all of which are surplus */

FIXTURE(surplus)
{
	struct huge_env env;
	int creator;		/* the node that shmget(2) is called on */
};

FIXTURE_VARIANT(surplus)
{
	int strength;
};

FIXTURE_VARIANT_ADD(surplus, hard)	{ .strength = MEM_HARDBIND };
FIXTURE_VARIANT_ADD(surplus, soft)	{ .strength = MEM_SOFTBIND };

/* Empty all pools, and allow as many surplus pages as a segment has. */
static void empty_pools(struct __test_metadata *_metadata, struct huge_env *env)
{
	settle_memory();
	env_setup(_metadata, env);
	ASSERT_EQ(0, pools_fill(HUGE, &env->memory, 0));
	ASSERT_EQ(0, pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages",
			      PAGES));
}

FIXTURE_SETUP(surplus)
{
	REQUIRE("nodes=2");
	empty_pools(_metadata, &self->env);
	self->creator = first_node(&self->env.cpus);
	ASSERT_EQ(0, run_on_node(self->creator));
}

FIXTURE_TEARDOWN(surplus)
{
	env_teardown(_metadata, &self->env);
}

static long surplus_of(int node)
{
	return pool_count(HUGE, node, "surplus_hugepages");
}

/* There are @pages huge pages, all of them in use, and no reservation. */
static void expect_all_in_use(struct __test_metadata *_metadata, long pages)
{
	EXPECT_EQ(pages, surplus_of(EVERYWHERE));
	EXPECT_EQ(pages, pool_count(HUGE, EVERYWHERE, "nr_hugepages"));
	EXPECT_EQ(0, pool_count(HUGE, EVERYWHERE, "free_hugepages"));
	EXPECT_EQ(0, pool_count(HUGE, EVERYWHERE, "resv_hugepages"));
}

/* All pages of the reservation exist, none of them on the victim. */
static void expect_reserved(struct __test_metadata *_metadata, int victim)
{
	EXPECT_EQ(PAGES, surplus_of(EVERYWHERE));
	EXPECT_EQ(0, surplus_of(victim));
	EXPECT_EQ(PAGES, pool_count(HUGE, EVERYWHERE, "free_hugepages"));
	EXPECT_EQ(PAGES, pool_count(HUGE, EVERYWHERE, "resv_hugepages"));
}

/*
 * Surplus pages that shmget() reserved elsewhere are exchanged for pages of the
 * bound node, at the limit of surplus pages.
 */
TEST_F(surplus, reserved_pages_move_to_bound_node)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int nodes[PAGES];

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, PAGES, 0, variant->strength,
			       &mask));
	expect_reserved(_metadata, env->victim);
	ASSERT_EQ(PAGES, touch_all(env->seg.addr, PAGES, nodes));
	EXPECT_EQ(0, strays(nodes, PAGES, &mask));
	EXPECT_EQ(PAGES, surplus_of(env->victim));
	expect_all_in_use(_metadata, PAGES);

	segment_remove(&env->seg);
	EXPECT_EQ(0, pool_count(HUGE, EVERYWHERE, "nr_hugepages"));
}

/* Surplus pages of a reservation are exchanged for an even stripe. */
TEST_F(surplus, reserved_pages_make_an_even_stripe)
{
	struct huge_env *env = &self->env;
	int width = nodes_weight(&env->memory), count = 2 * width;
	int nodes[count];

	ASSERT_EQ(0, pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages",
			      count));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0,
			       MEM_STRIPE | variant->strength, &env->memory));
	for (int i = 0; i < count; i++) {
		ASSERT_TRUE(try_touch(env->seg.addr, nth(i)));
		nodes[i] = huge_node(env->seg.addr, i);
		ASSERT_GE(1, spread(nodes, i + 1, &env->memory));
	}
	expect_all_in_use(_metadata, count);
}

/* Threads that fault at once all get the pages that are reserved. */
TEST_F(surplus, every_thread_gets_its_reserved_page)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	struct huge_toucher workers[4];
	int nodes[PAGES];

	for (int round = 0; round < 10; round++) {
		ASSERT_EQ(0, run_on_node(self->creator));
		ASSERT_EQ(0, huge_open(&env->seg, HUGE, PAGES, 0,
				       variant->strength, &mask));
		/* a SIGBUS ends the test */
		touch_by_threads(_metadata, env, workers, 4, PAGES);
		for (int i = 0; i < PAGES; i++)
			nodes[i] = huge_node(env->seg.addr, i);
		EXPECT_EQ(0, strays(nodes, PAGES, &mask));
		expect_all_in_use(_metadata, PAGES);
		segment_remove(&env->seg);
	}
}

/* Another segment's reservation is kept, although pages are exchanged. */
TEST_F(surplus, other_reservations_are_kept)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int nodes[PAGES];

	ASSERT_EQ(0, pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages",
			      2 * PAGES));
	ASSERT_EQ(0, huge_create(&env->more, HUGE, PAGES, 0));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, PAGES, 0, variant->strength,
			       &mask));
	EXPECT_EQ(PAGES, touch_all(env->seg.addr, PAGES, nodes));
	EXPECT_EQ(PAGES, pool_count(HUGE, EVERYWHERE, "resv_hugepages"));
	EXPECT_EQ(PAGES, pool_count(HUGE, EVERYWHERE, "free_hugepages"));
	ASSERT_EQ(0, segment_attach(&env->more));
	EXPECT_EQ(PAGES, touch_all(env->more.addr, PAGES, nodes));
	expect_all_in_use(_metadata, 2 * PAGES);
}

/* Pages that others have reserved are not exchanged. */
TEST_F(surplus, reserved_page_of_others_is_kept)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int nodes[PAGES];

	ASSERT_EQ(0, huge_create(&env->more, HUGE, PAGES, 0));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, 1, SHM_NORESERVE,
			       variant->strength, &mask));
	EXPECT_FALSE(try_touch(env->seg.addr, 0));
	expect_reserved(_metadata, env->victim);
	ASSERT_EQ(0, segment_attach(&env->more));
	EXPECT_EQ(PAGES, touch_all(env->more.addr, PAGES, nodes));
}

/* Pages of the node's own pool are used before any is exchanged. */
TEST_F(surplus, pool_pages_are_used_first)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int nodes[PAGES + 1];

	ASSERT_EQ(0, pool_set(HUGE, env->victim, "nr_hugepages", 1));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, PAGES + 1, 0,
			       variant->strength, &mask));
	ASSERT_TRUE(try_touch(env->seg.addr, 0));
	EXPECT_EQ(env->victim, huge_node(env->seg.addr, 0));
	EXPECT_EQ(0, surplus_of(env->victim));
	ASSERT_EQ(PAGES + 1, touch_all(env->seg.addr, PAGES + 1, nodes));
	EXPECT_EQ(0, strays(nodes, PAGES + 1, &mask));
	EXPECT_EQ(PAGES, surplus_of(EVERYWHERE));

	segment_remove(&env->seg);
	EXPECT_EQ(1, pool_count(HUGE, EVERYWHERE, "nr_hugepages"));
	EXPECT_EQ(1, pool_count(HUGE, env->victim, "free_hugepages"));
}

/*
 * On a full node, HARD fails and keeps its reservation for later; SOFT takes
 * another node.
 */
TEST_F(surplus, full_node_keeps_the_reservation)
{
	struct huge_env *env = &self->env;
	int victim = victim_node(), nodes[PAGES];
	struct nodemask mask = nodes_of(victim);
	bool soft = variant->strength == MEM_SOFTBIND;
	long kills = event_count("oom_kill");
	struct segment ballast;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, PAGES, 0, variant->strength,
			       &mask));
	ASSERT_LT(0, fill_node_locked(&ballast, victim));
	EXPECT_EQ(soft, try_touch(env->seg.addr, 0));
	if (soft) {
		EXPECT_NE(victim, huge_node(env->seg.addr, 0));
		give_back(&ballast);
	} else {
		expect_reserved(_metadata, victim);
		give_back(&ballast);
		ASSERT_EQ(PAGES, touch_all(env->seg.addr, PAGES, nodes));
		EXPECT_EQ(0, strays(nodes, PAGES, &mask));
		expect_all_in_use(_metadata, PAGES);
	}
	EXPECT_EQ(kills, event_count("oom_kill"));
}

/*
 * At the limit of a cgroup nothing is exchanged. Below it, the process that
 * touches a page is charged.
 */
TEST_F(surplus, cgroup_limit_exchanges_nothing)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	char line[32], path[128];
	int nodes[PAGES];
	pid_t pid;

	ASSERT_EQ(0, cgroup_create(&env->cgroup, "hugetlb"));
	ASSERT_EQ(0, cgroup_write(&env->cgroup, "hugetlb.2MB.max", "0"));
	snprintf(path, sizeof(path), "%s/hugetlb.2MB.current",
		 env->cgroup.path);
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, PAGES, 0, variant->strength,
			       &mask));
	pid = fork();
	if (!pid)
		_exit(cgroup_join(&env->cgroup) ||
		      try_touch(env->seg.addr, 0));
	EXPECT_EQ(0, wait_for(pid));
	expect_reserved(_metadata, env->victim);
	EXPECT_STREQ("0", read_line(path, line, sizeof(line)));

	/* the page below the limit is charged to the group that touches it */
	ASSERT_EQ(0, cgroup_write(&env->cgroup, "hugetlb.2MB.max", "2M"));
	pid = fork();
	if (!pid)
		_exit(cgroup_join(&env->cgroup) ? 255 :
		      touch_all(env->seg.addr, PAGES, nodes));
	EXPECT_EQ(1, wait_for(pid));
	EXPECT_STREQ("2097152", read_line(path, line, sizeof(line)));
	EXPECT_EQ(1, surplus_of(env->victim));
	EXPECT_EQ(PAGES, touch_all(env->seg.addr, PAGES, nodes));
	expect_all_in_use(_metadata, PAGES);
	segment_remove(&env->seg);
	EXPECT_STREQ("0", read_line(path, line, sizeof(line)));
}

/* fallocate() on the segment's file exchanges surplus pages as faults do. */
TEST_F(surplus, fallocate_exchanges_pages)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int fd, nodes[PAGES];

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, PAGES, 0, variant->strength,
			       &mask));
	fd = segment_file(&env->seg);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fallocate(fd, 0, 0, PAGES * HUGE));
	close(fd);
	ASSERT_EQ(PAGES, touch_all(env->seg.addr, PAGES, nodes));
	EXPECT_EQ(0, strays(nodes, PAGES, &mask));
	expect_all_in_use(_metadata, PAGES);
}

FIXTURE(fallback)
{
	struct huge_env env;
};

FIXTURE_SETUP(fallback)
{
	REQUIRE("nodes=3");
	empty_pools(_metadata, &self->env);
}

FIXTURE_TEARDOWN(fallback)
{
	env_teardown(_metadata, &self->env);
}

/* Surplus pages of a SOFT segment whose mask is a full node and two others. */
static void expect_nearest(struct __test_metadata *_metadata,
			   struct huge_env *env, int full, int a, int b)
{
	struct nodemask pair = nodes_of(a), mask, want;
	int from, near, nodes[PAGES];

	node_set(b, &pair);
	mask = pair;
	node_set(full, &mask);
	near = nearest_node(full, &pair);
	want = nodes_of(near);
	from = node_that_prefers(full, &mask);
	if (from < 0 || distance_between(full, a) == distance_between(full, b))
		return;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, PAGES, SHM_NORESERVE,
			       MEM_SOFTBIND, &mask));
	ASSERT_EQ(0, run_on_node(from));
	ASSERT_EQ(PAGES, touch_all(env->seg.addr, PAGES, nodes));
	EXPECT_EQ(0, strays(nodes, PAGES, &want));
	EXPECT_EQ(PAGES, surplus_of(near));
	segment_remove(&env->seg);
}

/* SOFT adds surplus pages on the candidate nearest to the full node. */
TEST_F(fallback, soft_surplus_pages_go_by_distance)
{
	struct huge_env *env = &self->env;
	int full = victim_node(), a, b;
	struct nodemask others;
	struct segment ballast;

	others = nodes_andnot(env->memory, nodes_of(full));
	ASSERT_LT(0, fill_node_locked(&ballast, full));
	for (a = -1; next_node(&a, &others);) {
		for (b = a; next_node(&b, &others);)
			expect_nearest(_metadata, env, full, a, b);
	}
	give_back(&ballast);
}

TEST_HARNESS_MAIN
