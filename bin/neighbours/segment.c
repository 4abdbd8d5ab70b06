// SPDX-License-Identifier: GPL-2.0
/*
 * segment POLICY MASK PAGES - Make a segment for the proofs, bound to the nodes
 * in MASK, and touch each of its pages. Print its identifier. The segment remains,
 * for the program that a proof runs next. POLICY and MASK are numbers; POLICY
 * "none" leaves the segment unbound.
 *
 * segment touch SHMID - Touch each page of a segment.
 *
 * The calls that a tracer should see come in this order: shmbind(2), which
 * succeeds; shmbind(2) after the attach, which fails; get_mempolicy(2) of the
 * segment's memory.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mempolicy.h>

#ifndef __NR_shmbind
#ifdef __X32_SYSCALL_BIT
#define __NR_shmbind (__X32_SYSCALL_BIT + 473)
#else
#define __NR_shmbind 473
#endif
#endif

#define MASK_BITS	4

/* Attach, and touch each page. Folios of one page make the counts exact. */
static char *touch(int id)
{
	struct shmid_ds ds;
	char *mem;

	if (shmctl(id, IPC_STAT, &ds))
		err(1, "shmctl");
	mem = shmat(id, NULL, 0);
	if (mem == (void *)-1)
		err(1, "shmat");
	madvise(mem, ds.shm_segsz, MADV_NOHUGEPAGE);
	memset(mem, 1, ds.shm_segsz);
	return mem;
}

static int create(unsigned long pages)
{
	int id = shmget(IPC_PRIVATE, pages * sysconf(_SC_PAGESIZE),
			IPC_CREAT | 0600);

	if (id < 0)
		err(1, "shmget");
	return id;
}

static void bind_and_touch(int id, int policy, unsigned long mask)
{
	unsigned long nodes[16] = { 0 };
	char *mem;
	int mode;

	if (syscall(__NR_shmbind, id, policy, &mask, MASK_BITS))
		err(1, "shmbind");
	mem = touch(id);
	if (!syscall(__NR_shmbind, id, policy, &mask, MASK_BITS))
		errx(1, "shmbind after shmat has succeeded");
	if (syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(nodes), mem,
		    MPOL_F_ADDR))
		err(1, "get_mempolicy");
	if (mode != MPOL_SHMBIND || *nodes != mask)
		errx(1, "mode %d, nodes %#lx", mode, *nodes);
}

int main(int argc, char *argv[])
{
	int id;

	if (argc == 3 && !strcmp(argv[1], "touch")) {
		touch(atoi(argv[2]));
		return 0;
	}
	if (argc != 4)
		errx(2, "segment POLICY MASK PAGES, or segment touch SHMID");
	id = create(strtoul(argv[3], NULL, 0));
	if (strcmp(argv[1], "none"))
		bind_and_touch(id, strtoul(argv[1], NULL, 0),
			       strtoul(argv[2], NULL, 0));
	else
		touch(id);
	printf("%d\n", id);
	return 0;
}
