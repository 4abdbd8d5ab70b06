// SPDX-License-Identifier: GPL-2.0
/*
 * Soft offlining: the kernel takes a page out of use and moves its content. A
 * HARD page stays within its mask. If that has no room, the page stays in use.
 */
#include <fcntl.h>
#include <linux/kernel-page-flags.h>

#include "ballast.h"
#include "moved.h"
#include "pool.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define PAGES		8
#define HUGE		(2UL << 20)	/* bytes */
#define UNPOISON	"/sys/kernel/debug/hwpoison/unpoison-pfn"

FIXTURE(softoffline)
{
	struct nodemask memory;
	int home, far;		/* the node farthest from home */
	struct segment seg, ballast;
};

FIXTURE_VARIANT(softoffline)
{
	int policy;
};

FIXTURE_VARIANT_ADD(softoffline, firstref)	{ .policy = MEM_FIRSTREF };
FIXTURE_VARIANT_ADD(softoffline, stripe)	{ .policy = MEM_STRIPE };
FIXTURE_VARIANT_ADD(softoffline, mostfree)	{ .policy = MEM_MOSTFREE };

static int farthest_node(int from, const struct nodemask *mask)
{
	int node, farthest = -1;

	for (node = -1; next_node(&node, mask);) {
		if (node == from)
			continue;
		if (farthest < 0 || distance_between(from, node) >
				    distance_between(from, farthest))
			farthest = node;
	}
	return farthest;
}

FIXTURE_SETUP(softoffline)
{
	REQUIRE("nodes=3");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	self->memory = memory_nodes();
	self->home = victim_node();
	self->far = farthest_node(self->home, &self->memory);
	self->seg.id = -1;
	self->ballast.id = -1;
}

static int unpoison(size_t pfn)
{
	char text[32];

	snprintf(text, sizeof(text), "%#zx", pfn);
	return write_file(UNPOISON, text);
}

/*
 * Pages that stay offline would fragment the node for later tests, which need
 * large folios. Returns the number of pages that are still poisoned, or -1.
 */
static int unpoison_all(void)
{
	uint64_t flags[4096];
	int file = open("/proc/kpageflags", O_RDONLY), left = 0;
	size_t pfn = 0;
	ssize_t size;

	if (file < 0)
		return -1;
	while ((size = read(file, flags, sizeof(flags))) > 0)
		for (ssize_t i = 0; i < size / 8; i++, pfn++)
			if (flags[i] & (1ULL << KPF_HWPOISON) && unpoison(pfn))
				left++;
	close(file);
	return size < 0 ? -1 : left;
}

FIXTURE_TEARDOWN(softoffline)
{
	segment_remove(&self->seg);
	segment_remove(&self->ballast);
	EXPECT_EQ(0, pools_fill(HUGE, &self->memory, 0));
	EXPECT_EQ(0, unpoison_all());
}

/* Fill the pages of the segment, and have all of them on the home node. */
static void fill_at_home(struct __test_metadata *_metadata,
			 FIXTURE_DATA(softoffline) * self)
{
	struct segment *seg = &self->seg;

	write_pages(seg);
	ASSERT_EQ(0, segment_move(seg, PAGES, self->home));
	ASSERT_EQ(PAGES, intact_pages(seg));
	ASSERT_EQ(PAGES, pages_on(seg, self->home));
}

/* Offline page by page, so a failure does not stop at the first page. */
static int soft_offline(struct segment *seg, size_t size)
{
	int done = 0;

	for (size_t offset = 0; offset < seg->size; offset += size)
		done += !madvise(seg->addr + offset, size, MADV_SOFT_OFFLINE);
	return done;
}

/* HARD pages move within their node. */
TEST_F(softoffline, offlined_hard_pages_stay_on_their_node)
{
	struct nodemask mask = nodes_of(self->home);

	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	fill_at_home(_metadata, self);
	EXPECT_EQ(PAGES, soft_offline(&self->seg, page_size()));
	EXPECT_EQ(PAGES, intact_pages(&self->seg));
	EXPECT_EQ(PAGES, pages_on(&self->seg, self->home));
}

/* HARD pages stay in use if their mask has no room. */
TEST_F(softoffline, hard_pages_without_room_stay_in_use)
{
	struct nodemask mask = nodes_of(self->home);

	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	fill_at_home(_metadata, self);
	ASSERT_LT(0, fill_node_locked(&self->ballast, self->home));
	soft_offline(&self->seg, page_size());
	EXPECT_EQ(PAGES, intact_pages(&self->seg));
	EXPECT_EQ(PAGES, pages_on(&self->seg, self->home));
}

/* HARD pages move to a node of the mask that has room, near or far. */
TEST_F(softoffline, offlined_hard_pages_stay_in_the_mask)
{
	struct nodemask mask = nodes_of(self->home);

	node_set(self->far, &mask);
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	fill_at_home(_metadata, self);
	ASSERT_LT(0, fill_node_locked(&self->ballast, self->home));
	EXPECT_EQ(PAGES, soft_offline(&self->seg, page_size()));
	EXPECT_EQ(PAGES, intact_pages(&self->seg));
	EXPECT_EQ(PAGES, pages_on(&self->seg, self->home) +
			 pages_on(&self->seg, self->far));
	EXPECT_LT(0, pages_on(&self->seg, self->far));
}

/* SOFT pages move out of a full mask. */
TEST_F(softoffline, offlined_soft_pages_move_anywhere)
{
	struct nodemask mask = nodes_of(self->home);

	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_SOFTBIND, &mask));
	fill_at_home(_metadata, self);
	ASSERT_LT(0, fill_node_locked(&self->ballast, self->home));
	EXPECT_EQ(PAGES, soft_offline(&self->seg, page_size()));
	EXPECT_EQ(PAGES, intact_pages(&self->seg));
	EXPECT_GT(PAGES, pages_on(&self->seg, self->home));
}

/*
 * Unbound pages move to another node, although there are HARD bindings: that of
 * the ballast is one.
 */
TEST_F(softoffline, offlined_unbound_pages_move_anywhere)
{
	ASSERT_EQ(0, segment_create(&self->seg, PAGES));
	ASSERT_EQ(0, segment_attach(&self->seg));
	fill_at_home(_metadata, self);
	ASSERT_LT(0, fill_node_locked(&self->ballast, self->home));
	EXPECT_EQ(PAGES, soft_offline(&self->seg, page_size()));
	EXPECT_EQ(PAGES, intact_pages(&self->seg));
	EXPECT_GT(PAGES, pages_on(&self->seg, self->home));
}

/* A HARD huge page stays in the mask if only other pools have room. */
TEST_F(softoffline, offlined_hard_huge_page_stays_in_mask)
{
	struct nodemask mask = nodes_of(self->home);
	struct nodemask others = nodes_andnot(self->memory, mask);
	size_t pages = HUGE / page_size();

	ASSERT_EQ(0, pools_fill(HUGE, &self->memory, 1));
	ASSERT_EQ(0, huge_open(&self->seg, HUGE, 1, 0,
			       variant->policy | MEM_HARDBIND, &mask));
	write_pages(&self->seg);
	ASSERT_EQ(pages, pages_on(&self->seg, self->home));
	soft_offline(&self->seg, HUGE);
	EXPECT_EQ(pages, intact_pages(&self->seg));
	EXPECT_EQ(pages, pages_on(&self->seg, self->home));
	EXPECT_EQ(0, pools_fill(HUGE, &others, 0));
}

/* A SOFT huge page moves to the pool of another node. */
TEST_F(softoffline, offlined_soft_huge_page_moves_anywhere)
{
	struct nodemask mask = nodes_of(self->home);
	size_t pages = HUGE / page_size();

	ASSERT_EQ(0, pools_fill(HUGE, &self->memory, 1));
	ASSERT_EQ(0, huge_open(&self->seg, HUGE, 1, 0,
			       variant->policy | MEM_SOFTBIND, &mask));
	write_pages(&self->seg);
	ASSERT_EQ(pages, pages_on(&self->seg, self->home));
	EXPECT_EQ(1, soft_offline(&self->seg, HUGE));
	EXPECT_EQ(pages, intact_pages(&self->seg));
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
