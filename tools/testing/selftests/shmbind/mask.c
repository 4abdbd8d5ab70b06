// SPDX-License-Identifier: GPL-2.0
/*
 * MEM_MASKBIND: any node of the mask, and no other node. The programs whose
 * names end in _mask test what it has in common with MEM_HARDBIND.
 */
#include "full.h"
#include "loop.h"

/* The chosen node is full. */

FIXTURE(one_full)
{
	struct full_env env;
};

FIXTURE_SETUP(one_full)
{
	REQUIRE("nodes=3 cpunodes=2");
	env_setup(_metadata, &self->env);
	fill_victim(_metadata, &self->env);
}

FIXTURE_TEARDOWN(one_full)
{
	env_teardown(_metadata, &self->env);
}

/* The candidate nearest to a full chosen node takes its pages. */
TEST_F(one_full, nearest_candidate_takes_the_pages)
{
	struct full_env *env = &self->env;
	struct nodemask rest, mask, used;
	int a, b;

	for (a = -1; next_node(&a, &env->others);) {
		for (b = a - 1; next_node(&b, &env->others);) {
			rest = nodes_of(a);
			node_set(b, &rest);
			mask = rest;
			node_set(victim, &mask);
			used = nodes_used(_metadata, env,
					  MEM_MASKBIND, &mask);
			ASSERT_EQ(1, nodes_weight(&used));
			EXPECT_TRUE(node_isset(first_node(&used), &rest));
			EXPECT_EQ(distance_between(victim,
						   nearest_node(victim, &rest)),
				  distance_between(victim, first_node(&used)));
		}
	}
}

/*
 * A task whose cpuset has only the full node of the mask gets SIGBUS; other
 * tasks do not.
 */
TEST_F(one_full, cpuset_limits_the_candidates)
{
	struct full_env *env = &self->env;
	int other = first_node(&env->others), child;
	struct nodemask mask = nodes_of(victim), inside;

	node_set(other, &mask);
	ASSERT_EQ(0, cgroup_create(&env->cpuset, "cpuset"));
	inside = nodes_andnot(env->memory, nodes_of(other));
	ASSERT_EQ(0, cgroup_set_mems(&env->cpuset, &inside));
	open_bound(_metadata, env, 8 * SPARE, MEM_MASKBIND, &mask);
	child = fork();
	if (child == 0) {
		ASSERT_EQ(0, cgroup_join(&env->cpuset));
		env->taken = top_up(&env->ballast, env->taken);
		_exit(try_touch_pages(env->seg.addr, 8 * SPARE) < FEW ? 0 : 1);
	}
	EXPECT_EQ(0, wait_for(child));
	/* there is room outside of that cpuset */
	EXPECT_EQ(8 * SPARE, try_touch_pages(env->seg.addr, 8 * SPARE));
}

/* A full node is not reclaimed from while other candidates have room. */
TEST_F(one_full, full_node_is_not_reclaimed_first)
{
	struct full_env *env = &self->env;
	long reclaims = direct_reclaims();

	open_bound(_metadata, env, TOUCHED, MEM_STRIPE | MEM_MASKBIND,
		   &env->memory);
	EXPECT_EQ(TOUCHED, try_touch_pages(env->seg.addr, TOUCHED));
	/* other tasks may have reclaimed */
	EXPECT_GT(reclaims + TOUCHED / 16, direct_reclaims());
	EXPECT_EQ(env->kills, oom_kills());
}

/* All nodes of the mask are full; other nodes are not. */

FIXTURE(all_full)
{
	struct full_env env;
	struct nodemask mask;
};

FIXTURE_VARIANT(all_full)
{
	int policy;
};

FIXTURE_VARIANT_ADD(all_full, firstref)	{ .policy = MEM_FIRSTREF };
FIXTURE_VARIANT_ADD(all_full, stripe)	{ .policy = MEM_STRIPE };
FIXTURE_VARIANT_ADD(all_full, mostfree)	{ .policy = MEM_MOSTFREE };

FIXTURE_SETUP(all_full)
{
	struct full_env *env = &self->env;

	REQUIRE("nodes=3");
	env_setup(_metadata, env);
	fill_victim(_metadata, env);
	env->taken_more = fill_node(&env->more, second);
	ASSERT_LT(0, env->taken_more);
	self->mask = nodes_of(victim);
	node_set(second, &self->mask);
	open_bound(_metadata, env, 8 * SPARE,
		   variant->policy | MEM_MASKBIND, &self->mask);
}

FIXTURE_TEARDOWN(all_full)
{
	env_teardown(_metadata, &self->env);
}

/* An access gets SIGBUS with its address, a system call EFAULT. */
TEST_F(all_full, sigbus_names_the_page)
{
	struct segment *seg = &self->env.seg;
	int page = page_that_fails(_metadata, seg);

	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	EXPECT_EQ((uintptr_t)seg->addr + page * page_size(),
		  (uintptr_t)sigbus_info.si_addr);
	EXPECT_EQ(-1, madvise(seg->addr + page * page_size(), page_size(),
			      MADV_POPULATE_WRITE));
	EXPECT_EQ(EFAULT, errno);
}

/* No page is taken from nodes outside the mask. */
TEST_F(all_full, no_page_comes_from_outside_the_mask)
{
	struct full_env *env = &self->env;
	int nodes[8 * SPARE], done;

	for (int i = 0; i < TRIES; i++)
		done = page_that_fails(_metadata, &env->seg);
	ASSERT_EQ(0, placement(env->seg.addr, done, nodes));
	EXPECT_EQ(0, strays(nodes, done, &self->mask));
}

/*
 * An access succeeds as soon as any node of the mask has room, whatever the
 * policy would choose.
 */
TEST_F(all_full, one_node_with_room_is_enough)
{
	struct full_env *env = &self->env;
	int page = page_that_fails(_metadata, &env->seg);

	ASSERT_EQ(0, give_back_some(&env->more, env->taken_more, SPARE));
	ASSERT_EQ(SPARE / 2, try_touch_pages(env->seg.addr + page * page_size(),
					     SPARE / 2));
	ASSERT_EQ(SPARE / 2, count_placement(env->seg.addr +
					     page * page_size(), SPARE / 2,
					     env->per_node));
	EXPECT_LE(SPARE / 2 - FEW, env->per_node[second]);
}

/*
 * How often an access that fails calls direct reclaim: the minimum of many, as
 * other tasks reclaim too, and the allocator repeats it while it makes
 * progress.
 */
static long reclaims_of_a_try(struct __test_metadata *_metadata,
			      struct segment *seg)
{
	long page = page_that_fails(_metadata, seg), least = LONG_MAX;

	for (int i = 0; i < TRIES; i++) {
		long reclaims = direct_reclaims();

		if (try_touch(seg->addr, page)) {
			page = page_that_fails(_metadata, seg);
			continue;
		}
		reclaims = direct_reclaims() - reclaims;
		if (reclaims < least)
			least = reclaims;
	}
	return least;
}

static long reclaims_under_hard(struct __test_metadata *_metadata, int node)
{
	struct nodemask one = nodes_of(node);
	struct segment hard;
	long reclaims;

	ASSERT_EQ(0, segment_open(&hard, 8 * SPARE, MEM_HARDBIND, &one));
	ASSERT_EQ(0, segment_rmid(&hard));
	reclaims = reclaims_of_a_try(_metadata, &hard);
	segment_detach(&hard);
	return reclaims;
}

/*
 * An access that fails reclaims no more often than under HARD on the node that
 * is harder to reclaim from.
 */
TEST_F(all_full, failure_reclaims_no_more_than_hard)
{
	long by_hard, by_second;

	by_hard = reclaims_under_hard(_metadata, victim);
	by_second = reclaims_under_hard(_metadata, second);
	if (by_second > by_hard)
		by_hard = by_second;
	EXPECT_LT(0, by_hard);
	EXPECT_GE(by_hard, reclaims_of_a_try(_metadata, &self->env.seg));
}

/* The OOM killer kills nothing while several processes fail. */
TEST_F(all_full, oom_killer_stays_away)
{
	struct full_env *env = &self->env;
	pid_t children[4];

	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		if (children[i])
			continue;
		for (int tries = 0; tries < TRIES; tries++)
			try_touch_pages(env->seg.addr, 8 * SPARE);
		_exit(0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		EXPECT_EQ(0, wait_for(children[i]));
	EXPECT_EQ(env->kills, oom_kills());
}

/* Clean page cache is reclaimed from candidates that were not chosen, too. */
TEST(page_cache_of_any_candidate_is_freed)
{
	struct nodemask mask, other;
	static char buffer[1 << 16];
	size_t size = LEFT / 2 * page_size();
	long before, cached, pages;
	struct full_env env = {};
	int loop, from;

	REQUIRE("nodes=3 cpunodes=2");
	env_setup(_metadata, &env);
	other = nodes_of(second);
	mask = nodes_of(victim);
	node_set(second, &mask);
	from = node_that_prefers(victim, &mask);
	ASSERT_LE(0, from);
	fill_victim(_metadata, &env);

	before = node_file_pages(second);
	loop = loop_open(size, O_RDONLY, NULL);
	ASSERT_LE(0, loop);
	ASSERT_EQ(0, set_mempolicy(MPOL_BIND, other.bits, NODES_MAX));
	for (size_t done = 0; done < size; done += sizeof(buffer))
		ASSERT_EQ((ssize_t)sizeof(buffer),
			  read(loop, buffer, sizeof(buffer)));
	ASSERT_EQ(0, set_mempolicy(MPOL_DEFAULT, NULL, 0));
	cached = node_file_pages(second) - before;
	ASSERT_LE(LEFT / 4, cached);

	pages = node_pages(second);
	open_bound(_metadata, &env, pages, MEM_MASKBIND, &mask);
	ASSERT_EQ(0, run_on_node(from));
	EXPECT_GT(pages, try_touch_pages(env.seg.addr, pages));
	EXPECT_GE(before + cached / 4, node_file_pages(second));
	close(loop);
	env_teardown(_metadata, &env);
}

/* mbind() is refused as by a HARD segment. */
TEST(mbind_is_eperm)
{
	struct nodemask memory = memory_nodes();
	struct nodemask first = nodes_of(first_node(&memory));
	char want[BINDING_MAX], seen[BINDING_MAX];
	struct segment seg;

	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_open(&seg, 4, MEM_MASKBIND, &memory));
	EXPECT_EQ(-1, mbind(seg.addr, seg.size, MPOL_BIND, first.bits,
			    NODES_MAX, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, mbind(seg.addr, seg.size, MPOL_DEFAULT, NULL, 0, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_STREQ(binding_text(MEM_MASKBIND, &memory, want),
		     mapping_policy(seg.addr, seen));
	segment_remove(&seg);
}

int main(int argc, char **argv)
{
	settle_memory();
	take_most_of_two();
	return test_harness_run(argc, argv);
}
