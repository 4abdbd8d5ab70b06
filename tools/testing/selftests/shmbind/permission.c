// SPDX-License-Identifier: GPL-2.0
/* Permission to bind a segment: mode bits, CAP_IPC_OWNER, and namespaces. */
#include <linux/capability.h>
#include <sys/prctl.h>

#include "caller.h"
#include "segment.h"

/*
 * The functions below call shmbind() in another process and return its errno,
 * 0, or NOT_TRIED if that process could not change its credentials.
 */
#define NOT_TRIED	255

static int try_to_bind(int shmid)
{
	struct nodemask memory = memory_nodes();

	return shmbind_nodes(shmid, MEM_STRIPE, &memory) ? errno : 0;
}

static int bind_as(int user, int shmid)
{
	pid_t pid = fork();

	if (!pid)
		_exit(become(user) ? NOT_TRIED : try_to_bind(shmid));
	return wait_for(pid);
}

/* Bind as @user in @group, which is not the group of that name. */
static int bind_as_member(int user, gid_t group, int shmid)
{
	pid_t pid = fork();

	if (!pid) {
		if (setgroups(1, &group) || setresgid(user, user, user) ||
		    setresuid(user, user, user))
			_exit(NOT_TRIED);
		_exit(try_to_bind(shmid));
	}
	return wait_for(pid);
}

static int keep_only(int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {};

	if (capability >= 0) {
		data[CAP_TO_INDEX(capability)].permitted =
			CAP_TO_MASK(capability);
		data[CAP_TO_INDEX(capability)].effective =
			CAP_TO_MASK(capability);
	}
	return syscall(__NR_capset, &header, data);
}

/* Bind as @user with one capability, or with none if it is negative. */
static int bind_with(int user, int capability, int shmid)
{
	pid_t pid = fork();

	if (!pid) {
		if (prctl(PR_SET_KEEPCAPS, 1) || become(user) ||
		    keep_only(capability))
			_exit(NOT_TRIED);
		_exit(try_to_bind(shmid));
	}
	return wait_for(pid);
}

/* Give the segment, which root has created, to another owner. */
static int segment_chown(int shmid, uid_t owner, gid_t group, int mode)
{
	struct shmid_ds ds;

	if (shmctl(shmid, IPC_STAT, &ds))
		return -1;
	ds.shm_perm.uid = owner;
	ds.shm_perm.gid = group;
	ds.shm_perm.mode = mode;
	return shmctl(shmid, IPC_SET, &ds);
}

/*
 * One class of users has @bits, and the other classes have the bits that it
 * lacks. Only the bits of its own class count.
 */
FIXTURE(mode_bits)
{
	struct segment seg;
};

FIXTURE_VARIANT(mode_bits)
{
	int bits;
	int want;
};

FIXTURE_VARIANT_ADD(mode_bits, none)		{ 0, EPERM };
FIXTURE_VARIANT_ADD(mode_bits, execute)		{ 1, EPERM };
FIXTURE_VARIANT_ADD(mode_bits, write)		{ 2, 0 };
FIXTURE_VARIANT_ADD(mode_bits, read)		{ 4, EPERM };
FIXTURE_VARIANT_ADD(mode_bits, read_execute)	{ 5, EPERM };
FIXTURE_VARIANT_ADD(mode_bits, read_write)	{ 6, 0 };

FIXTURE_SETUP(mode_bits)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_create(&self->seg, 1));
}

FIXTURE_TEARDOWN(mode_bits)
{
	segment_remove(&self->seg);
}

static int class_mode(int shift, int bits)
{
	return (0777 & ~(7 << shift) & ~(bits * 0111)) | bits << shift;
}

/* The owner needs the write bit of the owner, and no other bit. */
TEST_F(mode_bits, owner_bits_decide_for_the_owner)
{
	ASSERT_EQ(0, segment_chown(self->seg.id, NOBODY, 0,
				   class_mode(6, variant->bits)));
	EXPECT_EQ(variant->want, bind_as(NOBODY, self->seg.id));
}

/* Members of the group need the write bit of the group, and no other bit. */
TEST_F(mode_bits, group_bits_decide_for_members)
{
	ASSERT_EQ(0, segment_chown(self->seg.id, 0, NOBODY,
				   class_mode(3, variant->bits)));
	EXPECT_EQ(variant->want, bind_as(NOBODY, self->seg.id));
	EXPECT_EQ(variant->want,
		  bind_as_member(SOMEBODY, NOBODY, self->seg.id));
}

/* Other users need the write bit of others, and no other bit. */
TEST_F(mode_bits, other_bits_decide_for_others)
{
	ASSERT_EQ(0, segment_chown(self->seg.id, 0, 0,
				   class_mode(0, variant->bits)));
	EXPECT_EQ(variant->want, bind_as(NOBODY, self->seg.id));
}

FIXTURE(caller)
{
	struct segment seg;
	struct nodemask memory;
	char want[BINDING_MAX];
	char seen[BINDING_MAX];
};

FIXTURE_SETUP(caller)
{
	self->memory = memory_nodes();
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_create(&self->seg, 1));
}

FIXTURE_TEARDOWN(caller)
{
	segment_remove(&self->seg);
}

/* A call without permission is EPERM and leaves the earlier binding. */
TEST_F(caller, refused_call_changes_nothing)
{
	binding_text(MEM_MOSTFREE | MEM_HARDBIND, &self->memory, self->want);
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_MOSTFREE | MEM_HARDBIND,
				   &self->memory));
	EXPECT_EQ(EPERM, bind_as(NOBODY, self->seg.id));
	EXPECT_STREQ(self->want, segment_binding(self->seg.id, self->seen));
}

/* The creator keeps its right after it has given the segment away. */
TEST_F(caller, creator_can_bind_after_ipc_set)
{
	ASSERT_EQ(0, segment_chown(self->seg.id, NOBODY, NOBODY, 0600));
	/* root without capabilities is only the creator */
	EXPECT_EQ(0, bind_with(0, -1, self->seg.id));
	EXPECT_EQ(0, bind_as(NOBODY, self->seg.id));
	EXPECT_EQ(EPERM, bind_as(SOMEBODY, self->seg.id));
}

/* Changing owner or mode by IPC_SET takes permission away and gives it. */
TEST_F(caller, ipc_set_takes_and_gives_permission)
{
	ASSERT_EQ(0, segment_chown(self->seg.id, NOBODY, NOBODY, 0400));
	EXPECT_EQ(EPERM, bind_as(NOBODY, self->seg.id));
	ASSERT_EQ(0, segment_chown(self->seg.id, NOBODY, NOBODY, 0600));
	EXPECT_EQ(0, bind_as(NOBODY, self->seg.id));
	ASSERT_EQ(0, segment_chown(self->seg.id, SOMEBODY, SOMEBODY, 0600));
	EXPECT_EQ(EPERM, bind_as(NOBODY, self->seg.id));
	EXPECT_EQ(0, bind_as(SOMEBODY, self->seg.id));
}

/* CAP_IPC_OWNER permits the call whatever the mode. */
TEST_F(caller, cap_ipc_owner_overrides_the_mode)
{
	ASSERT_EQ(0, segment_chown(self->seg.id, SOMEBODY, SOMEBODY, 0));
	EXPECT_EQ(0, bind_with(NOBODY, CAP_IPC_OWNER, self->seg.id));
	EXPECT_EQ(0, bind_with(SOMEBODY, CAP_IPC_OWNER, self->seg.id));
}

/* No other capability permits the call. */
TEST_F(caller, other_capabilities_do_not_help)
{
	static const int others[] = {
		CAP_SYS_ADMIN, CAP_SYS_NICE, CAP_IPC_LOCK, CAP_DAC_OVERRIDE,
		CAP_SYS_RESOURCE, CAP_FOWNER,
	};

	ASSERT_EQ(0, segment_chown(self->seg.id, SOMEBODY, SOMEBODY, 0444));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		EXPECT_EQ(EPERM, bind_with(NOBODY, others[i], self->seg.id))
			TH_LOG("capability %d", others[i]);
	}
	EXPECT_EQ(EPERM, bind_with(0, -1, self->seg.id));
}

/* A user who can attach the segment for reading cannot bind it. */
TEST_F(caller, read_permission_is_not_enough)
{
	pid_t pid;

	ASSERT_EQ(0, segment_chown(self->seg.id, 0, 0, 0444));
	EXPECT_EQ(EPERM, bind_as(NOBODY, self->seg.id));
	pid = fork();
	if (!pid) {
		if (become(NOBODY))
			_exit(NOT_TRIED);
		_exit(shmat(self->seg.id, NULL, SHM_RDONLY) == (void *)-1);
	}
	EXPECT_EQ(0, wait_for(pid));
}

/* A segment of another IPC namespace does not exist for the call. */
TEST_F(caller, other_ipc_namespace_has_no_segment)
{
	pid_t pid = fork();

	if (!pid)
		_exit(own_ipc_namespace() ? NOT_TRIED :
		      try_to_bind(self->seg.id));
	EXPECT_EQ(EINVAL, wait_for(pid));
}

/* Create and bind a segment with the id @shmid in a new IPC namespace. */
static int bind_namesake(int shmid, int policy, const struct nodemask *mask)
{
	char want[BINDING_MAX], seen[BINDING_MAX];
	struct segment seg;

	if (own_ipc_namespace() || segment_create(&seg, 1) || seg.id != shmid)
		return NOT_TRIED;
	if (shmbind_nodes(seg.id, policy, mask))
		return errno;
	binding_text(policy, mask, want);
	return !!strcmp(want, segment_binding(seg.id, seen));
}

/* The same id in two IPC namespaces names two segments. */
TEST_F(caller, same_id_in_two_namespaces_is_two)
{
	struct nodemask first = nodes_of(first_node(&self->memory));
	pid_t pid;

	/* ids of each namespace begin with the same number */
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_STRIPE, &self->memory));
	pid = fork();
	if (!pid)
		_exit(bind_namesake(self->seg.id, MEM_MOSTFREE | MEM_HARDBIND,
				    &first));
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_STREQ(binding_text(MEM_STRIPE, &self->memory, self->want),
		     segment_binding(self->seg.id, self->seen));
}

/* An attach stays bound when the process enters another IPC namespace. */
TEST_F(caller, attach_stays_bound_in_new_namespace)
{
	struct nodemask last = nodes_of(last_node(&self->memory));

	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_HARDBIND, &last));
	ASSERT_EQ(0, segment_attach(&self->seg));
	binding_text(MEM_HARDBIND, &last, self->want);

	ASSERT_EQ(0, own_ipc_namespace());
	EXPECT_EQ(EINVAL, try_to_bind(self->seg.id));
	EXPECT_STREQ(self->want, mapping_policy(self->seg.addr, self->seen));
	touch_page(self->seg.addr, 0);
	EXPECT_EQ(first_node(&last), page_node(self->seg.addr, 0));
}

/* Bind with all capabilities in a new user namespace. */
static int bind_from_user_namespace(int shmid)
{
	if (become(NOBODY) || unshare(CLONE_NEWUSER))
		return NOT_TRIED;
	return try_to_bind(shmid);
}

/*
 * Root of a user namespace has no more rights outside of it than the mode bits
 * give to everyone.
 */
TEST_F(caller, user_namespace_root_is_nobody_outside)
{
	pid_t pid;

	ASSERT_EQ(0, segment_chown(self->seg.id, 0, 0, 0644));
	pid = fork();
	if (!pid)
		_exit(bind_from_user_namespace(self->seg.id));
	EXPECT_EQ(EPERM, wait_for(pid));

	/* it has the rights that the mode bits give to everyone */
	ASSERT_EQ(0, segment_chown(self->seg.id, 0, 0, 0646));
	pid = fork();
	if (!pid)
		_exit(bind_from_user_namespace(self->seg.id));
	EXPECT_EQ(0, wait_for(pid));
}

/* Bind a segment that its owner cannot write, in new namespaces. */
static int bind_inside_user_namespace(bool capable)
{
	int shmid;

	if (become(NOBODY) || unshare(CLONE_NEWUSER | CLONE_NEWIPC))
		return NOT_TRIED;
	shmid = shmget(IPC_PRIVATE, page_size(), IPC_CREAT);
	if (shmid < 0 || (!capable && keep_only(-1)))
		return NOT_TRIED;
	return try_to_bind(shmid);
}

/* Root of a user namespace can bind every segment of its IPC namespace. */
TEST_F(caller, user_namespace_root_is_root_inside)
{
	pid_t pid = fork();

	if (!pid)
		_exit(bind_inside_user_namespace(true));
	EXPECT_EQ(0, wait_for(pid));

	pid = fork();
	if (!pid)
		_exit(bind_inside_user_namespace(false));
	EXPECT_EQ(EPERM, wait_for(pid));
}

TEST_HARNESS_MAIN
