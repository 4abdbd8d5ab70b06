// SPDX-License-Identifier: GPL-2.0
/*
 * Demotion to slower memory: pages of a HARD segment stay in the mask. They are
 * swapped where others are demoted, and without swap they stay mapped. All other
 * pages are demoted as without bindings.
 */
#include <pthread.h>
#include <time.h>

#include "ballast.h"
#include "expected.h"
#include "swap.h"
#include "thp.h"

#define DEMOTION	"/sys/kernel/mm/numa/demotion_enabled"
#define LRU_GEN		"/sys/kernel/mm/lru_gen/enabled"
#define PAGES		256
#define TRIES		20	/* until all pages are gone */
#define TRIES_IN_VAIN	2	/* enough for all pages, were they demoted */
#define PASSES		4	/* of reclaim that has nothing to take */
#define SWAP_SIZE	(64UL << 20)	/* bytes */
#define MEANWHILE_S	8	/* all rounds, unless the guest is slow */

FIXTURE(demotion)
{
	struct nodemask memory, fast, slow;
	int node;	/* a fast one */
	char usual_lru_gen[16];
	struct segment seg, other;
	struct swap swap;
	struct cgroup group;
};

FIXTURE_VARIANT(demotion)
{
	int policy;
	const char *lru_gen;
};

FIXTURE_VARIANT_ADD(demotion, firstref)
{
	.policy = MEM_FIRSTREF,
	.lru_gen = "n",
};

FIXTURE_VARIANT_ADD(demotion, stripe)
{
	.policy = MEM_STRIPE,
	.lru_gen = "y",
};

FIXTURE_VARIANT_ADD(demotion, mostfree)
{
	.policy = MEM_MOSTFREE,
	.lru_gen = "n",
};

FIXTURE_SETUP(demotion)
{
	struct nodemask cpus = cpu_nodes();

	REQUIRE("slow=2");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	self->memory = memory_nodes();
	self->fast = fast_nodes();
	self->slow = nodes_andnot(self->memory, self->fast);
	self->node = last_node(&self->fast);
	self->seg.id = -1;
	self->other.id = -1;
	ASSERT_EQ(0, run_on_node(first_node(&cpus)));
	ASSERT_EQ(0, cgroup_create(&self->group, "memory"));
	ASSERT_EQ(0, cgroup_join(&self->group));
	read_line(LRU_GEN, self->usual_lru_gen, sizeof(self->usual_lru_gen));
	ASSERT_EQ(0, write_file(LRU_GEN, variant->lru_gen));
	ASSERT_EQ(0, write_file(DEMOTION, "1"));
}

FIXTURE_TEARDOWN(demotion)
{
	segment_remove(&self->seg);
	segment_remove(&self->other);
	write_file(THP_DIR "shmem_enabled", "never");
	write_file(DEMOTION, "0");
	write_file(LRU_GEN, self->usual_lru_gen);
	EXPECT_EQ(0, swap_remove(&self->swap));
	cgroup_leave();
	cgroup_remove(&self->group);
}

/* How many pages of @seg lie in @mask, mapped here or no longer. */
static int pages_in(struct segment *seg, const struct nodemask *mask)
{
	int pages = seg->size / page_size(), nodes[pages], in = 0;

	if (placement_elsewhere(seg->id, pages, nodes))
		return -1;
	for (int page = 0; page < pages; page++)
		in += nodes[page] >= 0 && node_isset(nodes[page], mask);
	return in;
}

/* Have reclaim look at the pages of both segments; the second may be none. */
static void press(const FIXTURE_DATA(demotion) * self)
{
	const struct segment *seg = &self->seg, *other = &self->other;

	madvise(seg->addr, seg->size, MADV_COLD);
	if (other->addr)
		madvise(other->addr, other->size, MADV_COLD);
	cgroup_write(&self->group, "memory.reclaim", "2M");
}

/*
 * The same up to @tries times, as long as the first segment has pages that are
 * not on slow nodes; how many it has there in the end.
 */
static int demote(FIXTURE_DATA(demotion) * self, int tries)
{
	int pages = self->seg.size / page_size(), demoted = 0;

	for (int i = 0; i < tries && demoted < pages; i++) {
		press(self);
		demoted = pages_in(&self->seg, &self->slow);
	}
	return demoted;
}

TEST_F(demotion, takes_pages_of_soft_segments)
{
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_SOFTBIND, &self->fast));
	touch_pages(self->seg.addr, PAGES);
	ASSERT_EQ(PAGES, pages_in(&self->seg, &self->fast));
	EXPECT_EQ(PAGES, demote(self, TRIES));
}

/* Also once there has been a HARD binding. */
TEST_F(demotion, takes_pages_of_segments_without_a_binding)
{
	ASSERT_EQ(0, segment_open(&self->other, 1,
				  variant->policy | MEM_HARDBIND, &self->fast));
	ASSERT_EQ(0, segment_create(&self->seg, PAGES));
	ASSERT_EQ(0, segment_attach(&self->seg));
	touch_pages(self->seg.addr, PAGES);
	ASSERT_EQ(PAGES, pages_in(&self->seg, &self->fast));
	EXPECT_EQ(PAGES, demote(self, TRIES));
}

TEST_F(demotion, leaves_pages_of_hard_segments_where_they_are)
{
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &self->fast));
	touch_pages(self->seg.addr, PAGES);
	EXPECT_EQ(0, demote(self, TRIES_IN_VAIN));
	EXPECT_EQ(PAGES, pages_in(&self->seg, &self->fast));
}

/* How many faults it takes to touch every page of the segment. */
static long faults_to_touch(const struct segment *seg)
{
	long before = thread_faults();

	touch_pages(seg->addr, seg->size / page_size());
	return thread_faults() - before;
}

/*
 * Reclaim comes by several times, for the segment in particular with
 * MADV_PAGEOUT; how many faults that costs.
 */
static long faults_under_pressure(const FIXTURE_DATA(demotion) * self,
				  bool pageout)
{
	long faults = 0;

	touch_pages(self->seg.addr, self->seg.size / page_size());
	for (int pass = 0; pass < PASSES; pass++) {
		press(self);
		if (pageout)
			madvise(self->seg.addr, self->seg.size, MADV_PAGEOUT);
		faults += faults_to_touch(&self->seg);
	}
	return faults;
}

TEST_F(demotion, leaves_hard_pages_mapped)
{
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &self->fast));
	EXPECT_EQ(0, faults_under_pressure(self, false));
	EXPECT_EQ(PAGES, pages_in(&self->seg, &self->fast));
}

TEST_F(demotion, leaves_hard_pages_mapped_by_pageout)
{
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &self->fast));
	EXPECT_EQ(0, faults_under_pressure(self, true));
	EXPECT_EQ(PAGES, pages_in(&self->seg, &self->fast));
}

TEST_F(demotion, leaves_hard_large_folios_mapped)
{
	int pages = 4 * FOLIO_SIZE / page_size();

	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	open_aligned(_metadata, &self->seg, pages,
		     variant->policy | MEM_HARDBIND, &self->fast);
	touch_pages(self->seg.addr, pages);
	ASSERT_EQ(self->seg.size, large_bytes(&self->seg));
	EXPECT_EQ(0, faults_under_pressure(self, false));
	EXPECT_EQ(self->seg.size, large_bytes(&self->seg));
	EXPECT_EQ(pages, pages_in(&self->seg, &self->fast));
}

/* There is swap, but not for this group. */
TEST_F(demotion, leaves_hard_pages_mapped_at_swap_limit)
{
	ASSERT_EQ(0, swap_to_zram(&self->swap, SWAP_SIZE));
	ASSERT_EQ(0, cgroup_write(&self->group, "memory.swap.max", "0"));
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &self->fast));
	EXPECT_EQ(0, faults_under_pressure(self, false));
	EXPECT_EQ(PAGES, pages_in(&self->seg, &self->fast));
}

/* They share the lists with pages that are demoted. */
TEST_F(demotion, leaves_hard_pages_mapped_beside_others)
{
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &self->fast));
	ASSERT_EQ(0, segment_open(&self->other, PAGES, MEM_SOFTBIND,
				  &self->fast));
	for (int page = 0; page < PAGES; page++) {
		touch_page(self->seg.addr, page);
		touch_page(self->other.addr, page);
	}
	EXPECT_EQ(0, faults_under_pressure(self, false));
	EXPECT_EQ(PAGES, pages_in(&self->seg, &self->fast));
	EXPECT_LT(0, pages_in(&self->other, &self->slow));
}

/* Allocations on the node have reclaim look for pages, in vain. */
TEST_F_TIMEOUT(demotion, leaves_hard_pages_mapped_on_a_full_node, 150)
{
	struct nodemask mask = nodes_of(self->node);
	long faults = 0, last;

	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	touch_pages(self->seg.addr, PAGES);
	/* few failing attempts: with MGLRU each of them takes seconds */
	last = take_pages(&self->other, self->node, node_pages(self->node));
	ASSERT_LT(0, last);
	for (int pass = 0; pass < PASSES; pass++) {
		madvise(self->seg.addr, self->seg.size, MADV_COLD);
		last = top_up(&self->other, last);
		faults += faults_to_touch(&self->seg);
	}
	EXPECT_EQ(0, faults);
	EXPECT_EQ(PAGES, pages_in(&self->seg, &mask));
}

TEST_F(demotion, takes_pages_of_hard_segments_whose_masks_have_the_slow_nodes)
{
	struct nodemask mask = self->slow;

	node_set(self->node, &mask);
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	touch_pages(self->seg.addr, PAGES);
	ASSERT_EQ(0, segment_move(&self->seg, PAGES, self->node));
	ASSERT_EQ(0, pages_in(&self->seg, &self->slow));
	EXPECT_EQ(PAGES, demote(self, TRIES));
}

/* Decided for each folio: the other slow node may be the nearer one. */
TEST_F(demotion, takes_hard_pages_within_the_mask)
{
	struct nodemask mask;
	int slow;

	for (slow = -1; next_node(&slow, &self->slow);) {
		mask = nodes_of(self->node);
		node_set(slow, &mask);
		ASSERT_EQ(0, segment_open(&self->seg, PAGES,
					  variant->policy | MEM_HARDBIND,
					  &mask));
		touch_pages(self->seg.addr, PAGES);
		ASSERT_EQ(0, segment_move(&self->seg, PAGES, self->node));
		EXPECT_EQ(0, faults_under_pressure(self, false));
		EXPECT_EQ(PAGES, pages_in(&self->seg, &mask));
		EXPECT_LT(0, pages_in(&self->seg, &self->slow));
		segment_remove(&self->seg);
	}
}

/* They lie on the same lists, where the HARD ones stay. */
TEST_F(demotion, takes_pages_of_others_from_between_hard_ones)
{
	struct nodemask mask = nodes_of(self->node);

	ASSERT_EQ(0, segment_open(&self->seg, PAGES, MEM_SOFTBIND, &mask));
	ASSERT_EQ(0, segment_open(&self->other, PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	for (int page = 0; page < PAGES; page++) {
		touch_page(self->seg.addr, page);
		touch_page(self->other.addr, page);
	}
	EXPECT_EQ(PAGES, demote(self, TRIES));
	EXPECT_EQ(PAGES, pages_in(&self->other, &mask));
}

TEST_F(demotion, gives_way_to_swap_under_hard)
{
	struct nodemask mask = nodes_of(self->node);

	ASSERT_EQ(0, swap_to_zram(&self->swap, SWAP_SIZE));
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	touch_pages(self->seg.addr, PAGES);
	for (int i = 0; i < TRIES && pages_in(&self->seg, &self->memory); i++)
		press(self);
	EXPECT_EQ(0, pages_in(&self->seg, &self->memory));
	touch_pages(self->seg.addr, PAGES);
	EXPECT_EQ(PAGES, pages_in(&self->seg, &mask));
}

/* What was written to swap waits to be freed, and reclaim comes by once more. */
TEST_F(demotion, leaves_hard_large_folios_that_are_in_the_swap_cache)
{
	struct nodemask mask = nodes_of(self->node);
	struct nodemask others = nodes_andnot(self->memory, mask);
	int pages = 4 * FOLIO_SIZE / page_size();
	long written = event_count("pswpout");
	time_t end = time(NULL) + MEANWHILE_S;

	ASSERT_EQ(0, swap_to_disk(&self->swap, SWAP_SIZE / 4));
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	open_aligned(_metadata, &self->seg, pages,
		     variant->policy | MEM_HARDBIND, &mask);
	touch_pages(self->seg.addr, pages);
	ASSERT_EQ(self->seg.size, large_bytes(&self->seg));
	for (int round = 0; round < 10 && time(NULL) < end; round++) {
		madvise(self->seg.addr, self->seg.size, MADV_COLD);
		for (int i = 0; i < 3; i++)
			cgroup_write(&self->group, "memory.reclaim", "4M");
		touch_pages(self->seg.addr, pages);
		EXPECT_EQ(0, pages_in(&self->seg, &others));
	}
	EXPECT_LT(written, event_count("pswpout"));
}

struct toucher {
	pthread_t thread;
	struct segment *seg;
	bool stop;
};

static void *touch_all(void *arg)
{
	struct toucher *toucher = arg;
	struct segment *seg = toucher->seg;

	while (!__atomic_load_n(&toucher->stop, __ATOMIC_RELAXED))
		touch_pages(seg->addr, seg->size / page_size());
	return NULL;
}

/* A page may come back while reclaim has it in hand. */
TEST_F(demotion, leaves_hard_pages_that_come_back_from_swap_meanwhile)
{
	struct nodemask mask = nodes_of(self->node);
	struct nodemask others = nodes_andnot(self->memory, mask);
	long written = event_count("pswpout"), read = event_count("pswpin");
	struct toucher toucher = { .seg = &self->seg };
	time_t end = time(NULL) + MEANWHILE_S;

	ASSERT_EQ(0, swap_to_disk(&self->swap, SWAP_SIZE / 4));
	ASSERT_EQ(0, segment_open(&self->seg, 4 * PAGES,
				  variant->policy | MEM_HARDBIND, &mask));
	ASSERT_EQ(0, pthread_create(&toucher.thread, NULL, touch_all,
				    &toucher));
	for (int round = 0; round < 100 && time(NULL) < end; round++) {
		madvise(self->seg.addr, self->seg.size, MADV_COLD);
		cgroup_write(&self->group, "memory.reclaim", "1M");
	}
	__atomic_store_n(&toucher.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(toucher.thread, NULL));
	EXPECT_EQ(0, pages_in(&self->seg, &others));
	EXPECT_LT(written, event_count("pswpout"));
	EXPECT_LT(read, event_count("pswpin"));
}

/* Unless the mask has them, slow nodes are no room for what a fast one lacks. */
TEST_F(demotion, a_node_full_of_hard_pages_is_a_sigbus)
{
	struct nodemask mask = nodes_of(self->node);
	long pages = node_pages(self->node), taken;

	ASSERT_EQ(0, segment_open(&self->seg, pages,
				  variant->policy | MEM_HARDBIND, &mask));
	taken = try_touch_pages(self->seg.addr, pages);
	EXPECT_GT(pages, taken);
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	EXPECT_EQ(taken, pages_in(&self->seg, &mask));
}

TEST_F(demotion, a_node_full_of_hard_pages_is_swapped_for_more)
{
	struct nodemask mask = nodes_of(self->node);
	long pages = node_pages(self->node) + SWAP_SIZE / page_size() / 4;

	ASSERT_EQ(0, swap_to_zram(&self->swap, SWAP_SIZE));
	ASSERT_EQ(0, segment_open(&self->seg, pages,
				  variant->policy | MEM_HARDBIND, &mask));
	EXPECT_EQ(pages, try_touch_pages(self->seg.addr, pages));
	EXPECT_EQ(0, pages_in(&self->seg, &self->slow));
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
