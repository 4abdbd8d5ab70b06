// SPDX-License-Identifier: GPL-2.0
/*
 * The count of a stripe while readahead brings its own pages, and those of
 * other segments whose slots are adjacent in swap. A page counts for its node
 * when it enters the segment. So a page that is allocated for a fault goes to a
 * node that has the fewest, and a page that was read ahead may be on any node
 * of the mask.
 */
#include <pthread.h>

#include "swapped.h"

#define SLOTS		256	/* pages of a segment that are in swap */
#define FRESH		1024	/* pages of a stripe that never were in swap */
#define THREADS		4

struct stripe {
	struct segment *seg;
	struct nodemask mask;
	int fresh;		/* the next page that has never been touched */
	int given[NODES_MAX];	/* pages by node since they were level */
	bool there[SLOTS];	/* pages that have come back */
};

FIXTURE(stripe)
{
	struct swap_env env;
	struct stripe stripe, other;
};

FIXTURE_VARIANT(stripe)
{
	int (*on)(struct swap *swap, size_t size);
	enum { STRIPED, UNBOUND, ANONYMOUS } beside;
};

FIXTURE_VARIANT_ADD(stripe, disk_striped) {
	.on = swap_to_disk,
	.beside = STRIPED,
};

FIXTURE_VARIANT_ADD(stripe, disk_unbound) {
	.on = swap_to_disk,
	.beside = UNBOUND,
};

FIXTURE_VARIANT_ADD(stripe, disk_anonymous) {
	.on = swap_to_disk,
	.beside = ANONYMOUS,
};

FIXTURE_VARIANT_ADD(stripe, zram_striped) {
	.on = swap_to_zram,
	.beside = STRIPED,
};

FIXTURE_VARIANT_ADD(stripe, zram_unbound) {
	.on = swap_to_zram,
	.beside = UNBOUND,
};

FIXTURE_VARIANT_ADD(stripe, zswap_striped) {
	.on = swap_to_zswap,
	.beside = STRIPED,
};

/* How many faults of the calling thread did not find their page in memory. */
static long major_faults(void)
{
	struct rusage usage = {};

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_majflt;
}

static int imbalance(const struct stripe *stripe)
{
	int node, most = 0, least = INT_MAX;

	for (node = -1; next_node(&node, &stripe->mask);) {
		if (stripe->given[node] > most)
			most = stripe->given[node];
		if (stripe->given[node] < least)
			least = stripe->given[node];
	}
	return most - least;
}

/*
 * Touch pages that never were in swap until the nodes are level: each node gets
 * a page in turn, twice.
 */
static void level(struct __test_metadata *_metadata, struct stripe *stripe)
{
	int width = nodes_weight(&stripe->mask), nodes[2 * width];

	for (int round = 0; round < FRESH / (2 * width); round++) {
		for (int i = 0; i < 2 * width; i++) {
			touch_page(stripe->seg->addr, stripe->fresh);
			nodes[i] = page_node(stripe->seg->addr, stripe->fresh);
			stripe->fresh++;
		}
		if (spread(nodes, 2 * width, &stripe->mask) == 0)
			return;
	}
	ASSERT_TRUE(false) TH_LOG("the nodes stay uneven");
}

static void open_beside(struct __test_metadata *_metadata,
			struct segment *seg, struct stripe *stripe,
			const struct nodemask *mask, int beside)
{
	if (beside == ANONYMOUS) {
		seg->size = SLOTS * page_size();
		seg->addr = mmap(NULL, seg->size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, (void *)seg->addr);
		return;
	}
	ASSERT_EQ(0, segment_create(seg, SLOTS + FRESH));
	if (beside == STRIPED) {
		ASSERT_EQ(0, shmbind_nodes(seg->id, MEM_STRIPE | MEM_HARDBIND,
					   mask));
		stripe->seg = seg;
		stripe->mask = *mask;
		stripe->fresh = SLOTS;
	}
	ASSERT_EQ(0, segment_attach(seg));
}

static int slots_resident(struct segment *seg, bool touch)
{
	struct segment slots = *seg;

	slots.size = SLOTS * page_size();
	return residents(&slots, touch);
}

/* Swap out the pages of both, so that their slots alternate. */
static void swap_out_slots(struct __test_metadata *_metadata,
			   struct swap_env *env)
{
	struct segment *seg = &env->seg, *other = &env->other;
	size_t step = page_size(), size = SLOTS * step;
	int left = 1;

	for (int page = 0; page < SLOTS; page++) {
		*number_of(seg, page) = page + 1;
		*number_of(other, page) = SLOTS + page + 1;
	}
	for (int page = 0; page < SLOTS; page++) {
		madvise(seg->addr + page * step, step, MADV_PAGEOUT);
		madvise(other->addr + page * step, step, MADV_PAGEOUT);
	}
	for (int tries = 0; left && tries < 200; tries++) {
		bool touch = tries % 20 == 19;

		madvise(seg->addr, size, MADV_PAGEOUT);
		madvise(other->addr, size, MADV_PAGEOUT);
		if (tries)
			compact_nodes();
		cgroup_write(&env->group, "memory.reclaim", "1M");
		left = slots_resident(seg, touch) + slots_resident(other, touch);
		usleep(10000);
	}
	ASSERT_EQ(0, left);
}

FIXTURE_SETUP(stripe)
{
	struct swap_env *env = &self->env;
	struct nodemask two;

	REQUIRE("nodes=2");
	env_setup(_metadata, env, variant->on);
	write_file(PAGE_CLUSTER, "3");
	two = env->first;
	node_set(first_node(&env->last), &two);
	open_beside(_metadata, &env->seg, &self->stripe, &two, STRIPED);
	open_beside(_metadata, &env->other, &self->other, &env->memory,
		    variant->beside);
	swap_out_slots(_metadata, env);
	level(_metadata, &self->stripe);
	if (self->other.seg)
		level(_metadata, &self->other);
}

FIXTURE_TEARDOWN(stripe)
{
	struct swap_env *env = &self->env;

	if (variant->beside == ANONYMOUS && env->other.addr) {
		munmap(env->other.addr, env->other.size);
		env->other.addr = NULL;
	}
	env_teardown(_metadata, env);
}

/* Read a page, and check that its stripe becomes no worse. */
static void bring_back(struct __test_metadata *_metadata, struct segment *seg,
		       struct stripe *stripe, int page)
{
	int width = nodes_weight(&stripe->mask), before, node, most;
	bool allocated;
	long faults;

	before = imbalance(stripe);
	faults = major_faults();
	read_page(seg->addr, page);
	allocated = major_faults() > faults;
	if (!stripe->seg || stripe->there[page])
		return;
	stripe->there[page] = true;
	node = page_node(seg->addr, page);
	ASSERT_LE(0, node);
	ASSERT_TRUE(node_isset(node, &stripe->mask));
	stripe->given[node]++;
	/* level() ends within a round, so a node may be one page ahead */
	most = before > 2 ? before : 2;
	if (allocated && width > 1) {
		ASSERT_GE(most, imbalance(stripe))
			TH_LOG("page %d to node %d", page, node);
	}
}

static void expect_contents(struct __test_metadata *_metadata,
			    struct swap_env *env)
{
	for (int page = 0; page < SLOTS; page++) {
		EXPECT_EQ(page + 1, *number_of(&env->seg, page));
		EXPECT_EQ(SLOTS + page + 1, *number_of(&env->other, page));
	}
}

/* A window of readahead may leave a stripe uneven by its pages in it. */
static void expect_even(struct __test_metadata *_metadata,
			const struct stripe *stripe, int windows)
{
	if (stripe->seg)
		EXPECT_GE(windows * (1 + WINDOW), imbalance(stripe));
}

/* A stripe stays even while it is read in order. */
TEST_F(stripe, stripe_read_in_order_stays_even)
{
	struct swap_env *env = &self->env;

	for (int page = 0; page < SLOTS; page++)
		bring_back(_metadata, &env->seg, &self->stripe, page);
	expect_even(_metadata, &self->stripe, 1);
	for (int page = 0; page < SLOTS; page++)
		bring_back(_metadata, &env->other, &self->other, page);
	expect_contents(_metadata, env);
}

/* A stripe stays even while it is read backwards. */
TEST_F(stripe, stripe_read_backwards_stays_even)
{
	struct swap_env *env = &self->env;

	for (int page = SLOTS - 1; page >= 0; page--)
		bring_back(_metadata, &env->seg, &self->stripe, page);
	expect_even(_metadata, &self->stripe, 1);
	for (int page = SLOTS - 1; page >= 0; page--)
		bring_back(_metadata, &env->other, &self->other, page);
	expect_contents(_metadata, env);
}

/* Two stripes stay even while they are read alternately, as by a join. */
TEST_F(stripe, stripes_read_alternately_stay_even)
{
	struct swap_env *env = &self->env;

	for (int page = 0; page < SLOTS; page++) {
		bring_back(_metadata, &env->seg, &self->stripe, page);
		bring_back(_metadata, &env->other, &self->other, page);
	}
	/*
	 * Readahead of one segment may be first in every window. It then puts
	 * all pages of the other segment on nodes of its choice, where they
	 * stay.
	 */
	if (variant->on == swap_to_zram) {
		expect_even(_metadata, &self->stripe, 2);
		expect_even(_metadata, &self->other, 2);
	}
	expect_contents(_metadata, env);
}

/* An odd factor modulo a power of two visits every page once. */
static int at_random(int i)
{
	return i * 2654435761UL % SLOTS;
}

/* Two stripes stay even while they are read at random. */
TEST_F(stripe, stripes_read_at_random_stay_even)
{
	struct swap_env *env = &self->env;

	for (int i = 0; i < SLOTS; i++) {
		bring_back(_metadata, &env->seg, &self->stripe, at_random(i));
		bring_back(_metadata, &env->other, &self->other,
			   at_random(i + SLOTS / 2));
	}
	expect_contents(_metadata, env);
}

/*
 * Pages that another segment's readahead brings count. Where the other one was
 * first, the stripe makes up for it later.
 */
TEST_F(stripe, pages_read_ahead_by_others_count)
{
	struct swap_env *env = &self->env;
	int page;

	for (page = 0; page < SLOTS; page++) {
		if (page / (2 * WINDOW) % 2)
			continue;
		bring_back(_metadata, &env->other, &self->other, page);
		bring_back(_metadata, &env->seg, &self->stripe, page);
	}
	for (page = 0; page < SLOTS; page++)
		bring_back(_metadata, &env->seg, &self->stripe, page);
	for (page = 0; page < SLOTS; page++)
		bring_back(_metadata, &env->other, &self->other, page);
	expect_contents(_metadata, env);
}

struct reader {
	pthread_t thread;
	struct segment *seg;
	int first, step;
};

static void *read_pages(void *arg)
{
	struct reader *reader = arg;

	for (int page = reader->first; page < SLOTS; page += reader->step)
		read_page(reader->seg->addr, page);
	return NULL;
}

static void count_all(struct __test_metadata *_metadata,
		      struct stripe *stripe)
{
	int nodes[SLOTS];

	if (!stripe->seg)
		return;
	ASSERT_EQ(0, placement(stripe->seg->addr, SLOTS, nodes));
	EXPECT_EQ(0, strays(nodes, SLOTS, &stripe->mask));
	for (int page = 0; page < SLOTS; page++)
		stripe->given[nodes[page]]++;
}

/* Two stripes stay even while threads read them, half of the threads each. */
TEST_F(stripe, stripes_read_by_threads_stay_even)
{
	struct swap_env *env = &self->env;
	struct reader readers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		readers[i].seg = i % 2 ? &env->other : &env->seg;
		readers[i].first = i / 2;
		readers[i].step = THREADS / 2;
		ASSERT_EQ(0, pthread_create(&readers[i].thread, NULL,
					    read_pages, &readers[i]));
	}
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(readers[i].thread, NULL));
	count_all(_metadata, &self->stripe);
	count_all(_metadata, &self->other);
	if (variant->on == swap_to_zram) {
		expect_even(_metadata, &self->stripe, THREADS);
		expect_even(_metadata, &self->other, THREADS);
	}
	expect_contents(_metadata, env);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
