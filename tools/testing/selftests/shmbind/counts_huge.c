// SPDX-License-Identifier: GPL-2.0
/* The counters and the tracepoint for huge pages; counts.c has base pages. */
#include "counted.h"
#include "huge.h"

FIXTURE(counts_huge)
{
	struct huge_env env;
	struct counts before;	/* of the machine */
};

FIXTURE_SETUP(counts_huge)
{
	REQUIRE("nodes=2");
	env_setup(_metadata, &self->env);
	self->before = counts_of_machine();
}

FIXTURE_TEARDOWN(counts_huge)
{
	env_teardown(_metadata, &self->env);
}

/*
 * The segment counts huge pages, the machine base pages. The chosen pool is
 * used up first.
 */
TEST_F(counts_huge, segment_counts_huge_pages)
{
	struct huge_env *env = &self->env;
	int count = SHARE * nodes_weight(&env->memory), elsewhere = 0;
	int from = first_node(&env->cpus), nodes[count];
	int chosen = firstref_node(from, &env->memory);
	struct counts counts;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0, MEM_MASKBIND,
			       &env->memory));
	ASSERT_EQ(0, run_on_node(from));
	ASSERT_EQ(count, touch_all(env->seg.addr, count, nodes));
	for (int i = 0; i < count; i++)
		elsewhere += nodes[i] != chosen;
	counts = counts_of(env->seg.id);
	EXPECT_EQ(count - SHARE, elsewhere);
	EXPECT_EQ(elsewhere, counts.fallback);
	EXPECT_EQ(0, counts.failed);
	counts = counts_of_machine();
	EXPECT_EQ(nth(elsewhere),
		  (size_t)(counts.fallback - self->before.fallback));
	EXPECT_EQ(self->before.failed, counts.failed);
}

/* Each access that gets SIGBUS is counted once. */
TEST_F(counts_huge, every_refused_access_is_a_failure)
{
	struct nodemask victim = nodes_of(self->env.victim);
	struct huge_env *env = &self->env;
	struct counts counts;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, SHARE + 2, 0, MEM_HARDBIND,
			       &victim));
	for (int i = 0; i < SHARE + 2; i++)
		EXPECT_EQ(i < SHARE, try_touch(env->seg.addr, nth(i)));
	counts = counts_of(env->seg.id);
	EXPECT_EQ(0, counts.fallback);
	EXPECT_EQ(2, counts.failed);
	counts = counts_of_machine();
	EXPECT_EQ(self->before.fallback, counts.fallback);
	EXPECT_EQ(2, counts.failed - self->before.failed);
}

/* The event of a huge page has its order and its index in base pages. */
TEST_F(counts_huge, event_has_the_order_of_a_huge_page)
{
	struct huge_env *env = &self->env;
	struct event events[4];

	ASSERT_EQ(0, mount_tracing());
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, 2, 0, MEM_MOSTFREE,
			       &env->memory));
	trace_segment(_metadata, &env->seg);
	touch_page(env->seg.addr, nth(1));
	ASSERT_EQ(1, read_events(events, ARRAY_SIZE(events)));
	stop_tracing();
	EXPECT_EQ(nth(1), events[0].index);
	EXPECT_EQ((unsigned int)__builtin_ctzl(nth(1)), events[0].order);
	EXPECT_STREQ("mostfree", events[0].policy);
	EXPECT_STREQ("soft", events[0].strength);
	EXPECT_EQ(huge_node(env->seg.addr, 1), events[0].nid);
}

TEST_HARNESS_MAIN
