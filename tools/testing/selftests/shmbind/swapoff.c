// SPDX-License-Identifier: GPL-2.0
/*
 * swapoff(2) by an administrator: pages go to the nodes of their binding while
 * there is room, then to other nodes. A binding never makes the call fail.
 */
#include "swapped.h"
#include "thp.h"

#define MANY	(12 * PAGES)
#define CACHED	(8UL << 20)	/* bytes of a device */
#define ROOM	512	/* pages that a full node gets back */

FIXTURE(pages)
{
	struct swap_env env;
	struct nodemask mask;	/* of the node that is filled */
};

FIXTURE_VARIANT(pages)
{
	int (*on)(struct swap *swap, size_t size);
};

FIXTURE_VARIANT_ADD(pages, disk)	{ .on = swap_to_disk };
FIXTURE_VARIANT_ADD(pages, zram)	{ .on = swap_to_zram };
FIXTURE_VARIANT_ADD(pages, zswap)	{ .on = swap_to_zswap };

FIXTURE_SETUP(pages)
{
	REQUIRE("nodes=2");
	env_setup(_metadata, &self->env, variant->on);
	self->mask = nodes_of(victim_node());
}

FIXTURE_TEARDOWN(pages)
{
	write_file(THP_DIR "shmem_enabled", "never");
	env_teardown(_metadata, &self->env);
}

/* Bring all of a block device into the page cache. */
static int read_whole(const char *path)
{
	char block[4096];
	int device = open(path, O_RDONLY);
	ssize_t got = 1;

	while (device >= 0 && got > 0)
		got = read(device, block, sizeof(block));
	close(device);
	return device < 0 || got ? -1 : 0;
}

/* How many pages of @seg are not on a node of @mask. */
static int pages_outside(struct __test_metadata *_metadata,
			 struct segment *seg, const struct nodemask *mask)
{
	int pages = seg->size / page_size(), nodes[pages];

	ASSERT_EQ(pages, residents(seg, false));
	/* map the pages, which moves none of them */
	expect_numbers(_metadata, seg);
	ASSERT_EQ(0, placement(seg->addr, pages, nodes));
	return strays(nodes, pages, mask);
}

/* Pages come back to their masks, also if their slots alternate. */
TEST_F(pages, swapoff_returns_pages_to_the_mask)
{
	struct swap_env *env = &self->env;

	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_HARDBIND,
				  &env->first));
	ASSERT_EQ(0, segment_open(&env->other, PAGES, MEM_HARDBIND,
				  &env->last));
	swap_out_side_by_side(_metadata, env);
	ASSERT_EQ(0, swapoff(env->swap.path));
	EXPECT_EQ(0, pages_outside(_metadata, &env->seg, &env->first));
	EXPECT_EQ(0, pages_outside(_metadata, &env->other, &env->last));
}

/* A stripe stays even. */
TEST_F(pages, swapoff_keeps_a_stripe_even)
{
	struct swap_env *env = &self->env;
	int nodes[4 * PAGES];

	ASSERT_EQ(0, segment_open(&env->seg, 4 * PAGES, MEM_STRIPE,
				  &env->memory));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	ASSERT_EQ(0, swapoff(env->swap.path));
	expect_numbers(_metadata, &env->seg);
	ASSERT_EQ(0, placement(env->seg.addr, 4 * PAGES, nodes));
	EXPECT_GE(1 + WINDOW, spread(nodes, 4 * PAGES, &env->memory));
}

/* swapoff() succeeds with a full mask and puts pages elsewhere. */
TEST_F(pages, swapoff_succeeds_with_a_full_mask)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct swap_env *env = &self->env;
	size_t policy = 0;

	/* one policy after the other, since a full node affects all */
	for (; policy < ARRAY_SIZE(policies); policy++) {
		ASSERT_EQ(0, segment_open(&env->seg, PAGES,
					  policies[policy] | MEM_HARDBIND,
					  &self->mask));
		write_numbers(&env->seg);
		swap_out(_metadata, &env->group, &env->seg);
		ASSERT_LT(0, fill_node_locked(&env->ballast,
					      first_node(&self->mask)));
		ASSERT_EQ(0, swapoff(env->swap.path));
		EXPECT_LT(0, pages_outside(_metadata, &env->seg,
					   &self->mask));
		ASSERT_EQ(0, give_back(&env->ballast));
		segment_remove(&env->seg);
		ASSERT_EQ(0, swapon(env->swap.path, 0));
	}
}

/* Pages go to the mask while it has room, and elsewhere after that. */
TEST_F(pages, swapoff_fills_the_mask_first)
{
	struct swap_env *env = &self->env;
	int outside;

	swap_out_of_crowded_node(_metadata, env, MANY, ROOM, &self->mask);
	ASSERT_EQ(0, swapoff(env->swap.path));
	outside = pages_outside(_metadata, &env->seg, &self->mask);
	EXPECT_LT(0, outside);
	EXPECT_LE(ROOM / 4, MANY - outside);
}

/* Pages that did not fit go to the mask when they are swapped in later. */
TEST_F(pages, swapoff_keeps_the_binding)
{
	struct swap_env *env = &self->env;

	swap_out_of_full_node(_metadata, env, PAGES, &self->mask);
	ASSERT_EQ(0, swapoff(env->swap.path));
	EXPECT_LT(0, pages_outside(_metadata, &env->seg, &self->mask));
	ASSERT_EQ(0, give_back(&env->ballast));
	ASSERT_EQ(0, swapon(env->swap.path, 0));
	swap_out(_metadata, &env->group, &env->seg);
	EXPECT_EQ(PAGES, try_touch_pages(env->seg.addr, PAGES));
	expect_all_on(_metadata, &env->seg, &self->mask);
}

/* A page that is in memory outside a full mask stays there. */
TEST_F(pages, swapoff_keeps_pages_read_ahead_outside)
{
	struct swap_env *env = &self->env;

	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_HARDBIND,
				  &self->mask));
	ASSERT_EQ(0, segment_open(&env->other, PAGES, MEM_HARDBIND,
				  &env->first));
	swap_out_side_by_side(_metadata, env);
	expect_numbers(_metadata, &env->other);
	ASSERT_LT(0, fill_node_locked(&env->ballast,
				      first_node(&self->mask)));
	ASSERT_EQ(0, swapoff(env->swap.path));
	EXPECT_LT(0, pages_outside(_metadata, &env->seg, &self->mask));
	EXPECT_EQ(0, pages_outside(_metadata, &env->other, &env->first));
}

/* swapoff() succeeds with large folios that fit neither whole nor in pieces. */
TEST_F(pages, swapoff_succeeds_with_large_folios)
{
	struct swap_env *env = &self->env;
	int pages = FOLIO_SIZE / page_size();

	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	open_aligned(_metadata, &env->seg, pages, MEM_HARDBIND, &self->mask);
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	ASSERT_LT(0, fill_node_locked(&env->ballast,
				      first_node(&self->mask)));
	ASSERT_EQ(0, swapoff(env->swap.path));
	EXPECT_LT(0, pages_outside(_metadata, &env->seg, &self->mask));
}

/*
 * A group at its limit gives up page cache for the pages, as without a binding.
 * They are more than the kernel charges in advance.
 */
TEST_F(pages, swapoff_reclaims_in_a_full_memcg)
{
	struct swap_env *env = &self->env;
	char path[LOOP_PATH_MAX], current[128], text[32];
	int disk;

	ASSERT_EQ(0, segment_open(&env->seg, MANY, MEM_HARDBIND, &self->mask));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	disk = loop_open(CACHED, O_RDWR, path);
	ASSERT_LT(0, disk);

	snprintf(current, sizeof(current), "%s/memory.current",
		 env->group.path);
	read_line(current, text, sizeof(text));
	snprintf(text, sizeof(text), "%lu", atol(text) + CACHED / 2);
	ASSERT_EQ(0, cgroup_write(&env->group, "memory.max", text));
	ASSERT_EQ(0, read_whole(path));
	EXPECT_EQ(0, swapoff(env->swap.path));
	EXPECT_EQ(0, pages_outside(_metadata, &env->seg, &self->mask));
	ASSERT_EQ(0, cgroup_write(&env->group, "memory.max", "max"));
	close(disk);
}

static int swapoff_without(struct swap_env *env, const struct nodemask *mask)
{
	pid_t child = fork();

	if (child == 0) {
		if (join_cpuset_without(env, mask))
			_exit(100);
		_exit(swapoff(env->swap.path) ? errno : 0);
	}
	return wait_for(child);
}

/* swapoff() succeeds in a task whose cpuset has no node of the mask. */
TEST_F(pages, swapoff_succeeds_without_a_candidate)
{
	static const int policies[] = {
		MEM_FIRSTREF | MEM_HARDBIND, MEM_FIRSTREF | MEM_SOFTBIND,
		MEM_STRIPE | MEM_HARDBIND, MEM_STRIPE | MEM_SOFTBIND,
		MEM_MOSTFREE | MEM_HARDBIND, MEM_MOSTFREE | MEM_SOFTBIND,
	};
	struct swap_env *env = &self->env;
	int outside;

	ASSERT_EQ(0, create_cpuset(env));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, segment_open(&env->seg, PAGES, policies[i],
					  &env->last));
		write_numbers(&env->seg);
		swap_out(_metadata, &env->group, &env->seg);
		EXPECT_EQ(0, swapoff_without(env, &env->last));
		outside = pages_outside(_metadata, &env->seg, &env->last);
		EXPECT_EQ(PAGES, outside);
		segment_remove(&env->seg);
		ASSERT_EQ(0, swapon(env->swap.path, 0));
	}
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
