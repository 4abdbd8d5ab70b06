// SPDX-License-Identifier: GPL-2.0
/*
 * Demotion to slower memory: pages of a HARD segment stay in the mask. They are
 * swapped instead of demoted, and stay mapped if there is no swap. Other pages
 * are demoted as without bindings.
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
#define PASSES		4	/* of reclaim that finds nothing */
#define SWAP_SIZE	(64UL << 20)	/* bytes */
#define MEANWHILE_S	8	/* limit of the rounds, for slow guests */

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

/* How many pages of @seg are on nodes of @mask, mapped here or not. */
static int pages_in(struct segment *seg, const struct nodemask *mask)
{
	int pages = seg->size / page_size(), nodes[pages], in = 0;

	if (placement_elsewhere(seg->id, pages, nodes))
		return -1;
	for (int page = 0; page < pages; page++)
		in += nodes[page] >= 0 && node_isset(nodes[page], mask);
	return in;
}

/* Have reclaim scan the pages of both segments; there may be no second one. */
static void press(const FIXTURE_DATA(demotion) * self)
{
	const struct segment *seg = &self->seg, *other = &self->other;

	madvise(seg->addr, seg->size, MADV_COLD);
	if (other->addr)
		madvise(other->addr, other->size, MADV_COLD);
	cgroup_write(&self->group, "memory.reclaim", "2M");
}

/*
 * press() up to @tries times, until all pages of the first segment are on slow
 * nodes. Returns how many are there.
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

/* Pages of a SOFT segment are demoted out of their mask. */
TEST_F(demotion, soft_pages_are_demoted)
{
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_SOFTBIND, &self->fast));
	touch_pages(self->seg.addr, PAGES);
	ASSERT_EQ(PAGES, pages_in(&self->seg, &self->fast));
	EXPECT_EQ(PAGES, demote(self, TRIES));
}

/* Unbound pages are demoted, also after there was a HARD binding. */
TEST_F(demotion, unbound_pages_are_demoted)
{
	ASSERT_EQ(0, segment_open(&self->other, 1,
				  variant->policy | MEM_HARDBIND, &self->fast));
	ASSERT_EQ(0, segment_create(&self->seg, PAGES));
	ASSERT_EQ(0, segment_attach(&self->seg));
	touch_pages(self->seg.addr, PAGES);
	ASSERT_EQ(PAGES, pages_in(&self->seg, &self->fast));
	EXPECT_EQ(PAGES, demote(self, TRIES));
}

/* Pages of a HARD segment stay on the fast nodes of their mask. */
TEST_F(demotion, hard_pages_are_not_demoted)
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
 * Have reclaim scan several times, with @pageout for this segment in
 * particular. Returns how many faults that costs.
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

/* Reclaim that cannot demote HARD pages does not unmap them. */
TEST_F(demotion, hard_pages_stay_mapped)
{
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &self->fast));
	EXPECT_EQ(0, faults_under_pressure(self, false));
	EXPECT_EQ(PAGES, pages_in(&self->seg, &self->fast));
}

/* Without swap, MADV_PAGEOUT does not unmap HARD pages. */
TEST_F(demotion, pageout_leaves_hard_pages_mapped)
{
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &self->fast));
	EXPECT_EQ(0, faults_under_pressure(self, true));
	EXPECT_EQ(PAGES, pages_in(&self->seg, &self->fast));
}

/* Reclaim neither unmaps nor splits HARD large folios. */
TEST_F(demotion, hard_large_folios_stay_mapped)
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

/* HARD pages stay mapped if there is swap, but not for their group. */
TEST_F(demotion, hard_pages_stay_mapped_at_swap_limit)
{
	ASSERT_EQ(0, swap_to_zram(&self->swap, SWAP_SIZE));
	ASSERT_EQ(0, cgroup_write(&self->group, "memory.swap.max", "0"));
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  variant->policy | MEM_HARDBIND, &self->fast));
	EXPECT_EQ(0, faults_under_pressure(self, false));
	EXPECT_EQ(PAGES, pages_in(&self->seg, &self->fast));
}

/* HARD pages stay mapped beside SOFT pages, which are demoted. */
TEST_F(demotion, hard_pages_stay_mapped_beside_soft)
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

/* HARD pages stay mapped when allocations on a full node reclaim. */
TEST_F_TIMEOUT(demotion, hard_pages_stay_mapped_on_a_full_node, 300)
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

/* HARD pages are demoted if their mask has all slow nodes. */
TEST_F(demotion, hard_pages_demote_to_slow_nodes_of_mask)
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

/* HARD pages are demoted to the slow node of their mask, near or far. */
TEST_F(demotion, hard_pages_demote_within_mask)
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

/* SOFT pages are demoted beside HARD pages on the same LRU lists. */
TEST_F(demotion, soft_pages_demote_beside_hard)
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

/* With swap, HARD pages are written there instead of being demoted. */
TEST_F(demotion, hard_pages_are_swapped_instead)
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

/*
 * Large folios that were written to swap and touched again are not demoted when
 * reclaim scans them once more.
 */
TEST_F(demotion, hard_folios_in_swap_cache_are_kept)
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

struct demotion_toucher {
	pthread_t thread;
	struct segment *seg;
	bool stop;
};

static void *touch_all(void *arg)
{
	struct demotion_toucher *toucher = arg;
	struct segment *seg = toucher->seg;

	while (!__atomic_load_n(&toucher->stop, __ATOMIC_RELAXED))
		touch_pages(seg->addr, seg->size / page_size());
	return NULL;
}

/* HARD pages that are touched while reclaim writes them are not demoted. */
TEST_F(demotion, hard_pages_returning_from_swap_are_kept)
{
	struct nodemask mask = nodes_of(self->node);
	struct nodemask others = nodes_andnot(self->memory, mask);
	long written = event_count("pswpout"), read = event_count("pswpin");
	struct demotion_toucher toucher = { .seg = &self->seg };
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

/*
 * Without swap, a fast node full of HARD pages is SIGBUS: slow nodes outside
 * the mask do not take them.
 */
TEST_F(demotion, node_full_of_hard_pages_is_sigbus)
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

/* With swap, a fast node full of HARD pages has room for more. */
TEST_F(demotion, node_full_of_hard_pages_is_swapped)
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
