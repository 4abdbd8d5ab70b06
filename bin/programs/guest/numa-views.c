// SPDX-License-Identifier: GPL-2.0
/*
 * numa-views ID - Do what PostgreSQL 18 does for pg_shmem_allocations_numa and
 * pg_buffercache_numa: attach the segment, read each page, ask move_pages(2) where
 * all of them are, and print how many are on each node.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_NODES	1024

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char *argv[])
{
	static unsigned long count[MAX_NODES];
	unsigned long pages, i, nowhere = 0;
	struct shmid_ds about;
	int id, node, *status;
	void **addr;
	double start;
	char *mem;

	if (argc != 2)
		errx(2, "usage: numa-views ID");
	id = atoi(argv[1]);
	mem = shmat(id, NULL, 0);
	if (mem == (char *)-1 || shmctl(id, IPC_STAT, &about))
		err(2, "segment %s", argv[1]);
	pages = (about.shm_segsz + 4095) / 4096;
	addr = calloc(pages, sizeof(*addr));
	status = calloc(pages, sizeof(*status));
	if (!addr || !status)
		err(2, "calloc");
	start = now();
	for (i = 0; i < pages; i++) {
		addr[i] = mem + 4096 * i;
		(void)*(volatile char *)addr[i];
	}
	if (syscall(SYS_move_pages, 0, pages, addr, NULL, status, 0))
		err(2, "move_pages");
	for (i = 0; i < pages; i++) {
		if (status[i] < 0 || status[i] >= MAX_NODES)
			nowhere++;
		else
			count[status[i]]++;
	}
	printf("pages:");
	for (node = 0; node < MAX_NODES; node++) {
		if (count[node] || node < 4)
			printf(" N%d=%lu", node, count[node]);
	}
	printf("\nwithout a node: %lu\n", nowhere);
	fprintf(stderr, "%lu pages in %.0f ms\n", pages, 1000 * (now() - start));
	return 0;
}
