// SPDX-License-Identifier: GPL-2.0
/*
 * The arguments of shmbind(2): what the call accepts, its errors, and which of
 * several errors it returns.
 *
 * Also built for 32-bit and x32 callers, where LONG_BITS is 32.
 */
#include <limits.h>

#include "caller.h"
#include "cgroup.h"
#include "inject.h"
#include "segment.h"

#define POLICIES	(MEM_FIRSTREF | MEM_STRIPE | MEM_MOSTFREE | \
			 MEM_WEIGHTED)
#define STRENGTHS	(MEM_HARDBIND | MEM_SOFTBIND | MEM_MASKBIND)

/* The longest mask, and a buffer for it. */
#define MASK_BITS_MAX	((int)page_size() * 8)

/* Two pages. The mask ends with the first page; the second is not readable. */
struct edge {
	char *page;
	char *end;
};

static int edge_map(struct edge *edge)
{
	edge->page = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (edge->page == MAP_FAILED)
		return -1;
	edge->end = edge->page + page_size();
	return mprotect(edge->end, page_size(), PROT_NONE);
}

/* Return @words words that begin with @mask and end at the edge. */
static unsigned long *edge_words(struct edge *edge, size_t words,
				 const struct nodemask *mask)
{
	size_t size = words * sizeof(long);
	char *start = edge->end - size;

	memset(start, 0, size);
	memcpy(start, mask, size < sizeof(*mask) ? size : sizeof(*mask));
	return (unsigned long *)start;
}

static bool at_most_one_of_each_kind(int policy)
{
	return __builtin_popcount(policy & POLICIES) <= 1 &&
	       __builtin_popcount(policy & STRENGTHS) <= 1;
}

FIXTURE(args)
{
	struct segment seg;
	struct nodemask memory;
	struct edge edge;
	char want[BINDING_MAX];
	char seen[BINDING_MAX];
};

FIXTURE_SETUP(args)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_create(&self->seg, 4));
	ASSERT_EQ(0, edge_map(&self->edge));
	self->memory = memory_nodes();
	ASSERT_LE(0, first_node(&self->memory));
}

FIXTURE_TEARDOWN(args)
{
	segment_remove(&self->seg);
}

/* Reads /proc/sysvipc/shmbind, as attaching would end binding. */
#define EXPECT_BOUND(policy, mask)				\
	EXPECT_STREQ(binding_text(policy, mask, self->want),	\
		     segment_binding(self->seg.id, self->seen))

/* The policy and strength constants have their documented values. */
TEST_F(args, constants_match_the_documentation)
{
	EXPECT_EQ(0x01, MEM_FIRSTREF);
	EXPECT_EQ(0x02, MEM_STRIPE);
	EXPECT_EQ(0x04, MEM_MOSTFREE);
	EXPECT_EQ(0x08, MEM_WEIGHTED);
	EXPECT_EQ(0x10, MEM_HARDBIND);
	EXPECT_EQ(0x20, MEM_SOFTBIND);
	EXPECT_EQ(0x40, MEM_MASKBIND);
}

/* The number of shmbind() is 473, or 583 on alpha. */
TEST_F(args, syscall_number_is_473)
{
#if defined(__x86_64__) && defined(__ILP32__)
	EXPECT_EQ(473, __NR_shmbind - __X32_SYSCALL_BIT);
#elif defined(__alpha__)
	EXPECT_EQ(583, __NR_shmbind);
#else
	EXPECT_EQ(473, __NR_shmbind);
#endif
}

/* Policy 0 is the same as MEM_FIRSTREF | MEM_SOFTBIND. */
TEST_F(args, policy_0_is_firstref_softbind)
{
	EXPECT_EQ(0, shmbind_nodes(self->seg.id, 0, &self->memory));
	EXPECT_BOUND(MEM_FIRSTREF | MEM_SOFTBIND, &self->memory);
}

/* At most one policy and at most one strength may be given. */
TEST_F(args, two_policies_or_strengths_are_einval)
{
	for (int policy = 0; policy <= (POLICIES | STRENGTHS); policy++) {
		int err = shmbind_nodes(self->seg.id, policy, &self->memory);

		if ((policy & ~(POLICIES | STRENGTHS)) ||
		    !at_most_one_of_each_kind(policy)) {
			EXPECT_EQ(-1, err) TH_LOG("policy %#x", policy);
			EXPECT_EQ(EINVAL, errno) TH_LOG("policy %#x", policy);
			continue;
		}
		EXPECT_EQ(0, err) TH_LOG("policy %#x", policy);
		EXPECT_BOUND(policy, &self->memory);
	}
}

/* Every bit without a meaning is refused, alone and with others. */
TEST_F(args, unknown_policy_bits_are_einval)
{
	static const int with[] = { 0, MEM_FIRSTREF, MEM_STRIPE | MEM_HARDBIND };

	for (int bit = 0; bit < 32; bit++) {
		unsigned int unknown = 1U << bit;

		if (unknown & (POLICIES | STRENGTHS))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(with); i++) {
			EXPECT_EQ(-1, shmbind_nodes(self->seg.id,
						    unknown | with[i],
						    &self->memory))
				TH_LOG("bit %d", bit);
			EXPECT_EQ(EINVAL, errno);
		}
	}
}

/* A mask of length 0, or of a negative length, is refused. */
TEST_F(args, mask_len_below_1_is_einval)
{
	static const int lens[] = { 0, -1, -64, INT_MIN };

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(-1, shmbind(self->seg.id, 0, self->memory.bits,
				      lens[i])) TH_LOG("length %d", lens[i]);
		EXPECT_EQ(EINVAL, errno) TH_LOG("length %d", lens[i]);
	}
}

/* A mask may have as many bits as a page has, and no more. */
TEST_F(args, mask_len_is_limited_to_a_page_of_bits)
{
	const int lens[] = { MASK_BITS_MAX + 1, MASK_BITS_MAX + LONG_BITS,
			     INT_MAX };
	unsigned long *mask = edge_words(&self->edge,
					 MASK_BITS_MAX / LONG_BITS,
					 &self->memory);

	EXPECT_EQ(0, shmbind(self->seg.id, 0, mask, MASK_BITS_MAX));
	EXPECT_BOUND(0, &self->memory);
	EXPECT_EQ(0, shmbind(self->seg.id, MEM_STRIPE, mask,
			     MASK_BITS_MAX - 1));
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(-1, shmbind(self->seg.id, 0, mask, lens[i]));
		EXPECT_EQ(EINVAL, errno) TH_LOG("length %d", lens[i]);
	}
}

/* mask_len counts bits: node N needs a length of N + 1. */
TEST_F(args, mask_len_counts_bits_exactly)
{
	int node = last_node(&self->memory);
	struct nodemask mask = nodes_of(node);

	EXPECT_EQ(0, shmbind(self->seg.id, 0, mask.bits, node + 1));
	EXPECT_BOUND(0, &mask);

	/* One bit less makes the mask empty, or of length 0. */
	EXPECT_EQ(-1, shmbind(self->seg.id, 0, mask.bits, node));
	EXPECT_EQ(EINVAL, errno);
}

/* Bits of the last word that are beyond mask_len are ignored. */
TEST_F(args, bits_past_mask_len_are_ignored)
{
	int node = first_node(&self->memory);
	struct nodemask mask = nodes_of(node);
	unsigned long words[2];

	for (int len = node + 1; len <= LONG_BITS; len++) {
		words[0] = mask.bits[0];
		words[1] = ~0UL;
		if (len < LONG_BITS)
			words[0] |= ~0UL << len;
		EXPECT_EQ(0, shmbind(self->seg.id, 0, words, len))
			TH_LOG("length %d", len);
		EXPECT_BOUND(0, &mask);
	}
}

/* The call reads the words that have bits of the mask, and no others. */
TEST_F(args, only_words_with_mask_bits_are_read)
{
	size_t most = page_size() / sizeof(long);
	struct nodemask mask = nodes_of(first_node(&self->memory));
	int node = first_node(&self->memory);

	for (size_t words = 1; words <= most; words += words < 8 ? 1 : 37) {
		unsigned long *bits = edge_words(&self->edge, words, &mask);
		int full = words * LONG_BITS;

		EXPECT_EQ(0, shmbind(self->seg.id, 0, bits, full))
			TH_LOG("%zu words", words);
		/* The smallest length that needs the last word as well. */
		if (full - LONG_BITS > node) {
			EXPECT_EQ(0, shmbind(self->seg.id, 0, bits,
					     full - LONG_BITS + 1))
				TH_LOG("%zu words", words);
		}
		EXPECT_EQ(-1, shmbind(self->seg.id, 0, bits, full + 1));
		/* A length above the limit is an error before the read. */
		EXPECT_EQ(full < MASK_BITS_MAX ? EFAULT : EINVAL, errno)
			TH_LOG("%zu words", words);
	}
}

/* A single readable word is enough for every length up to its size. */
TEST_F(args, one_word_holds_any_of_its_bits)
{
	unsigned long *bits = edge_words(&self->edge, 1, &self->memory);

	for (int len = first_node(&self->memory) + 1; len <= LONG_BITS; len++) {
		EXPECT_EQ(0, shmbind(self->seg.id, 0, bits, len))
			TH_LOG("length %d", len);
	}
}

/* A mask can extend from one page to the next, and both parts count. */
TEST_F(args, mask_can_cross_a_page_boundary)
{
	struct nodemask mask = nodes_of(first_node(&self->memory));
	size_t word = sizeof(long);
	char *bits;

	ASSERT_EQ(0, mprotect(self->edge.end, page_size(),
			      PROT_READ | PROT_WRITE));
	bits = self->edge.end - word;
	memset(bits, 0, 4 * word);
	memcpy(bits, &mask, word);
	EXPECT_EQ(0, shmbind(self->seg.id, 0, (unsigned long *)bits,
			     4 * LONG_BITS));
	EXPECT_BOUND(0, &mask);

	/* The part in the second page is read as well. */
	memset(self->edge.end, 0xff, word);
	EXPECT_EQ(-1, shmbind(self->seg.id, 0, (unsigned long *)bits,
			      4 * LONG_BITS));
	EXPECT_EQ(EINVAL, errno);
}

/* A mask that cannot be read is EFAULT, whatever its length. */
TEST_F(args, unreadable_mask_is_efault)
{
	unsigned long *bad[] = {
		NULL,
		(unsigned long *)self->edge.end,
		(unsigned long *)(ULONG_MAX - page_size() + 1),
	};
	static const int lens[] = { 1, 31, 32, 33, 64, 65, 1024 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(lens); j++) {
			EXPECT_EQ(-1, shmbind(self->seg.id, 0, bad[i],
					      lens[j]));
			EXPECT_EQ(EFAULT, errno)
				TH_LOG("%p, length %d", bad[i], lens[j]);
		}
	}
	EXPECT_EQ(0, munmap(self->edge.end, page_size()));
	EXPECT_EQ(-1, shmbind(self->seg.id, 0, bad[1], 1));
	EXPECT_EQ(EFAULT, errno);
}

/*
 * An unreadable tail is EFAULT even if an earlier word has a bad node, or if
 * all earlier words are empty.
 */
TEST_F(args, mask_is_read_before_nodes_are_checked)
{
	struct nodemask none = {};
	size_t words = page_size() / sizeof(long) / 2;
	unsigned long *bits = edge_words(&self->edge, words, &none);
	int len = words * LONG_BITS + 1;

	/* A bit beyond every kernel's mask, long before the edge. */
	bits[words - 1] = 1;
	EXPECT_EQ(-1, shmbind(self->seg.id, 0, bits, len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, shmbind(self->seg.id, 0, bits, MASK_BITS_MAX));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, shmbind(self->seg.id, 0, bits, len - 1));
	EXPECT_EQ(EINVAL, errno);

	/* The same with an empty mask. */
	bits[words - 1] = 0;
	EXPECT_EQ(-1, shmbind(self->seg.id, 0, bits, len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, shmbind(self->seg.id, 0, bits, len - 1));
	EXPECT_EQ(EINVAL, errno);
}

/* A mask without a node is refused, whatever its length. */
TEST_F(args, empty_mask_is_einval)
{
	unsigned long *zeroes = (unsigned long *)self->edge.page;

	for (int len = 1; len <= MASK_BITS_MAX; len += len < 130 ? 1 : len) {
		EXPECT_EQ(-1, shmbind(self->seg.id, 0, zeroes, len));
		EXPECT_EQ(EINVAL, errno) TH_LOG("length %d", len);
	}
}

/* Whether shmbind() accepts @mask with @bit set as well. */
static int accepted_with(int shmid, unsigned long *mask, int len, int bit)
{
	unsigned long word = mask[bit / LONG_BITS];
	unsigned long set = 1UL << (bit % LONG_BITS);
	int accepted;

	mask[bit / LONG_BITS] |= set;
	accepted = !shmbind(shmid, 0, mask, len) || errno != EINVAL;
	mask[bit / LONG_BITS] = word;
	return accepted;
}

/*
 * A bit that the kernel's nodemask does not have is refused, alone and among
 * nodes that are allowed.
 */
TEST_F(args, bit_beyond_kernel_nodemask_is_einval)
{
	unsigned long *alone = (unsigned long *)self->edge.page, *among;
	int first = NODES_MAX, len = MASK_BITS_MAX;
	struct edge other;

	ASSERT_EQ(0, edge_map(&other));
	among = edge_words(&other, len / LONG_BITS, &self->memory);
	for (int bit = first; bit < len; bit += bit < first + 130 ? 1 : 509) {
		EXPECT_FALSE(accepted_with(self->seg.id, alone, len, bit))
			TH_LOG("bit %d", bit);
		EXPECT_FALSE(accepted_with(self->seg.id, among, len, bit))
			TH_LOG("bit %d", bit);
	}
	EXPECT_FALSE(accepted_with(self->seg.id, among, len, len - 1));
	EXPECT_EQ(0, shmbind(self->seg.id, 0, among, len));
}

/* A node that is not online is refused, alone and among others. */
TEST_F(args, offline_node_is_einval)
{
	struct nodemask online = nodes_in("online");
	struct nodemask alone = {}, among = self->memory;

	for (int node = 0; node < NODES_MAX; node++) {
		if (node_isset(node, &online))
			continue;
		EXPECT_FALSE(accepted_with(self->seg.id, alone.bits, NODES_MAX,
					   node)) TH_LOG("node %d", node);
		EXPECT_FALSE(accepted_with(self->seg.id, among.bits, NODES_MAX,
					   node)) TH_LOG("node %d", node);
	}
}

/* A node without memory is refused, alone and among others. */
TEST_F(args, node_without_memory_is_einval)
{
	struct nodemask alone = {}, among = self->memory, empty;
	int node;

	REQUIRE("memless");
	empty = nodes_andnot(nodes_in("online"), self->memory);
	ASSERT_LE(0, first_node(&empty));
	for (node = -1; next_node(&node, &empty);) {
		EXPECT_FALSE(accepted_with(self->seg.id, alone.bits, NODES_MAX,
					   node)) TH_LOG("node %d", node);
		EXPECT_FALSE(accepted_with(self->seg.id, among.bits, NODES_MAX,
					   node)) TH_LOG("node %d", node);
	}
}

/* A node that has memory and no CPU is accepted. */
TEST_F(args, node_without_cpus_is_accepted)
{
	struct nodemask without;

	REQUIRE("cpuless");
	without = nodes_andnot(self->memory, cpu_nodes());
	EXPECT_EQ(0, shmbind_nodes(self->seg.id, 0, &without));
	EXPECT_BOUND(0, &without);
}

/* An id without a segment, or of a removed segment, is refused. */
TEST_F(args, invalid_shmid_is_einval)
{
	struct segment gone;
	int bad[] = { -1, INT_MIN, INT_MAX, self->seg.id + 1, 0 };

	ASSERT_EQ(0, segment_create(&gone, 1));
	segment_remove(&gone);
	bad[4] = gone.id;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-1, shmbind_nodes(bad[i], 0, &self->memory))
			TH_LOG("shmid %d", bad[i]);
		EXPECT_EQ(EINVAL, errno) TH_LOG("shmid %d", bad[i]);
	}
}

/* A mask of any single node with memory is accepted. */
TEST_F(args, every_memory_node_is_accepted_alone)
{
	int node;

	for (node = -1; next_node(&node, &self->memory);) {
		struct nodemask mask = nodes_of(node);

		EXPECT_EQ(0, shmbind_nodes(self->seg.id, MEM_HARDBIND, &mask));
		EXPECT_BOUND(MEM_HARDBIND, &mask);
	}
}

/* A call that cannot allocate memory is ENOMEM and changes nothing. */
TEST_F(args, enomem_keeps_the_earlier_binding)
{
	struct inject inject;
	int failures = 0, err;
	bool failed = true;

	REQUIRE("failslab");
	ASSERT_EQ(0, inject_start(&inject));
	ASSERT_EQ(0, shmbind_nodes(self->seg.id, MEM_STRIPE, &self->memory));
	for (int nth = 1; failed; nth++) {
		inject_at(&inject, nth);
		err = shmbind_nodes(self->seg.id, MEM_MOSTFREE, &self->memory);
		failed = inject_stop(&inject);
		if (!err)
			break;
		EXPECT_EQ(ENOMEM, errno);
		EXPECT_BOUND(MEM_STRIPE, &self->memory);
		failures++;
	}
	EXPECT_LT(0, failures);
}

/*
 * All combinations of errors. Each spoils one argument of a call that is valid
 * otherwise. They are listed in the order of the checks.
 */
enum {
	BAD_POLICY,
	BAD_LENGTH,
	UNREADABLE,
	BAD_NODES,
	NO_SEGMENT,
	NOT_MINE,
	ATTACHED,
	SPOILERS
};

static const int spoiler_errno[SPOILERS] = {
	[BAD_POLICY]	= EINVAL,
	[BAD_LENGTH]	= EINVAL,
	[UNREADABLE]	= EFAULT,
	[BAD_NODES]	= EINVAL,
	[NO_SEGMENT]	= EINVAL,
	[NOT_MINE]	= EPERM,
	[ATTACHED]	= EINVAL,
};

FIXTURE(errors)
{
	/* [owned by root][attached] */
	struct segment seg[2][2];
	struct edge edge;
	char bound[BINDING_MAX];
};

FIXTURE_SETUP(errors)
{
	struct nodemask memory = memory_nodes();

	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, edge_map(&self->edge));
	for (int roots = 0; roots < 2; roots++) {
		for (int attached = 0; attached < 2; attached++) {
			struct segment *seg = &self->seg[roots][attached];
			struct shmid_ds ds;

			ASSERT_EQ(0, segment_create(seg, 1));
			ASSERT_EQ(0, shmbind_nodes(seg->id, MEM_STRIPE,
						   &memory));
			if (attached)
				ASSERT_EQ(0, segment_attach(seg));
			if (roots)
				continue;
			ASSERT_EQ(0, shmctl(seg->id, IPC_STAT, &ds));
			ds.shm_perm.uid = NOBODY;
			ASSERT_EQ(0, shmctl(seg->id, IPC_SET, &ds));
		}
	}
	binding_text(MEM_STRIPE, &memory, self->bound);
}

FIXTURE_TEARDOWN(errors)
{
	for (int i = 0; i < 4; i++)
		segment_remove(&self->seg[i / 2][i % 2]);
}

/* Call shmbind() with the set of @errors; returns its errno, or 0. */
static int spoiled_call(FIXTURE_DATA(errors) * self, int errors)
{
	bool roots = errors & 1 << NOT_MINE, attached = errors & 1 << ATTACHED;
	int policy = errors & 1 << BAD_POLICY ? 0x80 : MEM_STRIPE;
	int shmid = errors & 1 << NO_SEGMENT ? INT_MAX :
		    self->seg[roots][attached].id;
	struct nodemask mask = memory_nodes();
	size_t words = sizeof(mask) / sizeof(long);
	int len = NODES_MAX;
	unsigned long *bits;

	if (errors & 1 << BAD_NODES)
		node_set(NODES_MAX - 1, &mask);
	bits = edge_words(&self->edge, words, &mask);
	if (errors & 1 << UNREADABLE)
		len = NODES_MAX + 1;
	if (errors & 1 << BAD_LENGTH)
		len = errors & 1 << UNREADABLE ? MASK_BITS_MAX + 1 : 0;
	return shmbind(shmid, policy, bits, len) ? errno : 0;
}

/* Run in another process, since the harness has to keep its capabilities. */
static int first_wrong_answer(FIXTURE_DATA(errors) * self)
{
	if (become(NOBODY))
		return 0;
	for (int errors = 1; errors < 1 << SPOILERS; errors++) {
		int earliest = __builtin_ctz(errors);

		if (spoiled_call(self, errors) != spoiler_errno[earliest])
			return errors;
	}
	return spoiled_call(self, 0) ? 0 : 1 << SPOILERS;
}

/* With several errors, the call returns that of the earliest check. */
TEST_F(errors, earliest_check_determines_the_errno)
{
	pid_t pid = fork();
	int wrong;

	if (!pid)
		_exit(first_wrong_answer(self));
	wrong = wait_for(pid);
	EXPECT_EQ(1 << SPOILERS, wrong) {
		TH_LOG("errors %#x together, or nothing wrong if 0", wrong);
	}
}

/* No combination of errors changes an earlier binding. */
TEST_F(errors, failed_calls_keep_the_earlier_binding)
{
	char now[BINDING_MAX];

	for (int errors = 1; errors < 1 << SPOILERS; errors++) {
		/* root has permission, so alone this is not an error */
		if (errors == 1 << NOT_MINE)
			continue;
		EXPECT_NE(0, spoiled_call(self, errors));
	}
	for (int i = 0; i < 4; i++) {
		int id = self->seg[i / 2][i % 2].id;

		EXPECT_STREQ(self->bound, segment_binding(id, now));
	}
}

FIXTURE(cpuset)
{
	struct segment seg;
	struct cgroup group;
	struct nodemask inside;
	struct nodemask outside;
};

FIXTURE_SETUP(cpuset)
{
	struct nodemask memory = memory_nodes();

	REQUIRE("nodes=2");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, segment_create(&self->seg, 1));
	self->inside = nodes_of(first_node(&memory));
	self->outside = nodes_andnot(memory, self->inside);
	EXPECT_EQ(0, cgroup_create(&self->group, "cpuset"));
	EXPECT_EQ(0, cgroup_set_mems(&self->group, &self->inside));
	EXPECT_EQ(0, cgroup_join(&self->group));
}

FIXTURE_TEARDOWN(cpuset)
{
	/* a group can be removed when its last process has left it */
	EXPECT_EQ(0, cgroup_leave());
	cgroup_remove(&self->group);
	segment_remove(&self->seg);
}

/* A node outside the caller's cpuset is refused, alone and among others. */
TEST_F(cpuset, node_outside_callers_cpuset_is_einval)
{
	struct nodemask mixed = self->inside;
	int node;

	EXPECT_EQ(0, shmbind_nodes(self->seg.id, 0, &self->inside));
	for (node = -1; next_node(&node, &self->outside);) {
		struct nodemask alone = nodes_of(node);

		EXPECT_EQ(-1, shmbind_nodes(self->seg.id, 0, &alone))
			TH_LOG("node %d", node);
		EXPECT_EQ(EINVAL, errno);
		EXPECT_FALSE(accepted_with(self->seg.id, mixed.bits, NODES_MAX,
					   node)) TH_LOG("node %d", node);
	}
}

/* A node is accepted as soon as the caller's cpuset has it. */
TEST_F(cpuset, node_added_to_cpuset_is_accepted)
{
	struct nodemask gained = nodes_of(first_node(&self->outside));

	EXPECT_EQ(-1, shmbind_nodes(self->seg.id, 0, &gained));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, cgroup_set_mems(&self->group, &gained));
	EXPECT_EQ(0, shmbind_nodes(self->seg.id, 0, &gained));
	EXPECT_EQ(-1, shmbind_nodes(self->seg.id, 0, &self->inside));
	EXPECT_EQ(EINVAL, errno);
}

/* The cpuset of the process that binds counts, not that of the creator. */
TEST_F(cpuset, cpuset_is_the_callers_not_the_creators)
{
	struct nodemask memory = memory_nodes();

	EXPECT_EQ(0, cgroup_leave());
	EXPECT_EQ(0, shmbind_nodes(self->seg.id, 0, &memory));
	EXPECT_EQ(0, cgroup_join(&self->group));
	EXPECT_EQ(-1, shmbind_nodes(self->seg.id, 0, &memory));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
