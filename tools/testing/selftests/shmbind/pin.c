// SPDX-License-Identifier: GPL-2.0
/*
 * Long-term pins, as io_uring, RDMA and VFIO use them. A pinned page cannot
 * stay in ZONE_MOVABLE, and a HARD page cannot leave its mask.
 */
#include <poll.h>

#include "ballast.h"
#include "caller.h"
#include "cgroup.h"
#include "gup.h"
#include "hotplug.h"
#include "moved.h"
#include "pool.h"
#include "thp.h"

#define PAGES		64
#define HUGE		FOLIO_SIZE
#define PIN_MS		20000	/* after this, a pin is considered to hang */

enum { NEVER_ENDED = -1, NO_PIN = -2 };

/* A process that pins memory until pin_end(). */
struct pin {
	pid_t pid;
	int hold;	/* a pipe: the process exits when it is closed */
	int result;	/* an errno, 0, NEVER_ENDED or NO_PIN */
};

/* Pin as a user without privileges; root has opened @test. */
static void pin_as_nobody(int test, struct segment *seg, int flags, int report,
			  int hold)
{
	int result;

	if (become(NOBODY))
		_exit(1);
	result = gup_pin(test, seg->addr, seg->size, flags) ? errno : 0;
	if (write(report, &result, sizeof(result)) != sizeof(result))
		_exit(1);
	_exit(read(hold, &result, 1) ? 1 : 0);
}

/* Pin the segment, slow as drivers do, or fast as RDMA does. */
static int pin_start(struct pin *pin, struct segment *seg, int flags)
{
	int report[2], hold[2], test = open(GUP_TEST, O_RDWR);
	struct pollfd poll_report;

	pin->result = NEVER_ENDED;
	if (test < 0 || pipe(report) || pipe(hold))
		return -1;
	pin->pid = fork();
	if (!pin->pid) {
		close(report[0]);
		close(hold[1]);
		pin_as_nobody(test, seg, flags, report[1], hold[0]);
	}
	/* the pins are released with the last descriptor */
	close(test);
	close(report[1]);
	close(hold[0]);
	pin->hold = hold[1];
	poll_report = (struct pollfd){ .fd = report[0], .events = POLLIN };
	if (poll(&poll_report, 1, PIN_MS) == 1 &&
	    read(report[0], &pin->result, sizeof(int)) != sizeof(int))
		pin->result = NO_PIN;
	close(report[0]);
	return 0;
}

static int pin_end(struct pin *pin)
{
	close(pin->hold);
	if (pin->result == NEVER_ENDED)
		kill(pin->pid, SIGKILL);
	return wait_for(pin->pid);
}

/* Pin and unpin; returns the errno of the pin. */
static int try_pin(struct segment *seg, int flags)
{
	struct pin pin;

	if (pin_start(&pin, seg, flags))
		return NO_PIN;
	pin_end(&pin);
	return pin.result;
}

struct pin_env {
	int block;
	int node;		/* that has only ZONE_MOVABLE */
	struct nodemask movable;	/* that node */
	struct nodemask normal;	/* all others with memory */
	struct segment seg, ballast;
};

static void env_setup(struct __test_metadata *_metadata, struct pin_env *env)
{
	struct nodemask normal;

	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	env->seg.id = -1;
	env->ballast.id = -1;
	env->normal = memory_nodes();
	env->block = offline_block();
	env->node = node_of_block(env->block);
	ASSERT_LE(0, env->node);
	env->movable = nodes_of(env->node);
	ASSERT_EQ(0, set_block(env->block, "online_movable"));
	normal = nodes_in("has_normal_memory");
	ASSERT_FALSE(node_isset(env->node, &normal));
}

static void env_teardown(struct __test_metadata *_metadata, struct pin_env *env)
{
	struct nodemask memory = memory_nodes();

	segment_remove(&env->seg);
	segment_remove(&env->ballast);
	write_file(THP_DIR "shmem_enabled", "never");
	EXPECT_EQ(0, pools_fill(HUGE, &memory, 0));
	EXPECT_EQ(0, set_block(env->block, "offline"));
}

FIXTURE(pin)
{
	struct pin_env env;
};

FIXTURE_VARIANT(pin)
{
	int policy;
	bool large;	/* folios */
	int flags;	/* of the pin */
};

FIXTURE_VARIANT_ADD(pin, firstref)	{ .policy = MEM_FIRSTREF };
FIXTURE_VARIANT_ADD(pin, stripe)	{ .policy = MEM_STRIPE };
FIXTURE_VARIANT_ADD(pin, fast_stripe)
{
	.policy = MEM_STRIPE,
	.flags = PIN_LONGTERM_TEST_FLAG_USE_FAST,
};

FIXTURE_VARIANT_ADD(pin, mostfree)	{ .policy = MEM_MOSTFREE };
FIXTURE_VARIANT_ADD(pin, large_stripe)
{
	.policy = MEM_STRIPE,
	.large = true,
	.flags = PIN_LONGTERM_TEST_FLAG_USE_FAST,
};

FIXTURE_SETUP(pin)
{
	REQUIRE("offline");
	env_setup(_metadata, &self->env);
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled",
				variant->large ? "always" : "never"));
}

FIXTURE_TEARDOWN(pin)
{
	env_teardown(_metadata, &self->env);
}

static size_t pages_of(const FIXTURE_VARIANT(pin) * variant)
{
	return variant->large ? 2 * FOLIO_SIZE / page_size() : PAGES;
}

static void open_for(struct __test_metadata *_metadata, struct pin_env *env,
		     const FIXTURE_VARIANT(pin) * variant, int strength,
		     const struct nodemask *mask)
{
	open_aligned(_metadata, &env->seg, pages_of(variant),
		     variant->policy | strength, mask);
}

/* open_for() with all pages on the node that cannot keep them. */
static void open_on_movable(struct __test_metadata *_metadata,
			    struct pin_env *env,
			    const FIXTURE_VARIANT(pin) * variant, int strength,
			    const struct nodemask *mask)
{
	size_t pages = pages_of(variant);
	int tries = 100;

	open_for(_metadata, env, variant, strength, mask);
	write_pages(&env->seg);
	/* A folio that the kernel has in use for a moment is not moved */
	do {
		ASSERT_LE(0, segment_move(&env->seg, pages, env->node));
	} while (pages_on(&env->seg, env->node) != pages && tries-- &&
		 !usleep(10000));
	ASSERT_EQ(pages, pages_on(&env->seg, env->node));
	ASSERT_EQ(pages, intact_pages(&env->seg));
}

/* A pin of HARD pages fails if no node of the mask can keep them. */
TEST_F(pin, hard_pin_without_room_fails)
{
	struct pin_env *env = &self->env;
	size_t pages = pages_of(variant);

	open_on_movable(_metadata, env, variant, MEM_HARDBIND,
			&env->movable);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(ENOMEM, try_pin(&env->seg, variant->flags));
	EXPECT_EQ(pages, intact_pages(&env->seg));
	EXPECT_EQ(pages, pages_on(&env->seg, env->node));
}

/* A pin moves HARD pages to the node of the mask that can keep them. */
TEST_F(pin, hard_pin_moves_within_the_mask)
{
	struct pin_env *env = &self->env;
	size_t pages = pages_of(variant);
	struct nodemask mask;
	struct pin pin;
	int node;

	/* one of these nodes is the nearest, the others are not */
	for (node = -1; next_node(&node, &env->normal);) {
		mask = env->movable;
		node_set(node, &mask);
		open_on_movable(_metadata, env, variant, MEM_HARDBIND, &mask);
		ASSERT_EQ(0, pin_start(&pin, &env->seg, variant->flags));
		EXPECT_EQ(0, pin.result);
		EXPECT_EQ(pages, intact_pages(&env->seg));
		EXPECT_EQ(pages, pages_on(&env->seg, node));
		EXPECT_EQ(0, pin_end(&pin));
		segment_remove(&env->seg);
	}
}

/* A pin of HARD pages fails if the node that could keep them is full. */
TEST_F(pin, hard_pin_with_full_mask_fails)
{
	struct pin_env *env = &self->env;
	struct nodemask mask = env->movable;
	int other = last_node(&env->normal);
	size_t pages = pages_of(variant);

	node_set(other, &mask);
	open_on_movable(_metadata, env, variant, MEM_HARDBIND, &mask);
	ASSERT_LT(0, fill_node_locked(&env->ballast, other));
	EXPECT_EQ(ENOMEM, try_pin(&env->seg, variant->flags));
	EXPECT_EQ(pages, intact_pages(&env->seg));
	EXPECT_EQ(pages, pages_on(&env->seg, env->node) +
			 pages_on(&env->seg, other));
}

/*
 * A pin of HARD pages fails in a cpuset without the mask. The allocator ignores
 * a mask of which the cpuset allows no node.
 */
TEST_F(pin, hard_pin_ignores_room_in_the_cpuset)
{
	struct pin_env *env = &self->env;
	size_t pages = pages_of(variant);
	struct cgroup cpuset = {};
	pid_t child;

	open_on_movable(_metadata, env, variant, MEM_HARDBIND,
			&env->movable);
	ASSERT_EQ(0, cgroup_create(&cpuset, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&cpuset, &env->normal));
	child = fork();
	if (child == 0) {
		/* pages that it has mapped would move to the cpuset */
		segment_detach(&env->seg);
		if (cgroup_join(&cpuset) || segment_attach(&env->seg))
			_exit(1);
		_exit(try_pin(&env->seg, variant->flags));
	}
	EXPECT_EQ(ENOMEM, wait_for(child));
	cgroup_remove(&cpuset);
	EXPECT_EQ(pages, intact_pages(&env->seg));
	EXPECT_EQ(pages, pages_on(&env->seg, env->node));
}

/* A pin moves SOFT pages to any node that can keep them. */
TEST_F(pin, soft_pin_moves_pages_anywhere)
{
	struct pin_env *env = &self->env;

	open_on_movable(_metadata, env, variant, MEM_SOFTBIND,
			&env->movable);
	EXPECT_EQ(0, try_pin(&env->seg, variant->flags));
	EXPECT_EQ(pages_of(variant), intact_pages(&env->seg));
	EXPECT_EQ(0, pages_on(&env->seg, env->node));
}

/* A pin moves unbound pages anywhere, also after a HARD binding. */
TEST_F(pin, unbound_pin_moves_pages_anywhere)
{
	struct pin_env *env = &self->env;

	open_for(_metadata, env, variant, MEM_HARDBIND, &env->movable);
	segment_remove(&env->seg);
	ASSERT_EQ(0, segment_create(&env->seg, PAGES));
	ASSERT_EQ(0, segment_attach(&env->seg));
	write_pages(&env->seg);
	ASSERT_EQ(0, segment_move(&env->seg, PAGES, env->node));
	EXPECT_EQ(0, try_pin(&env->seg, variant->flags));
	EXPECT_EQ(PAGES, intact_pages(&env->seg));
	EXPECT_EQ(0, pages_on(&env->seg, env->node));
}

/* Pages that a pin allocates are on nodes of the mask that can keep them. */
TEST_F(pin, pin_allocates_where_pages_can_stay)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct pin_env *env = &self->env;
	size_t pages = pages_of(variant);
	struct nodemask mask;
	int node;

	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		for (node = -1; next_node(&node, &env->normal);) {
			mask = env->movable;
			node_set(node, &mask);
			open_for(_metadata, env, variant, strengths[i],
				 &mask);
			EXPECT_EQ(0, try_pin(&env->seg, variant->flags));
			EXPECT_EQ(pages, pages_on(&env->seg, node));
			segment_remove(&env->seg);
		}
	}
}

/*
 * After a pin, faults use all nodes. The stripe does not catch up on the node
 * that was not a candidate.
 */
TEST_F(pin, faults_after_a_pin_use_all_nodes)
{
	struct pin_env *env = &self->env;
	int count = pages_of(variant), nodes[count];
	struct nodemask mask = env->movable;
	struct segment *seg = &env->seg, half;

	if (variant->policy != MEM_STRIPE || variant->large)
		return;	/* this test is for stripes of base pages */
	node_set(first_node(&env->normal), &mask);
	open_for(_metadata, env, variant, MEM_HARDBIND, &mask);
	half = *seg;
	half.size /= 2;
	EXPECT_EQ(0, try_pin(&half, variant->flags));
	touch_pages(seg->addr, count);
	ASSERT_EQ(0, placement(seg->addr, count, nodes));
	EXPECT_GE(2, spread(nodes + count / 2, count / 2, &mask));
	EXPECT_EQ(0, strays(nodes, count, &mask));
}

/*
 * A pin that has to allocate fails if no node of the mask can keep a page;
 * faults do not.
 */
TEST_F(pin, pin_without_candidate_is_efault)
{
	struct pin_env *env = &self->env;
	size_t pages = pages_of(variant);

	open_for(_metadata, env, variant, MEM_HARDBIND, &env->movable);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(EFAULT, try_pin(&env->seg, variant->flags));
	/* faults without a pin are not affected */
	EXPECT_EQ(pages, try_touch_pages(env->seg.addr, pages));
	EXPECT_EQ(pages, pages_on(&env->seg, env->node));
}

/* SHM_HUGETLB, with pools on the movable node and on all others. */

FIXTURE(hugetlb)
{
	struct pin_env env;
};

FIXTURE_VARIANT(hugetlb)
{
	int policy;
	int flags;	/* of the pin */
};

FIXTURE_VARIANT_ADD(hugetlb, firstref)	{ .policy = MEM_FIRSTREF };
FIXTURE_VARIANT_ADD(hugetlb, stripe)	{ .policy = MEM_STRIPE };
FIXTURE_VARIANT_ADD(hugetlb, mostfree)
{
	.policy = MEM_MOSTFREE,
	.flags = PIN_LONGTERM_TEST_FLAG_USE_FAST,
};

#define COUNT	2	/* huge pages of a segment */

FIXTURE_SETUP(hugetlb)
{
	struct pin_env *env = &self->env;

	REQUIRE("offline");
	env_setup(_metadata, env);
	ASSERT_EQ(0, pools_fill(HUGE, &env->movable, COUNT));
	ASSERT_EQ(0, pools_fill(HUGE, &env->normal, COUNT));
}

FIXTURE_TEARDOWN(hugetlb)
{
	env_teardown(_metadata, &self->env);
}

/* How many huge pages are on @node. */
static long huge_on(struct segment *seg, int node)
{
	return pages_on(seg, node) / (long)(HUGE / page_size());
}

/* A pin of HARD pages fails if no node of the mask can keep them. */
TEST_F(hugetlb, hard_pin_without_room_fails)
{
	struct pin_env *env = &self->env;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, COUNT, 0,
			       variant->policy | MEM_HARDBIND,
			       &env->movable));
	write_pages(&env->seg);
	ASSERT_EQ(COUNT, huge_on(&env->seg, env->node));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(ENOMEM, try_pin(&env->seg, variant->flags));
	EXPECT_EQ(COUNT * HUGE / page_size(), intact_pages(&env->seg));
	EXPECT_EQ(COUNT, huge_on(&env->seg, env->node));
}

/* A pin moves HARD pages to the node of the mask that can keep them. */
TEST_F(hugetlb, hard_pin_moves_within_the_mask)
{
	struct pin_env *env = &self->env;
	struct nodemask mask;
	int node;

	for (node = -1; next_node(&node, &env->normal);) {
		mask = env->movable;
		node_set(node, &mask);
		ASSERT_EQ(0, huge_open(&env->seg, HUGE, COUNT, 0,
				       variant->policy | MEM_HARDBIND, &mask));
		write_pages(&env->seg);
		EXPECT_EQ(0, try_pin(&env->seg, variant->flags));
		EXPECT_EQ(COUNT * HUGE / page_size(),
			  intact_pages(&env->seg));
		EXPECT_EQ(COUNT, huge_on(&env->seg, node));
		segment_remove(&env->seg);
	}
}

/* A pin moves SOFT pages to any node that can keep them. */
TEST_F(hugetlb, soft_pin_moves_pages_anywhere)
{
	struct pin_env *env = &self->env;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, COUNT, 0,
			       variant->policy | MEM_SOFTBIND,
			       &env->movable));
	write_pages(&env->seg);
	ASSERT_EQ(COUNT, huge_on(&env->seg, env->node));
	EXPECT_EQ(0, try_pin(&env->seg, variant->flags));
	EXPECT_EQ(COUNT * HUGE / page_size(), intact_pages(&env->seg));
	EXPECT_EQ(0, huge_on(&env->seg, env->node));
}

/* Pages that a pin allocates are on nodes of the mask that can keep them. */
TEST_F(hugetlb, pin_allocates_where_pages_can_stay)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct pin_env *env = &self->env;
	struct nodemask mask;
	int node;

	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		for (node = -1; next_node(&node, &env->normal);) {
			mask = env->movable;
			node_set(node, &mask);
			ASSERT_EQ(0, huge_open(&env->seg, HUGE, COUNT, 0,
					       variant->policy | strengths[i],
					       &mask));
			EXPECT_EQ(0, try_pin(&env->seg, variant->flags));
			EXPECT_EQ(COUNT, huge_on(&env->seg, node));
			segment_remove(&env->seg);
		}
	}
}

/*
 * A pin that has to allocate fails if no node of the mask can keep a page;
 * faults do not.
 */
TEST_F(hugetlb, pin_without_candidate_is_efault)
{
	struct pin_env *env = &self->env;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, COUNT, 0,
			       variant->policy | MEM_HARDBIND,
			       &env->movable));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(EFAULT, try_pin(&env->seg, variant->flags));
	for (int huge = 0; huge < COUNT; huge++)
		EXPECT_TRUE(try_touch(env->seg.addr,
				      huge * (HUGE / page_size())));
	EXPECT_EQ(COUNT, huge_on(&env->seg, env->node));
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
