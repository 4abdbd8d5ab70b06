// SPDX-License-Identifier: GPL-2.0
/*
 * segment fill|check|hold ID - Attach the segment and write a pattern to its pages,
 * compare them with the pattern, or read them and stay attached until a signal. If an
 * access gets SIGBUS, print the page, and exit with 3.
 */
#include <err.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

static sigjmp_buf no_memory;

static void leave(int signal)
{
	siglongjmp(no_memory, signal);
}

/* What the page has at its start. */
static unsigned long pattern(unsigned long page)
{
	return (page + 1) * 0x9e3779b97f4a7c15;
}

static unsigned long use(char *mem, unsigned long pages, int writes, int checks)
{
	volatile unsigned long page = 0;
	unsigned long value;

	signal(SIGBUS, leave);
	if (sigsetjmp(no_memory, 1)) {
		printf("page %lu of %lu: SIGBUS\n", page, pages);
		exit(3);
	}
	for (; page < pages; page++) {
		volatile unsigned long *word = (void *)(mem + 4096 * page);

		if (writes)
			*word = pattern(page);
		value = *word;
		if (checks && value != pattern(page))
			errx(1, "page %lu of %lu: wrong content", page, pages);
	}
	signal(SIGBUS, SIG_DFL);
	return page;
}

int main(int argc, char *argv[])
{
	struct shmid_ds about;
	unsigned long pages;
	int id, hold;
	char *mem;

	if (argc != 3)
		errx(2, "usage: segment fill|check|hold ID");
	id = atoi(argv[2]);
	hold = !strcmp(argv[1], "hold");
	mem = shmat(id, NULL, 0);
	if (mem == (char *)-1 || shmctl(id, IPC_STAT, &about))
		err(2, "segment %s", argv[2]);
	pages = about.shm_segsz / 4096;
	pages = use(mem, pages, !strcmp(argv[1], "fill"), !hold);
	printf("%lu pages\n", pages);
	fflush(stdout);
	if (hold)
		pause();
	return 0;
}
