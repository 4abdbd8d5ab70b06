// SPDX-License-Identifier: GPL-2.0
/* Filling a segment, with the work spread over the CPUs of the mask's nodes. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "populate.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

/* Threads in all, unless there are more nodes than that. */
#define MAX_THREADS	64

/* What one system call allocates: short enough to stop soon at a signal. */
#define STEP		(8UL << 20)

/* A thread is not worth its start for less. */
#define MIN_PART	(16UL << 20)

#define MAX_CPUS	8192
#define CPUS_SIZE	CPU_ALLOC_SIZE(MAX_CPUS)

#define STACK_SIZE	(256UL << 10)

/* A contiguous range that one CPU fills. */
struct part {
	struct job *job;
	char *addr;
	size_t bytes;
	int cpu;			/* -1: any */
	pthread_t thread;
	bool started;
};

struct job {
	const struct filling *filling;
	size_t step;
	atomic_size_t done;		/* bytes */
	atomic_int error;		/* the first one; parts end at it */
	cpu_set_t *allowed;
	struct timespec start;
	bool shown;			/* the line of progress */
	int nr_parts, max_parts;
	struct part *parts;
};

static void stop(struct job *job, int error)
{
	int none = 0;

	atomic_compare_exchange_strong(&job->error, &none, error);
}

/*
 * What the calling thread does meanwhile.
 */

/*
 * Whether a signal asks the process to end. A handler could only run after the
 * segment is complete, so a caught SIGTERM counts as well.
 */
static bool is_fatal(int signal)
{
	struct sigaction action;

	switch (signal) {
	case SIGHUP:
	case SIGINT:
	case SIGQUIT:
	case SIGTERM:
		return true;
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return false;
	}
	return !sigaction(signal, NULL, &action) &&
		action.sa_handler == SIG_DFL;
}

static void watch_signals(struct job *job)
{
	const sigset_t *mask = job->filling->mask;
	sigset_t pending;
	int signal;

	if (sigpending(&pending))
		return;
	for (signal = 1; signal < NSIG; signal++) {
		if (sigismember(&pending, signal) == 1 &&
		    sigismember(mask, signal) != 1 && is_fatal(signal))
			stop(job, EINTR);
	}
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - start->tv_sec + (now.tv_nsec - start->tv_nsec) / 1e9;
}

/* Write to stderr without the locks and the buffer of the program's stdio. */
static void show(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

static void show_progress(struct job *job)
{
	const struct filling *filling = job->filling;
	char line[256], done[SIZE_TEXT], bytes[SIZE_TEXT];

	if (!filling->label || seconds_since(&job->start) < 1 ||
	    !isatty(STDERR_FILENO))
		return;
	job->shown = true;
	snprintf(line, sizeof(line), "\r%.150s: %s of %s (%d%%)\033[K",
		 filling->label, size_format(done, job->done),
		 size_format(bytes, filling->bytes),
		 (int)(100.0 * job->done / filling->bytes));
	show(line);
}

static void attend(struct job *job)
{
	watch_signals(job);
	show_progress(job);
}

/*
 * Filling.
 */

/* Allocate the next pages of a part. Returns false at the end, or if it failed. */
static bool fill_step(struct part *part)
{
	struct job *job = part->job;
	size_t bytes = part->bytes < job->step ? part->bytes : job->step;

	if (!bytes || job->error)
		return false;
	if (madvise(part->addr, bytes, MADV_POPULATE_WRITE)) {
		if (errno != EINTR && errno != EAGAIN)
			stop(job, errno);
		return true;
	}
	part->addr += bytes;
	part->bytes -= bytes;
	job->done += bytes;
	return true;
}

/*
 * Ignore a failure: the CPU may have gone offline, and only the placement by
 * FIRSTREF depends on it.
 */
static void move_to(const struct part *part)
{
	cpu_set_t *set = part->cpu < 0 ? NULL : CPU_ALLOC(MAX_CPUS);

	if (!set)
		return;
	CPU_ZERO_S(CPUS_SIZE, set);
	CPU_SET_S(part->cpu, CPUS_SIZE, set);
	sched_setaffinity(0, CPUS_SIZE, set);
	CPU_FREE(set);
}

static void *fill(void *arg)
{
	struct part *part = arg;

	move_to(part);
	while (fill_step(part))
		;
	return NULL;
}

/*
 * Fill a part in the calling thread, which stays where it is: a change of its CPUs
 * could not be undone completely.
 */
static void fill_here(struct part *part)
{
	struct job *job = part->job;

	while (fill_step(part))
		attend(job);
}

/* Without memory for a thread, its part is filled by fill_here(). */
static void start(struct part *part)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr))
		return;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	part->started = !pthread_create(&part->thread, &attr, fill, part);
	pthread_attr_destroy(&attr);
}

static void join(struct part *part)
{
	struct timespec until;

	do {
		attend(part->job);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
	} while (pthread_timedjoin_np(part->thread, NULL, &until) == ETIMEDOUT);
}

static void fill_parts(struct job *job)
{
	int i;

	for (i = 0; i < job->nr_parts && job->filling->threads; i++)
		start(&job->parts[i]);
	for (i = 0; i < job->nr_parts; i++) {
		if (!job->parts[i].started)
			fill_here(&job->parts[i]);
	}
	for (i = 0; i < job->nr_parts; i++) {
		if (job->parts[i].started)
			join(&job->parts[i]);
	}
}

/*
 * Splitting.
 */

/* Where share i of n begins, in whole pages. */
static size_t boundary(size_t bytes, size_t page, int i, int n)
{
	unsigned long long pages = (bytes + page - 1) / page;
	unsigned long long at = pages * i / n * page;

	return at < bytes ? at : bytes;
}

static void add_part(struct job *job, size_t first, size_t end, int cpu)
{
	if (first == end || job->nr_parts == job->max_parts)
		return;
	job->parts[job->nr_parts++] = (struct part) {
		.job = job,
		.addr = job->filling->addr + first,
		.bytes = end - first,
		.cpu = cpu,
	};
}

/* Step to the next CPU of a list such as "0-3,8". Start with *cpu = -1. */
static bool next_cpu(const char *list, int *cpu)
{
	long first, last;
	char *end;

	for (; *list >= '0' && *list <= '9'; list = *end == ',' ? end + 1 : end) {
		first = strtol(list, &end, 10);
		last = first;
		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (last > *cpu) {
			*cpu = first > *cpu ? first : *cpu + 1;
			return *cpu < MAX_CPUS;
		}
	}
	return false;
}

static bool next_allowed_cpu(const struct job *job, const char *list, int *cpu)
{
	while (next_cpu(list, cpu)) {
		if (CPU_ISSET_S(*cpu, CPUS_SIZE, job->allowed))
			return true;
	}
	return false;
}

#define LIST_TEXT	(4 * MAX_CPUS)

/* Write to @list the CPUs of a node; return how many of them may be used. */
static int usable_cpus(const struct job *job, int node, char *list)
{
	int cpu, count = 0;

	if (!node_cpus(node, list, LIST_TEXT))
		return 0;
	for (cpu = -1; next_allowed_cpu(job, list, &cpu);)
		count++;
	return count;
}

/* The number of nodes that have CPUs for this task. */
static int count_nodes(const struct job *job, char *list)
{
	int node, count = 0;

	for (node = -1; nodes_next(&node, job->filling->nodes);) {
		if (usable_cpus(job, node, list))
			count++;
	}
	return count;
}

static void split_node(struct job *job, const char *list, int cpus,
		       size_t first, size_t end)
{
	size_t at, next = first;
	int i, cpu = -1;

	for (i = 0; i < cpus && next_allowed_cpu(job, list, &cpu); i++) {
		at = next;
		next = first + boundary(end - first, job->filling->page, i + 1,
					cpus);
		add_part(job, at, next, cpu);
	}
}

static int limit(int n, size_t bytes, int most)
{
	size_t enough = bytes / MIN_PART;

	if (n > most)
		n = most;
	if ((size_t)n > enough)
		n = enough;
	return n ? n : 1;
}

static void split(struct job *job, char *list, int nr_nodes)
{
	const struct filling *filling = job->filling;
	int node, cpus, i = 0, most = job->max_parts / nr_nodes;
	size_t first, end;

	for (node = -1; nodes_next(&node, filling->nodes);) {
		cpus = usable_cpus(job, node, list);
		if (!cpus || i == nr_nodes)
			continue;
		first = boundary(filling->bytes, filling->page, i, nr_nodes);
		end = boundary(filling->bytes, filling->page, ++i, nr_nodes);
		split_node(job, list, limit(cpus, end - first, most), first,
			   end);
	}
	/* A node may have lost its CPUs meanwhile */
	first = boundary(filling->bytes, filling->page, i, nr_nodes);
	add_part(job, first, filling->bytes, -1);
}

/* Returns false if there is no memory. */
static bool make_parts(struct job *job)
{
	char *list = malloc(LIST_TEXT);
	int nr_nodes = 0;

	job->allowed = CPU_ALLOC(MAX_CPUS);
	if (list && job->allowed &&
	    sched_getaffinity(0, CPUS_SIZE, job->allowed) >= 0)
		nr_nodes = count_nodes(job, list);
	job->max_parts = nr_nodes > MAX_THREADS ? nr_nodes : MAX_THREADS;
	job->parts = calloc(job->max_parts, sizeof(*job->parts));
	if (job->parts) {
		if (nr_nodes)
			split(job, list, nr_nodes);
		if (!job->nr_parts)
			add_part(job, 0, job->filling->bytes, -1);
	}
	free(list);
	return job->parts;
}

int populate(const struct filling *filling)
{
	struct job job = { .filling = filling, .step = STEP };

	if (filling->page > STEP)
		job.step = filling->page;
	clock_gettime(CLOCK_MONOTONIC, &job.start);
	if (make_parts(&job))
		fill_parts(&job);
	else
		job.error = ENOMEM;
	if (job.shown)
		show("\r\033[K");
	free(job.parts);
	CPU_FREE(job.allowed);
	return job.error;
}
