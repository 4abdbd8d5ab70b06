// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on bound and unbound segments, by several processes at once,
 * and what must hold all the time:
 *
 *   - The pages of a HARD or MASK segment are in its mask, unless an administrator
 *     has moved them: swapoff(2), move_pages(2), a cpuset, offline memory.
 *   - A stripe that stays in memory is even.
 *   - A page has what was written to it, or zeroes if nothing was written, or if
 *     the range was freed by MADV_REMOVE.
 *   - Only HARD and MASK segments raise SIGBUS, and nothing is killed.
 *   - In the end all memory is free again.
 *
 * SOAK_SECONDS in the environment is how long it runs, and SOAK_SEED selects the
 * operations: a worker with the same number and seed does the same. How they
 * overlap is up to the scheduler.
 *
 * The segments are in slots of shared memory. Locking: slot->busy, taken by
 * trylock only, protects a slot. Operations on attached segments do not take it.
 * state->admin is odd while pages may be anywhere.
 */
#include <linux/types.h>
#include <pthread.h>
#include <stdarg.h>
#include <time.h>

#include "ballast.h"
#include "cgroup.h"
#include "gup.h"
#include "hotplug.h"
#include "pool.h"
#include "swap.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define SLOTS		24
#define WORKERS		6
#define ATTACHES	4		/* of each worker */
#define NARROW		2		/* workers in a cpuset with fewer nodes */
#define PAGES_MAX	512
#define HUGE_MAX	3
#define HUGE		(2UL << 20)	/* bytes */
#define POOL		4		/* huge pages on each node */
#define SWAP_SIZE	(32UL << 20)	/* bytes */
#define EVEN_PAGES	96
#define EVEN_THREADS	3

struct slot {
	int busy;
	int id;				/* 0: none; the first one is not used */
	int policy;			/* 0: unbound */
	struct nodemask mask;
	size_t unit, count;		/* page size in bytes, number of pages */
	int moved;			/* by an administrator */
};

struct state {
	int stop, failed;
	int filling;			/* a node, or moving to one */
	unsigned int admin;
	unsigned long operations[32];
	struct slot slots[SLOTS];
	/* the id of the segment in the slot if its page was written to */
	int written[SLOTS][PAGES_MAX];
};

struct attached {
	struct slot *slot;
	int id, policy;
	size_t unit, count;
	char *addr;			/* NULL: not attached */
};

struct worker {
	int number;
	unsigned long long random;
	unsigned long operation;	/* its number */
	const char *name;		/* of that operation */
	struct attached attached[ATTACHES];
};

static struct state *state;
static struct nodemask memory, cpus;
static unsigned long seed;
static int gup_test;

/* SplitMix64. */
static unsigned long long next_random(unsigned long long *random)
{
	unsigned long long z = *random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static unsigned int below(struct worker *worker, unsigned int limit)
{
	return next_random(&worker->random) % limit;
}

static bool stopped(void)
{
	return __atomic_load_n(&state->stop, __ATOMIC_RELAXED);
}

/* The first failure ends the run. */
static void __printf(2, 3)
fail(struct worker *worker, const char *format, ...)
{
	va_list args;

	if (__atomic_exchange_n(&state->failed, 1, __ATOMIC_SEQ_CST))
		return;
	printf("# soak.c:0:seed %lu, worker %d, operation %lu (%s): ", seed,
	       worker->number, worker->operation, worker->name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	__atomic_store_n(&state->stop, 1, __ATOMIC_SEQ_CST);
}

static bool lock_slot(struct slot *slot)
{
	return !__atomic_exchange_n(&slot->busy, 1, __ATOMIC_ACQUIRE);
}

static void unlock_slot(struct slot *slot)
{
	__atomic_store_n(&slot->busy, 0, __ATOMIC_RELEASE);
}

static struct slot *any_slot(struct worker *worker)
{
	return &state->slots[below(worker, SLOTS)];
}

static struct attached *any_attached(struct worker *worker)
{
	struct attached *attached = &worker->attached[below(worker, ATTACHES)];

	return attached->addr ? attached : NULL;
}

static bool stays_in_mask(int policy)
{
	return policy & (MEM_HARDBIND | MEM_MASKBIND);
}

static struct nodemask any_mask(struct worker *worker)
{
	unsigned long long random = next_random(&worker->random);
	struct nodemask mask = {};
	int node, i = 0;

	for (node = -1; next_node(&node, &memory); i++) {
		if (random >> (i % 64) & 1)
			node_set(node, &mask);
	}
	return nodes_weight(&mask) ? mask : memory;
}

static int any_policy(struct worker *worker)
{
	static const int policies[] = {
		MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE, MEM_WEIGHTED,
	};
	static const int strengths[] = {
		MEM_HARDBIND, MEM_SOFTBIND, MEM_MASKBIND,
	};

	return policies[below(worker, 4)] | strengths[below(worker, 3)];
}

/*
 * Life of a segment.
 */

/* Create and bind a segment. The memory that all of them need is bounded. */
static void fill_slot(struct worker *worker, struct slot *slot)
{
	bool huge = !below(worker, 5);
	int flags = IPC_CREAT | 0600;
	int id, policy = 0;

	slot->unit = huge ? HUGE : page_size();
	slot->count = 1 + below(worker, huge ? HUGE_MAX : PAGES_MAX);
	if (huge)
		flags |= SHM_HUGETLB | SHM_NORESERVE;
	id = shmget(IPC_PRIVATE, slot->count * slot->unit, flags);
	if (id < 0) {
		fail(worker, "shmget: %s", strerror(errno));
		return;
	}
	for (int times = below(worker, 4); times; times--) {
		policy = any_policy(worker);
		slot->mask = any_mask(worker);
		/* the caller's cpuset may be narrower */
		if (shmbind_nodes(id, policy, &slot->mask)) {
			if (errno != EINVAL || worker->number >= NARROW)
				fail(worker, "shmbind: %s", strerror(errno));
			shmctl(id, IPC_RMID, NULL);
			return;
		}
	}
	slot->policy = policy;
	slot->moved = 0;
	__atomic_store_n(&slot->id, id, __ATOMIC_RELEASE);
}

static void create(struct worker *worker)
{
	struct slot *slot = any_slot(worker);

	if (!lock_slot(slot))
		return;
	if (!slot->id)
		fill_slot(worker, slot);
	unlock_slot(slot);
}

static void remove_segment(struct worker *worker)
{
	struct slot *slot = any_slot(worker);

	if (!lock_slot(slot))
		return;
	if (slot->id && shmctl(slot->id, IPC_RMID, NULL))
		fail(worker, "IPC_RMID: %s", strerror(errno));
	slot->id = 0;
	unlock_slot(slot);
}

/* From the first attach on, no call succeeds. */
static void bind_late(struct worker *worker)
{
	struct attached *attached = any_attached(worker);
	struct nodemask mask = any_mask(worker);

	if (attached &&
	    !shmbind_nodes(attached->id, any_policy(worker), &mask))
		fail(worker, "shmbind() of an attached segment succeeded");
}

static void attach(struct worker *worker)
{
	struct attached *attached = &worker->attached[below(worker, ATTACHES)];
	struct slot *slot = any_slot(worker);

	if (attached->addr && shmdt(attached->addr))
		fail(worker, "shmdt: %s", strerror(errno));
	attached->addr = NULL;
	if (!lock_slot(slot))
		return;
	if (slot->id) {
		/* the kernel moves the pages of a task whose cpuset changes */
		if (worker->number < NARROW)
			slot->moved = 1;
		*attached = (struct attached){
			slot, slot->id, slot->policy, slot->unit, slot->count,
			shmat(slot->id, NULL, 0),
		};
		if (attached->addr == (char *)-1) {
			fail(worker, "shmat: %s", strerror(errno));
			attached->addr = NULL;
		}
	}
	unlock_slot(slot);
}

/*
 * Accesses.
 */

static long content(struct attached *attached, size_t page)
{
	return (long)attached->id << 24 | page | 1 << 23;
}

/* The ranges of one segment in four are freed. */
static bool may_be_punched(struct attached *attached)
{
	return attached->id % 4 == 1;
}

/* May the access of a page raise SIGBUS? Pools of huge pages run out. */
static bool may_fail(struct attached *attached)
{
	return stays_in_mask(attached->policy) || attached->unit == HUGE;
}

static void access_page(struct worker *worker, struct attached *attached,
			size_t page, bool write)
{
	int *written = &state->written[attached->slot - state->slots][page];
	long *word = (long *)(attached->addr + page * attached->unit);
	bool full = __atomic_load_n(written, __ATOMIC_ACQUIRE) == attached->id &&
		    !may_be_punched(attached);
	long want = content(attached, page), value;

	if (!try_load(word, &value)) {
		if (!may_fail(attached))
			fail(worker, "SIGBUS at page %zu of segment %d", page,
			     attached->id);
		return;
	}
	if (value != want && (value || full))
		fail(worker, "page %zu of segment %d has %lx, not %lx", page,
		     attached->id, value, want);
	if (write && try_store(word, want))
		__atomic_store_n(written, attached->id, __ATOMIC_RELEASE);
}

/* Access a run of pages, forwards or backwards. */
static void access_run(struct worker *worker, struct attached *attached)
{
	size_t first = below(worker, attached->count);
	size_t length = 1 + below(worker, attached->count);
	bool back = below(worker, 2), write = below(worker, 4);

	for (size_t i = 0; i < length && !stopped(); i++)
		access_page(worker, attached,
			    (first + (back ? length - i : i)) % attached->count,
			    write);
}

static void touch(struct worker *worker)
{
	struct attached *attached = any_attached(worker);

	if (attached)
		access_run(worker, attached);
}

static void touch_elsewhere(struct worker *worker)
{
	int nodes = nodes_weight(&cpus);

	run_on_node(nth_node(below(worker, nodes), &cpus));
	touch(worker);
}

static void fork_and_touch(struct worker *worker)
{
	pid_t pid = fork();

	if (!pid) {
		touch(worker);
		_exit(0);
	}
	if (wait_for(pid))
		fail(worker, "a child was killed, or there was none");
	next_random(&worker->random);
}

static void advise(struct worker *worker)
{
	static const int advice[] = {
		MADV_WILLNEED, MADV_PAGEOUT, MADV_PAGEOUT, MADV_COLD,
		MADV_COLLAPSE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_REMOVE,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTNEED,
	};
	struct attached *attached = any_attached(worker);
	int what = advice[below(worker, ARRAY_SIZE(advice))];
	size_t first;

	if (!attached || (what == MADV_REMOVE && !may_be_punched(attached)))
		return;
	first = below(worker, attached->count);
	/* many of them fail: no room, no such page, not on huge pages */
	madvise(attached->addr + first * attached->unit,
		(attached->count - first) * attached->unit, what);
}

/* Any error will do: the pages may not be there, or not fit to be pinned. */
static void pin(struct worker *worker)
{
	struct attached *attached = any_attached(worker);

	if (!attached || gup_test < 0)
		return;
	if (!gup_pin(gup_test, attached->addr, attached->count * attached->unit,
		     below(worker, 2) ? PIN_LONGTERM_TEST_FLAG_USE_FAST : 0))
		gup_unpin(gup_test);
}

static void mbind_range(struct worker *worker)
{
	static const int modes[] = {
		MPOL_DEFAULT, MPOL_BIND, MPOL_INTERLEAVE, MPOL_PREFERRED_MANY,
	};
	struct attached *attached = any_attached(worker);
	int mode = modes[below(worker, ARRAY_SIZE(modes))], err;
	struct nodemask mask = any_mask(worker);

	if (!attached)
		return;
	/* a full node of MPOL_BIND invokes the OOM killer, so bind to all */
	if (mode == MPOL_BIND)
		mask = memory;
	err = mbind(attached->addr, attached->count * attached->unit, mode,
		    mode == MPOL_DEFAULT ? NULL : mask.bits,
		    mode == MPOL_DEFAULT ? 0 : NODES_MAX,
		    below(worker, 2) ? MPOL_MF_MOVE : 0);
	/* a mask outside the caller's cpuset is EINVAL */
	if (stays_in_mask(attached->policy) &&
	    (!err || (errno != EPERM && worker->number >= NARROW)))
		fail(worker, "mbind() of a HARD segment: %s",
		     err ? strerror(errno) : "succeeded");
}

/* Moving to a full node, or to one outside the cpuset, would print a warning. */
static void move(struct worker *worker)
{
	struct attached *attached = any_attached(worker);
	int node = nth_node(below(worker, nodes_weight(&memory)), &memory);
	void *page;
	int status;

	if (!attached || worker->number < NARROW ||
	    __atomic_exchange_n(&state->filling, 1, __ATOMIC_ACQUIRE))
		return;
	__atomic_store_n(&attached->slot->moved, 1, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < attached->count; i += 1 + below(worker, 16)) {
		page = attached->addr + i * attached->unit;
		move_pages(0, 1, &page, &node, &status, MPOL_MF_MOVE);
	}
	__atomic_store_n(&state->filling, 0, __ATOMIC_RELEASE);
}

/* Use all of a node for a moment. The kernel needs the lowest one. */
static void fill(struct worker *worker)
{
	struct segment ballast = {};

	if (__atomic_exchange_n(&state->filling, 1, __ATOMIC_ACQUIRE))
		return;
	if (take_pages(&ballast, victim_node(), node_pages(victim_node())) < 0 &&
	    worker->number >= NARROW)
		fail(worker, "ballast: %s", strerror(errno));
	touch(worker);
	segment_detach(&ballast);
	__atomic_store_n(&state->filling, 0, __ATOMIC_RELEASE);
}

/*
 * Checks.
 */

static void check_line(struct worker *worker, struct slot *slot, char *line)
{
	char want[BINDING_MAX], have[BINDING_MAX], *field;
	long pages;
	int node;

	if (sscanf(line, "%*s %*d %4095s", have) != 1) {
		fail(worker, "the listing has a line '%s'", line);
		return;
	}
	if (slot->policy)
		binding_text(slot->policy, &slot->mask, want);
	else
		snprintf(want, sizeof(want), "default");
	if (strcmp(have, want))
		fail(worker, "segment %d is bound %s, not %s", slot->id, have,
		     want);
	if (slot->moved || !stays_in_mask(slot->policy))
		return;
	for (field = strstr(line, " N"); field; field = strstr(field + 1, " N")) {
		if (sscanf(field, " N%d=%ld", &node, &pages) == 2 && pages &&
		    !node_isset(node, &slot->mask))
			fail(worker, "%ld pages of segment %d (%s) are on node %d",
			     pages, slot->id, want, node);
	}
}

/* Check the line of a slot's segment, unless an administrator moves pages. */
static void check_segment(struct worker *worker, struct slot *slot, int id,
			  unsigned int admin, char *line)
{
	if (!lock_slot(slot))
		return;
	if (slot->id == id && !(admin & 1) &&
	    __atomic_load_n(&state->admin, __ATOMIC_SEQ_CST) == admin)
		check_line(worker, slot, line);
	unlock_slot(slot);
}

/*
 * A segment that is in its slot before the listing is read is not bound any more.
 * Whatever has moved its pages before its line is printed is known afterwards.
 */
static void check_listing(struct worker *worker)
{
	unsigned int admin = __atomic_load_n(&state->admin, __ATOMIC_SEQ_CST);
	static char line[2 * BINDING_MAX];
	int ids[SLOTS], id;
	FILE *file;

	for (int i = 0; i < SLOTS; i++)
		ids[i] = __atomic_load_n(&state->slots[i].id, __ATOMIC_ACQUIRE);
	file = fopen("/proc/sysvipc/shmbind", "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %d", &id) != 1 || id <= 0)
			continue;
		for (int i = 0; i < SLOTS; i++) {
			if (ids[i] == id)
				check_segment(worker, &state->slots[i], id,
					      admin, line);
		}
	}
	if (file)
		fclose(file);
}

static void read_numa_maps(struct worker *worker)
{
	char text[BINDING_MAX];
	struct attached *attached = any_attached(worker);

	if (attached)
		mapping_policy(attached->addr, text);
}

struct toucher {
	pthread_t thread;
	unsigned long long random;
	char *addr;
};

/* Touch all pages, in an order that differs from thread to thread. */
static void *touch_all(void *arg)
{
	struct toucher *toucher = arg;
	size_t page = next_random(&toucher->random) % EVEN_PAGES;

	/* 35 and EVEN_PAGES have no common divisor */
	for (int i = 0; i < EVEN_PAGES; i++) {
		try_touch(toucher->addr, page);
		page = (page + 35) % EVEN_PAGES;
	}
	return NULL;
}

static void check_even(struct worker *worker, struct segment *seg,
		       struct nodemask *mask)
{
	long per_node[NODES_MAX], most = 0, least = EVEN_PAGES;
	int node;

	if (count_settled(seg->addr, EVEN_PAGES, per_node) < 0)
		fail(worker, "move_pages: %s", strerror(errno));
	for (node = -1; next_node(&node, mask);) {
		most = per_node[node] > most ? per_node[node] : most;
		least = per_node[node] < least ? per_node[node] : least;
	}
	if (most - least > EVEN_THREADS)
		fail(worker, "a stripe has %ld pages on a node and %ld on another",
		     most, least);
}

/* A stripe that cannot be swapped out, touched by threads. */
static void stripe(struct worker *worker)
{
	struct toucher touchers[EVEN_THREADS];
	struct nodemask mask = any_mask(worker);
	struct segment seg;
	int i, started = 0;

	/* the nodes that are candidates must stay the same */
	if (worker->number < NARROW)
		return;
	if (segment_create(&seg, EVEN_PAGES) ||
	    segment_bind(&seg, MEM_STRIPE | MEM_HARDBIND, &mask) ||
	    segment_rmid(&seg) || shmctl(seg.id, SHM_LOCK, NULL)) {
		fail(worker, "no segment: %s", strerror(errno));
		return;
	}
	for (i = 0; i < EVEN_THREADS; i++) {
		touchers[i].addr = seg.addr;
		touchers[i].random = next_random(&worker->random);
		if (!pthread_create(&touchers[i].thread, NULL, touch_all,
				    &touchers[i]))
			started++;
		else
			break;
	}
	while (started--)
		pthread_join(touchers[started].thread, NULL);
	check_even(worker, &seg, &mask);
	segment_detach(&seg);
}

/*
 * Workers.
 */

static const struct operation {
	const char *name;
	void (*run)(struct worker *worker);
	int weight;
} operations[] = {
	{ "create", create, 10 },
	{ "remove", remove_segment, 3 },
	{ "bind", bind_late, 2 },
	{ "attach", attach, 10 },
	{ "touch", touch, 15 },
	{ "touch elsewhere", touch_elsewhere, 10 },
	{ "fork", fork_and_touch, 3 },
	{ "madvise", advise, 12 },
	{ "pin", pin, 4 },
	{ "mbind", mbind_range, 4 },
	{ "move", move, 1 },
	{ "fill", fill, 1 },
	{ "list", check_listing, 6 },
	{ "numa_maps", read_numa_maps, 2 },
	{ "stripe", stripe, 4 },
};

static const struct operation *any_operation(struct worker *worker)
{
	int sum = 0, pick;

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		sum += operations[i].weight;
	pick = below(worker, sum);
	for (size_t i = 0; ; i++) {
		pick -= operations[i].weight;
		if (pick < 0)
			return &operations[i];
	}
}

static void work(int number, const struct cgroup *cpuset)
{
	struct worker worker = {
		.number = number,
		.random = seed * 1000 + number,
	};
	const struct operation *operation;

	if (catch_sigbus() || (number < NARROW && cgroup_join(cpuset)))
		_exit(1);
	gup_test = open(GUP_TEST, O_RDWR);
	while (!stopped()) {
		operation = any_operation(&worker);
		worker.name = operation->name;
		worker.operation++;
		operation->run(&worker);
		__atomic_add_fetch(&state->operations[operation - operations], 1,
				   __ATOMIC_RELAXED);
	}
	_exit(0);
}

/*
 * The administrator.
 */

/* Pages may be anywhere until end_moves(), and then are where they are. */
static void begin_moves(void)
{
	__atomic_add_fetch(&state->admin, 1, __ATOMIC_SEQ_CST);
}

static void end_moves(void)
{
	for (int i = 0; i < SLOTS; i++)
		__atomic_store_n(&state->slots[i].moved, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&state->admin, 1, __ATOMIC_SEQ_CST);
}

static void swap_off_and_on(struct worker *worker, struct swap *swap)
{
	begin_moves();
	/* ENOMEM if the pages do not fit */
	if (swapoff(swap->path) && errno != ENOMEM)
		fail(worker, "swapoff: %s", strerror(errno));
	else if (swapon(swap->path, 0) && errno != EBUSY)
		fail(worker, "swapon: %s", strerror(errno));
	end_moves();
}

static void replug(struct worker *worker, int block)
{
	if (block < 0)
		return;
	begin_moves();
	if (!set_block(block, "online_movable") &&
	    (usleep(200000), set_block(block, "offline")))
		fail(worker, "block %d cannot be taken offline", block);
	end_moves();
}

static void administrate(const struct cgroup *cpuset, struct swap *swap)
{
	struct worker worker = {
		.number = WORKERS, .name = "administration",
		.random = seed * 1000 + WORKERS,
	};
	int block = offline_block();
	struct nodemask mask;

	while (!stopped()) {
		worker.operation++;
		/* not nodes that are full at times alone: SOFT would be OOM */
		mask = any_mask(&worker);
		node_set(nth_node(0, &memory), &mask);
		node_set(nth_node(1, &memory), &mask);
		switch (below(&worker, 8)) {
		case 0:
			swap_off_and_on(&worker, swap);
			break;
		case 1:
			replug(&worker, block);
			break;
		case 2:
			write_file("/proc/sys/vm/drop_caches", "3");
			break;
		case 3:
			compact_nodes();
			break;
		default:
			cgroup_set_mems(cpuset, &mask);
		}
		usleep(100000 + below(&worker, 1000000));
	}
	_exit(0);
}

/*
 * The test.
 */

static unsigned long number_from(const char *name, unsigned long usual)
{
	const char *value = getenv(name);

	return value && *value ? strtoul(value, NULL, 0) : usual;
}

/* Wait until @get returns @want; false if it does not in ten seconds. */
static bool comes_back(long (*get)(void), long want)
{
	for (int tries = 0; tries < 100; tries++) {
		if (get() == want)
			return true;
		usleep(100000);
	}
	printf("# it is %ld, and was %ld\n", get(), want);
	return false;
}

static long shared_pages(void)
{
	write_file("/proc/sys/vm/stat_refresh", "1");
	return event_count("nr_shmem");
}

static long free_huge_pages(void)
{
	return pool_count(HUGE, EVERYWHERE, "free_hugepages");
}

static long used_segments(void)
{
	struct shm_info info = {};

	shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
	return info.used_ids + info.shm_tot;
}

static long swapped_pages(void)
{
	struct shm_info info = {};

	shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
	return info.shm_swp;
}

static void report(unsigned long seconds)
{
	printf("# %lu s:", seconds);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		printf(" %s %lu", operations[i].name, state->operations[i]);
	printf("\n");
	fflush(stdout);
}

static void watch(unsigned long seconds)
{
	for (unsigned long second = 1; second <= seconds && !stopped(); second++) {
		sleep(1);
		if (second % 60 == 0 || second == seconds)
			report(second);
	}
	__atomic_store_n(&state->stop, 1, __ATOMIC_SEQ_CST);
}

static void empty_slots(void)
{
	for (int i = 0; i < SLOTS; i++) {
		if (state->slots[i].id)
			shmctl(state->slots[i].id, IPC_RMID, NULL);
	}
}

FIXTURE(soak)
{
	struct cgroup cpuset;
	struct swap swap;
	long shared;
};

FIXTURE_SETUP(soak)
{
	int id;

	memory = memory_nodes();
	cpus = cpu_nodes();
	ASSERT_EQ(0, own_ipc_namespace());
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, state);
	memset(state, 0, sizeof(*state));
	/* id 0 */
	id = shmget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
	ASSERT_EQ(0, id);
	ASSERT_EQ(0, pools_fill(HUGE, &memory, POOL));
	ASSERT_EQ(0, swap_to_disk(&self->swap, SWAP_SIZE));
	ASSERT_EQ(0, cgroup_create(&self->cpuset, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&self->cpuset, &memory));
	self->shared = shared_pages();
}

FIXTURE_TEARDOWN(soak)
{
	EXPECT_EQ(0, swap_remove(&self->swap));
	EXPECT_EQ(0, pools_fill(HUGE, &memory, 0));
	cgroup_remove(&self->cpuset);
}

TEST_F(soak, random_operations_keep_what_is_promised)
{
	unsigned long seconds = number_from("SOAK_SECONDS", 10);
	pid_t pids[WORKERS + 1];

	REQUIRE("nodes=2");
	seed = number_from("SOAK_SEED", 1);
	printf("# seed %lu\n", seed);
	fflush(stdout);
	for (int i = 0; i <= WORKERS; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i])
			continue;
		if (i == WORKERS)
			administrate(&self->cpuset, &self->swap);
		work(i, &self->cpuset);
	}
	watch(seconds);
	for (int i = 0; i <= WORKERS; i++) {
		EXPECT_EQ(0, wait_for(pids[i]))
			TH_LOG("process %d", i);
	}
	EXPECT_EQ(0, state->failed);
	empty_slots();
	EXPECT_TRUE(comes_back(used_segments, 2));
	EXPECT_TRUE(comes_back(swapped_pages, 0));
	/* files of tmpfs return from swap, too */
	EXPECT_EQ(0, swap_remove(&self->swap));
	self->swap.path[0] = '\0';
	EXPECT_TRUE(comes_back(shared_pages, self->shared));
	EXPECT_TRUE(comes_back(free_huge_pages, nodes_weight(&memory) * POOL));
}

int main(int argc, char **argv)
{
	_soak_random_operations_keep_what_is_promised_object->timeout =
		number_from("SOAK_SECONDS", 10) + 300;
	return test_harness_run(argc, argv);
}
