// SPDX-License-Identifier: GPL-2.0
/*
 * Promotion from slow memory by NUMA balancing in tiering mode. Pages of SOFT
 * segments return to nodes of the mask. No page of a bound segment goes to a
 * fast node outside its mask.
 */
#include <time.h>

#include "balancing.h"
#include "expected.h"
#include "segment.h"

#define PAGES		128
#define ENOUGH		(3 * PAGES / 4)	/* pages that prove promotion */
#define PATIENCE_S	20
#define VAIN_S		2	/* to wait after others have been promoted */

FIXTURE(tiering)
{
	const char *mode;	/* of NUMA balancing, once pages are slow */
	struct nodemask fast, slow;
	int home;	/* a fast node with CPUs */
	int other;	/* another */
	int below;	/* a slow node */
	struct segment seg, unbound;
};

FIXTURE_VARIANT(tiering)
{
	const char *mode;
	int policy;
};

FIXTURE_VARIANT_ADD(tiering, firstref)
{
	.mode = "2",
	.policy = MEM_FIRSTREF,
};

FIXTURE_VARIANT_ADD(tiering, stripe)
{
	.mode = "2",
	.policy = MEM_STRIPE,
};

FIXTURE_VARIANT_ADD(tiering, mostfree)
{
	.mode = "2",
	.policy = MEM_MOSTFREE,
};

FIXTURE_VARIANT_ADD(tiering, firstref_and_normal)
{
	.mode = "3",
	.policy = MEM_FIRSTREF,
};

FIXTURE_VARIANT_ADD(tiering, stripe_and_normal)
{
	.mode = "3",
	.policy = MEM_STRIPE,
};

FIXTURE_SETUP(tiering)
{
	struct nodemask memory = memory_nodes(), cpus = cpu_nodes(), both;

	REQUIRE("slow=1 cpunodes=3");
	self->fast = fast_nodes();
	self->slow = nodes_andnot(memory, self->fast);
	both = nodes_and(self->fast, cpus);
	self->home = nth_node(1, &both);
	self->other = nth_node(2, &both);
	self->below = first_node(&self->slow);
	self->mode = variant->mode;
	self->seg.id = -1;
	self->unbound.id = -1;
	ASSERT_EQ(0, own_ipc_namespace());
}

FIXTURE_TEARDOWN(tiering)
{
	segment_remove(&self->seg);
	segment_remove(&self->unbound);
	EXPECT_EQ(0, balance("0"));
}

static int pages_in(struct segment *seg, const struct nodemask *mask)
{
	int nodes[PAGES], in = 0;

	if (placement(seg->addr, PAGES, nodes))
		return -1;
	for (int page = 0; page < PAGES; page++)
		in += nodes[page] >= 0 && node_isset(nodes[page], mask);
	return in;
}

/* Move the pages to a slow node, as if they had been demoted. */
static void fill_below(struct __test_metadata *_metadata, struct segment *seg,
		       int node)
{
	struct nodemask mask = nodes_of(node);

	/* no promotion before they are counted */
	ASSERT_EQ(0, balance("0"));
	touch_pages(seg->addr, PAGES);
	ASSERT_EQ(0, segment_move(seg, PAGES, node));
	touch_pages(seg->addr, PAGES);
	ASSERT_EQ(PAGES, pages_in(seg, &mask));
}

static void open_below(struct __test_metadata *_metadata,
		       FIXTURE_DATA(tiering) * self, int policy,
		       const struct nodemask *mask)
{
	ASSERT_EQ(0, segment_open(&self->seg, PAGES, policy, mask));
	fill_below(_metadata, &self->seg, self->below);
}

/*
 * Use the segment and an unbound one on @node, until enough pages of the latter
 * have been promoted, and with @both of the former as well, or some time has
 * passed. Returns how many pages of the unbound segment have been promoted.
 */
static int use_from(struct __test_metadata *_metadata,
		    FIXTURE_DATA(tiering) * self, int node, bool both)
{
	clock_t end = clock() + PATIENCE_S * CLOCKS_PER_SEC;
	bool known = false;
	int promoted = 0;

	ASSERT_EQ(0, segment_create(&self->unbound, PAGES));
	ASSERT_EQ(0, segment_attach(&self->unbound));
	ASSERT_EQ(0, run_on_node(node));
	fill_below(_metadata, &self->unbound, self->below);
	ASSERT_EQ(0, balance(self->mode));
	/* use CPU time: the scan is paced by it */
	while (clock() < end) {
		for (int i = 0; i < 200; i++) {
			touch_pages(self->seg.addr, PAGES);
			touch_pages(self->unbound.addr, PAGES);
		}
		promoted = pages_in(&self->unbound, &self->fast);
		if (promoted < ENOUGH)
			continue;
		if (both && pages_in(&self->seg, &self->fast) >= ENOUGH)
			break;
		if (!both && !known) {
			end = clock() + VAIN_S * CLOCKS_PER_SEC;
			known = true;
		}
	}
	return promoted;
}

/* SOFT pages are promoted to fast nodes of the mask. */
TEST_F(tiering, soft_pages_are_promoted_into_the_mask)
{
	struct nodemask mask = nodes_of(self->home);

	node_set(last_node(&self->fast), &mask);
	open_below(_metadata, self, variant->policy | MEM_SOFTBIND, &mask);
	EXPECT_LE(ENOUGH, use_from(_metadata, self, self->home, true));
	EXPECT_LE(ENOUGH, pages_in(&self->seg, &mask));
	mask = nodes_andnot(self->fast, mask);
	EXPECT_EQ(0, pages_in(&self->seg, &mask));
}

/* SOFT pages are not promoted if the node of the CPU is outside the mask. */
TEST_F(tiering, soft_pages_are_not_promoted_elsewhere)
{
	struct nodemask mask = nodes_of(self->home), elsewhere;

	open_below(_metadata, self, variant->policy | MEM_SOFTBIND, &mask);
	EXPECT_LE(ENOUGH, use_from(_metadata, self, self->other, false));
	elsewhere = nodes_andnot(self->fast, mask);
	EXPECT_EQ(0, pages_in(&self->seg, &elsewhere));
}

/* Pages whose mask has slow nodes only are not promoted. */
TEST_F(tiering, pages_of_a_slow_mask_are_not_promoted)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };

	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		open_below(_metadata, self, variant->policy | strengths[i],
			   &self->slow);
		EXPECT_LE(ENOUGH, use_from(_metadata, self, self->home, false));
		EXPECT_EQ(0, pages_in(&self->seg, &self->fast));
		segment_remove(&self->unbound);
		segment_remove(&self->seg);
	}
}

/* HARD pages are not promoted to nodes outside the mask. */
TEST_F(tiering, hard_pages_are_not_promoted_out_of_mask)
{
	struct nodemask mask = nodes_of(self->home), elsewhere;

	node_set(self->below, &mask);
	open_below(_metadata, self, variant->policy | MEM_HARDBIND, &mask);
	EXPECT_LE(ENOUGH, use_from(_metadata, self, self->other, false));
	elsewhere = nodes_andnot(self->fast, mask);
	EXPECT_EQ(0, pages_in(&self->seg, &elsewhere));
}

/* Pages do not move from one fast node to another. */
TEST_F(tiering, pages_on_fast_nodes_are_not_promoted)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct nodemask mask = nodes_of(self->home), home = mask;

	node_set(self->other, &mask);
	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		ASSERT_EQ(0, segment_open(&self->seg, PAGES,
					  variant->policy | strengths[i],
					  &mask));
		fill_below(_metadata, &self->seg, self->home);
		EXPECT_LE(ENOUGH, use_from(_metadata, self, self->other,
					   false));
		EXPECT_EQ(PAGES, pages_in(&self->seg, &home));
		segment_remove(&self->unbound);
		segment_remove(&self->seg);
	}
}

/* The normal mode of NUMA balancing does not promote bound pages. */
TEST_F(tiering, normal_mode_does_not_promote)
{
	struct nodemask mask = nodes_of(self->home);
	struct nodemask below = nodes_of(self->below);
	time_t end;

	open_below(_metadata, self, variant->policy | MEM_SOFTBIND, &mask);
	ASSERT_EQ(0, balance("1"));
	ASSERT_EQ(0, run_on_node(self->home));
	for (end = time(NULL) + VAIN_S; time(NULL) < end;)
		touch_pages(self->seg.addr, PAGES);
	EXPECT_EQ(PAGES, pages_in(&self->seg, &below));
}

TEST_HARNESS_MAIN
