// SPDX-License-Identifier: GPL-2.0
/* When a binding can be set, for whom it holds, and when it ends. */
#include <sys/resource.h>

#include "caller.h"
#include "flavours.h"
#include "inject.h"

#define PAGES	16

/* Bind in another process; returns the errno, or 0. */
static int bind_elsewhere(int shmid, int flavour)
{
	pid_t pid = fork();

	if (!pid)
		_exit(bind_flavour(shmid, flavour) ? errno : 0);
	return wait_for(pid);
}

/* Attach in another process, which exits; returns the errno, or 0. */
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

/* Until the first attach, a segment can be bound any number of times. */
TEST_F(life, rebinding_before_attach_has_no_limit)
{
	for (int i = 0; i < 300; i++) {
		ASSERT_EQ(0, bind_flavour(self->seg.id, i % FLAVOURS));
		ASSERT_EQ(i % FLAVOURS, segment_flavour(self->seg.id));
	}
}

/* The last successful call replaces policy, strength and mask together. */
TEST_F(life, last_successful_call_replaces_all)
{
	for (int last = 0; last < FLAVOURS; last++) {
		struct segment seg;

		ASSERT_EQ(0, segment_create(&seg, 1));
		for (int i = 1; i <= FLAVOURS; i++)
			EXPECT_EQ(0, bind_flavour(seg.id,
						  (last + i) % FLAVOURS));
		/* a call that fails does not count */
		EXPECT_EQ(-1, shmbind_nodes(seg.id, 0x80, &self->memory));
		EXPECT_EQ(0, segment_attach(&seg));
		EXPECT_EQ(last, mapping_flavour(seg.addr));
		EXPECT_EQ(last, segment_flavour(seg.id));
		segment_remove(&seg);
	}
}

/* A segment that is attached cannot be bound. */
TEST_F(life, binding_an_attached_segment_fails)
{
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_NOT_BINDABLE(self->seg.id);
	EXPECT_EQ(EINVAL, bind_elsewhere(self->seg.id, 1));
}

/* A segment that is bound and attached cannot be bound again. */
TEST_F(life, rebinding_an_attached_segment_fails)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_NOT_BINDABLE(self->seg.id);
	EXPECT_EQ(EINVAL, bind_elsewhere(self->seg.id, 2));
	EXPECT_EQ(1, segment_flavour(self->seg.id));
	EXPECT_EQ(1, mapping_flavour(self->seg.addr));
}

/* A segment that was attached cannot be bound, even if it no longer is. */
TEST_F(life, rebinding_after_detach_fails)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	ASSERT_EQ(0, segment_detach(&self->seg));
	EXPECT_NOT_BINDABLE(self->seg.id);
	EXPECT_EQ(EINVAL, bind_elsewhere(self->seg.id, 2));
	EXPECT_EQ(1, segment_flavour(self->seg.id));
}

/* Attaching read-only or executable ends binding as well. */
TEST_F(life, any_kind_of_attach_ends_binding)
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

/* A call leaves the attach counter and the times of attaches alone. */
TEST_F(life, binding_does_not_count_as_attach)
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

/* Attaches that fail early or late. Each returns the errno, or 0 on success. */

static int attach_nowhere(int shmid)
{
	return attach_at(shmid, NULL, SHM_REMAP);
}

static int attach_unaligned(int shmid)
{
	return attach_at(shmid, (void *)(page_size() * 1024 + 1), 0);
}

/* This error is found after the attach has been counted. */
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

FIXTURE_VARIANT_ADD(failed_attach, remap_at_null) {
	.attach = attach_nowhere,
	.want = EINVAL,
};

FIXTURE_VARIANT_ADD(failed_attach, unaligned) {
	.attach = attach_unaligned,
	.want = EINVAL,
};

FIXTURE_VARIANT_ADD(failed_attach, occupied) {
	.attach = attach_over_another_mapping,
	.want = EINVAL,
};

FIXTURE_VARIANT_ADD(failed_attach, no_address_space) {
	.attach = attach_without_address_space,
	.want = ENOMEM,
};

FIXTURE_VARIANT_ADD(failed_attach, no_permission) {
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

/* A segment can be bound after an attach that failed, early or late. */
TEST_F(failed_attach, failed_attach_does_not_end_binding)
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

/* A failed attach does not undo an earlier one that succeeded. */
TEST_F(failed_attach, failed_attach_does_not_allow_binding)
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

/* A segment can be bound after an attach for which there was no memory. */
TEST_F(life, enomem_in_attach_does_not_end_binding)
{
	struct inject inject;
	bool failed = true;
	int failures = 0;

	REQUIRE("failslab");
	ASSERT_EQ(0, inject_start(&inject));
	for (int nth = 1; failed; nth++) {
		struct segment seg;

		ASSERT_EQ(0, segment_create(&seg, 1));
		inject_at(&inject, nth);
		segment_attach(&seg);
		failed = inject_stop(&inject);
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

/* For whom it holds */

/* Attach and touch a page. Returns its node, for an exit status. */
static int touch_and_tell(int shmid, size_t page)
{
	char *addr = shmat(shmid, NULL, 0);

	if (addr == (char *)-1)
		return 255;
	touch_page(addr, page);
	return page_node(addr, page);
}

/* A binding stays when the process that made it exits. */
TEST_F(life, binding_outlives_its_caller)
{
	ASSERT_EQ(0, bind_elsewhere(self->seg.id, 1));
	EXPECT_EQ(1, segment_flavour(self->seg.id));
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_EQ(1, mapping_flavour(self->seg.addr));
	touch_page(self->seg.addr, 0);
	EXPECT_EQ(self->last, page_node(self->seg.addr, 0));
}

/* A binding holds for every process that attaches. */
TEST_F(life, every_attached_process_gets_the_binding)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(touch_and_tell(self->seg.id, i));
		EXPECT_EQ(self->last, wait_for(pid));
	}
}

/* A child gets the binding through the attach that it inherits. */
TEST_F(life, child_inherits_the_binding)
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

/* Run this program with --touch, which main() handles. */
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

/* A binding stays although no process has the segment attached after exec. */
TEST_F(life, binding_survives_exec)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	EXPECT_EQ(self->last, touch_after_exec(self->seg.id));
	EXPECT_EQ(1, segment_flavour(self->seg.id));
}

/* A binding holds again when a process attaches after all have detached. */
TEST_F(life, binding_survives_detach_of_all)
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

/* Each part of a mapping that was split is bound. */
TEST_F(life, split_mapping_stays_bound)
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

/* A mapping that was moved is bound. */
TEST_F(life, moved_mapping_stays_bound)
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

/* The policy of a task does not affect the pages of a bound segment. */
TEST_F(life, task_policy_does_not_affect_bound_pages)
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

/* The policy of a task places the pages of an unbound segment. */
TEST_F(life, task_policy_affects_unbound_pages)
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

/* A binding places pages of a segment that is removed but attached. */
TEST_F(life, binding_holds_after_ipc_rmid)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	touch_page(self->seg.addr, 0);
	ASSERT_EQ(0, segment_rmid(&self->seg));
	for (int i = 0; i < PAGES; i++) {
		touch_page(self->seg.addr, i);
		EXPECT_EQ(self->last, page_node(self->seg.addr, i));
	}
	EXPECT_EQ(1, mapping_flavour(self->seg.addr));
}

/* A segment that is removed but attached cannot be bound. */
TEST_F(life, binding_after_ipc_rmid_fails)
{
	ASSERT_EQ(0, bind_flavour(self->seg.id, 1));
	ASSERT_EQ(0, segment_attach(&self->seg));
	ASSERT_EQ(0, segment_rmid(&self->seg));
	EXPECT_NOT_BINDABLE(self->seg.id);
	EXPECT_EQ(1, mapping_flavour(self->seg.addr));
}

/*
 * A new segment does not inherit the binding of an earlier inode. Of so many,
 * some get an inode that RCU has freed.
 */
TEST_F(life, new_inode_has_no_old_binding)
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

/* Other processes allocate pages as well, but not as many as this. */
#define MANY_PAGES	1024

static int open_many(int segments, int flavour)
{
	for (int i = 0; i < segments; i++) {
		struct segment seg;

		if (segment_create(&seg, MANY_PAGES / segments) ||
		    bind_flavour(seg.id, flavour))
			return -1;
		/* some are bound and never attached */
		if (i % 4 == 3)
			continue;
		if (segment_attach(&seg))
			return -1;
		touch_pages(seg.addr, MANY_PAGES / segments);
	}
	return 0;
}

/* IPC_RMID frees the pages of a bound segment. */
TEST_F(life, ipc_rmid_frees_bound_segments)
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

/* Bound segments are freed with their IPC namespace. */
TEST_F(life, namespace_exit_frees_bound_segments)
{
	long before = shmem_pages(), after;

	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(own_ipc_namespace() ||
			      open_many(16, i % FLAVOURS));
		ASSERT_EQ(0, wait_for(pid));
	}
	/* a work queue frees them after an RCU grace period */
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
