// SPDX-License-Identifier: GPL-2.0
/*
 * shmbind - Place System V shared memory on NUMA nodes, and draw where it is.
 *
 * make_segment() shows what a program has to do: call shmget(2), then
 * shmbind(2), and only then shmat(2), because a segment that was ever attached
 * can no longer be bound. The rest of this file touches pages, asks the kernel
 * where they are, and compares that with the promises of shmbind(2).
 */

#define _GNU_SOURCE
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/shmbind.h>

#ifndef __NR_shmbind
#define __NR_shmbind 473
#endif

#define MAX_NODES	1024
#define LONG_BITS	(8 * sizeof(long))
#define BAR_WIDTH	36
#define MIB		(1024 * 1024UL)
#define DEFAULT_SIZE	(4 * MIB)
#define FILL_LIMIT	(1024 * MIB)	/* fill a larger node only on request */

#define COUNT_OF(array)	(sizeof(array) / sizeof(*(array)))

enum { EXIT_WRONG = 1, EXIT_CANNOT = 2 };

/* A set of nodes, in the form that the kernel takes. */
struct nodes {
	unsigned long bits[MAX_NODES / LONG_BITS];
};

struct choice {
	int flag;
	const char *name, *constant, *meaning;
};

static const struct choice policies[] = {
	{ MEM_FIRSTREF, "firstref", "MEM_FIRSTREF",
	  "on the node of the CPU that touches it, or near it" },
	{ MEM_STRIPE, "stripe", "MEM_STRIPE",
	  "on each node in turn" },
	{ MEM_MOSTFREE, "mostfree", "MEM_MOSTFREE",
	  "on the node with the most free memory" },
};

static const struct choice strengths[] = {
	{ MEM_HARDBIND, "hard", "MEM_HARDBIND", "not elsewhere" },
	{ MEM_SOFTBIND, "soft", "MEM_SOFTBIND", "elsewhere if full" },
};

/* A segment to create, and how to use it. */
struct plan {
	const struct choice *policy, *strength;
	struct nodes mask;	/* the nodes of the binding */
	struct nodes from;	/* nodes whose CPUs touch it, each its share */
	unsigned long pages;
};

/* The outcome of using a segment. */
struct result {
	unsigned long pages;	/* that were touched without a SIGBUS */
	int *where;		/* the node of each page */
	int *from;		/* the node whose CPU touched each page */
	unsigned long count[MAX_NODES];
	unsigned long before[MAX_NODES], after[MAX_NODES];	/* free pages */
};

static unsigned long page_size;
static struct nodes online, memory, cpus;
static bool wrong;		/* something was not as the contract says */

static void verdict(bool good, const char *claim)
{
	printf("  %s: %s\n", good ? "ok" : "WRONG, this is not the case", claim);
	wrong |= !good;
}

/*
 * Sets of nodes.
 */

static bool has(const struct nodes *set, int node)
{
	return set->bits[node / LONG_BITS] >> (node % LONG_BITS) & 1;
}

static void add(struct nodes *set, int node)
{
	set->bits[node / LONG_BITS] |= 1UL << (node % LONG_BITS);
}

static struct nodes only(int node)
{
	struct nodes set = {};

	add(&set, node);
	return set;
}

/* Step to the next node, from -1 to the first: for (n = -1; next(&n, set);) */
static bool next(int *node, const struct nodes *set)
{
	while (++*node < MAX_NODES) {
		if (has(set, *node))
			return true;
	}
	return false;
}

static int weight(const struct nodes *set)
{
	int node, count = 0;

	for (node = -1; next(&node, set);)
		count++;
	return count;
}

/* Parse a list of nodes as the kernel and users write it: "0-1,3". */
static bool parse(const char *text, struct nodes *set)
{
	unsigned long first, last;
	char *end;

	memset(set, 0, sizeof(*set));
	do {
		if (!isdigit(*text))
			return false;
		first = strtoul(text, &end, 10);
		last = first;
		if (*end == '-' && isdigit(end[1]))
			last = strtoul(end + 1, &end, 10);
		if (first > last || last >= MAX_NODES)
			return false;
		while (first <= last)
			add(set, first++);
		text = end + 1;
	} while (*end == ',');
	return !*end;
}

/* Return "node 3" or "nodes 0-1,3"; the text stays valid for a few calls. */
static const char *say(const struct nodes *set)
{
	static char texts[4][512];
	static unsigned int turn;
	char *text = texts[turn++ % COUNT_OF(texts)];
	size_t size = sizeof(texts[0]), len;
	const char *comma = " ";
	int node, last;

	len = snprintf(text, size, "node%s", weight(set) == 1 ? "" : "s");
	for (node = -1; next(&node, set);) {
		for (last = node; last + 1 < MAX_NODES; last++) {
			if (!has(set, last + 1))
				break;
		}
		/* cut off rather than overrun */
		if (len + 12 > size)
			break;
		len += sprintf(text + len, "%s%d", comma, node);
		if (last > node)
			len += sprintf(text + len, "-%d", last);
		comma = ",";
		node = last;
	}
	return text;
}

/*
 * The machine, as sysfs and procfs describe it.
 */

/* Return what follows the key in the first line that contains it. */
static char *look_up(const char *path, const char *key)
{
	static char line[8192];
	FILE *file = fopen(path, "r");
	char *found = NULL;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, key);
	if (file)
		fclose(file);
	if (!found)
		errx(EXIT_CANNOT, "cannot find '%s' in %s", key, path);
	found += strlen(key);
	found[strcspn(found, "\n")] = '\0';
	return found + strspn(found, " \t");
}

static char *look_up_node(int node, const char *file, const char *key)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/%s",
		 node, file);
	return look_up(path, key);
}

static unsigned long free_pages(int node)
{
	char *kib = look_up_node(node, "meminfo", "MemFree:");

	return strtoul(kib, NULL, 10) * 1024 / page_size;
}

static unsigned long all_pages(int node)
{
	char *kib = look_up_node(node, "meminfo", "MemTotal:");

	return strtoul(kib, NULL, 10) * 1024 / page_size;
}

static unsigned long oom_kills(void)
{
	return strtoul(look_up("/proc/vmstat", "oom_kill "), NULL, 10);
}

static int distance(int from, int to)
{
	char *column = look_up_node(from, "distance", "");
	int node, value = 0;

	for (node = -1; next(&node, &online);) {
		value = strtol(column, &column, 10);
		if (node == to)
			break;
	}
	return value;
}

/* Return the nearest node of the set; among equals, the lowest. */
static int nearest(int from, const struct nodes *set)
{
	int node, best = -1;

	for (node = -1; next(&node, set);) {
		if (best < 0 || distance(from, node) < distance(from, best))
			best = node;
	}
	return best;
}

/* Return where MEM_FIRSTREF puts a page that a CPU of the node touches. */
static int first_choice(int from, const struct nodes *mask)
{
	/* the nearest node with memory takes the place of one without */
	return nearest(nearest(from, &memory), mask);
}

/* Run on the CPUs of the node from now on; false if we may not use any. */
static bool run_on(int node)
{
	struct nodes list;
	cpu_set_t set;
	int cpu;

	if (!parse(look_up_node(node, "cpulist", ""), &list))
		return false;
	CPU_ZERO(&set);
	for (cpu = -1; next(&cpu, &list);)
		CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

static void discover(void)
{
	const char *dir = "/sys/devices/system/node";
	struct nodes populated, allowed;
	int node;

	if (access(dir, F_OK))
		errx(EXIT_CANNOT,
		     "%s does not exist: is /sys mounted, does the kernel have NUMA?",
		     dir);
	page_size = sysconf(_SC_PAGESIZE);
	parse(look_up("/sys/devices/system/node/online", ""), &online);
	parse(look_up("/sys/devices/system/node/has_memory", ""), &populated);
	parse(look_up("/proc/self/status", "Mems_allowed_list:"), &allowed);
	for (node = -1; next(&node, &online);) {
		if (has(&populated, node) && has(&allowed, node))
			add(&memory, node);
		if (run_on(node))
			add(&cpus, node);
	}
}

/*
 * Segments.
 */

static int shmbind(int shmid, int policy, unsigned long *mask, int mask_len)
{
	return syscall(__NR_shmbind, shmid, policy, mask, mask_len);
}

static void need_shmbind(void)
{
	/* without segment and mask, a kernel that has the call says EINVAL */
	if (shmbind(-1, 0, NULL, 0) && errno == EINVAL)
		return;
	warn("this kernel has no shmbind(2)");
	fputs("Boot one with the shmbind patches, CONFIG_NUMA=y and CONFIG_SYSVIPC=y.\n",
	      stderr);
	exit(EXIT_CANNOT);
}

static char *make_segment(const struct plan *plan)
{
	struct nodes mask = plan->mask;
	char *addr;
	int id;

	id = shmget(IPC_PRIVATE, plan->pages * page_size,
		    IPC_CREAT | SHM_NORESERVE | 0600);
	if (id < 0)
		err(EXIT_CANNOT, "shmget of %lu pages", plan->pages);

	if (shmbind(id, plan->policy->flag | plan->strength->flag, mask.bits,
		    MAX_NODES)) {
		fprintf(stderr, "shmbind to %s: %m\n", say(&mask));
		shmctl(id, IPC_RMID, NULL);
		exit(EXIT_CANNOT);
	}

	addr = shmat(id, NULL, 0);
	/* From now on, the last detach destroys the segment. */
	shmctl(id, IPC_RMID, NULL);
	if (addr == (char *)-1)
		err(EXIT_CANNOT, "shmat of %lu pages", plan->pages);
	return addr;
}

static sigjmp_buf sigbus_jump;
static siginfo_t sigbus;

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	sigbus = *info;
	siglongjmp(sigbus_jump, 1);
}

static void catch_sigbus(void)
{
	struct sigaction action = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigaction(SIGBUS, &action, NULL);
}

/* Write to a page; return false if that raised SIGBUS. */
static bool touch(char *addr)
{
	if (sigsetjmp(sigbus_jump, 0))
		return false;
	__atomic_store_n(addr, 1, __ATOMIC_RELAXED);
	return true;
}

/* Touch pages in order, from one page to the end or to a SIGBUS. */
static unsigned long touch_pages(char *addr, unsigned long page,
				 unsigned long end)
{
	while (page < end && touch(addr + page * page_size))
		page++;
	return page;
}

/* Ask for the nodes of touched pages: move_pages(2) without targets. */
static void locate(char *addr, unsigned long pages, int *where)
{
	void *batch[512];
	unsigned long i, count;

	for (; pages; pages -= count, where += count) {
		count = pages < COUNT_OF(batch) ? pages : COUNT_OF(batch);
		for (i = 0; i < count; i++, addr += page_size)
			batch[i] = addr;
		if (syscall(__NR_move_pages, 0, count, batch, NULL, where, 0))
			err(EXIT_CANNOT, "move_pages");
	}
}

static void *allocate(unsigned long count, size_t size)
{
	void *space = calloc(count + 1, size);

	if (!space)
		errx(EXIT_CANNOT, "no memory to record %lu pages", count);
	return space;
}

/* Let the CPUs of each node in plan->from touch their share of the segment. */
static struct result *use(const struct plan *plan, char *addr)
{
	struct result *result = allocate(1, sizeof(*result));
	unsigned long page, end = 0;
	int node, left = weight(&plan->from);

	result->where = allocate(plan->pages, sizeof(int));
	result->from = allocate(plan->pages, sizeof(int));
	for (node = -1; next(&node, &memory);)
		result->before[node] = free_pages(node);

	for (node = -1; next(&node, &plan->from);) {
		end += (plan->pages - end) / left--;
		if (!run_on(node))
			errx(EXIT_CANNOT, "node %d has no CPU available",
			     node);
		page = touch_pages(addr, result->pages, end);
		while (result->pages < page)
			result->from[result->pages++] = node;
		if (page < end)
			break;
	}

	locate(addr, result->pages, result->where);
	for (page = 0; page < result->pages; page++) {
		node = result->where[page];
		if (node < 0 || node >= MAX_NODES)
			errx(EXIT_CANNOT, "page %lu is not on any node (%d)",
			     page, node);
		result->count[node]++;
	}
	for (node = -1; next(&node, &memory);)
		result->after[node] = free_pages(node);
	return result;
}

static void discard(struct result *result, char *addr)
{
	free(result->where);
	free(result->from);
	free(result);
	shmdt(addr);
}

/*
 * Pictures.
 */

static double mib(unsigned long pages)
{
	return (double)pages * page_size / MIB;
}

/* Draw the node's pages in order, each as the node that touched it. */
static void draw_bar(const struct result *result, int node, unsigned long scale)
{
	static const char names[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	unsigned long page, seen = 0, drawn = 0;

	for (page = 0; page < result->pages; page++) {
		if (result->where[page] != node)
			continue;
		/* draw at least one, however few pages there are */
		for (seen++; drawn <= (seen - 1) * BAR_WIDTH / scale; drawn++)
			putchar(names[result->from[page] % 36]);
	}
	printf("%*s", (int)(BAR_WIDTH - drawn), "");
}

static void draw(const struct result *result)
{
	unsigned long scale = BAR_WIDTH;
	int node;

	for (node = -1; next(&node, &memory);) {
		if (result->count[node] > scale)
			scale = result->count[node];
	}
	for (node = -1; next(&node, &memory);) {
		printf("  node %2d |", node);
		draw_bar(result, node, scale);
		printf("|%7lu  free %.0fM -> %.0fM\n", result->count[node],
		       mib(result->before[node]), mib(result->after[node]));
	}
}

static void title(const struct plan *plan)
{
	printf("\n%s | %s, %s\n", plan->policy->constant,
	       plan->strength->constant, say(&plan->mask));
	printf("  %s; %s\n", plan->policy->meaning, plan->strength->meaning);
	printf("  %lu pages, touched from the CPUs of %s\n", plan->pages,
	       say(&plan->from));
}

/*
 * Comparing the result with what shmbind(2) promises while there is room.
 */

static bool near_their_cpus(const struct plan *plan,
			    const struct result *result)
{
	int wanted[MAX_NODES], node;
	unsigned long page;

	for (node = -1; next(&node, &plan->from);)
		wanted[node] = first_choice(node, &plan->mask);
	for (page = 0; page < result->pages; page++) {
		if (result->where[page] != wanted[result->from[page]])
			return false;
	}
	return true;
}

static bool even(const struct plan *plan, const struct result *result)
{
	unsigned long most = 0, least = ULONG_MAX;
	int node;

	for (node = -1; next(&node, &plan->mask);) {
		if (result->count[node] > most)
			most = result->count[node];
		if (result->count[node] < least)
			least = result->count[node];
	}
	return most - least <= 1;
}

/*
 * A node that has got a page still has as much free memory as any other. Some
 * slack is needed, because each CPU takes pages off a node in batches. A batch
 * is up to 8M, or 1/128 of a smaller node.
 */
static bool levelled(const struct plan *plan, const struct result *result)
{
	unsigned long batch, slack = 0;
	int taker, node;

	for (node = -1; next(&node, &plan->mask);) {
		batch = all_pages(node) / 128;
		if (batch > slack)
			slack = batch;
	}
	if (slack > 8 * MIB / page_size)
		slack = 8 * MIB / page_size;
	slack *= weight(&plan->from);

	for (taker = -1; next(&taker, &plan->mask);) {
		for (node = -1; next(&node, &plan->mask);) {
			if (result->count[taker] && result->after[node] >
			    result->after[taker] + slack)
				return false;
		}
	}
	return true;
}

static unsigned long outside(const struct plan *plan,
			     const struct result *result)
{
	unsigned long pages = 0;
	int node;

	for (node = -1; next(&node, &memory);) {
		if (!has(&plan->mask, node))
			pages += result->count[node];
	}
	return pages;
}

static bool had_room(const struct plan *plan, const struct result *result)
{
	int node;

	for (node = -1; next(&node, &plan->mask);) {
		if (result->before[node] < 2 * plan->pages)
			return false;
	}
	return true;
}

static void compare(const struct plan *plan, const struct result *result)
{
	bool good;

	if (result->pages < plan->pages)
		printf("  SIGBUS at page %lu: its node is full\n",
		       result->pages);
	if (!had_room(plan, result)) {
		printf("  not checked further: a node of the mask has too little room\n");
		return;
	}
	good = result->pages == plan->pages && !outside(plan, result);
	switch (plan->policy->flag) {
	case MEM_FIRSTREF:
		verdict(good && near_their_cpus(plan, result),
			"each page is on the mask's node nearest to its CPU");
		break;
	case MEM_STRIPE:
		verdict(good && even(plan, result),
			"the mask's nodes have the same, give or take one page");
		break;
	case MEM_MOSTFREE:
		verdict(good && levelled(plan, result),
			"each page is where the mask had the most free memory");
		break;
	}
}

static void show(const struct plan *plan)
{
	char *addr = make_segment(plan);
	struct result *result;

	title(plan);
	result = use(plan, addr);
	draw(result);
	compare(plan, result);
	discard(result, addr);
}

/*
 * Every policy and strength.
 */

/* Choose a mask that leaves out some CPUs if possible, and a size that fits. */
static void choose_mask(struct plan *plan)
{
	unsigned long room, least = ULONG_MAX, most = 0, second = 0;
	int node, rank = 0, nodes = weight(&memory);

	memset(&plan->mask, 0, sizeof(plan->mask));
	for (node = -1; next(&node, &memory);) {
		if (plan->policy->flag == MEM_MOSTFREE || nodes == 1 ||
		    (plan->policy->flag == MEM_STRIPE && rank > 0) ||
		    (plan->policy->flag == MEM_FIRSTREF && rank < nodes / 2))
			add(&plan->mask, node);
		rank++;
	}

	for (node = -1; next(&node, &plan->mask);) {
		room = free_pages(node);
		if (room < least)
			least = room;
		if (room > most) {
			second = most;
			most = room;
		} else if (room > second) {
			second = room;
		}
	}
	plan->pages = DEFAULT_SIZE / page_size;
	/* enough to level two nodes, if they are not too far apart */
	if (plan->policy->flag == MEM_MOSTFREE && second &&
	    most - second < 8 * plan->pages)
		plan->pages += most - second;
	if (plan->pages > least / 4)
		plan->pages = least / 4;
}

static void show_all(void)
{
	struct plan plan = { .from = cpus };
	size_t i, j;

	printf("Each bar shows the pages on one node. Its characters name the nodes whose CPUs\n"
	       "touched these pages. The number of pages follows, then the free memory of the\n"
	       "node before and after.\n");
	for (i = 0; i < COUNT_OF(policies); i++) {
		for (j = 0; j < COUNT_OF(strengths); j++) {
			plan.policy = &policies[i];
			plan.strength = &strengths[j];
			choose_mask(&plan);
			show(&plan);
		}
	}
}

/*
 * A full node. A HARD segment fills it. The pages of such a segment come from
 * that node or not at all. The filling therefore ends with a SIGBUS, and other
 * nodes keep their memory.
 */

/* A page or two may have been freed on the node; use them up first. */
static bool system_call_gets_efault(char *addr)
{
	int pipes[2], tries = 100;
	ssize_t written = 1;
	bool efault;

	if (pipe(pipes))
		err(EXIT_CANNOT, "pipe");
	while (written == 1 && tries--) {
		while (touch(addr))
			addr += page_size;
		written = write(pipes[1], addr, 1);
	}
	efault = written < 0 && errno == EFAULT;
	close(pipes[0]);
	close(pipes[1]);
	return efault;
}

/* Fill the node with the segment; return the first page that did not fit. */
static unsigned long show_full_hard(const struct plan *plan, char *addr)
{
	unsigned long page, kills = oom_kills();
	struct result *result;

	printf("\nThe node becomes full: a segment of its whole size\n");
	title(plan);
	result = use(plan, addr);
	page = result->pages;
	addr += page * page_size;
	draw(result);
	printf("  page %lu: SIGBUS, which this process caught\n", page);
	verdict(page < plan->pages && sigbus.si_code == BUS_ADRERR &&
		sigbus.si_addr == addr, "the signal is a BUS_ADRERR at that page");
	verdict(system_call_gets_efault(addr),
		"a system call that touches the page gets EFAULT");
	verdict(!outside(plan, result), "no page is outside the mask");
	verdict(oom_kills() == kills, "the OOM killer has killed nothing");
	discard(result, NULL);
	return page;
}

/*
 * Add the farthest other node that has room to the mask. Touch the pages from
 * a node for whose CPUs MEM_FIRSTREF still chooses the full one. Return whether
 * such nodes exist.
 */
static bool add_candidate(struct plan *plan, int full)
{
	int node, from, best = -1;
	struct nodes mask;

	for (node = -1; next(&node, &memory);) {
		if (node == full || free_pages(node) < 4 * plan->pages)
			continue;
		if (best >= 0 && distance(full, node) <= distance(full, best))
			continue;
		mask = only(full);
		add(&mask, node);
		for (from = -1; next(&from, &cpus);) {
			if (first_choice(from, &mask) != full)
				continue;
			plan->mask = mask;
			plan->from = only(from);
			best = node;
			break;
		}
	}
	return best >= 0;
}

static void show_full_soft(const struct plan *plan, int full)
{
	char *addr = make_segment(plan);
	struct result *result;

	title(plan);
	result = use(plan, addr);
	draw(result);
	verdict(result->pages == plan->pages, "every page could be touched");
	if (weight(&plan->mask) > 1)
		verdict(!outside(plan, result),
			"the mask's other node took them, near or far");
	else
		verdict(result->count[full] <= result->before[full] &&
			outside(plan, result),
			"nodes outside the mask took them");
	discard(result, addr);
}

static void show_full(bool asked)
{
	struct plan plan = {
		.policy = &policies[0],
		.strength = &strengths[0],
	};
	unsigned long spare_pages, page, pages;
	char *spare, *addr;
	int node, full = -1;

	for (node = -1; next(&node, &memory);)
		full = node;
	pages = all_pages(full);
	if (weight(&memory) < 2) {
		printf("\nA full node is not shown: all other programs need the only node.\n");
		return;
	}
	if (!asked && pages > FILL_LIMIT / page_size) {
		printf("\nA full node is not shown: node %d is large. Try --full.\n",
		       full);
		return;
	}

	node = -1;
	next(&node, &cpus);
	plan.from = only(node);
	plan.mask = only(full);
	spare_pages = free_pages(full) / 8;
	plan.pages = spare_pages;
	spare = make_segment(&plan);
	touch_pages(spare, 0, spare_pages);
	plan.pages = pages;
	addr = make_segment(&plan);
	page = show_full_hard(&plan, addr);

	shmdt(spare);
	printf("  another segment of %.1fM on this node is removed\n",
	       mib(spare_pages));
	verdict(touch(addr + page * page_size),
		"the same page can now be touched");
	touch_pages(addr, page, pages);

	printf("\nThe node is still full\n");
	plan.strength = &strengths[1];
	plan.pages = spare_pages / 8;
	plan.from = cpus;
	show_full_soft(&plan, full);
	if (add_candidate(&plan, full))
		show_full_soft(&plan, full);
	shmdt(addr);
}

/*
 * The command line.
 */

static const char usage[] =
"Usage: shmbind [OPTION]...\n"
"Create System V shared memory, bind it to NUMA nodes with shmbind(2), touch its\n"
"pages from CPUs of several nodes, and draw where the kernel says they are.\n"
"\n"
"Without options, show every policy and strength, then a full node.\n"
"With any of these options, show one segment:\n"
"  -p, --policy=POLICY      where a page goes when it is first touched:\n"
"        firstref           to the node of the CPU that touches it or, if it is not\n"
"                           in the mask, to the nearest node of it (default)\n"
"        stripe             to each node of the mask in turn\n"
"        mostfree           to the node of the mask with the most free memory\n"
"  -s, --strength=STRENGTH  if that node is full:\n"
"        hard               the access fails with SIGBUS\n"
"        soft               another node takes the page (default)\n"
"  -n, --nodes=LIST         the mask, such as 0-1,3 (default: all with memory)\n"
"  -m, --size=SIZE          of the segment, such as 64K or 16M (default: 4M)\n"
"  -t, --touch-from=LIST    nodes whose CPUs touch the pages, each its share\n"
"                           (default: all with CPUs)\n"
"Other options:\n"
"      --full               show only what happens when a node is full: fill the\n"
"                           highest node for a moment, however large it is\n"
"  -h, --help               show this text\n"
"\n"
"Exit status: 0 if the pages are where shmbind(2) promises, 1 if they are not,\n"
"2 if that could not be tested.\n";

static const struct choice *choose(const char *name, const char *what,
				   const struct choice *choices, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!strcmp(name, choices[i].name))
			return &choices[i];
	}
	errx(EXIT_CANNOT, "'%s' is not a %s; try --help", name, what);
}

static struct nodes nodes_from(const char *text)
{
	struct nodes set;

	if (!parse(text, &set))
		errx(EXIT_CANNOT, "'%s' is not a list of nodes such as 0-1,3",
		     text);
	return set;
}

static struct nodes cpus_from(const char *text)
{
	struct nodes set = nodes_from(text);
	int node;

	for (node = -1; next(&node, &set);) {
		if (!has(&cpus, node))
			errx(EXIT_CANNOT,
			     "no CPU available on node %d, only on %s",
			     node, say(&cpus));
	}
	return set;
}

static unsigned long pages_from(const char *text)
{
	static const char units[] = "KMG";
	unsigned long size, unit = 1;
	const char *letter;
	char *end;

	errno = 0;
	size = strtoul(text, &end, 10);
	letter = *end ? strchr(units, toupper(*end)) : NULL;
	if (letter) {
		unit <<= 10 * (letter - units + 1);
		end++;
	}
	if (!isdigit(*text) || *end || errno || !size || size > LONG_MAX / unit)
		errx(EXIT_CANNOT, "'%s' is not a size such as 64K or 16M", text);
	return (size * unit + page_size - 1) / page_size;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "policy",	required_argument, NULL, 'p' },
		{ "strength",	required_argument, NULL, 's' },
		{ "nodes",	required_argument, NULL, 'n' },
		{ "size",	required_argument, NULL, 'm' },
		{ "touch-from",	required_argument, NULL, 't' },
		{ "full",	no_argument,	   NULL, 'f' },
		{ "help",	no_argument,	   NULL, 'h' },
		{ }
	};
	struct plan plan = {
		.policy = &policies[0],
		.strength = &strengths[1],
	};
	bool one = false, full = false;
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		fputs(usage, stdout);
		return 0;
	}
	discover();
	plan.mask = memory;
	plan.from = cpus;
	plan.pages = DEFAULT_SIZE / page_size;

	while ((option = getopt_long(argc, argv, "p:s:n:m:t:h", options,
				     NULL)) != -1) {
		one |= option != 'f';
		switch (option) {
		case 'p':
			plan.policy = choose(optarg, "policy", policies,
					     COUNT_OF(policies));
			break;
		case 's':
			plan.strength = choose(optarg, "strength", strengths,
					       COUNT_OF(strengths));
			break;
		case 'n':
			plan.mask = nodes_from(optarg);
			break;
		case 'm':
			plan.pages = pages_from(optarg);
			break;
		case 't':
			plan.from = cpus_from(optarg);
			break;
		case 'f':
			full = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			errx(EXIT_CANNOT, "try --help");
		}
	}
	if (optind < argc)
		errx(EXIT_CANNOT, "'%s' is not an option; try --help",
		     argv[optind]);
	if (one && full)
		errx(EXIT_CANNOT, "--full excludes all other options; try --help");

	need_shmbind();
	catch_sigbus();
	if (one)
		show(&plan);
	else if (!full)
		show_all();
	if (!one)
		show_full(full);
	if (wrong)
		printf("\nSomething is not as shmbind(2) promises: see WRONG above.\n");
	return wrong ? EXIT_WRONG : 0;
}
