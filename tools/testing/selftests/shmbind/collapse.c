// SPDX-License-Identifier: GPL-2.0
/* Pages that are collapsed into large folios: HARD ones stay in the mask. */
#include "ballast.h"
#include "expected.h"
#include "thp.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define PAGES		((int)(FOLIO_SIZE / page_size()))

FIXTURE(collapse)
{
	struct nodemask memory, cpus;
	struct nodemask first, last;	/* masks of one node */
	struct segment seg;
};

FIXTURE_VARIANT(collapse)
{
	int policy;
};

FIXTURE_VARIANT_ADD(collapse, firstref)	{ .policy = MEM_FIRSTREF };
FIXTURE_VARIANT_ADD(collapse, stripe)	{ .policy = MEM_STRIPE };
FIXTURE_VARIANT_ADD(collapse, mostfree)	{ .policy = MEM_MOSTFREE };

FIXTURE_SETUP(collapse)
{
	REQUIRE("nodes=2");
	ASSERT_EQ(0, own_ipc_namespace());
	self->memory = memory_nodes();
	self->cpus = cpu_nodes();
	self->first = nodes_of(first_node(&self->memory));
	self->last = nodes_of(last_node(&self->memory));
	self->seg.id = -1;
	ASSERT_EQ(0, run_on_node(first_node(&self->cpus)));
}

FIXTURE_TEARDOWN(collapse)
{
	segment_remove(&self->seg);
	write_file(THP_DIR "shmem_enabled", "never");
	write_file(KHUGEPAGED, FOR_WEEKS);
}

/* The node that has all pages of the segment, or -1. */
static int node_of_all(struct segment *seg)
{
	int nodes[PAGES];

	touch_pages(seg->addr, PAGES);
	if (placement(seg->addr, PAGES, nodes))
		return -1;
	for (int page = 1; page < PAGES; page++) {
		if (nodes[page] != nodes[0])
			return -1;
	}
	return nodes[0];
}

/* A range with one page and holes collapses into a folio in the mask. */
TEST_F(collapse, hard_hole_collapses_within_mask)
{
	int node;

	for (node = -1; next_node(&node, &self->memory);) {
		struct nodemask mask = nodes_of(node);

		open_aligned(_metadata, &self->seg, PAGES,
			     variant->policy | MEM_HARDBIND, &mask);
		touch_page(self->seg.addr, 5);
		ASSERT_EQ(0, madvise(self->seg.addr, FOLIO_SIZE,
				     MADV_COLLAPSE));
		EXPECT_EQ(node, node_of_all(&self->seg));
		EXPECT_EQ(FOLIO_SIZE, large_bytes(&self->seg));
		segment_remove(&self->seg);
	}
}

/* Pages that were moved away return to the mask when they are collapsed. */
TEST_F(collapse, hard_moved_pages_collapse_into_mask)
{
	const int moved[] = { PAGES, PAGES - 1, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		open_aligned(_metadata, &self->seg, PAGES,
			     variant->policy | MEM_HARDBIND, &self->last);
		touch_pages(self->seg.addr, PAGES);
		ASSERT_EQ(0, segment_move(&self->seg, moved[i],
					  first_node(&self->first)));
		ASSERT_EQ(first_node(&self->first),
			  page_node(self->seg.addr, 0));
		ASSERT_EQ(0, madvise(self->seg.addr, FOLIO_SIZE,
				     MADV_COLLAPSE));
		EXPECT_EQ(first_node(&self->last), node_of_all(&self->seg));
		EXPECT_EQ(FOLIO_SIZE, large_bytes(&self->seg));
		segment_remove(&self->seg);
	}
}

/* A SOFT range collapses on the node that has most of its pages. */
TEST_F(collapse, soft_collapses_where_most_pages_are)
{
	open_aligned(_metadata, &self->seg, PAGES,
		     variant->policy | MEM_SOFTBIND, &self->last);
	touch_pages(self->seg.addr, PAGES);
	ASSERT_EQ(0, segment_move(&self->seg, PAGES, first_node(&self->first)));
	ASSERT_EQ(0, madvise(self->seg.addr, FOLIO_SIZE, MADV_COLLAPSE));
	EXPECT_EQ(first_node(&self->first), node_of_all(&self->seg));
}

/* khugepaged puts the folio of a HARD range in the mask. */
TEST_F(collapse, khugepaged_collapses_within_mask)
{
	struct nodemask rest = nodes_andnot(self->memory, self->first);
	int node, tries;

	open_aligned(_metadata, &self->seg, PAGES,
		     variant->policy | MEM_HARDBIND, &rest);
	touch_pages(self->seg.addr, PAGES);
	ASSERT_EQ(0, segment_move(&self->seg, PAGES, first_node(&self->first)));
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "advise"));
	ASSERT_EQ(0, write_file(KHUGEPAGED, "10"));
	ASSERT_EQ(0, madvise(self->seg.addr, FOLIO_SIZE, MADV_HUGEPAGE));
	for (tries = 0; tries < 500 && !large_bytes(&self->seg); tries++) {
		usleep(20000);
		touch_pages(self->seg.addr, PAGES);
	}
	ASSERT_TRUE(large_bytes(&self->seg));
	node = node_of_all(&self->seg);
	ASSERT_LE(0, node);
	EXPECT_TRUE(node_isset(node, &rest));
}

/*
 * Without room in the mask, MADV_COLLAPSE fails and pages stay, although other
 * nodes have room.
 */
TEST(collapse_on_full_node_moves_nothing)
{
	struct nodemask mask = nodes_of(victim_node());
	struct segment seg, ballast = {};

	REQUIRE("nodes=2");
	ASSERT_EQ(0, own_ipc_namespace());
	open_aligned(_metadata, &seg, PAGES, MEM_HARDBIND, &mask);
	touch_pages(seg.addr, PAGES);
	ASSERT_LT(0, fill_node_locked(&ballast, first_node(&mask)));
	EXPECT_EQ(-1, madvise(seg.addr, FOLIO_SIZE, MADV_COLLAPSE));
	EXPECT_EQ(0, large_bytes(&seg));
	EXPECT_EQ(first_node(&mask), node_of_all(&seg));
	give_back(&ballast);
	segment_remove(&seg);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
