// SPDX-License-Identifier: GPL-2.0
/*
 * shmbind - Stripe a System V shared memory segment over NUMA nodes, and print
 * the node of each of its pages.
 *
 * Arguments: the nodes. Without any: all nodes that this process may use.
 * Exit status: 0 if every page is on one of these nodes, otherwise 1.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/mempolicy.h>
#include <shmbind.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES		24
#define MAX_NODES	1024	/* no kernel has more */
#define LONG_BITS	(8 * sizeof(long))

static unsigned long mask[MAX_NODES / LONG_BITS];

static void read_mask(int argc, char *argv[])
{
	unsigned long node;
	char *end;
	int i;

	if (argc == 1 && syscall(SYS_get_mempolicy, NULL, mask, MAX_NODES, NULL,
				 MPOL_F_MEMS_ALLOWED))
		err(1, "get_mempolicy");
	for (i = 1; i < argc; i++) {
		node = strtoul(argv[i], &end, 10);
		if (end == argv[i] || *end || node >= MAX_NODES)
			errx(1, "'%s' is not the number of a node", argv[i]);
		mask[node / LONG_BITS] |= 1UL << (node % LONG_BITS);
	}
}

/* The other causes of EINVAL are excluded here. */
static const char *reason(int error)
{
	if (error == EINVAL)
		return "a node is offline, without memory, or outside the cpuset";
	if (error == EPERM)
		return "a seccomp filter or a security module denies the call";
	return strerror(error);
}

static char *create_bind_attach(size_t size)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
	char *mem;

	if (id < 0)
		err(1, "shmget");

	/* The order matters: a segment that was ever attached stays as it is. */
	if (shmbind(id, MEM_STRIPE | MEM_HARDBIND, mask, MAX_NODES)) {
		warnx("shmbind: %s", reason(errno));
		shmctl(id, IPC_RMID, NULL);
		exit(1);
	}
	mem = shmat(id, NULL, 0);
	if (mem == (char *)-1)
		warn("shmat");

	/* The segment ends with its last attach, or now if there is none. */
	shmctl(id, IPC_RMID, NULL);
	if (mem == (char *)-1)
		exit(1);
	return mem;
}

/* Allocate each page. On a full node, a store would get SIGBUS. */
static void touch(char *mem, size_t size)
{
	/* A large folio would take one turn of the stripe with many pages. */
	madvise(mem, size, MADV_NOHUGEPAGE);
	if (madvise(mem, size, MADV_POPULATE_WRITE))
		errx(1, "%s", errno == EFAULT ? "a node of the mask is full" :
		     strerror(errno));
}

int main(int argc, char *argv[])
{
	size_t page_size = sysconf(_SC_PAGESIZE);
	int count[MAX_NODES] = {}, node[PAGES], outside = 0, i;
	void *page[PAGES];
	char *mem;

	if (!shmbind_available())
		errx(1, "this kernel does not have shmbind(2)");
	read_mask(argc, argv);
	mem = create_bind_attach(PAGES * page_size);
	touch(mem, PAGES * page_size);

	/* Without targets, move_pages(2) moves nothing and reports the nodes. */
	for (i = 0; i < PAGES; i++)
		page[i] = mem + i * page_size;
	if (syscall(SYS_move_pages, 0, PAGES, page, NULL, node, 0))
		err(1, "move_pages");

	for (i = 0; i < PAGES; i++) {
		if (node[i] < 0)
			errx(1, "page %d: %s", i, strerror(-node[i]));
		printf("page %2d: node %d\n", i, node[i]);
		count[node[i]]++;
	}
	for (i = 0; i < MAX_NODES; i++) {
		if (count[i])
			printf("node %d: %d pages\n", i, count[i]);
		if (!(mask[i / LONG_BITS] >> (i % LONG_BITS) & 1))
			outside += count[i];
	}
	if (outside)
		errx(1, "%d pages are outside the mask", outside);
	return 0;
}
