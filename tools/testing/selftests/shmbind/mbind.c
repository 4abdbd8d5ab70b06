// SPDX-License-Identifier: GPL-2.0
/*
 * mbind(2) on segments. A HARD segment refuses it, before anything in the range
 * changes. A SOFT segment follows it until MPOL_DEFAULT. An unbound segment
 * behaves as before.
 */
#include <fcntl.h>

#include "ballast.h"
#include "caller.h"
#include "expected.h"
#include "pool.h"
#include "thp.h"

#define PAGES	16
#define ALL	NODES_MAX	/* the length of the masks given to mbind() */

/* A way to call mbind(). */
struct attempt {
	int mode;
	unsigned int flags;
};

static const int every_mode[] = {
	MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL,
	MPOL_PREFERRED_MANY, MPOL_WEIGHTED_INTERLEAVE,
	MPOL_BIND | MPOL_F_STATIC_NODES, MPOL_BIND | MPOL_F_RELATIVE_NODES,
};

static const unsigned int every_flag[] = {
	0, MPOL_MF_STRICT, MPOL_MF_MOVE, MPOL_MF_MOVE_ALL | MPOL_MF_STRICT,
};

enum { ATTEMPTS = ARRAY_SIZE(every_mode) * ARRAY_SIZE(every_flag) };

static struct attempt nth_attempt(int nth)
{
	return (struct attempt) {
		.mode = every_mode[nth / ARRAY_SIZE(every_flag)],
		.flags = every_flag[nth % ARRAY_SIZE(every_flag)],
	};
}

/* The errno, or 0. */
static int try_mbind(void *addr, size_t len, struct attempt attempt,
		     const struct nodemask *mask)
{
	if (attempt.mode == MPOL_DEFAULT || attempt.mode == MPOL_LOCAL)
		mask = NULL;
	return mbind(addr, len, attempt.mode, mask ? mask->bits : NULL,
		     mask ? ALL : 0, attempt.flags) ? errno : 0;
}

static int policy_at(void *addr)
{
	int mode = -1;

	if (get_mempolicy(&mode, NULL, 0, addr, MPOL_F_ADDR))
		return -errno;
	return mode;
}

/* What a refused mbind() must not change: each page's policy and node. */
struct snapshot {
	int mode[3 * PAGES];
	int node[3 * PAGES];
};

static int take_snapshot(char *addr, size_t pages, struct snapshot *snapshot)
{
	for (size_t page = 0; page < pages; page++)
		snapshot->mode[page] = policy_at(addr + page * page_size());
	return placement(addr, pages, snapshot->node);
}

#define EXPECT_UNCHANGED(addr, pages, before)				\
do {									\
	const struct snapshot *_before = (before);			\
	struct snapshot _after;						\
	size_t _pages = (pages);					\
									\
	ASSERT_EQ(0, take_snapshot(addr, _pages, &_after));		\
	for (size_t _page = 0; _page < _pages; _page++) {		\
		EXPECT_EQ(_before->mode[_page], _after.mode[_page])	\
			TH_LOG("page %zu", _page);			\
		EXPECT_EQ(_before->node[_page], _after.node[_page])	\
			TH_LOG("page %zu", _page);			\
	}								\
} while (0)

FIXTURE(hard)
{
	struct segment seg;
	struct nodemask first;
	struct nodemask last;
	struct nodemask memory;
	struct snapshot before;
	char want[BINDING_MAX];
	char seen[BINDING_MAX];
};

FIXTURE_SETUP(hard)
{
	self->memory = memory_nodes();
	self->first = nodes_of(first_node(&self->memory));
	self->last = nodes_of(last_node(&self->memory));
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_open(&self->seg, PAGES, MEM_STRIPE | MEM_HARDBIND,
				  &self->last));
	binding_text(MEM_STRIPE | MEM_HARDBIND, &self->last, self->want);
	/* half of the pages exist, the others do not */
	touch_pages(self->seg.addr, PAGES / 2);
}

FIXTURE_TEARDOWN(hard)
{
	segment_remove(&self->seg);
}

/*
 * mbind() is EPERM with every mode and every flag, even with the mask of the
 * binding, and moves nothing.
 */
TEST_F(hard, hard_refuses_every_mode_and_flag)
{
	ASSERT_EQ(0, take_snapshot(self->seg.addr, PAGES, &self->before));
	for (int i = 0; i < ATTEMPTS; i++) {
		struct attempt attempt = nth_attempt(i);

		EXPECT_EQ(EPERM, try_mbind(self->seg.addr, self->seg.size,
					   attempt, &self->first))
			TH_LOG("mode %#x, flags %#x", attempt.mode,
			       attempt.flags);
	}
	/* not even the mask that it has */
	EXPECT_EQ(EPERM, try_mbind(self->seg.addr, self->seg.size,
				   (struct attempt){ .mode = MPOL_BIND },
				   &self->last));
	EXPECT_UNCHANGED(self->seg.addr, PAGES, &self->before);
	EXPECT_STREQ(self->want, mapping_policy(self->seg.addr, self->seen));
	touch_pages(self->seg.addr, PAGES);
	for (int page = 0; page < PAGES; page++)
		EXPECT_EQ(first_node(&self->last),
			  page_node(self->seg.addr, page));
}

/* mbind() is EPERM whatever the policy of the binding. */
TEST_F(hard, hard_refuses_with_every_policy)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct attempt bind = { .mode = MPOL_BIND };
	struct attempt none = { .mode = MPOL_DEFAULT };

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		struct segment seg;

		ASSERT_EQ(0, segment_open(&seg, PAGES,
					  policies[i] | MEM_HARDBIND,
					  &self->memory));
		EXPECT_EQ(EPERM, try_mbind(seg.addr, seg.size, bind,
					   &self->memory));
		EXPECT_EQ(EPERM, try_mbind(seg.addr, seg.size, none, NULL));
		segment_remove(&seg);
	}
}

/* mbind() of a part is EPERM and does not split the mapping. */
TEST_F(hard, hard_refuses_a_part)
{
	static const int parts[] = { 0, 3, PAGES - 1 };
	size_t page = page_size();
	char *addr = self->seg.addr;

	ASSERT_EQ(0, take_snapshot(addr, PAGES, &self->before));
	for (int i = 0; i < ATTEMPTS; i++) {
		char *part = addr + parts[i % ARRAY_SIZE(parts)] * page;

		EXPECT_EQ(EPERM, try_mbind(part, page, nth_attempt(i),
					   &self->first));
	}
	EXPECT_UNCHANGED(addr, PAGES, &self->before);
	/* the mapping is not split */
	EXPECT_STREQ(self->want, mapping_policy(addr, self->seen));
	EXPECT_STREQ("", mapping_policy(addr + 3 * page, self->seen));
}

/* mbind() on a segment of huge pages is EPERM as well. */
TEST_F(hard, hard_refuses_on_huge_pages)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	size_t size = 2UL << 20;
	struct segment seg;

	ASSERT_EQ(0, pools_fill(size, &self->last, 2));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, huge_open(&seg, size, 2, 0,
				       policies[i] | MEM_HARDBIND,
				       &self->last));
		touch_page(seg.addr, 0);
		for (int n = 0; n < ATTEMPTS; n++) {
			struct attempt attempt = nth_attempt(n);

			EXPECT_EQ(EPERM, try_mbind(seg.addr, seg.size, attempt,
						   &self->first))
				TH_LOG("mode %#x, flags %#x", attempt.mode,
				       attempt.flags);
		}
		EXPECT_EQ(first_node(&self->last), page_node(seg.addr, 0));
		EXPECT_EQ(MPOL_SHMBIND, policy_at(seg.addr));
		segment_remove(&seg);
	}
	EXPECT_EQ(0, pools_fill(size, &self->last, 0));
}

/* mbind() by a user who can only attach read-only. */
static int mbind_as_a_reader(int shmid, const struct nodemask *mask)
{
	char *addr;

	if (become(NOBODY))
		return 1;
	addr = shmat(shmid, NULL, SHM_RDONLY);
	if (addr == (char *)-1)
		return 2;
	for (int i = 0; i < ATTEMPTS; i++) {
		/* for MPOL_MF_MOVE_ALL it lacks CAP_SYS_NICE as well */
		if (try_mbind(addr, PAGES * page_size(), nth_attempt(i),
			      mask) != EPERM)
			return 3;
	}
	return 0;
}

/* A user who can only read the segment gets EPERM. */
TEST_F(hard, hard_refuses_a_reader)
{
	struct shmid_ds ds;
	pid_t pid;

	ASSERT_EQ(0, shmctl(self->seg.id, IPC_STAT, &ds));
	ds.shm_perm.mode = 0644;
	ASSERT_EQ(0, shmctl(self->seg.id, IPC_SET, &ds));
	ASSERT_EQ(0, take_snapshot(self->seg.addr, PAGES, &self->before));
	pid = fork();
	if (!pid)
		_exit(mbind_as_a_reader(self->seg.id, &self->first));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_UNCHANGED(self->seg.addr, PAGES, &self->before);
}

/*
 * Map three parts side by side, so one range can cover them. A part is the
 * segment of that id, or anonymous memory if it is negative. Returns the
 * address, or NULL.
 */
static char *three_in_a_row(const int *shmids)
{
	size_t part = PAGES * page_size();
	char *addr = mmap(NULL, 3 * part, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		return NULL;
	for (int i = 0; i < 3; i++) {
		if (shmids[i] >= 0 && shmat(shmids[i], addr + i * part,
					    SHM_REMAP) == (void *)-1)
			return NULL;
		/* map the pages that exist, so mbind() could move them */
		for (int page = 0; page < PAGES / 2; page++)
			read_page(addr + i * part, page);
		if (shmids[i] < 0)
			touch_pages(addr + i * part, PAGES);
	}
	return addr;
}

/* A refused mbind() changes nothing else in its range. */
TEST_F(hard, refused_range_changes_no_neighbour)
{
	struct nodemask other = self->first;
	struct segment soft, unbound;
	size_t size = 3 * PAGES * page_size();
	int hard = self->seg.id;

	/* so a page that mbind() moves is on another node afterwards */
	ASSERT_EQ(0, set_mempolicy(MPOL_BIND, self->last.bits, NODES_MAX));
	ASSERT_EQ(0, segment_open(&soft, PAGES, MEM_STRIPE, &self->memory));
	ASSERT_EQ(0, segment_create(&unbound, PAGES));
	ASSERT_EQ(0, segment_attach(&unbound));
	touch_pages(soft.addr, PAGES);
	touch_pages(unbound.addr, PAGES);

	const int rows[][3] = {
		{ -1, hard, -1 },
		{ -1, -1, hard },
		{ hard, -1, -1 },
		{ soft.id, unbound.id, hard },
		{ hard, soft.id, unbound.id },
		{ unbound.id, hard, soft.id },
		{ hard, hard, -1 },
	};

	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		char *addr = three_in_a_row(rows[row]);

		ASSERT_NE(NULL, addr);
		ASSERT_EQ(0, take_snapshot(addr, 3 * PAGES, &self->before));
		for (int i = 0; i < ATTEMPTS; i++) {
			struct attempt attempt = nth_attempt(i);

			EXPECT_EQ(EPERM, try_mbind(addr, size, attempt, &other))
				TH_LOG("row %zu, mode %#x, flags %#x", row,
				       attempt.mode, attempt.flags);
		}
		EXPECT_UNCHANGED(addr, 3 * PAGES, &self->before);
		munmap(addr, size);
	}
	segment_remove(&soft);
	segment_remove(&unbound);
}

/* A refused mbind() leaves a policy that part of its range had before. */
TEST_F(hard, refused_range_keeps_earlier_policies)
{
	const int row[] = { -1, self->seg.id, -1 };
	size_t part = PAGES * page_size();
	char *addr = three_in_a_row(row);

	ASSERT_NE(NULL, addr);
	ASSERT_EQ(0, try_mbind(addr + part / 2, part / 2,
			       (struct attempt){ .mode = MPOL_INTERLEAVE },
			       &self->memory));
	ASSERT_EQ(0, take_snapshot(addr, 3 * PAGES, &self->before));
	EXPECT_EQ(EPERM, try_mbind(addr, 3 * part,
				   (struct attempt){ .mode = MPOL_DEFAULT },
				   NULL));
	EXPECT_UNCHANGED(addr, 3 * PAGES, &self->before);
	munmap(addr, 3 * part);
}

/* A range beside a HARD segment is not refused, an overlap of a byte is. */
TEST_F(hard, range_beside_hard_is_not_refused)
{
	const int row[] = { -1, self->seg.id, -1 };
	struct attempt bind = { .mode = MPOL_BIND };
	size_t part = PAGES * page_size();
	char *addr = three_in_a_row(row);

	ASSERT_NE(NULL, addr);
	EXPECT_EQ(0, try_mbind(addr, part, bind, &self->memory));
	EXPECT_EQ(0, try_mbind(addr + 2 * part, part, bind, &self->memory));
	EXPECT_EQ(EPERM, try_mbind(addr, part + 1, bind, &self->memory));
	EXPECT_EQ(EPERM, try_mbind(addr + 2 * part - page_size(), part, bind,
				   &self->memory));
	EXPECT_EQ(MPOL_BIND, policy_at(addr));
	EXPECT_EQ(MPOL_SHMBIND, policy_at(addr + part));
	EXPECT_EQ(MPOL_BIND, policy_at(addr + 2 * part));
	munmap(addr, 3 * part);
}

/* mbind() is EPERM on a mapping that was split or moved. */
TEST_F(hard, hard_refuses_after_mremap_and_split)
{
	struct attempt bind = { .mode = MPOL_BIND, .flags = MPOL_MF_MOVE };
	size_t page = page_size();
	char *addr;

	ASSERT_EQ(0, mprotect(self->seg.addr + 2 * page, 2 * page, PROT_READ));
	EXPECT_EQ(EPERM, try_mbind(self->seg.addr + 2 * page, page, bind,
				   &self->first));
	addr = mremap(self->seg.addr + 4 * page, 4 * page, 4 * page,
		      MREMAP_MAYMOVE | MREMAP_FIXED,
		      mmap(NULL, 4 * page, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ASSERT_NE(MAP_FAILED, addr);
	EXPECT_EQ(EPERM, try_mbind(addr, 4 * page, bind, &self->first));
	EXPECT_EQ(MPOL_SHMBIND, policy_at(addr));
	munmap(addr, 4 * page);
}

/*
 * mbind() on a mapping of the file in map_files is EPERM, and pages go where
 * the binding says.
 */
TEST_F(hard, hard_refuses_through_map_files)
{
	struct attempt bind = { .mode = MPOL_BIND };
	int fd = segment_file(&self->seg);
	char *addr;

	ASSERT_LE(0, fd);
	addr = mmap(NULL, self->seg.size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	ASSERT_NE(MAP_FAILED, addr);
	close(fd);
	EXPECT_EQ(EPERM, try_mbind(addr, self->seg.size, bind, &self->first));
	EXPECT_STREQ(self->want, mapping_policy(self->seg.addr, self->seen));
	touch_pages(addr, PAGES);
	for (int page = 0; page < PAGES; page++)
		EXPECT_EQ(first_node(&self->last), page_node(addr, page));
	munmap(addr, self->seg.size);
}

/* set_mempolicy_home_node() does not change a HARD segment. */
TEST_F(hard, hard_has_no_home_node)
{
	int home = first_node(&self->first);

	ASSERT_EQ(0, take_snapshot(self->seg.addr, PAGES, &self->before));
	set_mempolicy_home_node(self->seg.addr, self->seg.size, home, 0);
	EXPECT_UNCHANGED(self->seg.addr, PAGES, &self->before);
	EXPECT_STREQ(self->want, mapping_policy(self->seg.addr, self->seen));
	touch_pages(self->seg.addr, PAGES);
	for (int page = 0; page < PAGES; page++)
		EXPECT_EQ(first_node(&self->last),
			  page_node(self->seg.addr, page));
}

FIXTURE(soft)
{
	struct segment seg;
	struct nodemask first;
	struct nodemask last;
	struct nodemask memory;
	char want[BINDING_MAX];
	char seen[BINDING_MAX];
};

FIXTURE_SETUP(soft)
{
	self->memory = memory_nodes();
	self->first = nodes_of(first_node(&self->memory));
	self->last = nodes_of(last_node(&self->memory));
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_open(&self->seg, PAGES, MEM_SOFTBIND,
				  &self->last));
	binding_text(MEM_SOFTBIND, &self->last, self->want);
}

FIXTURE_TEARDOWN(soft)
{
	segment_remove(&self->seg);
}

/* A SOFT segment follows mbind() until MPOL_DEFAULT, then its binding. */
TEST_F(soft, soft_follows_mbind_until_mpol_default)
{
	struct attempt bind = { .mode = MPOL_BIND };
	struct attempt none = { .mode = MPOL_DEFAULT };
	int first = first_node(&self->first), last = first_node(&self->last);
	char bound[32];

	snprintf(bound, sizeof(bound), "bind:%d", first);
	for (int page = 0; page < PAGES; page += 2) {
		char *addr = self->seg.addr;

		ASSERT_EQ(0, try_mbind(addr, self->seg.size, bind,
				       &self->first));
		EXPECT_STREQ(bound, mapping_policy(addr, self->seen));
		EXPECT_EQ(MPOL_BIND, policy_at(addr));
		touch_page(addr, page);
		EXPECT_EQ(first, page_node(addr, page));

		ASSERT_EQ(0, try_mbind(addr, self->seg.size, none, NULL));
		EXPECT_STREQ(self->want, mapping_policy(addr, self->seen));
		EXPECT_EQ(MPOL_SHMBIND, policy_at(addr));
		touch_page(addr, page + 1);
		EXPECT_EQ(last, page_node(addr, page + 1));
	}
}

/* A SOFT segment accepts every mode and flag, and returns to its binding. */
TEST_F(soft, soft_accepts_every_mode)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		struct attempt attempt = nth_attempt(i);
		int mode = attempt.mode & ~MPOL_MODE_FLAGS;

		if (mode == MPOL_DEFAULT)
			continue;
		EXPECT_EQ(0, try_mbind(self->seg.addr, self->seg.size, attempt,
				       &self->memory))
			TH_LOG("mode %#x, flags %#x", attempt.mode,
			       attempt.flags);
		EXPECT_EQ(attempt.mode, policy_at(self->seg.addr));
		EXPECT_EQ(0, try_mbind(self->seg.addr, self->seg.size,
				       (struct attempt){
						.mode = MPOL_DEFAULT,
						.flags = attempt.flags,
				       }, NULL));
		EXPECT_EQ(MPOL_SHMBIND, policy_at(self->seg.addr));
	}
}

/* mbind() affects the range that it is given, and no other pages. */
TEST_F(soft, mbind_of_a_part_affects_that_part)
{
	struct attempt bind = { .mode = MPOL_BIND };
	int first = first_node(&self->first), last = first_node(&self->last);
	size_t half = self->seg.size / 2;

	ASSERT_EQ(0, try_mbind(self->seg.addr + half, half, bind,
			       &self->first));
	EXPECT_EQ(MPOL_SHMBIND, policy_at(self->seg.addr));
	EXPECT_EQ(MPOL_BIND, policy_at(self->seg.addr + half));
	touch_pages(self->seg.addr, PAGES);
	for (int page = 0; page < PAGES; page++)
		EXPECT_EQ(page < PAGES / 2 ? last : first,
			  page_node(self->seg.addr, page));
}

/* mbind() can move pages of a SOFT segment out of its mask. */
TEST_F(soft, mbind_can_move_soft_pages)
{
	struct attempt move = {
		.mode = MPOL_BIND,
		.flags = MPOL_MF_MOVE | MPOL_MF_STRICT,
	};

	REQUIRE("nodes=2");
	touch_pages(self->seg.addr, PAGES);
	EXPECT_EQ(first_node(&self->last), page_node(self->seg.addr, 0));
	ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, move,
			       &self->first));
	for (int page = 0; page < PAGES; page++)
		EXPECT_EQ(first_node(&self->first),
			  page_node(self->seg.addr, page));
}

/* MPOL_DEFAULT leaves FIRSTREF pages on their node of the mask. */
TEST_F(soft, mpol_default_leaves_firstref_pages)
{
	struct attempt none = { .mode = MPOL_DEFAULT, .flags = MPOL_MF_MOVE };
	struct nodemask cpus = cpu_nodes();
	struct segment seg;
	int node;

	REQUIRE("nodes=2 cpunodes=2");
	ASSERT_EQ(0, run_on_node(first_node(&cpus)));
	ASSERT_EQ(0, segment_open(&seg, PAGES, MEM_SOFTBIND, &self->memory));
	touch_pages(seg.addr, PAGES);
	node = page_node(seg.addr, 0);
	ASSERT_EQ(0, run_on_node(last_node(&cpus)));
	EXPECT_EQ(0, try_mbind(seg.addr, seg.size, none, NULL));
	for (int page = 0; page < PAGES; page++)
		EXPECT_EQ(node, page_node(seg.addr, page));
	segment_remove(&seg);
}

/* What mbind() sets holds in every attach and leaves the binding as it is. */
TEST_F(soft, every_process_sees_mbind)
{
	struct attempt bind = { .mode = MPOL_BIND };
	struct attempt none = { .mode = MPOL_DEFAULT };
	char *other = shmat(self->seg.id, NULL, 0);

	ASSERT_NE((char *)-1, other);
	ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, bind,
			       &self->first));
	EXPECT_EQ(MPOL_BIND, policy_at(other));
	touch_page(other, 0);
	EXPECT_EQ(first_node(&self->first), page_node(other, 0));
	ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, none, NULL));
	EXPECT_EQ(MPOL_SHMBIND, policy_at(self->seg.addr));
	EXPECT_EQ(MPOL_SHMBIND, policy_at(other));

	/* the binding itself has not changed */
	EXPECT_STREQ(self->want, segment_binding(self->seg.id, self->seen));
	shmdt(other);
}

/*
 * MPOL_DEFAULT on a SOFT segment brings the binding back, whichever process has
 * set a policy, through whichever attach.
 */

/* Another process, which sets a policy. */
struct setter {
	pid_t pid;
	int hold;	/* the process ends when this is closed */
};

/* Have a process set a policy for pages @first to @end, and stay if @stay. */
static int set_policy_elsewhere(struct setter *setter, struct segment *seg,
				int first, int end, struct attempt attempt,
				const struct nodemask *mask, bool stay)
{
	size_t page = page_size();
	int done[2], hold[2], err;

	if (pipe(done) || pipe(hold))
		return -1;
	setter->pid = fork();
	if (!setter->pid) {
		char *addr = shmat(seg->id, NULL, SHM_RDONLY);

		close(hold[1]);
		err = addr == (char *)-1 ||
		      try_mbind(addr + first * page, (end - first) * page,
				attempt, mask);
		if (write(done[1], &err, sizeof(err)) != sizeof(err))
			_exit(1);
		if (stay && read(hold[0], &err, 1))
			_exit(1);
		_exit(0);
	}
	close(done[1]);
	close(hold[0]);
	setter->hold = hold[1];
	if (read(done[0], &err, sizeof(err)) != sizeof(err))
		err = -1;
	close(done[0]);
	if (!stay && wait_for(setter->pid))
		err = -1;
	return err;
}

static int setter_end(struct setter *setter, bool stayed)
{
	close(setter->hold);
	return stayed ? wait_for(setter->pid) : 0;
}

/* Set MPOL_DEFAULT here, or in another process. */
static int give_up_policy(struct segment *seg, bool elsewhere)
{
	struct attempt none = { .mode = MPOL_DEFAULT };
	struct setter setter;

	if (!elsewhere)
		return try_mbind(seg->addr, seg->size, none, NULL);
	return set_policy_elsewhere(&setter, seg, 0, PAGES, none, NULL,
				    false) ||
	       setter_end(&setter, false);
}

/* The binding applies to each page. */
static void expect_bound(struct __test_metadata *_metadata,
			 struct segment *seg, const char *want)
{
	char seen[BINDING_MAX];

	for (int page = 0; page < PAGES; page++) {
		EXPECT_EQ(MPOL_SHMBIND,
			  policy_at(seg->addr + page * page_size()))
			TH_LOG("page %d", page);
	}
	EXPECT_STREQ(want, mapping_policy(seg->addr, seen));
}

/*
 * MPOL_DEFAULT brings the binding back, whichever process set a policy, through
 * whichever attach.
 */
TEST_F(soft, mpol_default_ends_policies_of_others)
{
	static const struct { int first, end; } parts[] = {
		{ 0, PAGES }, { 0, PAGES / 2 }, { 3, 5 }, { PAGES - 1, PAGES },
	};

	for (int i = 0; i < ATTEMPTS * 4; i++) {
		struct attempt attempt = nth_attempt(i / 4);
		const typeof(*parts) *part = &parts[(i + i / 4) % ARRAY_SIZE(parts)];
		bool stay = i & 1, elsewhere = i & 2;
		struct setter setter;

		if (attempt.mode == MPOL_DEFAULT)
			continue;
		ASSERT_EQ(0, set_policy_elsewhere(&setter, &self->seg,
						  part->first, part->end,
						  attempt, &self->memory,
						  stay));
		EXPECT_EQ(attempt.mode,
			  policy_at(self->seg.addr +
				    part->first * page_size()));
		EXPECT_EQ(0, give_up_policy(&self->seg, elsewhere));
		expect_bound(_metadata, &self->seg, self->want);
		EXPECT_EQ(0, setter_end(&setter, stay));
	}
	touch_pages(self->seg.addr, PAGES);
	for (int page = 0; page < PAGES; page++)
		EXPECT_EQ(first_node(&self->last),
			  page_node(self->seg.addr, page));
}

/* MPOL_DEFAULT on a part brings the binding back in that part. */
TEST_F(soft, mpol_default_of_a_part_ends_that_part)
{
	struct attempt bind = { .mode = MPOL_BIND };
	struct attempt none = { .mode = MPOL_DEFAULT };
	size_t page = page_size();
	struct setter setter;
	int want;

	ASSERT_EQ(0, set_policy_elsewhere(&setter, &self->seg, 0, PAGES, bind,
					  &self->first, false));
	EXPECT_EQ(0, setter_end(&setter, false));
	EXPECT_EQ(0, try_mbind(self->seg.addr + 4 * page, 4 * page, none,
			       NULL));
	for (int i = 0; i < PAGES; i++) {
		want = i >= 4 && i < 8 ? MPOL_SHMBIND : MPOL_BIND;
		EXPECT_EQ(want, policy_at(self->seg.addr + i * page))
			TH_LOG("page %d", i);
	}
}

/*
 * MPOL_DEFAULT brings the binding back although the attach through which the
 * policy was set is gone.
 */
TEST_F(soft, mpol_default_ends_policy_after_detach)
{
	struct attempt bind = { .mode = MPOL_BIND };
	struct attempt none = { .mode = MPOL_DEFAULT };
	char *other = shmat(self->seg.id, NULL, 0);

	ASSERT_NE((char *)-1, other);
	ASSERT_EQ(0, try_mbind(other, self->seg.size, bind, &self->first));
	ASSERT_EQ(0, shmdt(other));
	EXPECT_EQ(MPOL_BIND, policy_at(self->seg.addr));
	EXPECT_EQ(0, try_mbind(self->seg.addr, self->seg.size, none, NULL));
	expect_bound(_metadata, &self->seg, self->want);
}

/* MPOL_DEFAULT with MPOL_MF_MOVE moves pages by the binding. */

#define MOVED	48	/* base pages; SHARE if they are larger */
#define HUGE	FOLIO_SIZE
#define SHARE	4	/* huge pages of a segment, and in each pool */

FIXTURE(mpol_default)
{
	struct nodemask memory;
	struct nodemask mask;	/* two nodes, or one if there are no three */
	struct nodemask outside;
	struct segment seg;
	size_t unit;		/* bytes of a page */
	int count;		/* pages */
};

FIXTURE_VARIANT(mpol_default)
{
	int policy;
	bool huge;	/* SHM_HUGETLB */
	bool large;	/* folios */
};

FIXTURE_VARIANT_ADD(mpol_default, firstref)	{ .policy = MEM_FIRSTREF };
FIXTURE_VARIANT_ADD(mpol_default, stripe)	{ .policy = MEM_STRIPE };
FIXTURE_VARIANT_ADD(mpol_default, mostfree)	{ .policy = MEM_MOSTFREE };
FIXTURE_VARIANT_ADD(mpol_default, large_stripe)
{
	.policy = MEM_STRIPE,
	.large = true,
};

FIXTURE_VARIANT_ADD(mpol_default, huge_firstref)
{
	.policy = MEM_FIRSTREF,
	.huge = true,
};

FIXTURE_VARIANT_ADD(mpol_default, huge_stripe)
{
	.policy = MEM_STRIPE,
	.huge = true,
};

/* Count the pages of each node; returns how many are on nodes of @mask. */
static int count_units(const FIXTURE_DATA(mpol_default) * self,
		       const struct nodemask *mask, int *per_node)
{
	int in = 0, node;

	memset(per_node, 0, NODES_MAX * sizeof(*per_node));
	for (int i = 0; i < self->count; i++) {
		char *addr = self->seg.addr + i * self->unit;

		/* a page that was moved is mapped again by a fault */
		read_page(addr, 0);
		node = page_node(addr, 0);
		if (node < 0)
			continue;
		per_node[node]++;
		in += node_isset(node, mask);
	}
	return in;
}

FIXTURE_SETUP(mpol_default)
{
	struct nodemask cpus = cpu_nodes(), out;
	int per_node[NODES_MAX];

	REQUIRE("nodes=3");
	ASSERT_EQ(0, own_ipc_namespace());
	self->memory = memory_nodes();
	/* the last two nodes with CPUs: others may have little memory */
	self->mask = nodes_and(self->memory, cpus);
	if (nodes_weight(&self->mask) < 3)
		self->mask = self->memory;
	while (nodes_weight(&self->mask) > 2)
		node_clear(first_node(&self->mask), &self->mask);
	self->outside = nodes_andnot(self->memory, self->mask);
	out = nodes_of(first_node(&self->outside));
	self->seg.id = -1;
	self->unit = variant->huge || variant->large ? HUGE : page_size();
	self->count = variant->huge || variant->large ? SHARE : MOVED;
	if (variant->huge) {
		ASSERT_EQ(0, pools_fill(HUGE, &self->mask, SHARE));
		ASSERT_EQ(0, pools_fill(HUGE, &out, SHARE));
		ASSERT_EQ(0, huge_open(&self->seg, HUGE, self->count, 0,
				       variant->policy | MEM_SOFTBIND,
				       &self->mask));
	} else {
		ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled",
					variant->large ? "always" : "never"));
		/* SOFT would not wait for compaction of the node */
		if (variant->large)
			compact_nodes();
		open_aligned(_metadata, &self->seg,
			     self->count * self->unit / page_size(),
			     variant->policy | MEM_SOFTBIND, &self->mask);
	}
	ASSERT_EQ(0, run_on_node(first_node(&cpus)));
	for (int i = 0; i < self->count; i++)
		*(int *)(self->seg.addr + i * self->unit) = ~i;
	ASSERT_EQ(self->count, count_units(self, &self->mask, per_node));
}

FIXTURE_TEARDOWN(mpol_default)
{
	segment_remove(&self->seg);
	write_file(THP_DIR "shmem_enabled", "never");
	EXPECT_EQ(0, pools_fill(HUGE, &self->memory, 0));
}

/* The difference between the two nodes of the mask, in pages. */
static int unevenness(const struct nodemask *mask, const int *per_node)
{
	int a = per_node[first_node(mask)], b = per_node[last_node(mask)];

	return a > b ? a - b : b - a;
}

static int move_by_default(const FIXTURE_DATA(mpol_default) * self, int flags)
{
	struct attempt attempt = { .mode = MPOL_DEFAULT, .flags = flags };

	return try_mbind(self->seg.addr, self->seg.size, attempt, NULL);
}

/* All pages are in the mask and intact, and evenly distributed for a stripe. */
static void expect_as_bound(struct __test_metadata *_metadata,
			    const FIXTURE_DATA(mpol_default) * self,
			    int policy)
{
	int per_node[NODES_MAX], value;

	EXPECT_EQ(self->count, count_units(self, &self->mask, per_node));
	if (policy == MEM_STRIPE)
		EXPECT_GE(2, unevenness(&self->mask, per_node));
	for (int i = 0; i < self->count; i++) {
		value = *(int *)(self->seg.addr + i * self->unit);
		EXPECT_EQ(~i, value);
	}
	EXPECT_EQ(MPOL_SHMBIND, policy_at(self->seg.addr));
}

static const int move_flags[] = {
	MPOL_MF_MOVE, MPOL_MF_MOVE | MPOL_MF_STRICT, MPOL_MF_MOVE_ALL,
};

/* MPOL_DEFAULT moves no page out of the mask. */
TEST_F(mpol_default, mpol_default_keeps_pages_in_the_mask)
{
	for (size_t i = 0; i < ARRAY_SIZE(move_flags); i++) {
		EXPECT_EQ(0, move_by_default(self, move_flags[i]));
		expect_as_bound(_metadata, self, variant->policy);
	}
}

/* MPOL_DEFAULT moves pages back that mbind() has moved away. */
TEST_F(mpol_default, mpol_default_returns_pages_to_the_mask)
{
	struct attempt away = { .mode = MPOL_BIND, .flags = MPOL_MF_MOVE };
	struct nodemask out = nodes_of(first_node(&self->outside));
	int per_node[NODES_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(move_flags); i++) {
		ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, away,
				       &out));
		ASSERT_EQ(self->count, count_units(self, &out, per_node));
		EXPECT_EQ(0, move_by_default(self, move_flags[i]));
		expect_as_bound(_metadata, self, variant->policy);
	}
}

/* MPOL_DEFAULT spreads a stripe whose pages are on one node of the mask. */
TEST_F(mpol_default, mpol_default_evens_a_stripe)
{
	struct attempt one = { .mode = MPOL_BIND, .flags = MPOL_MF_MOVE };
	struct nodemask first = nodes_of(first_node(&self->mask));
	int per_node[NODES_MAX];

	ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, one, &first));
	ASSERT_EQ(self->count, count_units(self, &first, per_node));
	EXPECT_EQ(0, move_by_default(self, MPOL_MF_MOVE));
	expect_as_bound(_metadata, self, variant->policy);
}

/* MPOL_DEFAULT without MPOL_MF_MOVE moves nothing. */
TEST_F(mpol_default, mpol_default_needs_mpol_mf_move)
{
	struct attempt away = { .mode = MPOL_BIND, .flags = MPOL_MF_MOVE };
	struct nodemask out = nodes_of(first_node(&self->outside));
	int per_node[NODES_MAX];

	ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, away, &out));
	EXPECT_EQ(0, move_by_default(self, 0));
	EXPECT_EQ(self->count, count_units(self, &out, per_node));
}

/* A node of the mask has free pages and no large folio. */

FIXTURE(fragmented)
{
	int victim;
	struct nodemask mask, other;
	struct segment seg, ballast;
	int pages;	/* of the segment */
};

FIXTURE_SETUP(fragmented)
{
	struct nodemask memory = memory_nodes();

	REQUIRE("nodes=2");
	ASSERT_EQ(0, own_ipc_namespace());
	self->victim = victim_node();
	self->other = nodes_of(first_node(&memory));
	self->seg.id = -1;
}

FIXTURE_TEARDOWN(fragmented)
{
	segment_remove(&self->seg);
	write_file(THP_DIR "shmem_enabled", "never");
	defragment_node(&self->ballast);
}

/* Put large folios on the other node, and fragment the victim. */
static void move_away(struct __test_metadata *_metadata,
		      FIXTURE_DATA(fragmented) * self, int folios, int policy)
{
	struct attempt away = { .mode = MPOL_BIND, .flags = MPOL_MF_MOVE };

	self->pages = folios * FOLIO_SIZE / page_size();
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	compact_nodes();
	open_aligned(_metadata, &self->seg, self->pages, policy | MEM_SOFTBIND,
		     &self->mask);
	touch_pages(self->seg.addr, self->pages);
	ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, away,
			       &self->other));
	touch_pages(self->seg.addr, self->pages);
	ASSERT_EQ(self->seg.size, large_bytes(&self->seg));
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	ASSERT_LT(3 * HOLES, fragment_node(&self->ballast, self->victim, HOLES));
}

/* A large folio that does not fit returns to the mask in pieces. */
TEST_F(fragmented, large_folio_returns_in_pieces)
{
	struct attempt none = { .mode = MPOL_DEFAULT, .flags = MPOL_MF_MOVE };
	long per_node[NODES_MAX];

	self->mask = nodes_of(self->victim);
	move_away(_metadata, self, 1, MEM_FIRSTREF);
	EXPECT_EQ(0, try_mbind(self->seg.addr, self->seg.size, none, NULL));
	touch_pages(self->seg.addr, self->pages);
	ASSERT_EQ(self->pages, count_settled(self->seg.addr, self->pages,
					     per_node));
	EXPECT_EQ(self->pages, per_node[self->victim]);
}

/* A large folio in the mask is not split to make a stripe even. */
TEST_F(fragmented, large_folio_in_the_mask_stays_whole)
{
	struct attempt none = { .mode = MPOL_DEFAULT, .flags = MPOL_MF_MOVE };

	self->mask = self->other;
	node_set(self->victim, &self->mask);
	move_away(_metadata, self, 2, MEM_STRIPE);
	EXPECT_EQ(0, try_mbind(self->seg.addr, self->seg.size, none, NULL));
	touch_pages(self->seg.addr, self->pages);
	EXPECT_EQ(self->seg.size, large_bytes(&self->seg));
}

FIXTURE(unbound)
{
	struct segment seg;
	struct nodemask last;
	char seen[BINDING_MAX];
};

FIXTURE_SETUP(unbound)
{
	struct nodemask memory = memory_nodes();

	self->last = nodes_of(last_node(&memory));
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_create(&self->seg, PAGES));
	ASSERT_EQ(0, segment_attach(&self->seg));
}

FIXTURE_TEARDOWN(unbound)
{
	segment_remove(&self->seg);
}

/* The mode of the segment's policy as another process sees it, or 255. */
static int policy_elsewhere(int shmid)
{
	pid_t pid = fork();
	char *addr;

	if (!pid) {
		addr = shmat(shmid, NULL, SHM_RDONLY);
		_exit(addr == (char *)-1 ? 255 : policy_at(addr));
	}
	return wait_for(pid);
}

/* What mbind() sets on an unbound segment holds for every process. */
TEST_F(unbound, unbound_segment_shares_its_policy)
{
	struct attempt bind = { .mode = MPOL_BIND };
	struct attempt none = { .mode = MPOL_DEFAULT };

	EXPECT_EQ(MPOL_DEFAULT, policy_elsewhere(self->seg.id));
	ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, bind,
			       &self->last));
	EXPECT_EQ(MPOL_BIND, policy_elsewhere(self->seg.id));
	touch_page(self->seg.addr, 0);
	EXPECT_EQ(first_node(&self->last), page_node(self->seg.addr, 0));
	EXPECT_STREQ("default", segment_binding(self->seg.id, self->seen));
	ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, none, NULL));
	EXPECT_EQ(MPOL_DEFAULT, policy_elsewhere(self->seg.id));
	EXPECT_STREQ("default", mapping_policy(self->seg.addr, self->seen));
}

/* An unbound segment has a home node only with a policy of mbind(). */
TEST_F(unbound, home_node_needs_a_policy_of_mbind)
{
	struct attempt bind = { .mode = MPOL_BIND };

	EXPECT_EQ(-1, set_mempolicy_home_node(self->seg.addr, self->seg.size,
					      first_node(&self->last), 0));
	EXPECT_EQ(ENOENT, errno);
	ASSERT_EQ(0, try_mbind(self->seg.addr, self->seg.size, bind,
			       &self->last));
	EXPECT_EQ(0, set_mempolicy_home_node(self->seg.addr, self->seg.size,
					     first_node(&self->last), 0));
	EXPECT_EQ(MPOL_BIND, policy_at(self->seg.addr));
}

TEST_HARNESS_MAIN
