// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on attached segments, bound or not, under the VMA lock: their number,
 * and that they find the right page or none while mappings appear, change, move
 * and disappear.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "pool.h"

#define MANY		256	/* pages whose faults are counted */
#define FEW		4	/* faults on other pages */
#define AROUND_BYTES	"/sys/kernel/debug/fault_around_bytes"

FIXTURE(fault)
{
	struct nodemask memory;
	struct segment seg;
	char *again;	/* a second attach */
};

FIXTURE_VARIANT(fault)
{
	bool bound;
};

FIXTURE_VARIANT_ADD(fault, unbound)	{ .bound = false };
FIXTURE_VARIANT_ADD(fault, bound)	{ .bound = true };

static int open_either(struct segment *seg, size_t pages, bool bound)
{
	struct nodemask memory = memory_nodes();

	if (bound)
		return segment_open(seg, pages, MEM_STRIPE | MEM_HARDBIND,
				    &memory);
	return segment_create(seg, pages) || segment_attach(seg) ? -1 : 0;
}

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, open_either(&self->seg, MANY, variant->bound));
	self->again = shmat(self->seg.id, NULL, 0);
	ASSERT_NE((char *)-1, self->again);
}

FIXTURE_TEARDOWN(fault)
{
	shmdt(self->again);
	segment_remove(&self->seg);
}

/* A read fault maps the pages around it. */
TEST_F(fault, read_maps_pages_around)
{
	char line[32];
	long faults, around;

	around = atol(read_line(AROUND_BYTES, line, sizeof(line)));
	ASSERT_LT(FEW * page_size(), around);
	around /= page_size();
	touch_pages(self->seg.addr, MANY);
	faults = -thread_faults();
	for (int page = 0; page < MANY; page++)
		read_page(self->again, page);
	faults += thread_faults();
	EXPECT_GE(MANY / around + FEW, faults);
}

/* A read fault allocates no pages around it. */
TEST_F(fault, read_allocates_nothing_around)
{
	unsigned char resident[MANY];

	for (int page = 0; page < MANY; page += 2)
		touch_page(self->seg.addr, page);
	for (int page = 0; page < MANY; page += 2)
		read_page(self->again, page);
	ASSERT_EQ(0, mincore(self->again, self->seg.size, resident));
	for (int page = 0; page < MANY; page++)
		EXPECT_EQ(page % 2, !(resident[page] & 1));
}

/*
 * A fault is handled under the VMA lock and not repeated. Other tasks cause
 * retries as well, but rarely that many.
 */
TEST_F(fault, fault_takes_the_vma_lock_alone)
{
	size_t half = self->seg.size / 2;
	long least = LONG_MAX, again;

	touch_pages(self->seg.addr, MANY);
	for (int tries = 0; tries < 5; tries++) {
		ASSERT_EQ(0, madvise(self->again, half, MADV_DONTNEED));
		ASSERT_EQ(0, madvise(self->seg.addr, half, MADV_REMOVE));
		again = event_count("vma_lock_retry");
		touch_pages(self->seg.addr, MANY / 2);
		touch_pages(self->again, MANY / 2);
		again = event_count("vma_lock_retry") - again;
		if (again < least)
			least = again;
	}
	EXPECT_GT(MANY / 4, least);
}

#define PM_PRESENT	63	/* bit of an entry of pagemap */

static int mapped(int pagemap, char *addr)
{
	off_t at = (uintptr_t)addr / page_size() * sizeof(uint64_t);
	uint64_t entry;

	if (pread(pagemap, &entry, sizeof(entry), at) != sizeof(entry))
		return -1;
	return entry >> PM_PRESENT & 1;
}

/*
 * Where userfaultfd tracks writes, each page needs its own fault, so no pages
 * are mapped around. Attaches can be registered for nothing else.
 */
TEST_F(fault, read_maps_nothing_around_with_uffd_wp)
{
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED,
	};
	struct uffdio_register reg = {
		.range = { (uintptr_t)self->again, self->seg.size },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	REQUIRE("uffdwp");
	ASSERT_LE(0, uffd);
	ASSERT_LE(0, pagemap);
	touch_pages(self->seg.addr, MANY);
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_REGISTER, &reg));
	read_page(self->again, 0);
	for (int page = 0; page < MANY; page++)
		EXPECT_EQ(page == 0, mapped(pagemap, self->again +
					    page * page_size()));
	close(pagemap);
	close(uffd);
}

/* Mappings that change under the threads that use them. */

#define HUGE		(2UL << 20)	/* bytes */
#define VISITORS	2
#define ROUNDS		6
#define FIRST		1000		/* the number of the first page */

struct visitor {
	pthread_t thread;
	struct fault_env *env;
	long visits, missed, wrong;
};

struct fault_env {
	struct nodemask memory;
	struct segment seg;
	bool huge, bound;
	size_t step;	/* bytes from page to page */
	int pages;
	char *place[2];	/* addresses for the segment */
	int places;	/* how many of them are visited */
	bool shuffled;	/* a page may be at any offset */
	bool emptied;	/* a page may have lost its number */
	bool stop;
	struct visitor visitors[VISITORS];
};

static long *number_of(struct fault_env *env, char *addr, int page)
{
	return (long *)(addr + page * env->step) + 1;
}

static bool right(struct fault_env *env, int page, long number)
{
	if (env->emptied && !number)
		return true;
	if (env->shuffled)
		return number >= FIRST && number < FIRST + env->pages;
	return number == FIRST + page;
}

static void visit(struct visitor *visitor, char *addr, int page)
{
	struct fault_env *env = visitor->env;
	long number;

	if (!try_load(number_of(env, addr, page), &number))
		visitor->missed++;
	else if (!right(env, page, number))
		visitor->wrong++;
	else if (!try_touch(addr + page * env->step, 0))
		visitor->missed++;
	__atomic_add_fetch(&visitor->visits, 1, __ATOMIC_RELAXED);
}

static void *visit_on(void *arg)
{
	struct visitor *visitor = arg;
	struct fault_env *env = visitor->env;
	size_t half = env->pages / 2 * env->step;

	for (int turn = 0; !__atomic_load_n(&env->stop, __ATOMIC_RELAXED);
	     turn++) {
		char *place = env->place[turn % env->places];
		int page = turn / env->places % env->pages;

		visit(visitor, place, page);
		/* have every visit fault, but stay within one mapping */
		if (page >= env->pages / 2)
			place += half;
		madvise(place, half, MADV_DONTNEED);
	}
	return NULL;
}

static void write_numbers(struct fault_env *env, char *addr)
{
	for (int page = 0; page < env->pages; page++)
		*number_of(env, addr, page) = FIRST + page;
}

/* Create a segment, write its numbers, and attach it at the first address. */
static int open_numbered(struct fault_env *env)
{
	struct segment *seg = &env->seg;
	char *addr;

	if (env->huge ? huge_create(seg, HUGE, env->pages, 0) :
			segment_create(seg, env->pages))
		return -1;
	if (env->bound && shmbind_nodes(seg->id, MEM_HARDBIND, &env->memory))
		return -1;
	addr = shmat(seg->id, NULL, 0);
	if (addr == (char *)-1)
		return -1;
	write_numbers(env, addr);
	seg->addr = shmat(seg->id, env->place[0], SHM_REMAP);
	return seg->addr == env->place[0] ? shmdt(addr) : -1;
}

static int reserve_places(struct fault_env *env)
{
	size_t size = env->pages * env->step;
	char *addr = mmap(NULL, 2 * size + HUGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		return -1;
	addr += -(uintptr_t)addr % HUGE;
	env->place[0] = addr;
	env->place[1] = addr + size;
	return 0;
}

static long visits(struct fault_env *env)
{
	long least = LONG_MAX, visits;

	for (int i = 0; i < VISITORS; i++) {
		visits = __atomic_load_n(&env->visitors[i].visits,
					 __ATOMIC_RELAXED);
		if (visits < least)
			least = visits;
	}
	return least;
}

FIXTURE(race)
{
	struct fault_env env;
};

FIXTURE_VARIANT(race)
{
	bool huge, bound;
};

FIXTURE_VARIANT_ADD(race, unbound)	{ .bound = false };
FIXTURE_VARIANT_ADD(race, bound)	{ .bound = true };
FIXTURE_VARIANT_ADD(race, huge)	{ .huge = true };

FIXTURE_SETUP(race)
{
	struct fault_env *env = &self->env;

	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_signal(SIGSEGV));
	ASSERT_EQ(0, catch_signal(SIGBUS));
	env->memory = memory_nodes();
	env->huge = variant->huge;
	env->bound = variant->bound;
	env->places = 1;
	env->step = env->huge ? HUGE : page_size();
	env->pages = env->huge ? 2 : 32;
	if (env->huge)
		ASSERT_EQ(0, pools_fill(HUGE, &env->memory,
					2 * env->pages));
	ASSERT_EQ(0, reserve_places(env));
	ASSERT_EQ(0, open_numbered(env));
}

FIXTURE_TEARDOWN(race)
{
	munmap(self->env.place[0], 2 * self->env.pages * self->env.step);
	shmctl(self->env.seg.id, IPC_RMID, NULL);
	if (self->env.huge)
		EXPECT_EQ(0, pools_fill(HUGE, &self->env.memory, 0));
}

/* Between two changes, each visitor makes as many visits as there are pages. */
static void change_under_visitors(struct __test_metadata *_metadata,
				  struct fault_env *env,
				  int (*change)(struct fault_env *env,
						int round))
{
	long again = event_count("vma_lock_retry"), before;
	struct visitor *visitors = env->visitors;

	for (int i = 0; i < VISITORS; i++) {
		visitors[i].env = env;
		ASSERT_EQ(0, pthread_create(&visitors[i].thread, NULL, visit_on,
					    &visitors[i]));
	}
	for (int round = 0; round < ROUNDS; round++) {
		before = visits(env);
		while (visits(env) < before + env->pages)
			usleep(100);
		ASSERT_EQ(0, change(env, round));
	}
	__atomic_store_n(&env->stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < VISITORS; i++) {
		ASSERT_EQ(0, pthread_join(visitors[i].thread, NULL));
		EXPECT_EQ(0, visitors[i].wrong);
		EXPECT_LT(visitors[i].missed, visitors[i].visits);
	}
	if (!env->huge)
		EXPECT_GT(visits(env),
			  event_count("vma_lock_retry") - again);
}

static int come_or_go(struct fault_env *env, int round)
{
	char *place = env->place[0];

	if (round % 2 == 0)
		return shmdt(place);
	return shmat(env->seg.id, place, SHM_REMAP) == place ? 0 : -1;
}

/* Faults find the right page while the segment is attached and detached. */
TEST_F(race, faults_survive_detach_and_attach)
{
	change_under_visitors(_metadata, &self->env, come_or_go);
}

/* The new mapping replaces the last attach of the old segment. */
static int replace(struct fault_env *env, int round)
{
	(void)round;
	return segment_rmid(&env->seg) || open_numbered(env);
}

/*
 * Faults find the right page while a new segment replaces the old one, which
 * goes with its last attach.
 */
TEST_F(race, faults_survive_another_segment)
{
	change_under_visitors(_metadata, &self->env, replace);
}

static int move(struct fault_env *env, int round)
{
	char *from = env->place[round % 2], *to = env->place[1 - round % 2];
	size_t size = env->pages * env->step;

	return mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	       to ? 0 : -1;
}

/* Faults find the right page while mremap() moves the mapping. */
TEST_F(race, faults_survive_mremap)
{
	self->env.places = 2;
	change_under_visitors(_metadata, &self->env, move);
}

/* The page that a visitor finds depends on the time of the visit. */
static int reorder(struct fault_env *env, int round)
{
	int half = env->pages / 2, first = round % 2 ? 0 : half;

	if (remap_file_pages(env->place[0], half * env->step, 0,
			     first * env->step / page_size(), 0))
		return -1;
	for (int page = 0; page < half; page++) {
		if (*number_of(env, env->place[0], page) !=
		    FIRST + first + page)
			return -1;
	}
	return 0;
}

/* Faults find a page of the segment while remap_file_pages() reorders it. */
TEST_F(race, faults_survive_remap_file_pages)
{
	self->env.shuffled = true;
	change_under_visitors(_metadata, &self->env, reorder);
}

static int protect(struct fault_env *env, int round)
{
	size_t half = env->pages / 2 * env->step;

	return mprotect(env->place[0] + half, half,
			round % 2 ? PROT_READ | PROT_WRITE : PROT_READ);
}

/* Faults find the right page while mprotect() changes half of the mapping. */
TEST_F(race, faults_survive_mprotect)
{
	change_under_visitors(_metadata, &self->env, protect);
}

static int empty(struct fault_env *env, int round)
{
	(void)round;
	if (madvise(env->place[0], env->pages * env->step, MADV_REMOVE))
		return -1;
	write_numbers(env, env->place[0]);
	return 0;
}

/* Faults find the right page or an empty one while pages are removed. */
TEST_F(race, faults_survive_page_removal)
{
	self->env.emptied = true;
	change_under_visitors(_metadata, &self->env, empty);
}

static void visit_once(struct fault_env *env)
{
	struct visitor visitor = { .env = env };

	for (int page = 0; page < env->pages; page++)
		visit(&visitor, env->place[0], page);
	_exit(visitor.wrong || visitor.missed);
}

static int fork_off(struct fault_env *env, int round)
{
	pid_t child;

	(void)round;
	child = fork();
	if (child == 0)
		visit_once(env);
	return wait_for(child);
}

/* Faults of parent and child find the right page. */
TEST_F(race, faults_survive_fork)
{
	change_under_visitors(_metadata, &self->env, fork_off);
}

TEST_HARNESS_MAIN
