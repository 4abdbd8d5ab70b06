// SPDX-License-Identifier: GPL-2.0
/*
 * Contiguous ranges: to make a gigantic page the kernel moves all that is in its
 * place. HARD pages stay within the mask, or the range cannot be had.
 */
#include "ballast.h"
#include "expected.h"
#include "pool.h"
#include "thp.h"

#define GIGANTIC	(1024UL << 20)	/* bytes */

FIXTURE(contig)
{
	struct nodemask memory;
	int node;	/* with room for a gigantic page */
	int other;
	struct segment seg;
};

static int largest_node(const struct nodemask *mask)
{
	int node, largest = first_node(mask);

	for (node = -1; next_node(&node, mask);) {
		if (node_kib(node) > node_kib(largest))
			largest = node;
	}
	return largest;
}

FIXTURE_SETUP(contig)
{
	REQUIRE("gigantic=1 nodes=3");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	self->memory = memory_nodes();
	self->node = largest_node(&self->memory);
	self->other = self->node == last_node(&self->memory) ?
		      first_node(&self->memory) : last_node(&self->memory);
	self->seg.id = -1;
	/* a node is full sooner */
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	/* to begin with there is such a range */
	ASSERT_EQ(0, pool_set(GIGANTIC, self->node, "nr_hugepages", 1));
	ASSERT_EQ(1, pool_count(GIGANTIC, self->node, "nr_hugepages"));
	ASSERT_EQ(0, pool_set(GIGANTIC, self->node, "nr_hugepages", 0));
}

FIXTURE_TEARDOWN(contig)
{
	EXPECT_EQ(0, pool_set(GIGANTIC, self->node, "nr_hugepages", 0));
	segment_remove(&self->seg);
	write_file(THP_DIR "shmem_enabled", "never");
}

/* Touch pages for as long as they come from the node; how many did. */
static long fill_with(struct segment *seg, int node)
{
	long pages = seg->size / page_size();
	long step = FOLIO_SIZE / page_size();
	long page;

	for (page = 0; page < pages; page += step) {
		if (!try_touch(seg->addr, page) ||
		    page_node(seg->addr, page) != node)
			break;
	}
	return page;
}

/* How many of the first @pages are on @node. */
static long pages_on(struct segment *seg, long pages, int node)
{
	long per_node[NODES_MAX];

	for (long page = 0; page < pages; page++)
		read_page(seg->addr, page);
	if (count_placement(seg->addr, pages, per_node) < 0)
		return -1;
	return per_node[node];
}

/* Ask for the gigantic page; how many there are then. */
static long make_gigantic(int node)
{
	pool_set(GIGANTIC, node, "nr_hugepages", 1);
	return pool_count(GIGANTIC, node, "nr_hugepages");
}

TEST_F(contig, is_not_made_without_a_place_for_hard)
{
	struct nodemask mask = nodes_of(self->node);
	long pages;

	open_aligned(_metadata, &self->seg, node_pages(self->node),
		     MEM_HARDBIND, &mask);
	pages = fill_with(&self->seg, self->node);
	EXPECT_EQ(0, make_gigantic(self->node));
	EXPECT_EQ(pages, pages_on(&self->seg, pages, self->node));
}

/* FIRSTREF fills the node nearest to the CPU; the other has room. */
TEST_F(contig, is_made_by_moves_within_the_mask)
{
	struct nodemask mask = nodes_of(self->node);
	long pages;

	node_set(self->other, &mask);
	ASSERT_EQ(0, run_on_node(node_that_prefers(self->node, &mask)));
	open_aligned(_metadata, &self->seg, node_pages(self->node),
		     MEM_FIRSTREF | MEM_HARDBIND, &mask);
	pages = fill_with(&self->seg, self->node);
	EXPECT_EQ(1, make_gigantic(self->node));
	EXPECT_EQ(pages, pages_on(&self->seg, pages, first_node(&mask)) +
			 pages_on(&self->seg, pages, last_node(&mask)));
}

TEST_F(contig, is_made_of_soft_pages_that_go_elsewhere)
{
	struct nodemask mask = nodes_of(self->node);
	long pages;

	open_aligned(_metadata, &self->seg, node_pages(self->node),
		     MEM_SOFTBIND, &mask);
	pages = fill_with(&self->seg, self->node);
	EXPECT_EQ(1, make_gigantic(self->node));
	EXPECT_GT(pages, pages_on(&self->seg, pages, self->node));
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
