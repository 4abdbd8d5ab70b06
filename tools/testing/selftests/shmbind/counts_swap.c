// SPDX-License-Identifier: GPL-2.0
/* The counter of failures, for pages that are in swap. */
#include "caller.h"
#include "counted.h"
#include "swapped.h"

#define TRIES	4

FIXTURE(pages)
{
	struct swap_env env;
};

FIXTURE_VARIANT(pages)
{
	int (*on)(struct swap *swap, size_t size);
	int strength;
};

FIXTURE_VARIANT_ADD(pages, disk_hard)
{
	.on = swap_to_disk,
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(pages, disk_mask)
{
	.on = swap_to_disk,
	.strength = MEM_MASKBIND,
};

FIXTURE_VARIANT_ADD(pages, zram_hard)
{
	.on = swap_to_zram,
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(pages, zram_mask)
{
	.on = swap_to_zram,
	.strength = MEM_MASKBIND,
};

FIXTURE_SETUP(pages)
{
	REQUIRE("nodes=2");
	env_setup(_metadata, &self->env, variant->on);
}

FIXTURE_TEARDOWN(pages)
{
	env_teardown(_metadata, &self->env);
}

/* Each swap-in by a task whose cpuset has no node of the mask is a failure. */
TEST_F(pages, swap_in_without_candidate_is_counted)
{
	struct swap_env *env = &self->env;
	struct counts counts;
	pid_t child;

	ASSERT_EQ(0, create_cpuset(env));
	ASSERT_EQ(0, segment_open(&env->seg, PAGES, variant->strength,
				  &env->last));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	child = fork();
	if (child == 0) {
		if (join_cpuset_without(env, &env->last))
			_exit(100);
		for (int page = 0; page < TRIES; page++)
			if (populate(&env->seg, page) != EFAULT)
				_exit(page + 1);
		_exit(0);
	}
	EXPECT_EQ(0, wait_for(child));
	counts = counts_of(env->seg.id);
	EXPECT_EQ(TRIES, counts.failed);
	EXPECT_EQ(0, counts.fallback);
	expect_numbers(_metadata, &env->seg);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
