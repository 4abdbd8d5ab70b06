// SPDX-License-Identifier: GPL-2.0
/*
 * touch-pages - Attach a segment, touch its pages from the CPUs of some nodes,
 * each its share in order, and print on which nodes the kernel says they are.
 *
 * A SIGBUS ends it. Then check that the signal is a BUS_ADRERR at that page, and
 * that a system call that touches the page gets EFAULT.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../nodes.h"

enum { EXIT_SIGBUS = 1, EXIT_WRONG = 2 };

static const char usage[] =
"Usage: touch-pages [-f NODES] [-p FIRST[-LAST]] [-t SECONDS] ID\n"
"Touch pages of the segment ID from the CPUs of the nodes, each its share, and\n"
"print where they are. Exit status: 0 all touched, 1 SIGBUS, 2 anything else.\n"
"  -f  nodes with CPUs, all by default\n"
"  -p  pages, all by default, in units of the segment's page size\n"
"  -t  stay attached for so long after that\n";

static size_t page_size;
static char *start;

/* The page size of a segment, from /proc/sysvipc/shmbind. */
static size_t page_size_of(int id)
{
	char line[16384], *kib;
	size_t size = 0;
	int found;
	FILE *file;

	file = fopen("/proc/sysvipc/shmbind", "r");
	if (!file)
		err(EXIT_WRONG, "/proc/sysvipc/shmbind");
	while (fgets(line, sizeof(line), file)) {
		kib = strstr(line, "kernelpagesize_kB=");
		if (kib && sscanf(line, "%*d %d", &found) == 1 && found == id)
			size = 1024 * strtoul(strchr(kib, '=') + 1, NULL, 10);
	}
	fclose(file);
	if (!size)
		errx(EXIT_WRONG, "there is no segment %d", id);
	return size;
}

static sigjmp_buf jump;
static siginfo_t sigbus;

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	sigbus = *info;
	siglongjmp(jump, 1);
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
	if (sigsetjmp(jump, 0))
		return false;
	__atomic_store_n(addr, 1, __ATOMIC_RELAXED);
	return true;
}

/* Run on the CPUs of the node from now on; false if we may not use any. */
static bool run_on(int node)
{
	struct nodes list;
	char text[4096];
	cpu_set_t set;
	int cpu;

	if (!node_cpus(node, text, sizeof(text)) || !nodes_parse(text, &list))
		return false;
	CPU_ZERO(&set);
	for (cpu = -1; nodes_next(&cpu, &list);)
		CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

/* The nodes on whose CPUs this process may run. */
static void find_cpus(struct nodes *from)
{
	struct nodes online;
	int node;

	if (!nodes_online(&online))
		errx(EXIT_WRONG, "the nodes are unknown");
	for (node = -1; nodes_next(&node, &online);) {
		if (run_on(node))
			nodes_add(from, node);
	}
}

/*
 * Return the node of a touched page: move_pages(2) without targets. A page that
 * the kernel is moving is on no node for a moment.
 */
static int node_of(unsigned long page)
{
	void *addr = start + page * page_size;
	int node = -1, tries;

	for (tries = 0; tries < 1000; tries++) {
		if (syscall(SYS_move_pages, 0, 1UL, &addr, NULL, &node, 0))
			err(EXIT_WRONG, "move_pages");
		if (node >= 0 && node < MAX_NODES)
			return node;
		touch(addr);
		usleep(1000);
	}
	errx(EXIT_WRONG, "page %lu is not on any node: %s", page,
	     strerror(-node));
}

/* Print the nodes of touched pages. */
static void locate(int from, unsigned long first, unsigned long end)
{
	static unsigned long count[MAX_NODES];
	unsigned long page;
	int node;

	memset(count, 0, sizeof(count));
	for (page = first; page < end; page++)
		count[node_of(page)]++;
	printf("%lu pages from node %d:", end - first, from);
	for (node = 0; node < MAX_NODES; node++) {
		if (count[node])
			printf(" N%d=%lu", node, count[node]);
	}
	putchar('\n');
}

/*
 * Have a system call touch the page. Pages that were freed since are used up
 * first.
 */
static bool system_call_gets_efault(unsigned long page, unsigned long end)
{
	int pipes[2];
	ssize_t n;

	if (pipe(pipes))
		err(EXIT_WRONG, "pipe");
	for (; page < end; page++) {
		if (touch(start + page * page_size))
			continue;
		n = write(pipes[1], start + page * page_size, 1);
		if (n != 1)
			return errno == EFAULT;
	}
	return false;
}

static int report_sigbus(unsigned long page, unsigned long end)
{
	printf("page %lu: SIGBUS\n", page);
	if (sigbus.si_code != BUS_ADRERR ||
	    sigbus.si_addr != start + page * page_size)
		errx(EXIT_WRONG, "it is not a BUS_ADRERR at that page");
	if (!system_call_gets_efault(page, end))
		errx(EXIT_WRONG, "a system call does not get EFAULT");
	return EXIT_SIGBUS;
}

/* Let the CPUs of each node touch their share of the pages. */
static int touch_pages(const struct nodes *from, unsigned long page,
		       unsigned long end)
{
	unsigned long first, share;
	int node, left = nodes_count(from);

	for (node = -1; nodes_next(&node, from);) {
		if (!run_on(node))
			errx(EXIT_WRONG, "node %d has no CPU available", node);
		first = page;
		share = (end - page) / left--;
		while (page < first + share && touch(start + page * page_size))
			page++;
		locate(node, first, page);
		if (page < first + share)
			return report_sigbus(page, end);
	}
	return 0;
}

int main(int argc, char *argv[])
{
	unsigned long first = 0, last = -1UL, pages;
	struct nodes from = {};
	struct shmid_ds about;
	double seconds = 0;
	int option, id, status;
	char *end;

	while ((option = getopt(argc, argv, "f:p:t:")) != -1) {
		if (option == 'f' && nodes_parse(optarg, &from))
			continue;
		if (option == 't') {
			seconds = strtod(optarg, NULL);
			continue;
		}
		if (option != 'p') {
			fputs(usage, stderr);
			return EXIT_WRONG;
		}
		first = strtoul(optarg, &end, 10);
		last = *end == '-' ? strtoul(end + 1, NULL, 10) : first;
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return EXIT_WRONG;
	}
	setlinebuf(stdout);
	id = atoi(argv[optind]);
	page_size = page_size_of(id);
	if (nodes_empty(&from))
		find_cpus(&from);
	start = shmat(id, NULL, 0);
	if (start == (char *)-1 || shmctl(id, IPC_STAT, &about))
		err(EXIT_WRONG, "segment %d", id);
	pages = (about.shm_segsz + page_size - 1) / page_size;
	if (last >= pages)
		last = pages - 1;
	catch_sigbus();
	status = touch_pages(&from, first, last + 1);
	usleep(seconds * 1000000);
	return status;
}
