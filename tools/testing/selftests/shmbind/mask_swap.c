// SPDX-License-Identifier: GPL-2.0
/* Pages of MEM_MASKBIND segments that come back from swap. */
#include "swapped.h"

#define SPARE	512	/* pages that a full node gets back */

FIXTURE(mask_swap)
{
	struct swap_env env;
	struct segment more;	/* what is taken off the other node */
	struct nodemask mask;
	int victim, other;
};

FIXTURE_VARIANT(mask_swap)
{
	int (*on)(struct swap *swap, size_t size);
};

FIXTURE_VARIANT_ADD(mask_swap, disk)	{ .on = swap_to_disk };
FIXTURE_VARIANT_ADD(mask_swap, zram)	{ .on = swap_to_zram };

FIXTURE_SETUP(mask_swap)
{
	struct swap_env *env = &self->env;
	struct nodemask rest;

	REQUIRE("nodes=3");
	env_setup(_metadata, env, variant->on);
	self->victim = victim_node();
	rest = nodes_andnot(env->memory, nodes_of(self->victim));
	self->other = last_node(&rest);
	self->mask = nodes_of(self->victim);
	node_set(self->other, &self->mask);
	ASSERT_EQ(0, segment_open(&env->seg, PAGES, MEM_STRIPE | MEM_MASKBIND,
				  &self->mask));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	ASSERT_LT(0, fill_node_locked(&env->ballast, self->victim));
}

FIXTURE_TEARDOWN(mask_swap)
{
	segment_detach(&self->more);
	env_teardown(_metadata, &self->env);
}

TEST_F(mask_swap, a_full_node_passes_its_pages_on_in_the_mask)
{
	struct swap_env *env = &self->env;

	expect_numbers(_metadata, &env->seg);
	expect_all_on(_metadata, &env->seg, &self->mask);
}

TEST_F(mask_swap, a_full_mask_is_efault_until_it_has_room)
{
	struct swap_env *env = &self->env;
	long taken = fill_node_locked(&self->more, self->other);
	int err = 0;

	ASSERT_LT(0, taken);
	for (int page = 0; page < PAGES && !err; page++)
		err = populate(&env->seg, page);
	EXPECT_EQ(EFAULT, err);

	ASSERT_EQ(0, give_back_some(&self->more, taken, SPARE));
	expect_numbers(_metadata, &env->seg);
	expect_all_on(_metadata, &env->seg, &self->mask);
}

TEST_F(mask_swap, swapoff_takes_pages_elsewhere_if_the_mask_is_full)
{
	struct swap_env *env = &self->env;

	ASSERT_LT(0, fill_node_locked(&self->more, self->other));
	EXPECT_EQ(0, swapoff(env->swap.path));
	expect_numbers(_metadata, &env->seg);
}

/* By the readahead of a segment that is bound elsewhere. */
TEST_F(mask_swap, what_was_read_ahead_outside_the_mask_is_moved_into_it)
{
	struct swap_env *env = &self->env;

	segment_detach(&env->ballast);
	expect_numbers(_metadata, &env->seg);
	ASSERT_EQ(0, segment_open(&env->other, PAGES, MEM_HARDBIND,
				  &env->first));
	swap_out_side_by_side(_metadata, env);
	expect_numbers(_metadata, &env->other);
	expect_numbers(_metadata, &env->seg);
	expect_all_on(_metadata, &env->seg, &self->mask);
	expect_all_on(_metadata, &env->other, &env->first);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
