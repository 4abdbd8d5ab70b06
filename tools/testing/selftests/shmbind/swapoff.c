// SPDX-License-Identifier: GPL-2.0
/*
 * swapoff(2), an administrator's move: pages go where their binding says while
 * there is room, elsewhere when there is none, and none of them makes it fail.
 */
#include "swapped.h"
#include "thp.h"

#define MANY	(12 * PAGES)
#define CACHED	(8UL << 20)	/* bytes of a device */
#define ROOM	512	/* pages that a full node gets back */

FIXTURE(swapoff)
{
	struct swap_env env;
	struct nodemask mask;	/* of the node that is filled */
};

FIXTURE_VARIANT(swapoff)
{
	int (*on)(struct swap *swap, size_t size);
};

FIXTURE_VARIANT_ADD(swapoff, disk)	{ .on = swap_to_disk };
FIXTURE_VARIANT_ADD(swapoff, zram)	{ .on = swap_to_zram };
FIXTURE_VARIANT_ADD(swapoff, zswap)	{ .on = swap_to_zswap };

FIXTURE_SETUP(swapoff)
{
	REQUIRE("nodes=2");
	env_setup(_metadata, &self->env, variant->on);
	self->mask = nodes_of(victim_node());
}

FIXTURE_TEARDOWN(swapoff)
{
	write_file(THP_DIR "shmem_enabled", "never");
	env_teardown(_metadata, &self->env);
}

/* Has all of a block device in the page cache. */
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
	/* mapped, to be seen; and this moves none of them */
	expect_numbers(_metadata, seg);
	ASSERT_EQ(0, placement(seg->addr, pages, nodes));
	return strays(nodes, pages, mask);
}

TEST_F(swapoff, brings_pages_back_to_the_mask)
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

TEST_F(swapoff, keeps_a_stripe_even)
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

TEST_F(swapoff, succeeds_though_the_mask_is_full)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct swap_env *env = &self->env;
	size_t policy = 0;

	/* one after the other, as all of them together */
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

TEST_F(swapoff, fills_the_mask_before_it_goes_elsewhere)
{
	struct swap_env *env = &self->env;
	int outside;

	swap_out_of_crowded_node(_metadata, env, MANY, ROOM, &self->mask);
	ASSERT_EQ(0, swapoff(env->swap.path));
	outside = pages_outside(_metadata, &env->seg, &self->mask);
	EXPECT_LT(0, outside);
	EXPECT_LE(ROOM / 4, MANY - outside);
}

/* What it could not have there, a later fault has there. */
TEST_F(swapoff, leaves_the_binding_as_it_is)
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

/* A page that is in memory already, but outside the mask. */
TEST_F(swapoff, keeps_what_was_read_ahead_elsewhere)
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

/* Large folios are read whole or page by page, and find room neither way. */
TEST_F(swapoff, succeeds_with_large_folios_too)
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
 * As for an unbound segment: the group gives up what it has of the page cache. The
 * pages are more than the kernel keeps charged in advance.
 */
TEST_F(swapoff, of_a_group_at_its_limit_reclaims)
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

/* The mask's nodes have room, but not for who turns swap off. */
TEST_F(swapoff, succeeds_in_a_cpuset_without_the_mask)
{
	static const int policies[] = {
		MEM_FIRSTREF | MEM_HARDBIND, MEM_FIRSTREF | MEM_SOFTBIND,
		MEM_STRIPE | MEM_HARDBIND, MEM_STRIPE | MEM_SOFTBIND,
		MEM_MOSTFREE | MEM_HARDBIND, MEM_MOSTFREE | MEM_SOFTBIND,
	};
	struct swap_env *env = &self->env;
	int outside;

	snprintf(env->cpuset.path, sizeof(env->cpuset.path),
		 CGROUP_ROOT "/shmbind.%d.cpuset", getpid());
	ASSERT_EQ(0, write_file(CGROUP_ROOT "/cgroup.subtree_control",
				"+cpuset"));
	ASSERT_EQ(0, mkdir(env->cpuset.path, 0700));
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
