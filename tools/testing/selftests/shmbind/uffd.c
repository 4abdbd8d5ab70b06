// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that userfaultfd(2) fills, in a mapping of the segment's file. An
 * attach cannot be registered for that.
 */
#include "expected.h"
#include "segment.h"

#define PAGES	64

FIXTURE(uffd)
{
	struct nodemask memory;
	struct segment seg;
	char *addr;		/* the second mapping, with a userfaultfd */
	char *source;		/* a page to copy */
	char *nothing;		/* a page that cannot be read */
	int fd, file;
};

FIXTURE_VARIANT(uffd)
{
	int strength;
};

FIXTURE_VARIANT_ADD(uffd, hard)	{ .strength = MEM_HARDBIND };
FIXTURE_VARIANT_ADD(uffd, soft)	{ .strength = MEM_SOFTBIND };

static void *map(size_t size, int prot, int flags, int file)
{
	void *addr = mmap(NULL, size, prot, flags, file, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

static int open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	return fd >= 0 && !ioctl(fd, UFFDIO_API, &api) ? fd : -1;
}

FIXTURE_SETUP(uffd)
{
	struct uffdio_register range = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	ASSERT_EQ(0, own_ipc_namespace());
	self->memory = memory_nodes();
	ASSERT_EQ(0, segment_open(&self->seg, PAGES,
				  MEM_STRIPE | variant->strength,
				  &self->memory));
	self->file = segment_file(&self->seg);
	ASSERT_LE(0, self->file);
	self->addr = map(self->seg.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->file);
	self->source = map(page_size(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	self->nothing = map(page_size(), PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1);
	ASSERT_TRUE(self->addr && self->source && self->nothing);
	touch_page(self->source, 0);
	self->fd = open_uffd();
	ASSERT_LE(0, self->fd);
	range.range.start = (uintptr_t)self->addr;
	range.range.len = self->seg.size;
	ASSERT_EQ(0, ioctl(self->fd, UFFDIO_REGISTER, &range));
}

FIXTURE_TEARDOWN(uffd)
{
	segment_remove(&self->seg);
}

/* Fill page @page of the second mapping; returns 0 or the error. */
static int copy_page(int fd, char *addr, int page, char *source)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)addr + page * page_size(),
		.src = (uintptr_t)source,
		.len = page_size(),
	};

	return ioctl(fd, UFFDIO_COPY, &copy) ? errno : 0;
}

/* Pages that UFFDIO_COPY fills go to each node in turn. */
TEST_F(uffd, copies_take_turns)
{
	int nodes[PAGES];

	for (int page = 0; page < PAGES; page++) {
		ASSERT_EQ(0, copy_page(self->fd, self->addr, page,
				       self->source));
		nodes[page] = page_node(self->addr, page);
		ASSERT_GE(1, spread(nodes, page + 1, &self->memory));
	}
}

/* A copy that fails between others costs no turn. */
TEST_F(uffd, failed_copies_between_cost_no_turn)
{
	int nodes[PAGES];

	for (int page = 0; page < PAGES; page++) {
		for (int i = 0; i < page % 4; i++)
			EXPECT_EQ(EFAULT, copy_page(self->fd, self->addr, page,
						    self->nothing));
		ASSERT_EQ(0, copy_page(self->fd, self->addr, page,
				       self->source));
		nodes[page] = page_node(self->addr, page);
		ASSERT_GE(1, spread(nodes, page + 1, &self->memory));
	}
}

/* A copy fails after each page that is touched. */

/* A copy that cannot read its source, between faults, costs no turn. */
TEST_F(uffd, copy_from_unreadable_page_costs_no_turn)
{
	int nodes[PAGES];

	for (int page = 0; page < PAGES; page++) {
		touch_page(self->seg.addr, page);
		nodes[page] = page_node(self->seg.addr, page);
		ASSERT_GE(1, spread(nodes, page + 1, &self->memory));
		if (page + 1 < PAGES)
			EXPECT_EQ(EFAULT, copy_page(self->fd, self->addr,
						    page + 1, self->nothing));
	}
}

/* A copy to a page that exists, between faults, costs no turn. */
TEST_F(uffd, copy_to_existing_page_costs_no_turn)
{
	int nodes[PAGES];

	for (int page = 0; page < PAGES; page++) {
		touch_page(self->seg.addr, page);
		nodes[page] = page_node(self->seg.addr, page);
		ASSERT_GE(1, spread(nodes, page + 1, &self->memory));
		EXPECT_EQ(EEXIST, copy_page(self->fd, self->addr, page,
					    self->source));
	}
}

TEST_HARNESS_MAIN
