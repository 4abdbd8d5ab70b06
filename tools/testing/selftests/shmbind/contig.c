// SPDX-License-Identifier: GPL-2.0
/*
 * Contiguous ranges: the kernel moves pages to make room for a device or for a
 * gigantic page. HARD pages stay within the mask. If they have no room there,
 * the range is not available.
 */
#include "ballast.h"
#include "moved.h"

FIXTURE(contig)
{
	int node;		/* that has the CMA area */
	struct nodemask mask;	/* that node */
	struct nodemask pair;	/* that node and another */
	long range;		/* size of the area in pages */
	bool taken;
	struct segment seg, other;
};

FIXTURE_VARIANT(contig)
{
	int policy;
};

FIXTURE_VARIANT_ADD(contig, firstref)	{ .policy = MEM_FIRSTREF };
FIXTURE_VARIANT_ADD(contig, stripe)	{ .policy = MEM_STRIPE };
FIXTURE_VARIANT_ADD(contig, mostfree)	{ .policy = MEM_MOSTFREE };

static int range_write(int node, const char *name, long pages)
{
	char path[64], text[32];

	cma_path(path, sizeof(path), node, name);
	snprintf(text, sizeof(text), "%ld", pages);
	return write_file(path, text);
}

static long range_pages(int node)
{
	char path[64], line[32];

	cma_path(path, sizeof(path), node, "count");
	return read_line(path, line, sizeof(line)) ? atol(line) : -1;
}

FIXTURE_SETUP(contig)
{
	struct nodemask memory = memory_nodes();

	REQUIRE("cma nodes=3");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	self->seg.id = -1;
	self->other.id = -1;
	self->node = cma_node();
	self->mask = nodes_of(self->node);
	self->pair = self->mask;
	node_set(last_node(&memory), &self->pair);
	ASSERT_EQ(2, nodes_weight(&self->pair));
	self->range = range_pages(self->node);
	ASSERT_LT(0, self->range);
	ASSERT_EQ(0, run_on_node(self->node));
}

FIXTURE_TEARDOWN(contig)
{
	segment_remove(&self->seg);
	segment_remove(&self->other);
	if (self->taken)
		EXPECT_EQ(0, range_write(self->node, "free", self->range));
}

static bool take_range(FIXTURE_DATA(contig) * self)
{
	self->taken = !range_write(self->node, "alloc", self->range);
	return self->taken;
}

/* Write pages until the first SIGBUS, and set the size to what was written. */
static void fill_segment(struct segment *seg)
{
	long pages = try_touch_pages(seg->addr, seg->size / page_size());

	seg->size = pages * page_size();
	write_pages(seg);
}

static void expect_intact(struct __test_metadata *_metadata,
			  struct segment *seg)
{
	EXPECT_LT(0, seg->size);
	EXPECT_EQ(seg->size / page_size(), intact_pages(seg));
}

static void expect_within(struct __test_metadata *_metadata,
			  struct segment *seg, const struct nodemask *mask)
{
	long there = 0;
	int node;

	for (node = -1; next_node(&node, mask);)
		there += pages_on(seg, node);
	EXPECT_EQ(seg->size / page_size(), there);
	expect_intact(_metadata, seg);
}

/* A range is not available if its HARD pages have no room in their mask. */
TEST_F(contig, hard_pages_without_room_fail_the_range)
{
	ASSERT_EQ(0, segment_open(&self->seg, node_pages(self->node),
				  variant->policy | MEM_HARDBIND, &self->mask));
	fill_segment(&self->seg);
	EXPECT_FALSE(take_range(self));
	expect_within(_metadata, &self->seg, &self->mask);
}

/* HARD pages move within their node. Every other page of it is free. */
TEST_F(contig, range_moves_hard_pages_on_their_node)
{
	size_t most = node_pages(self->node), pages = 0;

	ASSERT_EQ(0, segment_open(&self->seg, most,
				  variant->policy | MEM_HARDBIND, &self->mask));
	ASSERT_EQ(0, segment_open(&self->other, most, MEM_HARDBIND,
				  &self->mask));
	while (try_touch(self->seg.addr, pages) &&
	       try_touch(self->other.addr, pages))
		pages++;
	self->seg.size = pages * page_size();
	write_pages(&self->seg);
	segment_remove(&self->other);
	EXPECT_TRUE(take_range(self));
	expect_within(_metadata, &self->seg, &self->mask);
}

/* HARD pages move to another node of their mask to free a range. */
TEST_F(contig, range_moves_hard_pages_in_their_mask)
{
	size_t most = node_pages(self->node);

	ASSERT_EQ(0, segment_open(&self->seg, most / 2,
				  variant->policy | MEM_HARDBIND, &self->pair));
	fill_segment(&self->seg);
	/* fill the CPU's node with pages that can move to the other node */
	ASSERT_EQ(0, segment_open(&self->other, most,
				  MEM_FIRSTREF | MEM_HARDBIND, &self->pair));
	fill_segment(&self->other);
	EXPECT_TRUE(take_range(self));
	expect_within(_metadata, &self->seg, &self->pair);
	expect_within(_metadata, &self->other, &self->pair);
}

/* SOFT pages leave their mask to free a range. */
TEST_F(contig, range_moves_soft_pages_anywhere)
{
	long before;

	ASSERT_EQ(0, segment_open(&self->seg, node_pages(self->node),
				  variant->policy | MEM_SOFTBIND, &self->mask));
	fill_segment(&self->seg);
	before = pages_on(&self->seg, self->node);
	EXPECT_TRUE(take_range(self));
	EXPECT_GT(before, pages_on(&self->seg, self->node));
	expect_intact(_metadata, &self->seg);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
