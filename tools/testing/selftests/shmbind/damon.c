// SPDX-License-Identifier: GPL-2.0
/*
 * DAMON's schemes that move memory to a node: HARD pages move only to nodes of
 * their mask.
 */
#include <sys/mman.h>

#include "expected.h"
#include "segment.h"

#define KDAMONDS	"/sys/kernel/mm/damon/admin/kdamonds"
#define CONTEXT		KDAMONDS "/0/contexts/0"
#define SCHEME		CONTEXT "/schemes/0"
#define STATE		KDAMONDS "/0/state"

#define PAGES		64
#define PASSES		4	/* of the scheme, enough to move every page */
#define WAIT_MS		10000

static int set(const char *file, unsigned long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", value);
	return write_file(file, text);
}

/* Monitor @seg alone, with a scheme that takes all its pages, used or not. */
static int damon_start(const struct segment *seg, const char *action, int node)
{
	unsigned long start = (unsigned long)seg->addr;

	return set(KDAMONDS "/nr_kdamonds", 1) ||
	       set(KDAMONDS "/0/contexts/nr_contexts", 1) ||
	       write_file(CONTEXT "/operations", "fvaddr") ||
	       set(CONTEXT "/monitoring_attrs/intervals/sample_us", 5000) ||
	       set(CONTEXT "/monitoring_attrs/intervals/aggr_us", 50000) ||
	       set(CONTEXT "/targets/nr_targets", 1) ||
	       set(CONTEXT "/targets/0/pid_target", getpid()) ||
	       set(CONTEXT "/targets/0/regions/nr_regions", 1) ||
	       set(CONTEXT "/targets/0/regions/0/start", start) ||
	       set(CONTEXT "/targets/0/regions/0/end", start + seg->size) ||
	       set(CONTEXT "/schemes/nr_schemes", 1) ||
	       write_file(SCHEME "/action", action) ||
	       set(SCHEME "/target_nid", node) ||
	       set(SCHEME "/access_pattern/sz/max", LONG_MAX) ||
	       set(SCHEME "/access_pattern/nr_accesses/max", INT_MAX) ||
	       set(SCHEME "/access_pattern/age/max", INT_MAX) ||
	       write_file(STATE, "on");
}

static int damon_stop(void)
{
	write_file(STATE, "off");
	return set(KDAMONDS "/nr_kdamonds", 0);
}

/* How many bytes the scheme has tried to move so far, or -1. */
static long damon_tried(void)
{
	char line[32];

	if (write_file(STATE, "update_schemes_stats"))
		return -1;
	return atol(read_line(SCHEME "/stats/sz_tried", line, sizeof(line)));
}

FIXTURE(damon)
{
	struct nodemask memory;
	int home, away;
	struct segment seg;
};

FIXTURE_VARIANT(damon)
{
	const char *action;
	int policy;
};

FIXTURE_VARIANT_ADD(damon, cold_firstref)
{
	.action = "migrate_cold",
	.policy = MEM_FIRSTREF,
};

FIXTURE_VARIANT_ADD(damon, cold_stripe)
{
	.action = "migrate_cold",
	.policy = MEM_STRIPE,
};

FIXTURE_VARIANT_ADD(damon, hot_mostfree)
{
	.action = "migrate_hot",
	.policy = MEM_MOSTFREE,
};

FIXTURE_SETUP(damon)
{
	REQUIRE("nodes=2 damonvaddr");
	ASSERT_EQ(0, own_ipc_namespace());
	self->memory = memory_nodes();
	self->home = first_node(&self->memory);
	self->away = last_node(&self->memory);
	self->seg.id = -1;
}

FIXTURE_TEARDOWN(damon)
{
	EXPECT_EQ(0, damon_stop());
	segment_remove(&self->seg);
}

static long pages_on(struct segment *seg, int node)
{
	long per_node[NODES_MAX];

	touch_pages(seg->addr, PAGES);
	if (count_placement(seg->addr, PAGES, per_node) < 0)
		return -1;
	return per_node[node];
}

/*
 * Fill the segment on the home node, and have DAMON try for a while to move it
 * away. Returns how many pages it has moved.
 */
static long moved(struct __test_metadata *_metadata,
		  FIXTURE_DATA(damon) * self, const char *action)
{
	struct segment *seg = &self->seg;
	long tried = 0;

	touch_pages(seg->addr, PAGES);
	segment_move(seg, PAGES, self->home);
	EXPECT_EQ(PAGES, pages_on(seg, self->home));
	EXPECT_EQ(0, damon_start(seg, action, self->away));
	for (int ms = 0; ms < WAIT_MS; ms += 50) {
		usleep(50000);
		if (pages_on(seg, self->away) == PAGES)
			break;
		tried = damon_tried();
		if (tried < 0 || tried >= PASSES * (long)seg->size)
			break;
	}
	EXPECT_EQ(0, damon_stop());
	/* if pages stayed, the scheme must have tried to move them */
	if (pages_on(seg, self->away) < PAGES)
		EXPECT_LE(PASSES * (long)seg->size, tried);
	return pages_on(seg, self->away);
}

/* A scheme does not move HARD pages to a node outside the mask. */
TEST_F(damon, damon_keeps_hard_pages_in_the_mask)
{
	struct nodemask mask = nodes_of(self->home);

	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	EXPECT_EQ(0, moved(_metadata, self, variant->action));
	EXPECT_EQ(PAGES, pages_on(&self->seg, self->home));
}

/* A scheme moves HARD pages to another node of the mask. */
TEST_F(damon, damon_moves_hard_pages_in_the_mask)
{
	struct nodemask mask = nodes_of(self->home);

	node_set(self->away, &mask);
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	EXPECT_EQ(PAGES, moved(_metadata, self, variant->action));
}

/* A scheme moves SOFT pages to a node outside the mask. */
TEST_F(damon, damon_moves_soft_pages_anywhere)
{
	struct nodemask mask = nodes_of(self->home);

	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_SOFTBIND, &mask));
	EXPECT_EQ(PAGES, moved(_metadata, self, variant->action));
}

/* A scheme moves unbound pages, also after there was a HARD binding. */
TEST_F(damon, damon_moves_unbound_pages_anywhere)
{
	struct nodemask mask = nodes_of(self->home);

	ASSERT_EQ(0, segment_open(&self->seg, 1, MEM_HARDBIND, &mask));
	segment_remove(&self->seg);
	ASSERT_EQ(0, segment_create(&self->seg, PAGES));
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_EQ(PAGES, moved(_metadata, self, variant->action));
}

TEST_HARNESS_MAIN
