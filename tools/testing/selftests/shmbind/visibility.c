// SPDX-License-Identifier: GPL-2.0
/* Files and calls that show a binding, and those that must not change. */
#include <asm/bitsperlong.h>
#include <sys/mount.h>

#include "segment.h"

#define PAGES	32

/* numa_maps */

/* The line of the mapping at @addr, without its newline; "" if none. */
static char *numa_maps_line(pid_t pid, void *addr, char *line, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/numa_maps", pid);
	file = fopen(path, "r");
	while (file && fgets(line, size, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strtoul(line, NULL, 16) == (unsigned long)addr)
			break;
		line[0] = '\0';
	}
	if (file)
		fclose(file);
	return line;
}

/* Every @step-th node of @nodes, from the @skip-th on. */
static struct nodemask every(int step, int skip, struct nodemask nodes)
{
	struct nodemask mask = {};
	int node, nth = 0;

	for (node = -1; next_node(&node, &nodes); nth++) {
		if (nth >= skip && (nth - skip) % step == 0)
			node_set(node, &mask);
	}
	return mask;
}

FIXTURE(binding)
{
	struct nodemask memory;
	struct nodemask masks[5];
	char want[BINDING_MAX];
	char seen[2 * BINDING_MAX];
};

FIXTURE_VARIANT(binding)
{
	int policy;
	const char *shown;
};

FIXTURE_VARIANT_ADD(binding, firstref_soft) {
	.policy = MEM_FIRSTREF | MEM_SOFTBIND,
	.shown = "shmbind=firstref|soft:",
};

FIXTURE_VARIANT_ADD(binding, firstref_hard) {
	.policy = MEM_FIRSTREF | MEM_HARDBIND,
	.shown = "shmbind=firstref|hard:",
};

FIXTURE_VARIANT_ADD(binding, stripe_soft) {
	.policy = MEM_STRIPE | MEM_SOFTBIND,
	.shown = "shmbind=stripe|soft:",
};

FIXTURE_VARIANT_ADD(binding, stripe_hard) {
	.policy = MEM_STRIPE | MEM_HARDBIND,
	.shown = "shmbind=stripe|hard:",
};

FIXTURE_VARIANT_ADD(binding, stripe_mask) {
	.policy = MEM_STRIPE | MEM_MASKBIND,
	.shown = "shmbind=stripe|mask:",
};

FIXTURE_VARIANT_ADD(binding, weighted_soft) {
	.policy = MEM_WEIGHTED | MEM_SOFTBIND,
	.shown = "shmbind=weighted|soft:",
};

FIXTURE_VARIANT_ADD(binding, mostfree_soft) {
	.policy = MEM_MOSTFREE | MEM_SOFTBIND,
	.shown = "shmbind=mostfree|soft:",
};

FIXTURE_VARIANT_ADD(binding, mostfree_hard) {
	.policy = MEM_MOSTFREE | MEM_HARDBIND,
	.shown = "shmbind=mostfree|hard:",
};

FIXTURE_VARIANT_ADD(binding, defaults) {
	.policy = 0,
	.shown = "shmbind=firstref|soft:",
};

FIXTURE_SETUP(binding)
{
	struct nodemask memory = memory_nodes();

	ASSERT_EQ(0, own_ipc_namespace());
	self->memory = memory;
	self->masks[0] = memory;
	self->masks[1] = nodes_of(first_node(&memory));
	self->masks[2] = nodes_of(last_node(&memory));
	/* 0,2,4,... and 0,3,6,...: lists without ranges */
	self->masks[3] = every(2, 0, memory);
	self->masks[4] = every(3, 0, memory);
}

FIXTURE_TEARDOWN(binding)
{
}

/* numa_maps shows the binding, in a line that is otherwise unchanged. */
TEST_F(binding, numa_maps_shows_the_binding)
{
	for (size_t i = 0; i < ARRAY_SIZE(self->masks); i++) {
		char list[BINDING_MAX / 2];
		struct segment seg;

		ASSERT_EQ(0, segment_open(&seg, PAGES, variant->policy,
					  &self->masks[i]));
		nodes_print(&self->masks[i], list, sizeof(list));
		snprintf(self->want, sizeof(self->want), "%s%s", variant->shown,
			 list);
		EXPECT_STREQ(self->want, mapping_policy(seg.addr, self->seen));

		/* the rest of the line is the same as without a binding */
		snprintf(self->want, sizeof(self->want),
			 "%08lx %s%s file=/SYSV00000000\\040(deleted)",
			 (unsigned long)seg.addr, variant->shown, list);
		EXPECT_STREQ(self->want,
			     numa_maps_line(getpid(), seg.addr, self->seen,
					    sizeof(self->seen)));
		segment_remove(&seg);
	}
}

/* /proc/sysvipc/shmbind shows the binding, with and without an attach. */
TEST_F(binding, sysvipc_shmbind_shows_the_binding)
{
	for (size_t i = 0; i < ARRAY_SIZE(self->masks); i++) {
		struct segment seg;

		ASSERT_EQ(0, segment_create(&seg, PAGES));
		EXPECT_STREQ("default", segment_binding(seg.id, self->seen));
		ASSERT_EQ(0, shmbind_nodes(seg.id, variant->policy,
					   &self->masks[i]));
		binding_text(variant->policy, &self->masks[i], self->want);
		EXPECT_STREQ(self->want, segment_binding(seg.id, self->seen));
		ASSERT_EQ(0, segment_attach(&seg));
		EXPECT_STREQ(self->want, segment_binding(seg.id, self->seen));
		segment_remove(&seg);
	}
}

/* get_mempolicy() of an address returns MPOL_SHMBIND and the mask. */
TEST_F(binding, get_mempolicy_returns_the_binding)
{
	for (size_t i = 0; i < ARRAY_SIZE(self->masks); i++) {
		struct nodemask mask = {};
		struct segment seg;
		int mode = -1;

		ASSERT_EQ(0, segment_open(&seg, PAGES, variant->policy,
					  &self->masks[i]));
		EXPECT_EQ(0, get_mempolicy(&mode, mask.bits, NODES_MAX,
					   seg.addr + page_size(),
					   MPOL_F_ADDR));
		EXPECT_EQ(MPOL_SHMBIND, mode);
		EXPECT_TRUE(nodes_equal(&self->masks[i], &mask));
		segment_remove(&seg);
	}
}

/*
 * get_mempolicy() returns the node of a page. A page that does not exist is
 * allocated by the binding for that.
 */
TEST_F(binding, get_mempolicy_returns_the_page_node)
{
	struct nodemask last = self->masks[2];
	struct segment seg;

	ASSERT_EQ(0, segment_open(&seg, PAGES, variant->policy, &last));
	touch_page(seg.addr, 0);
	/* the second page is allocated by the call */
	for (int i = 0; i < 2; i++) {
		int node = -1;

		EXPECT_EQ(0, get_mempolicy(&node, NULL, 0,
					   seg.addr + i * page_size(),
					   MPOL_F_NODE | MPOL_F_ADDR));
		EXPECT_EQ(first_node(&last), node);
	}
	segment_remove(&seg);
}

FIXTURE(visibility)
{
	struct segment seg;
	struct nodemask memory;
	char seen[2 * BINDING_MAX];
};

FIXTURE_SETUP(visibility)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_create(&self->seg, PAGES));
	self->memory = memory_nodes();
}

FIXTURE_TEARDOWN(visibility)
{
	segment_remove(&self->seg);
}

/*
 * A long list of nodes is shown whole. numa_maps cuts those of other policies
 * at 63 characters.
 */
TEST_F(visibility, long_node_list_is_shown_whole)
{
	char want[BINDING_MAX] = "shmbind=mostfree|hard:";
	size_t prefix = strlen(want);
	struct nodemask even = {};

	REQUIRE("nodes=40");
	for (int node = 0; node < 40; node += 2)
		node_set(node, &even);
	nodes_print(&even, want + prefix, sizeof(want) - prefix);
	ASSERT_LT(64, strlen(want));
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_MOSTFREE | MEM_HARDBIND,
				   &even));
	EXPECT_STREQ(want, segment_binding(self->seg.id, self->seen));
	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_STREQ(want, mapping_policy(self->seg.addr, self->seen));
}

/* Another process reads the same line in numa_maps. */
TEST_F(visibility, numa_maps_is_the_same_for_others)
{
	char mine[BINDING_MAX];
	pid_t pid;

	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_STRIPE, &self->memory));
	ASSERT_EQ(0, segment_attach(&self->seg));
	numa_maps_line(getpid(), self->seg.addr, mine, sizeof(mine));
	ASSERT_STRNE("", mine);
	pid = fork();
	if (!pid)
		_exit(!!strcmp(mine, numa_maps_line(getppid(), self->seg.addr,
						    self->seen,
						    sizeof(self->seen))));
	EXPECT_EQ(0, wait_for(pid));
}

/* The line of an unbound segment in numa_maps is as it was. */
TEST_F(visibility, numa_maps_of_unbound_is_unchanged)
{
	char want[256];

	ASSERT_EQ(0, segment_attach(&self->seg));
	snprintf(want, sizeof(want),
		 "%08lx default file=/SYSV00000000\\040(deleted)",
		 (unsigned long)self->seg.addr);
	EXPECT_STREQ(want, numa_maps_line(getpid(), self->seg.addr, self->seen,
					  sizeof(self->seen)));
}

/* numa_maps shows the policy of the task for an unbound segment. */
TEST_F(visibility, numa_maps_of_unbound_has_task_policy)
{
	int first = first_node(&self->memory);
	struct nodemask mask = nodes_of(first);
	char want[32];

	ASSERT_EQ(0, segment_attach(&self->seg));
	ASSERT_EQ(0, set_mempolicy(MPOL_BIND, mask.bits, NODES_MAX));
	snprintf(want, sizeof(want), "bind:%d", first);
	EXPECT_STREQ(want, mapping_policy(self->seg.addr, self->seen));
	EXPECT_EQ(0, set_mempolicy(MPOL_DEFAULT, NULL, 0));
}

/* get_mempolicy() on an unbound segment returns MPOL_DEFAULT, as it did. */
TEST_F(visibility, get_mempolicy_of_unbound_is_unchanged)
{
	struct nodemask mask = nodes_of(NODES_MAX - 1), none = {};
	int mode = -1;

	ASSERT_EQ(0, segment_attach(&self->seg));
	EXPECT_EQ(0, get_mempolicy(&mode, mask.bits, NODES_MAX, self->seg.addr,
				   MPOL_F_ADDR));
	EXPECT_EQ(MPOL_DEFAULT, mode);
	EXPECT_TRUE(nodes_equal(&none, &mask));
}

/* get_mempolicy() of the task does not report the binding. */
TEST_F(visibility, get_mempolicy_of_task_has_no_binding)
{
	int mode = -1;

	ASSERT_EQ(0, shmbind_nodes(self->seg.id, 0, &self->memory));
	ASSERT_EQ(0, segment_attach(&self->seg));
	touch_pages(self->seg.addr, PAGES);
	EXPECT_EQ(0, get_mempolicy(&mode, NULL, 0, NULL, 0));
	EXPECT_EQ(MPOL_DEFAULT, mode);
}

/* MPOL_SHMBIND is returned, and never accepted */

/* MPOL_SHMBIND is greater than all other modes and fits a byte. */
TEST_F(visibility, mpol_shmbind_is_last_and_fits_a_byte)
{
	EXPECT_LT(MPOL_WEIGHTED_INTERLEAVE, MPOL_SHMBIND);
	EXPECT_LE(MPOL_MAX, MPOL_SHMBIND);
	EXPECT_GT(256, MPOL_SHMBIND);
}

static int mode_flags(int combination)
{
	return (combination & 1 ? MPOL_F_STATIC_NODES : 0) |
	       (combination & 2 ? MPOL_F_RELATIVE_NODES : 0) |
	       (combination & 4 ? MPOL_F_NUMA_BALANCING : 0);
}

/* mbind() and set_mempolicy() accept no mode above the known ones. */
TEST_F(visibility, unknown_modes_are_einval)
{
	char *addr = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, segment_attach(&self->seg));
	for (int mode = MPOL_WEIGHTED_INTERLEAVE + 1; mode < 300; mode++) {
		for (int i = 0; i < 16; i++) {
			const unsigned long *mask = i & 8 ? NULL :
						    self->memory.bits;
			int max = mask ? NODES_MAX : 0;
			int full = mode | mode_flags(i);

			EXPECT_EQ(-1, mbind(addr, page_size(), full, mask, max,
					    0)) TH_LOG("mode %#x", full);
			EXPECT_EQ(EINVAL, errno);
			EXPECT_EQ(-1, mbind(self->seg.addr, page_size(), full,
					    mask, max, MPOL_MF_MOVE));
			EXPECT_EQ(EINVAL, errno);
			EXPECT_EQ(-1, set_mempolicy(full, mask, max))
				TH_LOG("mode %#x", full);
			EXPECT_EQ(EINVAL, errno);
		}
	}
	touch_page(addr, 0);
	touch_page(self->seg.addr, 0);
}

/* mbind() does not accept MPOL_SHMBIND, not even on a bound segment. */
TEST_F(visibility, mpol_shmbind_is_einval_on_bound_segment)
{
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, 0, &self->memory));
	ASSERT_EQ(0, segment_attach(&self->seg));
	for (int i = 0; i < 8; i++) {
		EXPECT_EQ(-1, mbind(self->seg.addr, self->seg.size,
				    MPOL_SHMBIND | mode_flags(i),
				    self->memory.bits, NODES_MAX, 0));
		EXPECT_EQ(EINVAL, errno);
	}
}

static int mount_tmpfs(const char *options)
{
	char dir[] = "/tmp/shmbind-XXXXXX";
	int err = 0;

	if (!mkdtemp(dir))
		return errno;
	if (mount("tmpfs", dir, "tmpfs", 0, options))
		err = errno;
	else
		umount(dir);
	rmdir(dir);
	return err;
}

/* tmpfs does not accept shmbind as a policy in its mount options. */
TEST_F(visibility, tmpfs_mpol_shmbind_is_einval)
{
	char options[128], list[64];

	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	nodes_print(&self->memory, list, sizeof(list));
	snprintf(options, sizeof(options), "mpol=bind:%s", list);
	ASSERT_EQ(0, mount_tmpfs(options));
	EXPECT_EQ(EINVAL, mount_tmpfs("mpol=shmbind"));
	snprintf(options, sizeof(options), "mpol=shmbind:%s", list);
	EXPECT_EQ(EINVAL, mount_tmpfs(options));
	snprintf(options, sizeof(options), "mpol=shmbind=stripe:%s", list);
	EXPECT_EQ(EINVAL, mount_tmpfs(options));
	snprintf(options, sizeof(options), "mpol=shmbind=stripe|hard:%s", list);
	EXPECT_EQ(EINVAL, mount_tmpfs(options));
}

/* /proc/sysvipc/shm: ipcs(1) and others parse it by position */

#if __BITS_PER_LONG <= 32
#define SIZE_FMT "%10lu"
#define SHM_HEADER							\
	"       key      shmid perms       size  cpid  lpid nattch   "	\
	"uid   gid  cuid  cgid      atime      dtime      ctime        "	\
	"rss       swap\n"
#else
#define SIZE_FMT "%21lu"
#define SHM_HEADER							\
	"       key      shmid perms                  size  cpid  lpid "	\
	"nattch   uid   gid  cuid  cgid      atime      dtime      ctime" \
	"                   rss                  swap\n"
#endif

static void print_shm_line(const struct segment *seg, int resident, char *line,
			   size_t size)
{
	struct shmid_ds ds = {};
	size_t len;

	shmctl(seg->id, IPC_STAT, &ds);
	len = snprintf(line, size,
		       "%10d %10d  %4o " SIZE_FMT " %5u %5u  %5lu ",
		       ds.shm_perm.__key, seg->id, ds.shm_perm.mode,
		       (unsigned long)ds.shm_segsz, ds.shm_cpid, ds.shm_lpid,
		       (unsigned long)ds.shm_nattch);
	len += snprintf(line + len, size - len,
			"%5u %5u %5u %5u %10llu %10llu %10llu ",
			ds.shm_perm.uid, ds.shm_perm.gid,
			ds.shm_perm.cuid, ds.shm_perm.cgid,
			(unsigned long long)ds.shm_atime,
			(unsigned long long)ds.shm_dtime,
			(unsigned long long)ds.shm_ctime);
	snprintf(line + len, size - len, SIZE_FMT " " SIZE_FMT "\n",
		 resident * (unsigned long)page_size(), 0UL);
}

/* In a namespace that has only this segment. */
#define EXPECT_SHM_LINE(seg, resident)					\
do {									\
	FILE *_file = fopen("/proc/sysvipc/shm", "r");			\
	char _want[512], _seen[512];					\
									\
	print_shm_line(seg, resident, _want, sizeof(_want));		\
	ASSERT_NE(NULL, _file);						\
	ASSERT_NE(NULL, fgets(_seen, sizeof(_seen), _file));		\
	EXPECT_STREQ(SHM_HEADER, _seen);				\
	ASSERT_NE(NULL, fgets(_seen, sizeof(_seen), _file));		\
	EXPECT_STREQ(_want, _seen);					\
	EXPECT_EQ(NULL, fgets(_seen, sizeof(_seen), _file));		\
	fclose(_file);							\
} while (0)

/* The line of an unbound segment in /proc/sysvipc/shm is as it was. */
TEST_F(visibility, sysvipc_shm_of_unbound_is_unchanged)
{
	EXPECT_SHM_LINE(&self->seg, 0);
	ASSERT_EQ(0, segment_attach(&self->seg));
	touch_pages(self->seg.addr, 5);
	EXPECT_SHM_LINE(&self->seg, 5);
}

/* The line of a bound segment in /proc/sysvipc/shm is as it was. */
TEST_F(visibility, sysvipc_shm_of_bound_is_unchanged)
{
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_STRIPE, &self->memory));
	EXPECT_SHM_LINE(&self->seg, 0);
	ASSERT_EQ(0, segment_attach(&self->seg));
	touch_pages(self->seg.addr, 5);
	EXPECT_SHM_LINE(&self->seg, 5);
}

TEST_HARNESS_MAIN
