// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that an administrator moves, by system calls, cpusets or by taking
 * memory offline. That works as without a binding, and pages that are allocated
 * afterwards follow the binding again.
 */
#include <pthread.h>
#include <time.h>

#include "balancing.h"
#include "cgroup.h"
#include "expected.h"
#include "hotplug.h"
#include "sigbus.h"

#define PAGES	16
#define WAIT_MS	5000	/* for moves that happen in the background */

/* Touch pages from @first to before @end; returns how many are on @node. */
static int touch_some(struct segment *seg, int first, int end, int node)
{
	int there = 0;

	for (int page = first; page < end; page++) {
		touch_page(seg->addr, page);
		there += page_node(seg->addr, page) == node;
	}
	return there;
}

/* How many of the first @count pages are on @node. Maps them first. */
static int count_on(struct segment *seg, int count, int node)
{
	int there = 0;

	for (int page = 0; page < count; page++) {
		read_page(seg->addr, page);
		there += page_node(seg->addr, page) == node;
	}
	return there;
}

FIXTURE(syscall)
{
	struct nodemask memory;
	int home, away;
	struct segment seg;
};

FIXTURE_VARIANT(syscall)
{
	int strength;
};

FIXTURE_VARIANT_ADD(syscall, hard)	{ .strength = MEM_HARDBIND };
FIXTURE_VARIANT_ADD(syscall, soft)	{ .strength = MEM_SOFTBIND };

FIXTURE_SETUP(syscall)
{
	struct nodemask mask;

	REQUIRE("nodes=2");
	ASSERT_EQ(0, own_ipc_namespace());
	self->memory = memory_nodes();
	self->home = last_node(&self->memory);
	self->away = first_node(&self->memory);
	mask = nodes_of(self->home);
	ASSERT_EQ(0, segment_open(&self->seg, 3 * PAGES, variant->strength,
				  &mask));
}

FIXTURE_TEARDOWN(syscall)
{
	segment_remove(&self->seg);
}

/* move_pages() moves the pages of a bound segment. */
TEST_F(syscall, move_pages_moves_bound_pages)
{
	ASSERT_EQ(PAGES, touch_some(&self->seg, 0, PAGES, self->home));
	EXPECT_EQ(0, segment_move(&self->seg, PAGES, self->away));
	EXPECT_EQ(PAGES, count_on(&self->seg, PAGES, self->away));
}

/* migrate_pages() moves the pages of a bound segment. */
TEST_F(syscall, migrate_pages_moves_bound_pages)
{
	struct nodemask home = nodes_of(self->home), away = nodes_of(self->away);

	ASSERT_EQ(PAGES, touch_some(&self->seg, 0, PAGES, self->home));
	EXPECT_EQ(0, migrate_pages(0, NODES_MAX, home.bits, away.bits));
	EXPECT_EQ(PAGES, count_on(&self->seg, PAGES, self->away));
}

/*
 * After a move, new pages follow the binding, and so do moved pages that were
 * removed and touched again.
 */
TEST_F(syscall, later_pages_follow_the_binding)
{
	ASSERT_EQ(PAGES, touch_some(&self->seg, 0, PAGES, self->home));
	ASSERT_EQ(0, segment_move(&self->seg, PAGES, self->away));
	EXPECT_EQ(PAGES, touch_some(&self->seg, PAGES, 2 * PAGES, self->home));
	/* nor by moved pages that were removed and touched again */
	ASSERT_EQ(0, madvise(self->seg.addr, PAGES * page_size(), MADV_REMOVE));
	EXPECT_EQ(PAGES, touch_some(&self->seg, 0, PAGES, self->home));
}

/* A task whose cpuset changes while it uses a segment. */

FIXTURE(cpuset)
{
	struct nodemask memory;
	int a, b;	/* nodes of the mask */
	struct segment seg;
	struct cgroup group;
};

FIXTURE_VARIANT(cpuset)
{
	int version;
	bool migrates;	/* pages, when its nodes change */
};

FIXTURE_VARIANT_ADD(cpuset, v2)		{ .version = 2, .migrates = true };
FIXTURE_VARIANT_ADD(cpuset, v1)		{ .version = 1 };
FIXTURE_VARIANT_ADD(cpuset, v1_migrate)	{ .version = 1, .migrates = true };

static int create_cpuset(struct cgroup *group, int version, bool migrates)
{
	char path[128], cpus[256];

	if (version == 2)
		return cgroup_create(group, "cpuset");
	if (cpuset1_create(group))
		return -1;
	read_line(CPUSET1_ROOT "/cpuset.cpus", cpus, sizeof(cpus));
	snprintf(path, sizeof(path), "%s/cpuset.cpus", group->path);
	return write_file(path, cpus) ||
	       cgroup_write(group, "cpuset.memory_migrate", migrates ? "1" : "0");
}

FIXTURE_SETUP(cpuset)
{
	REQUIRE("nodes=2");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	self->memory = memory_nodes();
	self->a = first_node(&self->memory);
	self->b = last_node(&self->memory);
	self->seg.id = -1;
	ASSERT_EQ(0, create_cpuset(&self->group, variant->version,
				   variant->migrates));
	ASSERT_EQ(0, cgroup_set_mems(&self->group, &self->memory));
	ASSERT_EQ(0, cgroup_join(&self->group));
}

FIXTURE_TEARDOWN(cpuset)
{
	segment_remove(&self->seg);
	if (variant->version == 2) {
		cgroup_leave();
		cgroup_remove(&self->group);
	} else {
		write_file(CPUSET1_ROOT "/cgroup.procs", "0");
		EXPECT_EQ(0, cpuset1_remove(&self->group));
	}
}

static int allow_only(struct cgroup *group, int node)
{
	struct nodemask mask = nodes_of(node);

	return cgroup_set_mems(group, &mask);
}

/* Wait until the first @count pages are on @node; returns how many are. */
static int wait_until_on(struct segment *seg, int count, int node)
{
	for (int ms = 0; ms < WAIT_MS && count_on(seg, count, node) < count;
	     ms += 10)
		usleep(10000);
	return count_on(seg, count, node);
}

/* A cpuset that changes moves pages of a bound segment as of any other. */
TEST_F(cpuset, changed_cpuset_migrates_pages)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct nodemask mask = nodes_of(self->a);

	node_set(self->b, &mask);
	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		ASSERT_EQ(0, cgroup_set_mems(&self->group, &mask));
		ASSERT_EQ(0, segment_open(&self->seg, PAGES, strengths[i],
					  &mask));
		ASSERT_EQ(0, allow_only(&self->group, self->a));
		ASSERT_EQ(PAGES, touch_some(&self->seg, 0, PAGES, self->a));
		ASSERT_EQ(0, allow_only(&self->group, self->b));
		if (variant->migrates) {
			EXPECT_EQ(PAGES, wait_until_on(&self->seg, PAGES,
						       self->b));
		} else {
			EXPECT_EQ(PAGES, count_on(&self->seg, PAGES, self->a));
		}
		segment_remove(&self->seg);
	}
}

/* The candidates follow the cpuset when it changes. */
TEST_F(cpuset, changed_cpuset_changes_candidates)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct nodemask mask = nodes_of(self->a);

	node_set(self->b, &mask);
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, cgroup_set_mems(&self->group, &mask));
		ASSERT_EQ(0, segment_open(&self->seg, 4 * PAGES,
					  policies[i] | MEM_HARDBIND, &mask));
		for (int round = 0; round < 4; round++) {
			int node = round % 2 ? self->b : self->a;

			ASSERT_EQ(0, allow_only(&self->group, node));
			EXPECT_EQ(PAGES, touch_some(&self->seg, round * PAGES,
						    (round + 1) * PAGES, node));
		}
		segment_remove(&self->seg);
	}
}

/*
 * Without a candidate in the cpuset, HARD fails until that changes, and SOFT
 * takes another node.
 */
TEST_F(cpuset, cpuset_without_candidate_is_sigbus)
{
	struct nodemask mask = nodes_of(self->b);

	ASSERT_EQ(0, segment_open(&self->seg, PAGES, MEM_HARDBIND, &mask));
	ASSERT_EQ(0, allow_only(&self->group, self->a));
	EXPECT_FALSE(try_touch(self->seg.addr, 0));
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	ASSERT_EQ(0, allow_only(&self->group, self->b));
	EXPECT_TRUE(try_touch(self->seg.addr, 0));
	EXPECT_EQ(self->b, page_node(self->seg.addr, 0));
	segment_remove(&self->seg);

	ASSERT_EQ(0, segment_open(&self->seg, PAGES, MEM_SOFTBIND, &mask));
	ASSERT_EQ(0, allow_only(&self->group, self->a));
	EXPECT_EQ(PAGES, touch_some(&self->seg, 0, PAGES, self->a));
}

/* A thread that allocates the pages of its part of a segment, over and over. */
struct moves_toucher {
	pthread_t thread;
	char *addr;
	int pages;
	int patience;	/* times that an access may fail before it counts */
	bool stop;
	long rounds, failed;
};

static bool touch_with_patience(struct moves_toucher *toucher, int page)
{
	for (int tries = 0; tries <= toucher->patience; tries++) {
		if (try_touch(toucher->addr, page))
			return true;
		if (tries < toucher->patience)
			usleep(1000);
	}
	return false;
}

static void *touch_on(void *arg)
{
	struct moves_toucher *toucher = arg;

	while (!__atomic_load_n(&toucher->stop, __ATOMIC_RELAXED)) {
		for (int page = 0; page < toucher->pages; page++)
			toucher->failed += !touch_with_patience(toucher, page);
		__atomic_add_fetch(&toucher->rounds, 1, __ATOMIC_RELAXED);
		madvise(toucher->addr, toucher->pages * page_size(),
			MADV_REMOVE);
		/* leave CPU time to the thread that changes things */
		usleep(1000);
	}
	return NULL;
}

#define TOUCHERS	3
#define CHANGES		10000	/* limit, if the threads make no progress */

static void start_touchers(struct __test_metadata *_metadata,
			   struct segment *seg, struct moves_toucher *touchers,
			   int patience)
{
	int pages = seg->size / page_size() / TOUCHERS;

	for (int t = 0; t < TOUCHERS; t++) {
		touchers[t] = (struct moves_toucher) {
			.addr = seg->addr + t * pages * page_size(),
			.pages = pages, .patience = patience,
		};
		ASSERT_EQ(0, pthread_create(&touchers[t].thread, NULL,
					    touch_on, &touchers[t]));
	}
}

/* How many rounds the slowest of them has completed. */
static long rounds_of(struct moves_toucher *touchers)
{
	long least = LONG_MAX, rounds;

	for (int t = 0; t < TOUCHERS; t++) {
		rounds = __atomic_load_n(&touchers[t].rounds, __ATOMIC_RELAXED);
		least = rounds < least ? rounds : least;
	}
	return least;
}

static void stop_touchers(struct __test_metadata *_metadata,
			  struct moves_toucher *touchers)
{
	for (int t = 0; t < TOUCHERS; t++) {
		__atomic_store_n(&touchers[t].stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(touchers[t].thread, NULL));
		EXPECT_EQ(0, touchers[t].failed);
	}
}

/* Faults never fail while the cpuset changes from one candidate to another. */
TEST_F(cpuset, cpuset_can_change_during_faults)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct nodemask mask = nodes_of(self->a);
	struct moves_toucher touchers[TOUCHERS];

	node_set(self->b, &mask);
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, cgroup_set_mems(&self->group, &mask));
		ASSERT_EQ(0, segment_open(&self->seg, TOUCHERS * PAGES,
					  policies[i] | MEM_HARDBIND, &mask));
		start_touchers(_metadata, &self->seg, touchers, 0);
		for (int change = 0; change < CHANGES; change++) {
			ASSERT_EQ(0, allow_only(&self->group, change % 2 ?
						self->b : self->a));
			if (change > 10 && rounds_of(touchers) > 5)
				break;
		}
		EXPECT_LT(5, rounds_of(touchers));
		stop_touchers(_metadata, touchers);
		segment_remove(&self->seg);
	}
}

/* A segment that NUMA balancing would move if it scanned bound segments. */

#define BALANCED	128	/* pages of the segment and of private memory */

FIXTURE(balancing)
{
	int home, away;
	struct segment seg;
};

FIXTURE_VARIANT(balancing)
{
	int strength;
};

FIXTURE_VARIANT_ADD(balancing, hard)	{ .strength = MEM_HARDBIND };
FIXTURE_VARIANT_ADD(balancing, soft)	{ .strength = MEM_SOFTBIND };

FIXTURE_SETUP(balancing)
{
	struct nodemask memory, cpus, both;

	REQUIRE("cpunodes=2");
	memory = memory_nodes();
	cpus = cpu_nodes();
	both = nodes_and(memory, cpus);
	self->home = first_node(&both);
	self->away = last_node(&both);
	ASSERT_EQ(0, own_ipc_namespace());
	self->seg.id = -1;
	ASSERT_EQ(0, balance("1"));
}

FIXTURE_TEARDOWN(balancing)
{
	segment_remove(&self->seg);
	EXPECT_EQ(0, balance("0"));
}

/* A scanned page faults. So do, now and then, this program's code and stack. */
static void touch_counted(char *addr, long *faults)
{
	*faults -= thread_faults();
	touch_pages(addr, BALANCED);
	*faults += thread_faults();
}

struct faults {
	long seg, own;
};

/*
 * Use the segment and new private memory from a remote node until the kernel
 * has moved part of the latter, or for a while. Returns how many private pages
 * have moved. The memory is new each time, as a mapping that the scan has
 * skipped is scanned again only after a long time.
 */
static int use_from_far_away(struct segment *seg, int home, int away,
			     struct faults *faults)
{
	struct segment own = { .size = BALANCED * page_size() };
	clock_t end = clock() + 3 * CLOCKS_PER_SEC;
	int come = 0;

	own.addr = mmap(NULL, own.size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (own.addr == MAP_FAILED || run_on_node(home))
		return -1;
	touch_pages(own.addr, BALANCED);
	if (run_on_node(away))
		return -1;
	/* use CPU time: the scan is paced by it */
	while (come < BALANCED / 4 && clock() < end) {
		for (int i = 0; i < 1000; i++) {
			touch_counted(seg->addr, &faults->seg);
			touch_counted(own.addr, &faults->own);
		}
		come = count_on(&own, BALANCED, away);
	}
	munmap(own.addr, own.size);
	return come;
}

/* NUMA balancing moves the caller's own pages and leaves a bound segment. */
TEST_F(balancing, numa_balancing_leaves_bound_pages)
{
	struct nodemask mask = nodes_of(self->home);
	struct faults faults = {};
	int come = 0;

	node_set(self->away, &mask);
	ASSERT_EQ(0, segment_open(&self->seg, BALANCED, variant->strength,
				  &mask));
	ASSERT_EQ(0, run_on_node(self->home));
	ASSERT_EQ(BALANCED, touch_some(&self->seg, 0, BALANCED, self->home));
	for (int tries = 0; come < BALANCED / 4 && tries < 20; tries++)
		come = use_from_far_away(&self->seg, self->home, self->away,
					 &faults);
	EXPECT_LE(BALANCED / 4, come);
	/* one fault may move many private pages */
	EXPECT_GT(faults.own, 4 * faults.seg);
	EXPECT_EQ(BALANCED, count_on(&self->seg, BALANCED, self->home));
}

/* A node whose memory goes online and offline. */

FIXTURE(hotplug)
{
	struct nodemask mask;	/* of that node alone */
	int node, block;
	struct segment seg;
};

FIXTURE_SETUP(hotplug)
{
	REQUIRE("offline");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	self->seg.id = -1;
	self->block = offline_block();
	self->node = node_of_block(self->block);
	ASSERT_LE(0, self->node);
	self->mask = nodes_of(self->node);
	ASSERT_EQ(0, set_block(self->block, "online_movable"));
}

FIXTURE_TEARDOWN(hotplug)
{
	segment_remove(&self->seg);
	EXPECT_EQ(0, set_block(self->block, "offline"));
}

/*
 * HARD on a node that is offline gets SIGBUS until it is online again. Pages
 * that moved keep their content.
 */
TEST_F(hotplug, hard_is_sigbus_while_node_is_offline)
{
	struct nodemask offline = nodes_of(self->node);
	char want[BINDING_MAX], seen[BINDING_MAX];
	int value;

	ASSERT_EQ(0, segment_open(&self->seg, 2 * PAGES, MEM_HARDBIND,
				  &self->mask));
	ASSERT_EQ(PAGES, touch_some(&self->seg, 0, PAGES, self->node));
	for (int page = 0; page < PAGES; page++)
		*(int *)(self->seg.addr + page * page_size()) = page;

	ASSERT_EQ(0, set_block(self->block, "offline"));
	EXPECT_EQ(0, count_on(&self->seg, PAGES, self->node));
	EXPECT_FALSE(try_touch(self->seg.addr, PAGES));
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	EXPECT_STREQ(binding_text(MEM_HARDBIND, &offline, want),
		     mapping_policy(self->seg.addr, seen));

	ASSERT_EQ(0, set_block(self->block, "online_movable"));
	EXPECT_EQ(PAGES, touch_some(&self->seg, PAGES, 2 * PAGES, self->node));
	for (int page = 0; page < PAGES; page++) {
		value = *(int *)(self->seg.addr + page * page_size());
		EXPECT_EQ(page, value);
	}
}

/* SOFT takes another node while its node is offline, and then returns. */
TEST_F(hotplug, soft_goes_elsewhere_while_offline)
{
	ASSERT_EQ(0, segment_open(&self->seg, 3 * PAGES, MEM_SOFTBIND,
				  &self->mask));
	EXPECT_EQ(PAGES, touch_some(&self->seg, 0, PAGES, self->node));
	ASSERT_EQ(0, set_block(self->block, "offline"));
	EXPECT_EQ(0, touch_some(&self->seg, PAGES, 2 * PAGES, self->node));
	ASSERT_EQ(0, set_block(self->block, "online_movable"));
	EXPECT_EQ(PAGES, touch_some(&self->seg, 2 * PAGES, 3 * PAGES,
				    self->node));
}

/* A stripe skips a node that is offline and does not catch up afterwards. */
TEST_F(hotplug, stripe_skips_the_offline_node)
{
	struct nodemask memory = memory_nodes(), mask = self->mask;
	int other = first_node(&memory), nodes[PAGES];

	node_set(other, &mask);
	ASSERT_EQ(0, segment_open(&self->seg, 3 * PAGES,
				  MEM_STRIPE | MEM_HARDBIND, &mask));
	EXPECT_EQ(PAGES / 2, touch_some(&self->seg, 0, PAGES, self->node));
	ASSERT_EQ(0, set_block(self->block, "offline"));
	EXPECT_EQ(PAGES, touch_some(&self->seg, PAGES, 2 * PAGES, other));
	ASSERT_EQ(0, set_block(self->block, "online_movable"));
	for (int i = 0; i < PAGES; i++) {
		touch_page(self->seg.addr, 2 * PAGES + i);
		nodes[i] = page_node(self->seg.addr, 2 * PAGES + i);
		EXPECT_GE(1, spread(nodes, i + 1, &mask));
	}
}

/*
 * Threads go on while a node of their mask goes offline and comes back. For a
 * moment such a node has no page to give.
 */
TEST_F(hotplug, node_can_go_offline_during_faults)
{
	struct nodemask memory = memory_nodes(), mask = self->mask;
	struct moves_toucher touchers[TOUCHERS];
	long before;

	node_set(first_node(&memory), &mask);
	ASSERT_EQ(0, segment_open(&self->seg, TOUCHERS * PAGES,
				  MEM_STRIPE | MEM_HARDBIND, &mask));
	start_touchers(_metadata, &self->seg, touchers, 5000);
	for (int change = 0; change < 4; change++) {
		before = rounds_of(touchers);
		ASSERT_EQ(0, set_block(self->block, change % 2 ?
				       "online_movable" : "offline"));
		for (int ms = 0; ms < WAIT_MS; ms++) {
			if (rounds_of(touchers) > before + 1)
				break;
			usleep(1000);
		}
		EXPECT_LT(before + 1, rounds_of(touchers));
	}
	stop_touchers(_metadata, touchers);
}

TEST_HARNESS_MAIN
