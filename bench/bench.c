// SPDX-License-Identifier: GPL-2.0
/*
 * Measures faults on System V segments, and the calls that place segments.
 *
 * Runs in a guest whose time-stamp counter counts instructions: one processor,
 * on node 0, and 64 nodes. Prints a line for each figure:
 *
 *	what mode nodes median mean samples
 *
 * Figures are instructions of a fault or a call, and bytes for `memory'. The mean
 * leaves out the highest hundredth of the samples. On a kernel without shmbind(2)
 * the lines of its modes are missing.
 *
 * After the name of the measurement, "@cpuset" means that the faulting task
 * is in a child cpuset that has all nodes. "@narrowed" means that the cpuset has
 * only the first half of the mask's nodes. Both are counted without the memory
 * controller, which would charge each page.
 *
 * With the argument `locked', prints only what, mode and nodes of each figure;
 * the plugin locked.c counts the figures.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <setjmp.h>
#include <shmbind.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include "marks.h"

#define PAGE		4096UL
#define PAGES		512UL		/* of a segment */
#define SWAPPED		128UL		/* of memory that is swapped out */
#define FAILING		64UL		/* of a segment whose node is full */
#define SEGMENTS	2000		/* of each mode, to measure the memory of one */
#define HUGE		(2UL << 20)	/* bytes */
#define HUGE_PAGES	4UL		/* of a segment */
#define ROUNDS		6		/* the first warms up and is not counted */
#define HUGE_ROUNDS	13		/* each fault meets a timer tick or not */
#define NODES_MAX	64
#define PAST_END	((void *)(1UL << 40))	/* aligned: one page table */
#define SETTLE_US	50000		/* more than a grace period of RCU takes */
#define NODE_SIZE	(32UL << 20)	/* of each node but the first */
#define SAMPLES_MAX	(ROUNDS * PAGES)

#ifndef SHM_HUGETLB
#define SHM_HUGETLB	04000
#endif

enum kind { UNBOUND, SHMBIND, MBIND };

static const struct mode {
	const char *name;
	enum kind kind;
	int policy;
} modes[] = {
	{ "unbound",		UNBOUND, 0 },
	{ "firstref|soft",	SHMBIND, MEM_FIRSTREF | MEM_SOFTBIND },
	{ "firstref|hard",	SHMBIND, MEM_FIRSTREF | MEM_HARDBIND },
	{ "stripe|soft",	SHMBIND, MEM_STRIPE | MEM_SOFTBIND },
	{ "stripe|hard",	SHMBIND, MEM_STRIPE | MEM_HARDBIND },
	{ "mostfree|soft",	SHMBIND, MEM_MOSTFREE | MEM_SOFTBIND },
	{ "mostfree|hard",	SHMBIND, MEM_MOSTFREE | MEM_HARDBIND },
	{ "weighted|soft",	SHMBIND, MEM_WEIGHTED | MEM_SOFTBIND },
	{ "weighted|hard",	SHMBIND, MEM_WEIGHTED | MEM_HARDBIND },
	{ "firstref|mask",	SHMBIND, MEM_FIRSTREF | MEM_MASKBIND },
	{ "stripe|mask",	SHMBIND, MEM_STRIPE | MEM_MASKBIND },
	{ "LOCAL",		MBIND, MPOL_LOCAL },
	{ "PREFERRED_MANY",	MBIND, MPOL_PREFERRED_MANY },
	{ "BIND",		MBIND, MPOL_BIND },
	{ "INTERLEAVE",		MBIND, MPOL_INTERLEAVE },
	{ "WEIGHTED_INTERLEAVE", MBIND, MPOL_WEIGHTED_INTERLEAVE },
};

#define MODES		((int)(sizeof(modes) / sizeof(modes[0])))

struct figure {
	uint32_t sample[SAMPLES_MAX];
	int count;
};

static bool have_shmbind;

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

#define WEIGHTS	"/sys/kernel/mm/mempolicy/weighted_interleave"
#define CGROUP	"/sys/fs/cgroup"
#define GROUP	CGROUP "/bench"

enum confinement { NOT, CPUSET, NARROWED };

static const char *const suffix[] = { "", "@cpuset", "@narrowed" };

static enum confinement confinement;

static void create_cpuset(void)
{
	write_file(CGROUP "/cgroup.subtree_control",
		   "-memory -hugetlb +cpuset");
	if (mkdir(GROUP, 0755))
		die(GROUP);
}

/* For a segment whose mask has @nodes nodes. The cpuset is empty at this point. */
static void set_cpuset(int nodes)
{
	char list[16];

	snprintf(list, sizeof(list), "0-%d",
		 (confinement == CPUSET ? NODES_MAX : nodes / 2) - 1);
	write_file(GROUP "/cpuset.mems", list);
}

/* Bind segments outside of the cpuset, since the calls check it as well. */
static void enter_cpuset(int nodes)
{
	if (confinement == NOT)
		return;
	set_cpuset(nodes);
	write_file(GROUP "/cgroup.procs", "0");
}

static void leave_cpuset(void)
{
	if (confinement != NOT)
		write_file(CGROUP "/cgroup.procs", "0");
}

static void add(struct figure *figure, int round, uint64_t from, uint64_t to)
{
	if (round)
		figure->sample[figure->count++] = to - from;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *what, const struct mode *mode, int nodes,
		  struct figure *figure)
{
	/* leave out the hundredth that contains interrupts */
	int kept = figure->count - figure->count / 100;
	double sum = 0;

	if (!figure->count)
		return;
	qsort(figure->sample, figure->count, sizeof(figure->sample[0]),
	      compare);
	for (int i = 0; i < kept; i++)
		sum += figure->sample[i];
	printf("%s%s %s %d %u %.1f %d\n", what, suffix[confinement], mode->name,
	       nodes, figure->sample[figure->count / 2], sum / kept,
	       figure->count);
	fflush(stdout);
}

/* The first node of all masks; not 0 if the processor's node is left out. */
static int lowest_node;

static unsigned long *mask_of(int nodes)
{
	static unsigned long mask;

	mask = (nodes == 64 ? ~0UL : (1UL << nodes) - 1) << lowest_node;
	return &mask;
}

static int make(size_t size, int flags)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600 | flags);

	if (id < 0)
		die("shmget");
	return id;
}

static char *attach(int id)
{
	char *addr = shmat(id, NULL, 0);

	if (addr == (char *)-1)
		die("shmat");
	return addr;
}

static bool exists(const struct mode *mode)
{
	return mode->kind != SHMBIND || have_shmbind;
}

static long bind(const struct mode *mode, int nodes, int id, char *addr,
		 size_t size)
{
	if (mode->kind == SHMBIND)
		return syscall(__NR_shmbind, id, mode->policy, mask_of(nodes),
			       lowest_node + nodes);
	if (mode->policy == MPOL_LOCAL)
		return syscall(__NR_mbind, addr, size, MPOL_LOCAL, NULL, 0, 0);
	/* mbind(2) reads one bit less than it is told */
	return syscall(__NR_mbind, addr, size, mode->policy, mask_of(nodes),
		       lowest_node + nodes + 1, 0);
}

/*
 * Attached, and placed as @mode says; goes with its last attach. The caller is
 * in the cpuset until close_memory().
 */
static char *open_segment(const struct mode *mode, int nodes, size_t size,
			  int flags, int *id)
{
	char *addr;

	*id = make(size, flags);
	if (mode->kind == SHMBIND && bind(mode, nodes, *id, NULL, size))
		die("shmbind");
	addr = attach(*id);
	if (mode->kind == MBIND && bind(mode, nodes, *id, addr, size))
		die("mbind");
	if (shmctl(*id, IPC_RMID, NULL))
		die("IPC_RMID");
	enter_cpuset(nodes);
	return addr;
}

enum kind_of_memory { SEGMENT, TMPFS, ANONYMOUS };

/* Like open_segment(); only a segment has a mode. */
static char *open_memory(enum kind_of_memory kind, const struct mode *mode,
			 int nodes, size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fd = -1, id;
	char *addr;

	if (kind == SEGMENT)
		return open_segment(mode, nodes, size, 0, &id);
	if (kind == TMPFS) {
		flags = MAP_SHARED;
		fd = memfd_create("bench", 0);
		if (fd < 0 || ftruncate(fd, size))
			die("memfd");
	}
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (addr == MAP_FAILED)
		die("mmap");
	if (fd >= 0)
		close(fd);
	enter_cpuset(nodes);
	return addr;
}

static void close_memory(enum kind_of_memory kind, char *addr, size_t size)
{
	if (kind == SEGMENT ? shmdt(addr) : munmap(addr, size))
		die("close_memory");
	leave_cpuset();
}

static void touch(char *addr, size_t count, size_t step, int round,
		  struct figure *figure)
{
	volatile char *page = addr;
	uint64_t from, to;

	for (size_t i = 0; i < count; i++, page += step) {
		from = __rdtsc();
		*page = 1;
		to = __rdtsc();
		add(figure, round, from, to);
	}
}

static void read_in_order(char *addr, size_t count, int round,
			  struct figure *figure)
{
	volatile char *page = addr;
	uint64_t from, to;

	for (size_t i = 0; i < count; i++, page += PAGE) {
		from = __rdtsc();
		(void)*page;
		to = __rdtsc();
		add(figure, round, from, to);
	}
}

static void small_faults(const struct mode *mode, int nodes, int round,
			 struct figure *first, struct figure *again,
			 struct figure *order)
{
	char *addr, *other;
	int id;

	addr = open_segment(mode, nodes, PAGES * PAGE, 0, &id);
	touch(addr, PAGES, PAGE, round, first);
	other = attach(id);
	touch(other, PAGES, PAGE, round, again);
	shmdt(other);
	other = attach(id);
	read_in_order(other, PAGES, round, order);
	shmdt(other);
	close_memory(SEGMENT, addr, 0);
}

static void measure_small(int nodes)
{
	static struct figure first[MODES], again[MODES], order[MODES];

	memset(first, 0, sizeof(first));
	memset(again, 0, sizeof(again));
	memset(order, 0, sizeof(order));
	for (int round = 0; round < ROUNDS; round++)
		for (int m = 0; m < MODES; m++)
			if (exists(&modes[m]))
				small_faults(&modes[m], nodes, round, &first[m],
					     &again[m], &order[m]);
	for (int m = 0; m < MODES; m++) {
		print("first", &modes[m], nodes, &first[m]);
		print("again", &modes[m], nodes, &again[m]);
		print("order", &modes[m], nodes, &order[m]);
	}
}

/* Faults from a processor whose node is not in the mask. */
static void measure_far(int nodes)
{
	static struct figure figures[MODES];
	char *addr;
	int id;

	lowest_node = 1;
	memset(figures, 0, sizeof(figures));
	for (int round = 0; round < ROUNDS; round++) {
		for (int m = 0; m < MODES; m++) {
			if (!exists(&modes[m]))
				continue;
			addr = open_segment(&modes[m], nodes, PAGES * PAGE, 0,
					    &id);
			touch(addr, PAGES, PAGE, round, &figures[m]);
			close_memory(SEGMENT, addr, 0);
		}
	}
	for (int m = 0; m < MODES; m++)
		print("far", &modes[m], nodes, &figures[m]);
	lowest_node = 0;
}

/* An unbound file of tmpfs, which has the same code below the fault. */
static void measure_tmpfs(int nodes)
{
	static struct figure figure;
	char *addr;

	memset(&figure, 0, sizeof(figure));
	for (int round = 0; round < ROUNDS; round++) {
		addr = open_memory(TMPFS, NULL, nodes, PAGES * PAGE);
		touch(addr, PAGES, PAGE, round, &figure);
		close_memory(TMPFS, addr, PAGES * PAGE);
	}
	print("tmpfs", &modes[0], nodes, &figure);
}

static sigjmp_buf after_signal;
static volatile uint64_t touched, signalled;

static void on_sigbus(int sig)
{
	signalled = __rdtsc();
	siglongjmp(after_signal, 1);
}

/* Count from the access to the first instruction of the signal's handler. */
static bool touch_failing(volatile char *page, int round,
			  struct figure *figure)
{
	if (sigsetjmp(after_signal, 1)) {
		if (figure)
			add(figure, round, touched, signalled);
		return true;
	}
	touched = __rdtsc();
	*page = 1;
	return false;
}

static char *first_failing(char *addr, const char *end)
{
	for (; addr < end; addr += PAGE)
		if (touch_failing(addr, 0, NULL))
			return addr;
	return NULL;
}

/* Returns whether most of the pages failed. */
static bool touch_all_failing(char *addr, int round, struct figure *figure)
{
	size_t failed = 0;

	for (char *page = addr; page < addr + FAILING * PAGE; page += PAGE)
		failed += touch_failing(page, round, figure);
	return failed > FAILING / 2;
}

/*
 * What SIGBUS costs without an allocation: past the end of a file, whose one page
 * has brought the page table with it.
 */
static void fail_past_end(int round, struct figure *figure)
{
	int fd = memfd_create("bench", 0);
	char *addr;

	if (fd < 0 || ftruncate(fd, PAGE))
		die("memfd");
	addr = mmap(PAST_END, PAGE + FAILING * PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	if (addr == MAP_FAILED)
		die("mmap");
	close(fd);
	enter_cpuset(NODES_MAX);
	*(volatile char *)addr = 1;
	if (!touch_all_failing(addr + PAGE, round, figure))
		die("no SIGBUS past the end of a file");
	leave_cpuset();
	munmap(addr, PAGE + FAILING * PAGE);
}

/*
 * Locked pages are not swapped out. The kernel may still free other pages on the
 * node after the first fault has failed; use them up and begin again.
 */
static void fail_first_fault(const struct mode *mode, int round,
			     struct figure *figure)
{
	size_t size = 2 * NODE_SIZE;
	char *addr, *end, *page;
	int id;

	addr = open_segment(mode, 1, size, 0, &id);
	if (shmctl(id, SHM_LOCK, NULL))
		die("SHM_LOCK");
	end = addr + size - FAILING * PAGE;
	page = addr;
	do {
		page = first_failing(page, end);
		if (!page)
			die("the last node never gets full");
		page += FAILING * PAGE;
	} while (!touch_all_failing(page - FAILING * PAGE, round, figure));
	close_memory(SEGMENT, addr, 0);
}

/* Locked pages fill the node, so that others do not go to swap for these. */
static void fail_swapin(const struct mode *mode, int round,
			struct figure *figure)
{
	char *filler, *addr;
	int id, other;

	addr = open_segment(mode, 1, FAILING * PAGE, 0, &id);
	memset(addr, 1, FAILING * PAGE);
	if (madvise(addr, FAILING * PAGE, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	leave_cpuset();
	filler = open_segment(mode, 1, NODE_SIZE, 0, &other);
	if (shmctl(other, SHM_LOCK, NULL))
		die("SHM_LOCK");
	if (!first_failing(filler, filler + NODE_SIZE))
		die("the last node never gets full");
	/* MADV_PAGEOUT may have left some pages in memory */
	if (!touch_all_failing(addr, round, figure))
		die("no SIGBUS on a full node");
	shmdt(filler);
	close_memory(SEGMENT, addr, 0);
}

/*
 * HARD on a full node. mbind(2) has no equivalent: MPOL_BIND invokes the OOM
 * killer. The line of "unbound" is the cost of the signal alone.
 */
static void measure_failing(const char *what,
			    void (*fail)(const struct mode *mode, int round,
					 struct figure *figure))
{
	static struct figure figures[MODES];

	signal(SIGBUS, on_sigbus);
	lowest_node = NODES_MAX - 1;
	memset(figures, 0, sizeof(figures));
	for (int round = 0; round < ROUNDS; round++) {
		fail_past_end(round, &figures[0]);
		for (int m = 1; m < MODES; m++)
			if (exists(&modes[m]) && modes[m].kind == SHMBIND &&
			    (modes[m].policy & (MEM_HARDBIND | MEM_MASKBIND)))
				fail(&modes[m], round, &figures[m]);
	}
	for (int m = 0; m < MODES; m++)
		print(what, &modes[m], 1, &figures[m]);
	lowest_node = 0;
	signal(SIGBUS, SIG_DFL);
}

static void huge_faults(const struct mode *mode, int nodes, int flags,
			int round, struct figure *first, struct figure *again)
{
	char *addr, *other;
	int id;

	addr = open_segment(mode, nodes, HUGE_PAGES * HUGE, flags, &id);
	/*
	 * RCU and workers end what a move into a cpuset has left to them: the
	 * median of few faults would depend on how many of them are interrupted.
	 */
	if (confinement != NOT && !flags)
		usleep(SETTLE_US);
	touch(addr, HUGE_PAGES, HUGE, round, first);
	other = attach(id);
	touch(other, HUGE_PAGES, HUGE, round, again);
	shmdt(other);
	close_memory(SEGMENT, addr, 0);
}

/* Large folios, or with SHM_HUGETLB huge pages. */
static void measure_huge(int nodes, int flags)
{
	static struct figure first[MODES], again[MODES];

	memset(first, 0, sizeof(first));
	memset(again, 0, sizeof(again));
	for (int round = 0; round < HUGE_ROUNDS; round++)
		for (int m = 0; m < MODES; m++)
			if (exists(&modes[m]))
				huge_faults(&modes[m], nodes, flags, round,
					    &first[m], &again[m]);
	for (int m = 0; m < MODES; m++) {
		print(flags ? "huge" : "large", &modes[m], nodes, &first[m]);
		print(flags ? "huge-again" : "large-again", &modes[m], nodes,
		      &again[m]);
	}
}

static void swap_faults(enum kind_of_memory kind, const struct mode *mode,
			int nodes, int round, struct figure *figure)
{
	unsigned char resident;
	uint64_t from, to;
	char *addr;

	addr = open_memory(kind, mode, nodes, SWAPPED * PAGE);
	memset(addr, round + 1, SWAPPED * PAGE);
	for (size_t i = 0; i < SWAPPED; i++)
		addr[i * PAGE] = i;
	if (madvise(addr, SWAPPED * PAGE, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	for (char *page = addr; page < addr + SWAPPED * PAGE; page += PAGE) {
		if (mincore(page, 1, &resident))
			die("mincore");
		if (resident)
			continue;
		from = __rdtsc();
		*(volatile char *)page = 1;
		to = __rdtsc();
		add(figure, round, from, to);
	}
	close_memory(kind, addr, SWAPPED * PAGE);
}

/* From zram: decompressing a page costs the same in all modes. */
static void measure_swapin(int nodes)
{
	static struct figure figures[MODES];

	memset(figures, 0, sizeof(figures));
	for (int round = 0; round < ROUNDS; round++)
		for (int m = 0; m < MODES; m++)
			if (exists(&modes[m]))
				swap_faults(SEGMENT, &modes[m], nodes, round,
					    &figures[m]);
	for (int m = 0; m < MODES; m++)
		print("swap-in", &modes[m], nodes, &figures[m]);
}

static void measure_unbound_swapin(const char *what, enum kind_of_memory kind,
				   int nodes)
{
	static struct figure figure;

	memset(&figure, 0, sizeof(figure));
	for (int round = 0; round < ROUNDS; round++)
		swap_faults(kind, NULL, nodes, round, &figure);
	print(what, &modes[0], nodes, &figure);
}

/* The call itself, in MiB instead of nodes; mbind(2) on a mapping without pages. */
static void measure_call(size_t mib, int nodes)
{
	static struct figure figures[MODES];
	size_t size = mib << 20;
	uint64_t from, to;

	memset(figures, 0, sizeof(figures));
	for (int round = 0; round < ROUNDS; round++) {
		for (int m = 1; m < MODES; m++) {
			char *addr = NULL;
			int id;

			if (!exists(&modes[m]))
				continue;
			id = make(size, SHM_NORESERVE);
			if (modes[m].kind == MBIND)
				addr = attach(id);
			from = __rdtsc();
			if (bind(&modes[m], nodes, id, addr, size))
				die("bind");
			to = __rdtsc();
			add(&figures[m], round, from, to);
			if (addr)
				shmdt(addr);
			shmctl(id, IPC_RMID, NULL);
		}
	}
	for (int m = 1; m < MODES; m++)
		print("call", &modes[m], mib, &figures[m]);
}

/* KiB of kernel memory in slabs. */
static long slab(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[80];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file) &&
	       sscanf(line, "Slab: %ld kB", &kib) != 1)
		;
	if (kib < 0)
		die("/proc/meminfo");
	fclose(file);
	return kib;
}

/* The segments of all modes exist at the same time, and ipc allows 32768. */
_Static_assert(SEGMENTS * MODES < 32768, "fewer SEGMENTS");

/* Bytes of kernel memory of a segment of one page that is not attached. */
static void measure_memory(const struct mode *mode, int nodes, int *ids)
{
	long before = slab();
	double bytes;

	for (int i = 0; i < SEGMENTS; i++) {
		ids[i] = make(PAGE, 0);
		if (mode->kind == SHMBIND && bind(mode, nodes, ids[i], NULL, 0))
			die("shmbind");
	}
	bytes = (slab() - before) * 1024.0 / SEGMENTS;
	printf("memory %s %d %.0f %.1f %d\n", mode->name, nodes, bytes, bytes,
	       SEGMENTS);
}

/* Keep all segments to the end: a freed slab would be filled again. */
static void measure_memories(int nodes)
{
	static int ids[MODES][SEGMENTS];

	write_file("/proc/sys/kernel/shmmni", "32768");
	/* First fill the slabs that others have left half full. */
	for (int i = 0; i < SEGMENTS; i++)
		make(PAGE, 0);
	for (int m = 0; m < MODES; m++)
		if (modes[m].kind != MBIND && exists(&modes[m]))
			measure_memory(&modes[m], nodes, ids[m]);
	for (int m = 0; m < MODES; m++)
		if (modes[m].kind != MBIND && exists(&modes[m]))
			for (int i = 0; i < SEGMENTS; i++)
				shmctl(ids[m][i], IPC_RMID, NULL);
}

#define MARK(id)	asm volatile("nopl %c0(%%rax)" :: "i"(id) : "memory")

static void touch_marked(char *addr)
{
	for (size_t i = 0; i < PAGES; i++) {
		if (i < PAGES / 2) {
			addr[i * PAGE] = 1;
			continue;
		}
		MARK(MARK_BEGIN);
		*(volatile char *)(addr + i * PAGE) = 1;
		MARK(MARK_END);
	}
	MARK(MARK_NEXT);
}

static void count_locked(const struct mode *mode, int nodes)
{
	char *addr, *other;
	int id;

	addr = open_segment(mode, nodes, PAGES * PAGE, 0, &id);
	touch_marked(addr);
	printf("locked-first%s %s %d\n", suffix[confinement], mode->name,
	       nodes);
	other = attach(id);
	touch_marked(other);
	printf("locked-again%s %s %d\n", suffix[confinement], mode->name,
	       nodes);
	fflush(stdout);
	shmdt(other);
	close_memory(SEGMENT, addr, 0);
}

#define SWAP	"echo 64M >/sys/block/zram0/disksize && " \
		"mkswap /dev/zram0 >/dev/null"
#define SWAP_ON	"swapon /dev/zram0"
#define SWAP_OFF "swapoff /dev/zram0"
#define THP	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define POOL	"/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/" \
		"nr_hugepages"

static void fill_pools(int nodes, const char *count)
{
	char path[128];

	for (int node = 0; node < nodes; node++) {
		snprintf(path, sizeof(path), POOL, node);
		write_file(path, count);
	}
}

static void run(const char *command)
{
	if (system(command))
		die(command);
}

static void for_nodes(void (*measure)(int nodes), int least, int most,
		      int factor)
{
	for (int nodes = least; nodes <= most; nodes *= factor)
		measure(nodes);
}

static void measure_large(int nodes)
{
	measure_huge(nodes, 0);
}

static void measure_hugetlb(int nodes)
{
	measure_huge(nodes, SHM_HUGETLB);
}

/* In a cpuset, with fewer numbers of nodes; a mask of 1 cannot be narrowed. */
static void measure_faults(void)
{
	bool confined = confinement != NOT;
	bool narrowed = confinement == NARROWED;
	int few = confined ? 4 : 1, many = confined ? 4 : NODES_MAX;
	int factor = confined ? 4 : 2;

	for_nodes(measure_small, narrowed ? 4 : 1, NODES_MAX, factor);
	if (!narrowed)
		for_nodes(measure_far, 1, NODES_MAX / 2, factor);
	measure_tmpfs(4);
	if (!narrowed)
		measure_failing("failing", fail_first_fault);
	write_file(THP, "always");
	for_nodes(measure_large, few, many, factor);
	write_file(THP, "never");
	fill_pools(NODES_MAX, "5");
	for_nodes(measure_hugetlb, few, many, factor);
	fill_pools(NODES_MAX, "0");
	run(SWAP_ON);
	for_nodes(measure_swapin, few, many, factor);
	measure_unbound_swapin("swap-in-tmpfs", TMPFS, 4);
	measure_unbound_swapin("swap-in-anon", ANONYMOUS, 4);
	if (!narrowed)
		measure_failing("failing-swap-in", fail_swapin);
	run(SWAP_OFF);
}

static void measure(void)
{
	static const size_t sizes[] = { 4, 64, 1024, 1UL << 20 };

	run(SWAP);
	measure_faults();
	for (int i = 0; i < 4; i++)
		measure_call(sizes[i], 4);
	measure_memories(4);
	create_cpuset();
	for (confinement = CPUSET; confinement <= NARROWED; confinement++)
		measure_faults();
}

static void count_all_locked(void)
{
	for (confinement = NOT; confinement <= NARROWED; confinement++) {
		if (confinement == CPUSET)
			create_cpuset();
		for (int m = 0; m < MODES; m++)
			if (exists(&modes[m]))
				count_locked(&modes[m], 4);
	}
}

/* 1, 2, 3, 4, 1, ...: with equal weights it would be a stripe. */
static void set_weights(void)
{
	char path[96];

	for (int node = 0; node < NODES_MAX; node++) {
		snprintf(path, sizeof(path), WEIGHTS "/node%d", node);
		write_file(path, (const char *[]){ "1", "2", "3", "4" }[node % 4]);
	}
}

int main(int argc, char **argv)
{
	have_shmbind = shmbind_available();
	set_weights();

	if (argc == 1)
		measure();
	else if (!strcmp(argv[1], "locked"))
		count_all_locked();
	return 0;
}
