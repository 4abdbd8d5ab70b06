// SPDX-License-Identifier: GPL-2.0
/* SHM_HUGETLB segments of gigantic pages, 1 GiB each. */
#include "huge.h"

/* The buddy allocator has no such pages. Each of two pools gets one. */

#define GIGANTIC	(512 * HUGE)	/* bytes: 1 GiB */

FIXTURE(pool)
{
	struct nodemask nodes, first, last;
	struct segment seg, more;
};

FIXTURE_VARIANT(pool)
{
	int strength;
};

FIXTURE_VARIANT_ADD(pool, hard)	{ .strength = MEM_HARDBIND };
FIXTURE_VARIANT_ADD(pool, soft)	{ .strength = MEM_SOFTBIND };

FIXTURE_SETUP(pool)
{
	struct nodemask memory = memory_nodes();
	int node;

	REQUIRE("gigantic=2");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	self->seg.id = -1;
	self->more.id = -1;
	/* a node with enough memory may have no contiguous range */
	for (node = -1; next_node(&node, &memory);) {
		if (nodes_weight(&self->nodes) == 2)
			break;
		pool_set(GIGANTIC, node, "nr_hugepages", 1);
		if (pool_count(GIGANTIC, node, "free_hugepages") == 1)
			node_set(node, &self->nodes);
	}
	if (nodes_weight(&self->nodes) < 2)
		pools_fill(GIGANTIC, &self->nodes, 0);
	ASSERT_EQ(2, nodes_weight(&self->nodes));
	self->first = nodes_of(first_node(&self->nodes));
	self->last = nodes_of(last_node(&self->nodes));
}

FIXTURE_TEARDOWN(pool)
{
	segment_remove(&self->seg);
	segment_remove(&self->more);
	EXPECT_EQ(0, pool_count(GIGANTIC, EVERYWHERE, "resv_hugepages"));
	EXPECT_EQ(2, pool_count(GIGANTIC, EVERYWHERE, "free_hugepages"));
	EXPECT_EQ(0, pools_fill(GIGANTIC, &self->nodes, 0));
}

/* Touch gigantic page @nth; returns its node, or -1 for SIGBUS. */
static int touch_gigantic(struct segment *seg, size_t nth)
{
	size_t page = nth * (GIGANTIC / page_size());

	return try_touch(seg->addr, page) ? page_node(seg->addr, page) : -1;
}

/* Every process that attaches gets its page on the bound node. */
TEST_F(pool, every_process_gets_the_binding)
{
	int node = first_node(&self->last);
	pid_t pid;

	ASSERT_EQ(0, huge_open(&self->seg, GIGANTIC, 1, 0, variant->strength,
			       &self->last));
	ASSERT_EQ(0, segment_detach(&self->seg));
	pid = fork();
	if (!pid)
		_exit(segment_attach(&self->seg) ||
		      touch_gigantic(&self->seg, 0) != node);
	EXPECT_EQ(0, wait_for(pid));
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_EQ(node, touch_gigantic(&self->seg, 0));
}

/* The pages of a stripe are on the two nodes in turn. */
TEST_F(pool, gigantic_stripe_alternates)
{
	ASSERT_EQ(0, huge_open(&self->seg, GIGANTIC, 2, 0,
			       MEM_STRIPE | variant->strength, &self->nodes));
	EXPECT_NE(touch_gigantic(&self->seg, 1), touch_gigantic(&self->seg, 0));
	EXPECT_EQ(0, pool_count(GIGANTIC, EVERYWHERE, "free_hugepages"));
}

/*
 * A node whose pool is empty is never chosen. Stripes begin at different nodes.
 */
TEST_F(pool, node_without_pages_is_not_chosen)
{
	int first = first_node(&self->first), last = first_node(&self->last);

	ASSERT_EQ(0, pool_set(GIGANTIC, last, "nr_hugepages", 0));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, huge_open(&self->seg, GIGANTIC, 1, 0,
				       MEM_STRIPE | variant->strength,
				       &self->nodes));
		EXPECT_EQ(first, touch_gigantic(&self->seg, 0));
		segment_remove(&self->seg);
	}
	ASSERT_EQ(0, pool_set(GIGANTIC, last, "nr_hugepages", 1));
}

/*
 * A surplus page that shmget() reserved elsewhere is exchanged for one of the
 * bound node.
 */
TEST_F(pool, reserved_surplus_moves_to_bound_node)
{
	int first = first_node(&self->first), last = first_node(&self->last);

	REQUIRE("gigasurplus");
	ASSERT_EQ(0, pools_fill(GIGANTIC, &self->nodes, 0));
	ASSERT_EQ(0, pool_set(GIGANTIC, EVERYWHERE, "nr_overcommit_hugepages",
			      1));
	ASSERT_EQ(0, run_on_node(first));
	ASSERT_EQ(0, huge_open(&self->seg, GIGANTIC, 1, 0, variant->strength,
			       &self->last));
	EXPECT_EQ(1, pool_count(GIGANTIC, first, "surplus_hugepages"));
	EXPECT_EQ(last, touch_gigantic(&self->seg, 0));
	EXPECT_EQ(0, pool_count(GIGANTIC, first, "nr_hugepages"));
	EXPECT_EQ(1, pool_count(GIGANTIC, last, "surplus_hugepages"));
	EXPECT_EQ(1, pool_count(GIGANTIC, EVERYWHERE, "surplus_hugepages"));
	EXPECT_EQ(0, pool_count(GIGANTIC, EVERYWHERE, "resv_hugepages"));
	segment_remove(&self->seg);
	ASSERT_EQ(0, pool_set(GIGANTIC, EVERYWHERE, "nr_overcommit_hugepages",
			      0));
	ASSERT_EQ(0, pools_fill(GIGANTIC, &self->nodes, 1));
}

/*
 * With the pool used up, HARD gets SIGBUS and SOFT takes the other node.
 * MOSTFREE chooses the node that has a page.
 */
TEST_F(pool, empty_pool_is_sigbus_for_hard_only)
{
	int first = first_node(&self->first), last = first_node(&self->last);
	bool hard = variant->strength == MEM_HARDBIND;

	ASSERT_EQ(0, huge_open(&self->more, GIGANTIC, 1, 0, MEM_HARDBIND,
			       &self->last));
	ASSERT_EQ(last, touch_gigantic(&self->more, 0));
	ASSERT_EQ(0, huge_open(&self->seg, GIGANTIC, 1, 0, variant->strength,
			       &self->last));
	EXPECT_EQ(hard ? -1 : first, touch_gigantic(&self->seg, 0));
	EXPECT_EQ(hard, pool_count(GIGANTIC, first, "free_hugepages"));
	segment_remove(&self->seg);

	/* the node that has a page left has the most */
	ASSERT_EQ(0, huge_open(&self->seg, GIGANTIC, 1, 0,
			       MEM_MOSTFREE | variant->strength, &self->nodes));
	EXPECT_EQ(first, touch_gigantic(&self->seg, 0));
}

TEST_HARNESS_MAIN
