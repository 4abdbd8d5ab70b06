// SPDX-License-Identifier: GPL-2.0
/*
 * mpi-ranks MEGABYTES own|first COMMAND - Each rank makes a System V segment and attaches
 * all of them. The rank itself writes a pattern to its segment, or the first rank to
 * all. Then all ranks read all segments, in turn and by messages, and the first rank
 * prints what is wrong, and runs the command while the segments are there.
 *
 * It is compiled in the guest: the packages of the guest have mpi.h.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

#define PAGE	4096

struct rank {
	int id;
	int pid;
	int cpu_node;
};

int getcpu(unsigned int *cpu, unsigned int *node);

static void *attach(int id)
{
	void *mem = shmat(id, NULL, 0);

	if (id < 0 || mem == (void *)-1) {
		perror("segment");
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
	return mem;
}

static unsigned long pattern(int rank, unsigned long page)
{
	return (rank + 1) * 0x9e3779b97f4a7c15 + page;
}

static void fill(char *mem, int rank, unsigned long pages)
{
	unsigned long page;

	for (page = 0; page < pages; page++)
		*(unsigned long *)(mem + PAGE * page) = pattern(rank, page);
}

static unsigned long wrong(char *mem, int rank, unsigned long pages)
{
	unsigned long page, count = 0;

	for (page = 0; page < pages; page++)
		count += *(unsigned long *)(mem + PAGE * page) != pattern(rank, page);
	return count;
}

/* Send a part of one's segment around: what comes is of the rank before. */
static unsigned long exchange(char *mem, int me, int ranks, unsigned long pages)
{
	int from = (me + ranks - 1) % ranks;
	char *got = malloc(PAGE * pages);
	unsigned long count;

	if (!got)
		MPI_Abort(MPI_COMM_WORLD, 1);
	MPI_Sendrecv(mem, PAGE * pages, MPI_CHAR, (me + 1) % ranks, 0,
		     got, PAGE * pages, MPI_CHAR, from, 0,
		     MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	count = wrong(got, from, pages);
	free(got);
	return count;
}

int main(int argc, char *argv[])
{
	unsigned long pages, bad = 0, sum = 0;
	unsigned int cpu, node;
	struct rank mine, *all;
	int me, ranks, i;
	char **mem;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &me);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (argc != 4)
		MPI_Abort(MPI_COMM_WORLD, 2);
	pages = strtoul(argv[1], NULL, 0) << 8;
	getcpu(&cpu, &node);
	mine = (struct rank){ shmget(IPC_PRIVATE, PAGE * pages, 0600), getpid(), node };
	all = calloc(ranks, sizeof(*all));
	mem = calloc(ranks, sizeof(*mem));
	MPI_Allgather(&mine, sizeof(mine), MPI_CHAR, all, sizeof(mine), MPI_CHAR,
		      MPI_COMM_WORLD);
	for (i = 0; i < ranks; i++)
		mem[i] = attach(all[i].id);
	MPI_Barrier(MPI_COMM_WORLD);
	shmctl(mine.id, IPC_RMID, NULL);
	if (!strcmp(argv[2], "own"))
		fill(mem[me], me, pages);
	for (i = 0; i < ranks && !me && strcmp(argv[2], "own"); i++)
		fill(mem[i], i, pages);
	MPI_Barrier(MPI_COMM_WORLD);
	for (i = 0; i < ranks; i++)
		bad += wrong(mem[(me + i) % ranks], (me + i) % ranks, pages);
	bad += exchange(mem[me], me, ranks, pages / 8);
	MPI_Reduce(&bad, &sum, 1, MPI_UNSIGNED_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
	for (i = 0; i < ranks && !me; i++)
		printf("rank %d id %d pid %d node %d\n", i, all[i].id, all[i].pid,
		       all[i].cpu_node);
	if (!me)
		printf("%lu pages wrong\n", sum);
	fflush(stdout);
	if (!me && system(argv[3]))
		MPI_Abort(MPI_COMM_WORLD, 1);
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Finalize();
	return 0;
}
