// SPDX-License-Identifier: GPL-2.0
/*
 * MADV_WILLNEED on pages of a bound segment that are in swap. The hint brings
 * back pages while there is room and reclaims nothing. It ends at the first
 * page that finds no room, or at a fatal signal, and does not block other
 * tasks.
 */
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

#include "caller.h"
#include "swapped.h"

#define MANY		1024	/* pages: reclaiming for each takes long */
#define ROOM		384	/* pages that a full node gets back */
#define LIMIT_S		20	/* for operations that take milliseconds */
#define TRIES		5

FIXTURE(pages)
{
	struct swap_env env;
	struct nodemask mask;	/* of the node that is filled */
};

FIXTURE_VARIANT(pages)
{
	int (*on)(struct swap *swap, size_t size);
};

FIXTURE_VARIANT_ADD(pages, disk)	{ .on = swap_to_disk };
FIXTURE_VARIANT_ADD(pages, zram)	{ .on = swap_to_zram };
FIXTURE_VARIANT_ADD(pages, zswap)	{ .on = swap_to_zswap };

FIXTURE_SETUP(pages)
{
	REQUIRE("nodes=2");
	env_setup(_metadata, &self->env, variant->on);
	self->mask = nodes_of(victim_node());
}

FIXTURE_TEARDOWN(pages)
{
	env_teardown(_metadata, &self->env);
}

/* How many requests the block devices have not completed: the ninth counter. */
static int requests_in_flight(void)
{
	static const char device[] =
		"%*u %*u %*s %*u %*u %*u %*u %*u %*u %*u %*u %d%*[^\n]";
	FILE *file = fopen("/proc/diskstats", "r");
	int all = 0, one;

	while (file && fscanf(file, device, &one) == 1)
		all += one;
	if (file)
		fclose(file);
	return all;
}

/* How many pages are resident after all reads have completed. */
static int settled_residents(struct segment *seg)
{
	int pages = seg->size / page_size(), there = 0, before, still = 0;

	for (int tries = 0; there < pages && still < 10 && tries < 500;
	     tries++) {
		before = there;
		usleep(20000);
		there = residents(seg, false);
		still = there == before && !requests_in_flight() ? still + 1 : 0;
	}
	return there;
}

static int willneed(struct segment *seg)
{
	return madvise(seg->addr, seg->size, MADV_WILLNEED);
}

/* The most reclaims of an attempt that fails to bring back a page. */
static long reclaims_of_a_failure(struct __test_metadata *_metadata,
				  struct swap_env *env)
{
	struct segment *seg = &env->seg;
	int pages = seg->size / page_size(), page, failures = 0;
	long before, most = 0, reclaims;

	/* do not swap out the pages that come back */
	ASSERT_EQ(0, cgroup_write(&env->group, "memory.swap.max", "0"));
	for (int tries = 0; failures < TRIES && tries < 2 * MANY; tries++) {
		page = page_swapped_out(seg, pages);
		ASSERT_GT(pages, page);
		before = direct_reclaims();
		if (populate(seg, page) == 0)
			continue;
		reclaims = direct_reclaims() - before;
		most = reclaims > most ? reclaims : most;
		failures++;
	}
	ASSERT_EQ(TRIES, failures);
	return most;
}

/* The hint does not reclaim memory on a full node for any page. */
TEST_F(pages, willneed_does_not_reclaim_a_full_node)
{
	struct swap_env *env = &self->env;
	long reclaims, most;

	swap_out_of_full_node(_metadata, env, MANY, &self->mask);
	most = reclaims_of_a_failure(_metadata, env);
	EXPECT_LT(0, most);
	reclaims = direct_reclaims();
	EXPECT_EQ(0, willneed(&env->seg));
	reclaims = direct_reclaims() - reclaims;
	EXPECT_GE(most, reclaims);

	ASSERT_EQ(0, give_back(&env->ballast));
	expect_numbers(_metadata, &env->seg);
	expect_all_on(_metadata, &env->seg, &self->mask);
}

/* The hint of a user who can only read the segment reclaims nothing. */
TEST_F(pages, willneed_by_a_reader_does_not_reclaim)
{
	struct swap_env *env = &self->env;
	struct shmid_ds info;
	long reclaims, most;
	pid_t child;

	swap_out_of_full_node(_metadata, env, MANY, &self->mask);
	ASSERT_EQ(0, shmctl(env->seg.id, IPC_STAT, &info));
	info.shm_perm.mode = 0644;
	ASSERT_EQ(0, shmctl(env->seg.id, IPC_SET, &info));
	most = reclaims_of_a_failure(_metadata, env);
	reclaims = direct_reclaims();
	child = fork();
	if (child == 0) {
		struct segment own = env->seg;

		if (become(NOBODY))
			_exit(1);
		own.addr = shmat(own.id, NULL, SHM_RDONLY);
		_exit(own.addr == (void *)-1 || willneed(&own));
	}
	EXPECT_EQ(0, wait_for(child));
	reclaims = direct_reclaims() - reclaims;
	EXPECT_GE(most, reclaims);
}

/* The hint reads the pages that fit and stops at the first that does not. */
TEST_F(pages, willneed_reads_the_pages_that_fit)
{
	struct swap_env *env = &self->env;
	int there, last;

	swap_out_of_crowded_node(_metadata, env, MANY, ROOM, &self->mask);
	EXPECT_EQ(0, willneed(&env->seg));
	there = settled_residents(&env->seg);
	EXPECT_LE(ROOM / 4, there);
	EXPECT_GT(MANY / 2, there);
	last = page_swapped_out(&env->seg, MANY);
	EXPECT_EQ(there, last);
}

/* Does @child end within LIMIT_S? It is killed otherwise. */
static bool ends_in_time(pid_t child)
{
	int status;

	for (int ms = 0; ms < LIMIT_S * 1000; ms += 10) {
		if (waitpid(child, &status, WNOHANG))
			return true;
		usleep(10000);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return false;
}

/* Pages that the hint has begun to read can be read at once. */
TEST_F(pages, willneed_blocks_no_reader)
{
	struct swap_env *env = &self->env;
	pid_t adviser, reader;

	swap_out_of_crowded_node(_metadata, env, MANY, ROOM, &self->mask);
	adviser = fork();
	if (adviser == 0) {
		for (int i = 0; i < TRIES; i++)
			willneed(&env->seg);
		_exit(0);
	}
	usleep(300000);
	reader = fork();
	if (reader == 0) {
		for (int page = 0; page < ROOM; page++)
			try_read(env->seg.addr, page);
		_exit(0);
	}
	EXPECT_TRUE(ends_in_time(reader));
	EXPECT_TRUE(ends_in_time(adviser));
}

static useconds_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* Have a child give the hint, and kill it after @after us; 0 for never. */
static int advise_and_die(struct segment *seg, useconds_t after)
{
	struct itimerval timer = {
		.it_value = {
			.tv_sec = after / 1000000,
			.tv_usec = after % 1000000,
		},
	};
	pid_t child = fork();
	int status;

	if (child == 0) {
		signal(SIGALRM, SIG_DFL);
		if (setitimer(ITIMER_REAL, &timer, NULL))
			_exit(1);
		_exit(willneed(seg) ? 1 : 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* A fatal signal ends the hint, although all pages would fit. */
TEST_F(pages, fatal_signal_ends_willneed)
{
	struct swap_env *env = &self->env;
	useconds_t whole;
	int there = MANY;

	ASSERT_EQ(0, segment_open(&env->seg, MANY, MEM_HARDBIND,
				  &self->mask));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	whole = now();
	ASSERT_EQ(0, advise_and_die(&env->seg, 0));
	whole = now() - whole;
	/* the signal may come before the hint starts, or after it ends */
	for (int i = 1; i < TRIES && (there == 0 || there == MANY); i++) {
		swap_out(_metadata, &env->group, &env->seg);
		advise_and_die(&env->seg, whole * i / TRIES);
		there = settled_residents(&env->seg);
	}
	EXPECT_LT(0, there);
	EXPECT_GT(MANY, there);
}

/* The hint of an unrelated process brings pages back to the mask. */
TEST_F(pages, willneed_returns_pages_to_the_mask)
{
	static const int policies[] = {
		MEM_FIRSTREF | MEM_HARDBIND, MEM_FIRSTREF | MEM_SOFTBIND,
		MEM_STRIPE | MEM_HARDBIND, MEM_STRIPE | MEM_SOFTBIND,
		MEM_MOSTFREE | MEM_HARDBIND, MEM_MOSTFREE | MEM_SOFTBIND,
	};
	struct swap_env *env = &self->env;
	int there;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, segment_open(&env->seg, PAGES, policies[i],
					  &env->last));
		write_numbers(&env->seg);
		swap_out(_metadata, &env->group, &env->seg);
		ASSERT_EQ(0, advise_and_die(&env->seg, 0));
		there = settled_residents(&env->seg);
		EXPECT_EQ(PAGES, there);
		expect_numbers(_metadata, &env->seg);
		expect_all_on(_metadata, &env->seg, &env->last);
		segment_remove(&env->seg);
	}
}

/* A stripe stays even. */
TEST_F(pages, willneed_keeps_a_stripe_even)
{
	struct swap_env *env = &self->env;
	int nodes[4 * PAGES], there;

	ASSERT_EQ(0, segment_open(&env->seg, 4 * PAGES, MEM_STRIPE,
				  &env->memory));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	ASSERT_EQ(0, willneed(&env->seg));
	there = settled_residents(&env->seg);
	EXPECT_EQ(4 * PAGES, there);
	expect_numbers(_metadata, &env->seg);
	ASSERT_EQ(0, placement(env->seg.addr, 4 * PAGES, nodes));
	EXPECT_GE(1 + WINDOW, spread(nodes, 4 * PAGES, &env->memory));
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
