// SPDX-License-Identifier: GPL-2.0
/* Pages of MEM_MASKBIND segments that come back from swap. */
#include "swapped.h"

#define SPARE	512	/* pages that a full node gets back */

FIXTURE(pages)
{
	struct swap_env env;
	struct segment more;	/* memory taken from the other node */
	struct nodemask mask;
	int victim, other;
};

FIXTURE_VARIANT(pages)
{
	int (*on)(struct swap *swap, size_t size);
};

FIXTURE_VARIANT_ADD(pages, disk)	{ .on = swap_to_disk };
FIXTURE_VARIANT_ADD(pages, zram)	{ .on = swap_to_zram };

FIXTURE_SETUP(pages)
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

FIXTURE_TEARDOWN(pages)
{
	segment_detach(&self->more);
	env_teardown(_metadata, &self->env);
}

/* Pages that find their node full come back to the other node of the mask. */
TEST_F(pages, full_node_passes_pages_in_the_mask)
{
	struct swap_env *env = &self->env;

	expect_numbers(_metadata, &env->seg);
	expect_all_on(_metadata, &env->seg, &self->mask);
}

/* With a full mask, reading a page is EFAULT until one node has room. */
TEST_F(pages, full_mask_is_efault_until_it_has_room)
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

/* With a full mask, swapoff() succeeds and puts pages elsewhere. */
TEST_F(pages, swapoff_leaves_a_full_mask)
{
	struct swap_env *env = &self->env;

	ASSERT_LT(0, fill_node_locked(&self->more, self->other));
	EXPECT_EQ(0, swapoff(env->swap.path));
	expect_numbers(_metadata, &env->seg);
}

/*
 * Pages that another segment's readahead has put outside the mask are moved
 * into it.
 */
TEST_F(pages, pages_read_ahead_outside_are_moved)
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
