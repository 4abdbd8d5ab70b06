// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to access a segment other than a fault on an attach. Each of them
 * allocates by the binding, and has an error of its own for a HARD node without
 * a free page.
 */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "ballast.h"
#include "expected.h"
#include "loop.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

static char *own_page;
static int disk;	/* a block device of zeroes, opened with O_DIRECT */
static int file;	/* of the segment */

/* Each of these functions allocates a page; it returns 0 or an error. */

static int by_mlock(struct segment *seg, size_t page)
{
	return mlock(seg->addr + page * page_size(), 1) ? errno : 0;
}

static int by_populate_read(struct segment *seg, size_t page)
{
	return madvise(seg->addr + page * page_size(), page_size(),
		       MADV_POPULATE_READ) ? errno : 0;
}

static int by_populate_write(struct segment *seg, size_t page)
{
	return madvise(seg->addr + page * page_size(), page_size(),
		       MADV_POPULATE_WRITE) ? errno : 0;
}

static int by_process_vm_writev(struct segment *seg, size_t page)
{
	struct iovec from = { own_page, 8 };
	struct iovec to = { seg->addr + page * page_size(), 8 };

	return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == 8 ? 0 : errno;
}

static int by_mem_file(struct segment *seg, size_t page)
{
	int fd = open("/proc/self/mem", O_RDWR), err = 0;

	if (pwrite(fd, own_page, 8,
		   (uintptr_t)seg->addr + page * page_size()) != 8)
		err = errno;
	close(fd);
	return err;
}

static int by_ptrace(struct segment *seg, size_t page)
{
	pid_t pid = fork();
	int err = 0;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, NULL, WUNTRACED);
	if (ptrace(PTRACE_POKEDATA, pid, seg->addr + page * page_size(),
		   (void *)1))
		err = errno;
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	return wait_for(pid) ? ECHILD : err;
}

static int by_vmsplice(struct segment *seg, size_t page)
{
	struct iovec from = { seg->addr + page * page_size(), page_size() };
	int pipes[2], err = 0;

	if (pipe(pipes))
		return errno;
	if (vmsplice(pipes[1], &from, 1, 0) < 0)
		err = errno;
	close(pipes[0]);
	close(pipes[1]);
	return err;
}

static int by_direct_io(struct segment *seg, size_t page)
{
	return pread(disk, seg->addr + page * page_size(), page_size(), 0) ==
	       (ssize_t)page_size() ? 0 : errno;
}

static int by_write_to_its_file(struct segment *seg, size_t page)
{
	return pwrite(file, own_page, 8, page * page_size()) == 8 ? 0 : errno;
}

static int by_fallocate(struct segment *seg, size_t page)
{
	return fallocate(file, 0, page * page_size(), page_size()) ? errno : 0;
}

/* Fill a page in a mapping of the file: attaches cannot be registered. */
static int copy_by_userfaultfd(char *addr)
{
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC), err = 0;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)addr, page_size() },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_copy copy = {
		.dst = (uintptr_t)addr,
		.src = (uintptr_t)own_page,
		.len = page_size(),
	};

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &range) ||
	    ioctl(uffd, UFFDIO_COPY, &copy))
		err = errno;
	if (uffd >= 0)
		close(uffd);
	return err;
}

static int by_userfaultfd(struct segment *seg, size_t page)
{
	char *addr = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
			  file, page * page_size());
	int err;

	if (addr == MAP_FAILED)
		return errno;
	err = copy_by_userfaultfd(addr);
	munmap(addr, page_size());
	return err;
}

static const struct way {
	const char *name;
	int (*go)(struct segment *seg, size_t page);
	int err;	/* if the node has no free page */
} ways[] = {
	{ "mlock",		by_mlock,		ENOMEM },
	{ "MADV_POPULATE_READ",	by_populate_read,	EFAULT },
	{ "MADV_POPULATE_WRITE", by_populate_write,	EFAULT },
	{ "process_vm_writev",	by_process_vm_writev,	EFAULT },
	{ "/proc/self/mem",	by_mem_file,		EIO },
	{ "ptrace",		by_ptrace,		EIO },
	{ "vmsplice",		by_vmsplice,		EFAULT },
	{ "O_DIRECT",		by_direct_io,		EFAULT },
	{ "write",		by_write_to_its_file,	ENOSPC },
	{ "fallocate",		by_fallocate,		ENOSPC },
	{ "userfaultfd",	by_userfaultfd,		ENOMEM },
};

#define WAYS	((int)ARRAY_SIZE(ways))
#define TRIES	5

/* Attach and open the file, before an access splits the mapping. */
static int attach(struct segment *seg)
{
	if (segment_attach(seg))
		return -1;
	file = segment_file(seg);
	return file < 0 ? -1 : 0;
}

static int open_segment(struct segment *seg, int pages, int policy,
			const struct nodemask *mask)
{
	if (segment_create(seg, pages) || shmbind_nodes(seg->id, policy, mask))
		return -1;
	return attach(seg);
}

static void remove_segment(struct segment *seg)
{
	close(file);
	file = -1;
	segment_remove(seg);
}

FIXTURE(access)
{
	struct nodemask memory, cpus;
	int victim;
	struct segment seg, ballast;
};

FIXTURE_SETUP(access)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	self->memory = memory_nodes();
	self->cpus = cpu_nodes();
	self->victim = victim_node();
	self->seg.id = -1;
	file = -1;
	own_page = aligned_alloc(page_size(), page_size());
	ASSERT_NE(NULL, own_page);
	memset(own_page, 1, page_size());
	disk = loop_open(1 << 20, O_RDONLY, NULL);
	ASSERT_LE(0, disk);
	ASSERT_EQ(0, fcntl(disk, F_SETFL, O_DIRECT));
	ASSERT_EQ(0, run_on_node(first_node(&self->cpus)));
}

FIXTURE_TEARDOWN(access)
{
	remove_segment(&self->seg);
	segment_detach(&self->ballast);
	close(disk);
}

/* The allocated size of the segment, in blocks of 512 bytes. */
static long blocks(void)
{
	struct stat stat;

	return fstat(file, &stat) ? -1 : stat.st_blocks;
}

/* The node of the page that @way allocates, or -1. */
static int node_by(const struct way *way, struct segment *seg, size_t page)
{
	long before = blocks();
	int err = way->go(seg, page);

	if (err || blocks() == before) {
		printf("# %s: error %d\n", way->name, err);
		return -1;
	}
	read_page(seg->addr, page);
	return page_node(seg->addr, page);
}

/* Every way to access a page makes it on the node of the mask. */
TEST_F(access, page_goes_to_the_node_of_the_mask)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct nodemask mask;
	int node;

	for (node = -1; next_node(&node, &self->memory);) {
		mask = nodes_of(node);
		for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
			ASSERT_EQ(0, open_segment(&self->seg, WAYS,
						  strengths[i], &mask));
			for (int way = 0; way < WAYS; way++) {
				EXPECT_EQ(node, node_by(&ways[way], &self->seg,
							way))
					TH_LOG("%s", ways[way].name);
			}
			remove_segment(&self->seg);
		}
	}
}

/* Every way to access a page takes one turn of a stripe. */
TEST_F(access, page_takes_its_turn_in_a_stripe)
{
	int width = nodes_weight(&self->memory), pages = WAYS * width;
	int nodes[pages];

	ASSERT_EQ(0, open_segment(&self->seg, pages, MEM_STRIPE, &self->memory));
	for (int page = 0; page < pages; page++) {
		nodes[page] = node_by(&ways[page % WAYS], &self->seg, page);
		EXPECT_EQ(0, strays(nodes, page + 1, &self->memory));
		EXPECT_GE(1, spread(nodes, page + 1, &self->memory))
			TH_LOG("%s", ways[page % WAYS].name);
	}
}

/*
 * Try a few pages until one fails, as the kernel may still reclaim some. @page
 * is the first page that was not tried yet.
 */
static int go_where_full(const struct way *way, struct segment *seg,
			 struct segment *ballast, long *taken, size_t *page)
{
	int err = 0;

	for (int tries = 0; !err && tries < TRIES; tries++) {
		*taken = top_up(ballast, *taken);
		err = way->go(seg, (*page)++);
	}
	return err;
}

/*
 * On a full node, each call returns the error that it has for this, and makes
 * no page.
 */
TEST_F(access, full_node_returns_the_usual_error)
{
	struct nodemask mask = nodes_of(self->victim);
	long taken, there;
	size_t page = 0;

	REQUIRE("nodes=2");
	ASSERT_EQ(0, open_segment(&self->seg, WAYS * TRIES, MEM_HARDBIND,
				  &mask));
	taken = fill_node(&self->ballast, self->victim);
	ASSERT_LT(0, taken);
	for (int way = 0; way < WAYS; way++) {
		EXPECT_EQ(ways[way].err,
			  go_where_full(&ways[way], &self->seg, &self->ballast,
					&taken, &page))
			TH_LOG("%s", ways[way].name);
	}
	/* no call has allocated a page and returned an error */
	there = blocks() * 512 / page_size();
	EXPECT_EQ(page, WAYS + there);

	ASSERT_EQ(0, give_back(&self->ballast));
	for (int way = 0; way < WAYS; way++) {
		EXPECT_EQ(self->victim, node_by(&ways[way], &self->seg,
						WAYS * TRIES - 1 - way))
			TH_LOG("%s", ways[way].name);
	}
}

/* mlockall() has shmat() make all pages, by the binding. */
TEST_F(access, mlockall_populates_by_the_binding)
{
	int width = nodes_weight(&self->memory), pages = 4 * width;
	int nodes[pages];

	ASSERT_EQ(0, segment_create(&self->seg, pages));
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_STRIPE | MEM_HARDBIND,
				   &self->memory));
	ASSERT_EQ(0, mlockall(MCL_FUTURE));
	ASSERT_EQ(0, segment_attach(&self->seg));
	ASSERT_EQ(0, munlockall());
	ASSERT_EQ(0, placement(self->seg.addr, pages, nodes));
	EXPECT_EQ(0, strays(nodes, pages, &self->memory));
	EXPECT_EQ(0, spread(nodes, pages, &self->memory));
}

/*
 * mlockall() leaves holes where a HARD node is full; a later access gets
 * SIGBUS, or succeeds once there is room.
 */
TEST_F(access, mlockall_leaves_holes_on_a_full_node)
{
	struct nodemask mask = nodes_of(self->victim);
	int pages = 4, nodes[pages];

	REQUIRE("nodes=2");
	ASSERT_EQ(0, segment_create(&self->seg, pages));
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_HARDBIND, &mask));
	ASSERT_LT(0, fill_node(&self->ballast, self->victim));
	ASSERT_EQ(0, mlockall(MCL_FUTURE));
	EXPECT_EQ(0, segment_attach(&self->seg));
	ASSERT_EQ(0, munlockall());
	ASSERT_EQ(0, placement(self->seg.addr, pages, nodes));
	EXPECT_EQ(pages, strays(nodes, pages, &self->memory));
	EXPECT_FALSE(try_touch(self->seg.addr, 0));
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	ASSERT_EQ(0, give_back(&self->ballast));
	ASSERT_TRUE(try_touch(self->seg.addr, 0));
	EXPECT_EQ(self->victim, page_node(self->seg.addr, 0));
}

/* A segment locked by SHM_LOCK follows its binding in every way. */
TEST_F(access, shm_lock_changes_nothing)
{
	struct nodemask mask = nodes_of(self->victim);

	ASSERT_EQ(0, segment_create(&self->seg, WAYS));
	ASSERT_EQ(0, shmctl(self->seg.id, SHM_LOCK, NULL));
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_HARDBIND, &mask));
	ASSERT_EQ(0, attach(&self->seg));
	for (int way = 0; way < WAYS; way++) {
		EXPECT_EQ(self->victim, node_by(&ways[way], &self->seg, way))
			TH_LOG("%s", ways[way].name);
	}
}

/* A node is chosen again for a page that was removed. */
TEST_F(access, removed_page_is_chosen_for_again)
{
	int from, to, pages = WAYS;

	REQUIRE("cpunodes=2");
	from = first_node(&self->cpus);
	to = last_node(&self->cpus);
	ASSERT_EQ(0, open_segment(&self->seg, pages, MEM_HARDBIND,
				  &self->memory));
	for (int page = 0; page < pages; page++) {
		ASSERT_EQ(0, run_on_node(from));
		EXPECT_EQ(firstref_node(from, &self->memory),
			  node_by(&ways[page], &self->seg, page));
		ASSERT_EQ(0, munlock(self->seg.addr, self->seg.size));
		ASSERT_EQ(0, madvise(self->seg.addr, self->seg.size,
				     MADV_REMOVE));
		ASSERT_EQ(0, run_on_node(to));
		EXPECT_EQ(firstref_node(to, &self->memory),
			  node_by(&ways[page], &self->seg, page));
		ASSERT_EQ(0, munlock(self->seg.addr, self->seg.size));
		ASSERT_EQ(0, madvise(self->seg.addr, self->seg.size,
				     MADV_REMOVE));
	}
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
