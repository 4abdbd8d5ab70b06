// SPDX-License-Identifier: GPL-2.0
/*
 * MEM_MOSTFREE chooses by free memory at each fault. The tests move its choice
 * from node to node with ballast.
 *
 * A node's free memory falls in steps, since CPUs take pages in batches, and
 * its counter is some pages late. NOISE is more than that. STEP, the difference
 * that the tests make between nodes, is much more.
 */
#include <limits.h>
#include <pthread.h>

#include "ballast.h"
#include "expected.h"

#define NOISE	256		/* pages */
#define STEP	1024
#define FEW	128		/* pages that do not change which is freest */
#define LEVELS	3		/* nodes that a segment levels */

FIXTURE(mostfree)
{
	struct nodemask memory;
	struct segment seg;
	struct segment ballast[LEVELS];
	long per_node[NODES_MAX];
};

FIXTURE_VARIANT(mostfree)
{
	int strength;
};

FIXTURE_VARIANT_ADD(mostfree, hard) {
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(mostfree, soft) {
	.strength = MEM_SOFTBIND,
};

FIXTURE_SETUP(mostfree)
{
	struct nodemask cpus;

	REQUIRE("nodes=2");
	ASSERT_EQ(0, own_ipc_namespace());
	self->memory = memory_nodes();
	cpus = cpu_nodes();
	ASSERT_EQ(0, run_on_node(first_node(&cpus)));
}

FIXTURE_TEARDOWN(mostfree)
{
	segment_detach(&self->seg);
	for (int i = 0; i < LEVELS; i++)
		segment_detach(&self->ballast[i]);
}

static void open_mostfree(struct __test_metadata *_metadata,
			  struct segment *seg, size_t pages, int strength,
			  const struct nodemask *mask)
{
	ASSERT_EQ(0, segment_open(seg, pages, MEM_MOSTFREE | strength, mask));
	ASSERT_EQ(0, segment_rmid(seg));
}

static struct nodemask without(struct nodemask mask, int node)
{
	node_clear(node, &mask);
	return mask;
}

/* How many free pages the freest node of @mask has more than the fullest. */
static long free_gap(const struct nodemask *mask)
{
	long free_pages, most = 0, least = LONG_MAX;
	int node;

	for (node = -1; next_node(&node, mask);) {
		free_pages = node_free_pages(node);
		if (free_pages > most)
			most = free_pages;
		if (free_pages < least)
			least = free_pages;
	}
	return most - least;
}

/* Take pages of @node until @below has STEP more. */
static void sink_below(struct __test_metadata *_metadata,
		       struct segment *ballast, int node, int below)
{
	long pages = node_free_pages(node) - node_free_pages(below) + STEP;

	if (pages <= 0)
		return;
	ASSERT_EQ(pages, take_pages(ballast, node, pages));
}

/* Touch FEW pages from @page on; all of them have to be on @node. */
static void expect_few_on(struct __test_metadata *_metadata,
			  struct segment *seg, size_t page, int node)
{
	int nodes[FEW];

	touch_pages(seg->addr + page * page_size(), FEW);
	ASSERT_EQ(0, placement(seg->addr + page * page_size(), FEW, nodes));
	for (int i = 0; i < FEW; i++)
		EXPECT_EQ(node, nodes[i]);
}

/* Each fault takes the node that has most free memory at that time. */
TEST_F(mostfree, freest_node_is_chosen_at_each_fault)
{
	int first = freest_of(&self->memory), second;
	struct nodemask rest = without(self->memory, first), mask;

	second = freest_of(&rest);
	mask = nodes_of(first);
	node_set(second, &mask);
	open_mostfree(_metadata, &self->seg, 3 * FEW, variant->strength, &mask);

	sink_below(_metadata, &self->ballast[0], first, second);
	expect_few_on(_metadata, &self->seg, 0, second);
	sink_below(_metadata, &self->ballast[1], second, first);
	expect_few_on(_metadata, &self->seg, FEW, first);
	ASSERT_EQ(0, give_back(&self->ballast[1]));
	expect_few_on(_metadata, &self->seg, 2 * FEW, second);
}

/* A node outside the mask is not used, although it has more free memory. */
TEST_F(mostfree, freer_node_outside_mask_is_not_chosen)
{
	struct nodemask mask = without(self->memory, freest_of(&self->memory));
	int nodes[FEW];

	open_mostfree(_metadata, &self->seg, FEW, variant->strength, &mask);
	touch_pages(self->seg.addr, FEW);
	ASSERT_EQ(0, placement(self->seg.addr, FEW, nodes));
	EXPECT_EQ(0, strays(nodes, FEW, &mask));
}

/*
 * Bring the freest nodes, at most LEVELS of them, to a staircase:
 *
 *	free    ####################    first
 *		################        second, STEP lower
 *		############            third, 2 * STEP lower
 *
 * and return their mask.
 */
static struct nodemask build_stairs(struct __test_metadata *_metadata,
				    struct segment *ballast,
				    const struct nodemask *memory)
{
	struct nodemask left = *memory, stairs = {};
	int node, above = -1;

	for (int i = 0; i < LEVELS && nodes_weight(&left); i++) {
		node = freest_of(&left);
		left = without(left, node);
		if (above >= 0)
			sink_below(_metadata, &ballast[i], node, above);
		node_set(node, &stairs);
		above = node;
	}
	return stairs;
}

/* The pages that level the stairs and take STEP / 2 more of each node. */
static long pages_to_level(const struct nodemask *stairs)
{
	long free_pages, least = LONG_MAX, sum = 0;
	int node;

	for (node = -1; next_node(&node, stairs);) {
		free_pages = node_free_pages(node);
		sum += free_pages;
		if (free_pages < least)
			least = free_pages;
	}
	return sum - nodes_weight(stairs) * (least - STEP / 2);
}

/* A segment that fills its nodes leaves them with the same free memory. */
TEST_F(mostfree, mostfree_levels_its_nodes)
{
	struct nodemask stairs;
	long pages;

	stairs = build_stairs(_metadata, self->ballast, &self->memory);
	EXPECT_LE(STEP - NOISE, free_gap(&stairs));
	pages = pages_to_level(&stairs);
	open_mostfree(_metadata, &self->seg, pages, variant->strength, &stairs);
	touch_pages(self->seg.addr, pages);

	EXPECT_GE(NOISE, free_gap(&stairs));
	ASSERT_EQ(pages, count_placement(self->seg.addr, pages,
					 self->per_node));
	for (int node = 0; node < NODES_MAX; node++) {
		if (!node_isset(node, &stairs))
			EXPECT_EQ(0, self->per_node[node]);
	}
}

/* Each node takes its free pages above the level that all nodes reach. */
TEST_F(mostfree, freer_nodes_take_more_pages)
{
	struct nodemask stairs;
	long pages, was_free[NODES_MAX], level, noise;
	int node;

	stairs = build_stairs(_metadata, self->ballast, &self->memory);
	for (node = -1; next_node(&node, &stairs);)
		was_free[node] = node_free_pages(node);
	pages = pages_to_level(&stairs);
	open_mostfree(_metadata, &self->seg, pages, variant->strength, &stairs);
	touch_pages(self->seg.addr, pages);

	ASSERT_EQ(pages, count_placement(self->seg.addr, pages,
					 self->per_node));
	level = -pages;
	for (node = -1; next_node(&node, &stairs);)
		level += was_free[node];
	level /= nodes_weight(&stairs);
	/* page tables and the page cache's tree use memory, too */
	noise = NOISE + pages / 128;
	for (node = -1; next_node(&node, &stairs);) {
		EXPECT_LE(was_free[node] - level - noise, self->per_node[node]);
		EXPECT_GE(was_free[node] - level + noise, self->per_node[node]);
	}
}

struct mostfree_toucher {
	pthread_t thread;
	int node;
	char *addr;
	long pages;
};

static void *work(void *arg)
{
	struct mostfree_toucher *worker = arg;

	run_on_node(worker->node);
	touch_pages(worker->addr, worker->pages);
	return NULL;
}

/* Threads on two nodes level the nodes as well. */
TEST_F(mostfree, mostfree_threads_level_their_nodes)
{
	struct nodemask stairs, cpus = cpu_nodes();
	struct mostfree_toucher workers[2];
	long half;

	stairs = build_stairs(_metadata, self->ballast, &self->memory);
	half = pages_to_level(&stairs) / 2;
	open_mostfree(_metadata, &self->seg, 2 * half, variant->strength,
		      &stairs);
	for (int i = 0; i < 2; i++) {
		workers[i] = (struct mostfree_toucher) {
			.node = i ? last_node(&cpus) : first_node(&cpus),
			.addr = self->seg.addr + i * half * page_size(),
			.pages = half,
		};
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work,
					    &workers[i]));
	}
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
	/* each CPU has a batch of its own */
	EXPECT_GE(2 * NOISE, free_gap(&stairs));
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
