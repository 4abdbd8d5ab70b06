// SPDX-License-Identifier: GPL-2.0
/* MEM_WEIGHTED segments whose pages come back from swap. */
#include "swapped.h"
#include "weights.h"

#define ROUNDS	12
#define SKEW	16

FIXTURE(weighted_swap)
{
	struct scene scene;
	int weights[NODES_MAX];
	int count;		/* pages: ROUNDS of the weights */
};

FIXTURE_VARIANT(weighted_swap)
{
	int (*on)(struct swap *swap, size_t size);
	int strength;
};

FIXTURE_VARIANT_ADD(weighted_swap, disk_hard) {
	.on = swap_to_disk,
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(weighted_swap, disk_soft) {
	.on = swap_to_disk,
	.strength = MEM_SOFTBIND,
};

FIXTURE_VARIANT_ADD(weighted_swap, zram_soft) {
	.on = swap_to_zram,
	.strength = MEM_SOFTBIND,
};

/*
 * Readahead brings seven pages with each that is wanted. Were they placed evenly,
 * the wanted pages alone could not make up for it.
 */
static int set_skewed_weights(const struct nodemask *mask)
{
	int node, last = last_node(mask);

	for (node = -1; next_node(&node, mask);) {
		if (set_weight(node, node == last ? SKEW : 1))
			return -1;
	}
	return 0;
}

FIXTURE_SETUP(weighted_swap)
{
	struct scene *scene = &self->scene;

	REQUIRE("nodes=2");
	set_scene(_metadata, scene, variant->on);
	ASSERT_EQ(0, set_skewed_weights(&scene->memory));
	self->count = ROUNDS * get_weights(&scene->memory, self->weights);
	ASSERT_EQ(0, segment_open(&scene->seg, self->count,
				  MEM_WEIGHTED | variant->strength,
				  &scene->memory));
	write_numbers(&scene->seg);
	swap_out(_metadata, &scene->group, &scene->seg);
}

FIXTURE_TEARDOWN(weighted_swap)
{
	clear_scene(_metadata, &self->scene);
	EXPECT_EQ(0, reset_weights(&self->scene.memory));
}

static void expect_weights(struct __test_metadata *_metadata,
			   FIXTURE_DATA(weighted_swap) * self)
{
	struct scene *scene = &self->scene;
	int nodes[self->count];

	ASSERT_EQ(0, placement(scene->seg.addr, self->count, nodes));
	EXPECT_EQ(0, strays(nodes, self->count, &scene->memory));
	EXPECT_GE(2, weights_off(nodes, self->count, &scene->memory,
				 self->weights));
}

TEST_F(weighted_swap, pages_that_come_back_in_order_follow_the_weights)
{
	expect_numbers(_metadata, &self->scene.seg);
	expect_weights(_metadata, self);
}

TEST_F(weighted_swap, pages_that_come_back_at_random_follow_the_weights)
{
	struct scene *scene = &self->scene;

	/* every page is wanted once, or has come with one that was */
	for (int page = 0; page < self->count; page++)
		read_page(scene->seg.addr, page * 7919UL % self->count);
	expect_numbers(_metadata, &scene->seg);
	expect_weights(_metadata, self);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
