// SPDX-License-Identifier: GPL-2.0
/* The life of a binding: when it may be set, whom it holds for, when it goes. */
#include <sys/resource.h>

#include "caller.h"
#include "flavours.h"
#include "inject.h"

#define PAGES	16

/* From a process of its own: its errno, or 0. */
static int bind_elsewhere(int shmid, int flavour)
{
	pid_t pid = fork();

	if (!pid)
		_exit(bind_flavour(shmid, flavour) ? errno : 0);
	return wait_for(pid);
}

/* From a process of its own: attach and go. */
static int attach_elsewhere(int shmid, int flags)
{
	pid_t pid = fork();

	if (!pid)
		_exit(shmat(shmid, NULL, flags) == (void *)-1 ? errno : 0);
	return wait_for(pid);
}

FIXTURE(life)
{
	struct segment seg;
	struct nodemask memory;
	int first;
	int last;
};

FIXTURE_SETUP(life)
{
	self->memory = memory_nodes();
	self->first = first_node(&self->memory);
	self->last = last_node(&self->memory);
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_create(&self->seg, PAGES));
}

FIXTURE_TEARDOWN(life)
{
	segment_remove(&self->seg);
}

#define EXPECT_NOT_BINDABLE(shmid)				\
do {								\
	EXPECT_EQ(-1, bind_flavour(shmid, 0));			\
	EXPECT_EQ(EINVAL, errno);				\
} while (0)

TEST_F(life, may_be_rebound_any_number_of_times_before_the_first_attach)
{
	for (int i = 0; i < 300; i++) {
		ASSERT_EQ(0, bind_flavour(self->seg.id, i % FLAVOURS));
		ASSERT_EQ(i % FLAVOURS, segment_flavour(self->seg.id));
	}
}

TEST_F(life, the_last_successful_call_holds_as_a_whole)
{
	for (int last = 0; last < FLAVOURS; last++) {
		struct segment seg;

		ASSERT_EQ(0, segment_create(&seg, 1));
		for (int i = 1; i <= FLAVOURS; i++)
			EXPECT_EQ(0, bind_flavour(seg.id,
						  (last + i) % FLAVOURS));
		/* one that fails is not the last */
		EXPECT_EQ(-1, shmbind_nodes(seg.id, 0x80, &self->memory));
		EXPECT_EQ(0, segment_attach(&seg));
		EXPECT_EQ(last, mapping_flavour(seg.addr));
		EXPECT_EQ(last, segment_flavour(seg.id));
		segment_remove(&seg);
	}
}

TEST_F(life, an_attached_segment_cannot_be_bound)
{
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_NOT_BINDABLE(self->seg.id);
	EXPECT_EQ(EINVAL, bind_elsewhere(self->seg.id, 1));
}

TEST_F(life, an_attached_segment_cannot_be_rebound)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_NOT_BINDABLE(self->seg.id);
	EXPECT_EQ(EINVAL, bind_elsewhere(self->seg.id, 2));
	EXPECT_EQ(1, segment_flavour(self->seg.id));
	EXPECT_EQ(1, mapping_flavour(self->seg.addr));
}

TEST_F(life, not_even_when_everyone_has_detached)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	ASSERT_EQ(0, segment_detach(&self->seg));
	EXPECT_NOT_BINDABLE(self->seg.id);
	EXPECT_EQ(EINVAL, bind_elsewhere(self->seg.id, 2));
	EXPECT_EQ(1, segment_flavour(self->seg.id));
}

TEST_F(life, any_attach_counts)
{
	static const int flags[] = { 0, SHM_RDONLY, SHM_EXEC };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct segment seg;

		ASSERT_EQ(0, segment_create(&seg, 1));
		ASSERT_EQ(0, shmctl(seg.id, IPC_SET, &(struct shmid_ds) {
				.shm_perm.mode = 0700 }));
		ASSERT_EQ(0, attach_elsewhere(seg.id, flags[i]));
		EXPECT_NOT_BINDABLE(seg.id);
		segment_remove(&seg);
	}
}

TEST_F(life, a_binding_is_no_attach)
{
	struct shmid_ds before, after;

	ASSERT_EQ(0, shmctl(self->seg.id, IPC_STAT, &before));
	ASSERT_EQ(0, bind_flavour(self->seg.id, 0));
	ASSERT_EQ(0, shmctl(self->seg.id, IPC_STAT, &after));
	EXPECT_EQ(0, after.shm_nattch);
	EXPECT_EQ(before.shm_atime, after.shm_atime);
	EXPECT_EQ(before.shm_dtime, after.shm_dtime);
	EXPECT_EQ(before.shm_lpid, after.shm_lpid);
	EXPECT_EQ(before.shm_segsz, after.shm_segsz);
}

/* Ways to fail to attach, early and late: the errno, or 0 if it worked. */

static int attach_nowhere(int shmid)
{
	return attach_at(shmid, NULL, SHM_REMAP);
}

static int attach_unaligned(int shmid)
{
	return attach_at(shmid, (void *)(page_size() * 1024 + 1), 0);
}

/* Found out only when the attach is counted already. */
static int attach_over_another_mapping(int shmid)
{
	void *taken = mmap(NULL, PAGES * page_size(), PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return attach_at(shmid, taken, 0);
}

static int attach_without_address_space(int shmid)
{
	struct rlimit limit, none;
	int err;

	getrlimit(RLIMIT_AS, &limit);
	none = limit;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_AS, &none);
	err = attach_at(shmid, NULL, 0);
	setrlimit(RLIMIT_AS, &limit);
	return err;
}

static int attach_as_a_stranger(int shmid)
{
	pid_t pid = fork();

	if (!pid)
		_exit(become(NOBODY) ? -1 : attach_at(shmid, NULL, 0));
	return wait_for(pid);
}

FIXTURE(failed_attach)
{
	struct segment seg;
};

FIXTURE_VARIANT(failed_attach)
{
	int (*attach)(int shmid);
	int want;
};

FIXTURE_VARIANT_ADD(failed_attach, nowhere) {
	.attach = attach_nowhere,
	.want = EINVAL,
};

FIXTURE_VARIANT_ADD(failed_attach, unaligned) {
	.attach = attach_unaligned,
	.want = EINVAL,
};

FIXTURE_VARIANT_ADD(failed_attach, over_another_mapping) {
	.attach = attach_over_another_mapping,
	.want = EINVAL,
};

FIXTURE_VARIANT_ADD(failed_attach, without_address_space) {
	.attach = attach_without_address_space,
	.want = ENOMEM,
};

FIXTURE_VARIANT_ADD(failed_attach, as_a_stranger) {
	.attach = attach_as_a_stranger,
	.want = EACCES,
};

FIXTURE_SETUP(failed_attach)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_create(&self->seg, PAGES));
}

FIXTURE_TEARDOWN(failed_attach)
{
	segment_remove(&self->seg);
}

TEST_F(failed_attach, does_not_count)
{
	ASSERT_EQ(variant->want, variant->attach(self->seg.id));
	EXPECT_EQ(0, bind_flavour(self->seg.id, 0));
	ASSERT_EQ(variant->want, variant->attach(self->seg.id));
	EXPECT_EQ(0, segment_flavour(self->seg.id));
	EXPECT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_EQ(1, mapping_flavour(self->seg.addr));
	EXPECT_NOT_BINDABLE(self->seg.id);
}

TEST_F(failed_attach, does_not_uncount_one_that_succeeded)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 2));
	ASSERT_EQ(0, segment_attach(&self->seg));
	ASSERT_EQ(variant->want, variant->attach(self->seg.id));
	EXPECT_NOT_BINDABLE(self->seg.id);
	ASSERT_EQ(0, segment_detach(&self->seg));
	ASSERT_EQ(variant->want, variant->attach(self->seg.id));
	EXPECT_NOT_BINDABLE(self->seg.id);
	EXPECT_EQ(2, segment_flavour(self->seg.id));
}

TEST_F(life, an_attach_that_lacked_memory_does_not_count)
{
	int fd, failures = 0;
	bool failed = true;

	REQUIRE("failslab");
	fd = inject_start();
	ASSERT_LE(0, fd);
	for (int nth = 1; failed; nth++) {
		struct segment seg;

		ASSERT_EQ(0, segment_create(&seg, 1));
		inject_at(fd, nth);
		segment_attach(&seg);
		failed = inject_stop(fd);
		if (seg.addr) {
			EXPECT_NOT_BINDABLE(seg.id);
		} else {
			EXPECT_EQ(0, bind_flavour(seg.id, 1));
			failures++;
		}
		segment_remove(&seg);
	}
	EXPECT_LT(0, failures);
}

/* Whom it holds for */

/* Attach, touch, and tell the node; to be exit status. */
static int touch_and_tell(int shmid, size_t page)
{
	char *addr = shmat(shmid, NULL, 0);

	if (addr == (char *)-1)
		return 255;
	touch_page(addr, page);
	return page_node(addr, page);
}

TEST_F(life, a_binding_outlives_its_caller)
{
	ASSERT_EQ(0, bind_elsewhere(self->seg.id, 1));
	EXPECT_EQ(1, segment_flavour(self->seg.id));
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_EQ(1, mapping_flavour(self->seg.addr));
	touch_page(self->seg.addr, 0);
	EXPECT_EQ(self->last, page_node(self->seg.addr, 0));
}

TEST_F(life, a_binding_holds_for_everyone_who_attaches)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(touch_and_tell(self->seg.id, i));
		EXPECT_EQ(self->last, wait_for(pid));
	}
}

TEST_F(life, a_binding_goes_with_a_forked_attach)
{
	pid_t pid;

	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	pid = fork();
	if (!pid) {
		if (mapping_flavour(self->seg.addr) != 1)
			_exit(255);
		touch_page(self->seg.addr, 1);
		_exit(page_node(self->seg.addr, 1));
	}
	EXPECT_EQ(self->last, wait_for(pid));
}

/* This program again, as main() knows it. */
static int touch_after_exec(int shmid)
{
	char id[16];
	pid_t pid = fork();

	if (!pid) {
		snprintf(id, sizeof(id), "%d", shmid);
		execl("/proc/self/exe", "life", "--touch", id, NULL);
		_exit(255);
	}
	return wait_for(pid);
}

TEST_F(life, a_binding_survives_exec_of_its_only_user)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	EXPECT_EQ(self->last, touch_after_exec(self->seg.id));
	EXPECT_EQ(1, segment_flavour(self->seg.id));
}

TEST_F(life, a_binding_holds_when_all_have_detached_and_one_comes_back)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, segment_attach(&self->seg));
		EXPECT_EQ(1, mapping_flavour(self->seg.addr));
		touch_page(self->seg.addr, i);
		EXPECT_EQ(self->last, page_node(self->seg.addr, i));
		ASSERT_EQ(0, segment_detach(&self->seg));
	}
}

TEST_F(life, every_piece_of_a_split_attach_is_bound)
{
	size_t page = page_size();
	char *addr;

	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	addr = self->seg.addr;
	ASSERT_EQ(0, mprotect(addr + 4 * page, 4 * page, PROT_READ));
	ASSERT_EQ(0, munmap(addr + 9 * page, page));
	EXPECT_EQ(1, mapping_flavour(addr));
	EXPECT_EQ(1, mapping_flavour(addr + 4 * page));
	EXPECT_EQ(1, mapping_flavour(addr + 8 * page));
	EXPECT_EQ(1, mapping_flavour(addr + 10 * page));
	touch_page(addr, 10);
	EXPECT_EQ(self->last, page_node(addr, 10));
}

TEST_F(life, a_moved_attach_is_bound)
{
	char *addr;

	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	addr = mmap(NULL, self->seg.size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(addr, mremap(self->seg.addr, self->seg.size, self->seg.size,
			       MREMAP_MAYMOVE | MREMAP_FIXED, addr));
	self->seg.addr = addr;
	EXPECT_EQ(1, mapping_flavour(addr));
	touch_page(addr, 3);
	EXPECT_EQ(self->last, page_node(addr, 3));
}

/* Task policies */

TEST_F(life, a_tasks_policy_does_not_apply_to_a_bound_segment)
{
	static const int modes[] = { MPOL_BIND, MPOL_PREFERRED,
				     MPOL_INTERLEAVE };
	struct nodemask other;

	REQUIRE("nodes=2");
	other = nodes_of(self->first);
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		ASSERT_EQ(0, set_mempolicy(modes[i], other.bits, NODES_MAX));
		touch_page(self->seg.addr, i);
		EXPECT_EQ(self->last, page_node(self->seg.addr, i));
		EXPECT_EQ(1, mapping_flavour(self->seg.addr));
	}
	EXPECT_EQ(0, set_mempolicy(MPOL_DEFAULT, NULL, 0));
}

TEST_F(life, a_tasks_policy_applies_to_a_segment_never_bound)
{
	struct segment seg;
	int node;

	REQUIRE("nodes=2");
	ASSERT_EQ(0, segment_create(&seg, NODES_MAX));
	ASSERT_EQ(0, segment_attach(&seg));
	for (node = -1; next_node(&node, &self->memory);) {
		struct nodemask mask = nodes_of(node);

		ASSERT_EQ(0, set_mempolicy(MPOL_BIND, mask.bits, NODES_MAX));
		touch_page(seg.addr, node);
		EXPECT_EQ(node, page_node(seg.addr, node));
	}
	EXPECT_EQ(0, set_mempolicy(MPOL_DEFAULT, NULL, 0));
	segment_remove(&seg);
}

/* Its end */

TEST_F(life, a_binding_places_pages_after_ipc_rmid)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	touch_page(self->seg.addr, 0);
	ASSERT_EQ(0, segment_doom(&self->seg));
	for (int i = 0; i < PAGES; i++) {
		touch_page(self->seg.addr, i);
		EXPECT_EQ(self->last, page_node(self->seg.addr, i));
	}
	EXPECT_EQ(1, mapping_flavour(self->seg.addr));
}

TEST_F(life, a_segment_removed_while_attached_cannot_be_bound)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	ASSERT_EQ(0, segment_doom(&self->seg));
	EXPECT_NOT_BINDABLE(self->seg.id);
	EXPECT_EQ(1, mapping_flavour(self->seg.addr));
}

/* Of as many, some have the inode of an earlier one, which RCU frees. */
TEST_F(life, a_segment_in_the_place_of_a_bound_one_is_not_bound)
{
	struct segment segs[32];
	char seen[BINDING_MAX];

	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(segs); i++) {
			ASSERT_EQ(0, segment_create(&segs[i], 1));
			EXPECT_STREQ("default",
				     segment_binding(segs[i].id, seen));
			EXPECT_EQ(0, bind_flavour(segs[i].id, 1));
			ASSERT_EQ(0, segment_attach(&segs[i]));
			touch_page(segs[i].addr, 0);
		}
		for (size_t i = 0; i < ARRAY_SIZE(segs); i++)
			segment_remove(&segs[i]);
		usleep(50000);
	}
}

static long shmem_pages(void)
{
	struct nodemask memory = memory_nodes();
	long pages = 0;
	int node;

	for (node = -1; next_node(&node, &memory);)
		pages += node_counter(node, "vmstat", "nr_shmem");
	return pages;
}

/* Others' pages come and go too, but not as many as these. */
#define MANY_PAGES	1024

static int open_many(int segments, int flavour)
{
	for (int i = 0; i < segments; i++) {
		struct segment seg;

		if (segment_create(&seg, MANY_PAGES / segments) ||
		    bind_flavour(seg.id, flavour))
			return -1;
		/* bound and never attached is a case of its own */
		if (i % 4 == 3)
			continue;
		if (segment_attach(&seg))
			return -1;
		touch_pages(seg.addr, MANY_PAGES / segments);
	}
	return 0;
}

TEST_F(life, a_bound_segment_is_freed_by_ipc_rmid)
{
	long before = shmem_pages();
	struct segment seg;

	for (int i = 0; i < 8; i++) {
		ASSERT_EQ(0, segment_create(&seg, MANY_PAGES));
		ASSERT_EQ(0, bind_flavour(seg.id, i % FLAVOURS));
		ASSERT_EQ(0, segment_attach(&seg));
		touch_pages(seg.addr, MANY_PAGES);
		segment_remove(&seg);
	}
	EXPECT_GE(before + MANY_PAGES / 2, shmem_pages());
}

TEST_F(life, bound_segments_are_freed_with_their_ipc_namespace)
{
	long before = shmem_pages(), after;

	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(own_ipc_namespace() ||
			      open_many(16, i % FLAVOURS));
		ASSERT_EQ(0, wait_for(pid));
	}
	/* a work queue does it, after an RCU grace period */
	for (int i = 0; i < 200; i++) {
		after = shmem_pages();
		if (after < before + MANY_PAGES / 2)
			break;
		usleep(50000);
	}
	EXPECT_GT(before + MANY_PAGES / 2, after);
}

int main(int argc, char **argv)
{
	init_flavours();
	if (argc == 3 && !strcmp(argv[1], "--touch"))
		return touch_and_tell(atoi(argv[2]), 0);
	return test_harness_run(argc, argv);
}
