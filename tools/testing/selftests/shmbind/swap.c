// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of bound segments that come back from swap: from a disk, whose
 * readahead does not know the segment of a page, from zswap, and from zram,
 * which has no readahead and reads large folios in one piece.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "swapped.h"
#include "thp.h"

#define LIMITED		1024	/* pages, more than the group may have */
#define FEW		8	/* pages of others in the swap cache */
#define SPARE		512	/* pages that a full node gets back */
#define ROUNDS		20	/* of pages that go to swap and come back */
#define MOMENTS		12	/* of an attempt, at which a node gets room */

/*
 * After zswap has been enabled, large folios are read page by page until the
 * machine reboots. So these tests come first.
 */

FIXTURE(folios)
{
	struct swap_env env;
};

FIXTURE_VARIANT(folios)
{
	int strength;
};

FIXTURE_VARIANT_ADD(folios, hard)	{ .strength = MEM_HARDBIND };
FIXTURE_VARIANT_ADD(folios, soft)	{ .strength = MEM_SOFTBIND };

FIXTURE_SETUP(folios)
{
	REQUIRE("nodes=2 thpswap");
	if (!access("/sys/kernel/debug/zswap", F_OK))
		SKIP(return, "zswap has been used since the start");
	env_setup(_metadata, &self->env, swap_to_zram);
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
}

FIXTURE_TEARDOWN(folios)
{
	write_file(THP_DIR "shmem_enabled", "never");
	defragment_node(&self->env.ballast);
	env_teardown(_metadata, &self->env);
}

/* Swap out @folios of a segment bound to @mask, each in one piece. */
static void swap_out_folios(struct __test_metadata *_metadata,
			    struct swap_env *env, int folios, int policy,
			    const struct nodemask *mask)
{
	int pages = folios * FOLIO_SIZE / page_size();

	open_aligned(_metadata, &env->seg, pages, policy, mask);
	touch_pages(env->seg.addr, pages);
	ASSERT_EQ(folios * FOLIO_SIZE, large_bytes(&env->seg));
	swap_out(_metadata, &env->group, &env->seg);
}

/* Large folios come back whole, to the mask. */
TEST_F(folios, swapped_folios_return_to_the_mask)
{
	struct swap_env *env = &self->env;
	int pages = 2 * FOLIO_SIZE / page_size();

	REQUIRE("thpswapin");
	swap_out_folios(_metadata, env, 2, variant->strength, &env->last);
	touch_pages(env->seg.addr, pages);
	EXPECT_EQ(2 * FOLIO_SIZE, large_bytes(&env->seg));
	expect_all_on(_metadata, &env->seg, &env->last);
}

/* Large folios of a stripe come back to each node in turn. */
TEST_F(folios, folios_of_a_stripe_return_in_turn)
{
	struct swap_env *env = &self->env;
	int large = FOLIO_SIZE / page_size(), pages = 4 * large, nodes[pages];
	struct nodemask mask = env->first;

	REQUIRE("thpswapin");
	node_set(first_node(&env->last), &mask);
	swap_out_folios(_metadata, env, 4, MEM_STRIPE | variant->strength,
			&mask);
	for (int folio = 0; folio < 4; folio++) {
		touch_pages(env->seg.addr + folio * FOLIO_SIZE, large);
		ASSERT_EQ(0, placement(env->seg.addr, (folio + 1) * large,
				       nodes));
		EXPECT_EQ(folio % 2 ? 0 : large,
			  spread(nodes, (folio + 1) * large, &mask));
	}
}

/* A large folio that does not fit comes back in small ones on its node. */
TEST_F(folios, folios_that_do_not_fit_return_in_pieces)
{
	struct swap_env *env = &self->env;
	struct nodemask mask = nodes_of(victim_node());
	int pages = FOLIO_SIZE / page_size();

	swap_out_folios(_metadata, env, 1, variant->strength, &mask);
	ASSERT_LT(0, fragment_node(&env->ballast, first_node(&mask),
				   4 * pages));
	touch_pages(env->seg.addr, pages);
	EXPECT_EQ(0, large_bytes(&env->seg));
	expect_all_on(_metadata, &env->seg, &mask);
}

/*
 * A page in the middle of a folio in swap is SIGBUS under HARD if nothing fits,
 * and SOFT gets it.
 */
TEST_F(folios, folios_without_room_are_sigbus_for_hard)
{
	struct swap_env *env = &self->env;
	struct nodemask mask = nodes_of(victim_node());
	int pages = FOLIO_SIZE / page_size();

	swap_out_folios(_metadata, env, 1, variant->strength, &mask);
	ASSERT_LT(0, fill_node_locked(&env->ballast, first_node(&mask)));
	EXPECT_EQ(variant->strength == MEM_SOFTBIND,
		  try_read(env->seg.addr, pages - 1));

	ASSERT_EQ(0, give_back(&env->ballast));
	EXPECT_TRUE(try_read(env->seg.addr, pages - 1));
}

FIXTURE(pages)
{
	struct swap_env env;
};

FIXTURE_VARIANT(pages)
{
	int (*on)(struct swap *swap, size_t size);
	bool readahead;
};

FIXTURE_VARIANT_ADD(pages, disk) {
	.on = swap_to_disk,
	.readahead = true,
};

FIXTURE_VARIANT_ADD(pages, zram) {
	.on = swap_to_zram,
};

FIXTURE_VARIANT_ADD(pages, zswap) {
	.on = swap_to_zswap,
	.readahead = true,
};

FIXTURE_SETUP(pages)
{
	REQUIRE("nodes=2");
	env_setup(_metadata, &self->env, variant->on);
}

FIXTURE_TEARDOWN(pages)
{
	env_teardown(_metadata, &self->env);
}

/* Pages come back to the mask, whatever the policy and the strength. */
TEST_F(pages, swapped_pages_return_to_the_mask)
{
	static const int policies[] = {
		MEM_FIRSTREF | MEM_HARDBIND, MEM_FIRSTREF | MEM_SOFTBIND,
		MEM_STRIPE | MEM_HARDBIND, MEM_STRIPE | MEM_SOFTBIND,
		MEM_MOSTFREE | MEM_HARDBIND, MEM_MOSTFREE | MEM_SOFTBIND,
	};
	struct swap_env *env = &self->env;
	long unpacked = event_count("zswpin");

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, segment_open(&env->seg, PAGES, policies[i],
					  &env->last));
		touch_pages(env->seg.addr, PAGES);
		swap_out(_metadata, &env->group, &env->seg);
		touch_pages(env->seg.addr, PAGES);
		expect_all_on(_metadata, &env->seg, &env->last);
		segment_remove(&env->seg);
	}
	unpacked = event_count("zswpin") - unpacked;
	EXPECT_EQ(env->swap.compressed, unpacked > 0);
}

/* FIRSTREF brings a page back near the CPU that touches it. */
TEST_F(pages, firstref_returns_pages_near_the_cpu)
{
	struct swap_env *env = &self->env;
	int node, from = last_node(&env->cpus), wanted;

	write_file(PAGE_CLUSTER, "0");
	wanted = firstref_node(from, &env->memory);
	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_FIRSTREF,
				  &env->memory));
	touch_pages(env->seg.addr, PAGES);
	swap_out(_metadata, &env->group, &env->seg);
	ASSERT_EQ(0, run_on_node(from));
	for (int page = 0; page < PAGES; page++) {
		touch_page(env->seg.addr, page);
		node = page_node(env->seg.addr, page);
		EXPECT_EQ(wanted, node);
	}
}

/* Without readahead, pages that come back continue the round of a stripe. */
TEST_F(pages, stripe_continues_without_readahead)
{
	struct swap_env *env = &self->env;
	int width = nodes_weight(&env->memory), half = 2 * width;
	int nodes[4 * width];

	write_file(PAGE_CLUSTER, "0");
	ASSERT_EQ(0, segment_open(&env->seg, half, MEM_STRIPE,
				  &env->memory));
	for (int i = 0; i < half; i++) {
		touch_page(env->seg.addr, i);
		nodes[i] = page_node(env->seg.addr, i);
	}
	swap_out(_metadata, &env->group, &env->seg);
	for (int i = half; i < 2 * half; i++) {
		touch_page(env->seg.addr, 2 * half - 1 - i);
		nodes[i] = page_node(env->seg.addr, 2 * half - 1 - i);
		EXPECT_GE(1, spread(nodes, i + 1, &env->memory));
	}
	EXPECT_EQ(0, spread(nodes, 2 * half, &env->memory));
}

/*
 * Pages that another segment's readahead put outside the mask are moved and
 * counted where they go.
 */
TEST_F(pages, hard_moves_pages_read_ahead_outside)
{
	struct swap_env *env = &self->env;
	int node, ahead = 0;

	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_HARDBIND,
				  &env->first));
	ASSERT_EQ(0, segment_open(&env->other, PAGES, MEM_HARDBIND,
				  &env->last));
	swap_out_side_by_side(_metadata, env);
	expect_numbers(_metadata, &env->seg);
	for (int page = 0; page < PAGES; page++)
		ahead += resident(&env->other, page);
	EXPECT_EQ(variant->readahead, ahead > 0);
	expect_numbers(_metadata, &env->other);
	expect_all_on(_metadata, &env->seg, &env->first);
	expect_all_on(_metadata, &env->other, &env->last);

	/* and are counted there */
	segment_remove(&env->seg);
	segment_remove(&env->other);
	write_file("/proc/sys/vm/stat_refresh", "1");
	for (node = -1; next_node(&node, &env->memory);)
		EXPECT_GE(FEW, node_counter(node, "vmstat", "nr_swapcached"));
}

/* The first page of @seg that cannot be read, or PAGES. */
static int page_that_fails(struct segment *seg)
{
	int page = 0;

	while (page < PAGES && try_read(seg->addr, page))
		page++;
	return page;
}

/*
 * Pages that another segment's readahead put inside the mask stay, though the
 * binding would have chosen another node.
 */
TEST_F(pages, hard_keeps_pages_read_ahead_inside)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct swap_env *env = &self->env;
	int node, from, ahead = 0;

	from = node_that_prefers(first_node(&env->last), &env->memory);
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_HARDBIND,
					  &env->first));
		ASSERT_EQ(0, segment_open(&env->other, PAGES,
					  policies[i] | MEM_HARDBIND,
					  &env->memory));
		swap_out_side_by_side(_metadata, env);
		expect_numbers(_metadata, &env->seg);
		if (from >= 0)
			ASSERT_EQ(0, run_on_node(from));
		for (int page = 0; page < PAGES; page++) {
			if (!resident(&env->other, page))
				continue;
			ahead++;
			touch_page(env->other.addr, page);
			node = page_node(env->other.addr, page);
			EXPECT_EQ(first_node(&env->first), node);
		}
		ASSERT_EQ(0, run_on_node(first_node(&env->cpus)));
		segment_remove(&env->seg);
		segment_remove(&env->other);
	}
	EXPECT_EQ(variant->readahead, ahead > 0);
}

/* On a full node, HARD gets SIGBUS, and the page is intact later. */
TEST_F(pages, full_node_is_sigbus_and_loses_nothing)
{
	struct swap_env *env = &self->env;
	struct nodemask mask = nodes_of(victim_node());

	swap_out_of_full_node(_metadata, env, PAGES, &mask);
	EXPECT_GT(PAGES, page_that_fails(&env->seg));
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);

	ASSERT_EQ(0, give_back(&env->ballast));
	ASSERT_EQ(PAGES, page_that_fails(&env->seg));
	expect_numbers(_metadata, &env->seg);
	expect_all_on(_metadata, &env->seg, &mask);
}

/*
 * Repeated accesses do not advance a HARD stripe past a full node. Reclaim may
 * find some room, and readahead may put pages on the other node.
 */
TEST_F(pages, full_node_stops_a_hard_stripe)
{
	struct swap_env *env = &self->env;
	int full = victim_node(), nodes[PAGES];
	struct nodemask mask = env->first;

	node_set(full, &mask);
	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_STRIPE | MEM_HARDBIND,
				  &mask));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	/* do not swap out the pages that come back */
	ASSERT_EQ(0, cgroup_write(&env->group, "memory.swap.max", "0"));
	ASSERT_LT(0, fill_node_locked(&env->ballast, full));
	for (int tries = 0; tries < 4 * PAGES; tries++)
		try_read(env->seg.addr, tries / 4);
	EXPECT_GT(PAGES, residents(&env->seg, false));
	ASSERT_EQ(0, placement(env->seg.addr, PAGES, nodes));
	if (!variant->readahead)
		EXPECT_GE(1, spread(nodes, PAGES, &mask));
}

/*
 * The pages that are read ahead with the wanted one do not reclaim on a full
 * node. The wanted one falls back to another node, and does not reclaim either.
 */
TEST_F(pages, pages_read_ahead_reclaim_nothing)
{
	struct swap_env *env = &self->env;
	struct nodemask mask = nodes_of(victim_node());
	long reclaims;

	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_SOFTBIND, &mask));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	ASSERT_LT(0, fill_node_locked(&env->ballast, first_node(&mask)));
	reclaims = direct_reclaims();
	for (int page = 0; page < PAGES; page++)
		ASSERT_TRUE(try_read(env->seg.addr, page));
	EXPECT_GE(FEW, direct_reclaims() - reclaims);
	ASSERT_EQ(0, give_back(&env->ballast));
	expect_numbers(_metadata, &env->seg);
}

/* A thread that gives a full node some pages back during an attempt. */
struct helper {
	pthread_t thread;
	char *addr;
	useconds_t after;
};

static void *give_pages_back(void *arg)
{
	struct helper *helper = arg;

	usleep(helper->after);
	madvise(helper->addr, SPARE * page_size(), MADV_REMOVE);
	return NULL;
}

static useconds_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* Find a page for which there is no room; returns how long that took, us. */
static useconds_t populate_in_vain(struct __test_metadata *_metadata,
				   struct segment *seg, int *page)
{
	useconds_t start;
	int err;

	do {
		*page = page_swapped_out(seg, PAGES);
		ASSERT_GT(PAGES, *page);
		start = now();
		err = populate(seg, *page);
	} while (err == 0);
	ASSERT_EQ(EFAULT, err);
	return now() - start;
}

/*
 * Room that a node gets during an attempt is used by that attempt or the next.
 * HARD never returns ENOMEM.
 */
TEST_F(pages, room_that_appears_meanwhile_is_used)
{
	struct swap_env *env = &self->env;
	struct nodemask mask = nodes_of(victim_node());
	struct helper helper;
	useconds_t whole;
	long taken = 0;
	int page, err;

	write_file(PAGE_CLUSTER, "1");
	swap_out_of_full_node(_metadata, env, PAGES, &mask);
	for (int moment = 0; moment < MOMENTS; moment++) {
		taken = fill_up(&env->ballast, taken);
		whole = populate_in_vain(_metadata, &env->seg, &page);
		helper.addr = env->ballast.addr +
			      (taken - SPARE) * page_size();
		helper.after = whole * moment / MOMENTS;
		ASSERT_EQ(0, pthread_create(&helper.thread, NULL,
					    give_pages_back, &helper));
		err = populate(&env->seg, page);
		EXPECT_TRUE(err == 0 || err == EFAULT);
		ASSERT_EQ(0, pthread_join(helper.thread, NULL));
		EXPECT_EQ(0, populate(&env->seg, page));
		taken -= SPARE;
	}
	ASSERT_EQ(0, give_back(&env->ballast));
	expect_numbers(_metadata, &env->seg);
	expect_all_on(_metadata, &env->seg, &mask);
}

/* HARD gets SIGBUS for a page outside the mask that cannot be moved. */
TEST_F(pages, page_read_ahead_outside_is_sigbus)
{
	struct swap_env *env = &self->env;
	struct nodemask mask = nodes_of(victim_node());

	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_HARDBIND, &mask));
	ASSERT_EQ(0, segment_open(&env->other, PAGES, MEM_HARDBIND,
				  &env->first));
	swap_out_side_by_side(_metadata, env);
	touch_pages(env->other.addr, PAGES);
	ASSERT_LT(0, fill_node_locked(&env->ballast, first_node(&mask)));
	EXPECT_GT(PAGES, page_that_fails(&env->seg));
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);

	ASSERT_EQ(0, give_back(&env->ballast));
	expect_numbers(_metadata, &env->seg);
	expect_all_on(_metadata, &env->seg, &mask);
}

/* Swap out a segment of the group, and set a limit that is too low for it. */
static void limit_swap_in(struct __test_metadata *_metadata,
			  struct swap_env *env, int policy)
{
	struct nodemask mask = env->first;

	node_set(first_node(&env->last), &mask);
	ASSERT_EQ(0, segment_open(&env->seg, LIMITED, policy, &mask));
	touch_pages(env->seg.addr, LIMITED);
	swap_out(_metadata, &env->group, &env->seg);
	ASSERT_EQ(0, cgroup_leave());
	ASSERT_EQ(0, cgroup_write(&env->group, "memory.swap.max", "0"));
	ASSERT_EQ(0, cgroup_write(&env->group, "memory.max", "2M"));
}

static void lift_limit(struct __test_metadata *_metadata, struct swap_env *env)
{
	ASSERT_EQ(0, cgroup_write(&env->group, "memory.max", "max"));
	ASSERT_EQ(0, cgroup_write(&env->group, "memory.swap.max", "max"));
	ASSERT_EQ(0, cgroup_join(&env->group));
}

/*
 * A group at its limit waits and gets no SIGBUS. Readahead that meets the limit
 * is given up.
 */
TEST_F(pages, memcg_limit_is_not_sigbus)
{
	struct swap_env *env = &self->env;

	write_file(PAGE_CLUSTER, "0");
	limit_swap_in(_metadata, env, MEM_STRIPE | MEM_HARDBIND);
	EXPECT_EQ(0, held_by_limit(&env->group, env->seg.addr, LIMITED));
	lift_limit(_metadata, env);
}

/* A page for which the group has no room gets its turn of the stripe later. */
TEST_F(pages, memcg_limit_spends_no_turn)
{
	struct swap_env *env = &self->env;
	int page, nodes[LIMITED];

	write_file(PAGE_CLUSTER, "0");
	limit_swap_in(_metadata, env, MEM_STRIPE | MEM_SOFTBIND);
	EXPECT_EQ(SIGKILL, killed_by_limit(&env->group, env->seg.addr,
					   LIMITED));
	lift_limit(_metadata, env);
	page = page_swapped_out(&env->seg, LIMITED);
	ASSERT_LT(1, page);
	ASSERT_GT(LIMITED, page);
	touch_pages(env->seg.addr, LIMITED);
	ASSERT_EQ(0, placement(env->seg.addr, LIMITED, nodes));
	EXPECT_NE(nodes[page - 1], nodes[page]);
}

/* Pages come back by the policy that mbind() has set. */
TEST_F(pages, pages_return_by_the_policy_of_mbind)
{
	struct swap_env *env = &self->env;

	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_FIRSTREF,
				  &env->first));
	ASSERT_EQ(0, mbind(env->seg.addr, env->seg.size, MPOL_BIND,
			   env->last.bits, NODES_MAX, 0));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	expect_numbers(_metadata, &env->seg);
	expect_all_on(_metadata, &env->seg, &env->last);
}

struct toggler {
	pthread_t thread;
	char *addr;	/* of another attach */
	size_t size;
	struct nodemask mask;
	atomic_bool done;
	int failed;
};

/* Set and remove a policy of the segment, over and over. */
static void *toggle_policy(void *arg)
{
	struct toggler *toggler = arg;

	while (!toggler->done) {
		toggler->failed |= mbind(toggler->addr, toggler->size,
					 MPOL_BIND, toggler->mask.bits,
					 NODES_MAX, 0);
		toggler->failed |= mbind(toggler->addr, toggler->size,
					 MPOL_DEFAULT, NULL, 0, 0);
	}
	return NULL;
}

/* Pages come back by one policy or the other while mbind() changes it. */
TEST_F(pages, mbind_can_change_while_pages_return)
{
	struct swap_env *env = &self->env;
	struct toggler toggler = { .mask = env->last };

	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_STRIPE,
				  &env->memory));
	write_numbers(&env->seg);
	toggler.addr = shmat(env->seg.id, NULL, 0);
	ASSERT_NE((char *)-1, toggler.addr);
	toggler.size = env->seg.size;
	ASSERT_EQ(0, pthread_create(&toggler.thread, NULL, toggle_policy,
				    &toggler));
	for (int round = 0; round < ROUNDS; round++) {
		madvise(env->seg.addr, env->seg.size, MADV_PAGEOUT);
		cgroup_write(&env->group, "memory.reclaim", "1M");
		expect_numbers(_metadata, &env->seg);
	}
	toggler.done = true;
	ASSERT_EQ(0, pthread_join(toggler.thread, NULL));
	EXPECT_EQ(0, toggler.failed);
	EXPECT_EQ(0, shmdt(toggler.addr));
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
