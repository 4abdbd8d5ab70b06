// SPDX-License-Identifier: GPL-2.0
/*
 * Long-term pins, such as io_uring, RDMA and VFIO take. A pinned page cannot stay
 * in ZONE_MOVABLE, and a HARD page cannot leave the mask.
 */
#include <linux/types.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "ballast.h"
#include "caller.h"
#include "cgroup.h"
#include "hotplug.h"
#include "moved.h"
#include "pool.h"
#include "thp.h"

#define PAGES		64
#define HUGE		FOLIO_SIZE
#define PIN_MS		20000	/* a pin that takes longer never ends */

#define GUP_TEST	"/sys/kernel/debug/gup_test"

/* The interface of the kernel's mm/gup_test.c. */
struct pin_longterm_test {
	__u64 addr;
	__u64 size;
	__u32 flags;
};

#define PIN_LONGTERM_TEST_START	_IOW('g', 7, struct pin_longterm_test)
#define PIN_LONGTERM_TEST_FLAG_USE_WRITE	1
#define PIN_LONGTERM_TEST_FLAG_USE_FAST		2

enum { NEVER_ENDED = -1, NO_PIN = -2 };

/* A process that pins memory until pin_end(). */
struct pin {
	pid_t pid;
	int hold;	/* a pipe whose end it waits for */
	int result;	/* an errno, 0, or one of the two above */
};

/* As a user without any privilege; @test was opened by one with. */
static void pin_as_nobody(int test, struct segment *seg, int flags, int report,
			  int hold)
{
	struct pin_longterm_test pin = {
		.addr = (unsigned long)seg->addr,
		.size = seg->size,
		.flags = flags | PIN_LONGTERM_TEST_FLAG_USE_WRITE,
	};
	int result;

	if (become(NOBODY))
		_exit(1);
	result = ioctl(test, PIN_LONGTERM_TEST_START, &pin) ? errno : 0;
	if (write(report, &result, sizeof(result)) != sizeof(result))
		_exit(1);
	_exit(read(hold, &result, 1) ? 1 : 0);
}

/* Pin the segment, as drivers do (slow), or RDMA (fast). */
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
	/* the pins go with the last descriptor */
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

/* Pin and unpin; the errno of the former. */
static int try_pin(struct segment *seg, int flags)
{
	struct pin pin;

	if (pin_start(&pin, seg, flags))
		return NO_PIN;
	pin_end(&pin);
	return pin.result;
}

struct scene {
	int block;
	int node;		/* it has ZONE_MOVABLE alone */
	struct nodemask movable;	/* that node */
	struct nodemask normal;	/* all others with memory */
	struct segment seg, ballast;
};

static void set_scene(struct __test_metadata *_metadata, struct scene *scene)
{
	struct nodemask normal;

	REQUIRE("offline");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	scene->seg.id = -1;
	scene->ballast.id = -1;
	scene->normal = memory_nodes();
	scene->block = offline_block();
	scene->node = node_of_block(scene->block);
	ASSERT_LE(0, scene->node);
	scene->movable = nodes_of(scene->node);
	ASSERT_EQ(0, set_block(scene->block, "online_movable"));
	normal = nodes_in("has_normal_memory");
	ASSERT_FALSE(node_isset(scene->node, &normal));
}

static void clear_scene(struct __test_metadata *_metadata, struct scene *scene)
{
	struct nodemask memory = memory_nodes();

	segment_remove(&scene->seg);
	segment_remove(&scene->ballast);
	write_file(THP_DIR "shmem_enabled", "never");
	EXPECT_EQ(0, pools_fill(HUGE, &memory, 0));
	EXPECT_EQ(0, set_block(scene->block, "offline"));
}

FIXTURE(pin)
{
	struct scene scene;
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
	set_scene(_metadata, &self->scene);
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled",
				variant->large ? "always" : "never"));
}

FIXTURE_TEARDOWN(pin)
{
	clear_scene(_metadata, &self->scene);
}

static size_t pages_of(const FIXTURE_VARIANT(pin) * variant)
{
	return variant->large ? 2 * FOLIO_SIZE / page_size() : PAGES;
}

static void open_for(struct __test_metadata *_metadata, struct scene *scene,
		     const FIXTURE_VARIANT(pin) * variant, int strength,
		     const struct nodemask *mask)
{
	open_aligned(_metadata, &scene->seg, pages_of(variant),
		     variant->policy | strength, mask);
}

/* The same with all pages on the node that cannot keep them. */
static void open_on_movable(struct __test_metadata *_metadata,
			    struct scene *scene,
			    const FIXTURE_VARIANT(pin) * variant, int strength,
			    const struct nodemask *mask)
{
	size_t pages = pages_of(variant);

	open_for(_metadata, scene, variant, strength, mask);
	write_pages(&scene->seg);
	ASSERT_LE(0, segment_move(&scene->seg, pages, scene->node));
	ASSERT_EQ(pages, pages_on(&scene->seg, scene->node));
	ASSERT_EQ(pages, intact_pages(&scene->seg));
}

TEST_F(pin, of_hard_pages_fails_without_a_place)
{
	struct scene *scene = &self->scene;
	size_t pages = pages_of(variant);

	open_on_movable(_metadata, scene, variant, MEM_HARDBIND,
			&scene->movable);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(ENOMEM, try_pin(&scene->seg, variant->flags));
	EXPECT_EQ(pages, intact_pages(&scene->seg));
	EXPECT_EQ(pages, pages_on(&scene->seg, scene->node));
}

TEST_F(pin, of_hard_pages_moves_within_the_mask)
{
	struct scene *scene = &self->scene;
	size_t pages = pages_of(variant);
	struct nodemask mask;
	struct pin pin;
	int node;

	/* whichever is nearest: the others are not */
	for (node = -1; next_node(&node, &scene->normal);) {
		mask = scene->movable;
		node_set(node, &mask);
		open_on_movable(_metadata, scene, variant, MEM_HARDBIND, &mask);
		ASSERT_EQ(0, pin_start(&pin, &scene->seg, variant->flags));
		EXPECT_EQ(0, pin.result);
		EXPECT_EQ(pages, intact_pages(&scene->seg));
		EXPECT_EQ(pages, pages_on(&scene->seg, node));
		EXPECT_EQ(0, pin_end(&pin));
		segment_remove(&scene->seg);
	}
}

TEST_F(pin, of_hard_pages_fails_if_the_mask_is_full)
{
	struct scene *scene = &self->scene;
	struct nodemask mask = scene->movable;
	int other = last_node(&scene->normal);
	size_t pages = pages_of(variant);

	node_set(other, &mask);
	open_on_movable(_metadata, scene, variant, MEM_HARDBIND, &mask);
	ASSERT_LT(0, fill_node_locked(&scene->ballast, other));
	EXPECT_EQ(ENOMEM, try_pin(&scene->seg, variant->flags));
	EXPECT_EQ(pages, intact_pages(&scene->seg));
	EXPECT_EQ(pages, pages_on(&scene->seg, scene->node) +
			 pages_on(&scene->seg, other));
}

/* The allocator ignores a mask of which the cpuset allows no node. */
TEST_F(pin, of_hard_pages_leaves_the_mask_for_no_cpuset)
{
	struct scene *scene = &self->scene;
	size_t pages = pages_of(variant);
	struct cgroup cpuset = {};
	pid_t child;

	open_on_movable(_metadata, scene, variant, MEM_HARDBIND,
			&scene->movable);
	ASSERT_EQ(0, cgroup_create(&cpuset, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&cpuset, &scene->normal));
	child = fork();
	if (child == 0) {
		/* what it has mapped would move with it */
		segment_detach(&scene->seg);
		if (cgroup_join(&cpuset) || segment_attach(&scene->seg))
			_exit(1);
		_exit(try_pin(&scene->seg, variant->flags));
	}
	EXPECT_EQ(ENOMEM, wait_for(child));
	cgroup_remove(&cpuset);
	EXPECT_EQ(pages, intact_pages(&scene->seg));
	EXPECT_EQ(pages, pages_on(&scene->seg, scene->node));
}

TEST_F(pin, of_soft_pages_moves_them_anywhere)
{
	struct scene *scene = &self->scene;

	open_on_movable(_metadata, scene, variant, MEM_SOFTBIND,
			&scene->movable);
	EXPECT_EQ(0, try_pin(&scene->seg, variant->flags));
	EXPECT_EQ(pages_of(variant), intact_pages(&scene->seg));
	EXPECT_EQ(0, pages_on(&scene->seg, scene->node));
}

/* Also once there has been a HARD binding. */
TEST_F(pin, of_unbound_pages_moves_them_anywhere)
{
	struct scene *scene = &self->scene;

	open_for(_metadata, scene, variant, MEM_HARDBIND, &scene->movable);
	segment_remove(&scene->seg);
	ASSERT_EQ(0, segment_create(&scene->seg, PAGES));
	ASSERT_EQ(0, segment_attach(&scene->seg));
	write_pages(&scene->seg);
	ASSERT_EQ(0, segment_move(&scene->seg, PAGES, scene->node));
	EXPECT_EQ(0, try_pin(&scene->seg, variant->flags));
	EXPECT_EQ(PAGES, intact_pages(&scene->seg));
	EXPECT_EQ(0, pages_on(&scene->seg, scene->node));
}

TEST_F(pin, allocates_on_nodes_that_can_keep_a_page)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct scene *scene = &self->scene;
	size_t pages = pages_of(variant);
	struct nodemask mask;
	int node;

	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		for (node = -1; next_node(&node, &scene->normal);) {
			mask = scene->movable;
			node_set(node, &mask);
			open_for(_metadata, scene, variant, strengths[i],
				 &mask);
			EXPECT_EQ(0, try_pin(&scene->seg, variant->flags));
			EXPECT_EQ(pages, pages_on(&scene->seg, node));
			segment_remove(&scene->seg);
		}
	}
}

/* The stripe has not waited for the node that was not a candidate. */
TEST_F(pin, leaves_later_faults_all_nodes)
{
	struct scene *scene = &self->scene;
	int count = pages_of(variant), nodes[count];
	struct nodemask mask = scene->movable;
	struct segment *seg = &scene->seg, half;

	if (variant->policy != MEM_STRIPE || variant->large)
		return;	/* it says nothing of others */
	node_set(first_node(&scene->normal), &mask);
	open_for(_metadata, scene, variant, MEM_HARDBIND, &mask);
	half = *seg;
	half.size /= 2;
	EXPECT_EQ(0, try_pin(&half, variant->flags));
	touch_pages(seg->addr, count);
	ASSERT_EQ(0, placement(seg->addr, count, nodes));
	EXPECT_GE(2, spread(nodes + count / 2, count / 2, &mask));
	EXPECT_EQ(0, strays(nodes, count, &mask));
}

TEST_F(pin, fails_if_no_node_can_keep_a_page)
{
	struct scene *scene = &self->scene;
	size_t pages = pages_of(variant);

	open_for(_metadata, scene, variant, MEM_HARDBIND, &scene->movable);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(EFAULT, try_pin(&scene->seg, variant->flags));
	/* which is not the fault of anyone who does not pin */
	EXPECT_EQ(pages, try_touch_pages(scene->seg.addr, pages));
	EXPECT_EQ(pages, pages_on(&scene->seg, scene->node));
}

/* SHM_HUGETLB: the pool of the movable node and that of one other. */

FIXTURE(huge_pin)
{
	struct scene scene;
};

FIXTURE_VARIANT(huge_pin)
{
	int policy;
	int flags;	/* of the pin */
};

FIXTURE_VARIANT_ADD(huge_pin, firstref)	{ .policy = MEM_FIRSTREF };
FIXTURE_VARIANT_ADD(huge_pin, stripe)	{ .policy = MEM_STRIPE };
FIXTURE_VARIANT_ADD(huge_pin, mostfree)
{
	.policy = MEM_MOSTFREE,
	.flags = PIN_LONGTERM_TEST_FLAG_USE_FAST,
};

#define COUNT	2	/* huge pages of a segment */

FIXTURE_SETUP(huge_pin)
{
	struct scene *scene = &self->scene;

	set_scene(_metadata, scene);
	ASSERT_EQ(0, pools_fill(HUGE, &scene->movable, COUNT));
	ASSERT_EQ(0, pools_fill(HUGE, &scene->normal, COUNT));
}

FIXTURE_TEARDOWN(huge_pin)
{
	clear_scene(_metadata, &self->scene);
}

/* How many huge pages are on @node. */
static long huge_on(struct segment *seg, int node)
{
	return pages_on(seg, node) / (long)(HUGE / page_size());
}

TEST_F(huge_pin, of_hard_pages_fails_without_a_place)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, huge_open(&scene->seg, HUGE, COUNT, 0,
			       variant->policy | MEM_HARDBIND,
			       &scene->movable));
	write_pages(&scene->seg);
	ASSERT_EQ(COUNT, huge_on(&scene->seg, scene->node));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(ENOMEM, try_pin(&scene->seg, variant->flags));
	EXPECT_EQ(COUNT * HUGE / page_size(), intact_pages(&scene->seg));
	EXPECT_EQ(COUNT, huge_on(&scene->seg, scene->node));
}

TEST_F(huge_pin, of_hard_pages_moves_within_the_mask)
{
	struct scene *scene = &self->scene;
	struct nodemask mask;
	int node;

	for (node = -1; next_node(&node, &scene->normal);) {
		mask = scene->movable;
		node_set(node, &mask);
		ASSERT_EQ(0, huge_open(&scene->seg, HUGE, COUNT, 0,
				       variant->policy | MEM_HARDBIND, &mask));
		write_pages(&scene->seg);
		EXPECT_EQ(0, try_pin(&scene->seg, variant->flags));
		EXPECT_EQ(COUNT * HUGE / page_size(),
			  intact_pages(&scene->seg));
		EXPECT_EQ(COUNT, huge_on(&scene->seg, node));
		segment_remove(&scene->seg);
	}
}

TEST_F(huge_pin, of_soft_pages_moves_them_anywhere)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, huge_open(&scene->seg, HUGE, COUNT, 0,
			       variant->policy | MEM_SOFTBIND,
			       &scene->movable));
	write_pages(&scene->seg);
	ASSERT_EQ(COUNT, huge_on(&scene->seg, scene->node));
	EXPECT_EQ(0, try_pin(&scene->seg, variant->flags));
	EXPECT_EQ(COUNT * HUGE / page_size(), intact_pages(&scene->seg));
	EXPECT_EQ(0, huge_on(&scene->seg, scene->node));
}

TEST_F(huge_pin, allocates_on_nodes_that_can_keep_a_page)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct scene *scene = &self->scene;
	struct nodemask mask;
	int node;

	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		for (node = -1; next_node(&node, &scene->normal);) {
			mask = scene->movable;
			node_set(node, &mask);
			ASSERT_EQ(0, huge_open(&scene->seg, HUGE, COUNT, 0,
					       variant->policy | strengths[i],
					       &mask));
			EXPECT_EQ(0, try_pin(&scene->seg, variant->flags));
			EXPECT_EQ(COUNT, huge_on(&scene->seg, node));
			segment_remove(&scene->seg);
		}
	}
}

TEST_F(huge_pin, fails_if_no_node_can_keep_a_page)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, huge_open(&scene->seg, HUGE, COUNT, 0,
			       variant->policy | MEM_HARDBIND,
			       &scene->movable));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(EFAULT, try_pin(&scene->seg, variant->flags));
	for (int huge = 0; huge < COUNT; huge++)
		EXPECT_TRUE(try_touch(scene->seg.addr,
				      huge * (HUGE / page_size())));
	EXPECT_EQ(COUNT, huge_on(&scene->seg, scene->node));
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
