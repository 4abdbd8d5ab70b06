// SPDX-License-Identifier: GPL-2.0
/* MEM_WEIGHTED segments whose pages come back from swap. */
#include "swapped.h"
#include "weights.h"

#define ROUNDS	12
#define SKEW	16

FIXTURE(pages)
{
	struct swap_env env;
	int weights[NODES_MAX];
	int count;		/* pages: ROUNDS of the weights */
};

FIXTURE_VARIANT(pages)
{
	int (*on)(struct swap *swap, size_t size);
	int strength;
};

FIXTURE_VARIANT_ADD(pages, disk_hard) {
	.on = swap_to_disk,
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(pages, disk_soft) {
	.on = swap_to_disk,
	.strength = MEM_SOFTBIND,
};

FIXTURE_VARIANT_ADD(pages, zram_soft) {
	.on = swap_to_zram,
	.strength = MEM_SOFTBIND,
};

/*
 * Readahead brings seven more pages with each page that is wanted. If it placed
 * them evenly, the wanted pages could not make up for that.
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

FIXTURE_SETUP(pages)
{
	struct swap_env *env = &self->env;

	REQUIRE("nodes=2");
	env_setup(_metadata, env, variant->on);
	ASSERT_EQ(0, set_skewed_weights(&env->memory));
	self->count = ROUNDS * get_weights(&env->memory, self->weights);
	ASSERT_EQ(0, segment_open(&env->seg, self->count,
				  MEM_WEIGHTED | variant->strength,
				  &env->memory));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
}

FIXTURE_TEARDOWN(pages)
{
	env_teardown(_metadata, &self->env);
	EXPECT_EQ(0, reset_weights(&self->env.memory));
}

static void expect_weights(struct __test_metadata *_metadata,
			   FIXTURE_DATA(pages) * self)
{
	struct swap_env *env = &self->env;
	int nodes[self->count];

	ASSERT_EQ(0, placement(env->seg.addr, self->count, nodes));
	EXPECT_EQ(0, strays(nodes, self->count, &env->memory));
	EXPECT_GE(2, weights_off(nodes, self->count, &env->memory,
				 self->weights));
}

/* Pages that are read in order come back in proportion to the weights. */
TEST_F(pages, pages_read_in_order_return_by_weight)
{
	expect_numbers(_metadata, &self->env.seg);
	expect_weights(_metadata, self);
}

/* Pages that are read at random come back in proportion to the weights. */
TEST_F(pages, pages_read_at_random_return_by_weight)
{
	struct swap_env *env = &self->env;

	/* each page is read once, or was read ahead with another */
	for (int page = 0; page < self->count; page++)
		read_page(env->seg.addr, page * 7919UL % self->count);
	expect_numbers(_metadata, &env->seg);
	expect_weights(_metadata, self);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
