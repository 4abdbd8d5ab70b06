// SPDX-License-Identifier: GPL-2.0
/*
 * Readers of /proc/sysvipc/shmbind keep no segment alive: its memory is free
 * when the call that ends it returns.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "pool.h"

#define LISTING	"/proc/sysvipc/shmbind"
#define SIZE	(32UL << 20)	/* bytes: takes a while to count */
#define HUGE	(2UL << 20)	/* bytes */
#define HUGES	4		/* huge pages in the pool */
#define ROUNDS	4
#define MANY	24		/* rounds of the fast test */
#define READERS	2
#define BLOCKED	6	/* readers that cannot return */

/* The ways in which a segment ends. */
enum end { REMOVED, DETACHED, EXITED };

FIXTURE(reader)
{
	struct segment seg;
	pid_t readers[READERS];
	int node;	/* that has the pool */
};

FIXTURE_VARIANT(reader)
{
	enum end end;
};

FIXTURE_VARIANT_ADD(reader, removed)	{ .end = REMOVED };
FIXTURE_VARIANT_ADD(reader, detached)	{ .end = DETACHED };
FIXTURE_VARIANT_ADD(reader, exited)	{ .end = EXITED };

FIXTURE_SETUP(reader)
{
	struct nodemask memory = memory_nodes();

	ASSERT_EQ(0, own_ipc_namespace());
	self->seg.id = -1;
	self->node = first_node(&memory);
}

static void end_readers(FIXTURE_DATA(reader) * self)
{
	for (int i = 0; i < READERS; i++) {
		if (self->readers[i] <= 0)
			continue;
		kill(self->readers[i], SIGKILL);
		waitpid(self->readers[i], NULL, 0);
		self->readers[i] = 0;
	}
}

FIXTURE_TEARDOWN(reader)
{
	end_readers(self);
	segment_remove(&self->seg);
	pool_set(HUGE, self->node, "nr_hugepages", 0);
}

static long shmem_bytes(void)
{
	return event_count("nr_shmem") * page_size();
}

/* Read the whole listing with a buffer of @size bytes; its length, or -1. */
static long read_listing(char *buf, size_t size)
{
	int fd = open(LISTING, O_RDONLY);
	long total = 0;
	ssize_t got;

	if (fd < 0)
		return -1;
	while ((got = read(fd, buf, size)) > 0)
		total += got;
	close(fd);
	return got ? -1 : total;
}

/* Read the file again and again; odd readers read in small pieces. */
static pid_t read_on(int nth)
{
	pid_t pid = fork();
	char buf[4096];

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		read_listing(buf, nth % 2 ? 64 : sizeof(buf));
}

static void start_readers(struct __test_metadata *_metadata,
			  FIXTURE_DATA(reader) * self)
{
	for (int i = 0; i < READERS; i++) {
		self->readers[i] = read_on(i);
		ASSERT_LT(0, self->readers[i]);
	}
}

static pid_t ready_to_exit(int *go)
{
	int fds[2];
	pid_t pid;
	char c;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) ? 1 : 0);
	}
	close(fds[0]);
	*go = fds[1];
	return pid;
}

/* Ending a segment: preparation, and the last call. */
struct ending {
	struct segment *seg;
	enum end end;
	pid_t pid;	/* EXITED: a process that has the segment attached */
	int go;		/* and exits when this is closed */
};

static int end_prepare(struct ending *ending, struct segment *seg, enum end end)
{
	ending->seg = seg;
	ending->end = end;
	switch (end) {
	case REMOVED:
		return segment_detach(seg);
	case DETACHED:
		return segment_rmid(seg);
	case EXITED:
		ending->pid = ready_to_exit(&ending->go);
		if (ending->pid < 0)
			return -1;
		return segment_rmid(seg) || segment_detach(seg);
	}
	return -1;
}

/* The last call. The memory has to be free when it returns. */
static int end_finish(struct ending *ending)
{
	switch (ending->end) {
	case REMOVED:
		return segment_rmid(ending->seg);
	case DETACHED:
		return segment_detach(ending->seg);
	case EXITED:
		close(ending->go);
		return wait_for(ending->pid);
	}
	return -1;
}

/*
 * The memory of a segment is free when the call that ends it returns, whatever
 * readers do.
 */
TEST_F(reader, readers_keep_no_memory)
{
	struct nodemask memory = memory_nodes();
	struct segment *seg = &self->seg;
	struct ending ending;
	long before, left;
	int kept = 0;

	before = shmem_bytes();
	start_readers(_metadata, self);
	for (int round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, segment_open(seg, SIZE / page_size(),
					  MEM_STRIPE, &memory));
		touch_pages(seg->addr, SIZE / page_size());
		ASSERT_EQ(0, end_prepare(&ending, seg, variant->end));
		usleep(round * 700);
		ASSERT_EQ(0, end_finish(&ending));
		left = shmem_bytes() - before;
		kept += left > (long)SIZE / 2;
	}
	EXPECT_EQ(0, kept);
}

/* The huge pages of a segment are free when the call that ends it returns. */
TEST_F(reader, readers_keep_no_huge_pages)
{
	struct nodemask mask = nodes_of(self->node);
	struct segment *seg = &self->seg;
	struct ending ending;
	int refused = 0;
	long kept = 0;

	ASSERT_EQ(0, pools_fill(HUGE, &mask, HUGES));
	start_readers(_metadata, self);
	for (int round = 0; round < MANY; round++) {
		/* the whole pool: fails if an earlier segment is still there */
		if (huge_create(seg, HUGE, HUGES, 0)) {
			refused++;
			usleep(20000);
			continue;
		}
		ASSERT_EQ(0, segment_bind(seg, MEM_HARDBIND, &mask));
		touch_page(seg->addr, 0);
		ASSERT_EQ(0, end_prepare(&ending, seg, variant->end));
		usleep(round % 20 * 50);
		ASSERT_EQ(0, end_finish(&ending));
		kept += HUGES - pool_count(HUGE, self->node, "free_hugepages");
	}
	EXPECT_EQ(0, refused);
	EXPECT_EQ(0, kept);
}

/* A page of userfaultfd: an access waits until the page is provided. */
struct gate {
	int fd;
	char *page;
};

static int gate_close(struct gate *gate)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	gate->fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	gate->page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)gate->page;
	reg.range.len = page_size();
	if (gate->fd < 0 || gate->page == MAP_FAILED)
		return -1;
	return ioctl(gate->fd, UFFDIO_API, &api) ||
	       ioctl(gate->fd, UFFDIO_REGISTER, &reg);
}

static void gate_free(struct gate *gate)
{
	close(gate->fd);
	munmap(gate->page, page_size());
}

struct blocked {
	pthread_t thread;
	struct gate gate;
	long got;
};

static void *read_into_gate(void *arg)
{
	struct blocked *blocked = arg;
	int fd = open(LISTING, O_RDONLY);

	blocked->got = read(fd, blocked->gate.page, page_size());
	close(fd);
	return NULL;
}

static int start_blocked(struct blocked *blocked)
{
	if (gate_close(&blocked->gate))
		return -1;
	return pthread_create(&blocked->thread, NULL, read_into_gate, blocked);
}

static long end_blocked(struct blocked *blocked)
{
	struct uffdio_zeropage zero = {
		.range.start = (unsigned long)blocked->gate.page,
		.range.len = page_size(),
	};

	ioctl(blocked->gate.fd, UFFDIO_ZEROPAGE, &zero);
	pthread_join(blocked->thread, NULL);
	gate_free(&blocked->gate);
	return blocked->got;
}

/* Readers that cannot return keep no memory, either. */
TEST_F(reader, blocked_readers_keep_no_memory)
{
	struct segment *seg = &self->seg;
	struct blocked blocked[BLOCKED];
	struct ending ending;
	long before, left;
	int kept = 0;

	before = shmem_bytes();
	for (int round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, segment_create(seg, SIZE / page_size()));
		ASSERT_EQ(0, segment_attach(seg));
		touch_pages(seg->addr, SIZE / page_size());
		ASSERT_EQ(0, end_prepare(&ending, seg, variant->end));
		for (int i = 0; i < BLOCKED; i++)
			ASSERT_EQ(0, start_blocked(&blocked[i]));
		usleep(round * 200);
		ASSERT_EQ(0, end_finish(&ending));
		left = shmem_bytes() - before;
		kept += left > (long)SIZE / 2;
		/* they have read at least the header */
		for (int i = 0; i < BLOCKED; i++)
			EXPECT_LT(0, end_blocked(&blocked[i]));
	}
	EXPECT_EQ(0, kept);
}

TEST_HARNESS_MAIN
