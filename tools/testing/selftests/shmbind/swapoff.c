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
	struct scene scene;
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
	set_scene(_metadata, &self->scene, variant->on);
	self->mask = nodes_of(victim_node());
}

FIXTURE_TEARDOWN(swapoff)
{
	write_file(THP_DIR "shmem_enabled", "never");
	clear_scene(_metadata, &self->scene);
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
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, segment_open(&scene->seg, PAGES, MEM_HARDBIND,
				  &scene->first));
	ASSERT_EQ(0, segment_open(&scene->other, PAGES, MEM_HARDBIND,
				  &scene->last));
	swap_out_side_by_side(_metadata, scene);
	ASSERT_EQ(0, swapoff(scene->swap.path));
	EXPECT_EQ(0, pages_outside(_metadata, &scene->seg, &scene->first));
	EXPECT_EQ(0, pages_outside(_metadata, &scene->other, &scene->last));
}

TEST_F(swapoff, keeps_a_stripe_even)
{
	struct scene *scene = &self->scene;
	int nodes[4 * PAGES];

	ASSERT_EQ(0, segment_open(&scene->seg, 4 * PAGES, MEM_STRIPE,
				  &scene->memory));
	write_numbers(&scene->seg);
	swap_out(_metadata, &scene->group, &scene->seg);
	ASSERT_EQ(0, swapoff(scene->swap.path));
	expect_numbers(_metadata, &scene->seg);
	ASSERT_EQ(0, placement(scene->seg.addr, 4 * PAGES, nodes));
	EXPECT_GE(1 + WINDOW, spread(nodes, 4 * PAGES, &scene->memory));
}

TEST_F(swapoff, succeeds_though_the_mask_is_full)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct scene *scene = &self->scene;
	size_t policy = 0;

	/* one after the other, as all of them together */
	for (; policy < ARRAY_SIZE(policies); policy++) {
		ASSERT_EQ(0, segment_open(&scene->seg, PAGES,
					  policies[policy] | MEM_HARDBIND,
					  &self->mask));
		write_numbers(&scene->seg);
		swap_out(_metadata, &scene->group, &scene->seg);
		ASSERT_LT(0, fill_node_locked(&scene->ballast,
					      first_node(&self->mask)));
		ASSERT_EQ(0, swapoff(scene->swap.path));
		EXPECT_LT(0, pages_outside(_metadata, &scene->seg,
					   &self->mask));
		ASSERT_EQ(0, give_back(&scene->ballast));
		segment_remove(&scene->seg);
		ASSERT_EQ(0, swapon(scene->swap.path, 0));
	}
}

TEST_F(swapoff, fills_the_mask_before_it_goes_elsewhere)
{
	struct scene *scene = &self->scene;
	int outside;

	swap_out_of_crowded_node(_metadata, scene, MANY, ROOM, &self->mask);
	ASSERT_EQ(0, swapoff(scene->swap.path));
	outside = pages_outside(_metadata, &scene->seg, &self->mask);
	EXPECT_LT(0, outside);
	EXPECT_LE(ROOM / 4, MANY - outside);
}

/* What it could not have there, a later fault has there. */
TEST_F(swapoff, leaves_the_binding_as_it_is)
{
	struct scene *scene = &self->scene;

	swap_out_of_full_node(_metadata, scene, PAGES, &self->mask);
	ASSERT_EQ(0, swapoff(scene->swap.path));
	EXPECT_LT(0, pages_outside(_metadata, &scene->seg, &self->mask));
	ASSERT_EQ(0, give_back(&scene->ballast));
	ASSERT_EQ(0, swapon(scene->swap.path, 0));
	swap_out(_metadata, &scene->group, &scene->seg);
	EXPECT_EQ(PAGES, try_touch_pages(scene->seg.addr, PAGES));
	expect_all_on(_metadata, &scene->seg, &self->mask);
}

/* A page that is in memory already, but outside the mask. */
TEST_F(swapoff, keeps_what_was_read_ahead_elsewhere)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, segment_open(&scene->seg, PAGES, MEM_HARDBIND,
				  &self->mask));
	ASSERT_EQ(0, segment_open(&scene->other, PAGES, MEM_HARDBIND,
				  &scene->first));
	swap_out_side_by_side(_metadata, scene);
	expect_numbers(_metadata, &scene->other);
	ASSERT_LT(0, fill_node_locked(&scene->ballast,
				      first_node(&self->mask)));
	ASSERT_EQ(0, swapoff(scene->swap.path));
	EXPECT_LT(0, pages_outside(_metadata, &scene->seg, &self->mask));
	EXPECT_EQ(0, pages_outside(_metadata, &scene->other, &scene->first));
}

/* Large folios are read whole or page by page, and find room neither way. */
TEST_F(swapoff, succeeds_with_large_folios_too)
{
	struct scene *scene = &self->scene;
	int pages = FOLIO_SIZE / page_size();

	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	open_aligned(_metadata, &scene->seg, pages, MEM_HARDBIND, &self->mask);
	write_numbers(&scene->seg);
	swap_out(_metadata, &scene->group, &scene->seg);
	ASSERT_LT(0, fill_node_locked(&scene->ballast,
				      first_node(&self->mask)));
	ASSERT_EQ(0, swapoff(scene->swap.path));
	EXPECT_LT(0, pages_outside(_metadata, &scene->seg, &self->mask));
}

/*
 * As for an unbound segment: the group gives up what it has of the page cache. The
 * pages are more than the kernel keeps charged in advance.
 */
TEST_F(swapoff, of_a_group_at_its_limit_reclaims)
{
	struct scene *scene = &self->scene;
	char path[LOOP_PATH_MAX], current[128], text[32];
	int disk;

	ASSERT_EQ(0, segment_open(&scene->seg, MANY, MEM_HARDBIND, &self->mask));
	write_numbers(&scene->seg);
	swap_out(_metadata, &scene->group, &scene->seg);
	disk = loop_open(CACHED, O_RDWR, path);
	ASSERT_LT(0, disk);

	snprintf(current, sizeof(current), "%s/memory.current",
		 scene->group.path);
	read_line(current, text, sizeof(text));
	snprintf(text, sizeof(text), "%lu", atol(text) + CACHED / 2);
	ASSERT_EQ(0, cgroup_write(&scene->group, "memory.max", text));
	ASSERT_EQ(0, read_whole(path));
	EXPECT_EQ(0, swapoff(scene->swap.path));
	EXPECT_EQ(0, pages_outside(_metadata, &scene->seg, &self->mask));
	ASSERT_EQ(0, cgroup_write(&scene->group, "memory.max", "max"));
	close(disk);
}

static int swapoff_without(struct scene *scene, const struct nodemask *mask)
{
	pid_t child = fork();

	if (child == 0) {
		if (join_cpuset_without(scene, mask))
			_exit(100);
		_exit(swapoff(scene->swap.path) ? errno : 0);
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
	struct scene *scene = &self->scene;
	int outside;

	snprintf(scene->cpuset.path, sizeof(scene->cpuset.path),
		 CGROUP_ROOT "/shmbind.%d.cpuset", getpid());
	ASSERT_EQ(0, write_file(CGROUP_ROOT "/cgroup.subtree_control",
				"+cpuset"));
	ASSERT_EQ(0, mkdir(scene->cpuset.path, 0700));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, segment_open(&scene->seg, PAGES, policies[i],
					  &scene->last));
		write_numbers(&scene->seg);
		swap_out(_metadata, &scene->group, &scene->seg);
		EXPECT_EQ(0, swapoff_without(scene, &scene->last));
		outside = pages_outside(_metadata, &scene->seg, &scene->last);
		EXPECT_EQ(PAGES, outside);
		segment_remove(&scene->seg);
		ASSERT_EQ(0, swapon(scene->swap.path, 0));
	}
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
